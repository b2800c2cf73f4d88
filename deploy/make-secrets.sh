#!/bin/sh
# Make the secrets that compose.yaml hands to the containers: make-secrets.sh [FOLDER], by default secrets/ beside this.
# A secret that is there already stays as it is, so this may be run again whenever a new one is needed. It says what it
# made, never the values.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/secrets}
mkdir -p "$folder"
# Nobody else on this machine gets into the folder; the files within can be read by all, since each container runs as
# a user of its own and sees only those files that it names.
chmod 700 "$folder"

keep() { # NAME BEFORE BYTES AFTER: random bytes in hexadecimal digits, which need no quoting anywhere
    if [ -e "$folder/$1" ]; then
        echo "kept  $folder/$1"
        return
    fi
    digits=$(openssl rand -hex "$3")
    # Written aside and linked, so that none is ever half there or replaced.
    printf '%s%s%s\n' "$2" "$digits" "$4" >"$folder/.$1.new"
    chmod 444 "$folder/.$1.new"
    ln "$folder/.$1.new" "$folder/$1"
    rm -f "$folder/.$1.new"
    echo "made  $folder/$1"
}

command -v openssl >/dev/null || { echo "openssl is needed: apt-get install openssl" >&2; exit 1; }
keep postgres_password '' 24 ''
# The backend's own role and password: postgres/10-vtp.sh makes the role from this very line.
keep database_url postgresql://vtp: 24 @postgres:5432/vtp_db
keep jwt_secret '' 48 ''
keep sfu_api_token '' 32 ''
keep turn_secret '' 32 ''
# What the backend asks of passwords: an upper, a lower and a digit.
keep admin_password Vtp- 10 -1a
keep grafana_admin_password '' 16 ''
# Yours to fill in, if you want to be told of alerts: alertmanager/alertmanager.yml says how.
for name in alert_webhook_url alert_smtp_password; do
    [ -e "$folder/$name" ] || { : >"$folder/$name" && chmod 444 "$folder/$name" && echo "empty $folder/$name"; }
done

# What else the containers are shown is no secret, and their users have to read it, whatever umask it came here under.
for shown in alertmanager alloy backup caddy coturn grafana loki postgres prometheus; do
    [ ! -d "$here/$shown" ] || find "$here/$shown" ! -perm -444 -exec chmod a+rX {} +
done
