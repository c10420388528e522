/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of an answer: stored pages of one moment are added up into cells, one per group and slot
 * of the answer. Pure computation, bounded memory.
 *
 *   stored row of a page (group, slots) -> wanted? -> the group as `by` keeps it -> cells
 *   cells -> totals -> cells of hopping windows -> those that HAVING keeps
 */
#ifndef API_ROWS_H
#define API_ROWS_H

#include "api/range.h"
#include "api/rows_query.h"
#include "base/table.h"
#include "views/page.h"

struct rows_limits {
    uint32_t max_groups, max_cells;
    size_t max_sketch_bytes; /* of the distinct counts that are being merged */
};

struct rows_group {
    struct span key;                  /* the kept dimensions as a MessagePack array */
    const struct group_value *values; /* n_by */
    int32_t newest;                   /* its cell with the greatest slot, or -1 */
};

struct rows_cell {
    int32_t older; /* the group's cell with the next lower slot, or -1 */
    int32_t slot;
    int32_t group;
    bool estimated;               /* its sketches have become counts */
    union measure_value values[]; /* the plan's words */
};

struct rows {
    const struct rows_query *query;
    const struct range *range;
    struct rows_limits limits;
    struct arena arena;
    struct table table; /* of groups, by key */
    uint64_t seed;      /* of its hash: senders choose the keys */
    struct rows_group *groups;
    uint32_t n_groups, cap_groups;
    uint8_t *cells; /* rows_cell_at */
    uint32_t n_cells, cap_cells;
    size_t cell_bytes, sketch_bytes;
    union measure_value totals[PLAN_MAX_WORDS]; /* over everything that is wanted */
    struct buf key;
};

void rows_init(struct rows *r, const struct rows_query *q, const struct range *g,
               struct rows_limits limits);
void rows_clear(struct rows *r);

/* Adds one stored row of a page of the range. Refuses (naming what to change) at a limit; bytes
 * that make no sense are ERR_DATA. */
int rows_add(struct rows *r, const struct range_page *page, struct span group, struct span value,
             struct refusal *e) MUST_CHECK;
/* After the last row: the totals; cells of windows in place of those of slots; with `fill` a cell
 * for every group in every slot; then only cells that meet the view's HAVING are left. */
int rows_finish(struct rows *r, struct refusal *e) MUST_CHECK;

static inline struct rows_cell *rows_cell_at(const struct rows *r, uint32_t i)
{
    return (struct rows_cell *)(void *)(r->cells + i * r->cell_bytes);
}

/* ---- for the files that make cells */

/* Where a cell stands in its group's list, or would stand. */
struct rows_place {
    int32_t newer, older; /* -1: none */
};
/* An empty cell, the last one; refuses beyond the limit. */
int rows_insert_cell(struct rows *r, int32_t group, int32_t slot, struct rows_place at,
                     struct refusal *e) MUST_CHECK;
void rows_free_cell(const struct rows *r, struct rows_cell *c); /* what it holds */
void rows_free_cells(const struct rows *r);
/* Adds the values of one cell to those of another. */
void rows_merge(const struct rows *r, union measure_value *into, const union measure_value *from);
int rows_make_windows(struct rows *r, struct refusal *e) MUST_CHECK;
/* Cells that do not meet the view's HAVING go. */
void rows_keep_having(struct rows *r);

/* ---- the answer */

/* The value of a measure; estimates sketches when first asked. */
struct measure_result rows_value(const struct rows *r, struct rows_cell *c, unsigned measure);
struct measure_result rows_total(const struct rows *r, unsigned measure);

/* The cells of the answer in its order: [offset, offset + limit) of all. Returns how many;
 * *out (ascending positions) is to be freed. */
uint32_t rows_select(const struct rows *r, uint32_t **out);

#endif
