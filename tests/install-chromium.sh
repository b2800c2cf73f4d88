#!/usr/bin/env bash
# Make sure that there is a Chromium for the browser tests, where that can be done without asking.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "No Chromium: THE BROWSER TESTS WILL BE SKIPPED. On Debian: sudo apt-get install chromium" >&2
