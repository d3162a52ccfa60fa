/* SPDX-License-Identifier: MIT */
/* make validate: published measurements against the engine.
 *
 *     validate-run REPORT.md PLOTS [TABLE...]
 *
 * Prints each point beside the published value, writes REPORT.md and one SVG a table into the folder PLOTS.
 * With names of tables (P4 ...) only these run and nothing is written. Exit status 1 where something is
 * outside its tolerance. */
#include "sim/output/output_file.h"
#include "tests/validation/validation.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_OUTSIDE = 1, EXIT_USAGE = 2, EXIT_FILES = 3, MESSAGES = 4 };

static const struct {
    const char *id;
    void (*run)(struct validation *validation);
} tables[] = {
    {"P1", table_link},        {"P2", table_link_sizes},    {"P3", table_device},
    {"P4", table_read_window}, {"P5", table_read_latency},  {"P3N", table_three_numbers},
    {"P6", table_nic_flows},   {"P7", table_peer_copies},   {"P8", table_driver_costs},
    {"P9", table_nic_receive}, {"P8N", table_nested_guest}, {"H1", table_tenants},
};

static bool wanted(const char *id, int count, char **ids)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0)
            return true;
    }
    return count == 0;
}

static int write_report(const struct validation *validation, const char *report, const char *plots)
{
    struct diagnostics *diagnostics = diagnostics_new(MESSAGES);
    struct text_buffer text = {0};
    const char *folder = strrchr(plots, '/');
    validation_markdown(validation, folder ? folder + 1 : plots, &text);
    mkdir(plots, 0777); /* where it cannot be made, writing into it says so */
    int status = output_file_write(report, text.text, text.length, diagnostics);
    for (size_t i = 0; i < validation->count && status == 0; i++) {
        struct text_buffer path = {0}, plot = {0};
        text_buffer_format(&path, "%s/%s.svg", plots, validation->tables[i].id);
        validation_plot(&validation->tables[i], &plot);
        status = output_file_write(path.text, plot.text, plot.length, diagnostics);
        text_buffer_fini(&path);
        text_buffer_fini(&plot);
    }
    text_buffer_fini(&text);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status;
}

int main(int argc, char **argv)
{
    struct validation validation = {.arena = arena_new()};
    bool pass = true;
    if (argc < 3) {
        fprintf(stderr, "usage: validate-run REPORT.md PLOTS [TABLE...]\n");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct text_buffer text = {0};
        if (!wanted(tables[i].id, argc - 3, argv + 3))
            continue;
        tables[i].run(&validation);
        validation_print(&validation.tables[validation.count - 1], &text);
        fputs(text.text, stdout);
        fflush(stdout);
        text_buffer_fini(&text);
    }
    for (size_t i = 0; i < validation.count; i++) {
        const struct validation_table *table = &validation.tables[i];
        pass &= validation_table_passes(table);
        printf("%-4s %-60s %s\n", table->id, table->title,
               validation_table_passes(table) ? "within tolerance" : "OUTSIDE");
    }
    int status = argc == 3 ? write_report(&validation, argv[1], argv[2]) : 0;
    validation_free(&validation);
    return status < 0 ? EXIT_FILES : pass ? 0 : EXIT_OUTSIDE;
}
