#!/bin/sh
# Write the lock files out of setup.py, for Python 3.11 to 3.13 and every platform.
# They name versions and hashes, and neither an index nor this machine.
set -eu

compile() {
    .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"
}

header() {
    printf '# Written by `make lock`. Direct dependencies and their bounds are in setup.py.\n'
    cat "$1"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM

echo 'uv' | compile - --output-file "$scratch/uv.txt"
compile setup.py --output-file "$scratch/base.txt"
compile setup.py --extra dev --constraint "$scratch/base.txt" --output-file "$scratch/dev.txt"

header "$scratch/uv.txt" >requirements-uv.txt
header "$scratch/base.txt" >requirements.txt
header "$scratch/dev.txt" >requirements-dev.txt
wc -l requirements*.txt
