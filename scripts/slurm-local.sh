#!/bin/sh
# SPDX-License-Identifier: MIT
# A Slurm cluster of one controller and four nodes on this machine, in a folder of its own, for tests and for trying things out.
#   slurm-local.sh start FOLDER [PORT]     daemons come up; prints the line that points sbatch, squeue ... at them
#   slurm-local.sh stop FOLDER             all of them, and what they run, ends
#   slurm-local.sh kill-node FOLDER N      slurmd of node N is killed (as by a power cut), the controller told it is down
#   slurm-local.sh kill-controller FOLDER  kill -9, without saving its state; start-controller FOLDER starts it again
# Needs slurmctld, slurmd and munged (Debian: slurm-wlm munge). Works as any user: all daemons run as that user.
set -eu

nodes=4

say() { echo "slurm-local: $*" >&2; }

need() {
    for program in slurmctld slurmd munged sbatch scontrol; do
        command -v "$program" >/dev/null 2>&1 || { say "$program is missing (Debian packages slurm-wlm and munge)"; exit 3; }
    done
}

configure() {
    user=$(id -un)
    host=$(hostname -s)
    mkdir -p "$folder/state" "$folder/munge"
    chmod 700 "$folder/munge"
    [ -f "$folder/munge/key" ] || dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 2>/dev/null
    chmod 600 "$folder/munge/key"
    cat >"$folder/slurm.conf" <<END
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,batch_sched_delay=1,bf_interval=2
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=2
ReturnToService=2
MpiDefault=none
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=2
PartitionName=all Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP
END
}

start_munge() {
    munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" --pid-file="$folder/munge/pid" \
        --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
}

start_controller() {
    slurmctld -D -f "$folder/slurm.conf" >/dev/null 2>&1 &
    echo $! >"$folder/controller.process"
}

start_node() {
    mkdir -p "$folder/spool-n$1"
    slurmd -D -N "n$1" -f "$folder/slurm.conf" >/dev/null 2>&1 &
    echo $! >"$folder/node-$1.process"
}

# The controller answers within a minute, or something is wrong.
wait_for_controller() {
    tries=0
    until scontrol ping 2>/dev/null | grep -q ' UP'; do
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || { say "the controller does not answer:"; tail -5 "$folder/slurmctld.log" >&2; exit 1; }
        sleep 0.5
    done
}

end_process() {
    [ -f "$2" ] || return 0
    kill "-$1" "$(cat "$2")" 2>/dev/null || true
    rm -f "$2"
}

[ $# -ge 2 ] || { sed -n '3,9p' "$0" >&2; exit 2; }
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
port=${3:-16817}
export SLURM_CONF="$folder/slurm.conf"

case $action in
start)
    need
    configure
    start_munge
    start_controller
    for node in $(seq $nodes); do start_node "$node"; done
    wait_for_controller
    echo "export SLURM_CONF=$folder/slurm.conf"
    ;;
stop)
    scancel --user="$(id -un)" 2>/dev/null || true
    for node in $(seq $nodes); do end_process TERM "$folder/node-$node.process"; done
    end_process TERM "$folder/controller.process"
    [ ! -f "$folder/munge/pid" ] || kill "$(cat "$folder/munge/pid")" 2>/dev/null || true
    pkill -KILL -f "slurmstepd.*$folder" 2>/dev/null || true
    ;;
kill-node)
    end_process KILL "$folder/node-$3.process"
    scontrol update NodeName="n$3" State=DOWN Reason=test
    ;;
kill-controller) end_process KILL "$folder/controller.process" ;;
start-controller)
    start_controller
    wait_for_controller
    ;;
*)
    say "what is '$action'?"
    exit 2
    ;;
esac
