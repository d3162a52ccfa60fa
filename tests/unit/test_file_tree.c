/* SPDX-License-Identifier: MIT */
/* Folders and archives in memory: paths stay inside, damaged archives do no harm. */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/file_tree.h"
#include "sim/input/recognise.h"
#include "sim/input/sysfs_reader.h"
#include "sim/input/sysfs_writer.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *file_tree_suite(void);

static struct diagnostics *diagnostics;

static void set_up(void)
{
    diagnostics = diagnostics_new(20);
}

static void tear_down(void)
{
    diagnostics_free(diagnostics);
}

static void add(struct file_tree *tree, const char *path, const char *text)
{
    ck_assert(file_tree_add(tree, FILE_REGULAR, path, text, strlen(text), diagnostics));
}

static struct topology *import_archive(const struct text_buffer *archive)
{
    const struct source_text source = {"copy.tar", archive->text, archive->length};
    struct input_file file = {.path = source.name};
    struct topology *topology = NULL;
    if (file_tree_read_archive(&source, sysfs_wants, &file.tree, diagnostics) != STATUS_OK)
        return NULL;
    dump_import_files(&file, 1, &topology, diagnostics);
    file_tree_free(file.tree);
    return topology;
}

/* Nothing but the steps of a path counts, and nothing leads out of the tree. */
START_TEST(paths_are_clean)
{
    struct file_tree *tree = file_tree_new("copy");
    add(tree, "/sys//./a", "1");
    add(tree, "../b", "2");
    add(tree, "sys/../../c", "3");
    add(tree, "./", "4");
    add(tree, "sys/a", "later");
    file_tree_sort(tree);
    ck_assert_uint_eq(tree->count, 1);
    ck_assert_str_eq(tree->entries[0].path, "sys/a");
    ck_assert_str_eq(tree->entries[0].text.text, "1");
    ck_assert_ptr_eq(file_tree_find(tree, "sys/a"), &tree->entries[0]);
    ck_assert_ptr_null(file_tree_find(tree, "sys/b"));
    file_tree_free(tree);
}
END_TEST

/* A torn download: an error, whatever byte it ends at, or a smaller machine; never more. */
START_TEST(damaged_archives_do_no_harm)
{
    struct topology *machine = synthetic_parse("machine", "rp(ep) rciep", diagnostics);
    const struct sysfs_running nothing = {NULL, NULL, NULL};
    struct text_buffer archive = {0};
    uint64_t state = 1;
    sysfs_write(machine, &nothing, &archive);
    for (size_t length = 0; length < archive.length; length += 1 + (state >> 40) % 700) {
        struct text_buffer part = {archive.text, length, length};
        struct topology *copy = import_archive(&part);
        ck_assert(!copy || copy->function_count <= machine->function_count);
        topology_free(copy);
        state = state * 6364136223846793005U + 1442695040888963407U;
    }
    for (unsigned round = 0; round < 300; round++) {
        char *copy = malloc(archive.length);
        memcpy(copy, archive.text, archive.length);
        for (unsigned i = 0; i < 4; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            copy[(state >> 20) % archive.length] = (char)(state >> 56);
        }
        topology_free(import_archive(&(struct text_buffer){copy, archive.length, archive.length}));
        free(copy);
    }
    text_buffer_fini(&archive);
    topology_free(machine);
}
END_TEST

Suite *file_tree_suite(void)
{
    Suite *suite = suite_create("file_tree");
    TCase *tests = tcase_create("file_tree");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, paths_are_clean);
    tcase_add_test(tests, damaged_archives_do_no_harm);
    suite_add_tcase(suite, tests);
    return suite;
}
