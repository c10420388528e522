/* SPDX-License-Identifier: Apache-2.0 */
/* What a view selects from: a relation is a table of typed columns, and a slice of it a run of rows
 * as columns, in the bytes of the log (log/batch.h). */
#ifndef VIEWS_RELATION_H
#define VIEWS_RELATION_H

#include "log/batch.h"

enum value_type {
    VALUE_BOOL,
    VALUE_INT,    /* 64 bits */
    VALUE_NUMBER, /* fixed scale, 128 bits; in a column 16 bytes big-endian */
    VALUE_TEXT,
    VALUE_TIME, /* microseconds since 1970 */
    VALUE_UUID,
    VALUE_JSON /* a flat object */
};

struct relation_column {
    const char *name; /* in SQL */
    enum value_type type;
    bool nullable;
    uint32_t max_bytes; /* of a text; 0 for the other types */
};

enum { RELATION_MAX_COLUMNS = 32 };

struct relation {
    const char *name;
    unsigned n_columns;
    const struct relation_column *columns;
    unsigned site, time; /* columns: the site; what the time bucket is made of */
};

/* Its columns are those of enum event_column; the ones that are no part of SQL's relation have no
 * name. */
extern const struct relation RELATION_EVENTS;

/* The relation `sessions` (session.h): its site is that of the page views, its time that of the
 * first. */
enum session_column {
    SESSION_SITE,
    SESSION_VISITOR,
    SESSION_START,
    SESSION_END,
    SESSION_PAGEVIEWS,
    SESSION_ENTRY_PAGE, /* from here on as in enum session_text */
    SESSION_EXIT_PAGE,
    SESSION_REFERRER,
    SESSION_REFERRER_HOST,
    SESSION_COUNTRY,
    SESSION_REGION,
    SESSION_BROWSER,
    SESSION_OS,
    SESSION_DEVICE,
    SESSION_UTM_SOURCE,
    SESSION_UTM_MEDIUM,
    SESSION_UTM_CAMPAIGN, /* up to here */
    SESSION_BOUNCE,
    SESSION_DURATION, /* seconds */
    N_SESSION_COLUMNS
};
extern const struct relation RELATION_SESSIONS;

/* A run of rows. columns: relation->n_columns; those that were not asked for are FORM_NULL. */
struct row_slice {
    uint32_t count;
    const struct column_slice *columns;
};

static inline struct row_slice rows_of_log(const struct log_slice *s)
{
    return (struct row_slice){s->count, s->columns};
}

#endif
