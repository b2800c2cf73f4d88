# shellcheck shell=bash
# What the backup's scripts share: settings, the way to the database, one line a run. Sourced by each of them.
#
#   PGHOST, PGPORT, PGUSER, PGDATABASE (vtp_db), PGPASSWORD or PGPASSWORD_FILE   the database, by libpq's own names
#   BACKUP_DIR (backups)                     where the dumps lie
#   BACKUP_KEY_FILE                          the file with JWT_SECRET; saved with each dump, put back by a restore
#   BACKUP_METRICS_FILE                      for a textfile collector (BACKUP_DIR/vtp_backup.prom)
#   BACKUP_KEEP_LAST (3), BACKUP_KEEP_DAILY (7), BACKUP_KEEP_WEEKLY (4), BACKUP_KEEP_MONTHLY (6)
#
# Exit status: 0 done, 1 failed, 2 wrong setting or call, 3 another backup or restore is running.

umask 077 # a dump holds password hashes, and the key beside it opens second factors

FAILED=1 WRONG_USE=2 BUSY=3
MAX_KEPT=1000            # of each kind: enough for years, and a typing error cannot ask for the impossible
export PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10}

say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }

fail() { # fail STATUS SENTENCE
    say "$PROGRAM failed: $2" >&2
    exit "$1"
}

whole_number() { # whole_number NAME DEFAULT LEAST MOST: sets NAME
    local value=${!1:-$2}
    case $value in
    '' | *[!0-9]*) fail "$WRONG_USE" "$1 must be a whole number from $3 to $4, not '$value'" ;;
    esac
    { [ "${#value}" -le 9 ] && [ "$((10#$value))" -ge "$3" ] && [ "$((10#$value))" -le "$4" ]; } ||
        fail "$WRONG_USE" "$1 must be from $3 to $4, not $value"
    printf -v "$1" '%s' "$((10#$value))"
}

read_settings() {
    export PGDATABASE=${PGDATABASE:-vtp_db}
    BACKUP_DIR=${BACKUP_DIR:-backups}
    BACKUP_METRICS_FILE=${BACKUP_METRICS_FILE:-$BACKUP_DIR/vtp_backup.prom}
    BACKUP_KEY_FILE=${BACKUP_KEY_FILE:-}
    case $PGDATABASE in
    '' | *[!A-Za-z0-9_-]*) fail "$WRONG_USE" "PGDATABASE is a name of letters, digits, _ and -, not '$PGDATABASE'" ;;
    esac
    whole_number BACKUP_KEEP_LAST 3 1 "$MAX_KEPT" # at least the newest always stays
    whole_number BACKUP_KEEP_DAILY 7 0 "$MAX_KEPT"
    whole_number BACKUP_KEEP_WEEKLY 4 0 "$MAX_KEPT"
    whole_number BACKUP_KEEP_MONTHLY 6 0 "$MAX_KEPT"
    if [ -n "${PGPASSWORD_FILE:-}" ]; then
        [ -z "${PGPASSWORD:-}" ] || fail "$WRONG_USE" "PGPASSWORD and PGPASSWORD_FILE are both set: set one"
        PGPASSWORD=$(cat -- "$PGPASSWORD_FILE") || fail "$WRONG_USE" "PGPASSWORD_FILE $PGPASSWORD_FILE cannot be read"
        export PGPASSWORD
    fi
}

take_lock() { # the kernel drops it with the process, however that ends
    mkdir -p -- "$BACKUP_DIR" || fail "$FAILED" "cannot make $BACKUP_DIR"
    command -v flock >/dev/null || fail "$FAILED" "there is no flock on the PATH (util-linux; brew install flock)"
    exec 9>"$BACKUP_DIR/.lock" || fail "$FAILED" "cannot write in $BACKUP_DIR"
    flock -n 9 || fail "$BUSY" "another backup or restore is running in $BACKUP_DIR"
}

checksum() { # prints the SHA-256 of a file
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

to_disk() { sync -- "$@" 2>/dev/null || sync; } # not every system's sync takes names

dumps() { # names of all complete dumps, the newest first
    local file
    for file in "$BACKUP_DIR"/vtp_db-*.dump; do
        file=${file##*/}
        if [[ $file =~ ^vtp_db-[0-9]{8}T[0-9]{6}Z\.dump$ ]]; then printf '%s\n' "$file"; fi
    done | sort -r
}

dumps_until() { # the same without later ones than NAME, which a clock has left behind that was ahead
    dumps | awk -v until="$1" '$0 <= until'
}

# Runs a program so that a signal to this script ends it at once, and not only when the program is through.
child=
run() {
    "$@" &
    child=$!
    wait "$child" && child= && return
    local status=$?
    child=
    return "$status"
}
