/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path of replay: one pass over a slice, all needed columns walked side by side in place.
 * Conditions and values are evaluated before, a column at a time (eval.h). What is the same for all
 * events of the slice (site, dimensions) is looked up once; what falls into the slot of the event
 * before is not divided again (tier_spot); a group costs one probe (cells.h). */
#include "views/aggregate.h"

#include <assert.h>
#include <stdlib.h>

#include "views/cells.h"
#include "views/eval.h"

struct aggregate {
    const struct plan *plan;
    struct aggregate_limits limits;
    struct aggregate_counts counts;
    struct cells cells;
    struct tier_spot spot;
    struct arena conditions; /* of the rows evaluated at once */
    uint32_t at_once;        /* so many rows */
    struct block **sorted;   /* from the first aggregate_each on, until the deltas change */
};

static void unsort(struct aggregate *a)
{
    free(a->sorted);
    a->sorted = NULL;
}

/* Bytes that values of rows may take while they are evaluated; a slice that needs more is gone
 * through in parts. */
enum { EVALUATION_BYTES = 8 << 20, LEAST_AT_ONCE = 64 };

static uint32_t rows_at_once(const struct plan *p)
{
    uint64_t bytes = 1 + expr_row_bytes(p->filter, p->relation);
    for (unsigned i = 0; i < p->n_dimensions; i++)
        bytes += expr_row_bytes(p->dimensions[i].value, p->relation);
    for (unsigned i = 0; i < p->n_measures; i++)
        bytes += expr_row_bytes(p->measures[i].value, p->relation) +
                 expr_row_bytes(p->measures[i].filter, p->relation);
    uint64_t rows = EVALUATION_BYTES / bytes;
    return rows < LEAST_AT_ONCE ? LEAST_AT_ONCE : rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX;
}

struct aggregate *aggregate_new(const struct plan *p, struct aggregate_limits limits)
{
    assert(limits.max_cells > 0 && limits.max_bytes > 0);
    struct aggregate *a = mem_alloc(sizeof(*a));
    a->plan = p;
    a->limits = limits;
    a->at_once = rows_at_once(p);
    cells_init(&a->cells, p);
    return a;
}

void aggregate_free(struct aggregate *a)
{
    if (a == NULL)
        return;
    unsort(a);
    cells_clear(&a->cells);
    arena_clear(&a->conditions);
    free(a);
}

bool aggregate_full(const struct aggregate *a)
{
    return a->cells.n_cells >= a->limits.max_cells || cells_bytes(&a->cells) >= a->limits.max_bytes;
}

void aggregate_limit(struct aggregate *a, struct aggregate_limits limits)
{
    assert(limits.max_cells > 0 && limits.max_bytes > 0);
    a->limits = limits;
}

size_t aggregate_bytes(const struct aggregate *a)
{
    return cells_bytes(&a->cells);
}

void aggregate_reset(struct aggregate *a)
{
    unsort(a);
    cells_reset(&a->cells);
    for (struct site_state *s = a->cells.first_site; s != NULL; s = s->next)
        s->changed = false;
}

struct aggregate_counts aggregate_counts(const struct aggregate *a)
{
    return a->counts;
}

/* ---- watermarks ---- */

static void set_watermark(const struct plan *p, struct site_state *s, int64_t time_us)
{
    s->has_watermark = true;
    s->watermark_us = time_us;
    if (p->retention_us[0] != 0)
        s->alive_from_us = time_us - p->retention_us[0];
}

static inline void move_watermark(const struct plan *p, struct site_state *s, int64_t time_us)
{
    if (s->has_watermark && time_us <= s->watermark_us)
        return;
    set_watermark(p, s, time_us);
    s->changed = true;
}

void aggregate_set_watermark(struct aggregate *a, struct span site, int64_t time_us)
{
    set_watermark(a->plan, cells_site(&a->cells, site), time_us);
}

void aggregate_move_watermark(struct aggregate *a, struct span site, int64_t time_us)
{
    move_watermark(a->plan, cells_site(&a->cells, site), time_us);
}

bool aggregate_watermark(const struct aggregate *a, struct span site, int64_t *time_us)
{
    const struct site_state *s = cells_find_site(&a->cells, site);
    if (s == NULL || !s->has_watermark)
        return false;
    *time_us = s->watermark_us;
    return true;
}

void aggregate_each_watermark(const struct aggregate *a, enum watermark_choice choice,
                              void (*each)(void *context, struct span site, int64_t time_us),
                              void *context)
{
    for (const struct site_state *s = a->cells.first_site; s != NULL; s = s->next)
        if (s->has_watermark && (choice == WATERMARKS_ALL || s->changed))
            each(context, s->name, s->watermark_us);
}

/* ---- walking a slice ---- */

/* A column's elements with their length words, which make the keys of the groups. */
struct lane {
    const char *at;
    bool plain;
};

static struct lane lane_of(const struct column_slice *c)
{
    static const char null_element[4] = "\xff\xff\xff\xff";
    return c->form == FORM_NULL ? (struct lane){null_element, false}
                                : (struct lane){(const char *)c->elements, c->form == FORM_PLAIN};
}

static inline struct span lane_next(struct lane *l)
{
    uint32_t word;
    memcpy(&word, l->at, sizeof(word));
    int32_t n = (int32_t)be32toh(word);
    struct span element = {l->at, 4 + (size_t)(n < 0 ? 0 : n)};
    if (l->plain)
        l->at += element.n;
    return element;
}

struct measure_run {
    enum aggregate_kind kind;
    unsigned at;
    struct truths filter;
    struct column_cursor counted; /* of AGGREGATE_COUNT_DISTINCT */
    struct span value;
    struct numbers numbers; /* of the kinds with a number */
};

struct run {
    struct aggregate *a;
    struct truths filter;
    struct column_cursor time;
    struct lane site_lane, dimensions[PLAN_MAX_DIMENSIONS];
    struct span elements[PLAN_MAX_DIMENSIONS];
    struct span site_element; /* that `site` was found by */
    struct site_state *site;
    struct series *series; /* kept when site and dimensions are the same for all */
    bool one_series;
    struct measure_run measures[PLAN_MAX_MEASURES];
};

/* count(x) FILTER (WHERE f) is count(*) FILTER (WHERE f AND x IS NOT NULL). */
static struct truths counted_rows(const struct plan_measure *m, const struct row_slice *rows,
                                  struct arena *memory)
{
    struct expr is_null = {.op = EXPR_IS_NULL,
                           .type = VALUE_BOOL,
                           .n_args = 1,
                           .args = (const struct expr *const[]){m->value}};
    struct expr given = {.op = EXPR_NOT,
                         .type = VALUE_BOOL,
                         .n_args = 1,
                         .args = (const struct expr *const[]){&is_null}};
    struct expr both = {.op = EXPR_AND,
                        .type = VALUE_BOOL,
                        .n_args = 2,
                        .args = (const struct expr *const[]){m->filter, &given}};
    return eval_truths(m->filter == NULL ? &given : &both, rows, memory);
}

static void start_measure(struct measure_run *run, const struct plan_measure *m,
                          const struct row_slice *rows, struct arena *memory)
{
    run->kind = m->kind;
    run->at = m->at;
    if (m->kind == AGGREGATE_COUNT && m->value != NULL) {
        run->filter = counted_rows(m, rows, memory);
        return;
    }
    run->filter = eval_truths(m->filter, rows, memory);
    if (m->kind == AGGREGATE_COUNT_DISTINCT) {
        struct column_slice c = eval_column(m->value, rows, memory);
        run->counted = column_cursor_of(&c);
    } else if (measure_is_wide(m)) {
        run->numbers = eval_numbers(m->value, rows, memory);
    }
}

static void start(struct run *r, struct aggregate *a, const struct row_slice *rows)
{
    const struct plan *p = a->plan;
    *r = (struct run){.a = a};
    r->filter = eval_truths(p->filter, rows, &a->conditions);
    r->time = column_cursor_of(&rows->columns[p->relation->time]);
    r->site_lane = lane_of(&rows->columns[p->relation->site]);
    r->one_series = !r->site_lane.plain;
    for (unsigned i = 0; i < p->n_dimensions; i++) {
        struct column_slice c = eval_column(p->dimensions[i].value, rows, &a->conditions);
        r->dimensions[i] = lane_of(&c);
        r->one_series &= !r->dimensions[i].plain;
    }
    for (unsigned i = 0; i < p->n_measures; i++)
        start_measure(&r->measures[i], &p->measures[i], rows, &a->conditions);
}

static inline void next_site(struct run *r)
{
    struct span element = lane_next(&r->site_lane);
    if (r->site != NULL && span_equal(element, r->site_element))
        return;
    r->site_element = element;
    r->site = cells_site(&r->a->cells, (struct span){element.p + 4, element.n - 4});
}

/* Every column moves on with every event, whether it matches or not. */
static inline void next_values(struct run *r, const struct plan *p)
{
    for (unsigned i = 0; i < p->n_dimensions; i++)
        r->elements[i] = lane_next(&r->dimensions[i]);
    for (unsigned i = 0; i < p->n_measures; i++)
        if (r->measures[i].kind == AGGREGATE_COUNT_DISTINCT)
            r->measures[i].value = column_next(&r->measures[i].counted);
}

/* ---- one event ---- */

static void note_late(struct run *r, int64_t time_us)
{
    struct aggregate_counts *counts = &r->a->counts;
    int64_t late_us = r->site->watermark_us - time_us;
    counts->late++;
    counts->max_late_us = late_us > counts->max_late_us ? late_us : counts->max_late_us;
}

/* The finest tier whose page of this time is alive; n_tiers when there is none. */
static unsigned live_tier(const struct plan *p, const struct site_state *site, int64_t time_us)
{
    unsigned tier = 0;
    while (tier < p->n_tiers &&
           plan_page_expired(p, tier, tier_slot_of(p->tiers[tier], time_us).page_start_us,
                             site->watermark_us))
        tier++;
    return tier;
}

static inline void count_distinct(struct cells *c, union measure_value *v, struct span value)
{
    if (span_absent(value))
        return;
    size_t before = sketch_bytes(v->sketch);
    if (v->sketch == NULL)
        v->sketch = sketch_new();
    sketch_add(v->sketch, sketch_hash(value.p, value.n), NULL);
    c->sketch_bytes += sketch_bytes(v->sketch) - before;
}

__attribute__((noinline)) static void add_number(const struct measure_run *run, uint32_t i,
                                                 union measure_value *v, int64_t sign)
{
    const struct numbers *n = &run->numbers;
    if (n->all_null || (n->null != NULL && n->null[i] != 0))
        return;
    int128 number = n->of_row == NULL ? n->all : n->of_row[i];
    measure_add(run->kind, v, sign, sign < 0 ? -number : number);
}

/* Inlined, so that the sign of plain events is a constant and costs nothing. */
__attribute__((always_inline)) static inline void count(struct run *r, uint32_t i,
                                                        struct cell *cell, int64_t sign)
{
    unsigned n_measures = r->a->plan->n_measures;
    cell->rows += sign;
    for (unsigned m = 0; m < n_measures; m++) {
        struct measure_run *run = &r->measures[m];
        if (!truths_hold(&run->filter, i))
            continue;
        union measure_value *value = &cell->values[run->at];
        if (run->kind == AGGREGATE_COUNT)
            value->count += sign;
        else if (run->kind == AGGREGATE_COUNT_DISTINCT)
            count_distinct(&r->a->cells, value, run->value);
        else
            add_number(run, i, value, sign);
    }
}

static inline void take(struct run *r, uint32_t i, int64_t time_us)
{
    struct aggregate *a = r->a;
    const struct plan *p = a->plan;
    unsigned tier = 0;
    a->counts.matched++;
    if (time_us < r->site->alive_from_us && (tier = live_tier(p, r->site, time_us)) != 0)
        note_late(r, time_us);
    if (tier == p->n_tiers)
        return;
    if (r->series == NULL || !r->one_series)
        r->series = cells_series(&a->cells, r->site, r->elements);
    struct tier_slot at = tier_spot_at(&a->spot, p->tiers[tier], time_us);
    count(r, i, cells_at(&a->cells, r->series, tier, at), 1);
}

static uint32_t run_over(struct run *r, uint32_t n)
{
    struct aggregate *a = r->a;
    uint32_t i = 0;
    while (i < n && !aggregate_full(a)) {
        int64_t time_us = element_time_us(column_next(&r->time));
        next_site(r);
        next_values(r, a->plan);
        if (truths_hold(&r->filter, i))
            take(r, i, time_us);
        move_watermark(a->plan, r->site, time_us);
        i++;
    }
    a->counts.events += i;
    return i;
}

static uint32_t add_at_once(struct aggregate *a, const struct log_slice *slice)
{
    struct row_slice rows = rows_of_log(slice);
    struct run r;
    start(&r, a, &rows);
    uint32_t taken = run_over(&r, slice->count);
    arena_reset(&a->conditions);
    return taken;
}

uint32_t aggregate_add(struct aggregate *a, const struct log_slice *slice, uint32_t from)
{
    struct log_slice rest = *slice;
    if (from == slice->count || aggregate_full(a))
        return from;
    unsort(a);
    slice_cut(&rest, from, slice->count - from);
    while (rest.count > a->at_once && !aggregate_full(a)) {
        struct log_slice part = rest;
        slice_cut(&part, 0, a->at_once);
        uint32_t taken = add_at_once(a, &part);
        from += taken;
        slice_cut(&rest, taken, rest.count - taken);
    }
    return aggregate_full(a) ? from : from + add_at_once(a, &rest);
}

/* ---- rows with a sign ---- */

bool aggregate_takes_back(const struct plan *p)
{
    for (unsigned i = 0; i < p->n_measures; i++) {
        enum aggregate_kind kind = p->measures[i].kind;
        if (kind != AGGREGATE_COUNT && kind != AGGREGATE_SUM && kind != AGGREGATE_AVG)
            return false;
    }
    return true;
}

void aggregate_add_signed(struct aggregate *a, const struct row_slice *rows, const int8_t *signs)
{
    struct run r;
    assert(aggregate_takes_back(a->plan));
    unsort(a);
    start(&r, a, rows);
    for (uint32_t i = 0; i < rows->count; i++) {
        int64_t time_us = element_time_us(column_next(&r.time));
        next_site(&r);
        next_values(&r, a->plan);
        if (!truths_hold(&r.filter, i))
            continue;
        if (r.series == NULL || !r.one_series)
            r.series = cells_series(&a->cells, r.site, r.elements);
        struct tier_slot at = tier_spot_at(&a->spot, a->plan->tiers[0], time_us);
        count(&r, i, cells_at(&a->cells, r.series, 0, at), signs[i]);
    }
    arena_reset(&a->conditions);
}

/* ---- deltas ---- */

/* What was taken back as it was added changes nothing. */
static bool is_zero(const struct cell *cell, unsigned n_words)
{
    unsigned i = 0;
    while (i < n_words && cell->values[i].word == 0)
        i++;
    return i == n_words;
}

static int each_cell(const struct cells *c, const struct block *b,
                     int (*each)(void *context, const struct delta *d), void *context)
{
    struct delta d = {.site = b->series->site->name, .group = b->series->group, .tier = b->tier};
    for (unsigned slot = 0; slot < c->plan->tiers[b->tier]->max_slots; slot++) {
        if (b->place[slot] == 0)
            continue;
        const struct cell *cell = block_cell(c, b, slot);
        if (cell->rows == 0 && is_zero(cell, c->plan->n_words))
            continue;
        d.at = (struct tier_slot){b->page_start_us, slot};
        d.rows = cell->rows;
        d.values = cell->values;
        if (each(context, &d) != 0)
            return -1;
    }
    return 0;
}

int aggregate_each(struct aggregate *a, int (*each)(void *context, const struct delta *d),
                   void *context)
{
    int result = 0;
    if (a->sorted == NULL)
        a->sorted = cells_sort(&a->cells);
    for (size_t i = 0; i < a->cells.blocks.n && result == 0; i++)
        result = each_cell(&a->cells, a->sorted[i], each, context);
    return result;
}
