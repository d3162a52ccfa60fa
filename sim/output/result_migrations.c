/* SPDX-License-Identifier: MIT */
/* How guests were migrated. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

static void write_number(struct json_layout *layout, const char *key, uint64_t value)
{
    layout_format(layout, key, "%" PRIu64, value);
}

static uint64_t pages_sent(const struct guest_migration *migration)
{
    uint64_t pages = migration->stopped_ps ? migration->live.send_pages : 0;
    for (uint32_t i = 0; i < migration->live.round_count; i++)
        pages += migration->live.rounds[i].sent_pages;
    return pages;
}

static void json_rounds(struct json_layout *layout, const struct live_migration *live)
{
    layout_open(layout, "rounds", '[');
    for (uint32_t i = 0; i < live->round_count; i++) {
        layout_open(layout, NULL, '{');
        write_number(layout, "pages_sent", live->rounds[i].sent_pages);
        write_number(layout, "pages_written_by_devices", live->rounds[i].device_pages);
        write_number(layout, "pages_written_by_cpus", live->rounds[i].cpu_pages);
        write_number(layout, "duration_ps", live->rounds[i].duration_ps);
        layout_close(layout, '}', true);
    }
    layout_close(layout, ']', true);
}

static void json_migration(struct json_layout *layout, const char *name,
                           const struct guest_migration *migration)
{
    bool over = migration->phase == MIGRATION_OVER;
    layout_open(layout, NULL, '{');
    layout_string(layout, "name", name);
    layout_format(layout, "complete", over ? "true" : "false");
    write_number(layout, "begin_ps", migration->begin_ps);
    json_rounds(layout, &migration->live);
    write_number(layout, "pages_sent", pages_sent(migration));
    write_number(layout, "entries_with_dirty_bits", migration->leaves);
    if (over) {
        write_number(layout, "stopped_ps", migration->stopped_ps);
        write_number(layout, "downtime_ps", migration->resumed_ps - migration->stopped_ps);
        write_number(layout, "pages_sent_while_stopped", migration->live.send_pages);
        write_number(layout, "pages_devices_wrote_last", migration->rest_pages);
        write_number(layout, "interrupts_carried", migration->interrupts_carried);
    }
    layout_close(layout, '}', true);
}

void result_json_migrations(struct json_layout *layout, const struct result *result)
{
    const struct workload *workload = result->simulation->workload;
    bool any = false;
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++) {
        const struct guest_migration *migration = machine_migration(result->simulation->machine, g);
        if (!migration || migration->phase == MIGRATION_NOT_YET)
            continue;
        if (!any)
            layout_open(layout, "migrations", '[');
        any = true;
        json_migration(layout, workload->virtual_machines[g].name, migration);
    }
    if (any)
        layout_close(layout, ']', true);
}

static void text_migration(const char *name, const struct guest_migration *migration, struct text_buffer *out)
{
    enum { ROUNDS_SHOWN = 8 };
    const struct live_migration *live = &migration->live;
    char begin[AMOUNT_TEXT_SIZE], down[AMOUNT_TEXT_SIZE], sent[AMOUNT_TEXT_SIZE], took[AMOUNT_TEXT_SIZE],
        devices[AMOUNT_TEXT_SIZE], cpus[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "\nMigration  of \"%s\", begun at %s: %u round%s, ", name,
                       time_print(begin, migration->begin_ps), live->round_count,
                       live->round_count == 1 ? "" : "s");
    if (migration->phase == MIGRATION_OVER)
        text_buffer_format(out, "%s pages of 4 KiB sent, then stopped for %s, %u interrupt%s carried over\n",
                           amount_print(sent, pages_sent(migration)),
                           time_print(down, migration->resumed_ps - migration->stopped_ps),
                           migration->interrupts_carried, migration->interrupts_carried == 1 ? "" : "s");
    else
        text_buffer_add(out, "not over when the run ended\n");
    for (uint32_t i = 0; i < live->round_count && i < ROUNDS_SHOWN; i++)
        text_buffer_format(
            out, "           round %u: %s pages sent in %s; meanwhile devices wrote %s, CPUs %s\n", i + 1,
            amount_print(sent, live->rounds[i].sent_pages), time_print(took, live->rounds[i].duration_ps),
            amount_print(devices, live->rounds[i].device_pages),
            amount_print(cpus, live->rounds[i].cpu_pages));
    if (live->round_count > ROUNDS_SHOWN)
        text_buffer_format(out, "           and %u more\n", live->round_count - ROUNDS_SHOWN);
}

void result_text_migrations(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++) {
        const struct guest_migration *migration = machine_migration(result->simulation->machine, g);
        if (migration && migration->phase != MIGRATION_NOT_YET)
            text_migration(workload->virtual_machines[g].name, migration, out);
    }
}
