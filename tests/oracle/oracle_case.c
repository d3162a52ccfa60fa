/* SPDX-License-Identifier: MIT */
#include "tests/oracle/oracle_case.h"

#include "sim/base/text_buffer.h"

#include <cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 1024 };

char *oracle_read_file(const char *folder, const char *name)
{
    char path[PATH_SIZE], block[65536];
    struct text_buffer text = {0};
    size_t length;
    snprintf(path, sizeof(path), "%s%s", folder, name);
    FILE *stream = fopen(path, "r");
    if (!stream)
        return NULL;
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&text, block, length);
    fclose(stream);
    return text.text ? text.text : memory_string("");
}

static void load(struct oracle_case *oracle, const char *name, const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct source_text source = {name, text, strlen(text)};
    if (machine_input_load_source(&source, &oracle->input, diagnostics) != 0) {
        diagnostics_print(diagnostics, stderr);
        oracle->problem = memory_string("the input is refused");
    }
    diagnostics_free(diagnostics);
}

static bool mentions(const cJSON *array, const char *part)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (strstr(item->valuestring, part))
            return true;
    }
    return false;
}

static void read_facts(struct oracle_case *oracle, const cJSON *facts)
{
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(facts, "qemu_args");
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(facts, "arch");
    const cJSON *cmdline = cJSON_GetObjectItemCaseSensitive(facts, "cmdline");
    oracle->options.choice = strcmp(arch->valuestring, "arm") == 0 ? IOMMU_CHOICE_SMMUV3
                             : mentions(arguments, "amd-iommu")    ? IOMMU_CHOICE_AMD_VI
                             : mentions(arguments, "intel-iommu")  ? IOMMU_CHOICE_VT_D
                                                                   : IOMMU_CHOICE_NONE;
    oracle->cmdline = memory_string(cmdline->valuestring);
    oracle->options.cmdline = oracle->cmdline;
    /* Functions an option of the emulator leaves out of the firmware tables: no dump shows that. */
    struct text_buffer ignore = {0};
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(facts, "ungrouped"))
    {
        if (mentions(arguments, "bypass"))
            text_buffer_format(&ignore, " %s", item->valuestring);
    }
    oracle->ignore = ignore.text;
}

struct oracle_case oracle_case_constructed(const char *folder)
{
    struct oracle_case oracle = {.complete = true};
    char *text = oracle_read_file(folder, "/case.json"), *dump = oracle_read_file(folder, "/lspci.txt");
    cJSON *facts = text ? cJSON_Parse(text) : NULL;
    oracle.truth = oracle_read_file(folder, "/groups.txt");
    if (!facts || !dump || !oracle.truth) {
        oracle.problem = memory_string("case.json, lspci.txt or groups.txt is missing");
    } else {
        read_facts(&oracle, facts);
        load(&oracle, "lspci.txt", dump);
    }
    cJSON_Delete(facts);
    free(text);
    free(dump);
    return oracle;
}

/* From the normalised table to what the popular shell loop prints; group numbers say nothing. */
static char *listing_of(const char *table)
{
    struct text_buffer out = {0};
    for (const char *line = table; *line;) {
        char *fields[15], copy[1024];
        size_t length = strcspn(line, "\n");
        unsigned count = 0;
        snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
        for (char *at = copy; at && count < 15; count++) {
            fields[count] = at;
            at = strchr(at, '\t');
            if (at)
                *at++ = '\0';
        }
        if (copy[0] != '#' && count == 15)
            text_buffer_format(&out, "IOMMU Group 0 %s %s [%s]: %s [%s:%s]\n", fields[0], "Device", fields[1],
                               "listed", fields[2][0] == '-' ? "ffff" : fields[2],
                               fields[3][0] == '-' ? "ffff" : fields[3]);
        line += length + (line[length] == '\n');
    }
    return out.text ? out.text : memory_string("");
}

struct oracle_case oracle_case_real(const char *folder)
{
    static const char *const names[] = {"/lspci.txt", "/dmesg-pci.txt"};
    struct oracle_case oracle = {.truth = oracle_read_file(folder, "/groups.txt")};
    char *text = NULL, *table = oracle_read_file(folder, "/devices.tsv");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !text; i++)
        text = oracle_read_file(folder, names[i]);
    if (!text && table)
        text = listing_of(table);
    if (text && oracle.truth)
        load(&oracle, folder, text);
    else
        oracle.problem = memory_string("no dump or no groups.txt");
    free(text);
    free(table);
    return oracle;
}

struct oracle_case oracle_case_plain(const char *folder)
{
    struct oracle_case oracle = {.truth = oracle_read_file(folder, "/groups.txt")};
    char *table = oracle_read_file(folder, "/devices.tsv");
    char *text = table ? listing_of(table) : NULL;
    if (text && oracle.truth)
        load(&oracle, folder, text);
    else
        oracle.problem = memory_string("no devices.tsv or no groups.txt");
    free(text);
    free(table);
    return oracle;
}

struct oracle_case oracle_case_linux_5_9(const char *folder)
{
    struct oracle_case oracle = oracle_case_real(folder);
    free(oracle.truth);
    oracle.truth = oracle_read_file(folder, "/groups-5.9.txt");
    oracle.options.algorithm = GROUP_ALGORITHM_LINUX_5_9;
    if (!oracle.truth && !oracle.problem)
        oracle.problem = memory_string("groups-5.9.txt is missing");
    return oracle;
}

struct oracle_case oracle_case_carried(const char *path)
{
    struct oracle_case oracle = {.complete = true, .truth = oracle_read_file(path, ".groups")};
    char *text = oracle_read_file(path, ".json");
    if (text && oracle.truth)
        load(&oracle, path, text);
    else
        oracle.problem = memory_string(".json or .groups is missing");
    free(text);
    return oracle;
}

static void forget_groups(struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++)
        topology->functions[i].group_reported = false;
}

static void state_truth(struct topology *topology, const char *truth)
{
    for (const char *line = truth; *line;) {
        char word[32];
        unsigned number;
        uint32_t segment;
        uint8_t bus, devfn;
        if (sscanf(line, "%u %31s", &number, word) == 2 && bdf_parse(word, &segment, &bus, &devfn)) {
            const struct pci_function *function = topology_find(topology, segment, bus, devfn);
            if (function) {
                topology->functions[function->id].group_reported = true;
                topology->functions[function->id].reported_group = number;
            }
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

struct iommu_groups *oracle_case_predict(struct oracle_case *oracle, enum isolation_policy policy,
                                         const char *left_out)
{
    struct topology *topology = oracle->input->topology;
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct group_options options = oracle->options;
    options.assume = policy;
    options.left_out = left_out;
    forget_groups(topology);
    struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
    state_truth(topology, oracle->truth);
    diagnostics_free(diagnostics);
    return groups;
}

void oracle_case_fini(struct oracle_case *oracle)
{
    machine_input_free(oracle->input);
    free(oracle->cmdline);
    free(oracle->truth);
    free(oracle->ignore);
    free(oracle->problem);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool belongs(const struct dirent *entry, const char *prefix, const char *suffix)
{
    size_t length = strlen(entry->d_name), ending = strlen(suffix);
    if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
        return false;
    if (ending == 0)
        return entry->d_type != DT_REG;
    return length > ending && strcmp(entry->d_name + length - ending, suffix) == 0;
}

char **oracle_case_names(const char *folder, const char *prefix, const char *suffix, size_t *count)
{
    char **names = NULL;
    size_t capacity = 0;
    struct dirent *entry;
    DIR *directory = opendir(folder);
    *count = 0;
    while (directory && (entry = readdir(directory))) {
        if (!belongs(entry, prefix, suffix))
            continue;
        names = memory_grow(names, *count, &capacity, sizeof(*names));
        names[*count] = memory_string(entry->d_name);
        names[*count][strlen(entry->d_name) - strlen(suffix)] = '\0';
        ++*count;
    }
    if (directory)
        closedir(directory);
    if (*count)
        qsort(names, *count, sizeof(*names), by_name);
    return names;
}

void oracle_case_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
