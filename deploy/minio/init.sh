#!/bin/sh
# Make the lake's user on MinIO, which may use the lake's buckets and administer nothing (policy.json). Can always run
# again: password and policy are then those of now. Runs in MinIO's image, which has sh, coreutils and mc.
#   MINIO_URL                                               address of the server
#   FLOCON_S3_ADMIN_ACCESS_KEY, FLOCON_S3_ADMIN_SECRET_KEY  its root
#   FLOCON_S3_ACCESS_KEY, FLOCON_S3_SECRET_KEY              the user to make
#   FLOCON_S3_BUCKET_PREFIX                                 what the buckets' names start with, if anything
# Secrets reach mc through its standard input: `ps` shows commands to everybody.
set -eu

policy=${FLOCON_S3_BUCKET_PREFIX:-}flocon-lake
patience_s=120

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

for name in MINIO_URL FLOCON_S3_ADMIN_ACCESS_KEY FLOCON_S3_ADMIN_SECRET_KEY FLOCON_S3_ACCESS_KEY FLOCON_S3_SECRET_KEY; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || fail "$name is not set; \`make env\` writes the secrets into .env"
    case $name in
        *_SECRET_KEY) [ ${#value} -ge 8 ] || fail "$name is too short: MinIO wants eight characters" ;; # mc would show it
    esac
done
[ "$FLOCON_S3_ACCESS_KEY" != "$FLOCON_S3_ADMIN_ACCESS_KEY" ] ||
    fail "FLOCON_S3_ACCESS_KEY is the administrator's: the lake's user must be another one"

umask 077
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
export MC_CONFIG_DIR="$scratch/mc" MC_HOST_server="$MINIO_URL"

# `mc ready` asks until the server answers.
timeout "$patience_s" mc ready server || fail "MinIO at $MINIO_URL is not ready after $patience_s s; its log says why"
unset MC_HOST_server

printf '%s\n%s\n' "$FLOCON_S3_ADMIN_ACCESS_KEY" "$FLOCON_S3_ADMIN_SECRET_KEY" | mc alias set root "$MINIO_URL" >/dev/null ||
    fail "MinIO at $MINIO_URL refuses FLOCON_S3_ADMIN_ACCESS_KEY and its secret key"

# policy.json names the buckets without a prefix, as in arn:aws:s3:::bronze
while IFS= read -r line; do
    case $line in
        *:::*) printf '%s\n' "${line%%:::*}:::${FLOCON_S3_BUCKET_PREFIX:-}${line#*:::}" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <"$(dirname "$0")/policy.json" >"$scratch/policy.json"

mc admin policy create root "$policy" "$scratch/policy.json" >/dev/null || fail "the policy $policy could not be stored"
printf '%s\n%s\n' "$FLOCON_S3_ACCESS_KEY" "$FLOCON_S3_SECRET_KEY" | mc admin user add root >/dev/null ||
    fail "the user of FLOCON_S3_ACCESS_KEY could not be made; mc says why above"
mc admin policy attach root "$policy" --user "$FLOCON_S3_ACCESS_KEY" >/dev/null ||
    fail "the policy $policy could not be given to the user of FLOCON_S3_ACCESS_KEY"
printf 'the user of FLOCON_S3_ACCESS_KEY may use the buckets of the lake, and nothing else\n'
