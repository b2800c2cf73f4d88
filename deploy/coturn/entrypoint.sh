#!/bin/sh
# Start coturn: turnserver.conf, what the environment says, and the shared secret from a file, so that it stands on no
# command line and in no environment. Further arguments go to turnserver.
#
#   TURN_PEER_IPS     comma list of the SFUs' announced addresses, the only ones relayed to; required
#   TURN_REALM        any name; the domain of the installation
#   TURN_SECRET_FILE  the backend's TURN_SECRET; default /run/secrets/turn_secret
#   TURN_CERT_FILE, TURN_KEY_FILE   PEM files for TURN over TLS; without them there is none. Read anew when they change.
#                     TURN_CERT_FILE=proxy: what Caddy has got for TURN_REALM, in its storage below TURN_CERTIFICATES
#   TURN_CERTIFICATES default /certificates
#   TURN_RELOAD_S     how often the certificate is looked at, in seconds; default 3600
#   TURN_STATE_DIR    where the finished configuration goes, a tmpfs; default /tmp
set -eu
umask 077
here=$(dirname "$0")
secret_file=${TURN_SECRET_FILE:-/run/secrets/turn_secret}
state=${TURN_STATE_DIR:-/tmp}
conf=$state/turnserver.conf

stop() {
    echo "TURN server not started: $1" >&2
    exit 2
}

# A file that holds the secret, whichever way it ends; never an argument of a program.
secret=$(cat "$secret_file") || stop "TURN_SECRET_FILE=$secret_file cannot be read."
[ "${#secret}" -ge 32 ] || stop "the secret in $secret_file has fewer than 32 characters: openssl rand -base64 48"
case $secret in *[!A-Za-z0-9+/=_-]*) stop "the secret in $secret_file may hold only A-Z a-z 0-9 + / = _ and -" ;; esac
[ -n "${TURN_PEER_IPS:-}" ] || stop "TURN_PEER_IPS is missing: the addresses of the SFUs' RTC_ANNOUNCED_IP."

{
    cat "$here/turnserver.conf"
    echo "static-auth-secret=$secret"
    echo "realm=${TURN_REALM:-vtp}"
    echo "pidfile=$state/turnserver.pid"
    echo "userdb=$state/turndb"
    echo "$TURN_PEER_IPS" | tr ',' '\n' | while read -r address; do
        case $address in
        '') ;;
        *[!0-9A-Fa-f.:]*) stop "TURN_PEER_IPS holds $address, which is no address." ;;
        *) echo "allowed-peer-ip=$address" ;;
        esac
    done
} >"$conf"

# Whoever issues it has a folder of their own in Caddy's storage. At the very first start it is still being issued.
proxys_certificate() {
    name=${TURN_REALM:-vtp}
    for _ in $(seq 60); do
        for TURN_CERT_FILE in "${TURN_CERTIFICATES:-/certificates}"/caddy/certificates/*/"$name/$name.crt"; do
            TURN_KEY_FILE=${TURN_CERT_FILE%.crt}.key
            if [ -r "$TURN_CERT_FILE" ] && [ -r "$TURN_KEY_FILE" ]; then return; fi
        done
        sleep 1
    done
    stop "the proxy has no certificate for $name, or another user may read it alone."
}

if [ "${TURN_CERT_FILE:-}" = proxy ]; then proxys_certificate; fi
if [ -n "${TURN_CERT_FILE:-}" ]; then
    [ -r "$TURN_CERT_FILE" ] || stop "TURN_CERT_FILE=$TURN_CERT_FILE cannot be read."
    [ -r "${TURN_KEY_FILE:-}" ] || stop "TURN_KEY_FILE=${TURN_KEY_FILE:-} cannot be read."
    printf 'cert=%s\npkey=%s\n' "$TURN_CERT_FILE" "$TURN_KEY_FILE" >>"$conf"
    # Certificates live for weeks, relays for as long as a class: a renewed one is taken without a restart.
    server=$$
    (
        seen=$(cksum "$TURN_CERT_FILE")
        while sleep "${TURN_RELOAD_S:-3600}" && kill -0 "$server"; do
            now=$(cksum "$TURN_CERT_FILE") || continue
            if [ "$now" != "$seen" ]; then kill -USR2 "$server" && seen=$now; fi
        done
    ) 2>/dev/null &
else
    echo "no-tls" >>"$conf"
fi
unset secret
# coturn looks for further secrets in a database, which its threads make when they first need it: all at once, and then
# the first clients are refused because it is locked. So it is there, and empty, before.
turnadmin --list --userdb="$state/turndb" >/dev/null || stop "$state/turndb cannot be made."
exec turnserver -c "$conf" "$@"
