#!/bin/sh
# SPDX-License-Identifier: MIT
# run-suites.sh BUILD: every suite of BUILD/tests/run in a process of its own, as many at once as there are processors. Prints what failed
# whole, then how many checks there were, and which suites took longest. Exit status: 1 where one failed.
set -eu
build=$1
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# These take longest and go first, so that none is left alone at the end.
slow='dma_api sweep draw export world buffers collect reach_oracle'
all=$(sed 's/^SUITE(\(.*\))$/\1/' "$build/tests/suites.h")
for name in $slow; do
    if printf '%s\n' "$all" | grep -qx "$name"; then printf '%s\n' "$name"; fi
done >"$logs/names"
printf '%s\n' "$all" | grep -vxF -f "$logs/names" >>"$logs/names" || true

export IOMMUSIM="$build/iommusim" CK_DEFAULT_TIMEOUT="${CK_DEFAULT_TIMEOUT:-300}" logs build
# shellcheck disable=SC2016 # the inner shell's variables
xargs -P "$(nproc)" -I '{}' sh -c '
    began=$(date +%s)
    if "$build/tests/run" "{}" >"$logs/{}.log" 2>&1; then
        if ! grep -q "^100%: Checks: [1-9]" "$logs/{}.log"; then touch "$logs/{}.failed"; fi
    else
        touch "$logs/{}.failed"
    fi
    echo "$(($(date +%s) - began)) {}" >>"$logs/times"' <"$logs/names"

failed=0
for log in "$logs"/*.log; do
    name=$(basename "$log" .log)
    if [ -e "$logs/$name.failed" ]; then
        failed=$((failed + 1))
        cat "$log"
    fi
done
suites=$(wc -l <"$logs/names")
checks=$(cat "$logs"/*.log | sed -n 's/.*Checks: \([0-9]*\), Failures.*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
printf 'longest: %s\n' "$(sort -rn "$logs/times" | head -n 6 | awk '{ printf "%s%s %d s", (NR > 1 ? ", " : ""), $2, $1 }')"
if [ "$(wc -l <"$logs/times")" -ne "$suites" ]; then
    echo 'FAILED: not every suite was run' >&2
    exit 1
fi
printf '%d suites, %d checks, %d suites failed\n' "$suites" "$checks" "$failed"
[ "$failed" -eq 0 ]
