#!/usr/bin/env bash
# Back up every day at BACKUP_AT (02:30, UTC), for as long as this runs. What was missed, as by a machine that was off,
# is made up for at once; what failed is tried again after BACKUP_RETRY_S (15 minutes). Settings: common.sh.
#
#   schedule.sh           until SIGTERM
#   schedule.sh --next    only say when the next one is due
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
PROGRAM=schedule
# shellcheck source=deploy/backup/common.sh
. "$here/common.sh"

LONGEST_SLEEP_S=3600 # looks at the clock again: it may have been set, or the machine been asleep
DAY_S=86400
FIRST_RETRY_S=2

read_settings
whole_number BACKUP_RETRY_S 900 1 "$DAY_S"
BACKUP_AT=${BACKUP_AT:-02:30}
[[ $BACKUP_AT =~ ^([01][0-9]|2[0-3]):[0-5][0-9]$ ]] || fail "$WRONG_USE" "BACKUP_AT is a time such as 02:30, not '$BACKUP_AT'"
at_s=$((10#${BACKUP_AT%:*} * 3600 + 10#${BACKUP_AT#*:} * 60))

next_due() { # the first BACKUP_AT after the newest backup; without any: now
    local last
    last=$(dumps_until "vtp_db-$(date -u +%Y%m%dT%H%M%SZ).dump" | sed -n 1p)
    [[ $last =~ ^vtp_db-(....)(..)(..)T(..)(..)(..)Z ]] || { date +%s && return; }
    set -- "${BASH_REMATCH[@]:1}"
    last=$(date -u -d "$1-$2-$3 $4:$5:$6" +%s)
    echo $(((last - at_s) / DAY_S * DAY_S + at_s + DAY_S))
}

case ${1:-} in
'') ;;
--next) date -u -d "@$(next_due)" +%Y-%m-%dT%H:%M:%SZ && exit ;;
*) fail "$WRONG_USE" "call it as schedule.sh or schedule.sh --next" ;;
esac
trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true; exit 0' TERM INT
retry_s=$FIRST_RETRY_S
while true; do
    wait_s=$(($(next_due) - $(date +%s)))
    if [ "$wait_s" -le 0 ]; then
        run "$here/backup.sh" && retry_s=$FIRST_RETRY_S && continue
        wait_s=$((retry_s < BACKUP_RETRY_S ? retry_s : BACKUP_RETRY_S))
        retry_s=$((wait_s * 2))
    fi
    run sleep "$((wait_s < LONGEST_SLEEP_S ? wait_s : LONGEST_SLEEP_S))"
done
