/* SPDX-License-Identifier: MIT */
/* Lines of a kernel's recorded trace: time stamp, event, fields. */
#include "sim/input/kernel_trace_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool kernel_trace_recognise(const char *text)
{
    static const char *const signs[] = {
        "# tracer:",    " dma_map_",       " dma_unmap_", "dma:dma_",         " dma_sync_",      " dma_alloc",
        "IOMMU: iova=", "io_page_fault: ", "iommu:",      "swiotlb_bounced:", "# entries-in-buf"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (strstr(text, signs[i]))
            return true;
    }
    return false;
}

/* ---- fields of a line ---- */

static bool number_field(const char *text, const char *name, int base, uint64_t *value)
{
    const char *at = strstr(text, name);
    char *end;
    if (!at)
        return false;
    *value = strtoull(at + strlen(name), &end, base);
    return end != at + strlen(name);
}

/* An array: "NAME={0x1000,0x2000}" as the kernel prints it (trace_print_array_seq()), or "NAME=4096 8192" as
 * trace-cmd and perf do (libtraceevent's TEP_PRINT_INT_ARRAY). @return elements; 0 where there is none */
static uint32_t array_field(const char *text, const char *name, uint64_t *values, uint32_t most)
{
    const char *at = strstr(text, name);
    uint32_t count = 0;
    if (!at)
        return 0;
    at += strlen(name);
    bool braces = *at == '{';
    at += braces;
    while (count < most && isdigit((unsigned char)*at)) {
        char *end;
        values[count++] = strtoull(at, &end, 0);
        if (*end != (braces ? ',' : ' '))
            break;
        at = end + 1;
    }
    return count;
}

/* The device is the first word. @return false where it is no PCI function */
static bool device_of(const char *text, uint32_t *function)
{
    char word[BDF_TEXT_SIZE + 8];
    uint32_t segment;
    uint8_t bus, devfn;
    size_t length = strcspn(text, " \t\r");
    if (length >= sizeof(word))
        return false;
    memcpy(word, text, length);
    word[length] = '\0';
    if (!bdf_parse(word, &segment, &bus, &devfn))
        return false;
    *function = trace_bare_function(segment, bus, devfn);
    return true;
}

static struct live_buffer direction_of(const char *text)
{
    bool to = strstr(text, "dir=TO_DEVICE") != NULL, from = strstr(text, "dir=FROM_DEVICE") != NULL;
    return (struct live_buffer){.to_device = to || !from, .from_device = from || !to, .next = NONE};
}

/* ---- events ---- */

/** What an event does. */
enum event_kind {
    KERNEL_MAP,
    KERNEL_UNMAP,
    KERNEL_MAP_LIST,
    KERNEL_UNMAP_LIST,
    KERNEL_ALLOC,
    KERNEL_FREE,
    KERNEL_FOR_DEVICE,
    KERNEL_FOR_CPU,
    KERNEL_FAILED,
    KERNEL_IOMMU_MAP,
    KERNEL_IOMMU_UNMAP,
    KERNEL_FAULT,
    KERNEL_BOUNCED,
};

static const struct event_name {
    const char *name;
    enum event_kind kind;
} event_names[] = {
    {"dma_map_page", KERNEL_MAP},
    {"dma_map_phys", KERNEL_MAP},
    {"dma_map_resource", KERNEL_MAP},
    {"dma_unmap_page", KERNEL_UNMAP},
    {"dma_unmap_phys", KERNEL_UNMAP},
    {"dma_unmap_resource", KERNEL_UNMAP},
    {"dma_map_sg", KERNEL_MAP_LIST},
    {"dma_unmap_sg", KERNEL_UNMAP_LIST},
    {"dma_alloc", KERNEL_ALLOC},
    {"dma_alloc_pages", KERNEL_ALLOC},
    {"dma_free", KERNEL_FREE},
    {"dma_free_pages", KERNEL_FREE},
    {"dma_sync_single_for_device", KERNEL_FOR_DEVICE},
    {"dma_sync_single_for_cpu", KERNEL_FOR_CPU},
    {"dma_map_sg_err", KERNEL_FAILED},
    {"map", KERNEL_IOMMU_MAP},
    {"unmap", KERNEL_IOMMU_UNMAP},
    {"io_page_fault", KERNEL_FAULT},
    {"swiotlb_bounced", KERNEL_BOUNCED},
};

/* Larger ones no kernel maps at once; a damaged line may say anything. */
static bool is_range(uint64_t address, uint64_t length)
{
    return length && length <= UINT64_C(1) << 32 && address + (length - 1) >= address;
}

static const char *map_list(struct kernel_trace *trace, const char *text, uint32_t function)
{
    uint64_t first;
    uint32_t count = array_field(text, "dma_addrs=", trace->addresses, SEGMENTS_MAX),
             lengths = array_field(text, "sizes=", trace->lengths, SEGMENTS_MAX);
    if (!count || lengths != count)
        return "dma_map_sg needs as many dma_addrs= as sizes=";
    for (uint32_t i = 0; i < count; i++) {
        if (!is_range(trace->addresses[i], trace->lengths[i]))
            return "dma_map_sg with a size of 0 or beyond 4 GiB";
    }
    if (!array_field(text, "phys_addrs=", &first, 1))
        return "dma_map_sg without phys_addrs=";
    kernel_trace_map(trace, &(struct live_key){first, function, KEY_LIST}, trace->addresses, trace->lengths,
                     count, direction_of(text), true);
    return NULL;
}

static const char *unmap_list(struct kernel_trace *trace, const char *text, uint32_t function)
{
    uint64_t first;
    if (!array_field(text, "phys_addrs=", &first, 1))
        return "dma_unmap_sg without phys_addrs=";
    kernel_trace_unmap(trace, &(struct live_key){first, function, KEY_LIST}, true);
    return NULL;
}

/* Events about one buffer of a device: dma_addr= and size=. */
static const char *one_buffer(struct kernel_trace *trace, const char *text, uint32_t function,
                              enum event_kind kind)
{
    struct live_key key = {.function = function, .kind = KEY_BUFFER};
    struct live_buffer buffer = direction_of(text);
    if (!number_field(text, "dma_addr=", 16, &buffer.address))
        return "an event of the DMA API without dma_addr=";
    if (!number_field(text, "size=", 10, &buffer.length))
        return "an event of the DMA API without size=";
    key.address = buffer.address;
    if (!is_range(buffer.address, buffer.length))
        return "size= is 0 or beyond 4 GiB, or the buffer ends beyond 64 bits";
    switch (kind) {
    case KERNEL_MAP:
    case KERNEL_ALLOC:
        if (kind == KERNEL_ALLOC)
            buffer.to_device = buffer.from_device = true;
        kernel_trace_map(trace, &key, &buffer.address, &buffer.length, 1, buffer, kind == KERNEL_MAP);
        break;
    case KERNEL_UNMAP:
    case KERNEL_FREE:
        kernel_trace_unmap(trace, &key, kind == KERNEL_UNMAP);
        break;
    case KERNEL_FOR_DEVICE:
        if (buffer.to_device)
            kernel_trace_access(trace, function, &buffer, TRACE_READ);
        break;
    default:
        if (buffer.from_device)
            kernel_trace_access(trace, function, &buffer, TRACE_WRITE);
        break;
    }
    return NULL;
}

/* "IOMMU: iova=0x1000 - 0x2000 paddr=0x... size=4096" */
static const char *iommu_range(struct kernel_trace *trace, const char *text, bool map)
{
    struct live_buffer buffer = {.to_device = true, .from_device = true, .next = NONE};
    if (!number_field(text, "iova=", 16, &buffer.address) ||
        !number_field(text, "size=", 10, &buffer.length) || !is_range(buffer.address, buffer.length))
        return map ? "iommu:map without iova= or size=" : "iommu:unmap without iova= or size=";
    if (trace->named == NONE) {
        trace->counts.without_device++;
        return NULL;
    }
    struct live_key key = {buffer.address, trace->named, KEY_BUFFER};
    if (map)
        kernel_trace_map(trace, &key, &buffer.address, &buffer.length, 1, buffer, true);
    else
        kernel_trace_unmap(trace, &key, false);
    return NULL;
}

/* "IOMMU:e1000e 0000:00:1f.6 iova=0x... flags=0x0001": 1 is a write (IOMMU_FAULT_WRITE) */
static const char *fault(struct kernel_trace *trace, const char *text)
{
    uint64_t iova, flags;
    uint32_t function;
    const char *device = strchr(text, ' ');
    if (!device || !number_field(text, "iova=", 16, &iova) || !number_field(text, "flags=", 16, &flags))
        return "io_page_fault without device, iova= or flags=";
    trace->counts.faults++;
    if (device_of(device + 1, &function))
        kernel_trace_put(trace, function, flags & 1 ? TRACE_WRITE : TRACE_READ, iova, 4, NULL);
    else
        trace->counts.other_devices++;
    return NULL;
}

static const char *bounced(struct kernel_trace *trace, const char *text)
{
    uint64_t size;
    if (!number_field(text, "size=", 10, &size))
        return "swiotlb_bounced without size=";
    trace->counts.bounced++;
    trace->counts.bounced_bytes += size;
    return NULL;
}

static const char *carry_out(struct kernel_trace *trace, enum event_kind kind, const char *text)
{
    uint32_t function = 0;
    trace->counts.events++;
    if (kind == KERNEL_IOMMU_MAP || kind == KERNEL_IOMMU_UNMAP)
        return iommu_range(trace, text, kind == KERNEL_IOMMU_MAP);
    if (kind == KERNEL_FAULT)
        return fault(trace, text);
    if (kind == KERNEL_BOUNCED)
        return bounced(trace, text);
    if (kind == KERNEL_FAILED) {
        trace->counts.failed++;
        return NULL;
    }
    if (!device_of(text, &function)) {
        trace->counts.other_devices++;
        return NULL;
    }
    if (kind == KERNEL_MAP_LIST)
        return map_list(trace, text, function);
    if (kind == KERNEL_UNMAP_LIST)
        return unmap_list(trace, text, function);
    return one_buffer(trace, text, function, kind);
}

/* ---- lines ---- */

static void count_unknown(struct kernel_trace *trace, const char *name, size_t length)
{
    struct kernel_trace_counts *counts = &trace->counts;
    counts->unknown++;
    for (size_t i = 0; i < KERNEL_TRACE_NAMES; i++) {
        if (!counts->names[i].count)
            snprintf(counts->names[i].name, KERNEL_TRACE_NAME_SIZE, "%.*s", (int)length, name);
        if (strlen(counts->names[i].name) == length && strncmp(counts->names[i].name, name, length) == 0) {
            counts->names[i].count++;
            return;
        }
    }
}

/* " 1234.567890: ": the first word of that form. @return what follows, or NULL */
static const char *time_stamp(const char *line, uint64_t *ps)
{
    for (const char *at = line; *at; at++) {
        char *end;
        if (!isdigit((unsigned char)*at) || (at > line && at[-1] != ' ' && at[-1] != '\t'))
            continue;
        uint64_t seconds = strtoull(at, &end, 10), fraction = 0;
        if (*end != '.')
            continue;
        const char *digit = end + 1;
        int digits = 0;
        for (; isdigit((unsigned char)*digit); digit++, digits++)
            fraction = digits < 12 ? fraction * 10 + (uint64_t)(*digit - '0') : fraction;
        if (*digit != ':' || !digits)
            continue;
        for (; digits < 12; digits++)
            fraction *= 10;
        *ps = seconds % 10000000 * UINT64_C(1000000000000) + fraction;
        return digit + 1;
    }
    return NULL;
}

/* The event's name in @p at, its system cut off. @return its length; 0 where there is none */
static size_t event_name(const char **at)
{
    *at += strspn(*at, " \t");
    size_t length = strcspn(*at, " \t");
    if (length < 2 || (*at)[length - 1] != ':')
        return 0;
    const char *colon = memchr(*at, ':', length - 1);
    if (colon) {
        length -= (size_t)(colon + 1 - *at);
        *at = colon + 1;
    }
    return length - 1;
}

static void note_time(struct kernel_trace *trace, uint64_t ps)
{
    if (!trace->timed)
        trace->first_ps = ps;
    trace->timed = true;
    trace->now_ps =
        ps > trace->now_ps ? ps : trace->now_ps; /* buffers of CPUs may be a little out of order */
}

bool kernel_trace_line(struct kernel_trace *trace, const char *line, const char **wrong)
{
    uint64_t ps, lost;
    const char *at = time_stamp(line, &ps);
    *wrong = NULL;
    if (!at) {
        if (number_field(line, "LOST ", 10, &lost))
            trace->counts.lost += lost;
        return true; /* headings, call chains */
    }
    size_t length = event_name(&at);
    if (!length)
        return true;
    const char *text = at + length + 1;
    text += strspn(text, " \t");
    for (size_t i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++) {
        const struct event_name *event = &event_names[i];
        bool of_iommu = event->kind == KERNEL_IOMMU_MAP || event->kind == KERNEL_IOMMU_UNMAP;
        if (strlen(event->name) != length || strncmp(event->name, at, length) != 0 ||
            (of_iommu && strncmp(text, "IOMMU:", 6) != 0))
            continue;
        note_time(trace, ps);
        *wrong = carry_out(trace, event->kind, text);
        return !*wrong;
    }
    count_unknown(trace, at, length);
    return true;
}
