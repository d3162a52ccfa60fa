/* SPDX-License-Identifier: MIT */
/* Requests to addresses, functions' or not: what is there, who gets them, and how the command says so. */
#include "sim/analysis/reach_destinations.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/program.h"
#include "tests/unit/random_fabric.h"
#include "tests/unit/sarif_check.h"

#include <cJSON.h>
#include <inttypes.h>

Suite *reach_places_suite(void);

enum { MACHINES = 300 };

static bool owned(enum reach_destination_kind kind)
{
    return kind < DESTINATION_HOST_WINDOW;
}

/* On random machines: the list and the look-up agree about what is where; a BAR gets what the plain question
 * about the pair says; what is for nobody arrives nowhere. */
START_TEST(places_agree_with_pairs)
{
    uint32_t kinds[DESTINATION_KINDS] = {0}, outcomes[REACH_OUTCOMES] = {0};
    for (uint64_t seed = 0; seed < MACHINES; seed++) {
        struct random_fabric random = {.seed = seed, .platforms = seed % 2};
        struct text_buffer line = {0};
        random_fabric_write(&random, &line);
        struct topology *topology = random_fabric_build(text_buffer_get(&line), seed);
        struct reach reach = {.fabric = fabric_new(topology->arena, topology, NULL)};
        uint32_t count;
        const struct reach_destination *places = reach_destinations(topology->arena, reach.fabric, &count);
        uint32_t source_id = random_fabric_next(&random, topology->function_count);
        for (uint32_t p = 0; p < count; p++) {
            const struct reach_destination *place = &places[p];
            bool io = reach_destination_is_io(place->kind);
            struct reach_way way = {.kind = io ? TRANSACTION_IO : TRANSACTION_MEMORY_READ};
            struct reach_destination there = reach_destination_at(reach.fabric, place->base, io);
            struct reach_result result = reach_destination_by(&reach, source_id, place, way);
            kinds[place->kind]++;
            outcomes[result.outcome]++;
            /* A hole of a window may be one of the window above, too, and have a name of its own; what is
             * behind a VMD endpoint lies inside its BAR. */
            bool vmd = owned(place->kind) && reach.fabric->nodes[place->function_id].kind == NODE_VMD;
            if (!vmd && (place->kind == DESTINATION_BAR || place->kind == DESTINATION_IO_BAR ||
                         place->kind == DESTINATION_MSI))
                ck_assert_msg(there.kind == place->kind && there.function_id == place->function_id,
                              "seed %" PRIu64 ", 0x%" PRIx64 ": %s is listed, %s found: %s", seed,
                              place->base, reach_destination_name(place->kind),
                              reach_destination_name(there.kind), line.text);
            if (place->kind == DESTINATION_MEMORY || place->kind == DESTINATION_UNCLAIMED)
                ck_assert(!owned(there.kind));
            if (place->kind == DESTINATION_BAR && result.outcome == REACH_REACHES)
                ck_assert_uint_eq(reach_pair_by(&reach, source_id, place->function_id, way).outcome,
                                  REACH_REACHES);
            if (place->kind == DESTINATION_UNCLAIMED)
                ck_assert(result.outcome != REACH_REACHES || result.end_id == NONE);
        }
        topology_free(topology);
        text_buffer_fini(&line);
    }
    for (int kind = 0; kind < DESTINATION_IO_UNCLAIMED; kind++)
        ck_assert_msg(kinds[kind] > 0 || kind == DESTINATION_ROM, "no %s was met",
                      reach_destination_name((enum reach_destination_kind)kind));
    ck_assert_uint_gt(outcomes[REACH_BLOCKED], 100);
    ck_assert_uint_gt(outcomes[REACH_REACHES], 100);
    ck_assert_uint_gt(outcomes[REACH_REDIRECTED], 100);
}
END_TEST

#define ACS_CAPABLE "\"acs\": {\"capability\": [\"SV\", \"TB\", \"RR\", \"CR\", \"UF\"], \"control\": []}"

/* The port of 03:00.0 is left alone by the kernel: its requests turn to 04:00.0. */
static const char machine[] =
    "{\"format\": \"iommusim-topology/1\", \"memory\": [{\"base\": \"0x0\", \"size\": \"1GiB\"}],\n"
    "\"iommus\": [{\"kind\": \"vt-d\", \"include_all\": true}],\n"
    "\"kernel\": {\"cmdline\": \"intel_iommu=on pci=config_acs=00000@0000:02:00.0;00000@0000:02:01.0\"},\n"
    "\"host_bridges\": [{\"functions\": [\n"
    "{\"kind\": \"root-port\", " ACS_CAPABLE
    ", \"functions\": [{\"kind\": \"upstream-port\", \"functions\": [\n"
    "{\"address\": \"00.0\", \"kind\": \"downstream-port\", " ACS_CAPABLE ", \"functions\": [\n"
    "  {\"kind\": \"endpoint\", \"bars\": [\n"
    "  {\"kind\": \"memory32\", \"size\": \"64KiB\", \"address\": \"0xc0000000\"},\n"
    "  {\"index\": \"rom\", \"size\": \"64KiB\", \"address\": \"0xc0010000\"}]}]},\n"
    "{\"address\": \"01.0\", \"kind\": \"downstream-port\", " ACS_CAPABLE ", \"functions\": [\n"
    "  {\"kind\": \"endpoint\", \"bars\": [\n"
    "  {\"kind\": \"memory32\", \"size\": \"64KiB\", \"address\": \"0xc0200000\"}]}]}]}]}]}]}\n";

static void setup(void)
{
    program_setup();
    program_write_file("machine.json", machine);
}

START_TEST(the_command_takes_places)
{
    static const struct {
        const char *words;
        int status;
        const char *says;
    } cases[] = {
        {"03:00.0 0xc0200010", 0, "03:00.0 -> 0xc0200010 (BAR 0 of 04:00.0), write: reaches LEAK: groups"},
        {"04:00.0 0xc0010000", 0, "(expansion ROM of 03:00.0, which is off), write: "},
        {"03:00.0 ram", 0, "(RAM), write: redirected, to iommu"},
        {"03:00.0 ram -i none", 0, "(RAM), write: reaches, to memory"},
        {"03:00.0 msi", 0, "(interrupt window), write: redirected, to iommu"},
        {"03:00.0 msi -i none", 0, "reaches, to processors"},
        {"03:00.0 msi --kind read", 0, "blocked, unsupported-request"},
        {"03:00.0 0x40000000 -i none", 0, "(nobody's address), write: blocked, unsupported-request"},
        {"03:00.0 unclaimed", 0, "(nobody's address), write: redirected, to iommu"},
        {"03:00.0 io:0x3f8", 0, "(nobody's port), io: blocked"},
        {"03:00.0 0xc0000000", 0, "none: source and target are the same function"},
        {"03:00.0 0xc0200000 --kind io", 0, "none: such requests do not exist"},
        {"03:00.0 0xc0200000 --kind write:forged --fail-on leak", 1, "LEAK"},
        {"03:00.0 ram --kind write:forged", 0, "no requester id of it to forge"},
        {"all places --summary", 0, "2 arrive at functions of other groups (leaks)"},
        {"all places --fail-on leak", 1, "(BAR 0 of 03:00.0): reaches; switch-peer at"},
        {"all ram --fail-on leak", 0, "redirected"},
        {"01:00.0 places", 0, "01:00.0 sends no requests of its own"},
        {"03:00.0 0xc0200010 -f tsv", 0,
         "0000:03:00.0\tbar\t0000:04:00.0\t0\t0xc0200010\treaches\tswitch-peer\t0000:02:00.0\t"
         "0000:04:00.0\tleak\twrite\n"},
        {"03:00.0 rom", 2, "did you mean ram [place-unknown]"},
        {"03:00.0 0x", 2, "[place-number]"},
        {"03:00.0 0x1ffffffffffffffff", 2, "[place-number]"},
        {"03:00.0 io:0x10000", 2, "they end at io:0xffff"},
        {"03:00.0 ram --matrix", 2, "a function's address"},
        {"03:00.0 ram --p2pdma", 2, "a function's address"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[200];
        snprintf(line, sizeof(line), "iommusim reach machine.json %s", cases[i].words);
        program_expect(line, cases[i].status, cases[i].says);
    }
    program_expect("iommusim reach 'synthetic:rp[acs](ep)' 01:00.0 unclaimed", 2, "[place-none]");
}
END_TEST

/* I/O BARs without an address get one, and the bridges above pass on their ports. */
START_TEST(ports_are_placed)
{
    static const char text[] =
        "{\"format\": \"iommusim-topology/1\", \"host_bridges\": [{\"functions\": [\n"
        "{\"kind\": \"root-port\", \"functions\": [{\"kind\": \"endpoint\", \"bars\": [\n"
        "  {\"kind\": \"io\", \"size\": \"32B\"}, {\"kind\": \"io\", \"size\": \"256B\"}]}]},\n"
        "{\"kind\": \"root-port\", \"functions\": [{\"kind\": \"endpoint\", \"bars\": [\n"
        "  {\"kind\": \"io\", \"size\": \"16B\"}]}]}, {\"kind\": \"root-port\"}]}]}\n";
    program_write_file("ports.json", text);
    program_expect("iommusim reach ports.json 02:00.0 io:0x1100", 0, "(I/O BAR 1 of 01:00.0), io: reaches");
    program_expect("iommusim reach ports.json 01:00.0 io:0x2000", 0, "(I/O BAR 0 of 02:00.0), io: reaches");
    program_expect("iommusim reach ports.json 01:00.0 io:0x2010", 0,
                   "(hole in the I/O window of 00:01.0), io: blocked");
    program_expect("iommusim reach ports.json 01:00.0 io:0x3000", 0, "(nobody's port), io: blocked");
}
END_TEST

START_TEST(documents_of_places)
{
    int status;
    char *text = program_run("reach machine.json 03:00.0 places -f json", &status);
    cJSON *document = cJSON_ParseWithOpts(text, NULL, true), *item;
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(document);
    ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(document, "format")->valuestring,
                     "iommusim-reach-places/1");
    unsigned taken = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "requests"))
    {
        const cJSON *by = cJSON_GetObjectItemCaseSensitive(item, "taken_by");
        taken += cJSON_IsString(by) && strcmp(by->valuestring, "0000:04:00.0") == 0;
    }
    ck_assert_uint_eq(taken, 1);
    cJSON_Delete(document);
    free(text);
    text = program_run("reach machine.json 03:00.0 0xc0200000 -f json", &status);
    ck_assert_ptr_nonnull(strstr(text, "\"hops\": [{\"at\": \"0000:03:00.0\", \"rule\": \"upstream\"}"));
    free(text);
    text = program_run("reach machine.json all places -f sarif", &status);
    ck_assert_int_eq(sarif_check(text), 2);
    free(text);
}
END_TEST

Suite *reach_places_suite(void)
{
    Suite *suite = suite_create("reach_places");
    TCase *laws = tcase_create("laws"), *command = tcase_create("command");
    tcase_add_test(laws, places_agree_with_pairs);
    suite_add_tcase(suite, laws);
    tcase_add_checked_fixture(command, setup, program_teardown);
    tcase_add_test(command, the_command_takes_places);
    tcase_add_test(command, ports_are_placed);
    tcase_add_test(command, documents_of_places);
    suite_add_tcase(suite, command);
    return suite;
}
