#!/bin/sh
# SPDX-License-Identifier: MIT
# Install what the build and the tests need and is missing: Debian packages, as root or through sudo. Where neither is
# possible, print the one command to run and stop. Does nothing, quickly, when all is there. With the word fuzz: also
# what `make fuzz` needs.
set -eu

packages='gcc make pkg-config libcjson-dev libzstd-dev libxxhash-dev libexpat1-dev libarchive-dev libsqlite3-dev check libsubunit-dev libsimgrid-dev clang-format zstd'
[ "${1:-}" = fuzz ] && packages="$packages clang libclang-rt-dev"

missing=''
for package in $packages; do
    dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
done
# Another compiler, or gcc from elsewhere, is as good.
if command -v "${CC:-cc}" >/dev/null 2>&1; then
    missing=$(printf '%s' "$missing" | sed 's/ gcc\( \|$\)/\1/')
fi
[ -n "${missing# }" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this is no Debian system; install what these Debian packages hold:$missing" >&2
    exit 3
fi
if [ "$(id -u)" = 0 ]; then
    run=''
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    run='sudo'
else
    echo "setup: packages are missing and this user may not install them. Run as root:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 3
fi
echo "setup: installing$missing" >&2
log=$(mktemp)
if ! { $run apt-get update -qq && $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup: apt-get failed; see above" >&2
    rm -f "$log"
    exit 3
fi
rm -f "$log"
