#!/bin/sh
# Make Docker Compose for the tests, once, and print the path of the program. It reads docker-compose.yml and needs no engine
# for that. Built by Go from its checksummed module; a `docker compose` that works needs no script.
# Kept in $XDG_CACHE_HOME/flocon (default ~/.cache/flocon); exits 1 saying why not.
set -eu
. "$(dirname "$0")/go-server.sh"

module=github.com/docker/compose/v2
version=v2.40.3
sum="h1:XeYkQu1svDtyfZPv5nTwFryQ25ZJMkIlc4pz9HalMPI="

make_it() {
    go_source "$module" "$version" "$sum"
    go_build ./cmd "-s -w -X $module/internal.Version=$version"
}

made=$cache/compose/docker-compose-$version
once "$made" make_it
printf '%s\n' "$made"
