#!/bin/sh
# Make MinIO for the tests, once, and print the path of the program: scripts/minio-server.sh minio|mc
#   minio  the server: the last release of the community edition, which the deployment runs too
#   mc     its client, which makes the users
# Built by Go from their checksummed modules. `minio` and `mc` on PATH need no script. Kept in $XDG_CACHE_HOME/flocon
# (default ~/.cache/flocon); exits 1 saying why not.
set -eu
. "$(dirname "$0")/go-server.sh"

# A release is a commit of these; the versions are Go's names for the commits.
minio=v0.0.0-20250907161309-07c3a429bfed
minio_release=2025-09-07T16-13-09Z
minio_sum="h1:deu0m9BiyqnMbGWfJi1PpVyotSXlDnTmRIme1cUXnxo="

mc=v0.0.0-20250813083541-7394ce0dd2a8
mc_release=2025-08-13T08-35-41Z
mc_sum="h1:9tuRE4iEaDkuxatxe7pddYYh1SX5mT0/D0haofZFeTY="
GONOSUMDB=github.com/minio/mc # Go's own checksum database cannot look this commit up; the sum above holds it
export GONOSUMDB

make_it() { # make_it <module> <version> <checksum> <release>
    go_source "$1" "$2" "$3"
    time=${4%%T*}T$(printf '%s' "${4#*T}" | tr - :)
    go_build . "-s -w -X $1/cmd.ReleaseTag=RELEASE.$4 -X $1/cmd.Version=$time"
}

case ${1:-} in
    minio) made=$cache/minio/minio-$minio_release parts="$minio $minio_sum $minio_release" ;;
    mc) made=$cache/minio/mc-$mc_release parts="$mc $mc_sum $mc_release" ;;
    *) fail "usage: scripts/minio-server.sh minio|mc" ;;
esac
# shellcheck disable=SC2086 # three words
once "$made" make_it "github.com/minio/$1" $parts
printf '%s\n' "$made"
