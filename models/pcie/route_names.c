/* SPDX-License-Identifier: MIT */
/* Names and sentences of the routing rules, for output. */
#include "models/pcie/route.h"

struct rule_words {
    const char *name;
    const char *text;
};

static const struct rule_words rules[RULE_COUNT] = {
    [RULE_UPSTREAM] = {"upstream", "nobody on the bus claims it: it goes upstream"},
    [RULE_DOWNSTREAM_WINDOW] = {"downstream-window", "the address is in a window of the bridge"},
    [RULE_DOWNSTREAM_BUS] = {"downstream-bus", "the bus number of whom it is for is below the bridge"},
    [RULE_BAR] = {"bar", "a BAR of the function claims it"},
    [RULE_COMPLETION_ARRIVED] = {"completion-arrived", "the completion is back at its requester"},
    [RULE_TO_HOST] = {"to-host", "it leaves the fabric: the root complex takes it to the IOMMU"},
    [RULE_MSI_WINDOW] = {"msi-window", "an interrupt message: it goes to the root complex, never to a peer"},
    [RULE_ID] = {"id", "it is for the function of this id"},
    [RULE_ATS_TRUSTED] = {"ats-trusted",
                          "it says that it is translated; ATS is enabled, so the IOMMU takes its word"},
    [RULE_SWITCH_PEER] = {"switch-peer",
                          "the switch turns it between its ports; ACS ReqRedir is off or missing"},
    [RULE_SWITCH_UPSTREAM_BAR] = {"switch-upstream-bar",
                                  "the upstream port, or a function beside it, claims it on the way up"},
    [RULE_PORT_BAR] = {"port-bar", "a BAR of the port or bridge itself claims it on the way up"},
    [RULE_ROOT_PEER] = {"root-peer",
                        "the root complex routes it to another of its ports; no ACS redirect is on"},
    [RULE_MULTIFUNCTION_PEER] = {"multifunction-peer",
                                 "the device turns it between its functions; ACS ReqRedir is off"},
    [RULE_MULTIFUNCTION_NO_ACS] = {"multifunction-no-acs",
                                   "without an ACS capability the device may turn it between its functions, "
                                   "and software cannot know whether it does"},
    [RULE_CONVENTIONAL_BUS] = {"conventional-bus", "everyone on a conventional bus sees it"},
    [RULE_EGRESS_ALLOWED] = {"egress-allowed",
                             "ACS EgressCtrl is on and its vector lets this pair talk directly"},
    [RULE_DIRECT_TRANSLATED] = {"direct-translated",
                                "ACS DirectTrans lets requests that say they are translated go to the peer"},
    [RULE_REQUEST_REDIRECT] = {"request-redirect", "ACS ReqRedir sends it upstream"},
    [RULE_COMPLETION_REDIRECT] = {"completion-redirect", "ACS CmpltRedir sends the completion upstream"},
    [RULE_UPSTREAM_FORWARDING] = {"upstream-forwarding",
                                  "it is for what is below the port it came from; ACS UpstreamFwd sends it "
                                  "upstream"},
    [RULE_MEMORY_TARGET_REDIRECT] = {"memory-target-redirect",
                                     "ACS Enhanced sends requests for a port's own BAR upstream"},
    [RULE_UNCLAIMED_REDIRECT] = {"unclaimed-redirect",
                                 "no port of the switch claims it; ACS Enhanced sends it upstream"},
    [RULE_NO_PEER_FUNCTION] = {"no-peer-function",
                               "the ACS capability has no ReqRedir: the function sends nothing to peers"},
    [RULE_ASSUMED_REDIRECT] = {"assumed-redirect",
                               "the input hides the ACS registers: assumed to send it upstream"},
    [RULE_PEER_DECODE_OFF] = {"peer-decode-off",
                              "no ACS capability, but the chipset sends all requests upstream"},
    [RULE_NO_PEER_ROUTING] = {"no-peer-routing", "the root complex does not route between its ports"},
    [RULE_SOURCE_VALIDATION] = {"source-validation",
                                "ACS SrcValid blocks it: the requester's bus is not below the port"},
    [RULE_TRANSLATION_BLOCKING] = {"translation-blocking",
                                   "ACS TransBlk blocks it: it does not carry an untranslated address"},
    [RULE_EGRESS_CONTROL] = {"egress-control", "ACS EgressCtrl blocks it: the vector has the target's bit"},
    [RULE_MEMORY_TARGET_BLOCK] = {"memory-target-block", "ACS Enhanced blocks requests for a port's own BAR"},
    [RULE_NO_UPSTREAM_FORWARDING] = {"no-upstream-forwarding",
                                     "it is for what is below the port it came from and ACS UpstreamFwd is "
                                     "off: undefined by the specification, taken as unsupported"},
    [RULE_UNCLAIMED] = {"unclaimed", "nobody claims it"},
    [RULE_IO_BLOCKING] = {"io-blocking", "ACS Enhanced blocks I/O requests from below the port"},
    [RULE_CONFIGURATION_UPSTREAM] = {"configuration-upstream",
                                     "configuration requests from below are not supported"},
    [RULE_NOT_CONVENTIONAL] = {"not-conventional", "a conventional bus cannot carry it"},
    [RULE_ATOMIC_EGRESS] = {"atomic-egress", "AtomicOp Egress Blocking is on at the port it would leave by"},
    [RULE_NO_ATOMIC_ROUTING] = {"no-atomic-routing", "the port does not route AtomicOps"},
    [RULE_NOT_FOR_HOST] = {"not-for-host",
                           "the root complex takes no I/O and configuration requests from below"},
    [RULE_ATS_REFUSED] = {"ats-refused", "it is not a plain request, and ATS is not enabled for its sender"},
    [RULE_UNKNOWN_REQUESTER] = {"unknown-requester",
                                "the IOMMU has no context for its requester id: no function has it"},
};

const char *route_rule_name(enum route_rule rule)
{
    return (unsigned)rule < RULE_COUNT ? rules[rule].name : "unknown";
}

const char *route_rule_text(enum route_rule rule)
{
    return (unsigned)rule < RULE_COUNT ? rules[rule].text : "unknown rule";
}

/** @p names[index], or "unknown". */
static const char *word(const char *const *names, size_t count, unsigned index)
{
    return index < count ? names[index] : "unknown";
}

const char *route_error_name(enum route_error error)
{
    static const char *const names[] = {"none", "acs-violation", "unsupported-request", "master-abort"};
    return word(names, sizeof(names) / sizeof(names[0]), error);
}

const char *route_status_name(enum route_status status)
{
    static const char *const names[] = {"successful", "unsupported-request", "completer-abort"};
    return word(names, sizeof(names) / sizeof(names[0]), status);
}

const char *transaction_kind_name(enum transaction_kind kind)
{
    static const char *const names[TRANSACTION_KINDS] = {[TRANSACTION_MEMORY_READ] = "memory-read",
                                                         [TRANSACTION_MEMORY_WRITE] = "memory-write",
                                                         [TRANSACTION_ATOMIC] = "atomic",
                                                         [TRANSACTION_COMPLETION] = "completion",
                                                         [TRANSACTION_IO] = "io",
                                                         [TRANSACTION_CONFIGURATION] = "configuration",
                                                         [TRANSACTION_MESSAGE_BY_ID] = "message-by-id",
                                                         [TRANSACTION_MESSAGE_TO_ROOT] = "message-to-root"};
    return word(names, TRANSACTION_KINDS, kind);
}

const char *address_type_name(enum address_type type)
{
    static const char *const names[] = {"untranslated", "translation-request", "translated"};
    return word(names, sizeof(names) / sizeof(names[0]), type);
}
