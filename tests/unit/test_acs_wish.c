/* SPDX-License-Identifier: MIT */
/* Which ACS bits to change for a wish: by hand, and against every subset of bits on small random machines. */
#include "sim/analysis/acs_wish_words.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/random_fabric.h"

Suite *acs_wish_suite(void);

enum { RANDOM_MACHINES = 1500, BITS_TRIED = 12, WISHES = 6 };

struct asked {
    struct topology *topology;
    struct iommu_groups *groups;
    struct acs_wish wish;
    struct acs_wish_answer *answer;
};

static struct asked ask(const char *machine, enum acs_wish_kind kind, const char *a, const char *b)
{
    struct asked asked = {.topology = fixture_machine(machine)};
    struct diagnostics *diagnostics = diagnostics_new(5);
    asked.groups = iommu_groups_form(asked.topology, IOMMU_CHOICE_VT_D, "", diagnostics);
    diagnostics_free(diagnostics);
    asked.wish = (struct acs_wish){kind, fixture_function(asked.topology, a)->id,
                                   b ? fixture_function(asked.topology, b)->id : NONE};
    asked.answer = acs_wish_solve(asked.topology->arena, asked.groups, &asked.wish);
    return asked;
}

static void done(struct asked *asked)
{
    iommu_groups_free(asked->groups);
    topology_free(asked->topology);
}

/** "02:00.0-4 02:03.0+8": function, clear or set, bit in hexadecimal. */
static char *flips_text(const struct asked *asked)
{
    struct text_buffer text = {0};
    char name[BDF_TEXT_SIZE];
    for (size_t i = 0; i < asked->answer->flip_count; i++) {
        const struct acs_flip *flip = &asked->answer->flips[i];
        text_buffer_format(&text, "%s%s%c%x", i ? " " : "",
                           fixture_name(asked->topology, flip->function_id, name), flip->set ? '+' : '-',
                           flip->bit);
    }
    return text.text ? text.text : strdup("");
}

#define SWITCH(a, b) "rp@1[acs](up(dp@0[acs=1f:" a "](ep) dp@3[acs=1f:" b "](ep)))"

START_TEST(wishes_by_hand)
{
    static const struct {
        const char *machine, *a, *b;
        enum acs_wish_kind kind;
        const char *flips; /* NULL: impossible */
        enum route_rule rule;
    } cases[] = {
        /* The request meets ReqRedir at its own port, the completion CmpltRedir at the other. */
        {SWITCH("1d", "1d"), "03:00.0", "04:00.0", ACS_WISH_DIRECT, "02:00.0-4 02:03.0-8", 0},
        {SWITCH("1d", "1d"), "03:00.0", "04:00.0", ACS_WISH_WRITES, "02:00.0-4", 0},
        {SWITCH("0", "0"), "03:00.0", "04:00.0", ACS_WISH_DIRECT, "", 0},
        {SWITCH("8", "4"), "03:00.0", "04:00.0", ACS_WISH_DIRECT, "", 0},
        /* Two levels of switches: every port up to the common one is only passed. */
        {"rp@1[acs](up(dp@0[acs](up(dp@0[acs](ep))) dp@1[acs](ep)))", "05:00.0", "06:00.0", ACS_WISH_WRITES,
         "02:00.0-4", 0},
        /* Below two root ports that the root complex does not connect. */
        {"rp@1[acs](ep) rp@2[acs](ep)", "01:00.0", "02:00.0", ACS_WISH_DIRECT, NULL, RULE_NO_PEER_ROUTING},
        /* Isolation: one bit at each side's port; the function's own port alone would not keep others out. */
        {SWITCH("0", "0"), "03:00.0", NULL, ACS_WISH_ISOLATED, "02:00.0+4 02:03.0+4", 0},
        {SWITCH("1d", "0"), "03:00.0", NULL, ACS_WISH_ISOLATED, "02:03.0+4", 0},
        {SWITCH("1d", "1d"), "03:00.0", NULL, ACS_WISH_ISOLATED, "", 0},
        /* Nothing to set. */
        {"rp@1[acs](up(dp@0(ep) dp@3(ep)))", "03:00.0", NULL, ACS_WISH_ISOLATED, NULL, RULE_SWITCH_PEER},
        {"rp@1[acs](pcie2pci(pci pci))", "02:00.0", NULL, ACS_WISH_ISOLATED, NULL, RULE_CONVENTIONAL_BUS},
        {"rp@1[acs](ep[mf] ep@.1)", "01:00.0", NULL, ACS_WISH_ISOLATED, NULL, RULE_MULTIFUNCTION_NO_ACS},
        {"rp@1[acs](ep[mf,acs=0c:0] ep@.1[acs=0c:0])", "01:00.0", NULL, ACS_WISH_ISOLATED,
         "01:00.0+4 01:00.1+4", 0},
        /* EgressCtrl lets through what ReqRedir would send up. */
        {"rp@1[acs](up(dp@0[acs=3f:3d](ep) dp@3[acs](ep)))", "03:00.0", NULL, ACS_WISH_ISOLATED, "02:00.0-20",
         0},
        /* A device with ATS says its addresses are translated, and the unit takes its word: what the ports
         * redirect comes down again at the peer. Its own port can stop it, */
        {"rp@1[acs=7f:1d](up(dp@0[acs=7f:1d](ep[ats]) dp@3[acs=7f:1d](ep)))", "03:00.0", NULL,
         ACS_WISH_ISOLATED, "02:00.0+2", 0},
        /* where both have ATS, the root port, which both ways pass; */
        {"rp@1[acs=7f:1d](up(dp@0[acs=7f:1d](ep[ats]) dp@3[acs=7f:1d](ep[ats])))", "03:00.0", NULL,
         ACS_WISH_ISOLATED, "00:01.0+2", 0},
        /* where only the other one has, its; */
        {"rp@1[acs=7d:1d](up(dp@0[acs=7f:1d](ep) dp@3[acs=7f:1d](ep[ats])))", "03:00.0", NULL,
         ACS_WISH_ISOLATED, "02:03.0+2", 0},
        /* a port that lets translated requests through directly needs DirectTrans off, or blocking; */
        {"rp@1[acs=7d:1d](up(dp@0[acs=7f:5d](ep[ats]) dp@3[acs=7f:1d](ep)))", "03:00.0", NULL,
         ACS_WISH_ISOLATED, "02:00.0+2", 0},
        /* and without TransBlk nobody stops it. */
        {"rp@1[acs=7d:1d](up(dp@0[acs=7d:1d](ep[ats]) dp@3[acs=7d:1d](ep)))", "03:00.0", NULL,
         ACS_WISH_ISOLATED, NULL, RULE_ATS_TRUSTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked = ask(cases[i].machine, cases[i].kind, cases[i].a, cases[i].b);
        char *flips = flips_text(&asked);
        if (cases[i].flips) {
            ck_assert_msg(asked.answer->outcome == ACS_WISH_GRANTED, "case %zu", i);
            ck_assert_msg(strcmp(flips, cases[i].flips) == 0, "case %zu: %s", i, flips);
            ck_assert(asked.answer->smallest);
            ck_assert(acs_wish_holds(asked.groups, &asked.wish, asked.answer->control));
        } else {
            ck_assert_msg(asked.answer->outcome == ACS_WISH_IMPOSSIBLE, "case %zu: %s", i, flips);
            ck_assert_msg(asked.answer->stuck.result.rule == cases[i].rule, "case %zu: %s", i,
                          route_rule_name(asked.answer->stuck.result.rule));
        }
        free(flips);
        done(&asked);
    }
}
END_TEST

/* Sixteen ports that reach one another: the sixteen bits are found without trying their subsets. */
START_TEST(many_ports)
{
    struct asked asked = ask("rp@1[acs](up(dp*16@0[acs=1f:0](ep)))", ACS_WISH_ISOLATED, "05:00.0", NULL);
    ck_assert_int_eq(asked.answer->outcome, ACS_WISH_GRANTED);
    ck_assert_uint_eq(asked.answer->flip_count, 16);
    ck_assert(asked.answer->smallest);
    done(&asked);
}
END_TEST

START_TEST(silence_is_no_wish)
{
    struct asked asked = ask("rp@1[acs](ep) rp@2[acs](ep[nobar])", ACS_WISH_DIRECT, "01:00.0", "02:00.0");
    ck_assert_int_eq(asked.answer->outcome, ACS_WISH_SENSELESS);
    ck_assert_int_eq(asked.answer->absence, REACH_ABSENT_BAR);
    done(&asked);
}
END_TEST

/** The candidate bits of a whole machine. @return their number, at most BITS_TRIED + 1 */
static unsigned all_candidates(const struct asked *asked, const uint16_t *control, struct acs_flip *bits)
{
    unsigned count = 0;
    for (uint32_t id = 0; id < asked->topology->function_count; id++) {
        uint16_t free = acs_wish_candidates(asked->groups, asked->wish.kind, id, control[id]);
        for (unsigned bit = 0; bit < 16; bit++) {
            if ((unsigned)free >> bit & 1U && count <= BITS_TRIED)
                bits[count++] = (struct acs_flip){id, (uint16_t)(1U << bit), false};
        }
    }
    return count;
}

/** Fewest bits of any subset that grants the wish; -1: none does. */
static int try_all(const struct asked *asked, const uint16_t *control, const struct acs_flip *bits,
                   unsigned count)
{
    int fewest = -1;
    uint16_t *tried = arena_array(asked->topology->arena, asked->topology->function_count, sizeof(*tried));
    for (uint32_t subset = 0; subset < 1U << count; subset++) {
        int size = __builtin_popcount(subset);
        if (fewest >= 0 && size >= fewest)
            continue;
        memcpy(tried, control, asked->topology->function_count * sizeof(*tried));
        for (unsigned i = 0; i < count; i++)
            tried[bits[i].function_id] ^= subset >> i & 1U ? bits[i].bit : 0;
        if (acs_wish_holds(asked->groups, &asked->wish, tried))
            fewest = size;
    }
    return fewest;
}

/** A machine booted with the words has the bits in force that were wished for, and no others changed. */
static void boot_with_words(const struct asked *asked, const char *machine, uint64_t seed, uint32_t *booted)
{
    struct acs_words words = acs_wish_words(asked->topology->arena, asked->groups, asked->answer, "");
    if (!words.cmdline)
        return;
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct iommu_groups *groups =
        iommu_groups_form(asked->topology, IOMMU_CHOICE_VT_D, words.cmdline, diagnostics);
    const uint16_t *control = reach_acs_control(asked->topology->arena, groups);
    for (uint32_t id = 0; id < asked->topology->function_count; id++)
        ck_assert_msg(control[id] == asked->answer->control[id],
                      "seed %llu: %u has %04x, not %04x with %s\n%s", (unsigned long long)seed, id,
                      control[id], asked->answer->control[id], words.cmdline, machine);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
    iommu_groups_free(groups);
    diagnostics_free(diagnostics);
    ++*booted;
}

START_TEST(words_by_hand)
{
    struct asked asked = ask(SWITCH("1d", "1d"), ACS_WISH_DIRECT, "03:00.0", "04:00.0");
    struct acs_words words = acs_wish_words(asked.topology->arena, asked.groups, asked.answer,
                                            "quiet pci=noats,config_acs=1@00:01.0 pci=config_acs=0@00:02.0");
    ck_assert_str_eq(words.parameter, "pci=config_acs=0011001@0000:02:00.0;0010101@0000:02:03.0;0@00:02.0");
    ck_assert_str_eq(words.clear_only, "pci=disable_acs_redir=0000:02:00.0;0000:02:03.0");
    char *line = acs_wish_setpci(asked.groups, asked.answer, asked.answer->flips[0].function_id);
    ck_assert_str_eq(line, "setpci -s 0000:02:00.0 ECAP_ACS+6.w=0000:0004");
    free(line);
    done(&asked);
    /* The rules of today's kernel know no bits of ACS Enhanced. */
    asked = ask("rp@1[acs](up[bar=4KiB](dp@0[acs=9f:1d](ep) dp@3[acs=9f:1d](ep)))", ACS_WISH_ISOLATED,
                "03:00.0", NULL);
    words = acs_wish_words(asked.topology->arena, asked.groups, asked.answer, "");
    ck_assert_int_eq(words.obstacle, ACS_WORDS_ENHANCED);
    ck_assert_ptr_null(words.parameter);
    done(&asked);
}
END_TEST

/** Ask for the wish on the machine of @p seed; skipped where there are too many bits to try all subsets. */
static void compare(const char *machine, uint64_t seed, enum acs_wish_kind kind, uint32_t pick,
                    uint32_t *compared, uint32_t *booted)
{
    struct asked asked = {.topology = fixture_machine(machine)};
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct acs_flip bits[BITS_TRIED + 1];
    uint32_t count = asked.topology->function_count;
    asked.groups = iommu_groups_form(asked.topology, IOMMU_CHOICE_VT_D, "", diagnostics);
    diagnostics_free(diagnostics);
    asked.wish = (struct acs_wish){kind, pick % count,
                                   kind == ACS_WISH_ISOLATED ? NONE : (pick / count + 1 + pick) % count};
    const uint16_t *control = reach_acs_control(asked.topology->arena, asked.groups);
    unsigned bit_count = all_candidates(&asked, control, bits);
    if (bit_count <= BITS_TRIED) {
        asked.answer = acs_wish_solve(asked.topology->arena, asked.groups, &asked.wish);
        if (asked.answer->outcome != ACS_WISH_SENSELESS) {
            int fewest = try_all(&asked, control, bits, bit_count);
            int found = asked.answer->outcome == ACS_WISH_GRANTED ? (int)asked.answer->flip_count : -1;
            ck_assert_msg(found == fewest, "seed %llu, wish %d of %u: %d bits, but %d do\n%s",
                          (unsigned long long)seed, kind, asked.wish.a_id, found, fewest, machine);
            *compared += fewest > 0;
            boot_with_words(&asked, machine, seed, booted);
        }
    }
    done(&asked);
}

/** A switch or two with few bits, so that all subsets can be tried. */
static char *small_machine(struct random_fabric *random)
{
    enum { PORTS = 11, ENDS = 6 };
    static const char *const ports[] = {"",
                                        "[acs=04:04]",
                                        "[acs=0c:0c]",
                                        "[acs=0c:08]",
                                        "[acs=14:00]",
                                        "[acs=24:20]",
                                        "[acs=84:204]",
                                        "[acs=05:04]",
                                        "[acs=20:20]",
                                        "[acs=06:04]",
                                        "[acs=46:44]"};
    static const char *const ends[] = {
        "ep", "ep", "ep[acs=04:04,mf] ep@.1[acs=04:00]", "ep[mf] ep@.1", "pcie2pci(pci pci)", "ep[ats]"};
    struct text_buffer text = {0};
    unsigned count = 2 + random_fabric_next(random, 2);
    text_buffer_format(&text, "rp@1%s(up%s(", ports[random_fabric_next(random, PORTS)],
                       random_fabric_next(random, 3) ? "" : "[bar=4KiB]");
    for (unsigned i = 0; i < count; i++)
        text_buffer_format(&text, "dp@%x%s(%s) ", i, ports[random_fabric_next(random, PORTS)],
                           ends[random_fabric_next(random, ENDS)]);
    text_buffer_add(&text, "))");
    if (random_fabric_next(random, 2))
        text_buffer_format(&text, " rp@2%s(ep)", ports[random_fabric_next(random, PORTS)]);
    return text.text;
}

START_TEST(no_subset_is_smaller)
{
    uint32_t compared = 0, booted = 0;
    for (uint32_t i = 0; i < RANDOM_MACHINES; i++) {
        struct random_fabric random = {.seed = i};
        char *machine = small_machine(&random);
        for (uint32_t w = 0; w < WISHES; w++)
            compare(machine, i, (enum acs_wish_kind)(w % 3), random_fabric_next(&random, 10000), &compared,
                    &booted);
        free(machine);
    }
    ck_assert_uint_gt(compared, RANDOM_MACHINES / 3);
    ck_assert_uint_gt(booted, RANDOM_MACHINES / 5);
}
END_TEST

Suite *acs_wish_suite(void)
{
    Suite *suite = suite_create("acs_wish");
    TCase *tests = tcase_create("acs_wish");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, wishes_by_hand);
    tcase_add_test(tests, words_by_hand);
    tcase_add_test(tests, many_ports);
    tcase_add_test(tests, silence_is_no_wish);
    tcase_add_test(tests, no_subset_is_smaller);
    suite_add_tcase(suite, tests);
    return suite;
}
