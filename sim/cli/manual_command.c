/* SPDX-License-Identifier: MIT */
/* iommusim manual: a manual page made from the option tables of all commands. */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/command.h"
#include "sim/cli/commands.h"
#include "sim/cli/sweep_words.h"
#include "sim/topology/synthetic.h"

#include <stdio.h>
#include <string.h>

static const char doc[] = "The manual page, for `iommusim manual | man -l -` or a file iommusim.1.";

const struct argp manual_argp = {NULL, NULL, "", doc, NULL, NULL, NULL};

/* Text as man(7) wants it: no line begins with a request, a hyphen is one, a backslash is one. */
static void add_bytes(const char *text, size_t length, struct text_buffer *out)
{
    for (size_t i = 0; i < length; i++) {
        bool first = out->length == 0 || out->text[out->length - 1] == '\n';
        if (first && (text[i] == '.' || text[i] == '\''))
            text_buffer_add(out, "\\&");
        if (text[i] == '\\')
            text_buffer_add(out, "\\e");
        else if (text[i] == '-')
            text_buffer_add(out, "\\-");
        else
            text_buffer_append(out, &text[i], 1);
    }
}

static void add_text(const char *text, struct text_buffer *out)
{
    add_bytes(text, strlen(text), out);
}

/* Paragraphs: a line end of a description is one of the page, too. */
static void add_paragraphs(const char *text, size_t length, struct text_buffer *out)
{
    while (length) {
        const char *end = memchr(text, '\n', length);
        size_t line = end ? (size_t)(end - text) : length;
        text_buffer_add(out, ".PP\n");
        add_bytes(text, line, out);
        text_buffer_add(out, "\n");
        text += line + (end != NULL);
        length -= line + (end != NULL);
    }
}

static void add_option(const struct argp_option *option, struct text_buffer *out)
{
    if (option->flags & OPTION_HIDDEN)
        return;
    if (!option->name) { /* the head of a section */
        if (option->doc) {
            text_buffer_add(out, ".PP\n");
            add_text(option->doc, out);
            text_buffer_add(out, "\n");
        }
        return;
    }
    text_buffer_add(out, ".TP\n");
    if (command_option_letter(option))
        text_buffer_format(out, "\\fB\\-%c\\fR, ", option->key);
    text_buffer_add(out, "\\fB\\-\\-");
    add_text(option->name, out);
    text_buffer_add(out, "\\fR");
    if (option->arg) {
        bool optional = option->flags & OPTION_ARG_OPTIONAL;
        text_buffer_add(out, optional ? "[=\\fI" : "=\\fI");
        add_text(option->arg, out);
        text_buffer_add(out, optional ? "\\fR]" : "\\fR");
    }
    text_buffer_add(out, "\n");
    add_text(option->doc ? option->doc : "", out);
    text_buffer_add(out, "\n");
}

static void add_command(const char *name, const struct argp *argp, struct text_buffer *out)
{
    text_buffer_add(out, ".SS \"");
    text_buffer_format(out, "iommusim %s [OPTION...] ", name);
    for (const char *at = argp->args_doc; *at; at++)
        text_buffer_append(out, *at == '\n' ? " | " : at, *at == '\n' ? 3 : 1);
    text_buffer_add(out, "\"\n");
    size_t before = strcspn(argp->doc, "\v");
    add_paragraphs(argp->doc, before, out);
    for (const struct argp_option *option = argp->options; option && !command_options_end(option); option++)
        add_option(option, out);
    if (argp->doc[before])
        add_paragraphs(argp->doc + before + 1, strlen(argp->doc + before + 1), out);
}

static void add_sweep_words(struct text_buffer *out)
{
    for (const struct sweep_word *word = sweep_words; word->name; word++) {
        struct text_buffer name = {0};
        text_buffer_format(&name, "sweep %s", word->name);
        add_command(name.text, word->argp, out);
        text_buffer_fini(&name);
    }
}

static void write_page(struct text_buffer *out)
{
    text_buffer_add(
        out, ".TH IOMMUSIM 1 \"\" \"iommusim " IOMMUSIM_VERSION "\" \"User Commands\"\n"
             ".SH NAME\niommusim \\- IOMMU groups, leaks and the cost of translation of a machine\n"
             ".SH SYNOPSIS\n\\fBiommusim\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIFILE\\fR...]\n"
             ".SH DESCRIPTION\n"
             "A simulator of IOMMUs and the PCI Express fabric in front of them: who shares a group, who "
             "can reach whom, what translation costs.\n.SH COMMANDS\n");
    for (const struct command *command = commands; command->name; command++) {
        add_command(command->name, command->argp, out);
        if (command->argp == &sweep_argp)
            add_sweep_words(out);
    }
    text_buffer_add(out, ".SH MACHINES IN ONE LINE\n.nf\n");
    struct text_buffer grammar = {0};
    synthetic_help(&grammar);
    add_text(text_buffer_get(&grammar), out);
    text_buffer_fini(&grammar);
    text_buffer_add(
        out, ".fi\n.SH EXIT STATUS\n"
             "0 fine, 1 the answer is no, 2 bad usage or input, 3 files or resources, 70 internal error, "
             "130 interrupted.\n");
}

int manual_command(int argc, char **argv)
{
    struct text_buffer out = {0};
    argp_err_exit_status = status_exit_code(STATUS_BAD_USAGE);
    argp_parse(&manual_argp, argc, argv, 0, NULL, NULL);
    write_page(&out);
    fputs(text_buffer_get(&out), stdout);
    text_buffer_fini(&out);
    return 0;
}
