#!/bin/sh
# Make a MongoDB server for the tests, once, and print the path of its program: scripts/mongo-server.sh ferretdb|secantusdb
#   ferretdb    FerretDB 1 on SQLite, built by Go from its checksummed module. It has no decimals (Decimal128).
#   secantusdb  SecantusDB, MongoDB's protocol and storage engine, from wheels with checksums; it has decimals. Its program is
#               the Python that has it: -c "from secantus.cli import main; main()"
# A `mongod` on PATH needs no script. Kept in $XDG_CACHE_HOME/flocon (default ~/.cache/flocon); exits 1 saying why not.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/go-server.sh"

# As Go's own checksum database has it, here as well for those who have switched that off.
ferretdb=v1.24.2
ferretdb_sum="h1:trrUU0LbmusMbyubhPS1IELncvrIwKrsRT2LW1UUWCw="

make_ferretdb() {
    go_source github.com/FerretDB/FerretDB "$ferretdb" "$ferretdb_sum"
    printf '%s\n' "$ferretdb" >"$scratch/source/build/version/version.txt" # it does not start without
    go_build ./cmd/ferretdb
}

make_secantusdb() {
    python=${PYTHON:-python3}
    say "installing SecantusDB for $python, once"
    "$python" -m venv "$scratch/made" || fail "$python has no venv module: install it (Debian: apt install python3-venv)"
    "$scratch/made/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        --require-hashes -r "$here/mongo-server.txt" || fail "SecantusDB could not be installed; pip says why above"
}

case ${1:-} in
    ferretdb) made=$cache/mongo-servers/ferretdb-$ferretdb program=$made ;;
    secantusdb)
        version=$("${PYTHON:-python3}" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        made=$cache/mongo-servers/secantusdb-$(cksum <"$here/mongo-server.txt" | cut -d ' ' -f 1)-python$version
        program="$made/bin/python"
        ;;
    *) fail "usage: scripts/mongo-server.sh ferretdb|secantusdb" ;;
esac

once "$made" "make_$1"
printf '%s\n' "$program"
