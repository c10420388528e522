/* SPDX-License-Identifier: Apache-2.0 */
/* The first stage of a view of sessions: slices of the log -> what they add to each visitor's
 * sessions. Pure computation: no I/O, no clock. What is collected from any parts of the log, merged
 * in any order (session.h), gives the sessions of all its events.
 *
 * Only page views that are no bots' count, and of these only what is not too far behind the site's
 * watermark (SESSION_LATENESS_US); the watermark moves with all events of the site, before the one
 * that moves it is judged. */
#ifndef VIEWS_SESSIONS_H
#define VIEWS_SESSIONS_H

#include "log/batch.h"
#include "views/aggregate.h"
#include "views/session.h"

struct sessions;

struct sessions_options {
    session_text_set texts; /* the others stay absent */
    size_t max_sessions;    /* sessions_full beyond */
    size_t max_bytes;
    struct span site; /* absent: of all sites. Borrowed for the collector's life */
};

struct sessions *sessions_new(const struct sessions_options *o);
void sessions_free(struct sessions *c);

/* The columns of the log that a collector of these texts reads. */
column_set sessions_columns(session_text_set texts);

/* Events [from, slice->count) of a slice; stops early when full; returns the first event not taken
 * (slice->count when all are). */
uint32_t sessions_add(struct sessions *c, const struct log_slice *slice, uint32_t from);
bool sessions_full(const struct sessions *c);
size_t sessions_bytes(const struct sessions *c); /* of what was collected */
void sessions_limit(struct sessions *c, struct aggregate_limits limits);

/* A visitor with what was collected; borrowed until sessions_reset. */
struct sessions_visitor {
    struct span site;
    uint64_t visitor;
    struct session_list sessions; /* all marked as changed */
};

/* Calls back for every visitor, in order of (site, visitor). Stops and returns -1 when the callback
 * does. */
int sessions_each(const struct sessions *c,
                  int (*each)(void *context, const struct sessions_visitor *v), void *context);
size_t sessions_visitors(const struct sessions *c);
void sessions_reset(struct sessions *c); /* drops what was collected, keeps the watermarks */

/* matched: page views that are no bots'; late: those of them that are left out. */
struct aggregate_counts sessions_counts(const struct sessions *c); /* since sessions_new */

/* Watermarks, as those of an aggregate. */
void sessions_set_watermark(struct sessions *c, struct span site, int64_t time_us);
bool sessions_watermark(const struct sessions *c, struct span site, int64_t *time_us);
void sessions_each_watermark(const struct sessions *c, enum watermark_choice choice,
                             void (*each)(void *context, struct span site, int64_t time_us),
                             void *context);

#endif
