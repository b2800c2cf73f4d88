#!/usr/bin/env bash
# Back the database up: a dump in PostgreSQL's custom format, looked through before it gets its name, with its
# SHA-256 and the key that opens second factors beside it. Then old ones go (retention.awk). Settings: common.sh.
#
#   backup.sh          make one now
#   backup.sh --check  is the newest dump younger than BACKUP_MAX_AGE_S (26 hours)? For health checks.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
PROGRAM=backup
# shellcheck source=deploy/backup/common.sh
. "$here/common.sh"

CLOCK_SLACK_S=300  # clocks are set back by a little now and then
LOCK_WAIT_MS=60000 # a migration may hold a table; longer than this something else is wrong

check() {
    local newest stamp age
    whole_number BACKUP_MAX_AGE_S 93600 1 31622400
    newest=$(dumps | sed -n 1p)
    [ -n "$newest" ] || fail "$FAILED" "there is no backup in $BACKUP_DIR"
    stamp=$(awk '$1 == "vtp_backup_last_success_timestamp_seconds" { print $2 }' "$BACKUP_METRICS_FILE") ||
        fail "$FAILED" "$BACKUP_METRICS_FILE cannot be read"
    age=$(($(date +%s) - ${stamp:-0}))
    [ "$age" -ge "-$CLOCK_SLACK_S" ] || fail "$FAILED" \
        "the newest backup lies ahead of this machine's clock by $((-age)) s; set the clock and make another"
    [ "$age" -le "$BACKUP_MAX_AGE_S" ] || fail "$FAILED" "the newest backup is $age s old, the limit is $BACKUP_MAX_AGE_S s"
    say "backup ok: $newest is $age s old"
}

dump() { # to the temporary name; pg_dump itself waits until it is on disk
    run pg_dump --format=custom --no-owner --no-privileges --lock-wait-timeout="$LOCK_WAIT_MS" --file="$part.dump" ||
        fail "$FAILED" "pg_dump ended with $?; the backups that there are stay"
    # The table of contents lies at the front; only reading all of it shows that all of it is there.
    contents=$(pg_restore --list "$part.dump") || fail "$FAILED" "the dump cannot be read back"
    [[ $contents == *' TABLE DATA public users '* ]] ||
        fail "$FAILED" "the dump of $PGDATABASE holds no accounts; the backups that there are stay"
    run pg_restore --file=/dev/null "$part.dump" || fail "$FAILED" "the dump cannot be read back"
}

finish() { # the dump gets its name last: what has that name is complete
    printf '%s  %s\n' "$(checksum "$part.dump")" "$name" >"$part.sha256"
    if [ -n "$BACKUP_KEY_FILE" ]; then
        cp -- "$BACKUP_KEY_FILE" "$part.key" || fail "$FAILED" "BACKUP_KEY_FILE $BACKUP_KEY_FILE cannot be read"
        to_disk "$part.key"
        mv -- "$part.key" "$BACKUP_DIR/${name%.dump}.key"
    fi
    to_disk "$part.sha256"
    mv -- "$part.sha256" "$BACKUP_DIR/$name.sha256"
    mv -- "$part.dump" "$BACKUP_DIR/$name"
    to_disk "$BACKUP_DIR"
}

remove_old() { # reckons from the dump just made
    removed=0
    local old
    while IFS= read -r old; do
        rm -f -- "$BACKUP_DIR/$old" "$BACKUP_DIR/$old.sha256" "$BACKUP_DIR/${old%.dump}.key"
        removed=$((removed + 1))
    done < <(dumps_until "$name" | awk -v last="$BACKUP_KEEP_LAST" -v daily="$BACKUP_KEEP_DAILY" -v weekly="$BACKUP_KEEP_WEEKLY" \
        -v monthly="$BACKUP_KEEP_MONTHLY" -f "$here/retention.awk")
}

write_metrics() { # aside and renamed, so that no collector reads half of it; it may be read by anybody
    (umask 022 && mkdir -p -- "$(dirname -- "$BACKUP_METRICS_FILE")")
    cat >"$BACKUP_METRICS_FILE.part" <<METRICS
# HELP vtp_backup_last_success_timestamp_seconds When the last backup was complete.
# TYPE vtp_backup_last_success_timestamp_seconds gauge
vtp_backup_last_success_timestamp_seconds $(date +%s)
# HELP vtp_backup_last_size_bytes How large the last backup is.
# TYPE vtp_backup_last_size_bytes gauge
vtp_backup_last_size_bytes $size
# HELP vtp_backup_last_duration_seconds How long the last backup took.
# TYPE vtp_backup_last_duration_seconds gauge
vtp_backup_last_duration_seconds $seconds
METRICS
    chmod 644 "$BACKUP_METRICS_FILE.part"
    mv -- "$BACKUP_METRICS_FILE.part" "$BACKUP_METRICS_FILE"
}

backup() {
    local started size seconds
    take_lock
    part=$BACKUP_DIR/.vtp_db.part
    trap 'rm -f -- "$part.dump" "$part.sha256" "$part.key"' EXIT
    trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true; exit 143' TERM INT
    rm -f -- "$part.dump" "$part.sha256" "$part.key" # of one that was killed
    started=$(date +%s)
    name=vtp_db-$(date -u +%Y%m%dT%H%M%SZ).dump
    [ ! -e "$BACKUP_DIR/$name" ] || fail "$BUSY" "there is a backup of this second: $name"
    dump
    finish
    size=$(($(wc -c <"$BACKUP_DIR/$name"))) seconds=$(($(date +%s) - started))
    remove_old
    write_metrics
    say "backup ok: $BACKUP_DIR/$name, $size bytes in $seconds s, removed $removed old, kept $(dumps | wc -l | tr -d ' ')"
}

read_settings
case ${1:-} in
'') backup ;;
--check) check ;;
*) fail "$WRONG_USE" "call it as backup.sh or backup.sh --check" ;;
esac
