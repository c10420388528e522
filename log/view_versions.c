/* SPDX-License-Identifier: Apache-2.0 */
#include "log/view_versions.h"

#include <stdio.h>

/* ---- changes */

int view_versions_add(struct sql *s, const struct view_record *view, unsigned max_views,
                      enum view_addition *added, int64_t *job, struct err *e)
{
    struct sql_rows rows = {0};
    char max[16];
    snprintf(max, sizeof(max), "%u", max_views);
    if (sql_run(s, "SELECT outcome, job FROM view_add($1, $2, $3, $4, $5::int)",
                SQL_PARAMS(span_of(view->name), span_of(view->sql), span_of(view->canonical),
                           span_of(view->definition_hash), span_of(max)),
                &rows, e) != 0)
        return -1;
    struct span outcome = sql_value(&rows, 0, 0);
    *added = span_is(outcome, "ready")      ? VIEW_ADDED_READY
             : span_is(outcome, "building") ? VIEW_ADDED_BUILDING
                                            : VIEW_ADDED_NOT;
    *job = sql_int(&rows, 0, 1);
    sql_rows_clear(&rows);
    return 0;
}

int view_versions_drop(struct sql *s, struct span view, bool *found, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, "SELECT view_drop($1)", SQL_PARAMS(view), &rows, e) != 0)
        return -1;
    *found = sql_bool(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

int view_versions_shipped(struct sql *s, const char *view, const char *sql, enum view_shipped *out,
                          struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, "SELECT view_shipped_state($1, $2)", SQL_PARAMS(span_of(view), span_of(sql)),
                &rows, e) != 0)
        return -1;
    struct span state = sql_value(&rows, 0, 0);
    *out = span_is(state, "new")       ? SHIPPED_NEW
           : span_is(state, "changed") ? SHIPPED_CHANGED
                                       : SHIPPED_SETTLED;
    sql_rows_clear(&rows);
    return 0;
}

static int change(struct sql *s, const char *statement, const struct view_record *view,
                  struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, statement,
                SQL_PARAMS(span_of(view->name), span_of(view->sql), span_of(view->canonical),
                           span_of(view->definition_hash)),
                &rows, e) != 0)
        return -1;
    sql_rows_clear(&rows);
    return 0;
}

int view_versions_install(struct sql *s, const struct view_record *view, struct err *e)
{
    return change(s, "SELECT view_install($1, $2, $3, $4)", view, e);
}

int view_versions_upgrade(struct sql *s, const struct view_record *view, struct err *e)
{
    return change(s, "SELECT view_upgrade($1, $2, $3, $4)", view, e);
}

/* ---- asking */

int view_versions_number(struct sql *s, uint64_t *number, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, "SELECT version FROM view_catalog", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    *number = (uint64_t)sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

#define EPOCH_US(column) "coalesce((extract(epoch FROM " column ") * 1000000)::bigint, 0)"
#define COLUMNS                                                                                    \
    "v.name, v.sql, v.canonical, v.state, v.last_digest, v.version, " EPOCH_US(                    \
        "v.added_at") ", " EPOCH_US("v.switched_at") ", " EPOCH_US("v.ended_at") ", v.last_offset"
#define VERSIONS                                                                                   \
    "SELECT " COLUMNS " FROM view_version v JOIN view_definition d USING (name)"                   \
    " WHERE d.dropped_at IS NULL"

static int each_of(struct sql *s, const char *statement, struct sql_params params,
                   const struct view_versions_each *each, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, statement, params, &rows, e) != 0)
        return -1;
    for (int i = 0; i < rows.count; i++) {
        struct view_version v = {.view = sql_value(&rows, i, 0),
                                 .sql = sql_value(&rows, i, 1),
                                 .canonical = sql_value(&rows, i, 2),
                                 .state = sql_value(&rows, i, 3),
                                 .digest = sql_value(&rows, i, 4),
                                 .number = sql_int(&rows, i, 5),
                                 .added_us = sql_int(&rows, i, 6),
                                 .switched_us = sql_int(&rows, i, 7),
                                 .ended_us = sql_int(&rows, i, 8),
                                 .has_offset = !span_absent(sql_value(&rows, i, 9)),
                                 .offset = (uint64_t)sql_int(&rows, i, 9)};
        each->each(each->context, &v);
    }
    sql_rows_clear(&rows);
    return 0;
}

int view_versions_in_use(struct sql *s, const struct view_versions_each *each, struct err *e)
{
    return each_of(s, VERSIONS " AND v.state <> 'past' ORDER BY d.created_at, v.name, v.version",
                   SQL_NO_PARAMS, each, e);
}

int view_versions_of(struct sql *s, struct span view, const struct view_versions_each *each,
                     struct err *e)
{
    return each_of(s, VERSIONS " AND v.name = $1 ORDER BY v.version DESC LIMIT 100",
                   SQL_PARAMS(view), each, e);
}
