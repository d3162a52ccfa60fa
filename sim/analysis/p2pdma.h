/* SPDX-License-Identifier: MIT */
/**
 * @file p2pdma.h
 * The kernel's own opinion of peer-to-peer DMA: for a provider of memory (in a BAR) and a client whose DMA
 * shall go there, at which distance they stand and how the kernel would map it. A second opinion beside
 * reach.h: it looks at the tree and at ACS registers only, and both ways at once, while a request meets only
 * the ports of its own way.
 *
 * Source: calc_map_type_and_dist(), pci_bridge_has_acs_redir(), host_bridge_whitelist() and
 * cpu_supports_p2pdma() of drivers/pci/p2pdma.c (7.3.4; section 13 of the group specification).
 */
#ifndef IOMMUSIM_ANALYSIS_P2PDMA_H
#define IOMMUSIM_ANALYSIS_P2PDMA_H

#include "sim/analysis/reach.h"

/** How the kernel would map DMA of the client to the provider's memory. */
enum p2pdma_map {
    P2PDMA_NOT_SUPPORTED,       /**< it refuses */
    P2PDMA_BUS_ADDRESS,         /**< bus addresses: straight through the switch, no IOMMU */
    P2PDMA_THROUGH_HOST_BRIDGE, /**< as any DMA, through IOMMU and root complex */
};

/** Is the processor one (AMD, family 17h or later) whose root complexes the kernel trusts as they are? */
enum p2pdma_cpu {
    P2PDMA_CPU_GUESS, /**< by the AMD functions of the machine; other answers are what the user says */
    P2PDMA_CPU_ZEN,
    P2PDMA_CPU_OTHER,
};

/** Why traffic through the root complex is trusted, or not. */
enum p2pdma_host {
    P2PDMA_HOST_UNASKED,        /**< it does not go there */
    P2PDMA_HOST_CPU,            /**< the processor is an AMD one of family 17h or later */
    P2PDMA_HOST_LISTED,         /**< the host bridge, or both, are on the list */
    P2PDMA_HOST_NOT_LISTED,     /**< @c host_id is not on the list */
    P2PDMA_HOST_SAME_ONLY,      /**< on the list, but only for functions of one host bridge */
    P2PDMA_HOST_UNIDENTIFIABLE, /**< the first function of the root bus is neither 00.0 nor a root port */
};

struct p2pdma_verdict {
    enum p2pdma_map map;
    uint32_t distance;         /**< hops from both to where they meet, or each to and past its root bus */
    uint32_t meeting_id;       /**< first function on both ways up; NONE */
    uint32_t redirector_count; /**< functions on the way with ReqRedir, CmpltRedir or EgressCtrl on */
    uint32_t redirector_id;    /**< the first of them; NONE */
    bool assumed;              /**< the registers of a redirector, or of one taken for none, are hidden */
    enum p2pdma_host host;
    uint32_t host_id; /**< function that stands for the (first) host bridge asked; NONE */
};

/** How the kernel's opinion stands to what the fabric does with a write of the client. */
enum p2pdma_agreement {
    P2PDMA_AGREES,
    P2PDMA_SILENT,    /**< the client sends nothing, or the provider has no memory BAR */
    P2PDMA_DIVERTED,  /**< the kernel would hand out bus addresses, but the fabric does not go straight */
    P2PDMA_SHORT_CUT, /**< the kernel thinks ACS sends it up, or refuses; the fabric goes straight */
    P2PDMA_AGREEMENTS,
};

/** Ask the kernel. @param cpu  what is known of the processor */
struct p2pdma_verdict p2pdma_ask(const struct iommu_groups *groups, enum p2pdma_cpu cpu, uint32_t provider_id,
                                 uint32_t client_id);

/**
 * The functions that made the kernel send it up, those of the provider's way first: what its hint
 * "pci=disable_acs_redir=" names.
 * @param ids  filled with the first @p capacity
 * @return their number
 */
uint32_t p2pdma_redirectors(const struct iommu_groups *groups, uint32_t provider_id, uint32_t client_id,
                            uint32_t *ids, uint32_t capacity);

/** Hold @p verdict against @p result, of reach_pair() from client to provider. */
enum p2pdma_agreement p2pdma_agreement(const struct p2pdma_verdict *verdict,
                                       const struct reach_result *result);

/** P2PDMA_CPU_ZEN or P2PDMA_CPU_OTHER: what the AMD functions of a machine tell of its processor. */
enum p2pdma_cpu p2pdma_guess_cpu(const struct topology *topology);

/** Stable words: "not-supported", "bus-address", "through-host-bridge". Never NULL. */
const char *p2pdma_map_name(enum p2pdma_map map);
/** "agrees", "silent", "diverted", "short-cut". Never NULL. */
const char *p2pdma_agreement_name(enum p2pdma_agreement agreement);
/** A sentence fragment on the root complex; "" for P2PDMA_HOST_UNASKED. Never NULL. */
const char *p2pdma_host_text(enum p2pdma_host host);

#endif
