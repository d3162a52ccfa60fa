/* SPDX-License-Identifier: MIT */
/* The three quirk tables: complete, in order, and (where the shared tables are present) equal row by row. */
#include "sim/analysis/quirk_tables.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *quirk_tables_suite(void);

START_TEST(tables_are_complete)
{
    size_t acs, enable, alias;
    const struct acs_quirk *rows = acs_quirk_rows(&acs);
    acs_enable_quirk_rows(&enable);
    dma_alias_quirk_rows(&alias);
    ck_assert_uint_eq(acs, 268);
    ck_assert_uint_eq(enable, 131);
    ck_assert_uint_eq(alias, 143);
    for (size_t i = 1; i < acs; i++) {
        ck_assert_uint_le(rows[i - 1].seq, rows[i].seq);
        ck_assert_uint_le(rows[i].seq, rows[i - 1].seq + 1U);
    }
    ck_assert_uint_eq(rows[0].seq, 1);
    ck_assert_uint_eq(rows[acs - 1].seq, 132);
}
END_TEST

/* Rows a change of the tables would most likely break. */
START_TEST(spot_values)
{
    size_t count;
    const struct acs_quirk *rows = acs_quirk_rows(&count);
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].vendor == 0x8086 && rows[i].device_low == 0x10fb) {
            ck_assert_int_eq(rows[i].class_, ACS_QUIRK_MF_ENDPOINT);
            ck_assert_uint_eq(rows[i].flags, 0x5f);
            found++;
        }
        if (rows[i].vendor == 0x8086 && rows[i].class_ == ACS_QUIRK_INTEL_RCIEP) {
            ck_assert_uint_eq(rows[i].device_low, 0);
            ck_assert_uint_eq(rows[i].device_high, 0xffff);
            ck_assert_uint_eq(rows[i].flags, 0x1d);
            found++;
        }
        if (rows[i].vendor == 0x1d17 && rows[i].device_high == 0xffff) {
            ck_assert_uint_eq(rows[i].flags, 0);
            found++;
        }
    }
    ck_assert_uint_eq(found, 3);
    struct pci_function port = {
        .vendor = 0x8086, .device = 0x1c10, .pcie = true, .pcie_type = PCIE_ROOT_PORT};
    ck_assert_int_eq(acs_enable_quirk_find(&port)->class_, ACS_ENABLE_PCH_NO_ACS_CAP);
    port.pcie_type = PCIE_ENDPOINT;
    ck_assert_ptr_null(acs_enable_quirk_find(&port));
    struct pci_function raid = {.vendor = 0x9005, .device = 0x0285, .subvendor = 0x9005, .subdevice = 0x02bb};
    ck_assert(dma_alias_quirk_matches(&raid, DMA_ALIAS_DEVFN_010));
    raid.subdevice = 0x02bd;
    ck_assert(!dma_alias_quirk_matches(&raid, DMA_ALIAS_DEVFN_010));
}
END_TEST

enum { FIELDS = 8 };

/* The data rows of a table; comments and the heading are skipped. */
static bool next_row(FILE *file, char *line, size_t size, const char *fields[FIELDS])
{
    while (fgets(line, (int)size, file)) {
        if (line[0] == '#' || strncmp(line, "seq,", 4) == 0 || strncmp(line, "vendor,", 7) == 0)
            continue;
        for (int i = 0; i < FIELDS; i++)
            fields[i] = strsep(&line, ",\n");
        return true;
    }
    return false;
}

static uint16_t number(const char *text, unsigned any)
{
    if (*text == '\0' || strcmp(text, "ANY") == 0)
        return (uint16_t)any;
    return (uint16_t)strtoul(text, NULL, 0);
}

static FILE *open_table(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "../shared/data/%s", name);
    return fopen(path, "r");
}

START_TEST(acs_rows_equal_the_source)
{
    static const struct {
        const char *text;
        uint16_t flags;
    } sets[] = {{"none", 0},
                {"per-register", 0},
                {"RR|CR", 0x0c},
                {"SV|RR|CR|UF", 0x1d},
                {"SV|TB|RR|CR|UF|DT", 0x5f}};
    FILE *file = open_table("pci_acs_quirks.csv");
    char line[512];
    const char *field[FIELDS];
    size_t count, i = 0;
    const struct acs_quirk *rows = acs_quirk_rows(&count);
    if (!file)
        return;
    for (; next_row(file, line, sizeof(line), field); i++) {
        ck_assert_uint_lt(i, count);
        ck_assert_uint_eq(rows[i].seq, number(field[0], 0));
        ck_assert_uint_eq(rows[i].vendor, number(field[1], 0));
        ck_assert_uint_eq(rows[i].device_low, number(field[2], 0));
        ck_assert_uint_eq(rows[i].device_high, number(field[3], 0xffff));
        ck_assert_str_eq(acs_quirk_class_name(rows[i].class_), field[4]);
        unsigned known = 0;
        for (size_t set = 0; set < sizeof(sets) / sizeof(sets[0]); set++) {
            if (strcmp(sets[set].text, field[6]) == 0) {
                ck_assert_uint_eq(rows[i].flags, sets[set].flags);
                known++;
            }
        }
        ck_assert_uint_eq(known, 1);
    }
    ck_assert_uint_eq(i, count);
    fclose(file);
    printf("quirk_tables: %zu ACS rows equal the source\n", i);
}
END_TEST

START_TEST(enable_rows_equal_the_source)
{
    static const char *const kinds[] = {
        [ACS_ENABLE_PCH_NO_ACS_CAP] = "PCH_NO_ACS_CAP",
        [ACS_ENABLE_SPT_DWORD_CTRL] = "SPT_DWORD_CTRL",
        [ACS_ENABLE_DROP_SV] = "DROP_SV",
        [ACS_ENABLE_STORE_FORWARD] = "STORE_FORWARD",
    };
    FILE *file = open_table("pci_acs_enable_quirks.csv");
    char line[512];
    const char *field[FIELDS];
    size_t count, i = 0;
    const struct acs_enable_quirk *rows = acs_enable_quirk_rows(&count);
    if (!file)
        return;
    for (; next_row(file, line, sizeof(line), field); i++) {
        ck_assert_uint_lt(i, count);
        ck_assert_uint_eq(rows[i].vendor, number(field[0], 0));
        ck_assert_uint_eq(rows[i].device_low, number(field[1], 0));
        ck_assert_uint_eq(rows[i].device_high, number(field[2], 0));
        ck_assert_str_eq(kinds[rows[i].class_], field[3]);
    }
    ck_assert_uint_eq(i, count);
    fclose(file);
}
END_TEST

START_TEST(alias_rows_equal_the_source)
{
    static const struct {
        const char *kind, *detail; /* detail: how it begins */
    } kinds[] = {
        [DMA_ALIAS_FUNC0] = {"FUNC0", ""},
        [DMA_ALIAS_FUNC1] = {"FUNC1", ""},
        [DMA_ALIAS_DEVFN_010] = {"FIXED_DEVFN", "01.0"},
        [DMA_ALIAS_EVERY_DEVFN] = {"DEVFN_MASK", "all 256"},
        [DMA_ALIAS_MIC_X200] = {"DEVFN_MASK", "10.0;11.0;12.3"},
        [DMA_ALIAS_FUNCTIONS_0_TO_4] = {"DEVFN_MASK", "functions 0-4"},
        [DMA_ALIAS_NTB_PROXY_TABLE] = {"NTB_PROXY_TABLE", ""},
        [DMA_ALIAS_BRIDGE_ALIAS] = {"BRIDGE_ALIAS", ""},
        [DMA_ALIAS_BRIDGE_NO_ALIAS] = {"BRIDGE_NO_ALIAS", ""},
        [DMA_ALIAS_XLATE_ROOT] = {"XLATE_ROOT", ""},
    };
    FILE *file = open_table("pci_dma_alias_quirks.csv");
    char line[512];
    const char *field[FIELDS];
    size_t count, i = 0;
    const struct dma_alias_quirk *rows = dma_alias_quirk_rows(&count);
    if (!file)
        return;
    for (; next_row(file, line, sizeof(line), field); i++) {
        const char *detail = field[5] + (field[5][0] == '"');
        ck_assert_uint_lt(i, count);
        ck_assert_uint_eq(rows[i].vendor, number(field[0], 0));
        ck_assert_uint_eq(rows[i].device, number(field[1], 0));
        ck_assert_uint_eq(rows[i].subvendor, number(field[2], 0));
        ck_assert_uint_eq(rows[i].subdevice, number(field[3], 0));
        ck_assert_str_eq(kinds[rows[i].kind].kind, field[4]);
        ck_assert_int_eq(strncmp(detail, kinds[rows[i].kind].detail, strlen(kinds[rows[i].kind].detail)), 0);
    }
    ck_assert_uint_eq(i, count);
    fclose(file);
}
END_TEST

Suite *quirk_tables_suite(void)
{
    Suite *suite = suite_create("quirk_tables");
    TCase *tests = tcase_create("quirk_tables");
    tcase_add_test(tests, tables_are_complete);
    tcase_add_test(tests, spot_values);
    tcase_add_test(tests, acs_rows_equal_the_source);
    tcase_add_test(tests, enable_rows_equal_the_source);
    tcase_add_test(tests, alias_rows_equal_the_source);
    suite_add_tcase(suite, tests);
    return suite;
}
