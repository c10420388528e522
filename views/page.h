/* SPDX-License-Identifier: Apache-2.0 */
/* The second stage of a view: pages, as they are in memory and in Redis.
 *
 * A page holds the slots of one unit of one tier of one site: a set of rows, one per group.
 *   field of the Redis hash: the group: a MessagePack array of the dimensions (str, int, bool, nil)
 *   value: a MessagePack array [format, slot, rows, m1, ... mN, slot, rows, m1, ...] with the slots
 *   that have rows, ascending; a count is an int, a sketch a bin (sketch_encode). A measure of
 *   three words is two values: how many it is of, an int, and its number: an int when that fits 64
 *   bits, else a bin of 16 bytes, big-endian two's complement.
 * Slots with 0 rows do not exist; rows without slots do not exist. */
#ifndef VIEWS_PAGE_H
#define VIEWS_PAGE_H

#include "views/aggregate.h"
#include "views/digest.h"
#include "views/group.h"

enum { PAGE_FORMAT = 2 }; /* of pages and of digests */

struct page_slot {
    unsigned slot;
    int64_t rows;
    union measure_value values[]; /* plan->n_words */
};

/* MessagePack values that a stored slot is. */
static inline uint32_t page_slot_values(const struct plan *p)
{
    uint32_t n = 2 + p->n_measures;
    for (unsigned i = 0; i < p->n_measures; i++)
        n += measure_is_wide(&p->measures[i]);
    return n;
}

struct page_row; /* one group's slots */
struct page;

struct page *page_new(const struct plan *p, unsigned tier, struct span site, int64_t start_us);
void page_free(struct page *p);
size_t page_bytes(const struct page *p);
size_t page_rows(const struct page *p);
struct span page_site(const struct page *p);
unsigned page_tier(const struct page *p);
int64_t page_start(const struct page *p);

/* Puts a stored row in, before any delta; refuses bytes that are not the format (ERR_DATA), twice
 * the same group too. */
int page_load(struct page *p, struct span group, struct span value, struct err *e) MUST_CHECK;

/* Adds a delta whose slot lies in this page (of this tier, or of a finer one: it is then rolled up
 * into the slot that covers it). digest is changed only when it is not NULL (finest tier). */
void page_apply(struct page *p, const struct delta *d, struct digest *digest);
/* After the deltas of a flush, which may have taken rows back, in whatever order: slots that have
 * come to nothing vanish, rows without slots do. ERR_DATA when more was taken back than there was
 * (the page is spoilt); that cannot happen without deltas that take back. */
int page_finish(struct page *p, struct err *e) MUST_CHECK;

/* Rows changed or moved since the last page_clean, in a stable order. */
int page_each_changed(const struct page *p, int (*each)(void *context, const struct page_row *row),
                      void *context);
int page_each_row(const struct page *p, int (*each)(void *context, const struct page_row *row),
                  void *context);
/* Stored rows that have vanished since. */
int page_each_vanished(const struct page *p, int (*each)(void *context, const struct page_row *row),
                       void *context);
void page_clean(struct page *p); /* it is stored as it is */

struct span page_row_group(const struct page_row *row);
/* The row's place among the page's rows, without holes: decides its sub-page. New rows come last;
 * where a row vanishes, the last one takes its place. Stored rows keep their sub-page by being
 * loaded sub-page by sub-page in order. */
uint32_t page_row_ordinal(const struct page_row *row);
/* Its place as it is stored. */
#define PAGE_NOT_STORED UINT32_MAX
uint32_t page_row_stored(const struct page_row *row);
void page_row_encode(const struct page *p, const struct page_row *row, struct buf *out);
int page_row_each_slot(const struct page_row *row,
                       int (*each)(void *context, const struct page_slot *slot), void *context);

/* The digest of all rows (for expiry: subtract; for verify and swap: recompute). */
struct digest page_digest(const struct page *p);

/* Decodes one stored value without a page (the read path): calls back for every slot; sketches are
 * given as spans of the stored bytes, to be decoded only when needed. */
struct stored_slot {
    unsigned slot;
    int64_t rows;
    union measure_value values[PLAN_MAX_WORDS]; /* those of sketches are empty */
    struct span sketches[PLAN_MAX_MEASURES];    /* absent for the other measures */
};
/* Stops and returns -1 when the callback does, then without an error of its own. */
int page_read_value(const struct plan *p, unsigned tier, struct span value,
                    int (*each)(void *context, const struct stored_slot *slot), void *context,
                    struct err *e) MUST_CHECK;

/* Decodes a group field into the plan's dimensions. */
int page_read_group(struct span group, const struct plan *p, struct group_value *dimensions,
                    struct err *e) MUST_CHECK;

#endif
