#!/bin/sh
# Write the lock files, for Python 3.11 to 3.13 and every platform: out of setup.py, and for the images that are without
# Airflow out of requirements-*.in, with the same versions.
# They name versions and hashes, and neither an index nor this machine.
set -eu

compile() {
    .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"
}

header() {
    printf '# Written by `make lock`. Direct dependencies and their bounds are in %s.\n' "$1"
    cat "$2"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM

echo 'uv' | compile - --output-file "$scratch/uv.txt"
compile setup.py --output-file "$scratch/base.txt"
compile setup.py --extra dev --constraint "$scratch/base.txt" --output-file "$scratch/dev.txt"
for image in web notebooks; do
    compile "requirements-$image.in" --constraint "$scratch/base.txt" --output-file "$scratch/$image.txt"
done

header setup.py "$scratch/uv.txt" >requirements-uv.txt
header setup.py "$scratch/base.txt" >requirements.txt
header setup.py "$scratch/dev.txt" >requirements-dev.txt
header requirements-web.in "$scratch/web.txt" >requirements-web.txt
header requirements-notebooks.in "$scratch/notebooks.txt" >requirements-notebooks.txt
wc -l requirements*.txt
