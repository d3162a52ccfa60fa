/* SPDX-License-Identifier: MIT */
#include "sim/output/viability_plan.h"

#include "sim/output/function_label.h"

#include <stdio.h>

enum { COMMENT_COLUMN = 56 };

static bool is_kvm(const struct viability *answer)
{
    return answer->question.rule == VIABILITY_LEGACY_KVM;
}

/* Fatal, and no driver to bind or unbind changes it. */
static bool is_final(const struct viability_finding *finding)
{
    return finding->severity == SEVERITY_FATAL && finding->kind != FINDING_BLOCKER &&
           finding->kind != FINDING_VFS_ENABLED;
}

static const struct viability_finding *first_final(const struct viability *answer)
{
    for (uint32_t i = 0; i < answer->finding_count; i++) {
        if (is_final(&answer->findings[i]))
            return &answer->findings[i];
    }
    return NULL;
}

bool viability_has_plan(const struct viability *answer)
{
    return !first_final(answer);
}

static const char *remedy_for_no_group(const struct viability *answer,
                                       const struct viability_finding *finding)
{
    const struct iommu_groups *groups = answer->groups;
    switch (groups->coverage->functions[finding->function_id].reason) {
    case UNCOVERED_SWITCHED_OFF:
        return groups->platform.kind == IOMMU_VT_D ? "boot with intel_iommu=on and without iommu=off"
                                                   : "boot without amd_iommu=off and iommu=off";
    case UNCOVERED_UNIT_IGNORED:
        return "boot without intel_iommu=igfx_off";
    case UNCOVERED_NO_IOMMU:
        return "switch VT-d or AMD-Vi on in the firmware's set-up, if the machine has it";
    default:
        return "no binding helps";
    }
}

void viability_no_plan(const struct viability *answer, struct text_buffer *text)
{
    const struct viability_finding *finding = first_final(answer);
    const char *remedy = "no binding helps";
    if (!finding)
        return;
    switch (finding->kind) {
    case FINDING_NO_GROUP:
        remedy = remedy_for_no_group(answer, finding);
        break;
    case FINDING_BRIDGE:
        remedy = "give the endpoints below it, not the bridge";
        break;
    case FINDING_INTERRUPTS:
        remedy = answer->groups->platform.cmdline.interrupt_remapping == GIVEN_OFF
                     ? "boot without intremap=off; for guests you trust like the host there is "
                       "--unsafe-interrupts (allow_unsafe_interrupts)"
                     : "for guests you trust like the host there is --unsafe-interrupts "
                       "(allow_unsafe_interrupts)";
        break;
    case FINDING_DIRECT:
        remedy = "no binding helps: only other firmware, or its settings, can drop the region";
        break;
    case FINDING_ALIAS_HOST:
    case FINDING_ALIAS_VFIO:
        remedy = "give all functions that share the requester id to one guest, or unbind them";
        break;
    case FINDING_CARRIER:
    case FINDING_VF_AND_PF:
        remedy = "no binding helps: give the function that carries it, or neither";
        break;
    default:
        break;
    }
    text_buffer_add(text, remedy);
}

/* What one line of a plan is about. */
struct step {
    const struct viability *answer;
    const struct pci_function *function;
    const struct viability_member *member;
    char bdf[BDF_TEXT_SIZE];
    char node[BDF_TEXT_SIZE + 4]; /* libvirt's name, "pci_0000_01_00_0" */
};

/* A name of the input must not end the comment it stands in. */
static void add_name(const char *name, struct text_buffer *text)
{
    for (; *name; name++)
        text_buffer_append(text, (unsigned char)*name < ' ' ? "?" : name, 1);
}

/* One command; behind that for a function not given, that the host loses it. */
static void add_line(const struct step *step, const char *command, struct text_buffer *text)
{
    if (step->member->role == ROLE_GIVEN) {
        text_buffer_format(text, "%s\n", command);
        return;
    }
    text_buffer_format(text, "%-*s  # the host loses ", COMMENT_COLUMN, command);
    add_name(function_label(step->function), text);
    text_buffer_add(text, "\n");
}

static void unbind(const struct step *step, struct text_buffer *text)
{
    text_buffer_format(text, "echo %s > /sys/bus/pci/devices/%s/driver/unbind\n", step->bdf, step->bdf);
}

static void bind_stub(const struct step *step, struct text_buffer *text)
{
    const struct pci_function *function = step->function;
    text_buffer_format(text, "echo \"%04x %04x\" > /sys/bus/pci/drivers/pci-stub/new_id\n", function->vendor,
                       function->device);
    if (step->member->class != DRIVER_CLASS_NONE)
        unbind(step, text);
    text_buffer_format(text, "echo %s > /sys/bus/pci/drivers/pci-stub/bind\n", step->bdf);
    text_buffer_format(text, "echo \"%04x %04x\" > /sys/bus/pci/drivers/pci-stub/remove_id\n",
                       function->vendor, function->device);
}

static void bind(const struct step *step, enum plan_kind kind, struct text_buffer *text)
{
    char command[80];
    if (kind == PLAN_LIBVIRT) {
        snprintf(command, sizeof(command), "virsh nodedev-detach %s%s", step->node,
                 is_kvm(step->answer) ? " --driver kvm" : "");
        add_line(step, command, text);
    } else if (is_kvm(step->answer)) {
        bind_stub(step, text);
    } else {
        snprintf(command, sizeof(command), "driverctl set-override %s vfio-pci", step->bdf);
        add_line(step, command, text);
    }
}

static void undo(const struct step *step, struct text_buffer *text)
{
    bool kvm = is_kvm(step->answer);
    if (kvm)
        unbind(step, text);
    if (kvm || step->member->fix == FIX_UNBIND)
        text_buffer_format(text, "echo %s > /sys/bus/pci/drivers_probe\n", step->bdf);
    else
        text_buffer_format(text, "driverctl unset-override %s\n", step->bdf);
}

static void add_step(const struct step *step, enum plan_kind kind, struct text_buffer *text)
{
    enum member_fix fix = step->member->fix;
    if (fix == FIX_NONE || fix == FIX_IMPOSSIBLE)
        return;
    if (kind == PLAN_UNDO) {
        undo(step, text);
        return;
    }
    if (fix == FIX_UNBIND) {
        unbind(step, text);
        return;
    }
    if (fix == FIX_DISABLE_VFS)
        text_buffer_format(text, "echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs\n", step->bdf);
    bind(step, kind, text);
}

static void add_steps(const struct viability *answer, enum plan_kind kind, struct text_buffer *text)
{
    for (uint32_t i = 0; i < answer->affected_count; i++) {
        for (uint32_t j = 0; j < answer->affected[i].member_count; j++) {
            struct step step = {.answer = answer, .member = &answer->affected[i].members[j]};
            const struct pci_function *f = &answer->groups->topology->functions[step.member->function_id];
            step.function = f;
            bdf_print(step.bdf, f->segment, f->bus, f->devfn);
            snprintf(step.node, sizeof(step.node), "pci_%04x_%02x_%02x_%x", f->segment, f->bus,
                     pci_slot(f->devfn), pci_func(f->devfn));
            add_step(&step, kind, text);
        }
    }
}

void viability_plan(const struct viability *answer, enum plan_kind kind, struct text_buffer *text)
{
    struct text_buffer steps = {0};
    bool unsafe = answer->question.unsafe_interrupts;
    bool open = false;
    if (!viability_has_plan(answer))
        return;
    for (uint32_t i = 0; i < answer->affected_count; i++)
        open = open || answer->affected[i].interrupts == INTERRUPTS_OPEN;
    add_steps(answer, kind, &steps);
    if (kind != PLAN_UNDO && open && unsafe)
        text_buffer_add(text, is_kvm(answer)
                                  ? "echo 1 > /sys/module/kvm/parameters/allow_unsafe_assigned_interrupts\n"
                                  : "modprobe vfio_iommu_type1 allow_unsafe_interrupts=1\n");
    if (kind == PLAN_DRIVERCTL && steps.length)
        text_buffer_format(text, "modprobe %s\n", is_kvm(answer) ? "pci-stub" : "vfio-pci");
    text_buffer_add(text, text_buffer_get(&steps));
    text_buffer_fini(&steps);
}

const char *viability_plan_title(const struct viability *answer, enum plan_kind kind)
{
    static const char *const plan_titles[] = {
        [PLAN_DRIVERCTL] = "with driverctl, for this boot and later ones",
        [PLAN_LIBVIRT] = "with libvirt, until the next boot",
        [PLAN_UNDO] = "to give them back to the host after driverctl",
    };
    if (is_kvm(answer) && kind != PLAN_LIBVIRT)
        return kind == PLAN_UNDO ? "to give them back to the host" : "with pci-stub, until the next boot";
    return plan_titles[kind];
}

const char *viability_plan_name(const struct viability *answer, enum plan_kind kind)
{
    static const char *const names[] = {
        [PLAN_DRIVERCTL] = "driverctl", [PLAN_LIBVIRT] = "libvirt", [PLAN_UNDO] = "undo"};
    return is_kvm(answer) && kind == PLAN_DRIVERCTL ? "pci-stub" : names[kind];
}
