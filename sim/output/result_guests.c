/* SPDX-License-Identifier: MIT */
/* Virtual machines: how long they took to run, what of memory they hold, what became of their devices. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const entry_sizes[] = {"4KiB", "2MiB", "1GiB"};

/* ---- JSON ---- */

static void write_number(struct json_layout *layout, const char *key, uint64_t value)
{
    layout_format(layout, key, "%" PRIu64, value);
}

static void write_address(struct json_layout *layout, const char *key, const struct result *result,
                          uint32_t function_id)
{
    char text[BDF_TEXT_SIZE];
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    layout_string(layout, key, bdf_print(text, function->segment, function->bus, function->devfn));
}

static void write_times(struct json_layout *layout, const char *key, const uint64_t *times)
{
    layout_open(layout, key, '{');
    for (int part = 0; part < GUEST_TIMES; part++) {
        char name[40];
        snprintf(name, sizeof(name), "%s_ps", guest_time_names[part]);
        write_number(layout, name, times[part]);
    }
    layout_close(layout, '}', false);
}

static const char *tables_of(const struct result *result, const struct guest_device *device)
{
    uint32_t domain = guest_tables_of(result->simulation->machine, device->function_id);
    return domain == NONE ? NULL : result->simulation->workload->domains[domain].name;
}

static void write_device(struct json_layout *layout, const struct result *result,
                         const struct guest_device *device)
{
    layout_open(layout, NULL, '{');
    write_address(layout, "device", result, device->function_id);
    layout_string(layout, "state", guest_device_state_names[device->state]);
    write_number(layout, "attaches", device->attaches);
    write_number(layout, "detaches", device->detaches);
    write_number(layout, "asked_ps", device->asked_ps);
    if (device->done_ps == UINT64_MAX)
        layout_format(layout, "done_ps", "null");
    else
        write_number(layout, "done_ps", device->done_ps);
    write_number(layout, "time_to_usable_ps", device->time_to_usable_ps);
    if (tables_of(result, device))
        layout_string(layout, "tables_of", tables_of(result, device));
    else
        layout_format(layout, "tables_of", "null");
    layout_boolean(layout, "shared_requester_id", device->shared);
    if (device->cut_off_ps != UINT64_MAX) {
        write_number(layout, "cut_off_ps", device->cut_off_ps);
        write_address(layout, "cut_off_by", result, device->cut_off_by);
    }
    layout_close(layout, '}', true);
}

static void write_units(struct json_layout *layout, const struct result *result, uint32_t domain)
{
    const struct machine *machine = result->simulation->machine;
    layout_open(layout, "units", '[');
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1)) {
        layout_open(layout, NULL, '{');
        write_number(layout, "unit", unit);
        write_number(layout, "domain_id", mapping_domain_id(machine, domain, unit));
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', false);
}

static void write_guest(struct json_layout *layout, const struct result *result, const struct guest *guest)
{
    const struct virtual_machine *what = guest->what;
    layout_open(layout, NULL, '{');
    layout_string(layout, "name", what->name);
    layout_string(layout, "assignment", guest_assignment_names[what->assignment]);
    write_number(layout, "memory_bytes", what->memory_bytes);
    write_number(layout, "page_bytes", what->page_bytes);
    layout_boolean(layout, "running_before", what->running);
    layout_boolean(layout, "ready", guest->ready);
    write_number(layout, "started_ps", guest->started_ps);
    write_number(layout, "time_to_ready_ps", guest->ready_ps);
    write_times(layout, "start", guest->times);
    write_times(layout, "later", guest->later_times);
    write_number(layout, "pinned_bytes", guest->pinned_bytes);
    write_number(layout, "pinned_bytes_high", guest->pinned_high);
    write_number(layout, "domains", guest->domains);
    write_units(layout, result, what->domain);
    layout_open(layout, "mappings", '{');
    for (int size = 0; size < 3; size++)
        write_number(layout, entry_sizes[size], guest->entries[size]);
    layout_close(layout, '}', false);
    write_number(layout, "page_table_pages", guest->tables);
    write_number(layout, "page_table_bytes", guest->tables * 4096 * guest->domains);
    layout_open(layout, "devices", '[');
    for (uint32_t i = 0; i < guest->device_count; i++)
        write_device(layout, result, &guest->devices[i]);
    layout_close(layout, ']', true);
    layout_close(layout, '}', true);
}

void result_json_guests(struct json_layout *layout, const struct result *result)
{
    uint32_t count = result->simulation->workload->virtual_machine_count;
    if (!count)
        return;
    layout_open(layout, "virtual_machines", '[');
    for (uint32_t i = 0; i < count; i++)
        write_guest(layout, result, machine_guest(result->simulation->machine, i));
    layout_close(layout, ']', true);
}

/* ---- text ---- */

static void write_parts(const uint64_t *times, struct text_buffer *out)
{
    const char *comma = "           ";
    for (int part = 0; part < GUEST_TIMES; part++) {
        char label[32], time[AMOUNT_TEXT_SIZE];
        if (!times[part])
            continue;
        snprintf(label, sizeof(label), "%s", guest_time_names[part]);
        for (char *c = label; (c = strchr(c, '_')) != NULL;)
            *c = ' ';
        text_buffer_format(out, "%s%s %s", comma, label, time_print(time, times[part]));
        comma = ", ";
    }
    text_buffer_add(out, strcmp(comma, ", ") == 0 ? "\n" : "");
}

static void write_memory(const struct guest *guest, struct text_buffer *out)
{
    char bytes[40], tables[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "           %s pinned",
                       unit_print(bytes, sizeof(bytes), guest->pinned_bytes, UNIT_BYTES));
    for (int size = 0; size < 3; size++) {
        if (guest->entries[size])
            text_buffer_format(out, ", %" PRIu64 " mapping%s of %s", guest->entries[size],
                               guest->entries[size] == 1 ? "" : "s", entry_sizes[size]);
    }
    text_buffer_format(out, "; page tables of %sB in %" PRIu32 " domain%s\n",
                       amount_print(tables, guest->tables * 4096 * guest->domains), guest->domains,
                       guest->domains == 1 ? "" : "s");
}

static void write_device_text(const struct result *result, const struct guest *guest,
                              const struct guest_device *device, struct text_buffer *out)
{
    const struct topology *topology = result->simulation->input->topology;
    const struct pci_function *function = &topology->functions[device->function_id];
    const char *tables = tables_of(result, device);
    char address[BDF_TEXT_SIZE], time[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "           %s %s",
                       bdf_print(address, function->segment, function->bus, function->devfn),
                       guest_device_state_names[device->state]);
    if (device->state == GUEST_DEVICE_REFUSED)
        text_buffer_add(out, ": its requester id is in use by another domain (EBUSY)");
    else if (device->state == GUEST_DEVICE_USABLE)
        text_buffer_format(out, ", %s after it was asked for", time_print(time, device->time_to_usable_ps));
    else if (device->state == GUEST_DEVICE_COMING)
        text_buffer_format(out, ", asked for at %s", time_print(time, device->asked_ps));
    else if (device->done_ps == UINT64_MAX)
        text_buffer_format(out, ", to go since %s, not all released yet", time_print(time, device->asked_ps));
    else if (device->detaches)
        text_buffer_format(out, ", %s after it was to go",
                           time_print(time, device->done_ps - device->asked_ps));
    if (device->present && !tables)
        text_buffer_add(out, "; nothing translates for it");
    else if (device->present && strcmp(tables, guest->what->name) != 0)
        text_buffer_format(out, "; its requests go into the memory of \"%s\"", tables);
    if (device->cut_off_ps != UINT64_MAX) {
        const struct pci_function *other = &topology->functions[device->cut_off_by];
        text_buffer_format(out, "; cut off at %s, when %s went", time_print(time, device->cut_off_ps),
                           bdf_print(address, other->segment, other->bus, other->devfn));
    }
    text_buffer_add(out, "\n");
}

static void write_guest_text(const struct result *result, const struct guest *guest, struct text_buffer *out)
{
    char bytes[40], time[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "\nGuest      \"%s\", %s: ", guest->what->name,
                       unit_print(bytes, sizeof(bytes), guest->what->memory_bytes, UNIT_BYTES));
    if (guest->ready)
        text_buffer_format(out, "ready %s after its start%s\n", time_print(time, guest->ready_ps),
                           guest->what->running ? ", before the run" : "");
    else
        text_buffer_add(out, "not ready when the run ended\n");
    write_parts(guest->times, out);
    write_memory(guest, out);
    for (uint32_t i = 0; i < guest->device_count; i++)
        write_device_text(result, guest, &guest->devices[i], out);
}

void result_text_guests(const struct result *result, struct text_buffer *out)
{
    for (uint32_t i = 0; i < result->simulation->workload->virtual_machine_count; i++)
        write_guest_text(result, machine_guest(result->simulation->machine, i), out);
}
