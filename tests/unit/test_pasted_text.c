/* SPDX-License-Identifier: MIT */
/* What pages, tools and terminals put around the lines of a dump, or between them, changes no machine. */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/input/pasted_text.h"
#include "sim/input/plain_text.h"
#include "sim/input/recognise.h"
#include "sim/input/terminal_wrap.h"
#include "tests/unit/topology_compare.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *pasted_text_suite(void);

static void check_change(size_t (*change)(char *text, size_t length), const char *from, const char *to)
{
    char *text = strdup(from);
    size_t length = change(text, strlen(from));
    ck_assert_msg(strcmp(text, to) == 0 && length == strlen(to), "'%s' became '%s', not '%s'", from, text,
                  to);
    free(text);
}

START_TEST(markup_goes)
{
    static const char *const cases[][2] = {
        {"&lt;access denied&gt;\n", "<access denied>\n"},
        {"&amp;lt;?&amp;gt; AT&amp;T\n", "<?> AT&T\n"},
        {"&#60;&#x3c;&#x1F600;&#0;&#xd800;&#;\n", "<<\xf0\x9f\x98\x80&#0;&#xd800;&#;\n"},
        {"a&nbsp;b&unknown;c & d;\n", "a b&unknown;c & d;\n"},
        {"<access denied> <?> <4us <b>x</b> <i\n", "<access denied> <?> <4us x <i\n"},
        {"x&gt;<br>a<b>&amp;</b>[code]b", "x>\na&\nb"},
        {"<pre>a\nb</pre>\n", "a\nb\n"},
        {"here: <pre class=\"x\">a<br/>b<br>\nc</pre>\n", "here: \na\nb\nc\n"},
        {"look [code]a\n> [/code]b\n", "look \na\n> b\n"},
        {"[quote=\"me, post:3\"]\n[AMD] [R] [8086:1901] [size=4K] [code\n",
         "\n[AMD] [R] [8086:1901] [size=4K] [code\n"},
        {"<span style='x'>00:00.0</span> <td>y\n", "00:00.0 y\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_change(pasted_text_unwrap, cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(margins_go)
{
    static const char *const cases[][2] = {
        /* cat -n, grep -n, a list in markdown, an editor */
        {"     1\ta\n     2\t\tb\n     3\t\n     4\tc\n     5\td\n     6\te\n", "a\n\tb\n\nc\nd\ne\n"},
        {"9:a\n10:b\n11:c\n12:\td\n13:e", "a\nb\nc\n\td\ne"},
        {"1. a\n2. b\n\n3. c\n4. d\n5.  e\nend\n", "a\nb\n\nc\nd\n e\nend\n"},
        {"  1 │ a\n  2 │ b\n  3 │ c\n  4 │ d\n  5 │ e\n", "a\nb\nc\nd\ne\n"},
        /* too few, not in a row, addresses */
        {"1. a\n2. b\n3. c\n4. d\n", "1. a\n2. b\n3. c\n4. d\n"},
        {"1. a\n2. b\n3. c\n5. d\n6. e\n7. f\n", "1. a\n2. b\n3. c\n5. d\n6. e\n7. f\n"},
        {"11:00.0 a\n12:00.0 b\n13:00.0 c\n14:00.0 d\n15:00.0 e\n",
         "11:00.0 a\n12:00.0 b\n13:00.0 c\n14:00.0 d\n15:00.0 e\n"},
        /* groups of one function each; and lines that cannot be */
        {"1 00:00.0 A: a\n2 00:01.0 A: b\n3 00:02.0 A: c\n4 00:03.0 A: d\n5 00:04.0 A: e\n",
         "1 00:00.0 A: a\n2 00:01.0 A: b\n3 00:02.0 A: c\n4 00:03.0 A: d\n5 00:04.0 A: e\n"},
        {"1\t0000:00:00.0\n2\t0000:00:01.0\n3\t0000:00:02.0\n4\t0000:00:03.0\n5\t0000:00:04.0\n",
         "1\t0000:00:00.0\n2\t0000:00:01.0\n3\t0000:00:02.0\n4\t0000:00:03.0\n5\t0000:00:04.0\n"},
        {"1 00:00.0 A: a\n2  Flags: x\n3 00:02.0 A: c\n4 00:03.0 A: d\n5 00:04.0 A: e\n",
         "00:00.0 A: a\n Flags: x\n00:02.0 A: c\n00:03.0 A: d\n00:04.0 A: e\n"},
        /* patches and trees */
        {"+++ b/x\n+a\n+\tb\n+\n+c\n d\n", "++ b/x\na\n\tb\n\nc\n d\n"},
        {"+-00.0\n+-01.0\n+-02.0\n+-03.0\n+-04.0\n", "+-00.0\n+-01.0\n+-02.0\n+-03.0\n+-04.0\n"},
        /* logs of build servers */
        {"2024-01-01T00:00:00.0000001Z a\n2024-01-01T00:00:00.2Z \tb\n2024-01-01T00:00:00.3Z\n"
         "2024-01-01T00:00:00.4Z c\n2024-01-01T00:00:00.5Z d\n",
         "a\n\tb\n\nc\nd\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_change(pasted_text_unwrap, cases[i][0], cases[i][1]);
}
END_TEST

static const char dump[] =
    "00:00.0 Host bridge [0600]: Example Semiconductor Corporation Root Complex of a Desktop [1af4:0001]\n"
    "\tSubsystem: Example Semiconductor Corporation Device [1af4:1100]\n"
    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR+ FastB2B- "
    "DisINTx-\n"
    "\tCapabilities: <access denied>\n"
    "\n"
    "00:01.0 PCI bridge [0604]: Example Semiconductor Corporation PCI Express Root Port of a Desktop "
    "[1af4:000c] (rev 02) (prog-if 00 [Normal decode])\n"
    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR+ FastB2B- "
    "DisINTx-\n"
    "\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-\n"
    "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
    "\tMemory behind bridge: fe000000-fe0fffff [size=1M] [32-bit]\n"
    "\tCapabilities: [54] Express (v2) Root Port (Slot+), IntMsgNum 0\n"
    "\t\tDevCap:\tMaxPayload 128 bytes, PhantFunc 0\n"
    "\t\tLnkSta:\tSpeed 8GT/s, Width x16\n"
    "\tCapabilities: [148 v1] Access Control Services\n"
    "\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n"
    "\t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n"
    "\tKernel driver in use: pcieport\n"
    "\n"
    "01:00.0 VGA compatible controller [0300]: Example Graphics Company Limited Graphics Card of Some Year "
    "[1234:1111] (rev a1) (prog-if 00 [VGA controller])\n"
    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR+ FastB2B- "
    "DisINTx-\n"
    "\tRegion 0: Memory at fe000000 (64-bit, non-prefetchable) [size=64K]\n"
    "\tCapabilities: [40] Express (v2) Legacy Endpoint, IntMsgNum 0\n"
    "\t\tDevCap:\tMaxPayload 128 bytes, PhantFunc 0, Latency L0s <4us, L1 <64us\n"
    "\tKernel driver in use: example\n"
    "\tIOMMU group: 2\n"
    "\n"
    "01:00.1 Audio device [0403]: Example Graphics Company Limited Sound of the Graphics Card [1234:1112]\n"
    "\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR+ FastB2B- "
    "DisINTx-\n"
    "\tCapabilities: [40] Express (v2) Endpoint, IntMsgNum 0\n"
    "\tIOMMU group: 2\n";

static struct topology *import(const char *text, size_t length)
{
    struct source_text source = {"text", text, length};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    char *plain = plain_text_make(&source, &source.length);
    if (plain)
        source.text = plain;
    else
        source.length = length;
    dump_import(&source, &topology, diagnostics);
    diagnostics_free(diagnostics);
    free(plain);
    return topology;
}

/* A text with every line rewritten. */
static char *each_line(const char *text, void (*rewrite)(struct text_buffer *out, unsigned number,
                                                         const char *line, size_t length))
{
    struct text_buffer out = {0};
    unsigned number = 1;
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        rewrite(&out, number++, text, (size_t)(end - text));
    }
    char *copy = strdup(text_buffer_get(&out));
    text_buffer_fini(&out);
    return copy;
}

static void numbered(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    text_buffer_format(out, "%6u\t%.*s\n", number, (int)length, line);
}

static void found_by_grep(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    text_buffer_format(out, "%u:%.*s\n", number + 99, (int)length, line);
}

static void added(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    (void)number;
    text_buffer_format(out, "+%.*s\n", (int)length, line);
}

static void timed(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    text_buffer_format(out, "2024-05-01T10:00:%02u.1234567Z %.*s\n", number % 60, (int)length, line);
}

static void on_page(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    text_buffer_add(out, number == 1 ? "My machine: <code><pre>" : "");
    for (size_t i = 0; i < length; i++) {
        static const char special[] = "<>&\"\t";
        static const char *const names[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&nbsp;&nbsp;&nbsp;&nbsp;"};
        const char *found = strchr(special, line[i]);
        if (found)
            text_buffer_add(out, names[found - special]);
        else
            text_buffer_append(out, line + i, 1);
    }
    text_buffer_add(out, "<br />\n");
}

static void double_spaced(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    (void)number;
    text_buffer_format(out, "%.*s\n\n", (int)length, line);
}

static void in_forum(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    text_buffer_format(out, "%s%.*s\n", number == 1 ? "Hello! [CODE=text]" : "", (int)length, line);
}

enum { COLUMNS = 80 };

/* Tabs go to the next multiple of eight; what does not fit goes on in the next line. */
static void on_terminal(struct text_buffer *out, unsigned number, const char *line, size_t length)
{
    unsigned column = 0;
    (void)number;
    for (size_t i = 0; i < length; i++) {
        unsigned more = line[i] == '\t' ? 8 - column % 8 : 1;
        if (column == COLUMNS)
            text_buffer_add(out, "\n"), column = 0;
        for (unsigned j = 0; j < more; j++)
            text_buffer_append(out, line[i] == '\t' ? " " : line + i, 1);
        column += more;
    }
    text_buffer_add(out, "\n");
}

START_TEST(wrapped_dumps_tell_the_same)
{
    static void (*const rewrites[])(struct text_buffer *, unsigned, const char *, size_t) = {
        numbered, found_by_grep, added, timed, on_page, in_forum, double_spaced, on_terminal};
    struct topology *expected = import(dump, strlen(dump));
    ck_assert(expected && expected->function_count == 4);
    for (size_t i = 0; i < sizeof(rewrites) / sizeof(rewrites[0]); i++) {
        char *text = each_line(dump, rewrites[i]), difference[256] = "no machine";
        struct topology *topology = import(text, strlen(text));
        ck_assert_msg(topology && topology_same(expected, topology, COMPARE_ALL, difference), "%s in\n%s",
                      difference, text);
        topology_free(topology);
        free(text);
    }
    topology_free(expected);
}
END_TEST

/* Windows' encoding, with and without its mark. */
START_TEST(utf_16_tells_the_same)
{
    struct topology *expected = import(dump, strlen(dump));
    for (unsigned form = 0; form < 4; form++) {
        bool marked = form & 1, big = form & 2;
        size_t count = strlen(dump) + marked;
        char *text = memory_alloc(2 * count + 1), difference[256] = "no machine";
        for (size_t i = 0; i < count; i++) {
            unsigned unit = marked && i == 0 ? 0xfeff : (unsigned char)dump[i - marked];
            text[2 * i + (big ? 0 : 1)] = (char)(unit >> 8);
            text[2 * i + (big ? 1 : 0)] = (char)(unit & 0xff);
        }
        struct topology *topology = import(text, 2 * count);
        ck_assert_msg(topology && topology_same(expected, topology, COMPARE_ALL, difference), "form %u: %s",
                      form, difference);
        topology_free(topology);
        free(text);
    }
    topology_free(expected);
}
END_TEST

START_TEST(terminals_break_at_one_column)
{
    static const char tens[] = "----------1---------2---------3---------4---------5---------6---------7\n";
    struct text_buffer text = {0};
    /* whole lines of one length, each followed by one that starts as dumps do */
    for (int i = 0; i < 4; i++)
        text_buffer_format(&text, "%s\tFlags: fast devsel\n", tens);
    check_change(terminal_wrap_undo, text_buffer_get(&text), text_buffer_get(&text));
    text_buffer_fini(&text);
    /* a mail program keeps words: lines a little shorter are as frequent */
    text = (struct text_buffer){0};
    for (int i = 0; i < 4; i++)
        text_buffer_format(&text, "%send\n%.69s\nend\n", tens, tens);
    check_change(terminal_wrap_undo, text_buffer_get(&text), text_buffer_get(&text));
    text_buffer_fini(&text);
}
END_TEST

Suite *pasted_text_suite(void)
{
    Suite *suite = suite_create("pasted_text");
    TCase *tests = tcase_create("pasted_text");
    tcase_add_test(tests, markup_goes);
    tcase_add_test(tests, margins_go);
    tcase_add_test(tests, wrapped_dumps_tell_the_same);
    tcase_add_test(tests, utf_16_tells_the_same);
    tcase_add_test(tests, terminals_break_at_one_column);
    suite_add_tcase(suite, tests);
    return suite;
}
