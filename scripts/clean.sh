#!/bin/sh
# Remove what can be made again; with --data the servers' data as well. Asks nothing, and refuses while they run.
set -eu

if [ -x .venv/bin/flocon ]; then
    # The command knows where the data is, also when it is not in the project.
    .venv/bin/flocon clean "$@"
elif [ "${1:-}" = --data ] && [ -d .flocon ]; then
    printf 'error: only the installed command knows all places of the data: run make env, then make clean DATA=1\n' >&2
    exit 1
fi
rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build dist src/*.egg-info
find . -name __pycache__ -type d -prune -exec rm -rf {} +
