/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text that gives the relation `events` cut down to what a query needs: only those columns are
 * read and unnested, only the batches in range. For verify and ad-hoc queries:
 * WITH events AS (<this>) <the view's definition>. */
#ifndef LOG_EVENTS_SQL_H
#define LOG_EVENTS_SQL_H

#include "base/buf.h"
#include "log/event.h"

struct events_range {
    column_set columns;        /* partition and seq are always there */
    int64_t partition;         /* -1: all */
    uint64_t from_seq, to_seq; /* half-open; to_seq UINT64_MAX: to the end */
};

/* Appends a SELECT without a semicolon. */
void events_sql(struct buf *out, const struct events_range *range);

#endif
