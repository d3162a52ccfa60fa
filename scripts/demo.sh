#!/bin/sh
# SPDX-License-Identifier: MIT
# The three answers for a real desktop: scripts/demo.sh PROGRAM
set -eu
cd "$(dirname "$0")/.."
program=$1
say() { printf '\n\033[1m%s\033[0m\n\n' "$1"; }
[ -t 1 ] || say() { printf '\n%s\n\n' "$1"; }
topology=topologies/intel-desktop-comet-lake.json

say "1. Who shares a group?   iommusim groups $topology"
"$program" groups "$topology"
say "2. Who can reach whom past the IOMMU?   iommusim reach $topology"
"$program" reach "$topology"
say "3. What does translation cost?   iommusim run workloads/demo.json"
"$program" run workloads/demo.json
