#!/bin/sh
# SPDX-License-Identifier: MIT
# Copy what iommusim wants to know of this machine into one tar archive:
#
#     sudo scripts/collect.sh                 writes iommusim-HOSTNAME.tar here
#     scripts/collect.sh -o machine.tar       without root: less is known, and the script says what
#     scripts/collect.sh -r /mnt/copy         of another /sys and /proc, below that folder
#
# It only reads; nothing is changed, loaded or installed. Files of sysfs claim to have 4096 bytes and hold less, which
# tar takes for damage: so they are read into a temporary folder first, and that is packed. Of the kernel's command line
# and log only what is about PCI and IOMMUs is taken. Configuration space can hold serial numbers of devices.
set -eu

usage() {
    echo "usage: $0 [-r ROOT] [-o FILE]" >&2
    exit 2
}

root=''
output=''
while getopts r:o: option; do
    case $option in
    r) root=${OPTARG%/} ;;
    o) output=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# = 0 ] || usage
if [ ! -d "$root/sys/bus/pci/devices" ]; then
    echo "collect: there is no $root/sys/bus/pci/devices" >&2
    exit 3
fi
: "${output:=iommusim-$(uname -n).tar}"

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

# folder PATH: make it, unless it is there.
folder() {
    [ -d "$1" ] || mkdir -p "$1"
}

# take FROM TO: the lines, as far as they can be read; nothing where they cannot. No program is started: there are
# thousands of these files.
take() {
    [ -f "$1" ] && [ -r "$1" ] || return 0
    folder "${2%/*}"
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s\n' "$line"
    done <"$1" >"$2" 2>/dev/null || rm -f "$2"
}

# take_bytes FROM TO: the same for what is no text.
take_bytes() {
    [ -f "$1" ] && [ -r "$1" ] || return 0
    folder "${2%/*}"
    cat "$1" >"$2" 2>/dev/null || rm -f "$2"
}

# link FROM TO: a symbolic link as it is.
link() {
    [ -L "$1" ] || return 0
    folder "${2%/*}"
    ln -s "$(readlink "$1")" "$2"
}

# home LINK: the folder a link of sysfs leads to, from the top ("sys/devices/...").
home() {
    where=$(cd "$1" 2>/dev/null && pwd -P) || return 1
    echo "${where#"$top"}"
}

attributes='vendor device class revision subsystem_vendor subsystem_device resource numa_node uevent
    dma_mask_bits current_link_speed current_link_width max_link_speed max_link_width sriov_totalvfs sriov_numvfs
    sriov_offset sriov_stride sriov_vf_device reset_method ari_enabled'

functions() {
    for device in "$root"/sys/bus/pci/devices/*; do
        [ -d "$device" ] || continue
        home=$(home "$device") || continue
        for attribute in $attributes; do
            take "$device/$attribute" "$copy/$home/$attribute"
        done
        take_bytes "$device/config" "$copy/$home/config"
        for name in driver iommu_group iommu physfn; do
            link "$device/$name" "$copy/$home/$name"
        done
        link "$device" "$copy/sys/bus/pci/devices/${device##*/}"
        count=$((count + 1))
    done
}

groups() {
    for group in "$root"/sys/kernel/iommu_groups/*; do
        [ -d "$group/devices" ] || continue
        home=sys/kernel/iommu_groups/${group##*/}
        take "$group/type" "$copy/$home/type"
        take "$group/reserved_regions" "$copy/$home/reserved_regions"
        for device in "$group"/devices/*; do
            link "$device" "$copy/$home/devices/${device##*/}"
        done
        group_count=$((group_count + 1))
    done
}

units() {
    for unit in "$root"/sys/class/iommu/*; do
        [ -d "$unit" ] || continue
        home=$(home "$unit") || continue
        link "$unit" "$copy/sys/class/iommu/${unit##*/}"
        for file in intel-iommu/address intel-iommu/cap intel-iommu/ecap intel-iommu/version amd-iommu/cap \
            amd-iommu/features; do
            take "$unit/$file" "$copy/$home/$file"
        done
        for device in "$unit"/devices/*; do
            link "$device" "$copy/$home/devices/${device##*/}"
        done
    done
}

# The command line holds names of disks and more: only these words.
command_line() {
    [ -r "$root/proc/cmdline" ] || return 0
    folder "$copy/proc"
    tr -s ' ' '\n' <"$root/proc/cmdline" |
        grep -E '^(intel_iommu|amd_iommu|iommu|arm-smmu|pci=|pcie_|intremap|vfio|swiotlb|no-iommu)' |
        tr '\n' ' ' >"$copy/proc/cmdline"
}

memory() {
    [ -r "$root/proc/iomem" ] || return 0
    folder "$copy/proc"
    grep '^[0-9a-f]*-[0-9a-f]* : System RAM' "$root/proc/iomem" >"$copy/proc/iomem" || rm -f "$copy/proc/iomem"
}

# Names, and what happened at boot, of this machine only.
programs() {
    [ -z "$root" ] || return 0
    if command -v lspci >/dev/null 2>&1; then
        lspci -D -nn >"$copy/lspci.txt" 2>/dev/null || rm -f "$copy/lspci.txt"
    fi
    if command -v dmesg >/dev/null 2>&1; then
        dmesg 2>/dev/null | grep -i 'pci\|dmar\|amd-vi\|iommu\|smmu\|vmd' >"$copy/dmesg.txt" ||
            missing="$missing the kernel log (dmesg),"
    fi
}

# What an ordinary user does not see.
look_for_gaps() {
    if [ -n "$(find "$copy/sys/devices" -name config -size -65c | head -n 1)" ]; then
        missing="$missing capabilities of functions (port types, ACS),"
    fi
    if [ -f "$copy/proc/iomem" ] && ! grep -q '^0*[1-9a-f]' "$copy/proc/iomem"; then
        missing="$missing the layout of memory,"
    fi
    if [ "$group_count" = 0 ]; then
        echo "collect: the kernel made no IOMMU groups: the IOMMU is off in the firmware or on the command line" >&2
    fi
}

top=$(cd "$root/" && pwd -P)
top=${top%/}/
count=0
group_count=0
missing=''
functions
groups
units
command_line
memory
programs
look_for_gaps
if [ "$count" = 0 ]; then
    echo "collect: no PCI function below $root/sys/bus/pci/devices" >&2
    exit 3
fi
tar -C "$copy" -cf "$output.part" . && mv "$output.part" "$output"
echo "collect: $count functions in $group_count groups, written to $output" >&2
if [ -n "$missing" ]; then
    echo "collect: not readable for this user:${missing%,} (run it as root)" >&2
fi
