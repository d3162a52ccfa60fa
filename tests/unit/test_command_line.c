/* SPDX-License-Identifier: MIT */
/* What is made from the table of commands: overview, help, completion, manual. */
#include "sim/base/text_buffer.h"
#include "sim/cli/sweep_words.h"
#include "sim/cli/command.h"
#include "sim/input/json_schema.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

Suite *command_line_suite(void);

/* The output of a shell command, both streams; free() it. */
static char *run(const char *arguments, int *status)
{
    const char *program = getenv("IOMMUSIM");
    char command[1024];
    struct text_buffer out = {0};
    snprintf(command, sizeof(command), "%s %s 2>&1", program ? program : "build/iommusim", arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    char part[4096];
    size_t length;
    while ((length = fread(part, 1, sizeof(part), pipe)) > 0)
        text_buffer_append(&out, part, length);
    int code = pclose(pipe);
    *status = WIFEXITED(code) ? WEXITSTATUS(code) : -1;
    text_buffer_add(&out, "");
    return out.text;
}

static void check_has(const char *output, const char *part)
{
    ck_assert_msg(strstr(output, part) != NULL, "%s is missing in\n%s", part, output);
}

static void check_width(const char *output, size_t most)
{
    for (const char *line = output; *line;) {
        size_t length = strcspn(line, "\n");
        ck_assert_msg(length <= most, "longer than %zu columns: %.*s", most, (int)length, line);
        line += length + (line[length] == '\n');
    }
}

START_TEST(overview)
{
    int status;
    char *help = run("help", &status), *option = run("--help", &status), *nothing = run("", &status);
    ck_assert_int_eq(status, 2);
    ck_assert_str_eq(help, option);
    ck_assert_str_eq(help, nothing);
    check_width(help, 80);
    for (const struct command *command = commands; command->name; command++)
        check_has(help, command->name);
    free(help);
    free(option);
    free(nothing);
}
END_TEST

START_TEST(help_of_each_command)
{
    for (const struct command *command = commands; command->name; command++) {
        char words[64];
        int status;
        snprintf(words, sizeof(words), "%s --help", command->name);
        char *own = run(words, &status);
        ck_assert_msg(status == 0, "%s: %d", words, status);
        check_width(own, 80);
        snprintf(words, sizeof(words), "help %s", command->name);
        char *asked = run(words, &status);
        ck_assert_msg(status == 0, "%s: %d", words, status);
        ck_assert_str_eq(own, asked);
        free(own);
        free(asked);
    }
    int status;
    char *output = run("help grops", &status);
    ck_assert_int_eq(status, 2);
    check_has(output, "did you mean 'groups'?");
    free(output);
}
END_TEST

/* What cannot be written is no success. */
START_TEST(full_disk)
{
    static const char *const cases[] = {"--help", "--version",       "help synthetic", "groups --help",
                                        "manual", "completion bash", "schema topology"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char words[64];
        int status;
        snprintf(words, sizeof(words), "%s >/dev/full", cases[i]);
        free(run(words, &status));
        ck_assert_msg(status == 3, "%s: %d", words, status);
    }
}
END_TEST

/* Every word the tables offer is one its command takes. */
START_TEST(words_of_options)
{
    unsigned tried = 0;
    for (const struct command *command = commands; command->name; command++) {
        const struct argp_option *option = command->argp->options;
        for (; option && !command_options_end(option); option++) {
            char *words =
                option->name && option->arg && strchr(option->arg, '|') ? strdup(option->arg) : NULL;
            for (char *word = words ? strtok(words, "|") : NULL; word; word = strtok(NULL, "|")) {
                char arguments[128];
                int status;
                snprintf(arguments, sizeof(arguments), "%s --%s=%s --help", command->name, option->name,
                         word);
                free(run(arguments, &status));
                ck_assert_msg(status == 0, "%s: %d", arguments, status);
                tried++;
            }
            free(words);
        }
    }
    ck_assert_uint_gt(tried, 40);
}
END_TEST

/* The same for the words of arguments; and schemas are offered all. */
START_TEST(words_of_arguments)
{
    for (const struct command *command = commands; command->name; command++) {
        char *words = strchr(command->argp->args_doc, '|') ? strdup(command->argp->args_doc) : NULL;
        for (char *word = words ? strtok(words, "|") : NULL; word; word = strtok(NULL, "|")) {
            char arguments[128];
            int status;
            snprintf(arguments, sizeof(arguments), "%s %s >/dev/null", command->name, word);
            free(run(arguments, &status));
            ck_assert_msg(status == 0, "%s: %d", arguments, status);
        }
        free(words);
    }
    for (const char *const *format = schema_formats; *format; format++)
        check_has(command_find("schema")->argp->args_doc, *format);
}
END_TEST

static void check_page_has(const char *page, const struct argp *argp)
{
    for (const struct argp_option *option = argp->options; option && !command_options_end(option); option++) {
        struct text_buffer name = {0};
        if (option->flags & OPTION_HIDDEN)
            continue;
        text_buffer_add(&name, "\\fB\\-\\-");
        for (const char *at = option->name ? option->name : ""; *at; at++)
            text_buffer_add(&name, *at == '-' ? "\\-" : (char[]){*at, '\0'});
        check_has(page, name.text);
        text_buffer_fini(&name);
    }
}

START_TEST(manual_has_all)
{
    int status;
    char *page = run("manual", &status);
    ck_assert_int_eq(status, 0);
    for (const struct command *command = commands; command->name; command++)
        check_page_has(page, command->argp);
    for (const struct sweep_word *word = sweep_words; word->name; word++)
        check_page_has(page, word->argp);
    /* Lines that begin with a dot are requests man(7) knows. */
    for (const char *line = page; *line; line += strcspn(line, "\n") + 1) {
        bool request = *line == '.' || *line == '\'';
        bool known = false;
        static const char *const requests[] = {".TH ", ".SH ", ".SS ", ".PP\n", ".TP\n", ".nf\n", ".fi\n"};
        for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
            known |= strncmp(line, requests[i], strlen(requests[i])) == 0;
        ck_assert_msg(!request || known, "%.40s", line);
    }
    free(page);
}
END_TEST

/* Asked by a shell, where there is one. */
START_TEST(completion)
{
    static const struct {
        const char *words, *expected;
    } cases[] = {
        {"iommusim dr", "draw"},
        {"iommusim draw --coll", "--collapse"},
        {"iommusim draw --collapse = ne", "never"},
        {"iommusim groups -a linux-", "linux-5.9"},
        {"iommusim schema sc", "scenario"},
        {"iommusim groups /dev/nul", "/dev/null"},
    };
    const char *program = getenv("IOMMUSIM");
    if (system("bash -c 'type compgen' >/dev/null 2>&1") != 0)
        return;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char arguments[512];
        int status;
        snprintf(arguments, sizeof(arguments),
                 "--version >/dev/null; bash -c 'source <(%s completion bash); COMP_WORDS=(%s); "
                 "COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _iommusim; printf %%s \"${COMPREPLY[*]}\"'",
                 program ? program : "build/iommusim", cases[i].words);
        char *output = run(arguments, &status);
        ck_assert_str_eq(output, cases[i].expected);
        free(output);
    }
}
END_TEST

/* The grammar names what the parser takes. */
START_TEST(synthetic_grammar)
{
    struct text_buffer text = {0};
    synthetic_help(&text);
    check_width(text.text, 90);
    const char *kinds = strstr(text.text, "Kinds:\n") + strlen("Kinds:\n");
    unsigned count = 0;
    for (const char *line = kinds; *line == ' '; line += strcspn(line, "\n") + 1, count++) {
        char machine[64], kind[32];
        ck_assert_int_eq(sscanf(line, "%31s", kind), 1);
        bool below = strcmp(kind, "up") == 0 || strcmp(kind, "dp") == 0;
        snprintf(machine, sizeof(machine), below ? "rp(up(dp))" : "%s", kind);
        struct diagnostics *diagnostics = diagnostics_new(5);
        struct topology *topology = synthetic_parse("<test>", machine, diagnostics);
        ck_assert_msg(topology != NULL, "%s", machine);
        topology_free(topology);
        diagnostics_free(diagnostics);
    }
    ck_assert_uint_eq(count, 11);
    text_buffer_fini(&text);
}
END_TEST

Suite *command_line_suite(void)
{
    Suite *suite = suite_create("command_line");
    TCase *tests = tcase_create("command_line");
    tcase_add_test(tests, overview);
    tcase_add_test(tests, help_of_each_command);
    tcase_add_test(tests, full_disk);
    tcase_add_test(tests, words_of_options);
    tcase_add_test(tests, words_of_arguments);
    tcase_add_test(tests, manual_has_all);
    tcase_add_test(tests, completion);
    tcase_add_test(tests, synthetic_grammar);
    suite_add_tcase(suite, tests);
    return suite;
}
