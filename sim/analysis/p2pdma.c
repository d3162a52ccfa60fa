/* SPDX-License-Identifier: MIT */
#include "sim/analysis/p2pdma.h"

#include "sim/analysis/iommu_groups.h"

#include <stddef.h>

enum { VENDOR_AMD = 0x1022, VENDOR_ATI = 0x1002, CLASS_HOST_BRIDGE = 0x0600, DEPTH_MAX = 256 };

#define P2PDMA_ANY_DEVICE 0xffff

static const struct listed_bridge {
    uint16_t vendor, device;
    bool same_only;
} listed_bridges[] = {
#define P2PDMA_HOST_BRIDGE(vendor, device, same_only) {vendor, device, same_only},
#include "sim/analysis/p2pdma_host_bridges.def"
#undef P2PDMA_HOST_BRIDGE
};

/** Northbridge functions and host bridges of AMD processors before family 17h: K8 to 16h. No new ones come.
 * Source: the names of these ids in the public PCI id list. */
static const struct {
    uint16_t vendor, first, last;
} old_amd[] = {
    {VENDOR_AMD, 0x1100, 0x1103}, /* K8 */
    {VENDOR_AMD, 0x1200, 0x1204}, /* 10h */
    {VENDOR_AMD, 0x1300, 0x1304}, /* 11h */
    {VENDOR_AMD, 0x1400, 0x1424}, /* 15h models 10h and 30h */
    {VENDOR_AMD, 0x1510, 0x1510}, /* 14h */
    {VENDOR_AMD, 0x1530, 0x1539}, /* 16h */
    {VENDOR_AMD, 0x1566, 0x157f}, /* 16h model 30h, 15h models 60h and 70h */
    {VENDOR_AMD, 0x1580, 0x1585}, /* 16h model 30h */
    {VENDOR_AMD, 0x15b0, 0x15b5}, /* 15h model 70h */
    {VENDOR_AMD, 0x1600, 0x1605}, /* 15h */
    {VENDOR_AMD, 0x1700, 0x1719}, /* 12h and 14h */
    {VENDOR_AMD, 0x9600, 0x960f}, /* RS780 and RS880 */
    {VENDOR_ATI, 0x5a10, 0x5a14}, /* RD890 and its kin */
    {VENDOR_ATI, 0x5950, 0x5958}, /* RS480, RD580 */
    {VENDOR_ATI, 0x7910, 0x791f}, /* RS690 */
};

static bool is_old_amd(const struct pci_function *function)
{
    for (size_t i = 0; i < sizeof(old_amd) / sizeof(old_amd[0]); i++) {
        if (function->vendor == old_amd[i].vendor && function->device >= old_amd[i].first &&
            function->device <= old_amd[i].last)
            return true;
    }
    return false;
}

enum p2pdma_cpu p2pdma_guess_cpu(const struct topology *topology)
{
    bool bridge_seen = false;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (function->class_code >> 8 != CLASS_HOST_BRIDGE || topology_parent(topology, function))
            continue;
        if (is_old_amd(function))
            return P2PDMA_CPU_OTHER;
        bridge_seen |= function->vendor == VENDOR_AMD;
    }
    return bridge_seen ? P2PDMA_CPU_ZEN : P2PDMA_CPU_OTHER;
}

/* What a read of the ACS Control Register gives: the standard word, also where the hardware keeps its real
 * control elsewhere. Whoever hides it has what the groups assume. */
static bool redirects(const struct iommu_groups *groups, uint32_t id, bool *assumed)
{
    enum { REDIRECTS = ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_EGRESS_CONTROL };
    const struct acs_view *view = &groups->views[id];
    const struct pci_function *function = &groups->topology->functions[id];
    if (view->hidden && function_is_bridge(function)) {
        *assumed = true;
        return groups->verdicts[id].reason == ACS_REASON_ASSUMED && groups->verdicts[id].isolated;
    }
    return view->present && (view->dword_control ? function->acs.control : view->control) & REDIRECTS;
}

/* The functions from @p id up to its root bus. @return how many */
static uint32_t way_up(const struct topology *topology, uint32_t id, uint32_t *way)
{
    uint32_t count = 0;
    const struct pci_function *at = &topology->functions[id];
    for (; at && count < DEPTH_MAX; at = topology_parent(topology, at))
        way[count++] = at->id;
    return count;
}

/** Both ways up to where they meet. */
struct ways {
    uint32_t provider[DEPTH_MAX], client[DEPTH_MAX];
    uint32_t provider_count, client_count; /**< functions on each */
    uint32_t provider_hops, client_hops;   /**< to the meeting function, or past the root bus */
    uint32_t meeting_id;
};

static void find_ways(struct ways *ways, const struct topology *topology, uint32_t provider_id,
                      uint32_t client_id)
{
    ways->provider_count = way_up(topology, provider_id, ways->provider);
    ways->client_count = way_up(topology, client_id, ways->client);
    for (uint32_t p = 0; p < ways->provider_count; p++) {
        for (uint32_t c = 0; c < ways->client_count; c++) {
            if (ways->provider[p] != ways->client[c])
                continue;
            ways->meeting_id = ways->provider[p];
            ways->provider_hops = p;
            ways->client_hops = c;
            return;
        }
    }
    ways->meeting_id = NONE;
    ways->provider_hops = ways->provider_count;
    ways->client_hops = ways->client_count;
}

/* The redirectors up to the meeting function, that one included once. */
static uint32_t find_redirectors(const struct iommu_groups *groups, const struct ways *ways, uint32_t *ids,
                                 uint32_t capacity, bool *assumed)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < ways->provider_count && p <= ways->provider_hops; p++) {
        if (redirects(groups, ways->provider[p], assumed)) {
            if (count < capacity)
                ids[count] = ways->provider[p];
            count++;
        }
    }
    for (uint32_t c = 0; ways->meeting_id != NONE && c < ways->client_hops; c++) {
        if (redirects(groups, ways->client[c], assumed)) {
            if (count < capacity)
                ids[count] = ways->client[c];
            count++;
        }
    }
    return count;
}

uint32_t p2pdma_redirectors(const struct iommu_groups *groups, uint32_t provider_id, uint32_t client_id,
                            uint32_t *ids, uint32_t capacity)
{
    struct ways ways;
    bool assumed;
    find_ways(&ways, groups->topology, provider_id, client_id);
    return ways.meeting_id == NONE ? 0 : find_redirectors(groups, &ways, ids, capacity, &assumed);
}

/* The host bridge a function is below, and the function whose ids stand for it: NULL where there is none. */
static const struct host_bridge *host_of(const struct topology *topology, uint32_t id,
                                         const struct pci_function **stands)
{
    const struct pci_function *root = topology_root_function(topology, &topology->functions[id]);
    const struct host_bridge *host = &topology->host_bridges[topology->buses[root->bus_id].host_bridge_id];
    const struct pci_bus *bus = &topology->buses[host->root_bus_id];
    const struct pci_function *first = bus->function_count ? &topology->functions[bus->functions[0]] : NULL;
    bool usable = first && (first->devfn == 0 || function_is_type(first, PCIE_ROOT_PORT));
    *stands = usable ? first : NULL;
    return host;
}

static enum p2pdma_host ask_host(const struct pci_function *stands, bool same)
{
    if (!stands)
        return P2PDMA_HOST_UNIDENTIFIABLE;
    for (size_t i = 0; i < sizeof(listed_bridges) / sizeof(listed_bridges[0]); i++) {
        const struct listed_bridge *listed = &listed_bridges[i];
        if (stands->vendor == listed->vendor &&
            (listed->device == P2PDMA_ANY_DEVICE || stands->device == listed->device))
            return listed->same_only && !same ? P2PDMA_HOST_SAME_ONLY : P2PDMA_HOST_LISTED;
    }
    return P2PDMA_HOST_NOT_LISTED;
}

static void ask_hosts(const struct topology *topology, enum p2pdma_cpu cpu, uint32_t provider_id,
                      uint32_t client_id, struct p2pdma_verdict *verdict)
{
    const struct pci_function *stands[2];
    const struct host_bridge *a = host_of(topology, provider_id, &stands[0]);
    const struct host_bridge *b = host_of(topology, client_id, &stands[1]);
    if (cpu == P2PDMA_CPU_GUESS)
        cpu = p2pdma_guess_cpu(topology);
    verdict->host = P2PDMA_HOST_CPU;
    if (cpu != P2PDMA_CPU_ZEN) {
        verdict->host = ask_host(stands[0], a == b);
        verdict->host_id = stands[0] ? stands[0]->id : NONE;
        if (verdict->host == P2PDMA_HOST_LISTED && a != b) {
            verdict->host = ask_host(stands[1], false);
            verdict->host_id = stands[1] ? stands[1]->id : NONE;
        }
    }
    verdict->map = verdict->host == P2PDMA_HOST_CPU || verdict->host == P2PDMA_HOST_LISTED
                       ? P2PDMA_THROUGH_HOST_BRIDGE
                       : P2PDMA_NOT_SUPPORTED;
}

struct p2pdma_verdict p2pdma_ask(const struct iommu_groups *groups, enum p2pdma_cpu cpu, uint32_t provider_id,
                                 uint32_t client_id)
{
    struct ways ways;
    struct p2pdma_verdict verdict = {.map = P2PDMA_BUS_ADDRESS, .redirector_id = NONE, .host_id = NONE};
    find_ways(&ways, groups->topology, provider_id, client_id);
    verdict.distance = ways.provider_hops + ways.client_hops;
    verdict.meeting_id = ways.meeting_id;
    if (ways.meeting_id != NONE)
        verdict.redirector_count =
            find_redirectors(groups, &ways, &verdict.redirector_id, 1, &verdict.assumed);
    if (ways.meeting_id == NONE || verdict.redirector_count)
        ask_hosts(groups->topology, cpu, provider_id, client_id, &verdict);
    return verdict;
}

enum p2pdma_agreement p2pdma_agreement(const struct p2pdma_verdict *verdict,
                                       const struct reach_result *result)
{
    bool straight = result->outcome == REACH_REACHES && !result->through_root;
    if (result->outcome == REACH_NOT_APPLICABLE)
        return P2PDMA_SILENT;
    if (verdict->map == P2PDMA_BUS_ADDRESS)
        return straight ? P2PDMA_AGREES : P2PDMA_DIVERTED;
    /* What the root complex itself turns did go through the host bridge. */
    if (straight && verdict->map == P2PDMA_THROUGH_HOST_BRIDGE && result->rule == RULE_ROOT_PEER)
        return P2PDMA_AGREES;
    return straight ? P2PDMA_SHORT_CUT : P2PDMA_AGREES;
}

const char *p2pdma_map_name(enum p2pdma_map map)
{
    switch (map) {
    case P2PDMA_NOT_SUPPORTED:
        return "not-supported";
    case P2PDMA_BUS_ADDRESS:
        return "bus-address";
    case P2PDMA_THROUGH_HOST_BRIDGE:
        return "through-host-bridge";
    }
    return "unknown";
}

const char *p2pdma_agreement_name(enum p2pdma_agreement agreement)
{
    static const char *const names[P2PDMA_AGREEMENTS] = {"agrees", "silent", "diverted", "short-cut"};
    return (unsigned)agreement < P2PDMA_AGREEMENTS ? names[agreement] : "unknown";
}

const char *p2pdma_host_text(enum p2pdma_host host)
{
    switch (host) {
    case P2PDMA_HOST_UNASKED:
        break;
    case P2PDMA_HOST_CPU:
        return "the processor is an AMD one of family 17h or later";
    case P2PDMA_HOST_LISTED:
        return "the kernel's list has the host bridge";
    case P2PDMA_HOST_NOT_LISTED:
        return "the kernel's list does not have the host bridge";
    case P2PDMA_HOST_SAME_ONLY:
        return "the kernel's list has the host bridge for its own ports only";
    case P2PDMA_HOST_UNIDENTIFIABLE:
        return "the root bus begins with neither 00.0 nor a root port: the kernel cannot tell the host "
               "bridge";
    }
    return "";
}
