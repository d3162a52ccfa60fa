/* SPDX-License-Identifier: MIT */
/**
 * @file pci_function.h
 * One PCI function: what its configuration space says, and the few things software knows beside it.
 *
 * Names follow the PCI Express Base Specification and include/uapi/linux/pci_regs.h. Everything is plain
 * data; a value the input did not tell is marked unknown (a @c known flag, or the stated "unknown" value),
 * never guessed here.
 */
#ifndef IOMMUSIM_TOPOLOGY_PCI_FUNCTION_H
#define IOMMUSIM_TOPOLOGY_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

/** "No such id" for function, bus, unit and host bridge ids. */
#define NONE UINT32_MAX

/** Device/Port Type of the PCI Express Capabilities Register (PCIe Base Spec 7.5.3.2); the values are the
 * register's. */
enum pcie_type {
    PCIE_ENDPOINT = 0,
    PCIE_LEGACY_ENDPOINT = 1,
    PCIE_ROOT_PORT = 4,
    PCIE_UPSTREAM_PORT = 5,
    PCIE_DOWNSTREAM_PORT = 6,
    PCIE_TO_PCI_BRIDGE = 7, /**< PCIe-to-PCI/PCI-X bridge */
    PCI_TO_PCIE_BRIDGE = 8, /**< PCI/PCI-X-to-PCIe bridge ("reverse") */
    PCIE_RC_ENDPOINT = 9,   /**< root complex integrated endpoint */
    PCIE_RC_EVENT_COLLECTOR = 10,
};

/** ACS capability and control bits (PCIe Base Spec 7.7.11; same positions in both registers). */
enum acs_bit {
    ACS_SOURCE_VALIDATION = 0x0001,    /**< SV, lspci SrcValid */
    ACS_TRANSLATION_BLOCKING = 0x0002, /**< TB, lspci TransBlk */
    ACS_REQUEST_REDIRECT = 0x0004,     /**< RR, lspci ReqRedir */
    ACS_COMPLETION_REDIRECT = 0x0008,  /**< CR, lspci CmpltRedir */
    ACS_UPSTREAM_FORWARDING = 0x0010,  /**< UF, lspci UpstreamFwd */
    ACS_EGRESS_CONTROL = 0x0020,       /**< EC, lspci EgressCtrl */
    ACS_DIRECT_TRANSLATED = 0x0040,    /**< DT, lspci DirectTrans */
    ACS_ENHANCED = 0x0080,             /**< capability: ACS Enhanced; control: I/O Request Blocking */

    /* Control only, in force where the capability has ACS Enhanced; in the capability these positions hold
     * the size of the Egress Control Vector. */
    ACS_DOWNSTREAM_TARGET_BLOCKING =
        0x0100, /**< memory of downstream (root) ports: requests from below end */
    ACS_DOWNSTREAM_TARGET_REDIRECT = 0x0200, /**< ... or go up; the kernel's DSP_MT_RR */
    ACS_UPSTREAM_TARGET_BLOCKING = 0x0400,   /**< the same for memory of the switch's upstream port */
    ACS_UPSTREAM_TARGET_REDIRECT = 0x0800,   /**< the kernel's USP_MT_RR */
    ACS_UNCLAIMED_REDIRECT = 0x1000,         /**< requests that no downstream port claims go up */
    ACS_ENHANCED_CONTROLS = 0x1f80,          /**< all of them, with I/O Request Blocking */
};

/** ACS extended capability. */
struct acs {
    bool present;
    uint16_t capability;    /**< ACS Capability Register, low 16 bits */
    uint16_t control;       /**< ACS Control Register as the input gave it (see struct topology::acs_state) */
    uint32_t egress_vector; /**< dword at offset 8: Egress Control Vector, bits 0 to 31; on Intel "SPT" ports
                               the ACS control dword */
    uint32_t egress_vector_more[7]; /**< bits 32 to 255 */
    bool egress_vector_known;       /**< false where the input is text that does not print it */
};

enum bar_kind { BAR_NONE, BAR_IO, BAR_MEMORY32, BAR_MEMORY64 };

/** A base address register (or expansion ROM). */
struct bar {
    enum bar_kind kind;
    bool prefetchable;
    bool assigned; /**< an address is known (or was placed); false: firmware left it zero, or placement is due
                    */
    uint64_t address; /**< first byte, bus address = CPU physical address (x86) */
    uint64_t size; /**< bytes, power of two; 0 where the input does not tell (configuration space alone does
                      not) */
};

enum { BAR_COUNT = 7, BAR_ROM = 6 };

/** A bridge window, both ends inclusive. Closed windows have base > limit in configuration space: @c open
 * false here. */
struct window {
    bool open;
    uint64_t base;
    uint64_t limit;
};

/** Link of a function: for a port below it the link it leads to (root, downstream port), else the link it
 * hangs on. */
struct link_state {
    uint8_t generation;         /**< LnkSta speed: 1..6 for 2.5..64 GT/s; 0 unknown or no link */
    uint8_t width;              /**< LnkSta lanes: 1, 2, 4, 8, 12, 16, 32; 0 unknown or no link */
    uint8_t maximum_generation; /**< LnkCap; 0 unknown */
    uint8_t maximum_width;      /**< LnkCap; 0 unknown */
};

/** SR-IOV extended capability (PCIe Base Spec 9.3.3). */
struct sriov {
    bool present;
    bool enabled; /**< VF Enable */
    uint16_t total_vfs, num_vfs;
    uint16_t first_vf_offset, vf_stride; /**< routing-id distance, as the registers say with NumVFs set */
    uint16_t vf_device;                  /**< device id of the VFs; vendor is the PF's */
    struct bar vf_bars[6];               /**< address of VF 0's BAR and size of one VF's BAR */
};

/** What registers let a function do as requester, and software do with it, beyond what has a member of its
 * own in struct pci_function. Zero is what a function has whose registers nobody has seen. */
struct device_registers {
    bool function_level_reset;        /**< DevCap, or the Advanced Features capability */
    bool relaxed_ordering_disabled;   /**< DevCtl: its requests may not carry RO */
    bool id_based_requests;           /**< DevCtl2 IDOReq: its requests may carry IDO */
    bool id_based_completions;        /**< DevCtl2 IDOCompl */
    bool ten_bit_tags;                /**< DevCtl2: 10-bit tags are enabled for its requests */
    bool ten_bit_tags_disabled;       /**< ... are not, although its link could be of 16 GT/s or more */
    uint32_t completion_timeout;      /**< DevCtl2: code of the range, 0 the default one */
    bool completion_timeout_disabled; /**< DevCtl2 */
    bool caches_not_present;          /**< of an AMD IOMMU: NpCache of its capability (an emulated one) */
};

/** ATS, PRI and PASID capabilities, where present and shown. */
struct translation_registers {
    uint32_t
        invalidation_queue_depth; /**< ATS: invalidations it takes before it answers one, 1..32; 0 unknown */
    uint32_t page_request_capacity;   /**< PRI: page requests it can have outstanding; 0 unknown */
    uint32_t page_request_allocation; /**< PRI: those software lets it have; 0 where none was set */
    uint32_t pasid_width;             /**< PASID: bits, up to 20; 0 unknown */
    bool pasid_execute;               /**< PASID: requests may ask for execute permission */
    bool pasid_privileged;            /**< PASID: requests may be of privileged mode */
};

/** Three-valued knowledge of an optional capability. */
enum knowledge { KNOWN_ABSENT, KNOWN_PRESENT, UNKNOWN };

struct pci_function {
    /* Where it is. */
    uint32_t id;      /**< index in topology.functions = kernel processing order */
    uint32_t segment; /**< PCI segment ("domain"); VMD domains are 0x10000 and up */
    uint8_t bus;      /**< bus number */
    uint8_t devfn;    /**< device << 3 | function, also for ARI functions (as Linux does) */
    uint32_t bus_id;  /**< index in topology.buses of the bus it sits on */

    /* Header. */
    uint8_t header_type; /**< 0 normal, 1 PCI-PCI bridge, 2 CardBus; layout only, without bit 7 */
    bool multifunction;  /**< header bit 7, or set because a function > 0 exists in the slot; false for VFs */
    uint16_t vendor, device, subvendor, subdevice;
    uint32_t class_code; /**< 24 bits: base class, sub-class, programming interface */
    uint8_t revision;
    bool bus_master;        /**< command register bit 2 */
    bool memory_space;      /**< command register bit 1: BARs decode */
    bool io_space_disabled; /**< command register bit 0 is clear; false where untold */
    struct bar bars[BAR_COUNT];

    /* Bridges only (header_type 1). */
    uint8_t secondary_bus, subordinate_bus; /**< 0 where firmware assigned none */
    uint32_t secondary_bus_id; /**< index in topology.buses; NONE for endpoints and unassigned bridges */
    struct window io_window, memory_window, prefetchable_window;

    /* PCI Express. */
    bool pcie;         /**< has a PCI Express capability; false: conventional PCI or PCI-X */
    bool pcie_unknown; /**< the text hid capabilities ("<access denied>"): @c pcie is a guess by class */
    enum pcie_type pcie_type; /**< meaningful where @c pcie */
    bool pcix;                /**< has a PCI-X capability */
    struct link_state link;
    uint16_t port_number; /**< LnkCap Port Number plus one; 0 unknown */
    uint16_t max_payload_supported, max_payload, max_read_request; /**< bytes; 0 unknown */
    bool extended_tags;     /**< ExtTag enabled: 256 tags instead of 32 */
    bool ari_forwarding;    /**< DevCtl2 ARIFwd of a root or downstream port */
    bool no_atomic_routing; /**< of a port: DevCap2 says that it routes no AtomicOps; false where untold */
    bool atomic_egress_blocking; /**< of a port: DevCtl2 blocks AtomicOps that leave by it */
    bool ari;                    /**< has an ARI capability */
    uint8_t ari_next_function;
    bool ari_acs_groups;        /**< of function 0: egress vectors of the device select function groups (ACS
                                   Function Groups Enable) */
    uint8_t ari_function_group; /**< 0..7 */
    struct device_registers registers;
    struct acs acs;
    bool acs_unknown; /**< the input could not show whether there is an ACS capability */
    bool ats, ats_enabled, pri, pasid;
    struct translation_registers translation;
    struct sriov sriov;

    /* Virtual functions. */
    bool is_vf;
    uint32_t pf_id;    /**< the physical function of a VF, else NONE */
    uint32_t vf_index; /**< 0-based number of a VF */

    /* What software and the platform know. */
    uint32_t real_dma_id; /**< function whose requester id its DMA carries (VMD children: the VMD endpoint);
                             own id by default */
    bool external_facing; /**< firmware's ExternalFacingPort property */
    bool untrusted;
    uint8_t dma_mask_bits; /**< DMA mask the driver sets: 24..64; 0 unknown */
    uint8_t *alias_devfns; /**< further devfns on the same bus it uses as requester (NTB proxies, IVRS);
                              arena, or NULL */
    uint32_t alias_count;
    bool group_reported;     /**< the input states the IOMMU group the kernel made */
    uint32_t reported_group; /**< its number; meaningful where @c group_reported */
    const char *driver;      /**< driver bound, "" none, NULL unknown */
    const char *name;        /**< user's or lspci's name; NULL none */
    bool observed; /**< from text that people passed on of a machine that ran (lspci -v in a mail): a line may
                      be lost, so a contradiction of addresses or links is only worth a warning */
    const char *pointer; /**< where it came from: JSON pointer, or "line N" of a dump; for diagnostics */
};

/** Bits of the Egress Control Vector: 0 where the capability has no Egress Control, else 1..256. */
static inline unsigned acs_egress_vector_bits(const struct acs *acs)
{
    unsigned size = acs->capability >> 8;
    if (!acs->present || !(acs->capability & ACS_EGRESS_CONTROL))
        return 0;
    return size ? size : 256;
}

/** Bit @p index, 0..255, of the Egress Control Vector. */
static inline bool acs_egress_bit(const struct acs *acs, unsigned index)
{
    uint32_t dword = index < 32 ? acs->egress_vector : acs->egress_vector_more[index / 32 - 1];
    return dword >> (index % 32) & 1;
}

/** devfn from device (0..31) and function (0..7). */
static inline uint8_t pci_devfn(unsigned device, unsigned function)
{
    return (uint8_t)((device & 31U) << 3 | (function & 7U));
}

/** Device number of a devfn, as Linux splits it also for ARI. */
static inline unsigned pci_slot(uint8_t devfn)
{
    return devfn >> 3;
}

/** Function number of a devfn. */
static inline unsigned pci_func(uint8_t devfn)
{
    return devfn & 7U;
}

/** 16-bit requester id (bus number and devfn). */
static inline uint16_t pci_requester_id(uint8_t bus, uint8_t devfn)
{
    return (uint16_t)(bus << 8 | devfn);
}

/** True for type-1 headers: something may be below. */
static inline bool function_is_bridge(const struct pci_function *function)
{
    return function->header_type == 1;
}

/** True for a PCI Express function of @p type. */
static inline bool function_is_type(const struct pci_function *function, enum pcie_type type)
{
    return function->pcie && function->pcie_type == type;
}

/** Root port, or port of a switch. */
static inline bool function_is_pcie_port(const struct pci_function *function)
{
    return function_is_type(function, PCIE_ROOT_PORT) || function_is_type(function, PCIE_UPSTREAM_PORT) ||
           function_is_type(function, PCIE_DOWNSTREAM_PORT);
}

/** True for ports whose secondary side is a PCI Express link. */
static inline bool function_leads_to_link(const struct pci_function *function)
{
    return function_is_type(function, PCIE_ROOT_PORT) || function_is_type(function, PCIE_DOWNSTREAM_PORT) ||
           function_is_type(function, PCI_TO_PCIE_BRIDGE);
}

enum { BDF_TEXT_SIZE = 20 };

/**
 * "ssss:bb:dd.f" (segments above ffff with as many digits as they need, as the kernel prints them).
 * @param text  at least BDF_TEXT_SIZE bytes
 * @return text
 */
char *bdf_print(char *text, uint32_t segment, uint8_t bus, uint8_t devfn);

/**
 * Parse `[segment:]bus:device.function` (hexadecimal, as lspci prints it). Segment is 0 where none is given.
 * The whole string must be used. @return true; false leaves the outputs untouched.
 */
bool bdf_parse(const char *text, uint32_t *segment, uint8_t *bus, uint8_t *devfn);

/**
 * The word for a function's kind in topology files and output, from its PCI Express type or, without that
 * capability, its header: "endpoint", "legacy-endpoint", "root-port", "upstream-port", "downstream-port",
 * "pcie-to-pci-bridge", "pci-to-pcie-bridge", "integrated-endpoint", "event-collector"; "conventional",
 * "conventional-bridge", "cardbus-bridge". A PCI Express type the specification does not define gives
 * "unknown". Never NULL.
 */
const char *function_kind_name(const struct pci_function *function);

/**
 * The reverse: set @c pcie, @c pcie_type and @c header_type of @p function as the kind named @p kind has
 * them. Other fields keep their values. @return true; false leaves @p function untouched (unknown word).
 */
bool function_kind_set(struct pci_function *function, const char *kind);

/** All words function_kind_set() takes, for messages and schemas; ends with NULL. */
const char *const *function_kind_names(void);

#endif
