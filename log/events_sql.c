/* SPDX-License-Identifier: Apache-2.0 */
/* The text follows the view events in migrations/; a test compares what both give. */
#include "log/events_sql.h"

#include <inttypes.h>

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
}

void events_sql(struct buf *out, const struct events_range *range)
{
    buf_put_text(out, "SELECT b.partition, b.first_seq + e.n - 1 AS seq");
    put_columns(out, range->columns, ", e.$");
    buf_put_text(out, " FROM log_batches b CROSS JOIN LATERAL ROWS FROM (");
    put_columns(out, range->columns, "unnest(log_spread(b.$, b.event_count)), ");
    buf_put_text(out, "generate_series(1, b.event_count)) AS e (");
    put_columns(out, range->columns, "$, ");
    buf_put_text(out, "n)");
    put_bounds(out, range);
}
