/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an answer, and the part of it that is shown. Only what is shown is sorted: slot by
 * slot when time comes first, else after a selection (Hoare's quickselect). */
#include <stdlib.h>

#include "api/rows.h"

/* ------------------------------------------------------------------ comparing */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* How two values compare, the first before the second below 0, and which of them are NULL. */
struct comparison {
    int values;
    bool a_null, b_null;
};

static struct comparison compare_values(const struct rows *r, const struct rows_order *o,
                                        struct rows_cell *a, struct rows_cell *b)
{
    if (o->column == ROWS_TIME)
        return (struct comparison){.values = compare_numbers(a->slot, b->slot)};
    if (o->column == ROWS_DIMENSION) {
        const struct group_value *x = &r->groups[a->group].values[o->index];
        const struct group_value *y = &r->groups[b->group].values[o->index];
        return (struct comparison){group_compare(x, y), x->null, y->null};
    }
    struct measure_result x = rows_value(r, a, o->index), y = rows_value(r, b, o->index);
    return (struct comparison){measure_compare(&x, &y), x.null, y.null};
}

static int compare_column(const struct rows *r, const struct rows_order *o, struct rows_cell *a,
                          struct rows_cell *b)
{
    struct comparison c = compare_values(r, o, a, b);
    if (c.a_null != c.b_null)
        return c.a_null == o->nulls_first ? -1 : 1;
    return o->descending ? -c.values : c.values;
}

/* What the order leaves open, time and dimensions decide: pages of an answer never overlap. */
static int compare_cells(const struct rows *r, uint32_t x, uint32_t y)
{
    struct rows_cell *a = rows_cell_at(r, x), *b = rows_cell_at(r, y);
    for (unsigned i = 0; i < r->query->n_order; i++) {
        int result = compare_column(r, &r->query->order[i], a, b);
        if (result != 0)
            return result;
    }
    int result = compare_numbers(a->slot, b->slot);
    for (unsigned i = 0; result == 0 && i < r->query->n_by; i++)
        result = group_compare(&r->groups[a->group].values[i], &r->groups[b->group].values[i]);
    return result;
}

static int by_order(const void *x, const void *y, void *rows)
{
    return compare_cells(rows, *(const uint32_t *)x, *(const uint32_t *)y);
}

static void sort(const struct rows *r, uint32_t *cells, uint32_t n)
{
    qsort_r(cells, n, sizeof *cells, by_order, (void *)(uintptr_t)r);
}

/* ------------------------------------------------------------------ selecting */

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Afterwards the k first are the k least. Cells are all different, so a pivot parts them. */
static void select_least(const struct rows *r, uint32_t *cells, uint32_t n, uint32_t k)
{
    uint64_t state = r->seed;
    while (n > 1 && k > 0 && k < n) {
        state = hash_step(state, n);
        swap(&cells[state % n], &cells[n - 1]);
        uint32_t less = 0;
        for (uint32_t i = 0; i + 1 < n; i++)
            if (compare_cells(r, cells[i], cells[n - 1]) < 0)
                swap(&cells[i], &cells[less++]);
        swap(&cells[less], &cells[n - 1]);
        if (k <= less) {
            n = less;
        } else {
            cells += less + 1;
            n -= less + 1;
            k -= less + 1;
        }
    }
}

struct shown {
    uint32_t from, to; /* positions in the whole order */
};

static uint32_t select_by_value(const struct rows *r, struct shown shown, uint32_t **out)
{
    uint32_t *cells = mem_alloc((r->n_cells + 1) * sizeof *cells);
    for (uint32_t i = 0; i < r->n_cells; i++)
        cells[i] = i;
    select_least(r, cells, r->n_cells, shown.to);
    sort(r, cells, shown.to);
    memmove(cells, cells + shown.from, (shown.to - shown.from) * sizeof *cells);
    *out = cells;
    return shown.to - shown.from;
}

/* Cells by slot: those of slot s are cells[start[s] … start[s + 1]). */
static uint32_t *group_by_slot(const struct rows *r, uint32_t *start)
{
    uint32_t n_slots = r->range->n_slots;
    uint32_t *cells = mem_alloc((r->n_cells + 1) * sizeof *cells);
    for (uint32_t i = 0; i < r->n_cells; i++)
        start[rows_cell_at(r, i)->slot + 1]++;
    for (uint32_t s = 0; s < n_slots; s++)
        start[s + 1] += start[s];
    for (uint32_t i = r->n_cells; i-- > 0;)
        cells[--start[rows_cell_at(r, i)->slot + 1]] = i;
    /* now start[s + 1] is where s begins */
    memmove(start, start + 1, n_slots * sizeof *start);
    start[n_slots] = r->n_cells;
    return cells;
}

static uint32_t select_by_time(const struct rows *r, struct shown shown, uint32_t **out)
{
    uint32_t n_slots = r->range->n_slots, n = 0, before = 0;
    bool descending = r->query->order[0].descending;
    uint32_t *start = mem_alloc((n_slots + 2) * sizeof *start);
    uint32_t *cells = group_by_slot(r, start);
    uint32_t *result = mem_alloc((shown.to - shown.from + 1) * sizeof *result);
    for (uint32_t k = 0; k < n_slots && before < shown.to; k++) {
        uint32_t s = descending ? n_slots - 1 - k : k;
        uint32_t count = start[s + 1] - start[s];
        if (before + count > shown.from)
            sort(r, cells + start[s], count);
        for (uint32_t i = 0; i < count; i++, before++)
            if (before >= shown.from && before < shown.to)
                result[n++] = cells[start[s] + i];
    }
    free(start);
    free(cells);
    *out = result;
    return n;
}

uint32_t rows_select(const struct rows *r, uint32_t **out)
{
    const struct rows_query *q = r->query;
    struct shown shown = {q->offset < r->n_cells ? q->offset : r->n_cells, r->n_cells};
    if (q->limit < r->n_cells - shown.from)
        shown.to = shown.from + q->limit;
    if (q->n_order > 0 && q->order[0].column == ROWS_TIME)
        return select_by_time(r, shown, out);
    return select_by_value(r, shown, out);
}
