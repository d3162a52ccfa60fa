/* SPDX-License-Identifier: MIT */
/* Folders of texts, named from here and in full: the path of a file is no JSON pointer. */
#include "tests/unit/program.h"

#include <check.h>

Suite *input_folder_suite(void);

START_TEST(a_folder_of_texts)
{
    program_write_file("lspci.txt",
                       "00:01.0 PCI bridge [0604]: Intel Corporation Device [8086:1901]\n"
                       "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device [10de:1c82]\n");
    program_expect("mkdir machine && mv lspci.txt machine && iommusim groups machine --format tsv", 0,
                   "0000:01:00.0");
    program_expect("iommusim groups $PWD/machine --format tsv", 0, "0000:01:00.0");
    program_expect("iommusim reach $PWD/machine --format sarif; test $? -le 2 && echo fine", 0, "fine");
    program_expect("iommusim draw $PWD/machine | grep -c '01:00.0'", 0, "1");
    program_expect("tar czf machine.tgz machine && iommusim groups $PWD/machine.tgz --format tsv", 0,
                   "0000:01:00.0");
}
END_TEST

Suite *input_folder_suite(void)
{
    Suite *suite = suite_create("input_folder");
    TCase *tests = tcase_create("input_folder");
    tcase_add_checked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, a_folder_of_texts);
    suite_add_tcase(suite, tests);
    return suite;
}
