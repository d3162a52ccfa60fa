#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzz one reader after the other: scripts/fuzz.sh BUILD SECONDS TARGET...
# Stops at the first crash, leak, hang (10 s) or input that takes more than 1 GiB, and says how to see it again. What the
# fuzzer learns is kept in BUILD/corpus for the next time; the seeds in tests/fuzz are only read.
set -eu

build=$1
seconds=$2
shift 2
for target; do
    case $target in
    trace) length=400 ;;
    scenario | workload | world) length=3000 ;;
    topology) length=4000 ;;
    hwloc) length=6000 ;;
    *) length=20000 ;;
    esac
    corpus=$build/corpus/$target
    log=$build/$target.log
    mkdir -p "$corpus"
    printf 'fuzz: %-12s %4s s ' "$target" "$seconds"
    if ! "$build/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len="$length" \
        -print_final_stats=1 -artifact_prefix="$build/$target-" "$corpus" "tests/fuzz/$target" >"$log" 2>&1; then
        echo 'FAILED'
        grep -v '^#\|^INFO' "$log" | tail -n 60
        echo "fuzz: once more with: $build/fuzz_$target $(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)" >&2
        exit 1
    fi
    awk '/stat::number_of_executed_units/ { runs = $2 } / cov: / { line = $0 }
         END { match(line, /cov: [0-9]+/); print runs " runs, " substr(line, RSTART + 5, RLENGTH - 5) " edges, no finding" }' "$log"
done
