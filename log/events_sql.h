/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text that gives the relation `events` cut down to what a query needs: only those columns are
 * read and unnested, only the batches in range. For verify and ad-hoc queries:
 * WITH events AS (<this>) <the view's definition>. */
#ifndef LOG_EVENTS_SQL_H
#define LOG_EVENTS_SQL_H

#include "base/buf.h"
#include "log/event.h"

/* Events of one site, or of a time: whole batches that hold none are not read. */
struct events_scope {
    struct span site;       /* absent: all */
    int64_t from_us, to_us; /* of event_time, half-open; INT64_MIN, INT64_MAX: no bound */
};
/* Bounds that SQL can be given; others are refused where they come in. */
#define EVENTS_SCOPE_FIRST_US INT64_C(0)
#define EVENTS_SCOPE_LAST_US (INT64_C(253402300800) * 1000000) /* the year 10000 */

struct events_range {
    column_set columns;               /* partition and seq are always there */
    int64_t partition;                /* -1: all */
    uint64_t from_seq, to_seq;        /* half-open; to_seq UINT64_MAX: to the end */
    const struct events_scope *scope; /* NULL: all; its columns are there, too, when it is given */
};

/* Appends a SELECT without a semicolon. */
void events_sql(struct buf *out, const struct events_range *range);

#endif
