/* SPDX-License-Identifier: MIT */
/* Text folded to a terminal: within its width, and with every word still there. */
#include "sim/kernel/random.h"
#include "sim/output/terminal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *terminal_suite(void);

static char *fold(const char *text, unsigned width)
{
    struct text_buffer buffer = {0};
    text_buffer_add(&buffer, text);
    text_fold(&buffer, width);
    return buffer.text;
}

START_TEST(by_hand)
{
    static const struct {
        unsigned width;
        const char *text, *folded;
    } cases[] = {
        {0, "as long as it likes to be, for there is no width",
         "as long as it likes to be, for there is no width"},
        {20, "no longer than that\n", "no longer than that\n"},
        {20, "one word too much, and\nmore\n", "one word too much,\nand\nmore\n"},
        /* Below the column, the dash, the sentence. */
        {40, "      because  the path up is not isolated, for it has no ACS",
         "      because  the path up is not\n               isolated, for it has no\n               ACS"},
        {24, "  - a list has its dash alone", "  - a list has its dash\n    alone"},
        {24, "  -  no list, a cell of a table", "  -  no list, a cell of\n     a table"},
        /* A last column without room begins below the one before. */
        {40, "0000:00:01.0  8086:1901  root-port  a bridge with a name",
         "0000:00:01.0  8086:1901  root-port\n              a bridge with a name"},
        /* Commands and words that are too long stay whole. */
        {20, "  setpci -s 00:01.0 ECAP_ACS+6.w=1d  # isolates",
         "  setpci -s 00:01.0 ECAP_ACS+6.w=1d  # isolates"},
        {10, "aaaaaaaaaaaaaaaaaaaa b", "aaaaaaaaaaaaaaaaaaaa\nb"},
        /* Columns are characters. */
        {7, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac x",
         "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\nx"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *folded = fold(cases[i].text, cases[i].width);
        ck_assert_str_eq(folded, cases[i].folded);
        free(folded);
    }
}
END_TEST

static const char *next_word(const char *text)
{
    return text + strspn(text, " \n");
}

START_TEST(words_and_widths)
{
    enum { TEXTS = 2000, LONGEST_WORD = 9 };
    struct random_stream random;
    random_init(&random, 1, "terminal");
    for (int t = 0; t < TEXTS; t++) {
        struct text_buffer text = {0};
        unsigned width = 40 + (unsigned)random_below(&random, 60);
        for (uint64_t i = random_below(&random, 40); i > 0; i--) {
            text_buffer_format(&text, "%*s", (int)random_below(&random, 5), "");
            for (uint64_t k = 1 + random_below(&random, LONGEST_WORD); k > 0; k--)
                text_buffer_add(&text, (char[]){(char)('a' + random_below(&random, 26)), '\0'});
            text_buffer_add(&text, random_below(&random, 20) ? " " : "\n");
        }
        text_buffer_add(&text, "");
        char *folded = fold(text_buffer_get(&text), width);
        const char *a = next_word(text_buffer_get(&text)), *b = next_word(folded ? folded : "");
        while (*a || *b) {
            size_t length = strcspn(a, " \n");
            ck_assert_msg(strcspn(b, " \n") == length && strncmp(a, b, length) == 0, "%u: %s\n%s", width,
                          text.text, folded);
            a = next_word(a + length);
            b = next_word(b + length);
        }
        for (const char *line = folded; line && *line;
             line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
            ck_assert_msg(strcspn(line, "\n") <= width ||
                              strcspn(line + strspn(line, " "), " ") > LONGEST_WORD,
                          "%u: %s", width, line);
        free(folded);
        text_buffer_fini(&text);
    }
}
END_TEST

START_TEST(width_of_the_user)
{
    setenv("COLUMNS", "132", 1);
    ck_assert_uint_eq(terminal_width(), 132);
    setenv("COLUMNS", "3", 1);
    ck_assert_uint_eq(terminal_width(), 40); /* no use below */
    static const char *const nonsense[] = {"", "0", "wide", "-80", "99999999999"};
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        setenv("COLUMNS", nonsense[i], 1);
        unsigned asked = terminal_width();
        unsetenv("COLUMNS");
        ck_assert_uint_eq(asked, terminal_width());
    }
    struct text_buffer text = {0};
    setenv("COLUMNS", "40", 1);
    text_buffer_add(&text, "a file gets its lines as they are, however long they may be");
    size_t length = text.length;
    terminal_fold(&text, "/some/file");
    ck_assert_ptr_null(strchr(text.text, '\n'));
    terminal_fold(&text, NULL);
    ck_assert_ptr_nonnull(strchr(text.text, '\n'));
    ck_assert_uint_eq(text.length, length);
    text_buffer_fini(&text);
}
END_TEST

Suite *terminal_suite(void)
{
    Suite *suite = suite_create("terminal");
    TCase *tests = tcase_create("terminal");
    tcase_add_test(tests, by_hand);
    tcase_add_test(tests, words_and_widths);
    tcase_add_test(tests, width_of_the_user);
    suite_add_tcase(suite, tests);
    return suite;
}
