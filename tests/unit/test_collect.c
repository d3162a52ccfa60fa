/* SPDX-License-Identifier: MIT */
/* scripts/collect.sh on folders that look like /sys: what iommusim makes of its archive is the machine the
 * folder was made from. */
#include "sim/base/text_buffer.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

Suite *collect_suite(void);

/* Run a shell script with $p for the program; its exit status, output to free. */
static int run(const char *script, const char *file, char **output)
{
    const char *program = getenv("IOMMUSIM");
    struct text_buffer command = {0}, out = {0};
    char block[4096];
    size_t length;
    text_buffer_format(&command, "p=%s; f='%s'; d=$(mktemp -d); trap 'rm -rf $d' EXIT; %s",
                       program ? program : "build/iommusim", file, script);
    FILE *stream = popen(command.text, "r");
    ck_assert_ptr_nonnull(stream);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    text_buffer_fini(&command);
    *output = out.text ? out.text : strdup("");
    return WEXITSTATUS(pclose(stream));
}

static void expect(const char *script, const char *file, const char *expected)
{
    char *output;
    int status = run(script, file, &output);
    ck_assert_msg(status == 0 && strcmp(output, expected) == 0, "%s: exit status %d, output:\n%s", file,
                  status, output);
    free(output);
}

/* The archive collect.sh makes of the folder gives the groups of the machine, numbers included. */
START_TEST(reference_machines_come_through)
{
    static const char script[] =
        "mkdir $d/root && $p import -q -f sysfs $f -o $d/made.tar && tar -C $d/root -xf $d/made.tar && "
        "scripts/collect.sh -r $d/root -o $d/taken.tar 2>/dev/null && $p groups -f tsv $f 2>/dev/null "
        ">$d/expected && "
        "$p groups -f tsv $d/taken.tar 2>/dev/null | cmp $d/expected -";
    glob_t files;
    ck_assert_int_eq(glob("topologies/*.json", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        expect(script, files.gl_pathv[i], "");
    globfree(&files);
}
END_TEST

/* A folder, an archive of it, plain or compressed: one machine. */
START_TEST(any_wrapping_will_do)
{
    expect(
        "mkdir $d/root && $p import -q -f sysfs $f -o $d/made.tar && tar -C $d/root -xf $d/made.tar && "
        "scripts/collect.sh -r $d/root -o $d/taken.tar 2>/dev/null && zstd -qk $d/taken.tar && gzip -k "
        "$d/taken.tar "
        "&& (cd $d/root && find . | cpio -oc >$d/taken.cpio 2>/dev/null || cp $d/made.tar $d/taken.cpio) && "
        "for input in $d/made.tar $d/root $d/taken.tar $d/taken.tar.zst $d/taken.tar.gz $d/taken.cpio; do "
        "$p import -q $input 2>/dev/null | md5sum; done | sort | uniq -c | tr -s ' ' | cut -d ' ' -f 2; "
        "$p import -f lspci -q $f 2>/dev/null | zstd -q | $p import -q - | grep -c '\"address\": \"0000'",
        "topologies/sriov-nic.json", "6\n12\n");
}
END_TEST

/* An ordinary user: 64 bytes of configuration space. */
START_TEST(what_is_missing_is_said)
{
    expect(
        "mkdir $d/root && $p import -q -f sysfs $f -o $d/made.tar && tar -C $d/root -xf $d/made.tar && "
        "find $d/root -name config | while read -r c; do head -c 64 $c >$d/head; cp $d/head $c; done; "
        "scripts/collect.sh -r $d/root -o $d/taken.tar 2>&1 | sed 's/written to.*/written/'; "
        "$p groups $d/taken.tar 2>&1 >/dev/null | grep -c lspci-hidden",
        "topologies/sriov-nic.json",
        "collect: the kernel made no IOMMU groups: the IOMMU is off in the firmware or on the command line\n"
        "collect: 12 functions in 0 groups, written\n"
        "collect: not readable for this user: capabilities of functions (port types, ACS) (run it as "
        "root)\n1\n");
    expect("scripts/collect.sh -r $d 2>&1 | sed \"s:$d::\"; scripts/collect.sh x 2>&1 | cut -c 1-6", "",
           "collect: there is no /sys/bus/pci/devices\nusage:\n");
    expect("mkdir -p $d/sys/bus/pci/devices; scripts/collect.sh -r $d -o $d/x 2>/dev/null; echo $?; ls $d",
           "", "3\nsys\n");
}
END_TEST

/* Only words about PCI and IOMMUs leave the machine. */
START_TEST(the_command_line_is_cut)
{
    expect(
        "mkdir $d/root && $p import -q -f sysfs $f -o $d/made.tar && tar -C $d/root -xf $d/made.tar && "
        "echo 'root=UUID=1-2-3 quiet iommu=pt intel_iommu=on luks.name=x' >$d/root/proc/cmdline && "
        "scripts/collect.sh -r $d/root -o $d/taken.tar 2>/dev/null && tar -xOf $d/taken.tar ./proc/cmdline",
        "topologies/sriov-nic.json", "iommu=pt intel_iommu=on ");
}
END_TEST

Suite *collect_suite(void)
{
    Suite *suite = suite_create("collect");
    TCase *tests = tcase_create("collect");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, reference_machines_come_through);
    tcase_add_test(tests, any_wrapping_will_do);
    tcase_add_test(tests, what_is_missing_is_said);
    tcase_add_test(tests, the_command_line_is_cut);
    suite_add_tcase(suite, tests);
    return suite;
}
