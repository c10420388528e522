/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the log to builders that may stand at different offsets. Each chunk is read once, with the
 * columns all its builders need together; while it is aggregated PostgreSQL prepares the next one.
 * Builders that lag are fed in turn with those in front, and exactly up to where the next one
 * stands, so that they join it and all go on as one.
 *
 * One thread, but for feed_wake; with options.parallel the builders of a chunk are spread over its
 * threads, each builder on one of them at a time. */
#ifndef VIEWS_FEED_H
#define VIEWS_FEED_H

#include "base/parallel.h"
#include "log/log.h"
#include "views/builder.h"

struct feed;

struct feed_options {
    const char *postgres_uri;
    uint32_t partition;
    uint32_t chunk_events;
    struct parallel *parallel; /* borrowed; NULL: the caller's thread does it all */
};

int feed_open(struct feed **out, const struct feed_options *o, struct err *e) MUST_CHECK;
void feed_close(struct feed *f); /* not the builders; NULL is fine */

/* For short questions; never for reading events. */
struct log_reader *feed_questions(struct feed *f);

enum { FEED_MAX_BUILDERS = 128 };
/* A usable builder, from its offset on. ERR_BUSY: too many. */
int feed_add(struct feed *f, struct builder *b, struct err *e) MUST_CHECK;
void feed_remove(struct feed *f, const struct builder *b); /* one that is not in is fine */

enum feed_step {
    FEED_IDLE, /* no builder has anything to read */
    FEED_SOME, /* the end of the log is near */
    FEED_FULL  /* there is much to read */
};
/* Reads one chunk and gives it to its builders; one that is full is flushed. A builder whose flush
 * fails is taken out (builder_failure), the others go on. -1: the log could not be read; close the
 * feed. */
int feed_step(struct feed *f, enum feed_step *step, struct err *e) MUST_CHECK;
/* Flushes one builder at its offset (nothing to do when it stands there already). When that fails
 * it is taken out, as above; -1 only when the log could not be asked. */
int feed_flush(struct feed *f, struct builder *b, struct err *e) MUST_CHECK;
/* The same for several of its builders. */
int feed_flush_some(struct feed *f, struct builder *const *builders, unsigned n,
                    struct err *e) MUST_CHECK;

/* Waits until the log goes beyond seq, or feed_wake, or the time is over. Only after FEED_IDLE. */
int feed_wait(struct feed *f, uint64_t seq, int timeout_ms, struct err *e) MUST_CHECK;
void feed_wake(struct feed *f); /* any thread */
/* The end of the log as far as it was read; at the least where the last chunk ended. */
uint64_t feed_seen(const struct feed *f);
uint64_t feed_events(const struct feed *f); /* how many were read, again and again ones too */

#endif
