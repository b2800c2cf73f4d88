#!/usr/bin/env bash
# Put a backup back: into a fresh database in one transaction, which then takes the place of the present one at once.
# Nothing is changed before the backup has proven whole, and nothing is thrown away. Settings: common.sh.
#
#   restore.sh [--force] FILE    FILE is a path, or a name in BACKUP_DIR
#
# Stop every backend before and start it after; the SFU may go on. --force takes the place of a database with accounts
# in it, which is kept as vtp_db_before_<time>, and of another signing key, kept as <key file>.before_<time>.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
PROGRAM=restore
# shellcheck source=deploy/backup/common.sh
. "$here/common.sh"

export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning" # what is not there need not be told

MAX_NAME_LENGTH=39 # with _before_<time> it has the 63 bytes at which PostgreSQL cuts names off

sql() { # sql DATABASE < statements: bare values, and the first error ends it
    psql -X -q -A -t -v ON_ERROR_STOP=1 -v db="$PGDATABASE" -v new="$new" -v old="$old" \
        -v owner="${owner:-}" -d "$1"
}

read_call() {
    force=
    if [ "${1:-}" = --force ]; then force=yes && shift; fi
    if [ $# -ne 1 ] || [ -z "$1" ]; then fail "$WRONG_USE" "call it as restore.sh [--force] FILE"; fi
    file=$1
    [ -e "$file" ] || file=$BACKUP_DIR/$1
    [ -f "$file" ] || fail "$WRONG_USE" "there is no backup $1, neither here nor in $BACKUP_DIR"
    [ "${#PGDATABASE}" -le "$MAX_NAME_LENGTH" ] || fail "$WRONG_USE" "PGDATABASE $PGDATABASE has more than \
$MAX_NAME_LENGTH characters, and the database that is replaced would lack room for its new name; rename it first"
    stamp=$(date -u +%Y%m%dT%H%M%SZ)
    new=${PGDATABASE}_restoring old=${PGDATABASE}_before_$stamp
}

verify() {
    local expected made_by server
    [ -f "$file.sha256" ] || fail "$FAILED" "there is no $file.sha256 to check the backup against; nothing was changed"
    expected=$(cut -d ' ' -f 1 "$file.sha256")
    [ "$(checksum "$file")" = "$expected" ] ||
        fail "$FAILED" "$file is damaged: its SHA-256 is not the one of $file.sha256; nothing was changed"
    contents=$(pg_restore --list "$file" 2>&1) ||
        fail "$FAILED" "pg_restore cannot read $file: ${contents##*error: }; nothing was changed"
    made_by=$(sed -n 's/^; *Dumped from database version: \([0-9]*\).*/\1/p' <<<"$contents")
    server=$(psql -X -A -t -d postgres -c 'SHOW server_version_num') ||
        fail "$FAILED" "the database server cannot be reached; nothing was changed"
    [ "${made_by:-0}" -le "$((server / 10000))" ] || fail "$FAILED" \
        "$file was made by PostgreSQL $made_by, and the server is $((server / 10000)), which is older; nothing was changed"
}

# Prints "absent", "empty" (no tables, or no accounts) or "used".
present_state() {
    if [ -z "$(sql postgres <<<"SELECT 1 FROM pg_database WHERE datname = :'db'")" ]; then
        echo absent
    elif [ -z "$(sql "$PGDATABASE" <<<"SELECT 1 WHERE to_regclass('public.users') IS NOT NULL")" ]; then
        if [ -z "$(sql "$PGDATABASE" <<<"SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1")" ]; then
            echo empty
        else echo used; fi
    elif [ -z "$(sql "$PGDATABASE" <<<'SELECT 1 FROM public.users LIMIT 1')" ]; then
        echo empty
    else echo used; fi
}

check_target() {
    local others
    others=$(sql postgres <<<"SELECT count(*) FROM pg_stat_activity WHERE datname = :'db'
        AND backend_type <> 'autovacuum worker'") # which the renaming ends by itself
    [ "$others" = 0 ] || fail "$FAILED" \
        "$others connections to $PGDATABASE are open: stop every backend first; nothing was changed"
    state=$(present_state)
    if [ "$state" = used ] && [ -z "$force" ]; then
        fail "$FAILED" "$PGDATABASE holds data; --force puts the backup in its place and keeps it as $old"
    fi
}

# The key that opens second factors. A backup without one, or no key file here: the operator's to bring.
check_key() {
    key=${file%.dump}.key key_state=none
    if [ ! -f "$key" ] || [ -z "$BACKUP_KEY_FILE" ]; then return; fi
    if [ ! -e "$BACKUP_KEY_FILE" ]; then
        key_state=missing
    elif cmp -s -- "$key" "$BACKUP_KEY_FILE"; then
        key_state=same
    else
        key_state=other
        [ -n "$force" ] || fail "$FAILED" \
            "$BACKUP_KEY_FILE is another key than the backup's, which alone opens its second factors; --force replaces it"
    fi
}

load() { # all or nothing: what fails leaves no database behind
    # shellcheck disable=SC2064 # the names of now
    trap "dropdb --if-exists --maintenance-db=postgres '$new' || true" EXIT
    trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true; exit 143' TERM INT
    sql postgres <<<'DROP DATABASE IF EXISTS :"new"'
    owner=$(sql postgres <<<"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :'db'")
    owner=${owner:-$(sql postgres <<<'SELECT current_user')}
    # Everything belongs to the role that had the database, and nobody else comes in.
    sql postgres <<<'CREATE DATABASE :"new" OWNER :"owner" TEMPLATE template0'
    sql postgres <<<'REVOKE ALL ON DATABASE :"new" FROM PUBLIC'
    run pg_restore --single-transaction --exit-on-error --no-owner --no-privileges --role="$owner" --dbname="$new" "$file" ||
        fail "$FAILED" "pg_restore ended with $?; $PGDATABASE is as it was"
    users=$(sql "$new" <<<'SELECT count(*) FROM public.users')
    version=$(sql "$new" <<<'SELECT coalesce(max(version), 0) FROM public.schema_migrations')
}

swap() { # two renamings in one transaction: there is no moment without a database
    {
        echo 'BEGIN;'
        [ "$state" = absent ] || echo 'ALTER DATABASE :"db" RENAME TO :"old";'
        echo 'ALTER DATABASE :"new" RENAME TO :"db"; COMMIT;'
    } | sql postgres || fail "$FAILED" "$PGDATABASE could not be replaced; it is as it was"
    trap - EXIT
    if [ "$state" = empty ]; then sql postgres <<<'DROP DATABASE :"old"'; fi
}

place_key() {
    case $key_state in missing | other) ;; *) return 0 ;; esac
    if [ "$key_state" = other ]; then
        cp -p -- "$BACKUP_KEY_FILE" "$BACKUP_KEY_FILE.before_$stamp" 2>/dev/null || key_state=not-ours
    fi
    mkdir -p -- "$(dirname -- "$BACKUP_KEY_FILE")" 2>/dev/null || key_state=not-ours
    if [ "$key_state" != not-ours ] && cp -- "$key" "$BACKUP_KEY_FILE" 2>/dev/null; then
        chmod 600 "$BACKUP_KEY_FILE"
        say "restore: the signing key was put back at $BACKUP_KEY_FILE"
    else
        say "restore: COPY $key TO WHERE JWT_SECRET COMES FROM before you start a backend: no other key opens second factors"
    fi
}

tell_next() {
    if [ "$state" = used ]; then
        say "restore: what was there is kept as $old; when nobody wants it back: dropdb --maintenance-db=postgres $old"
    fi
    say "restore ok: $file is $PGDATABASE now, $users accounts, schema version $version. Start the backend; it brings the schema up to date"
}

read_settings
read_call "$@"
take_lock
verify
check_target
check_key
load
swap
place_key
tell_next
