/* SPDX-License-Identifier: MIT */
#include "tests/validation/published_table.h"

#include "sim/base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 1024, EXIT_FILES = 3 };

static size_t count_columns(const char *line)
{
    size_t columns = 1;
    for (; *line; line++)
        columns += *line == ',';
    return columns;
}

static char **split(struct arena *arena, char *line, size_t columns)
{
    char **cells = arena_array(arena, columns, sizeof(*cells));
    for (size_t i = 0; i < columns; i++) {
        size_t length = strcspn(line, ",\n");
        size_t more = line[length] == ',' ? 1 : 0;
        line[length] = '\0';
        cells[i] = arena_string(arena, line);
        line += length + more;
    }
    return cells;
}

struct published_table published_table_read(struct arena *arena, const char *name)
{
    char path[LINE_SIZE], line[LINE_SIZE];
    struct published_table table = {0};
    size_t capacity = 0;
    char ***rows = NULL;
    snprintf(path, sizeof(path), "results/published/%s", name);
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(EXIT_FILES);
    }
    while (fgets(line, sizeof(line), file)) {
        if (line[0] == '#')
            continue;
        table.columns = table.columns ? table.columns : count_columns(line);
        rows = memory_grow(rows, table.rows, &capacity, sizeof(*rows));
        rows[table.rows++] = split(arena, line, table.columns);
    }
    fclose(file);
    table.cells = arena_array(arena, table.rows, sizeof(*table.cells));
    memcpy(table.cells, rows, table.rows * sizeof(*rows));
    free(rows);
    return table;
}

const char *published_text(const struct published_table *table, size_t row, const char *column)
{
    for (size_t i = 0; i < table->columns; i++) {
        if (strcmp(table->cells[0][i], column) == 0)
            return table->cells[row][i];
    }
    fprintf(stderr, "no column %s\n", column);
    exit(EXIT_FILES);
}

double published_number(const struct published_table *table, size_t row, const char *column)
{
    const char *text = published_text(table, row, column);
    return *text ? strtod(text, NULL) : NAN;
}
