# Sourced by the scripts that make servers for the tests: builds a program with Go from its checksummed module, and keeps
# what was made in $XDG_CACHE_HOME/flocon (default ~/.cache/flocon).

cache=${XDG_CACHE_HOME:-$HOME/.cache}/flocon

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# once <path> <command...>: runs the command, which makes "$scratch/made", unless <path> is there; then that is <path>.
once() {
    [ ! -e "$1" ] || return 0
    mkdir -p "$(dirname "$1")"
    scratch=$(mktemp -d "$(dirname "$1")/.making-XXXXXX")
    trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    made=$1
    shift
    "$@"
    [ -e "$made" ] || mv "$scratch/made" "$made" # whole or not there; another run may have been faster
}

# go_source <module> <version> <checksum>: the module's files, in "$scratch/source".
go_source() {
    command -v go >/dev/null || fail "building $1 needs Go 1.24 or newer on PATH: https://go.dev/dl"
    say "building $1 $2 with Go, once: some minutes"
    # Not `go install …@version`: that asks for the list of all versions, which some module proxies refuse.
    about=$(cd "$scratch" && go mod download -json "$1@$2") ||
        fail "the module $1@$2 could not be downloaded; is GOPROXY reachable? $(go_field Error)"
    [ "$(go_field Sum)" = "$3" ] || fail "the module $1@$2 has another checksum than $3: $(go_field Sum)"
    cp -R "$(go_field Dir)" "$scratch/source"
    chmod -R u+w "$scratch/source"
}

go_field() { printf '%s\n' "$about" | sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",*$/\1/p"; }

# go_build <package> [<linker flags>]: the program, as "$scratch/made".
go_build() {
    (cd "$scratch/source" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "${2:-}" -o "$scratch/made" "$1") ||
        fail "it could not be built; Go says why above"
}
