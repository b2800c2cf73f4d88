#!/usr/bin/env bash
# Unpack programs that only tests need from Debian's packages below .venv/debian: nothing is installed, no service of
# theirs starts. debian-tools.sh PACKAGE...; where that cannot be, it says so and ends with 1.
set -eu
cd "$(dirname "$0")/.."
root=$PWD/.venv/debian
missing=()
for package in "$@"; do [ -e "$root/.have-$package" ] || missing+=("$package"); done
[ ${#missing[@]} -gt 0 ] || exit 0
fetch() {
    mkdir -p "$root/archives/partial"
    apt-get install -y -qq --no-install-recommends --download-only --reinstall -o Debug::NoLocking=true \
        -o Dir::Cache::archives="$root/archives" -o APT::Sandbox::User=root "${missing[@]}" >/dev/null
}
if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
    echo "Fetching ${missing[*]} for the tests ..."
    # The lists of packages may be old or missing; only root may renew them.
    if fetch 2>/dev/null || { [ "$(id -u)" = 0 ] && apt-get update -qq && fetch; }; then
        for file in "$root"/archives/*.deb; do dpkg -x "$file" "$root"; done
        rm -rf "$root/archives"
        for package in "${missing[@]}"; do touch "$root/.have-$package"; done
        exit 0
    fi
fi
echo "No ${missing[*]} from Debian's packages: THE TESTS THAT NEED THEM WILL BE SKIPPED." >&2
exit 1
