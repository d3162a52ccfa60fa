/* SPDX-License-Identifier: MIT */
/**
 * @file workload_reader.h
 * Workloads (`iommusim-workload/1`): which functions share which address space, what is mapped there, and
 * who issues what DMA. The format is described in sim/input/README.md; the schema is
 * sim/input/schema/workload.schema.json.
 *
 * workload_reader.c reads the document and the domains, workload_modes.c what the kernel makes of these,
 * workload_mappings.c mappings and where they lie in RAM, workload_guests.c virtual machines,
 * workload_streams.c the streams, workload_devices.c those with a model of a device. They share struct
 * workload_reading.
 *
 * Codes: workload-format, workload-name, workload-device, workload-device-twice, workload-device-no-dma,
 * workload-no-domain, workload-not-translated (warning), workload-untrusted (warning), workload-mode,
 * workload-alignment, workload-mapping-range, workload-mapping-overlap, workload-reserved, workload-pages,
 * workload-no-memory, workload-buffers, workload-misbehaviour, workload-stream-end, workload-stream-pace,
 * workload-stream-key, workload-guest-memory, workload-guest-device, workload-hot-plug,
 * workload-window, workload-stride, workload-unmapped (warning), workload-empty,
 * workload-device-model; beside those of json_reader.h.
 */
#ifndef IOMMUSIM_INPUT_WORKLOAD_READER_H
#define IOMMUSIM_INPUT_WORKLOAD_READER_H

#include "sim/input/json_reader.h"
#include "sim/input/workload.h"

/** The machine a workload is for. */
struct workload_machine {
    const struct topology *topology;           /**< NULL: not known, devices are not looked up */
    const enum translation_mode *kernel_modes; /**< [function] what the kernel makes of it; NULL: not known */
    const uint32_t *group_of; /**< [function] IOMMU group, or NONE; NULL: not known, each is its own */
    const bool *translated;   /**< [function] an IOMMU translates it; NULL: all of them */
    enum iommu_kind iommu;    /**< decides which addresses are never mapped; IOMMU_NONE: nothing translates */
};

/**
 * Read a workload file.
 * @param workload  filled on success; free with workload_free()
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int workload_load(const char *path, const struct workload_machine *machine, struct workload **workload,
                  struct diagnostics *diagnostics);

/**
 * Read a workload from memory.
 * @param source  the text, NUL-terminated beyond its length; its name stands in findings
 * @param path    traces named by relative paths start in the folder of this file
 * @return as workload_load()
 */
int workload_load_source(const struct source_text *source, const char *path,
                         const struct workload_machine *machine, struct workload **workload,
                         struct diagnostics *diagnostics);

/**
 * Read a workload that is part of a document.
 * @param root  its object
 * @param path  of the file it stands in: traces named by relative paths start in its folder
 * @return the workload, or NULL after diagnostics
 */
struct workload *workload_read(const struct json_node *root, const char *path,
                               const struct workload_machine *machine);

/** @p name, seen from the folder of file @p path: a malloc'ed path. Absolute names and "-" stay as they are.
 */
char *path_beside(const char *path, const char *name);

/* The rest is for the parts of the reader. */

struct range_set;

/** What the parts share. */
struct workload_reading {
    struct workload *workload;
    const struct workload_machine *machine;
    const char *path;
    uint32_t *domain_of; /**< [function], NONE where it is in none */
    struct memory_placer *placer;
    bool
        domains_broken; /**< something in the domains is wrong: what follows from them is not reported, too */
};

/** Where the reader puts buffers whose physical address the user leaves open: first fit in RAM (from 4 GiB up
 * where the topology tells no RAM), clear of every BAR, window and reserved region. The same input always
 * gives the same addresses. */
struct memory_placer;
struct memory_placer *memory_placer_new(const struct topology *topology);
void memory_placer_free(struct memory_placer *placer);
/** @return false where no room is left; @p alignment is a power of two */
bool memory_placer_take(struct memory_placer *placer, uint64_t length, uint64_t alignment, uint64_t *base);

/** RAM in which nothing was placed, in whole pages; where the topology tells no RAM, some that is assumed.
 * The array is the arena's. @return ranges */
uint32_t memory_placer_free_memory(const struct memory_placer *placer, struct arena *arena,
                                   struct free_memory **memory);

/** As much of @p length bytes as lies in one place: a multiple of @p alignment, on NUMA node @p node (NONE:
 * any). @return the bytes taken, 0 where no room is left */
uint64_t memory_placer_take_some(struct memory_placer *placer, uint64_t length, uint64_t alignment,
                                 uint32_t node, uint64_t *base);

/** Report that a range of a domain's addresses overlaps one that is never mapped. @param what  the range is
 * of
 * @return true where it is free of those */
bool check_reserved(const struct workload_reading *reading, const struct json_node *node,
                    const struct domain *domain, const char *what, uint64_t base, uint64_t length);

/** The virtual machines and their domains (workload_guests.c). */
void read_virtual_machines(struct workload_reading *reading, const struct json_node *root);
/** The function belongs to a domain: report where it is in another already, else put it in. */
void add_device(struct workload_reading *reading, const struct json_node *node, struct domain *domain);

/** The domain, among those read before @p domain, that has the function for requests like @p domain's; NULL
 */
const struct domain *domain_before(const struct workload_reading *reading, const struct domain *domain,
                                   uint32_t id);
/** Put a function that is in no domain into this one, which has room. */
void take_device(struct workload_reading *reading, struct domain *domain, uint32_t id);

/* workload_modes.c */
/** The mode of a domain whose functions are known, as the kernel has it: what "kernel" stands for, strict for
 * devices that are not trusted; with warnings. */
void settle_mode(struct workload_reading *reading, const struct json_node *object, struct domain *domain);
/** "devices": "each": what @p domain has but functions goes to a domain for each group, the first one to
 * itself. */
void spread_over_groups(struct workload_reading *reading, const struct json_node *object,
                        struct domain *domain);

/** A stream that was read, beside others, its domain and its device: errors and warnings
 * (workload_checks.c). */
void check_read_stream(const struct workload_reading *reading, const struct json_node *node,
                       const struct stream *stream);

/** The mappings of a domain whose functions are known. */
void read_mappings(struct workload_reading *reading, const struct json_node *array, struct domain *domain);

/** Where from @p base on, below @p base + @p length, the domain lacks a mapping with the access asked for.
 * @return false where all is mapped */
bool find_unmapped(const struct domain *domain, uint64_t base, uint64_t length, bool read, bool write,
                   uint64_t *where);

/** Key "pasid" of a domain or stream. @param pasid  plus one; 0 where there is none */
void read_pasid(const struct json_node *object, uint32_t *pasid);

/** The domain for requests of a function with a PASID (plus one), or NULL. */
const struct domain *find_pasid_domain(const struct workload *workload, uint32_t function_id, uint32_t pasid);

/** All streams. */
void read_streams(struct workload_reading *reading, const struct json_node *root);

/** The device a stream's "device" names, "any" included; NONE after a diagnostic. */
uint32_t read_stream_device(const struct workload_reading *reading, const struct json_node *device);
/** The domain of a stream's function, or NULL. */
const struct domain *stream_domain(const struct workload_reading *reading, const struct stream *stream);
/** Report that no domain is the stream's, at its "device". */
void report_no_domain(const struct json_node *device, const struct stream *stream);

/* workload_devices.c */
/** Which model of a device the stream's object asks for. */
enum device_kind workload_device_kind(const struct json_node *stream);
/** Its device, domain and parameters; keys that are for generators or traces are refused. */
void workload_read_device(const struct workload_reading *reading, const struct json_node *node,
                          struct stream *stream);

/** The function a node names, or NONE after a diagnostic. Bridges are refused. */
uint32_t read_device(const struct workload_reading *reading, const struct json_node *node);

/** Report a name that is empty or that an earlier element has. @p names are those so far. */
bool check_name(const struct json_node *object, const char *what, const char *name,
                const char *const *earlier, uint32_t count, size_t stride);

#endif
