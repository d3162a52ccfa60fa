/* SPDX-License-Identifier: MIT */
/* Text traces: what is read, what is refused and with which words, plain and compressed. */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/trace.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

Suite *trace_suite(void);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MACHINE      "rp(ep@00.0[mf] ep@.1) rp(up(dp(ep) dp(ep)))"

static struct topology *topology;

static void setup(void)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    topology = synthetic_parse("<machine>", MACHINE, diagnostics);
    if (!topology)
        diagnostics_print(diagnostics, stderr);
    ck_assert_ptr_nonnull(topology);
    diagnostics_free(diagnostics);
}

static void teardown(void)
{
    topology_free(topology);
}

static void write_file(char *path, const void *bytes, size_t length)
{
    strcpy(path, "/tmp/iommusim-trace-XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, bytes, length), (ssize_t)length);
    close(file);
}

struct outcome {
    int status; /* of the last trace_next(), or of trace_open() */
    unsigned records;
    struct trace_record last;
    char *messages; /* path replaced by "t" */
};

static struct outcome read_bytes(const void *bytes, size_t length)
{
    char path[64];
    struct outcome outcome = {0};
    struct trace_reader *reader;
    struct diagnostics *diagnostics = diagnostics_new(5);
    write_file(path, bytes, length);
    outcome.status = trace_open(path, topology, &reader, diagnostics);
    if (outcome.status == 0) {
        struct trace_record record;
        while ((outcome.status = trace_next(reader, &record, diagnostics)) > 0) {
            outcome.records++;
            outcome.last = record;
        }
        ck_assert_int_eq(trace_next(reader, &record, diagnostics), outcome.status); /* it stays as it is */
        trace_close(reader);
    }
    size_t size;
    FILE *out = open_memstream(&outcome.messages, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    if (strncmp(outcome.messages, path, strlen(path)) == 0) {
        memmove(outcome.messages + 1, outcome.messages + strlen(path),
                strlen(outcome.messages + strlen(path)) + 1);
        outcome.messages[0] = 't';
    }
    ck_assert_uint_eq(diagnostics_errors(diagnostics), outcome.status < 0);
    diagnostics_free(diagnostics);
    unlink(path);
    return outcome;
}

static struct outcome read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

START_TEST(lines_are_read)
{
    static const struct {
        const char *line, *device;
        uint64_t time_ps, iova;
        uint32_t length;
        enum trace_operation operation;
        uint64_t number;
    } cases[] = {
        {"0,01:00.0,read,0,1", "0000:01:00.0", 0, 0, 1, TRACE_READ, 1},
        {"0ns,0000:01:00.1,write,0x10000,64\n", "0000:01:00.1", 0, 0x10000, 64, TRACE_WRITE, 1},
        {"15.8ns,01:00.0,read,0xfFfFfFfFfFfFfFfF,1", "0000:01:00.0", 15800, UINT64_MAX, 1, TRACE_READ, 1},
        {"7,01:00.0,read,18446744073709551615,1", "0000:01:00.0", 7000, UINT64_MAX, 1, TRACE_READ, 1},
        {"1.5,01:00.0,read,1,4194304", "0000:01:00.0", 1500, 1, 4194304, TRACE_READ, 1},
        {"2us,01:00.0,read,1,1", "0000:01:00.0", 2000000, 1, 1, TRACE_READ, 1},
        {"0.25ms,01:00.0,read,1,1", "0000:01:00.0", 250000000, 1, 1, TRACE_READ, 1},
        {"1s,01:00.0,read,1,1", "0000:01:00.0", 1000000000000, 1, 1, TRACE_READ, 1},
        {"42ps,01:00.0,read,1,1", "0000:01:00.0", 42, 1, 1, TRACE_READ, 1},
        {"1.500ps,01:00.0,barrier\n1.5000ns,01:00.0,barrier", NULL, 0, 0, 0, TRACE_READ, 0},
        {"9,01:00.0,barrier", "0000:01:00.0", 9000, 0, 0, TRACE_BARRIER, 1},
        {"9,01:00.0,barrier,,,,", "0000:01:00.0", 9000, 0, 0, TRACE_BARRIER, 1},
        {"9,01:00.0,msi,0xfee00008,4", "0000:01:00.0", 9000, 0xfee00008, 4, TRACE_WRITE, 1},
        {"9,01:00.0,write,0x10,4,,", "0000:01:00.0", 9000, 0x10, 4, TRACE_WRITE, 1},
        {" 9 ns , 01:00.0\t, write , 0x10 , 4 , \r\n", "0000:01:00.0", 9000, 0x10, 4, TRACE_WRITE, 1},
        {"\xef\xbb\xbf# comment\n\n  \r\ntime,device,op,iova,length\n1,01:00.0,read,2,3", "0000:01:00.0",
         1000, 2, 3, TRACE_READ, 5},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char device[BDF_TEXT_SIZE];
        struct outcome got = read_text(cases[i].line);
        if (!cases[i].device) {
            ck_assert_int_eq(got.status, STATUS_BAD_INPUT); /* half a picosecond */
            free(got.messages);
            continue;
        }
        ck_assert_msg(got.status == 0 && got.records == 1, "%s: %s", cases[i].line, got.messages);
        const struct pci_function *function = &topology->functions[got.last.function_id];
        ck_assert_str_eq(bdf_print(device, function->segment, function->bus, function->devfn),
                         cases[i].device);
        ck_assert_uint_eq(got.last.time_ps, cases[i].time_ps);
        ck_assert_uint_eq(got.last.iova, cases[i].iova);
        ck_assert_uint_eq(got.last.length, cases[i].length);
        ck_assert_uint_eq(got.last.operation, cases[i].operation);
        ck_assert_uint_eq(got.last.line, cases[i].number);
        free(got.messages);
    }
}
END_TEST

START_TEST(wrong_lines_are_named_at_their_place)
{
#define GRAMMAR "time,device,operation,iova,length[,pasid][,flags]"
    static const struct {
        const char *text, *message; /* first line */
    } cases[] = {
        {"x,01:00.0,read,1,1", "t:1:1: error: time \"x\" is no number with a unit (ps, ns, us, ms, s; none: "
                               "nanoseconds) [trace-time]"},
        {"1sec,01:00.0,read,1,1", "t:1:1: error: time \"1sec\" is no number with a unit (ps, ns, us, ms, s; "
                                  "none: nanoseconds) [trace-time]"},
        {"-1,01:00.0,read,1,1",
         "t:1:1: error: time \"-1\" is no number with a unit (ps, ns, us, ms, s; none: "
         "nanoseconds) [trace-time]"},
        {"0.0001ns,01:00.0,read,1,1",
         "t:1:1: error: time \"0.0001ns\" is no whole number of picoseconds [trace-time]"},
        {"9300000s,01:00.0,read,1,1", "t:1:1: error: time \"9300000\" is beyond 106 days [trace-time]"},
        {"99999999999999999999,01:00.0,read,1,1",
         "t:1:1: error: time \"99999999999999999999\" is beyond 106 days [trace-time]"},
        {"2,01:00.0,read,1,1\n# x\n 1,01:00.0,read,1,1",
         "t:3:1: error: time goes back: 1000 ps after 2000 ps in line 1 [trace-time-order]"},
        {"1,01:00.2,read,1,1", "t:1:3: error: there is no device 0000:01:00.2; the nearest is 0000:01:00.0 "
                               "[trace-device]"},
        {"1,01:0.2x,read,1,1", "t:1:3: error: device \"01:0.2x\" is no address of the form "
                               "[segment:]bus:device.function [trace-device]"},
        {"1,eth0,read,1,1", "t:1:3: error: device \"eth0\" is no address of the form "
                            "[segment:]bus:device.function [trace-device]"},
        {"1,00:00.0,read,1,1", "t:1:3: error: 0000:00:00.0 is a root-port: it issues no DMA [trace-device]"},
        {"1,01:00.0,red,1,1",
         "t:1:11: error: unknown operation \"red\", did you mean \"read\"?; supported are "
         "read, write, msi, barrier, map, unmap and invalidate [trace-operation]"},
        {"1,01:00.0,READ,1,1", "t:1:11: error: unknown operation \"READ\", did you mean \"read\"?; supported "
                               "are read, write, msi, barrier, map, unmap and invalidate [trace-operation]"},
        {"1,01:00.0,atomic,1,8", "t:1:11: error: atomic operations are not simulated; supported are read, "
                                 "write, msi, barrier, map, unmap and invalidate [trace-operation]"},
        {"1,01:00.0,translate,1,8",
         "t:1:11: error: translate operations are not simulated; supported are read, "
         "write, msi, barrier, map, unmap and invalidate [trace-operation]"},
        {"1,01:00.0,read,0x,1", "t:1:16: error: iova \"0x\" is no number of 64 bits, decimal or hexadecimal "
                                "after 0x [trace-number]"},
        {"1,01:00.0,read,10000h,1", "t:1:16: error: iova \"10000h\" is no number of 64 bits, decimal or "
                                    "hexadecimal after 0x [trace-number]"},
        {"1,01:00.0,read,0x10000000000000000,1",
         "t:1:16: error: iova \"0x10000000000000000\" is no number of "
         "64 bits, decimal or hexadecimal after 0x [trace-number]"},
        {"1,01:00.0,read,0xffffffffffffffff,2", "t:1:16: error: iova 0xffffffffffffffff plus length 2 is "
                                                "beyond 64 bits [trace-number]"},
        {"1,01:00.0,read,1,-1",
         "t:1:18: error: length \"-1\" is no number of 64 bits, decimal or hexadecimal "
         "after 0x [trace-number]"},
        {"1,01:00.0,read,1,0",
         "t:1:18: error: length 0 is outside 1 to 4194304 bytes (4 MiB) [trace-length]"},
        {"1,01:00.0,read,1,4194305",
         "t:1:18: error: length 4194305 is outside 1 to 4194304 bytes (4 MiB) [trace-length]"},
        {"1,01:00.0,msi,0x1000,4", "t:1:15: error: an msi is a write of 4 bytes to an aligned address in "
                                   "0xfee00000-0xfeefffff [trace-msi]"},
        {"1", "t:1:2: error: device is missing; a line is " GRAMMAR " [trace-fields]"},
        {"1,", "t:1:3: error: device is missing; a line is " GRAMMAR " [trace-fields]"},
        {"1,01:00.0", "t:1:10: error: operation is missing; a line is " GRAMMAR " [trace-fields]"},
        {"1,01:00.0,read", "t:1:15: error: iova is missing; a line is " GRAMMAR " [trace-fields]"},
        {"1,01:00.0,read,,64", "t:1:16: error: iova is missing; a line is " GRAMMAR " [trace-fields]"},
        {"1,01:00.0,read,5", "t:1:17: error: length is missing; a line is " GRAMMAR " [trace-fields]"},
        {"1,01:00.0,read,5,6,,,", "t:1:21: error: more than a line has: " GRAMMAR " [trace-fields]"},
        {"1,01:00.0,barrier,5", "t:1:19: error: a barrier has no iova and length [trace-fields]"},
        {"1,01:00.0,read,5,6,x", "t:1:20: error: pasid \"x\" is no number of 64 bits, decimal or hexadecimal "
                                 "after 0x [trace-number]"},
        {"1,01:00.0,read,5,6,0x100000", "t:1:20: error: pasid 1048576 is beyond 20 bits [trace-pasid]"},
        {"1,01:00.0,unmap,0,4096,7", "t:1:24: error: only reads and writes carry a pasid [trace-pasid]"},
        {"1,01:00.0,read,5,6,,ro",
         "t:1:21: error: flags are not simulated: leave the field empty [trace-unsupported]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct outcome got = read_text(cases[i].text);
        *strchrnul(got.messages, '\n') = '\0';
        ck_assert_str_eq(got.messages, cases[i].message);
        ck_assert_int_eq(got.status, STATUS_BAD_INPUT);
        free(got.messages);
    }
}
END_TEST

START_TEST(a_place_far_inside_has_its_line_and_excerpt)
{
    struct text_buffer text = {0};
    for (int i = 0; i < 20000; i++) /* more than the reader's window */
        text_buffer_format(&text, "%d,01:00.0,read,0x%x,64\n", i, i * 64);
    text_buffer_add(&text, "20000,01:00.0,read,zero,64\n");
    struct outcome got = read_text(text_buffer_get(&text));
    ck_assert_str_eq(got.messages, "t:20001:20: error: iova \"zero\" is no number of 64 bits, decimal or "
                                   "hexadecimal after 0x [trace-number]\n"
                                   "20001 | 20000,01:00.0,read,zero,64\n"
                                   "      |                    ^\n");
    ck_assert_uint_eq(got.records, 20000);
    free(got.messages);
    text_buffer_fini(&text);
}
END_TEST

START_TEST(text_that_is_no_trace_is_refused)
{
    char text[300000];
    memset(text, 'a', sizeof(text));
    struct outcome got = read_bytes(text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(got.messages,
                                 "t:1:1025: error: the line is longer than 1024 bytes: this is no "
                                 "trace [trace-line-length]"));
    free(got.messages);

    memset(text, ' ', 1025); /* the same wherever the window happens to end */
    memcpy(text + 1025, "1,01:00.0,barrier\n", 18);
    got = read_bytes(text, 1043);
    ck_assert_ptr_nonnull(strstr(got.messages, "[trace-line-length]"));
    free(got.messages);

    got = read_bytes("1,01:00.0,read,1,1\n2,01:00.0,read\0,1,1\n", 39);
    ck_assert_ptr_nonnull(
        strstr(got.messages, "t:2:15: error: the line has a NUL byte: a trace is text [trace-nul]"));
    free(got.messages);
    got = read_bytes("# a\0b\n", 6);
    ck_assert_ptr_nonnull(strstr(got.messages, "t:1:4: error: the line has a NUL byte"));
    free(got.messages);

    got = read_text("");
    ck_assert_int_eq(got.status, 0);
    ck_assert_uint_eq(got.records, 0);
    free(got.messages);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct trace_reader *reader;
    ck_assert_int_eq(trace_open("/nonexistent/a.trace", topology, &reader, diagnostics), STATUS_FILE_OPEN);
    ck_assert_int_eq(trace_open("/", topology, &reader, diagnostics), STATUS_FILE_READ);
    ck_assert_uint_eq(diagnostics_errors(diagnostics), 2);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(compressed_traces_read_like_plain_ones)
{
    struct text_buffer text = {0};
    for (int i = 0; i < 50000; i++)
        text_buffer_format(&text, "%d.5,01:00.1,write,0x%x,%d\n", i, i * 4096, 1 + i % 1500);
    size_t bound = ZSTD_compressBound(text.length);
    char *packed = malloc(2 * bound);
    size_t first = ZSTD_compress(packed, bound, text.text, text.length, 3);
    ck_assert(!ZSTD_isError(first));
    struct outcome plain = read_bytes(text.text, text.length), got = read_bytes(packed, first);
    ck_assert_int_eq(got.status, 0);
    ck_assert_uint_eq(got.records, 50000);
    ck_assert_uint_eq(plain.records, 50000);
    ck_assert_int_eq(memcmp(&plain.last, &got.last, sizeof(got.last)), 0);
    free(got.messages);
    free(plain.messages);

    size_t second = ZSTD_compress(packed + first, bound, "60000,01:00.0,barrier\n", 22, 3);
    got = read_bytes(packed, first + second); /* frames one after the other */
    ck_assert_uint_eq(got.records, 50001);
    free(got.messages);

    for (size_t cut = 5; cut < first; cut += first / 7) {
        got = read_bytes(packed, cut);
        ck_assert_msg(got.status == STATUS_BAD_INPUT, "cut at %zu", cut);
        ck_assert_str_eq(got.messages,
                         "t: error: zstd-compressed data end in the middle of a frame: the file is "
                         "truncated [compressed-truncated]\n");
        free(got.messages);
    }
    memset(packed + first / 2, 0x55, 64);
    got = read_bytes(packed, first);
    ck_assert_int_eq(got.status, STATUS_BAD_INPUT);
    free(got.messages);
    free(packed);
    text_buffer_fini(&text);
}
END_TEST

Suite *trace_suite(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_add_test(tests, lines_are_read);
    tcase_add_test(tests, wrong_lines_are_named_at_their_place);
    tcase_add_test(tests, a_place_far_inside_has_its_line_and_excerpt);
    tcase_add_test(tests, text_that_is_no_trace_is_refused);
    tcase_add_test(tests, files_that_cannot_be_read_are_named);
    tcase_add_test(tests, compressed_traces_read_like_plain_ones);
    suite_add_tcase(suite, tests);
    return suite;
}
