/* SPDX-License-Identifier: MIT */
/* What a device sees of requests that are refused, and who refused them: `run` and `explain` from outside. */
#include "tests/unit/program.h"

#include <check.h>
#include <stdio.h>

Suite *refusals_suite(void);

#define EGRESS "'synthetic:rp[acs](up(dp[acs=87f:20,ev=2](ep) dp(ep)))'"

/* A violation of ACS is answered with CA (PCIe Base Spec 6.12.5), what the unit refuses with UR; writes are
 * posted, and nobody answers them. */
START_TEST(explain_says_what_the_device_sees)
{
    program_expect("iommusim explain " EGRESS " 03:00.0 04:00.0", 1,
                   "a completion with status CA has come, without data");
    program_expect("iommusim explain " EGRESS " 03:00.0 04:00.0", 1,
                   "(egress-control); the device gets status CA");
    program_expect("iommusim explain " EGRESS " 03:00.0 04:00.0 --write", 1, "writes get no completion");
    program_expect("iommusim explain 'synthetic:rp[acs](ep)' 01:00.0 0x100000 --unmapped", 1,
                   "a completion with status UR has come, without data");
    program_expect(
        "iommusim explain " EGRESS " 03:00.0 04:00.0 --format json", 1,
        "\"status\": \"CA\", \"stopped_by\": \"egress-control\", \"stopped_at\": \"0000:02:00.0\"");
    program_expect("iommusim explain 'synthetic:rp(ep)' 01:00.0 0x100000", 0,
                   "the data go to the device's memory");
}
END_TEST

/** Ten requests of 03:00.0 for the first BAR of 04:00.0. */
static void write_workload(const char *operation)
{
    char text[500];
    snprintf(
        text, sizeof(text),
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"mode\": \"passthrough\", "
        "\"devices\": [\"03:00.0\"]}], \"streams\": [{\"name\": \"s\", \"device\": \"03:00.0\", "
        "\"operation\": \"%s\", \"base\": \"0x4000000000\", \"window\": \"4KiB\", \"size\": \"64B\", "
        "\"operations\": 10, \"queue_depth\": 2}]}",
        operation);
    program_write_file("peer.json", text);
}

START_TEST(a_run_counts_them)
{
    write_workload("read");
    program_expect("iommusim run --topology " EGRESS " --workload peer.json", 0,
                   "10 reads of 0000:03:00.0 refused at 0000:02:00.0");
    program_expect("iommusim run --topology " EGRESS " --workload peer.json -f json | tr -d '\\n' | "
                   "grep -o '\"refusals\".*\"status\": [^}]*'",
                   0, "\"at\": \"0000:02:00.0\", \"status\": \"CA\"");
    program_expect("iommusim run --topology " EGRESS " --workload peer.json -f junit", 0,
                   "operations of stream s failed; most often 10 reads");
    write_workload("write");
    program_expect("iommusim run --topology " EGRESS " --workload peer.json", 0,
                   "10 writes of 0000:03:00.0 refused at 0000:02:00.0");
    program_expect("iommusim run --topology " EGRESS " --workload peer.json", 0,
                   "no completion tells the device");
}
END_TEST

/* Completions that a port redirects and the root port does not send down again end in nothing but timeouts;
 * the run says so. What arrives is told with who turned it, and when. */
START_TEST(a_run_tells_of_lost_completions_and_arrivals)
{
    write_workload("read");
    program_expect("iommusim run --topology 'synthetic:rp(up(dp(ep) dp[acs=1f:8](ep)))' --workload peer.json "
                   "--cmdline pci=config_acs=01000@0000:02:01.0",
                   0, "10 reads ended in a completion timeout");
    write_workload("write");
    program_expect("iommusim run --topology 'synthetic:rp(up(dp(ep) dp(ep)))' --workload peer.json", 0,
                   "turned at 0000:02:00.0, from ");
}
END_TEST

/* A function that no unit has in its scope writes to memory past the IOMMU: that is seen, too, though no
 * group speaks for it. Where no IOMMU is in use at all there is nothing to get past. */
START_TEST(a_run_tells_who_writes_to_memory_past_the_units)
{
    program_write_file(
        "scopes.json",
        "{\"format\": \"iommusim-topology/1\", \"kernel\": {\"cmdline\": \"intel_iommu=on\"},\n"
        "\"iommus\": [{\"kind\": \"vt-d\", \"scopes\": [{\"buses\": [\"01\", \"01\"]}]}],\n"
        "\"host_bridges\": [{\"functions\": [{\"kind\": \"root-port\", \"functions\": [{}]},\n"
        "{\"kind\": \"root-port\", \"functions\": [{}]}]}]}\n");
    program_write_file("write.json",
                       "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"mode\": "
                       "\"passthrough\", \"devices\": [\"02:00.0\"]}], \"streams\": [{\"name\": \"s\", "
                       "\"device\": \"02:00.0\", \"operation\": \"write\", \"base\": \"0x100000\", "
                       "\"window\": \"4KiB\", \"size\": \"64B\", \"operations\": 10, \"queue_depth\": 1}]}");
    program_expect("iommusim run --topology scopes.json --workload write.json --fail-on leak", 0,
                   "seen: 0000:02:00.0 -> memory, 10 TLPs, 640 B, by to-host\n");
    program_expect("iommusim run --topology scopes.json --workload write.json -f json | tr -d '\\n' | "
                   "grep -o '\"observed\".*' | grep -o '\"kind\".*\"leak\": [^,]*'",
                   0, "\"target\": \"memory\"");
    program_expect("iommusim run --topology scopes.json --workload write.json --cmdline intel_iommu=off | "
                   "grep -c seen: || echo none",
                   0, "none");
}
END_TEST

Suite *refusals_suite(void)
{
    Suite *suite = suite_create("refusals");
    TCase *tests = tcase_create("refusals");
    tcase_add_checked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, explain_says_what_the_device_sees);
    tcase_add_test(tests, a_run_counts_them);
    tcase_add_test(tests, a_run_tells_who_writes_to_memory_past_the_units);
    tcase_add_test(tests, a_run_tells_of_lost_completions_and_arrivals);
    suite_add_tcase(suite, tests);
    return suite;
}
