/* SPDX-License-Identifier: MIT */
/**
 * @file machine_guests.h
 * Virtual machines: what the host does to give them devices, in time. A guest's monitor has the host do one
 * thing after the other: the process starts; with its first device come a domain and all of the
 * guest's memory mapped in it, which pins it; each device is reset; later ones come and go while the machine
 * runs.
 *
 * machine_guest_steps.c lists those steps; machine_guests.c takes them, in the run or, of guests that run
 * when it begins, before it; machine_guest_contexts.c has the context entries that lead a device's requests
 * to its guest's tables, as VFIO and KVM's own assignment write them.
 *
 * MODEL: a device's entries are written last, when it is usable: until then what it sends is refused, as by a
 * blocking domain. VFIO writes them first, but then has the device off the bus (pci_clear_master() of
 * vfio_pci_core_enable()) until the guest's driver wants it on: no DMA passes in either order, and both take
 * as long. KVM's own assignment reset a device before it wrote its entry.
 *
 * MODEL: a monitor attaches one device at a time, whatever it could do at once. A device that goes is not
 * quieted first: what it still sends is for the unit to refuse. Page tables are there from the beginning,
 * since nothing leads to them before a device is attached; what building them takes is counted when it would
 * be done.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_GUESTS_H
#define IOMMUSIM_MACHINE_MACHINE_GUESTS_H

#include "models/host/guest_memory.h"
#include "models/iommu/invalidation_queue.h"
#include "sim/base/diagnostic.h"
#include "sim/input/workload.h"

struct machine;
struct mapping_job;

/** What the time of a guest's monitor goes to. */
enum guest_time {
    GUEST_TIME_PROCESS,      /**< starting, beside what follows */
    GUEST_TIME_ATTACH,       /**< system calls, locks, lists; entries of devices */
    GUEST_TIME_POPULATE,     /**< pages made present, and cleared */
    GUEST_TIME_PIN,          /**< pages found, pinned and accounted for; at the end released */
    GUEST_TIME_TABLES,       /**< page tables written */
    GUEST_TIME_INVALIDATION, /**< submitted, and waited for */
    GUEST_TIME_RESET,        /**< devices reset, one after the other */
    GUEST_TIME_CPU,          /**< waiting for the CPU, which did something else */
    GUEST_TIMES,
};

enum guest_device_state {
    GUEST_DEVICE_AWAY,    /**< the host's: nothing translates for it */
    GUEST_DEVICE_COMING,  /**< being attached and reset: nothing translates for it yet */
    GUEST_DEVICE_USABLE,  /**< the guest's */
    GUEST_DEVICE_REFUSED, /**< the kernel refused to attach it: its requester id is another domain's */
};

struct guest_device {
    uint32_t function_id;
    enum guest_device_state state;
    bool present; /**< it has been attached, and not detached again */
    bool flush;   /**< entries were changed, and cached ones may be left */
    bool shared;  /**< legacy: an entry was another guest's, or the host's, already, and stayed so */
    uint32_t attaches, detaches;
    uint64_t asked_ps; /**< latest: when the host began to attach or detach it, ... */
    uint64_t done_ps;  /**< ... and when it was usable, or gone and all released; UINT64_MAX: not yet */
    uint64_t time_to_usable_ps; /**< latest: from being asked for to being usable */
    uint64_t cut_off_ps; /**< legacy: another device's detaching took its entry away; UINT64_MAX: none did */
    uint32_t cut_off_by; /**< that device */
};

enum guest_step_kind {
    GUEST_STEP_WORK,          /**< CPU time */
    GUEST_STEP_SLEEP,         /**< a reset */
    GUEST_STEP_ATTACH,        /**< a device joins */
    GUEST_STEP_ENTRIES,       /**< ... and its entries are written */
    GUEST_STEP_DETACH,        /**< ... cleared */
    GUEST_STEP_WINDOWS,       /**< the device's memory goes from the guest's domain */
    GUEST_STEP_FLUSH_CONTEXT, /**< the unit forgets an entry */
    GUEST_STEP_FLUSH_DOMAIN,  /**< ... and the domain's translations, the device's own included */
    GUEST_STEP_FLUSH_DEVICE,  /**< a device forgets all its translations */
    GUEST_STEP_USABLE,
    GUEST_STEP_GONE,
    GUEST_STEP_READY, /**< the guest runs */
};

struct guest_step {
    enum guest_step_kind kind;
    enum guest_time part;
    uint64_t time_ps;     /**< work, sleep */
    uint32_t function_id; /**< device; NONE: of none */
    uint32_t unit;        /**< flush */
    uint16_t source_id;   /**< flush of a context */
    uint64_t asked_ps;    /**< attach, detach: since when it is wanted */
};

/** The memory of a device, where its guest has it. */
struct guest_window {
    uint64_t physical, guest_physical, length;
    uint32_t function_id; /**< whose it is */
    bool mapped;          /**< the guest has the device */
};

/** A virtual machine in time. */
struct guest {
    const struct virtual_machine *what;
    struct guest_device *devices; /**< in the order of its domain's functions */
    uint32_t device_count;
    uint32_t present; /**< devices attached: with the first its memory is pinned, with the last released */
    bool ready;
    bool populated;      /**< its pages are present: pages stay when they are no longer pinned */
    uint64_t started_ps; /**< began to start; 0 of one that runs before the run */
    uint64_t ready_ps;   /**< from then to it running, its devices usable */
    uint64_t pinned_bytes, pinned_high;
    uint64_t times[GUEST_TIMES];       /**< up to ready: their sum is ready_ps */
    uint64_t later_times[GUEST_TIMES]; /**< afterwards: devices that come and go */
    uint32_t domains;                  /**< of the IOMMU: units that are not alike have one each */
    uint64_t entries[3];               /**< leaves of 4 KiB, 2 MiB and 1 GiB in one domain */
    uint64_t tables;                   /**< pages of page tables in one domain */
    struct guest_step *steps;          /**< still to be taken, the first is under way where busy */
    uint32_t step_first, step_count;
    size_t step_capacity;
    struct guest_window *windows; /**< by guest physical address */
    uint32_t window_count;
    size_t window_capacity;
    bool busy;
    uint64_t work_left_ps; /**< of the step under way */
    uint64_t step_begin_ps;
};

struct guests_state {
    struct guest *guests; /**< [virtual machine] */
    uint32_t count;
    uint64_t end_ps;  /**< when the last of these was over */
    uint32_t pending; /**< starts, and devices coming or going, that are not over */
};

/** After domains and CPUs are there: guests that run before the run are started. */
void guests_init(struct machine *machine, struct diagnostics *diagnostics);
void guests_fini(struct machine *machine);

/** The clock starts: guests to be started and devices to come and go are waited for. */
void guests_begin(struct machine *machine);

/** EVENT_GUEST. */
void guests_on_event(struct machine *machine, uint32_t guest, uint32_t argument);

/** A stream's device as its guest has it; GUEST_DEVICE_USABLE for one that is no guest's. */
enum guest_device_state guests_device_state(const struct machine *machine, uint32_t function_id);

/** Has a stream not begun, since its guest did not have its device while the run lasted? */
bool guests_stream_never_ran(const struct machine *machine, uint32_t stream);

/** The run is over: warn of such streams (workload-guest-stream). */
void guests_end(const struct machine *machine);

/** The guest a function is a device of, and its device; NULL where it is of none. */
struct guest *guests_find(const struct machine *machine, uint32_t function_id, struct guest_device **device);

/* machine_guest_steps.c */
/** Append the steps of a guest's start, of all its devices then; of a device that comes or goes.
 * @param asked_ps  since when it is wanted */
void guest_add_start(const struct machine *machine, struct guest *guest, uint64_t asked_ps);
void guest_add_event(const struct machine *machine, struct guest *guest, const struct hot_plug *event);

/* machine_guest_windows.c */
/** The guest physical address of the memory of @p function_id at @p physical, mapped now if it is not yet.
 * Before the run only. @param bytes  a power of two @return 0 where the tables do not reach that far */
uint64_t guest_window(struct machine *machine, struct guest *guest, uint32_t function_id, uint64_t physical,
                      uint64_t bytes);
/** Has anything been mapped of the memory of @p function_id? */
bool guest_has_windows(const struct guest *guest, uint32_t function_id);
/** A device came: its memory is mapped where it was to be; or goes, and its memory goes from the tables. What
 * units and devices hold of it is for the caller to have forgotten. */
void guest_map_windows(struct machine *machine, struct guest *guest, uint32_t function_id);
void guest_unmap_windows(struct machine *machine, struct guest *guest, uint32_t function_id);

/* machine_guest_contexts.c */
enum { GUEST_SOURCES_MAX = 2 };
/** The requester ids whose entries are a device's: its own, and the one that arrives at the host. */
uint32_t guest_sources(const struct machine *machine, uint32_t function_id,
                       uint16_t source_ids[GUEST_SOURCES_MAX]);
/** Do the entries of two functions come and go together? A group's do under VFIO; else those of functions
 * with a requester id in common. */
bool guest_bound_together(const struct machine *machine, const struct guest *guest, uint32_t one,
                          uint32_t other);
/** A device joins. Sets its state: coming, or refused. */
void guest_attach(struct machine *machine, struct guest *guest, struct guest_device *device);
/** Write its entries. It is refused where another guest took them since. */
void guest_write_entries(struct machine *machine, struct guest *guest, struct guest_device *device);
/** Clear them. */
void guest_detach(struct machine *machine, struct guest *guest, struct guest_device *device);
/** The descriptors of a job of kind JOB_CONTEXT. @return how many */
uint32_t guest_flush(const struct machine *machine, const struct mapping_job *job,
                     struct invalidation *batch);
/** The domain of the workload whose tables the device's requests go through; NONE: they are refused. */
uint32_t guest_tables_of(const struct machine *machine, uint32_t function_id);

/** Words for output. */
extern const char *const guest_time_names[GUEST_TIMES];
extern const char *const guest_device_state_names[];

#endif
