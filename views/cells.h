/* SPDX-License-Identifier: Apache-2.0 */
/* The delta table behind an aggregate.
 *
 *   site -> series (a group of dimensions) -> block (the series in one page) -> cell (one slot)
 *
 * Sites, series and blocks are found by hash; inside a block a byte per slot leads to its cell, and
 * the cells lie side by side. Runs of events stay in the block their series used last, so that most
 * events cost one probe, for the series. Sites live as long as the table, the rest until
 * cells_reset. */
#ifndef VIEWS_CELLS_H
#define VIEWS_CELLS_H

#include "base/mem.h"
#include "base/table.h"
#include "views/aggregate.h"

struct site_state {
    struct span name; /* owned */
    uint64_t hash;
    bool has_watermark, changed; /* since the last reset */
    int64_t watermark_us;
    int64_t alive_from_us; /* times from here on lie in a live page of the finest tier */
    uint32_t rank;         /* among the sites with deltas; set by cells_sort */
    struct site_state *next;
};

struct series {
    struct site_state *site;
    struct span key;    /* the dimensions' elements as in the log (log/batch.h), end to end */
    struct span group;  /* the dimensions as a MessagePack array */
    struct block *last; /* that was used */
    uint64_t hash;
    uint32_t rank; /* in order of (site, group); set by cells_sort */
    struct series *next;
};

struct cell {
    int64_t rows;
    union measure_value values[]; /* plan->n_words */
};

enum { BLOCK_SLOTS = 96 };

struct block {
    struct series *series;
    int64_t page_start_us;
    uint8_t *cells; /* of cells->cell_bytes each */
    struct block *next;
    uint8_t tier, n, cap;
    uint8_t place[BLOCK_SLOTS]; /* 0: no cell; else 1 + its index */
};

struct cells {
    const struct plan *plan;
    uint64_t seed;
    size_t cell_bytes;
    struct table sites, series, blocks;
    struct site_state *first_site, **last_site; /* in order of arrival */
    struct series *all_series;
    struct block *all_blocks;
    struct arena memory; /* of series, blocks and cells */
    size_t n_cells, sketch_bytes;
};

void cells_init(struct cells *c, const struct plan *p);
void cells_clear(struct cells *c);
void cells_reset(struct cells *c); /* keeps the sites */
size_t cells_bytes(const struct cells *c);

struct site_state *cells_find_site(const struct cells *c, struct span name); /* or NULL */
struct site_state *cells_site(struct cells *c, struct span name);            /* found or new */

/* The series of the dimensions given as elements with their length words. */
struct series *cells_series(struct cells *c, struct site_state *site, const struct span *elements);

struct cell *cells_new_cell(struct cells *c, struct series *s, unsigned tier, struct tier_slot at);

static inline struct cell *block_cell(const struct cells *c, const struct block *b, unsigned slot)
{
    return (struct cell *)(b->cells + (b->place[slot] - 1u) * c->cell_bytes);
}

/* The cell of the series, found or new. */
static inline struct cell *cells_at(struct cells *c, struct series *s, unsigned tier,
                                    struct tier_slot at)
{
    const struct block *b = s->last;
    if (b != NULL && b->page_start_us == at.page_start_us && b->tier == tier &&
        b->place[at.slot] != 0)
        return block_cell(c, b, at.slot);
    return cells_new_cell(c, s, tier, at);
}

/* All blocks (blocks.n of them), in order of (site, tier, page start, group); to be freed. */
struct block **cells_sort(struct cells *c);

#endif
