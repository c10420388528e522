/* SPDX-License-Identifier: Apache-2.0 */
/* Is what Redis holds of a view what its definition gives? PostgreSQL runs the definition over the
 * events before the state's offset; every page of every tier that has not expired is compared with
 * it, counts exactly, sketches by their registers; pages that should not be there, the sites'
 * watermarks and the digest are checked too.
 *
 * What is read is a snapshot (live_open_snapshot), or a generation that nobody writes meanwhile. A
 * scope narrows it to pages that lie wholly inside: then the digest is left out, and watermarks but
 * the one of the scope's site are taken as they are stored, so that only the part of the log that
 * the scope needs is read. */
#ifndef VIEWS_VERIFY_H
#define VIEWS_VERIFY_H

#include "log/events_sql.h"
#include "views/store.h"

struct verify_options {
    const char *postgres_uri;
    struct store_options store;
    const struct plan *plan;
    struct view_ref ref; /* with a snapshot: its copies */
    const struct view_state *state;
    const struct events_scope *scope;          /* NULL: all of it */
    int (*tick)(void *context, struct err *e); /* called now and then; -1 ends it. May be NULL */
    void *context;
};

enum { VERIFY_MAX_DIFFERENCES = 20 };

struct verify_difference {
    char site[256], tier[8];
    int64_t time_us; /* of the slot, or of the page */
    char group[256]; /* the dimensions, ", " between them; NULL as NULL */
    char what[72];   /* a measure, "rows", "page", "watermark", "digest" */
    char expected[80], stored[80];
};

struct verify_result {
    uint64_t pages, rows; /* compared, of all tiers */
    uint64_t groups;      /* the SELECT gave */
    bool lost; /* -1 came of this: it was not one state that was read; with a new one it may be */
    uint64_t n_differences;
    struct verify_difference differences[VERIFY_MAX_DIFFERENCES]; /* the first ones */
};

int verify_view(const struct verify_options *o, struct verify_result *out,
                struct err *e) MUST_CHECK;

#endif
