/* SPDX-License-Identifier: MIT */
/* One-line machines: what they become, and what is said about those that are wrong. */
#include "sim/base/text_buffer.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *synthetic_suite(void);

/* "bb:dd.f[ss-ee]" for every function in processing order, with the segment where it is not 0; "v" VFs. */
static char *machine_text(const struct topology *topology)
{
    struct text_buffer out = {0};
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        char text[BDF_TEXT_SIZE];
        bdf_print(text, function->segment, function->bus, function->devfn);
        text_buffer_format(&out, "%s%s", i ? " " : "", function->segment ? text : text + 5);
        if (function->secondary_bus)
            text_buffer_format(&out, "[%02x-%02x]", function->secondary_bus, function->subordinate_bus);
        if (function->multifunction)
            text_buffer_add(&out, "m");
        if (function->is_vf)
            text_buffer_add(&out, "v");
    }
    char *copy = strdup(text_buffer_get(&out));
    text_buffer_fini(&out);
    return copy;
}

static char *messages(const struct diagnostics *diagnostics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    return text;
}

START_TEST(machines_are_numbered_as_firmware_does)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"ep", "00:00.0"},
        {"rp(ep)", "00:00.0[01-01] 01:00.0"},
        {"rp rp", "00:00.0[01-01] 00:01.0[02-02]"},
        {"rp(ep) rciep@1f rciep@.3", "00:00.0[01-01] 00:1f.0m 00:1f.3m 01:00.0"},
        /* functions of a bus before anything behind its bridges; bridges in order */
        {"rp(up(dp(ep) dp(ep))) rp(ep)", "00:00.0[01-04] 00:01.0[05-05] 01:00.0[02-04] 02:00.0[03-03] "
                                         "02:01.0[04-04] 03:00.0 04:00.0 05:00.0"},
        {"rp*2@1c.0(ep)", "00:1c.0[01-01]m 00:1c.1[02-02]m 01:00.0 02:00.0"},
        {"rp*2@1c(ep ep@.1)", "00:1c.0[01-01] 00:1d.0[02-02] 01:00.0m 01:00.1m 02:00.0m 02:00.1m"},
        {"rp(ep[mf])", "00:00.0[01-01] 01:00.0m"},
        {"pcibridge(pci pci@5 pci)", "00:00.0[01-01] 01:00.0 01:01.0 01:05.0"},
        {"rp@3 rp rp", "00:00.0[01-01] 00:01.0[02-02] 00:03.0[03-03]"},
        /* stated places first, so that nobody stands in their way */
        {"rp rp@0", "00:00.0[01-01] 00:01.0[02-02]"},
        {"rp(ep) | rp(ep) | bus=c1: rp", "00:00.0[01-01] 01:00.0 40:00.0[41-41] 41:00.0 c1:00.0[c2-c2]"},
        {"rp[seg=1](ep) | rp", "0001:00:00.0[01-01] 0001:01:00.0 40:00.0[41-41]"},
        /* VFs last; they follow their PF's function 7 */
        {"rp(ep[vf=2]) rp(ep)", "00:00.0[01-01] 00:01.0[02-02] 01:00.0 02:00.0 01:01.0v 01:01.1v"},
        {"rp(ep[vf=2] ep@.1[vf=1])", "00:00.0[01-01] 01:00.0m 01:00.1m 01:01.0v 01:01.1v 01:01.2v"},
        {"rp(ep[vf=2:384:2]) rp(ep)", "00:00.0[01-02] 00:01.0[03-03] 01:00.0 03:00.0 02:10.0v 02:10.2v"},
        {"rp(ep[vf=1:1:1])", "00:00.0[01-01] 01:00.0 01:00.1v"},
        {"  rp \n( ep\t)\n", "00:00.0[01-01] 01:00.0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct topology *topology = synthetic_parse("<synthetic>", cases[i].text, diagnostics);
        char *said = messages(diagnostics);
        ck_assert_msg(topology && said[0] == '\0', "%s: %s", cases[i].text, said);
        char *text = machine_text(topology);
        ck_assert_msg(strcmp(text, cases[i].expected) == 0, "%s:\n  %s\nnot\n  %s", cases[i].text, text,
                      cases[i].expected);
        free(text);
        free(said);
        topology_free(topology);
        diagnostics_free(diagnostics);
    }
}
END_TEST

START_TEST(mistakes_are_named_at_their_place)
{
    static const struct {
        const char *text, *expected; /* the first line: column, message, code */
    } cases[] = {
        {"", "1:1: error: a machine has at least one function [synthetic-syntax]"},
        {"rp(ep", "1:6: error: \")\" is missing at the end [synthetic-syntax]"},
        {"rp(ep|rp)", "1:6: error: \")\" is expected here [synthetic-syntax]"},
        {"rp)", "1:3: error: \")\" without \"(\" [synthetic-syntax]"},
        {"rp +", "1:4: error: a kind of function is expected here (rp, up, dp, ep, ...), not '+' "
                 "[synthetic-syntax]"},
        {"rp(rt)", "1:4: error: unknown kind \"rt\", did you mean \"rp\"? [synthetic-unknown-kind]"},
        {"switch", "1:1: error: unknown kind \"switch\" [synthetic-unknown-kind]"},
        {"rp*0", "1:4: error: a count is at least 1 [synthetic-bad-number]"},
        {"rp*x", "1:4: error: a count is a number up to 65536 [synthetic-bad-number]"},
        {"rp@20", "1:4: error: a device number is a hexadecimal number up to 1f [synthetic-bad-number]"},
        {"rp@1c.8", "1:7: error: a function number is a hexadecimal number up to 7 [synthetic-bad-number]"},
        {"rp*3@1e", "1:5: error: copy 3 has no place: devices end at 1f, functions at 7 "
                    "[synthetic-bad-number]"},
        {"rp(ep@.1)", "1:6: error: \"@.1\" takes the slot of the node before, but this is the first on its "
                      "bus [synthetic-bad-place]"},
        {"ep(ep)", "1:3: error: nothing can be below this function: it is no port and no bridge "
                   "[synthetic-not-a-bridge]"},
        {"ep[asc]", "1:4: error: unknown option \"asc\", did you mean \"acs\"? [synthetic-unknown-option]"},
        {"ep[]", "1:4: error: unknown option \"\" [synthetic-unknown-option]"},
        {"ep[mf=1]", "1:6: error: option \"mf\" takes no value [synthetic-bad-value]"},
        {"ep[acs=1f]", "1:8: error: option \"acs\" needs CAP:CTL, both hexadecimal up to ffff "
                       "[synthetic-bad-value]"},
        {"ep[id=8086]", "1:7: error: option \"id\" needs VVVV:DDDD, both hexadecimal [synthetic-bad-value]"},
        {"ep[sub]", "1:7: error: option \"sub\" needs VVVV:DDDD, both hexadecimal [synthetic-bad-value]"},
        {"ep[class=02000]", "1:10: error: option \"class\" needs four or six hexadecimal digits "
                            "[synthetic-bad-value]"},
        {"ep[vf=0]", "1:7: error: option \"vf\" needs N or N:OFFSET:STRIDE, numbers from 1 to 65535 "
                     "[synthetic-bad-value]"},
        {"ep[link=7x8]", "1:9: error: option \"link\" needs GENxWIDTH, generation 1 to 6 and 1, 2, 4, 8, 12, "
                         "16 or 32 lanes [synthetic-bad-value]"},
        {"ep[link=3x0]", "1:9: error: option \"link\" needs GENxWIDTH, generation 1 to 6 and 1, 2, 4, 8, 12, "
                         "16 or 32 lanes [synthetic-bad-value]"},
        {"ep[mps=100]",
         "1:8: error: option \"mps\" needs 128, 256, 512, 1024, 2048 or 4096 [synthetic-bad-value]"},
        {"ep[mf,mrrs=8192]",
         "1:12: error: option \"mrrs\" needs 128, 256, 512, 1024, 2048 or 4096 [synthetic-bad-value]"},
        {"ep[bar=3KiB]",
         "1:8: error: option \"bar\" needs a power of two from 16B to 1TiB, while the function "
         "has a BAR left [synthetic-bad-value]"},
        {"rp[bar=4KiB,bar=4KiB]",
         "1:17: error: option \"bar\" needs a power of two from 16B to 1TiB, while the function has "
         "a BAR left [synthetic-bad-value]"},
        {"rp(ep[seg=1])", "1:7: error: seg= belongs to functions of a root bus: what is below is in the same "
                          "segment [synthetic-bad-value]"},
        {"ep[mf", "1:6: error: \",\" or \"]\" is expected here [synthetic-syntax]"},
        {"bus=100:rp", "1:5: error: a bus number is a hexadecimal number up to ff [synthetic-bad-number]"},
        {"bus=10 rp", "1:7: error: \":\" is expected after the bus number [synthetic-syntax]"},
        {"rp|rp|rp|rp|rp", "1:13: error: from the fifth host bridge on its bus number must be said: "
                           "\"bus=HEX:\" [synthetic-bad-place]"},
        {"rp*8(up(dp*32))", "1:9: error: no bus number is left for what is below 0000:f0:0f.0: its host "
                            "bridge ends at bus ff [topology-bus-numbers-exhausted]"},
        {"bus=0000000000000001:rp", "1:5: error: a bus number is a hexadecimal number up to ff "
                                    "[synthetic-bad-number]"},
        {"pci*65536 pci", "1:11: error: more than 65536 functions [synthetic-too-large]"},
        {"rp(ep ep)", "1:7: error: a second device below 0000:00:00.0: a link leads to one device, of up to "
                      "eight functions [topology-second-device-on-link]"},
        {"pci*33", "1:1: error: no free slot is left on bus 00: a bus has 32 [topology-bus-full]"},
        {"pci@3 pci@3",
         "1:7: error: two functions have the address 0000:00:03.0 [topology-duplicate-address]"},
        {"rp | bus=0: rp", "1:6: error: two host bridges have the root bus 0000:00 "
                           "[topology-duplicate-root-bus]"},
        {"rp rp | bus=2: rp", "1:4: error: no bus number is left for what is below 0000:00:01.0: its host "
                              "bridge ends at bus 01 [topology-bus-numbers-exhausted]"},
        {"rp(ep[vf=1:1:1] ep@.1)", "1:4: error: virtual function 0 of 0000:01:00.0 has the address "
                                   "0000:01:00.1, which belongs to a physical function "
                                   "[topology-vf-collision]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        ck_assert_msg(!synthetic_parse("m", cases[i].text, diagnostics), "%s", cases[i].text);
        char *said = messages(diagnostics);
        said[strcspn(said, "\n")] = '\0';
        ck_assert_msg(strncmp(said, "m:", 2) == 0 && strcmp(said + 2, cases[i].expected) == 0,
                      "%s:\n  %s\nnot\n  m:%s", cases[i].text, said, cases[i].expected);
        free(said);
        diagnostics_free(diagnostics);
    }
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
    struct text_buffer text = {0};
    struct diagnostics *diagnostics = diagnostics_new(20);
    for (unsigned i = 0; i < 20; i++)
        text_buffer_format(&text, "%sbus=0: rciep[seg=%x,vf=60000]", i ? "|" : "", i);
    ck_assert_ptr_null(synthetic_parse("m", text_buffer_get(&text), diagnostics));
    char *said = messages(diagnostics);
    ck_assert_msg(strstr(said, "error: more than 1048576 functions, virtual functions included "
                               "[topology-too-large]"),
                  "%s", said);
    free(said);
    text_buffer_fini(&text);
    diagnostics_free(diagnostics);

    diagnostics = diagnostics_new(20);
    text_buffer_add(&text, "ep[mf,driver=");
    for (unsigned i = 0; i < 200; i++)
        text_buffer_add(&text, "x");
    text_buffer_add(&text, "]");
    ck_assert_ptr_null(synthetic_parse("m", text_buffer_get(&text), diagnostics));
    said = messages(diagnostics);
    ck_assert_msg(strstr(said, "m:1:7: error: an option of more than 127 characters [synthetic-bad-value]") !=
                      NULL,
                  "%s", said);
    free(said);
    text_buffer_fini(&text);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(options_reach_the_function)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = synthetic_parse(
        "m",
        "rp[acs,ari](ep[acs=5f:1,id=8086:1572,sub=1:2,class=0108,link=4x4,mps=512,mrrs=4096,ats,driver=x,bar="
        "16KiB,bar=1GiB]) rp(pcibridge[bridgealias](pci[nobar])) ep[nopcie]",
        diagnostics);
    ck_assert_ptr_nonnull(topology);
    const struct pci_function *port = topology_find(topology, 0, 0, 0);
    const struct pci_function *endpoint = topology_find(topology, 0, 1, 0);
    const struct pci_function *bridge = topology_find(topology, 0, 2, 0);
    const struct pci_function *conventional = topology_find(topology, 0, 3, 0);
    const struct pci_function *bare = topology_find(topology, 0, 0, pci_devfn(2, 0));
    ck_assert(port->acs.present && port->acs.capability == 0x1f && port->acs.control == 0x1d);
    ck_assert(port->ari_forwarding && port->link.generation == 4 && port->link.width == 4);
    ck_assert(endpoint->acs.capability == 0x5f && endpoint->acs.control == 1);
    ck_assert(endpoint->vendor == 0x8086 && endpoint->device == 0x1572 && endpoint->subvendor == 1);
    ck_assert(endpoint->class_code == 0x010800 && endpoint->max_payload == 512);
    ck_assert(endpoint->max_read_request == 4096 && endpoint->ats_enabled);
    ck_assert_str_eq(endpoint->driver, "x");
    ck_assert(endpoint->bars[0].kind == BAR_MEMORY64 && endpoint->bars[0].size == 0x4000);
    ck_assert(endpoint->bars[2].kind == BAR_MEMORY64 && endpoint->bars[2].prefetchable);
    ck_assert(bare->bars[0].kind == BAR_MEMORY32 && conventional->bars[0].kind == BAR_NONE);
    ck_assert(bridge->vendor == 0x1b21 && !bridge->pcie && bridge->header_type == 1);
    ck_assert(conventional->bars[0].kind == BAR_NONE);
    ck_assert(!bare->pcie && bare->link.width == 0);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

Suite *synthetic_suite(void)
{
    Suite *suite = suite_create("synthetic");
    TCase *tests = tcase_create("synthetic");
    tcase_add_test(tests, machines_are_numbered_as_firmware_does);
    tcase_add_test(tests, mistakes_are_named_at_their_place);
    tcase_add_test(tests, absurd_sizes_are_refused);
    tcase_add_test(tests, options_reach_the_function);
    suite_add_tcase(suite, tests);
    return suite;
}
