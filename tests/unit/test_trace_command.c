/* SPDX-License-Identifier: MIT */
/* `iommusim trace`: traces of other programs, made here byte by byte, and what comes of them. */
#include "sim/base/text_buffer.h"

#include "sim/input/kernel_trace.h"
#include "sim/kernel/random.h"
#include "tests/unit/program.h"

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

/* As ftrace prints them: a receive buffer of half a page, a packet sent, a list, a page shared by two. */
static const char ftrace_text[] =
    "# tracer: nop\n#\n# entries-in-buffer/entries-written: 9/9   #P:8\n#\n"
    "          <idle>-0       [002] ..s2.  1234.000000: dma_map_phys: 0000:03:00.0 dir=FROM_DEVICE "
    "dma_addr=fffff000 size=2048 phys_addr=104000000 attrs=\n"
    "          <idle>-0       [002] ..s2.  1234.000010: dma_map_page: 0000:03:00.0 dir=TO_DEVICE "
    "dma_addr=ffffe040 size=1514 phys_addr=104001040 attrs=SKIP_CPU_SYNC\n"
    "    ksoftirqd/2-12       [002] ..s2.  1234.000020: irq_handler_entry: irq=3 name=eth0\n"
    "          <idle>-0       [002] ..s2.  1234.000030: dma_unmap_page: 0000:03:00.0 dir=TO_DEVICE "
    "dma_addr=ffffe040 size=1514 attrs=\n"
    "   kworker/0:1-77        [000] .....  1234.000040: dma_map_sg: 0000:04:00.0 dir=TO_DEVICE nents=2/2 "
    "ents=2/2 dma_addrs={0xffffa000,0xffff8000} sizes={0x1000,0x2000} "
    "phys_addrs={0x200000000,0x200005000} attrs=\n"
    "   kworker/0:1-77        [000] .....  1234.000050: dma_unmap_sg: 0000:04:00.0 dir=TO_DEVICE "
    "phys_addrs={0x200000000,0x200005000} attrs=\n"
    "          <idle>-0       [002] ..s2.  1234.000060: dma_map_phys: 0000:03:00.0 dir=TO_DEVICE "
    "dma_addr=fffff800 size=100 phys_addr=104000800 attrs=\n"
    "          <idle>-0       [002] ..s2.  1234.000070: dma_unmap_phys: 0000:03:00.0 dir=FROM_DEVICE "
    "dma_addr=fffff000 size=2048 attrs=\n"
    "          <idle>-0       [002] ..s2.  1234.000080: dma_unmap_phys: 0000:03:00.0 dir=TO_DEVICE "
    "dma_addr=fffff800 size=100 attrs=\n";

START_TEST(events_of_a_kernel_become_mappings_and_accesses)
{
    write_file(ftrace_text, sizeof(ftrace_text) - 1);
    char *text = run("convert", 0);
    const char *trace = strstr(text, "time,device");
    ck_assert_ptr_nonnull(strstr(text, "1 events of other kinds were passed over: irq_handler_entry 1"));
    ck_assert_msg(trace && strncmp(trace,
                                   "time,device,op,iova,length\n"
                                   "0.000ns,0000:03:00.0,map,0xfffff000,4096,,rw\n"
                                   "10000.000ns,0000:03:00.0,map,0xffffe000,4096,,rw\n"
                                   "10000.000ns,0000:03:00.0,read,0xffffe040,1514\n"
                                   "30000.000ns,0000:03:00.0,unmap,0xffffe000,4096\n"
                                   "40000.000ns,0000:04:00.0,map,0xffffa000,4096,,r\n"
                                   "40000.000ns,0000:04:00.0,read,0xffffa000,4096\n"
                                   "40000.000ns,0000:04:00.0,map,0xffff8000,8192,,r\n"
                                   "40000.000ns,0000:04:00.0,read,0xffff8000,8192\n"
                                   "50000.000ns,0000:04:00.0,unmap,0xffffa000,4096\n"
                                   "50000.000ns,0000:04:00.0,unmap,0xffff8000,8192\n"
                                   "60000.000ns,0000:03:00.0,read,0xfffff800,100\n"
                                   "70000.000ns,0000:03:00.0,write,0xfffff000,2048\n"
                                   "80000.000ns,0000:03:00.0,unmap,0xfffff000,4096\n",
                                   600) == 0,
                  "%s", text);
    free(text);
}
END_TEST

START_TEST(perf_names_no_device_for_the_iommu)
{
    static const char perf[] =
        "swapper     0 [002]  1234.567890:            iommu:map: IOMMU: iova=0x00000000fffff000 - "
        "0x0000000100000000 paddr=0x0000000104000000 size=4096\n"
        "        ffffffff81a0b0c0 iommu_map+0x40 ([kernel.kallsyms])\n"
        "swapper     0 [002]  1234.567990:            iommu:unmap: IOMMU: iova=0x00000000fffff000 - "
        "0x0000000100000000 size=4096 unmapped_size=4096\n"
        "swapper     0 [002]  1234.568000: iommu:io_page_fault: IOMMU:nvme 0000:04:00.0 "
        "iova=0x0000000000001000 flags=0x0001\n"
        "swapper     0 [002]  1234.568001: swiotlb:swiotlb_bounced: dev_name: 0000:00:14.0 "
        "dma_mask=ffffffff dev_addr=123 size=512 NORMAL\n";
    write_file(perf, sizeof(perf) - 1);
    char *text = run("convert", 0);
    ck_assert_ptr_nonnull(strstr(text, "2 events of iommu:map and iommu:unmap do not say of which device"));
    ck_assert_ptr_nonnull(strstr(text, "1 buffers had bounced"));
    ck_assert_ptr_null(strstr(text, ",map,"));
    free(text);
    text = run("convert --device 03:00.0", 0);
    ck_assert_ptr_nonnull(strstr(text, "0.000ns,0000:03:00.0,map,0xfffff000,4096,,rw\n"
                                       "0.000ns,0000:03:00.0,read,0xfffff000,4096\n"
                                       "100000.000ns,0000:03:00.0,unmap,0xfffff000,4096\n"
                                       "110000.000ns,0000:04:00.0,write,0x1000,4\n"));
    free(text);
}
END_TEST

START_TEST(events_that_lack_something_are_named)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"  a-1 [000] 12.5: dma_map_page: 0000:03:00.0 dir=TO_DEVICE size=4\n",
         "line 1: an event of the DMA API without dma_addr= [foreign-line]"},
        {"\n  a-1 [000] 12.5: dma_map_page: 0000:03:00.0 dir=TO_DEVICE dma_addr=1000\n",
         "line 2: an event of the DMA API without size="},
        {"  a-1 [000] 12.5: dma_map_page: 0000:03:00.0 dma_addr=fffffffffffff000 size=8192\n",
         "beyond 64 bits"},
        {"  a-1 [000] 12.5: dma_map_page: 0000:03:00.0 dma_addr=1000 size=99999999999999\n", "beyond 4 GiB"},
        {"  a-1 [000] 12.5: dma_map_sg: 0000:03:00.0 dma_addrs={0x1000,0x2000} sizes={0x10}\n",
         "as many dma_addrs= as sizes="},
        {"  a-1 [000] 12.5: io_page_fault: IOMMU:x 0000:03:00.0 flags=0x1\n", "io_page_fault without"},
        {"Record the iommu: events, or those vtd_ ones of QEMU.\n", "nothing to convert"},
        {"# tracer: nop\n", "nothing to convert"},
        {"time,device,op,iova,length\n", "nothing to convert"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(cases[i].text, strlen(cases[i].text));
        char *text = run("convert", 2);
        ck_assert_msg(strstr(text, cases[i].says) != NULL, "%s", text);
        free(text);
    }
}
END_TEST

/* The kernel prints arrays as {0x1000,0x2000}; trace-cmd and perf print the same events through a library
 * that writes them in decimal, with blanks between. */
START_TEST(arrays_of_either_printer)
{
    static const char kernel[] = "  n-1 [002] ..... 1.000000: dma_map_sg: 0000:01:00.0 dir=TO_DEVICE "
                                 "dma_addrs={0xffffd000,0xffffb000} "
                                 "sizes={0x1000,0x2000} phys_addrs={0x1000,0x4000} attrs=\n"
                                 "  n-1 [002] ..... 1.000010: dma_unmap_sg: 0000:01:00.0 dir=TO_DEVICE "
                                 "phys_addrs={0x1000,0x4000} attrs=\n";
    static const char library[] =
        "  n-1 [002] 1.000000: dma_map_sg: 0000:01:00.0 dir=TO_DEVICE dma_addrs=4294955008 4294946816 "
        "sizes=4096 8192 phys_addrs=4096 16384 attrs=\n"
        "  n-1 [002] 1.000010: dma_unmap_sg: 0000:01:00.0 dir=TO_DEVICE phys_addrs=4096 16384 attrs=\n";
    write_file(kernel, strlen(kernel));
    char *first = run("convert", 0);
    write_file(library, strlen(library));
    char *second = run("convert", 0);
    ck_assert_str_eq(first, second);
    ck_assert_ptr_nonnull(strstr(second, "map,0xffffb000,8192"));
    ck_assert_ptr_nonnull(strstr(second, "unmap,0xffffd000,4096"));
    free(first);
    free(second);
}
END_TEST

/* What was recorded on one machine runs on another, and nothing of it faults. */
START_TEST(a_converted_recording_runs)
{
    static const char workload[] =
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"host\", \"mode\": \"lazy\", "
        "\"devices\": \"all\"}], \"streams\": [{\"name\": \"recorded\", \"trace\": \"recorded.trace\", "
        "\"pace\": \"closed\", \"queue_depth\": 8}]}";
    int status;
    program_setup();
    program_write_file("ftrace.txt", ftrace_text);
    program_write_file("workload.json", workload);
    free(program_run("trace convert ftrace.txt -o recorded.trace", &status));
    ck_assert_int_eq(status, 0);
    char *text =
        program_run("run --topology 'synthetic:rp(ep) rp(ep) rp(ep) rp(ep)' --workload workload.json "
                    "-f json",
                    &status);
    ck_assert_msg(status == 0 && strstr(text, "\"operations\": 5") && strstr(text, "\"failed\": 0"), "%s",
                  text);
    free(text);
    program_teardown();
}
END_TEST

/* Lines cut short and with bytes changed: no reading beyond them, and what is mapped stays consistent. */
START_TEST(damaged_lines_do_no_harm)
{
    struct random_stream random;
    random_init(&random, 1, "damaged");
    for (int round = 0; round < 300; round++) {
        struct kernel_trace *trace = kernel_trace_new(0x300);
        struct kernel_operation operation;
        char *text = strdup(ftrace_text), *rest = text;
        for (unsigned i = 0; i < 1 + (unsigned)round / 20; i++)
            text[random_below(&random, sizeof(ftrace_text) - 1)] = "0fx,{}= \n:"[random_below(&random, 10)];
        for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
            const char *wrong;
            char *exact = strdup(line); /* so that a sanitizer sees what is read behind it */
            kernel_trace_line(trace, exact, &wrong);
            free(exact);
            while (kernel_trace_take(trace, &operation))
                ck_assert_uint_gt(operation.length, 0);
        }
        ck_assert_uint_le(kernel_trace_counts(trace)->events, 9);
        kernel_trace_free(trace);
        free(text);
    }
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
    tcase_add_test(tests, events_of_a_kernel_become_mappings_and_accesses);
    tcase_add_test(tests, perf_names_no_device_for_the_iommu);
    tcase_add_test(tests, events_that_lack_something_are_named);
    tcase_add_test(tests, arrays_of_either_printer);
    tcase_add_test(tests, a_converted_recording_runs);
    tcase_add_test(tests, damaged_lines_do_no_harm);
    suite_add_tcase(suite, tests);
    return suite;
}
