/* SPDX-License-Identifier: Apache-2.0 */
/* What a builder of a view over sessions does besides: page views are collected; a flush merges
 * what was collected with what is stored of the same visitors, takes back the rows of the sessions
 * that are gone and gives those of the new ones to the aggregate, and stores the sessions in the
 * same transaction as the pages that show them. */
#ifndef VIEWS_BUILDER_SESSIONS_H
#define VIEWS_BUILDER_SESSIONS_H

#include "views/aggregate.h"
#include "views/sessions.h"
#include "views/store_sessions.h"

struct builder_sessions;

struct builder_sessions *builder_sessions_new(const struct plan *p, struct aggregate_limits limits);
void builder_sessions_free(struct builder_sessions *b);

/* The page views; their sites' watermarks are set in it, too, before the first. */
struct sessions *builder_sessions_collector(struct builder_sessions *b);

/* Where a flush works. */
struct builder_sessions_flush {
    struct store *store;
    const struct view_ref *ref;
    struct aggregate *aggregate;
    /* The site's watermark at the last flush; false: it had none. */
    bool (*flushed)(void *context, struct span site, int64_t *watermark_us);
    void *context;
};
/* Before all else in a flush: the aggregate has the watermarks and the rows when it returns. */
int builder_sessions_merge(struct builder_sessions *b, const struct builder_sessions_flush *f,
                           struct err *e) MUST_CHECK;
/* In the transaction; may be done again in another one. */
void builder_sessions_put(const struct builder_sessions *b, const struct builder_sessions_flush *f);
/* Redis has it all. */
void builder_sessions_settle(struct builder_sessions *b);

#endif
