/* SPDX-License-Identifier: Apache-2.0 */
/* The first stage of a view: slices of the log -> a table of deltas. Pure computation: no I/O, no
 * clock. The same events in the same order give the same deltas, however they were batched.
 *
 * Each event lands in the finest tier whose page has not expired for its site, decided by the
 * site's watermark just before the event (then the watermark moves). An event whose page has
 * expired in every tier is late and dropped (counted). */
#ifndef VIEWS_AGGREGATE_H
#define VIEWS_AGGREGATE_H

#include "log/batch.h"
#include "views/measure.h"

struct aggregate;

/* One changed cell. Everything borrowed from the aggregate until aggregate_reset. */
struct delta {
    struct span site;
    struct span group; /* the dimensions as a MessagePack array (nil for NULL): the page's field */
    unsigned tier;     /* index in plan->tiers */
    struct tier_slot at;
    int64_t rows;                      /* of the cell, the hidden row count; with rows that were
                                        * taken back it may be 0 or less */
    const union measure_value *values; /* plan->n_words */
};

struct aggregate_limits {
    size_t max_cells; /* aggregate_full beyond */
    size_t max_bytes;
};

struct aggregate *aggregate_new(const struct plan *p, struct aggregate_limits limits);
void aggregate_free(struct aggregate *a);

/* Events [from, slice->count) of a slice; stops early when full; returns the first event not taken
 * (slice->count when all are). */
uint32_t aggregate_add(struct aggregate *a, const struct log_slice *slice, uint32_t from);
bool aggregate_full(const struct aggregate *a);
void aggregate_limit(struct aggregate *a, struct aggregate_limits limits); /* other ones */
size_t aggregate_bytes(const struct aggregate *a);                         /* of the deltas */

/* Rows of the plan's relation, each with a sign: 1 adds it, -1 takes back what was added before.
 * All are taken, into the finest tier; watermarks do not move. The plan's measures are counts, sums
 * and averages (aggregate_takes_back). */
void aggregate_add_signed(struct aggregate *a, const struct row_slice *rows, const int8_t *signs);
bool aggregate_takes_back(const struct plan *p);

/* Calls back for every cell that changes anything, sorted by (site, tier, page start, group, slot),
 * so that a page's cells come together. Stops and returns -1 when the callback does. */
int aggregate_each(struct aggregate *a, int (*each)(void *context, const struct delta *d),
                   void *context);
void aggregate_reset(struct aggregate *a); /* drops the deltas, keeps the watermarks */

struct aggregate_counts {
    uint64_t events;     /* taken from slices */
    uint64_t matched;    /* passed the filter */
    uint64_t late;       /* matched, but landed in a coarser tier than the finest, or in none */
    int64_t max_late_us; /* greatest lateness against the site's watermark */
};
struct aggregate_counts aggregate_counts(const struct aggregate *a); /* since aggregate_new */

/* Watermarks: the largest event_time seen so far, per site; over all events of the site, matching
 * or not. Loaded from the state before the first event, written with every flush. Changed ones
 * since the last reset come first to mind of the flush: changed_only. */
void aggregate_set_watermark(struct aggregate *a, struct span site, int64_t time_us);
/* Raises it, as an event of that time would. */
void aggregate_move_watermark(struct aggregate *a, struct span site, int64_t time_us);
bool aggregate_watermark(const struct aggregate *a, struct span site, int64_t *time_us);
enum watermark_choice { WATERMARKS_ALL, WATERMARKS_CHANGED };
void aggregate_each_watermark(const struct aggregate *a, enum watermark_choice choice,
                              void (*each)(void *context, struct span site, int64_t time_us),
                              void *context);

#endif
