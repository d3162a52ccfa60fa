/* SPDX-License-Identifier: MIT */
#include "sim/analysis/viability_words.h"

#include "sim/analysis/group_explain.h"

#include <inttypes.h>

struct words {
    const char *name;
    const char *text; /* %F the function, %O the other one, %A how it was taken, %C why it is not covered, %R
                         the region, %D the function's driver, %E the other's, %I the requester id, %V the
                         driver to bind */
};

/* ORDER: enum finding_kind. */
static const struct words finding_words[FINDING_KINDS] = {
    [FINDING_NO_GROUP] = {"no-group", "%F is not behind an IOMMU (%C): it has no group, and "
                                      "VFIO takes it in its unsafe no-IOMMU mode at most"},
    [FINDING_BRIDGE] = {"bridge", "%F is a bridge: only endpoints can be given to a guest"},
    [FINDING_VFS_ENABLED] = {"vfs-enabled",
                             "%F has virtual functions enabled: vfio-pci refuses it until they "
                             "are removed"},
    [FINDING_VF_AND_PF] = {"needs-host", "%F is there only while the host drives %O: not both can be given"},
    [FINDING_CARRIER] = {"needs-host", "%F is there only while the host drives %O, whose driver (%E) holds "
                                       "their group"},
    [FINDING_DIRECT] = {"direct-region", "firmware wants %F mapped one to one at %R: the kernel refuses the "
                                         "group, whatever is bound"},
    [FINDING_DIRECT_IGNORED] =
        {"direct-region-ignored",
         "firmware wants %F mapped one to one at %R; kernels of this rule do not look, "
         "and the mapping is lost"},
    [FINDING_RELAXABLE] = {"relaxable-region", "firmware wants %F mapped one to one at %R while the host has "
                                               "it; the kernel lets a guest have it"},
    [FINDING_INTERRUPTS] = {"interrupts-open",
                            "interrupt remapping is off: a guest could forge the host's interrupts with %F"},
    [FINDING_INTERRUPTS_RISK] = {"interrupts-risk",
                                 "interrupt remapping is off and allow_unsafe_interrupts "
                                 "is set: a guest can forge the host's interrupts with %F"},
    [FINDING_INTERRUPTS_GUESS] = {"interrupts-assumed",
                                  "the input does not show whether interrupts of %F are remapped; assumed, "
                                  "as kernels do by default where the hardware can"},
    [FINDING_BLOCKER] = {"blocked", "%F is bound to %D, a driver that uses the DMA API: the host holds the "
                                    "group"},
    [FINDING_UNKNOWN_DRIVER] = {"driver-unknown",
                                "the answer hangs on %F, whose driver the input does not tell: with none, or "
                                "on %V, all is well"},
    [FINDING_STUB] = {"stub", "%F is on pci-stub, which the group allows; kernels before 4.12 could give it "
                              "to another guest by legacy assignment, and both guests would share what the "
                              "group shares"},
    [FINDING_OVERRIDE] = {"acs-override",
                          "pcie_acs_override is on: groups are claimed, not proven; requests that pass are "
                          "listed"},
    [FINDING_ASSUMED_ACS] = {"acs-assumed",
                             "%F was assumed %A; the opposite would change the group of a given "
                             "function"},
    [FINDING_RESET] = {"reset", "unless %F can be reset alone, its reset needs the bus, and that hits %O of "
                                "another group"},
    [FINDING_NOT_BOUND] = {"not-bound", "as long as %F is not bound to %V, this is what is said"},
    [FINDING_VF_TOKEN] = {"vf-token", "the PF %O of %F is on %E: whoever opens the VF must show its token"},
    [FINDING_KVM_REMOVED] = {"kvm-removed", "legacy assignment is gone from kernel 4.12 and QEMU 2.12 on"},
    [FINDING_KVM_GROUP] = {"kvm-group", "kernels 4.2 to 4.11 refuse %F, as its group has further members; "
                                        "older ones do not look"},
    [FINDING_ALIAS_HOST] = {"alias-host", "%O uses the same requester id %I as %F and the host drives it "
                                          "(%E): its DMA would go through the guest's page table"},
    [FINDING_ALIAS_VFIO] = {"alias-vfio", "%O uses the same requester id %I as %F and VFIO holds it (%E): "
                                          "whoever attaches last has the DMA of both"},
    [FINDING_ALIAS_UNKNOWN] = {"alias-unknown",
                               "%O uses the same requester id %I as %F and its driver is not "
                               "known: driven by the host or another guest, its DMA would "
                               "go through this guest's page table"},
    [FINDING_ALIAS_FREE] = {"alias-free", "%O uses the same requester id %I as %F: given to another guest, "
                                          "the DMA of both goes to the memory of the one that attached last"},
    [FINDING_MIXED] = {"mixed", "VFIO holds %O (%E), of the group of %F: legacy assignment takes a member "
                                "away under it, and neither knows of the other"},
    [FINDING_HOST_DRIVES] = {"host-drives", "the host keeps driving %O (%E), of the group of %F: nothing "
                                            "isolates them from each other"},
};

const char *finding_kind_name(enum finding_kind kind)
{
    return finding_words[kind].name;
}

const char *finding_severity_name(enum finding_severity severity)
{
    static const char *const names[] = {[SEVERITY_FATAL] = "fatal",
                                        [SEVERITY_OPEN] = "open",
                                        [SEVERITY_WARNING] = "warning",
                                        [SEVERITY_NOTE] = "note"};
    return names[severity];
}

const char *member_role_name(enum member_role role)
{
    static const char *const names[] = {
        [ROLE_GIVEN] = "given",       [ROLE_KEEPS] = "keeps",     [ROLE_UNBOUND] = "unbound",
        [ROLE_VANISHES] = "vanishes", [ROLE_UNKNOWN] = "unknown", [ROLE_BLOCKS] = "blocks",
        [ROLE_OUTSIDE] = "outside",
    };
    return names[role];
}

const char *member_fix_name(enum member_fix fix)
{
    static const char *const names[] = {[FIX_NONE] = "none",
                                        [FIX_BIND] = "bind",
                                        [FIX_UNBIND] = "unbind",
                                        [FIX_DISABLE_VFS] = "remove-vfs-and-bind",
                                        [FIX_IMPOSSIBLE] = "impossible"};
    return names[fix];
}

const char *interrupt_isolation_name(enum interrupt_isolation isolation)
{
    static const char *const names[] = {
        [INTERRUPTS_ISOLATED] = "isolated", [INTERRUPTS_ASSUMED] = "assumed", [INTERRUPTS_OPEN] = "open"};
    return names[isolation];
}

static void add_address(const struct viability *answer, uint32_t id, struct text_buffer *text)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = &answer->groups->topology->functions[id];
    text_buffer_add(text, bdf_print(bdf, function->segment, function->bus, function->devfn));
}

/* The driver a member of the affected groups was taken to have, else the stated one. */
static const char *driver_name(const struct viability *answer, uint32_t id)
{
    const char *driver = answer->question.drivers[id];
    for (uint32_t i = 0; i < answer->affected_count; i++) {
        for (uint32_t j = 0; j < answer->affected[i].member_count; j++) {
            if (answer->affected[i].members[j].function_id == id)
                driver = answer->affected[i].members[j].driver;
        }
    }
    return !driver ? "unknown" : *driver ? driver : "none";
}

static const char *wanted_driver(const struct viability *answer)
{
    return answer->question.rule == VIABILITY_LEGACY_KVM ? "pci-stub" : "vfio-pci";
}

static void add_part(const struct viability *answer, const struct viability_finding *finding, char part,
                     struct text_buffer *text)
{
    const struct iommu_groups *groups = answer->groups;
    switch (part) {
    case 'F':
        add_address(answer, finding->function_id, text);
        break;
    case 'O':
        add_address(answer, finding->other_id, text);
        break;
    case 'A':
        text_buffer_add(text,
                        groups->verdicts[finding->function_id].isolated ? "to isolate" : "not to isolate");
        break;
    case 'C':
        group_explain_cause(groups, finding->function_id, text);
        break;
    case 'R':
        text_buffer_format(text, "0x%" PRIx64 "-0x%" PRIx64, finding->region.start, finding->region.end);
        break;
    case 'D':
        text_buffer_add(text, driver_name(answer, finding->function_id));
        break;
    case 'E':
        text_buffer_add(text, driver_name(answer, finding->other_id));
        break;
    case 'I':
        text_buffer_format(text, "%02x:%02x.%x", finding->requester_id >> 8,
                           pci_slot((uint8_t)finding->requester_id),
                           pci_func((uint8_t)finding->requester_id));
        break;
    default:
        text_buffer_add(text, wanted_driver(answer));
        break;
    }
}

void viability_finding_text(const struct viability *answer, const struct viability_finding *finding,
                            struct text_buffer *text)
{
    for (const char *at = finding_words[finding->kind].text; *at; at++) {
        if (*at == '%')
            add_part(answer, finding, *++at, text);
        else
            text_buffer_append(text, at, 1);
    }
}

static const char *keeps_text(const struct viability *answer, const struct viability_member *member)
{
    const struct pci_function *function = &answer->groups->topology->functions[member->function_id];
    if (answer->question.rule == VIABILITY_PRE_5_18 && function->header_type != 0)
        return "may keep any driver, as a bridge";
    if (member->assumed)
        return member->class == DRIVER_CLASS_PORT ? "may keep its driver (assumed: pcieport)"
                                                  : "needs none (assumed: no driver)";
    return member->class == DRIVER_CLASS_NONE ? "needs none" : "may keep its driver";
}

void viability_member_text(const struct viability *answer, const struct viability_member *member,
                           struct text_buffer *text)
{
    const char *wanted = wanted_driver(answer);
    const char *host_loses = member->role == ROLE_GIVEN ? "" : "; the host loses it";
    switch (member->role) {
    case ROLE_GIVEN:
        text_buffer_add(text, "given");
        break;
    case ROLE_KEEPS:
        text_buffer_add(text, keeps_text(answer, member));
        return;
    case ROLE_UNBOUND:
        text_buffer_add(text, "moves along: no driver of the host may bind to it meanwhile");
        return;
    case ROLE_VANISHES:
        text_buffer_add(text, "is gone once the function it hangs on is bound anew");
        return;
    case ROLE_UNKNOWN:
        text_buffer_add(text, "blocks if a driver is bound");
        break;
    case ROLE_BLOCKS:
        text_buffer_add(text, "blocks");
        break;
    case ROLE_OUTSIDE:
        text_buffer_add(text, "stays with the host");
        return;
    }
    switch (member->fix) {
    case FIX_NONE:
        text_buffer_format(text, ", bound to %s already", member->driver);
        break;
    case FIX_BIND:
        text_buffer_format(text, ": bind to %s%s", wanted, host_loses);
        break;
    case FIX_UNBIND:
        text_buffer_add(text, ": unbind its driver");
        break;
    case FIX_DISABLE_VFS:
        text_buffer_format(text, ": remove its VFs, then bind to %s%s", wanted, host_loses);
        break;
    case FIX_IMPOSSIBLE:
        text_buffer_add(text, member->role == ROLE_GIVEN ? ", but it cannot be"
                                                         : ", and has to: a given function hangs on it");
        break;
    }
}
