/* SPDX-License-Identifier: Apache-2.0 */
/* Hopping windows: the cells of slots become cells of windows, each the sum of those that lie in
 * it.
 *
 * Windows are gone through from the last to the first; the cells that lie in one are a queue: a
 * cell enters with the window that begins with its slot, and leaves by the other end. Distinct
 * counts, least and greatest values cannot be taken out of a sum again, so the queue is two stacks:
 * `back`, where cells enter, has one sum of all; in `front` each has the sum of itself and those
 * that entered after it, so that the one that leaves next has the sum of all of them. When the
 * front is empty the back becomes the front: each cell is merged twice, however long the window is.
 */
#include <stdlib.h>

#include "api/rows.h"

/* What is done for distinct counts, beyond what is read: so many times max_sketch_bytes. */
enum { MAX_SKETCH_WORK = 4 };

struct item {
    int32_t slot;
    union measure_value *values; /* back: the cell's; front: a sum, owned */
};

struct window {
    struct rows *rows;       /* of windows, being made */
    const struct rows *base; /* of slots */
    struct refusal *e;
    size_t work_bytes;
    struct item *back, *front; /* front: the last one leaves next */
    uint32_t n_back, n_front;
    union measure_value *sum;    /* of the back */
    union measure_value *answer; /* of both; sketches as counts */
    bool changed;                /* since the answer was made */
};

static const struct plan *plan_of(const struct window *w)
{
    return w->base->query->plan;
}

static bool is_sketch(const struct window *w, unsigned measure)
{
    return measure_is_sketch(&plan_of(w)->measures[measure]);
}

static void drop_values(const struct window *w, union measure_value *values)
{
    for (unsigned m = 0; m < plan_of(w)->n_measures; m++)
        if (is_sketch(w, m))
            sketch_free(values[plan_of(w)->measures[m].at].sketch);
    memset(values, 0, plan_of(w)->n_words * sizeof *values);
}

static void merge(struct window *w, union measure_value *into, const union measure_value *from)
{
    rows_merge(w->base, into, from);
    for (unsigned m = 0; m < plan_of(w)->n_measures; m++)
        if (is_sketch(w, m))
            w->work_bytes += sketch_bytes(into[plan_of(w)->measures[m].at].sketch);
}

/* ------------------------------------------------------------------ the queue */

static void enter(struct window *w, struct rows_cell *c)
{
    w->back[w->n_back++] = (struct item){c->slot, c->values};
    merge(w, w->sum, c->values);
    w->changed = true;
}

static void turn_back_to_front(struct window *w)
{
    while (w->n_back > 0) {
        struct item *from = &w->back[--w->n_back], *to = &w->front[w->n_front];
        to->slot = from->slot;
        to->values = mem_alloc(plan_of(w)->n_words * sizeof *to->values);
        merge(w, to->values, from->values);
        if (w->n_front > 0)
            merge(w, to->values, w->front[w->n_front - 1].values);
        w->n_front++;
    }
    drop_values(w, w->sum);
}

static void leave(struct window *w)
{
    struct item *gone = &w->front[--w->n_front];
    drop_values(w, gone->values);
    free(gone->values);
    w->changed = true;
}

/* Cells from that slot on leave; the greatest slots are at the end where cells leave. */
static void leave_from(struct window *w, int32_t slot)
{
    for (;;) {
        if (w->n_front == 0 && w->n_back > 0 && w->back[0].slot >= slot)
            turn_back_to_front(w);
        if (w->n_front == 0 || w->front[w->n_front - 1].slot < slot)
            return;
        leave(w);
    }
}

static void clear_queue(struct window *w)
{
    while (w->n_front > 0)
        leave(w);
    w->n_back = 0;
    drop_values(w, w->sum);
}

/* ------------------------------------------------------------------ windows */

static void make_answer(struct window *w)
{
    memset(w->answer, 0, plan_of(w)->n_words * sizeof *w->answer);
    merge(w, w->answer, w->sum);
    if (w->n_front > 0)
        merge(w, w->answer, w->front[w->n_front - 1].values);
    for (unsigned m = 0; m < plan_of(w)->n_measures; m++) {
        if (!is_sketch(w, m))
            continue;
        union measure_value *value = &w->answer[plan_of(w)->measures[m].at];
        struct sketch *s = value->sketch;
        value->count = (int64_t)sketch_estimate(s);
        sketch_free(s);
    }
    w->changed = false;
}

static int put_window(struct window *w, int32_t group, int32_t slot, struct rows_place *at)
{
    struct rows *r = w->rows;
    if (w->changed)
        make_answer(w);
    if (w->work_bytes > MAX_SKETCH_WORK * r->limits.max_sketch_bytes)
        return refuse(w->e, "window",
                      "window: too many large distinct counts in this range; take a longer step, a "
                      "shorter range or window, fewer dimensions (by) or a filter");
    if (rows_insert_cell(r, group, slot, *at, w->e) != 0)
        return -1;
    struct rows_cell *c = rows_cell_at(r, r->n_cells - 1);
    memcpy(c->values, w->answer, plan_of(w)->n_words * sizeof *c->values);
    c->estimated = true;
    at->newer = (int32_t)r->n_cells - 1;
    return 0;
}

/* From the last window to the first, but for those in which nothing lies. */
static int put_windows(struct window *w, int32_t group, int32_t newest)
{
    const struct range *g = w->base->range;
    struct rows_place at = {-1, -1};
    int32_t cell = newest, slot = (int32_t)g->n_slots - 1;
    while (slot >= 0) {
        struct rows_cell *c = NULL;
        leave_from(w, slot + (int32_t)g->window_slots);
        for (; cell >= 0 && (c = rows_cell_at(w->base, (uint32_t)cell))->slot >= slot;
             cell = c->older)
            enter(w, c);
        if (w->n_front + w->n_back == 0) {
            if (cell < 0)
                return 0;
            slot = c->slot;
            continue;
        }
        if (put_window(w, group, slot, &at) != 0)
            return -1;
        slot--;
    }
    return 0;
}

static int put_all(struct window *w)
{
    int result = 0;
    for (uint32_t i = 0; i < w->rows->n_groups && result == 0; i++) {
        int32_t newest = w->rows->groups[i].newest;
        w->rows->groups[i].newest = -1;
        result = put_windows(w, (int32_t)i, newest);
        clear_queue(w);
    }
    return result;
}

int rows_make_windows(struct rows *r, struct refusal *e)
{
    struct rows base = *r; /* its cells only are its own */
    size_t words = base.query->plan->n_words, room = base.range->window_slots;
    struct window w = {.rows = r,
                       .base = &base,
                       .e = e,
                       .back = mem_alloc(room * sizeof *w.back),
                       .front = mem_alloc(room * sizeof *w.front),
                       .sum = mem_alloc(words * sizeof *w.sum),
                       .answer = mem_alloc(words * sizeof *w.answer)};
    r->cells = NULL;
    r->n_cells = r->cap_cells = 0;
    r->sketch_bytes = 0;
    int result = put_all(&w);
    rows_free_cells(&base);
    free(w.back);
    free(w.front);
    free(w.sum);
    free(w.answer);
    return result;
}
