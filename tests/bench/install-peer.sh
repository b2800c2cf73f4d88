#!/bin/sh
# Installs a server to compare with: install-peer.sh janus. Where that needs rights or a system that we have not, it
# says what to run instead and fails.
set -eu

janus() {
	if command -v janus >/dev/null; then
		return
	fi
	install="apt-get install --no-install-recommends janus"
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "Janus is not installed; on Debian, as root: $install" >&2
		exit 1
	fi
	echo "Installing Janus ..."
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $install -y -qq >/dev/null
	# The package starts a service with its own configuration; the benchmark starts a Janus with another.
	if [ -d /run/systemd/system ]; then
		systemctl disable --quiet --now janus
	else
		service janus stop >/dev/null || true
	fi
}

for peer in "$@"; do
	case "$peer" in
	janus) janus ;;
	*) echo "There is nothing to install for $peer." ;;
	esac
done
