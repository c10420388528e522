/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of a view on one partition, as it is being built: events go in as slices of the
 * log, pages and state come out in Redis. The live view, a replay and the tests all run this same
 * code.
 *
 *   builder_load -> builder_claim (go on) or builder_create (from 0)
 *   builder_take ... builder_flush ... builder_take ...
 *
 * After a failed flush what is in memory is worth nothing: builder_load again, Redis decides how
 * far it got. Errors have the kinds of store.h. One thread at a time, not always the same one. */
#ifndef VIEWS_BUILDER_H
#define VIEWS_BUILDER_H

#include "views/aggregate.h"
#include "views/store.h"

struct builder;
struct open_budget;

struct builder_options {
    const struct plan *plan;
    struct view_ref ref; /* its texts are borrowed for the builder's life */
    struct store_options store;
    struct aggregate_limits limits;  /* how much is collected before it has to be flushed */
    size_t max_open_bytes;           /* of pages kept in memory between flushes */
    struct open_budget *open_budget; /* may let it keep more (open_pages.h); NULL: it does not */
};

/* Who writes, and from which log. */
struct builder_owner {
    uint64_t epoch;
    char log_id[37];
};

struct builder *builder_new(const struct builder_options *o);
void builder_free(struct builder *b); /* what was not flushed is dropped; NULL is fine */

/* Connects, drops all memory, reads the state. */
int builder_load(struct builder *b, bool *found, struct err *e) MUST_CHECK;
/* Makes the loaded state ours, to go on from its offset. The caller has judged it. */
int builder_claim(struct builder *b, const struct builder_owner *owner, struct err *e) MUST_CHECK;
/* Deletes whatever is there under this generation and starts it at offset 0. */
int builder_create(struct builder *b, const struct builder_owner *owner, struct err *e) MUST_CHECK;

/* The state in Redis as of the last load or flush. */
const struct view_state *builder_state(const struct builder *b);
const struct builder_options *builder_options(const struct builder *b);

/* Why the last flush failed; NULL: it did not. */
const struct err *builder_failure(const struct builder *b);

uint64_t builder_offset(const struct builder *b); /* next seq to take; at or beyond the state's */
/* Takes what it has not yet of a slice that starts at or before builder_offset. False: it is full,
 * flush and give the same slice again. */
bool builder_take(struct builder *b, const struct log_slice *slice);

/* Brings Redis to builder_offset. last_id: of the event before it. */
int builder_flush(struct builder *b, const uint8_t last_id[16], struct err *e) MUST_CHECK;

/* ---- a snapshot of what is in Redis (store.h), one at a time */

/* The builder has just been flushed. From now on, until builder_close_snapshot, flushes keep the
 * pages they change; one that Redis refuses (it is out of memory) gives the snapshot up rather than
 * the view, as does one that would have to keep too many pages. When it fails without
 * builder_failure it was not opened, and all is as it was. */
int builder_open_snapshot(struct builder *b, struct view_ref *copies, struct err *e) MUST_CHECK;
/* Pages are not kept any more; what there is of copies is the caller's to delete. */
void builder_close_snapshot(struct builder *b);
uint64_t builder_snapshot(const struct builder *b); /* its number; 0: none is open */

struct aggregate_counts builder_counts(const struct builder *b); /* since the last load */
size_t builder_bytes(const struct builder *b); /* of what a flush would bring to Redis */

/* Gives it other bounds, and takes it out of its budget. */
void builder_bound(struct builder *b, struct aggregate_limits limits, size_t max_open_bytes);

/* The digest of all that is stored, from the stored pages: to compare with the state's. ERR_BUSY:
 * the state is not the one that was written last. */
int builder_stored_digest(struct builder *b, struct digest *out, struct err *e) MUST_CHECK;

#endif
