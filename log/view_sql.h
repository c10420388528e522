/* SPDX-License-Identifier: Apache-2.0 */
/* A view's definition run by PostgreSQL over the log up to a seq: what `verify` compares Redis
 * with. The definition comes in the form that views/definition_sql.h gives it: the values that
 * count(DISTINCT x) counts, so that sketches can be made of them; how many values a sum, an
 * average, a least or a greatest is of; and how many events each group has. */
#ifndef LOG_VIEW_SQL_H
#define LOG_VIEW_SQL_H

#include "log/events_sql.h"
#include "log/sql.h"

enum { VIEW_SQL_MAX_COLUMNS = 16 };

struct view_sql_measure {
    const char *name;
    bool distinct; /* count(DISTINCT x) */
    bool number;   /* sum, avg (as a sum), min, max */
};

struct view_sql_query {
    struct span select; /* definition_sql's */
    bool over_sessions; /* FROM sessions */
    column_set columns; /* of the log, that it needs */
    uint32_t partition;
    uint64_t to_seq;                   /* events before it */
    const struct events_scope *scope;  /* NULL: all events */
    unsigned n_dimensions, n_measures; /* each at most VIEW_SQL_MAX_COLUMNS */
    const char *dimensions[VIEW_SQL_MAX_COLUMNS];
    struct view_sql_measure measures[VIEW_SQL_MAX_COLUMNS];
};

/* A group; borrowed for the call. */
struct view_sql_row {
    struct span site;
    int64_t time_us;                              /* start of the bucket */
    int64_t rows;                                 /* events */
    struct span dimensions[VIEW_SQL_MAX_COLUMNS]; /* absent: NULL */
    struct {
        int64_t count;
        struct span values; /* distinct: for view_sql_each_value */
        int64_t n;          /* sum, avg, min, max: how many values it is of */
        struct span number; /* in decimal: the sum (of avg too), the least, the greatest; absent:
                             * NULL */
    } measures[VIEW_SQL_MAX_COLUMNS];
};

struct view_sql_each {
    int (*each)(void *context, const struct view_sql_row *row, struct err *e);
    void *context;
};
/* Calls back for every group in order of (site, time); memory is that of one row. */
int view_sql_run(struct sql *s, const struct view_sql_query *q, const struct view_sql_each *each,
                 struct err *e) MUST_CHECK;

/* The distinct values of a measure, as a column's elements (log/batch.h); ERR_DATA when the text is
 * not what view_sql_run gives. */
int view_sql_each_value(struct span values, void (*each)(void *context, struct span bytes),
                        void *context, struct err *e) MUST_CHECK;

/* Largest event_time of every site, over its events in the range (whose columns do not matter). */
struct view_sql_each_site {
    int (*each)(void *context, struct span site, int64_t watermark_us, struct err *e);
    void *context;
};
int view_sql_watermarks(struct sql *s, const struct events_range *range,
                        const struct view_sql_each_site *each, struct err *e) MUST_CHECK;

#endif
