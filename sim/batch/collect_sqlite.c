/* SPDX-License-Identifier: MIT */
#include "sim/base/status.h"
#include "sim/batch/collect.h"
#include "sim/output/output_file.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static const char tables[] =
    "CREATE TABLE study (name TEXT, xxh3_128 TEXT, model TEXT, points INTEGER);"
    "CREATE TABLE points (point INTEGER PRIMARY KEY, key TEXT, combination INTEGER, repeat INTEGER, seed "
    "INTEGER,"
    " state TEXT, reason TEXT);"
    "CREATE TABLE parameters (point INTEGER, name TEXT, value, PRIMARY KEY (point, name)) WITHOUT ROWID;"
    "CREATE TABLE metrics (point INTEGER, name TEXT, value, PRIMARY KEY (point, name)) WITHOUT ROWID;";

/* A name in double quotes, for SQL. */
static void add_name(struct text_buffer *sql, const char *name)
{
    text_buffer_add(sql, "\"");
    for (; *name; name++) {
        text_buffer_append(sql, name, 1);
        if (*name == '"')
            text_buffer_add(sql, "\"");
    }
    text_buffer_add(sql, "\"");
}

/* A text in single quotes. */
static void add_text(struct text_buffer *sql, const char *text)
{
    char *quoted = sqlite3_mprintf("%Q", text);
    text_buffer_add(sql, quoted);
    sqlite3_free(quoted);
}

static void add_column(struct text_buffer *sql, const char *table, const char *name)
{
    text_buffer_format(sql, ", (SELECT value FROM %s WHERE %s.point = points.point AND name = ", table,
                       table);
    add_text(sql, name);
    text_buffer_add(sql, ") AS ");
    add_name(sql, name);
}

/* A row a point; a row a combination with means over its repeats. */
static void print_views(const struct collected *table, struct text_buffer *sql)
{
    const struct study *study = table->study;
    text_buffer_add(sql, "CREATE VIEW results AS SELECT point, combination, repeat, state");
    for (uint32_t i = 0; i < study->axis_count; i++)
        add_column(sql, "parameters", study->axes[i].name);
    for (uint32_t i = 0; i < table->metric_count; i++)
        add_column(sql, "metrics", table->metrics[i]);
    text_buffer_add(sql, " FROM points; CREATE VIEW means AS SELECT combination, count(*) AS repeats");
    for (uint32_t i = 0; i < study->axis_count; i++) {
        text_buffer_add(sql, ", ");
        add_name(sql, study->axes[i].name);
    }
    for (uint32_t i = 0; i < table->metric_count; i++) {
        text_buffer_add(sql, ", avg(");
        add_name(sql, table->metrics[i]);
        text_buffer_add(sql, ") AS ");
        add_name(sql, table->metrics[i]);
    }
    text_buffer_add(sql,
                    " FROM results WHERE state = 'done' GROUP BY combination;"
                    "CREATE VIEW failures AS SELECT point, key, state, reason FROM points WHERE state <> "
                    "'done';");
}

static void bind_json(sqlite3_stmt *statement, int column, const char *json)
{
    struct text_buffer text = {0};
    char *end;
    if (!json || strcmp(json, "null") == 0)
        return;
    if (*json == '"') {
        collected_value_print(json, &text);
        sqlite3_bind_text(statement, column, text_buffer_get(&text), -1, SQLITE_TRANSIENT);
        text_buffer_fini(&text);
    } else if (strcmp(json, "true") == 0 || strcmp(json, "false") == 0) {
        sqlite3_bind_int(statement, column, *json == 't');
    } else if (!strpbrk(json, ".eE[{")) {
        sqlite3_bind_int64(statement, column, (sqlite3_int64)strtoll(json, &end, 10));
    } else if (*json == '[' || *json == '{') {
        sqlite3_bind_text(statement, column, json, -1, SQLITE_TRANSIENT);
    } else {
        sqlite3_bind_double(statement, column, strtod(json, &end));
    }
}

static bool step(sqlite3_stmt *statement)
{
    bool good = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return good;
}

static bool add_named(sqlite3_stmt *statement, uint64_t point, const char *name, const char *json)
{
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)point);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    bind_json(statement, 3, json);
    return step(statement);
}

static bool add_point(const struct collected *table, uint64_t p, sqlite3_stmt *points,
                      sqlite3_stmt *parameters, sqlite3_stmt *metrics)
{
    const struct study *study = table->study;
    const struct collected_point *point = &table->points[p];
    sqlite3_bind_int64(points, 1, (sqlite3_int64)p);
    sqlite3_bind_text(points, 2, point->key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(points, 3, (sqlite3_int64)(p / study->repeats));
    sqlite3_bind_int64(points, 4, study_repeat_of(study, p));
    sqlite3_bind_int64(points, 5, (sqlite3_int64)point->seed);
    sqlite3_bind_text(points, 6, collected_state_name(point->state), -1, SQLITE_STATIC);
    if (point->reason)
        sqlite3_bind_text(points, 7, point->reason, -1, SQLITE_STATIC);
    bool good = step(points);
    for (uint32_t i = 0; i < study->axis_count && good; i++)
        good =
            add_named(parameters, p, study->axes[i].name, study->axes[i].values[study_value_of(study, p, i)]);
    for (uint32_t i = 0; i < table->metric_count && good; i++)
        if (point->values[i])
            good = add_named(metrics, p, table->metrics[i], point->values[i]);
    return good;
}

static bool fill(const struct collected *table, sqlite3 *database)
{
    sqlite3_stmt *points = NULL, *parameters = NULL, *metrics = NULL, *study = NULL;
    bool good =
        sqlite3_prepare_v2(database, "INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?)", -1, &points, NULL) ==
            SQLITE_OK &&
        sqlite3_prepare_v2(database, "INSERT INTO parameters VALUES (?, ?, ?)", -1, &parameters, NULL) ==
            SQLITE_OK &&
        sqlite3_prepare_v2(database, "INSERT INTO metrics VALUES (?, ?, ?)", -1, &metrics, NULL) ==
            SQLITE_OK &&
        sqlite3_prepare_v2(database, "INSERT INTO study VALUES (?, ?, ?, ?)", -1, &study, NULL) == SQLITE_OK;
    if (good) {
        if (table->study->name)
            sqlite3_bind_text(study, 1, table->study->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(study, 2, table->study->hash, -1, SQLITE_STATIC);
        sqlite3_bind_text(study, 3, model_version, -1, SQLITE_STATIC);
        sqlite3_bind_int64(study, 4, (sqlite3_int64)study_points(table->study));
        good = step(study);
    }
    for (uint64_t p = 0; p < study_points(table->study) && good; p++)
        good = add_point(table, p, points, parameters, metrics);
    sqlite3_finalize(points);
    sqlite3_finalize(parameters);
    sqlite3_finalize(metrics);
    sqlite3_finalize(study);
    return good;
}

/* Made in memory, written in one piece: no journal is left beside it, and the bytes depend on the rows alone.
 */
int collected_write_sqlite(const struct collected *table, const char *path, struct diagnostics *diagnostics)
{
    sqlite3 *database = NULL;
    struct text_buffer views = {0};
    sqlite3_int64 size = 0;
    unsigned char *bytes = NULL;
    print_views(table, &views);
    bool good = sqlite3_open(":memory:", &database) == SQLITE_OK &&
                sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_exec(database, tables, NULL, NULL, NULL) == SQLITE_OK && fill(table, database) &&
                sqlite3_exec(database, views.text, NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK &&
                (bytes = sqlite3_serialize(database, "main", &size, 0)) != NULL;
    int status = STATUS_FILE_WRITE;
    if (good) {
        status = output_file_write(path, (const char *)bytes, (size_t)size, diagnostics);
    } else {
        const struct source_text source = {path, NULL, 0};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-write",
                           "the database cannot be made: %s", sqlite3_errmsg(database));
    }
    sqlite3_free(bytes);
    sqlite3_close(database);
    text_buffer_fini(&views);
    return status;
}
