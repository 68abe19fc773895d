#!/bin/sh
# Make a MongoDB server for the tests, once, and print the path of its program: scripts/mongo-server.sh ferretdb|secantusdb
#   ferretdb    FerretDB 1 on SQLite, built by Go from its checksummed module. It has no decimals (Decimal128).
#   secantusdb  SecantusDB, MongoDB's protocol and storage engine, from wheels with checksums; it has decimals. Its program is
#               the Python that has it: -c "from secantus.cli import main; main()"
# A `mongod` on PATH needs no script. Kept in $XDG_CACHE_HOME/flocon (default ~/.cache/flocon); exits 1 saying why not.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/flocon/mongo-servers
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# As Go's own checksum database has it, here as well for those who have switched that off.
ferretdb=v1.24.2
ferretdb_sum="h1:trrUU0LbmusMbyubhPS1IELncvrIwKrsRT2LW1UUWCw="

make_ferretdb() {
    command -v go >/dev/null || fail "building FerretDB needs Go 1.24 or newer on PATH: https://go.dev/dl"
    say "building FerretDB $ferretdb with Go, once: a minute or two"
    # Not `go install …@version`: that asks for the list of all versions, which some module proxies refuse.
    about=$(cd "$scratch" && go mod download -json "github.com/FerretDB/FerretDB@$ferretdb") ||
        fail "the module of FerretDB $ferretdb could not be downloaded; is GOPROXY reachable? Go says why above"
    field() { printf '%s\n' "$about" | sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",*$/\1/p"; }
    [ "$(field Sum)" = "$ferretdb_sum" ] || fail "the module of FerretDB $ferretdb has another checksum: $(field Sum)"
    cp -R "$(field Dir)" "$scratch/source"
    chmod -R u+w "$scratch/source"
    printf '%s\n' "$ferretdb" >"$scratch/source/build/version/version.txt" # it does not start without
    (cd "$scratch/source" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$scratch/made" ./cmd/ferretdb) ||
        fail "FerretDB $ferretdb could not be built; Go says why above"
}

make_secantusdb() {
    python=${PYTHON:-python3}
    say "installing SecantusDB for $python, once"
    "$python" -m venv "$scratch/made" || fail "$python has no venv module: install it (Debian: apt install python3-venv)"
    "$scratch/made/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        --require-hashes -r "$here/mongo-server.txt" || fail "SecantusDB could not be installed; pip says why above"
}

case ${1:-} in
    ferretdb) made=$cache/ferretdb-$ferretdb program=$made ;;
    secantusdb)
        version=$("${PYTHON:-python3}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        made=$cache/secantusdb-$(cksum <"$here/mongo-server.txt" | cut -d ' ' -f 1)-python$version
        program="$made/bin/python"
        ;;
    *) fail "usage: scripts/mongo-server.sh ferretdb|secantusdb" ;;
esac

if [ ! -e "$made" ]; then
    mkdir -p "$cache"
    scratch=$(mktemp -d "$cache/.making-XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    "make_$1"
    [ -e "$made" ] || mv "$scratch/made" "$made" # whole or not there; another run may have been faster
fi
printf '%s\n' "$program"
