/* SPDX-License-Identifier: MIT */
#include "tests/unit/dump_text.h"

#include "sim/base/diagnostic.h"
#include "sim/input/recognise.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct topology *dump_text_import(const char *name, const char *text, size_t length, char **messages)
{
    struct source_text source = {name, text, length};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    size_t size;
    FILE *out = open_memstream(messages, &size);
    ck_assert_ptr_nonnull(out);
    dump_import(&source, &topology, diagnostics);
    diagnostics_print(diagnostics, out);
    fclose(out);
    diagnostics_free(diagnostics);
    return topology;
}

struct topology *dump_text_import_good(const char *text)
{
    char *messages;
    struct topology *topology = dump_text_import("dump", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    free(messages);
    return topology;
}
