#!/bin/sh
# Install into .venv what a lock file lists: scripts/install.sh requirements.txt
# Needs Python 3.11 to 3.13 with venv, and a package index; both problems are told in one line.
set -eu

lock=$1
venv=.venv

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

is_suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_suitable "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.11, 3.12 or 3.13; name another one"
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if is_suitable "$candidate"; then printf '%s' "$candidate"; return; fi
    done
    fail "Flocon needs Python 3.11, 3.12 or 3.13, and none is on PATH: install one, or name it with make PYTHON=/path/to/python3.12"
}

if [ ! -x "$venv/bin/python" ] || ! is_suitable "$venv/bin/python"; then
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module: install it (Debian and Ubuntu: apt install python3-venv) and run make again"
    say "creating $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1
if ! "$venv/bin/python" -m pip install --quiet --require-hashes -r requirements-uv.txt; then
    fail "uv could not be installed; is the package index reachable? pip says why above"
fi

# uv does not read pip's configuration: hand on which index to use, where one is set.
index=$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)
index=${PIP_INDEX_URL:-$index}
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then
    export UV_DEFAULT_INDEX="$index"
fi
if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then
    export SSL_CERT_FILE="$PIP_CERT"
fi

say "installing $lock into $venv"
uv="$venv/bin/uv pip install --quiet --python $venv/bin/python"
# Compiled now, once and on all cores, rather than by four Airflow processes at their first start.
$uv --compile-bytecode --require-hashes -r "$lock"
$uv --no-deps --no-build-isolation --editable .
