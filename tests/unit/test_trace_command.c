/* SPDX-License-Identifier: MIT */
/* `iommusim trace`: traces of other programs, made here byte by byte, and what comes of them. */
#include "sim/base/text_buffer.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *trace_command_suite(void);

static char path[] = "/tmp/iommusim-trace-XXXXXX";

static void setup(void)
{
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
}

static void teardown(void)
{
    unlink(path);
}

static void write_file(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static char *run(const char *words, int expected)
{
    struct text_buffer command = {0}, text = {0};
    char chunk[4096];
    const char *program = getenv("IOMMUSIM");
    text_buffer_format(&command, "%s trace %s %s 2>&1", program ? program : "build/iommusim", words, path);
    FILE *pipe = popen(command.text, "r");
    for (size_t got; (got = fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
        text_buffer_append(&text, chunk, got);
    int status = pclose(pipe);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == expected, "%s: %s", words, text.text);
    text_buffer_fini(&command);
    return text.text;
}

static void put(unsigned char *bytes, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

static void put_record(unsigned char *bytes, uint16_t source_id, uint64_t iova, uint64_t level)
{
    put(bytes, 1, 4);
    put(bytes + 4, source_id, 2);
    put(bytes + 6, 3, 2);
    put(bytes + 8, iova, 8);
    put(bytes + 16, level == 1 ? ~UINT64_C(0xfff) : ~UINT64_C(0x1fffff), 8);
    put(bytes + 24, level, 8);
    put(bytes + 32, UINT64_C(0x123456000), 8);
    put(bytes + 40, 7, 8);
}

START_TEST(hypersio_records_become_reads)
{
    unsigned char bytes[3 * 48];
    put_record(bytes, 0x0010, 0x34800000, 1);
    put_record(bytes + 48, 0x0118, 0xbbe00040, 2);
    put_record(bytes + 96, 0x0010, 0x34800040, 1);
    write_file(bytes, sizeof(bytes));
    char *text = run("convert --interval 20ns --size 128B", 0);
    ck_assert_str_eq(text, "time,device,op,iova,length\n"
                           "0.000ns,0000:00:02.0,read,0x34800000,128\n"
                           "20.000ns,0000:01:03.0,read,0xbbe00040,128\n"
                           "40.000ns,0000:00:02.0,read,0x34800040,128\n");
    free(text);
    text = run("info -f json", 0);
    ck_assert_ptr_nonnull(strstr(text, "\"kind\": \"hypersio\""));
    ck_assert_ptr_nonnull(strstr(text, "\"reads\": 3"));
    ck_assert_ptr_nonnull(strstr(text, "\"devices\": 2"));
    ck_assert_ptr_nonnull(strstr(text, "\"pages_4k\": 2"));
    free(text);
    write_file(bytes, sizeof(bytes) - 5);
    text = run("convert", 2);
    ck_assert_ptr_nonnull(strstr(text, "record 3: the file ends within it [foreign-record]"));
    free(text);
}
END_TEST

START_TEST(qemu_logs_become_reads)
{
    static const char log[] = "123@1600000000.000100:vtd_iotlb_cc_update IOTLB context update bus 0x0 devfn "
                              "0x10 high 0x102 low 0x1 gen 1\n"
                              "123@1600000000.000200:vtd_iotlb_page_update IOTLB page update sid 0x10 iova "
                              "0xfff00000 slpte 0x7f001003 "
                              "domain 0x1\n"
                              "123@1600000000.000250:vtd_iotlb_page_hit IOTLB page hit sid 0x10 iova "
                              "0xfff00040 slpte 0x7f001003 domain "
                              "0x1\n";
    write_file(log, sizeof(log) - 1);
    char *text = run("convert", 0);
    ck_assert_str_eq(text, "time,device,op,iova,length\n"
                           "0.000ns,0000:00:02.0,read,0xfff00000,64\n"
                           "50000.000ns,0000:00:02.0,read,0xfff00040,64\n");
    free(text);
    write_file("vtd_iotlb_page_hit IOTLB page hit\n", 34);
    text = run("info", 2);
    ck_assert_ptr_nonnull(strstr(text, "line 1: a translation without sid or iova [foreign-line]"));
    free(text);
}
END_TEST

START_TEST(own_traces_come_out_as_they_are)
{
    static const char own[] = "time,device,op,iova,length\n"
                              "0.000ns,0000:03:00.0,read,0x10000,64\n"
                              "15.800ns,0000:03:00.0,write,0x20000,8192\n"
                              "16.000ns,0000:03:00.0,map,0x30000,8192,,rw@0x140000000\n"
                              "100.000ns,0001:03:00.0,barrier\n";
    write_file(own, sizeof(own) - 1);
    char *text = run("convert", 0);
    ck_assert_str_eq(text, own);
    free(text);
    text = run("info", 0);
    ck_assert_ptr_nonnull(strstr(text, "Pages       3 of 4 KiB"));
    free(text);
    write_file("nonsense\n", 9);
    free(run("info", 2));
}
END_TEST

Suite *trace_command_suite(void)
{
    Suite *suite = suite_create("trace_command");
    TCase *tests = tcase_create("trace_command");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, hypersio_records_become_reads);
    tcase_add_test(tests, qemu_logs_become_reads);
    tcase_add_test(tests, own_traces_come_out_as_they_are);
    suite_add_tcase(suite, tests);
    return suite;
}
