/* SPDX-License-Identifier: Apache-2.0 */
/* The text follows the view sessions in migrations/, which says how it works; a test compares what
 * both give. */
#include "log/sessions_sql.h"

static const char visit[] =
    " WINDOW visit AS (PARTITION BY partition, site, visitor ORDER BY event_time, seq)";

/* ", name" of each text column there is. */
static void put_texts(struct buf *out, column_set columns)
{
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        if (columns & SESSIONS_SQL_TEXTS & COLUMN_BIT(c))
            buf_printf(out, ", %s", event_columns[c].sql_name);
}

/* Page views that count, each knowing its place and whether a session starts or ends with it. */
static void put_edges(struct buf *out, column_set columns)
{
    buf_put_text(out,
                 "SELECT accepted.*, row_number() OVER visit AS place,"
                 " coalesce(lag(event_time) OVER visit < event_time - interval '30 minutes', true)"
                 " AS starts,"
                 " coalesce(lead(event_time) OVER visit > event_time + interval '30 minutes', true)"
                 " AS ends"
                 " FROM (SELECT partition, seq, site, visitor, event_time, event_type, bot");
    put_texts(out, columns);
    buf_put_text(out, ", max(event_time) OVER (PARTITION BY partition, site ORDER BY seq"
                      " ROWS UNBOUNDED PRECEDING) AS latest FROM events) accepted"
                      " WHERE event_type = 'PageViewEvent' AND NOT bot"
                      " AND event_time >= latest - interval '48 hours'");
    buf_put_text(out, visit);
}

static void put_spans(struct buf *out, column_set columns)
{
    buf_put_text(
        out, "SELECT edges.*,"
             " CASE WHEN ends THEN event_time ELSE lead(event_time) OVER visit END AS last_time,"
             " CASE WHEN ends THEN place ELSE lead(place) OVER visit END AS last_place");
    if (columns & COLUMN_BIT(EVENT_PATH))
        buf_put_text(out, ", CASE WHEN ends THEN path ELSE lead(path) OVER visit END AS last_path");
    buf_put_text(out, " FROM (");
    put_edges(out, columns);
    buf_put_text(out, ") edges WHERE starts OR ends");
    buf_put_text(out, visit);
}

void sessions_sql(struct buf *out, column_set columns)
{
    buf_put_text(out, "SELECT partition, site, visitor, event_time AS session_start,"
                      " last_time AS session_end, last_place - place + 1 AS pageviews");
    if (columns & COLUMN_BIT(EVENT_PATH))
        buf_put_text(out, ", path AS entry_page, last_path AS exit_page");
    put_texts(out, columns & ~COLUMN_BIT(EVENT_PATH));
    buf_put_text(out, ", last_place = place AS bounce,"
                      " floor(extract(epoch FROM last_time - event_time))::bigint AS duration"
                      " FROM (");
    put_spans(out, columns);
    buf_put_text(out, ") spans WHERE starts");
}
