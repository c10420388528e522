/* SPDX-License-Identifier: Apache-2.0 */
#include "log/view_sql.h"

#include <stdio.h>

#include "base/buf.h"
#include "log/sessions_sql.h"

/* ---- the statement */

#define MICROSECONDS(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

static void put_statement(struct buf *out, const struct view_sql_query *q)
{
    buf_put_text(out, "WITH events AS (");
    events_sql(out, &(struct events_range){.columns = q->columns,
                                           .partition = q->partition,
                                           .to_seq = q->to_seq,
                                           .scope = q->scope});
    buf_put_text(out, ")");
    if (q->over_sessions) {
        buf_put_text(out, ", sessions AS (");
        sessions_sql(out, q->columns);
        buf_put_text(out, ")");
    }
    buf_put_text(out, " SELECT site, " MICROSECONDS("\"time\"") ", footfall_rows");
    for (unsigned i = 0; i < q->n_dimensions; i++)
        buf_printf(out, ", \"%s\"", q->dimensions[i]);
    for (unsigned i = 0; i < q->n_measures; i++) {
        buf_printf(out, ", \"%s\"", q->measures[i].name);
        if (q->measures[i].number)
            buf_printf(out, ", \"footfall_n_%s\"", q->measures[i].name);
    }
    buf_put_text(out, " FROM (");
    buf_put_span(out, q->select);
    buf_put_text(out, ") q ORDER BY site COLLATE \"C\", \"time\"");
    buf_put_byte(out, '\0');
}

/* ---- rows */

enum { FIRST_COLUMNS = 3 }; /* site, time, rows */

struct rows {
    const struct view_sql_query *query;
    const struct view_sql_each *each;
};

static int take_row(void *context, const struct sql_rows *r, struct err *e)
{
    const struct rows *rows = context;
    const struct view_sql_query *q = rows->query;
    struct view_sql_row row = {
        .site = sql_value(r, 0, 0), .time_us = sql_int(r, 0, 1), .rows = sql_int(r, 0, 2)};
    int column = FIRST_COLUMNS;
    for (unsigned i = 0; i < q->n_dimensions; i++)
        row.dimensions[i] = sql_value(r, 0, column++);
    for (unsigned i = 0; i < q->n_measures; i++, column++) {
        if (q->measures[i].distinct) {
            row.measures[i].values = sql_value(r, 0, column);
        } else if (q->measures[i].number) {
            row.measures[i].number = sql_value(r, 0, column++);
            row.measures[i].n = sql_int(r, 0, column);
        } else {
            row.measures[i].count = sql_int(r, 0, column);
        }
    }
    return rows->each->each(rows->each->context, &row, e);
}

int view_sql_run(struct sql *s, const struct view_sql_query *q, const struct view_sql_each *each,
                 struct err *e)
{
    struct buf text = {0};
    struct rows rows = {q, each};
    put_statement(&text, q);
    int result = sql_each(s, (const char *)text.p, SQL_NO_PARAMS, take_row, &rows, e);
    buf_clear(&text);
    return result;
}

/* ---- arrays of bytea as text: {"\\x00ff","\\x01",NULL} */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_text(struct span *s, const char *text)
{
    size_t n = strlen(text);
    if (s->n < n || memcmp(s->p, text, n) != 0)
        return false;
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

static void take_hex(struct span *s, struct buf *out)
{
    buf_reset(out);
    while (s->n >= 2 && hex_digit(s->p[0]) >= 0 && hex_digit(s->p[1]) >= 0) {
        buf_put_byte(out, (uint8_t)(hex_digit(s->p[0]) * 16 + hex_digit(s->p[1])));
        *s = (struct span){s->p + 2, s->n - 2};
    }
}

int view_sql_each_value(struct span values, void (*each)(void *context, struct span bytes),
                        void *context, struct err *e)
{
    struct buf bytes = {0};
    bool good = span_absent(values) || take_text(&values, "{");
    while (good && !span_absent(values) && !take_text(&values, "}")) {
        (void)take_text(&values, ",");
        if (take_text(&values, "NULL"))
            continue;
        good = take_text(&values, "\"\\\\x");
        take_hex(&values, &bytes);
        good = good && take_text(&values, "\"");
        if (good)
            each(context, buf_span(&bytes));
    }
    buf_clear(&bytes);
    return good ? 0 : err_set(e, ERR_DATA, "PostgreSQL gave an array that is none");
}

/* ---- watermarks */

static int take_site(void *context, const struct sql_rows *r, struct err *e)
{
    const struct view_sql_each_site *each = context;
    return each->each(each->context, sql_value(r, 0, 0), sql_int(r, 0, 1), e);
}

int view_sql_watermarks(struct sql *s, const struct events_range *range,
                        const struct view_sql_each_site *each, struct err *e)
{
    struct buf text = {0};
    struct view_sql_each_site copy = *each;
    struct events_range g = *range;
    g.columns = COLUMN_BIT(EVENT_SITE) | COLUMN_BIT(EVENT_TIME);
    buf_put_text(&text, "WITH events AS (");
    events_sql(&text, &g);
    buf_put_text(&text,
                 ") SELECT site, " MICROSECONDS(
                     "max(event_time)") " FROM events GROUP BY site ORDER BY site COLLATE \"C\"");
    buf_put_byte(&text, '\0');
    int result = sql_each(s, (const char *)text.p, SQL_NO_PARAMS, take_site, &copy, e);
    buf_clear(&text);
    return result;
}
