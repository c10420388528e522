/* SPDX-License-Identifier: Apache-2.0 */
/* The text follows the view events in migrations/; a test compares what both give. */
#include "log/events_sql.h"

#include <inttypes.h>

#include "base/clock.h"
#include "log/batch.h"

static void put_columns(struct buf *out, column_set columns, const char *format)
{
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        if (columns & COLUMN_BIT(c)) {
            const char *name = event_columns[c].sql_name;
            for (const char *p = format; *p != '\0'; p++)
                if (*p == '$')
                    buf_put_text(out, name);
                else
                    buf_put_byte(out, (uint8_t)*p);
        }
}

static void put_literal(struct buf *out, struct span text)
{
    buf_put_byte(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            buf_put_byte(out, '\'');
        buf_put_byte(out, (uint8_t)text.p[i]);
    }
    buf_put_byte(out, '\'');
}

/* max_time >= '...' and the like, of the batches and of the events. */
static void put_time_bound(struct buf *out, const char *of_batch, const char *of_event,
                           int64_t time_us)
{
    char time[CLOCK_TEXT_BYTES];
    clock_format(time, time_us, 6);
    buf_printf(out, " AND b.%s TIMESTAMPTZ '%s' AND e.%s TIMESTAMPTZ '%s'", of_batch, time,
               of_event, time);
}

/* After other conditions. */
static void put_scope(struct buf *out, const struct events_scope *scope)
{
    if (!span_absent(scope->site)) {
        buf_put_text(out, " AND e.site = ");
        put_literal(out, scope->site);
    }
    if (scope->from_us != INT64_MIN)
        put_time_bound(out, "max_time >=", "event_time >=", scope->from_us);
    if (scope->to_us != INT64_MAX)
        put_time_bound(out, "min_time <", "event_time <", scope->to_us);
}

/* Whole batches outside of the range are not read; of those at its ends, events are left out. */
static void put_bounds(struct buf *out, const struct events_range *g)
{
    const char *word = " WHERE";
    if (g->partition >= 0) {
        buf_printf(out, "%s b.partition = %" PRId64, word, g->partition);
        word = " AND";
    }
    if (g->from_seq > 0) {
        uint64_t first = g->from_seq > BATCH_MAX_EVENTS ? g->from_seq - BATCH_MAX_EVENTS + 1 : 0;
        buf_printf(out, "%s b.first_seq >= %" PRIu64 " AND b.first_seq + e.n - 1 >= %" PRIu64, word,
                   first, g->from_seq);
        word = " AND";
    }
    if (g->to_seq <= INT64_MAX)
        buf_printf(out, "%s b.first_seq < %" PRIu64 " AND b.first_seq + e.n - 1 < %" PRIu64, word,
                   g->to_seq, g->to_seq);
    else if (g->scope != NULL)
        buf_printf(out, "%s true", word);
    if (g->scope != NULL)
        put_scope(out, g->scope);
}

void events_sql(struct buf *out, const struct events_range *range)
{
    column_set columns = range->columns;
    if (range->scope != NULL)
        columns |= COLUMN_BIT(EVENT_SITE) | COLUMN_BIT(EVENT_TIME);
    buf_put_text(out, "SELECT b.partition, b.first_seq + e.n - 1 AS seq");
    put_columns(out, columns, ", e.$");
    buf_put_text(out, " FROM log_batches b CROSS JOIN LATERAL ROWS FROM (");
    put_columns(out, columns, "unnest(log_spread(b.$, b.event_count)), ");
    buf_put_text(out, "generate_series(1, b.event_count)) AS e (");
    put_columns(out, columns, "$, ");
    buf_put_text(out, "n)");
    put_bounds(out, range);
}
