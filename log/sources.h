/* SPDX-License-Identifier: Apache-2.0 */
/* Positions of sources (Footfall-Source): stored by the commits that append; asked for here by
 * HTTP loops, which must not wait: a thread with its own connection answers. */
#ifndef LOG_SOURCES_H
#define LOG_SOURCES_H

#include "log/sql.h"

enum { SOURCE_NAME_BYTES = 200 };

/* One question: embed it in the asker's memory; it stays there until on_done. */
struct source_query {
    int64_t scope;    /* http_identity's scope_id */
    struct span site; /* the token's site, or empty */
    struct span name;
    uint32_t partition;
    void (*on_done)(struct source_query *q); /* on the thread of the sources */
    void *owner;

    int64_t position; /* 0 for a new source */
    struct err err;   /* kind ERR_NONE: position is set */
    struct source_query *next;
};

struct sources;
int sources_open(struct sources **out, const char *postgres_uri, struct err *e) MUST_CHECK;
/* Any thread. ERR_BUSY when too many wait; then on_done is not called. */
int sources_ask(struct sources *s, struct source_query *q, struct err *e) MUST_CHECK;
void sources_close(struct sources *s); /* answers what waits */

/* The same, at once, on the caller's connection. */
int sources_position(struct sql *sql, struct source_query *q, struct err *e) MUST_CHECK;

#endif
