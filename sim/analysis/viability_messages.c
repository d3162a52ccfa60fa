/* SPDX-License-Identifier: MIT */
/* The texts of kernel, QEMU and libvirt. What stands between "..." in them is quoted and must stay as it is,
 * misspellings included. */
#include "sim/analysis/viability_words.h"

struct message_list {
    const struct viability *answer;
    struct arena *arena;
    struct viability_message *messages;
    uint32_t count;
};

static void say(struct message_list *list, const char *who, const char *text)
{
    list->messages[list->count++] = (struct viability_message){who, text};
}

static const char *address(const struct message_list *list, uint32_t id, char *bdf)
{
    const struct pci_function *function = &list->answer->groups->topology->functions[id];
    return bdf_print(bdf, function->segment, function->bus, function->devfn);
}

/* The driver whose name stands before a kernel line about a function. */
static void say_kernel(struct message_list *list, uint32_t id, const char *text)
{
    char bdf[BDF_TEXT_SIZE];
    say(list, "kernel", arena_format(list->arena, "vfio-pci %s: %s", address(list, id, bdf), text));
}

static void say_probe_failed(struct message_list *list, uint32_t id, int error)
{
    say_kernel(list, id, arena_format(list->arena, "probe with driver vfio-pci failed with error %d", error));
}

static void say_no_group(struct message_list *list, const struct viability_finding *finding)
{
    char bdf[BDF_TEXT_SIZE];
    const char *function = address(list, finding->function_id, bdf);
    if (list->answer->question.rule == VIABILITY_LEGACY_KVM) {
        if (list->answer->groups->platform.enabled) {
            say(list, "kernel",
                arena_format(list->arena, "pci-stub %s: kvm assign device failed ret -19", function));
            say(list, "QEMU", "Failed to assign device \"hostdev0\": No such device");
            return;
        }
        say(list, "kernel", "kvm_iommu_map_guest: iommu not found");
        say(list, "QEMU", "No IOMMU found.  Unable to assign device \"hostdev0\"");
        return;
    }
    say(list, "QEMU",
        arena_format(list->arena, "vfio %s: no iommu_group found: No such file or directory", function));
    say_probe_failed(list, finding->function_id, -22);
}

/* QEMU's words for a group whose set-up fails at a step. */
static void say_container(struct message_list *list, const struct viability_finding *finding,
                          const char *reason)
{
    const struct viability_group *group = &list->answer->affected[finding->group];
    char bdf[BDF_TEXT_SIZE];
    say(list, "QEMU",
        arena_format(list->arena, "vfio %s: failed to setup container for group %u: %s",
                     address(list, group->first_given, bdf), group->number, reason));
}

static void say_not_viable(struct message_list *list, const struct viability_finding *finding)
{
    const struct viability_group *group = &list->answer->affected[finding->group];
    char bdf[BDF_TEXT_SIZE];
    say(list, "QEMU",
        arena_format(list->arena,
                     "vfio %s: group %u is not viable\n"
                     "Please ensure all devices within the iommu_group are bound to their vfio bus driver.",
                     address(list, group->first_given, bdf), group->number));
    if (list->answer->question.rule == VIABILITY_PRE_5_18)
        say(list, "QEMU before 2.9",
            arena_format(list->arena,
                         "vfio: error, group %u is not viable, please ensure all devices within the "
                         "iommu_group are bound to their vfio bus driver.",
                         group->number));
    else
        say(list, "QEMU with iommufd",
            arena_format(list->arena,
                         "vfio %s: error bind device fd=<n> to iommufd=<n>: Operation not permitted",
                         address(list, group->first_given, bdf)));
}

static const struct viability_member *find_member(const struct viability_group *group, uint32_t id)
{
    uint32_t i = 0;
    while (group->members[i].function_id != id)
        i++;
    return &group->members[i];
}

/* The driver of a function once all is bound as planned: the kernel begins its lines with it. */
static const char *driver_then(const struct viability *answer, const struct viability_finding *finding)
{
    const struct viability_member *member =
        find_member(&answer->affected[finding->group], finding->function_id);
    if (member->role == ROLE_GIVEN || member->fix == FIX_BIND || member->fix == FIX_DISABLE_VFS)
        return answer->question.rule == VIABILITY_LEGACY_KVM ? "pci-stub" : "vfio-pci";
    if (member->driver && *member->driver && member->fix != FIX_UNBIND)
        return member->driver;
    return member->class == DRIVER_CLASS_PORT ? "pcieport" : "pci";
}

static void say_direct(struct message_list *list, const struct viability_finding *finding)
{
    static const char modern[] =
        "Firmware has requested this device have a 1:1 IOMMU mapping, rejecting configuring the device "
        "without a 1:1 mapping. Contact your platform vendor.";
    static const char older[] = "Device is ineligible for IOMMU domain attach due to platform RMRR "
                                "requirement.  Contact your platform vendor.";
    const char *driver = driver_then(list->answer, finding);
    char bdf[BDF_TEXT_SIZE];
    address(list, finding->function_id, bdf);
    switch (list->answer->question.rule) {
    case VIABILITY_MODERN:
        say(list, "kernel", arena_format(list->arena, "%s %s: %s", driver, bdf, modern));
        say_container(list, finding, "Failed to set group container: Invalid argument");
        break;
    case VIABILITY_PRE_5_18:
        say(list, "kernel", arena_format(list->arena, "%s %s: %s", driver, bdf, older));
        say_container(list, finding, "Failed to set iommu for container: Operation not permitted");
        break;
    case VIABILITY_LEGACY_KVM:
        say(list, "kernel", arena_format(list->arena, "%s %s: %s", driver, bdf, older));
        say(list, "QEMU", "Failed to assign device \"hostdev0\": Operation not permitted");
        break;
    }
}

static void say_interrupts(struct message_list *list, const struct viability_finding *finding)
{
    if (list->answer->question.rule == VIABILITY_LEGACY_KVM) {
        say(list, "kernel",
            "kvm_iommu_map_guest: No interrupt remapping support, disallowing device assignment. Re-enble "
            "with \"allow_unsafe_assigned_interrupts=1\" module option.");
        say(list, "QEMU", "Failed to assign device \"hostdev0\": Operation not permitted");
        return;
    }
    say(list, "kernel",
        "vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param "
        "\"allow_unsafe_interrupts\" to enable VFIO IOMMU support on this platform");
    say_container(list, finding, "Failed to set iommu for container: Operation not permitted");
}

static void say_interrupts_risk(struct message_list *list, const struct viability_finding *finding)
{
    if (list->answer->question.rule == VIABILITY_MODERN)
        say_kernel(list, finding->function_id,
                   "MSI interrupts are not secure, they cannot be isolated by the platform. Check that "
                   "platform features like interrupt remapping are enabled. Use the "
                   "\"allow_unsafe_interrupts\" module parameter to override");
}

static void say_bridge(struct message_list *list, const struct viability_finding *finding)
{
    if (list->answer->question.rule == VIABILITY_LEGACY_KVM) {
        say(list, "QEMU", "Failed to assign device \"hostdev0\": Operation not permitted");
        return;
    }
    say_probe_failed(list, finding->function_id, -22);
    say(list, "libvirt", "internal error: Non-endpoint PCI devices cannot be assigned to guests");
}

static void say_kvm_group(struct message_list *list, const struct viability_finding *finding)
{
    char bdf[BDF_TEXT_SIZE];
    say(list, "kernel",
        arena_format(list->arena, "pci-stub %s: kvm assign device failed ret -22",
                     address(list, finding->function_id, bdf)));
    say(list, "QEMU", "Failed to assign device \"hostdev0\": Invalid argument");
}

/* pci-assign names the driver in its way and how to free the function. */
static void say_busy(struct message_list *list, const struct pci_function *function, const char *driver)
{
    char bdf[BDF_TEXT_SIZE];
    bdf_print(bdf, function->segment, function->bus, function->devfn);
    say(list, "kernel", "kvm_vm_ioctl_assign_device: Could not get access to device regions");
    say(list, "QEMU",
        arena_format(list->arena,
                     "Failed to assign device \"hostdev0\": Device or resource busy\n"
                     "*** The driver '%s' is occupying your device %s.\n"
                     "***\n"
                     "*** You can try the following commands to free it:\n"
                     "***\n"
                     "*** $ echo \"%04x %04x\" > /sys/bus/pci/drivers/pci-stub/new_id\n"
                     "*** $ echo \"%s\" > /sys/bus/pci/drivers/%s/unbind\n"
                     "*** $ echo \"%s\" > /sys/bus/pci/drivers/pci-stub/bind\n"
                     "*** $ echo \"%04x %04x\" > /sys/bus/pci/drivers/pci-stub/remove_id\n"
                     "***",
                     driver, bdf, function->vendor, function->device, bdf, driver, bdf, function->vendor,
                     function->device));
}

/* The device node of a group is there once any member is on a vfio driver. */
static bool has_node(const struct viability_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        if (group->members[i].class == DRIVER_CLASS_VFIO)
            return true;
    }
    return false;
}

static void say_not_bound(struct message_list *list, const struct viability_finding *finding)
{
    const struct viability_group *group = &list->answer->affected[finding->group];
    const struct viability_member *member = find_member(group, finding->function_id);
    char bdf[BDF_TEXT_SIZE];
    address(list, finding->function_id, bdf);
    if (list->answer->question.rule == VIABILITY_LEGACY_KVM) {
        if (member->class == DRIVER_CLASS_HOST)
            say_busy(list, &list->answer->groups->topology->functions[finding->function_id], member->driver);
        return;
    }
    if (!has_node(group))
        say(list, "QEMU",
            arena_format(list->arena, "vfio %s: failed to open /dev/vfio/%u: No such file or directory", bdf,
                         group->number));
    else if (group->now == VERDICT_NOT_VIABLE)
        say_not_viable(list, finding);
    else
        say(list, "QEMU",
            arena_format(list->arena,
                         "vfio %s: error getting device from group %u: No such device\n"
                         "Verify all devices in group %u are bound to vfio-<bus> or pci-stub and not already "
                         "in use",
                         bdf, group->number, group->number));
}

uint32_t viability_finding_messages(const struct viability *answer, const struct viability_finding *finding,
                                    struct arena *arena, struct viability_message *messages)
{
    struct message_list list = {.answer = answer, .arena = arena, .messages = messages};
    char bdf[BDF_TEXT_SIZE];
    switch (finding->kind) {
    case FINDING_NO_GROUP:
        say_no_group(&list, finding);
        break;
    case FINDING_BRIDGE:
        say_bridge(&list, finding);
        break;
    case FINDING_VFS_ENABLED:
        say_kernel(&list, finding->function_id, "Cannot bind to PF with SR-IOV enabled");
        say_probe_failed(&list, finding->function_id, -16);
        break;
    case FINDING_CARRIER:
    case FINDING_BLOCKER:
    case FINDING_UNKNOWN_DRIVER:
        say_not_viable(&list, finding);
        break;
    case FINDING_DIRECT:
        say_direct(&list, finding);
        break;
    case FINDING_INTERRUPTS:
        say_interrupts(&list, finding);
        break;
    case FINDING_INTERRUPTS_RISK:
        say_interrupts_risk(&list, finding);
        break;
    case FINDING_RESET:
        say(&list, "QEMU",
            arena_format(arena, "vfio: Cannot reset device %s, depends on group %u which is not owned.",
                         address(&list, finding->function_id, bdf),
                         answer->groups->decisions[finding->other_id].group));
        break;
    case FINDING_NOT_BOUND:
        say_not_bound(&list, finding);
        break;
    case FINDING_VF_TOKEN:
        say_kernel(&list, finding->function_id, "VF token required to access device");
        break;
    case FINDING_KVM_GROUP:
        say_kvm_group(&list, finding);
        break;
    default:
        break;
    }
    return list.count;
}
