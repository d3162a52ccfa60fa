#!/bin/sh
# SPDX-License-Identifier: MIT
# A study on a real Slurm, here: four nodes on this machine, one killed midway, then the controller. In the end every point is
# there exactly once, with the bytes a sweep without Slurm gives.
#   check-slurm.sh PROGRAM
set -eu
program=$(realpath "$1")
scripts=$(cd "$(dirname "$0")" && pwd)
points=200

if ! command -v slurmctld >/dev/null 2>&1 || ! command -v munged >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! apt-get update -qq >/dev/null 2>&1 ||
        ! apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null 2>&1; then
        echo 'SKIPPED: Slurm is not here and its packages (slurm-wlm munge) cannot be installed by this user'
        exit 0
    fi
fi

folder=$(mktemp -d)
cluster=$folder/cluster
finish() {
    "$scripts/slurm-local.sh" stop "$cluster" >/dev/null 2>&1 || true
    sleep 1
    rm -rf "$folder"
}
trap finish EXIT INT TERM

cat >"$folder/study.json" <<END
{"format": "iommusim-study/1", "repeats": 2,
 "scenario": {"format": "iommusim-scenario/1", "topology": "synthetic:rp(ep)", "iommu": "vt-d",
  "workload": {"format": "iommusim-workload/1",
   "domains": [{"name": "host", "devices": "all", "mappings": [{"iova": "0x10000000", "length": "4MiB"}]}],
   "streams": [{"name": "reads", "device": "any", "operation": "read", "pattern": "random", "size": "64B",
     "operations": 20000, "queue_depth": 4}]}},
 "axes": [{"name": "depth", "pointer": "/workload/streams/0/queue_depth", "range": {"from": 1, "to": 50}},
  {"name": "walkers", "pointer": "/parameters/iommu/walkers", "values": [2, 4]}]}
END
count() { find "$folder/slurm/points" -name '*.json' 2>/dev/null | wc -l; }
complete() { "$program" sweep status "$folder/slurm" | grep -q "^$points points: $points done"; }

# Wait until a command holds. No progress for a while, or very long: give up, the caller looks why.
await() {
    still=0
    before=-1
    until "$@"; do
        now=$(count)
        [ "$now" != "$before" ] && still=0 || still=$((still + 1))
        before=$now
        [ "$still" -lt 80 ] || return 1
        sleep 0.25
    done
}
at_least() { [ "$(count)" -ge "$1" ]; }

echo 'without Slurm ...'
"$program" sweep "$folder/study.json" -o "$folder/whole" -q
echo 'with Slurm: four nodes ...'
eval "$("$scripts/slurm-local.sh" start "$cluster")"
"$program" sweep "$folder/study.json" -o "$folder/slurm" --engine slurm --chunk 5
if ! await at_least 20; then
    # Its node daemon refuses some systems, such as those without a cgroup file system, before it has seen a job.
    if [ "$(count)" -eq 0 ] && [ "$(grep -l 'slurmd initialization failed' "$cluster"/slurmd-n*.log | wc -l)" -eq 4 ]; then
        echo 'skipped from here on: slurmd does not run on this system; it says'
        grep 'error:' "$cluster/slurmd-n1.log" | sed 's/^\[[^]]*\] /    /'
        exit 0
    fi
    echo 'FAILED: the cluster computes nothing' >&2
    squeue >&2
    exit 1
fi
echo "$(count) points: node 2 dies ..."
"$scripts/slurm-local.sh" kill-node "$cluster" 2
await at_least 50 || true
echo "$(count) points: the controller dies ..."
"$scripts/slurm-local.sh" kill-controller "$cluster"
"$scripts/slurm-local.sh" start-controller "$cluster"

round=0
until await complete; do
    round=$((round + 1))
    [ "$round" -le 5 ] || { echo 'FAILED: points are missing' >&2; "$program" sweep status "$folder/slurm" >&2; exit 1; }
    echo "$(count) points, and nothing moves: submitted again ..."
    "$program" sweep status "$folder/slurm" | grep -v '^0' || true
    scancel --user="$(id -un)" || true
    # A controller that was killed between starting a task and writing that down starts it again when it is back; the node
    # refuses ("do not launch second copy") and is drained for it. Take such nodes back, as whoever runs the cluster would.
    for node in $(sinfo --noheader --Node --states=drain --format=%N | sort -u); do
        echo "node $node was drained: taken back"
        scontrol update nodename="$node" state=resume || true
    done
    "$program" sweep resume "$folder/slurm" --chunk 5
done

diff -r "$folder/whole/points" "$folder/slurm/points"
for format in csv sqlite ndjson; do
    "$program" sweep collect "$folder/whole" -f $format -o "$folder/whole.$format"
    "$program" sweep collect "$folder/slurm" -f $format -o "$folder/slurm.$format"
    cmp "$folder/whole.$format" "$folder/slurm.$format"
done
echo "every one of $points points once, the same bytes as without Slurm; submitted $(wc -l <"$folder/slurm/slurm/jobs") times"
