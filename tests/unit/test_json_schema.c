/* SPDX-License-Identifier: MIT */
/* The schema files are those the tables give: `iommusim schema FORMAT > sim/input/schema/FORMAT.schema.json`.
 */
#include "sim/base/embedded.h"
#include "sim/base/json_scan.h"
#include "sim/input/json_schema.h"
#include "sim/input/topology_keys.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *json_schema_suite(void);

START_TEST(schema_files_are_in_step)
{
    for (unsigned i = 0; schema_formats[i]; i++) {
        struct text_buffer text = {0};
        char path[96];
        const struct embedded_file *file = embedded_files();
        snprintf(path, sizeof(path), "sim/input/schema/%s.schema.json", schema_formats[i]);
        ck_assert(schema_write(schema_formats[i], &text));
        while (file->path && strcmp(file->path, path) != 0)
            file++;
        ck_assert_msg(file->path, "%s is missing", path);
        ck_assert_msg(strcmp(file->text, text.text) == 0, "%s is out of step: iommusim schema %s > %s", path,
                      schema_formats[i], path);
        text_buffer_fini(&text);
    }
    struct text_buffer text = {0};
    ck_assert(!schema_write("topologies", &text));
    ck_assert_uint_eq(text.length, 0);
}
END_TEST

START_TEST(schemas_are_json_whose_references_exist)
{
    for (unsigned i = 0; schema_formats[i]; i++) {
        struct text_buffer text = {0};
        schema_write(schema_formats[i], &text);
        const struct source_text source = {schema_formats[i], text.text, text.length};
        struct diagnostics *diagnostics = diagnostics_new(1);
        ck_assert(json_scan(&source, diagnostics));
        diagnostics_free(diagnostics);
        unsigned references = 0;
        for (const char *at = text.text; (at = strstr(at, "\"#/$defs/")); at++, references++) {
            char pointer[96];
            ck_assert_int_eq(sscanf(at, "\"#%95[^\"]", pointer), 1);
            int parent = (int)(strrchr(pointer, '/') - pointer);
            char above[96];
            snprintf(above, sizeof(above), "%.*s", parent, pointer);
            /* json_locate() gives the deepest value that is there */
            ck_assert_msg(json_locate(&source, pointer, JSON_VALUE) !=
                              json_locate(&source, above, JSON_VALUE),
                          "%s: no %s", schema_formats[i], pointer);
        }
        ck_assert_uint_gt(references, 2);
        text_buffer_fini(&text);
    }
}
END_TEST

Suite *json_schema_suite(void)
{
    Suite *suite = suite_create("json_schema");
    TCase *tests = tcase_create("json_schema");
    tcase_add_test(tests, schema_files_are_in_step);
    tcase_add_test(tests, schemas_are_json_whose_references_exist);
    suite_add_tcase(suite, tests);
    return suite;
}
