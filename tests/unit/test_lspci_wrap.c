/* SPDX-License-Identifier: MIT */
/* A mail program wraps lines at 72 columns, before or after they were quoted: the machine stays the same. */
#include "sim/base/arena.h"
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/lspci_writer.h"
#include "sim/input/recognise.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/dump_text.h"
#include "tests/unit/random_fabric.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/topology_compare.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *lspci_wrap_suite(void);

enum { WIDTH = 72, MACHINES = 150 };

/* The last blank between words that leaves at most WIDTH characters before it, or the first one; NULL where
 * there is none. */
static const char *break_place(const char *line, const char *end)
{
    const char *found = NULL;
    while (line + strspn(line, "\t >") < end && strchr("\t >", *line))
        line++;
    const char *start = line;
    for (const char *at = line; at < end; at++) {
        if (*at == ' ' && (!found || at - start <= WIDTH))
            found = at;
    }
    return found;
}

static void write_wrapped(struct text_buffer *out, const char *line, const char *quote)
{
    const char *end = line + strlen(line);
    for (;;) {
        const char *place = end - line > WIDTH ? break_place(line, end) : NULL;
        if (!place)
            break;
        text_buffer_format(out, "%s%.*s\n", quote, (int)(place - line), line);
        line = place + 1;
    }
    text_buffer_format(out, "%s%s\n", quote, line);
}

/* @p before is put before every line, then it is wrapped, then @p after is put before every piece. */
static char *mailed(const char *text, const char *before, const char *after)
{
    struct text_buffer out = {0}, line = {0};
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        text_buffer_format(&line, "%s%.*s", before, (int)(end - text), text);
        write_wrapped(&out, text_buffer_get(&line), after);
        text_buffer_fini(&line);
        line = (struct text_buffer){0};
    }
    char *copy = strdup(text_buffer_get(&out));
    text_buffer_fini(&out);
    return copy;
}

static void check_mailed(const char *text, uint64_t seed)
{
    static const struct {
        const char *before, *after;
    } mails[] = {{"", ""}, {"> ", ""}, {"", "> "}, {"> > ", ""}, {"> ", "> "}};
    char *messages, difference[256];
    struct topology *expected = dump_text_import("dump", text, strlen(text), &messages);
    ck_assert_msg(expected, "machine %lu: %s\n%s", (unsigned long)seed, messages, text);
    free(messages);
    for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
        char *mail = mailed(text, mails[i].before, mails[i].after);
        struct topology *topology = dump_text_import("dump", mail, strlen(mail), &messages);
        strcpy(difference, "no machine");
        ck_assert_msg(topology && topology_same(expected, topology, COMPARE_ALL, difference),
                      "machine %lu, quoted '%s' and '%s': %s\n%s%s", (unsigned long)seed, mails[i].before,
                      mails[i].after, difference, messages, mail);
        topology_free(topology);
        free(messages);
        free(mail);
    }
    topology_free(expected);
}

static const char *pick(struct random_fabric *random, const char *const *texts, uint32_t count)
{
    return texts[random_fabric_next(random, count)];
}

#define PICK(random, texts) pick(random, texts, sizeof(texts) / sizeof((texts)[0]))

/* Class, vendor and name, long and with colons, brackets and numbers where real ones have them. */
static void write_header(struct random_fabric *random, struct text_buffer *out, unsigned slot, unsigned paths,
                         bool numbers)
{
    static const char *const classes[][2] = {{"VGA compatible controller", " [0300]"},
                                             {"Non-Volatile memory controller", " [0108]"},
                                             {"Host bridge", " [0600]"},
                                             {"Signal processing controller", " [1180]"}};
    static const char *const vendors[] = {"Intel Corporation", "Advanced Micro Devices, Inc. [AMD]",
                                          "Advanced Micro Devices, Inc. [AMD/ATI]", "Sandisk Corp"};
    static const char *const names[] = {"Made-up",     "Chipset Family", "(Models 10h-1fh)", "[Fast GT2]",
                                        "7th/8th Gen", "Core Processor", "Thermal"};
    static const char *const ends[] = {"", " Device 24: Function 0", " Data Fabric: Device 18h; Function 0",
                                       " Root Port #5"};
    const char *const *class_name = classes[random_fabric_next(random, 4)];
    if (paths > 0)
        text_buffer_format(out, "00:01.0/");
    for (unsigned i = 1; i < paths; i++)
        text_buffer_format(out, "%02x:00.0/", i);
    text_buffer_format(out, "%02x:%02x.0 %s%s: %s", paths, slot, class_name[0], numbers ? class_name[1] : "",
                       PICK(random, vendors));
    for (uint32_t words = random_fabric_next(random, 6); words > 0; words--)
        text_buffer_format(out, " %s", PICK(random, names));
    text_buffer_format(out, "%s", PICK(random, ends));
    if (numbers)
        text_buffer_format(out, " [8086:%04x]", random_fabric_next(random, 0x10000));
    if (random_fabric_next(random, 2))
        text_buffer_format(out, " (rev %02x)", random_fabric_next(random, 256));
    if (random_fabric_next(random, 2))
        text_buffer_format(out, " (prog-if %02x [VGA controller])", random_fabric_next(random, 256));
    text_buffer_format(out, "\n");
}

/* What -v prints below a header, its longest lines. */
static void write_details(struct random_fabric *random, struct text_buffer *out, unsigned group)
{
    static const char *const flags[] = {
        "bus master, ", "66MHz, ",   "medium devsel, ",          "fast devsel, ",
        "latency 64, ", "IRQ 255, ", "user-definable features, "};
    text_buffer_format(out,
                       "\tSubsystem: Made-up Computer Company, Inc. Some Board of This Name, Revision Two "
                       "[1b36:%04x]\n\tFlags: ",
                       random_fabric_next(random, 0x10000));
    for (uint32_t count = random_fabric_next(random, 7); count > 0; count--)
        text_buffer_format(out, "%s", PICK(random, flags));
    text_buffer_format(out, "NUMA node 0, IOMMU group %u\n", group);
    text_buffer_format(out,
                       "\tMemory at fe%02x0000 (64-bit, non-prefetchable) [disabled] [virtual] [size=16K]\n",
                       random_fabric_next(random, 256));
    text_buffer_format(out,
                       "\tCapabilities: [a0] Express (v2) Root Complex Integrated Endpoint, MSI 00\n"
                       "\tCapabilities: [148 v1] Access Control Services\n"
                       "\t\tACSCap:\tSrcValid+ TransBlk%c ReqRedir+ CmpltRedir+ UpstreamFwd%c EgressCtrl- "
                       "DirectTrans%c\n",
                       random_fabric_next(random, 2) ? '+' : '-', random_fabric_next(random, 2) ? '+' : '-',
                       random_fabric_next(random, 2) ? '+' : '-');
    text_buffer_format(out,
                       "\t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- "
                       "DirectTrans%c\n\tKernel driver in use: made_up\n",
                       random_fabric_next(random, 2) ? '+' : '-');
}

START_TEST(wrapped_text_makes_the_same_machine)
{
    for (uint64_t seed = 1; seed <= MACHINES; seed++) {
        struct random_fabric random = {.seed = seed};
        struct text_buffer text = {0};
        bool details = random_fabric_next(&random, 3) > 0, paths = random_fabric_next(&random, 2);
        text_buffer_format(&text, "00:00.0 Host bridge [0600]: Intel Corporation Made-up [8086:591f]\n");
        for (unsigned slot = 1; slot < 12; slot++) {
            text_buffer_format(&text, "%s", details ? "\n" : "");
            write_header(&random, &text, slot, paths ? random_fabric_next(&random, 6) : 0,
                         random_fabric_next(&random, 2));
            if (details)
                write_details(&random, &text, random_fabric_next(&random, 20));
        }
        check_mailed(text_buffer_get(&text), seed);
        text_buffer_fini(&text);
    }
}
END_TEST

/* A group in front of every line makes it longer. */
START_TEST(wrapped_listings_make_the_same_groups)
{
    static const char *const forms[] = {"IOMMU Group %u ", "IOMMU Group %u:\n\t",
                                        "IOMMU group %u: [8086:%04x] "};
    for (uint64_t seed = 1; seed <= MACHINES; seed++) {
        struct random_fabric random = {.seed = seed};
        struct text_buffer text = {0};
        uint32_t form = random_fabric_next(&random, 3);
        for (unsigned slot = 0; slot < 12; slot++) {
            text_buffer_format(&text, forms[form], slot / 2, slot);
            write_header(&random, &text, slot, 0, form < 2); /* the last form has the ids in front */
        }
        check_mailed(text_buffer_get(&text), seed);
        text_buffer_fini(&text);
    }
}
END_TEST

START_TEST(wrapped_bytes_make_the_same_machine)
{
    for (uint64_t seed = 1; seed <= MACHINES / 5; seed++) {
        char *line = random_machine_text(seed, 20);
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct topology *topology = synthetic_parse("<synthetic>", line, diagnostics);
        struct text_buffer text = {0};
        ck_assert_msg(topology, "%s", line);
        lspci_write(topology, &text);
        check_mailed(text_buffer_get(&text), seed);
        text_buffer_fini(&text);
        topology_free(topology);
        diagnostics_free(diagnostics);
        free(line);
    }
}
END_TEST

/* Breaks that lost a function, its name or its group. */
START_TEST(known_breaks)
{
    static const struct {
        const char *text;
        uint8_t bus, devfn;
        uint32_t class_code;
        const char *name;
        int group;
    } cases[] = {
        {"00:18.0 Host bridge: Advanced Micro Devices, Inc. [AMD] Renoir Device\n24: Function 0\n"
         "\tControl: I/O- Mem-\n",
         0, 0xc0, 0x060000, "Advanced Micro Devices, Inc. [AMD] Renoir Device 24: Function 0", -1},
        {"00:18.0 Host bridge [0600]: Advanced Micro Devices, Inc. [AMD]\n"
         "Made-up Data Fabric: Device 18h; Function 0 [1022:1440]\n",
         0, 0xc0, 0x060000, "Advanced Micro Devices, Inc. [AMD] Made-up Data Fabric: Device 18h; Function 0",
         -1},
        {"03:00.0 VGA compatible controller [0300]:\nAMD Navi [1002:7340] (rev 47)\n", 3, 0, 0x030000,
         "AMD Navi", -1},
        {"00:01.0/01:00.0/02:00.0/03:00.0 VGA compatible\ncontroller [0300]:\nAMD Navi [1002:7340]\n", 3, 0,
         0x030000, "AMD Navi", -1},
        {"> 00:02.0 0380:\n1002:7340 (rev 47)\n", 0, 0x10, 0x038000, NULL, -1},
        {"00:02.0 Display controller: AMD Navi\n\tFlags: fast devsel, NUMA node 0, IOMMU\ngroup 10\n", 0,
         0x10, 0x038000, "AMD Navi", 10},
        {"> 00:02.0 Display controller: AMD Navi\n> \tFlags: fast devsel, NUMA node 0, IOMMU group\n10\n", 0,
         0x10, 0x038000, "AMD Navi", 10},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *messages;
        struct topology *topology = dump_text_import("dump", cases[i].text, strlen(cases[i].text), &messages);
        ck_assert_msg(topology, "case %zu: %s", i, messages);
        const struct pci_function *function = topology_find(topology, 0, cases[i].bus, cases[i].devfn);
        ck_assert_msg(function && function->class_code == cases[i].class_code, "case %zu", i);
        if (cases[i].name)
            ck_assert_str_eq(function->name, cases[i].name);
        ck_assert_int_eq(function->group_reported ? (int)function->reported_group : -1, cases[i].group);
        topology_free(topology);
        free(messages);
    }
}
END_TEST

/* Two lines of which each says something of its own are not one. */
START_TEST(whole_lines_stay_apart)
{
    struct topology *topology =
        dump_text_import_good("00:00.0 Host bridge [0600]: Intel [8086:591f]\n"
                              "03:00.0 and\nVGA compatible controller: it does not work\n"
                              "04:00.0\n05:00.0 Display controller [0380]: AMD Navi [1002:7340]\n");
    ck_assert_uint_eq(topology->function_count, 2);
    ck_assert_ptr_nonnull(topology_find(topology, 0, 5, 0));
    topology_free(topology);
}
END_TEST

Suite *lspci_wrap_suite(void)
{
    Suite *suite = suite_create("lspci_wrap");
    TCase *tests = tcase_create("lspci_wrap");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, wrapped_text_makes_the_same_machine);
    tcase_add_test(tests, wrapped_listings_make_the_same_groups);
    tcase_add_test(tests, wrapped_bytes_make_the_same_machine);
    tcase_add_test(tests, known_breaks);
    tcase_add_test(tests, whole_lines_stay_apart);
    suite_add_tcase(suite, tests);
    return suite;
}
