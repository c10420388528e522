/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rows.h"

#include <stdlib.h>

#include "base/pack.h"

void rows_init(struct rows *r, const struct rows_query *q, const struct range *g,
               struct rows_limits limits)
{
    *r = (struct rows){.query = q, .range = g, .limits = limits, .seed = hash_seed()};
    r->cell_bytes = sizeof(struct rows_cell) + q->plan->n_words * sizeof(union measure_value);
}

static bool is_sketch(const struct rows *r, unsigned measure)
{
    return measure_is_sketch(&r->query->plan->measures[measure]);
}

static unsigned word_of(const struct rows *r, unsigned measure)
{
    return r->query->plan->measures[measure].at;
}

static void free_sketches(const struct rows *r, union measure_value *values)
{
    for (unsigned m = 0; m < r->query->plan->n_measures; m++)
        if (is_sketch(r, m))
            sketch_free(values[word_of(r, m)].sketch);
}

void rows_free_cell(const struct rows *r, struct rows_cell *c)
{
    if (!c->estimated)
        free_sketches(r, c->values);
}

void rows_free_cells(const struct rows *r)
{
    for (uint32_t i = 0; i < r->n_cells; i++)
        rows_free_cell(r, rows_cell_at(r, i));
    free(r->cells);
}

void rows_clear(struct rows *r)
{
    rows_free_cells(r);
    free_sketches(r, r->totals);
    free(r->groups);
    table_clear(&r->table);
    arena_clear(&r->arena);
    buf_clear(&r->key);
}

/* ------------------------------------------------------------------ groups */

struct wanted_key {
    const struct rows *rows;
    struct span key;
};

/* Items are indexes + 1: the groups move as they grow. */
static bool same_key(const void *item, const void *key)
{
    const struct wanted_key *wanted = key;
    return span_equal(wanted->rows->groups[(uintptr_t)item - 1].key, wanted->key);
}

/* -1: the key is a stored group as it was found, and makes no sense. */
static int keep_values(struct rows *r, struct rows_group *g)
{
    const struct rows_query *q = r->query;
    struct group_value *values = arena_alloc(&r->arena, (q->n_by + 1) * sizeof *values);
    struct span rest = g->key;
    uint32_t n = 0;
    bool good = pack_read_array(&rest, &n) && n == q->n_by;
    for (unsigned i = 0; good && i < n; i++)
        good = group_read(&rest, q->plan->dimensions[q->by[i]].value->type, &values[i]);
    g->values = values;
    return good && rest.n == 0 ? 0 : -1;
}

static int group_of(struct rows *r, struct span key, int32_t *out, struct refusal *e)
{
    struct wanted_key wanted = {r, key};
    uint64_t hash = hash_bytes(r->seed, key);
    void *found = table_find(&r->table, hash, &wanted, same_key);
    if (found != NULL) {
        *out = (int32_t)((uintptr_t)found - 1);
        return 0;
    }
    if (r->n_groups == r->limits.max_groups)
        return refuse(e, "by",
                      "by: more than %u groups in this range; keep fewer dimensions, filter, or "
                      "take a shorter range",
                      r->limits.max_groups);
    if (r->n_groups == r->cap_groups) {
        r->cap_groups = r->cap_groups == 0 ? 64 : r->cap_groups * 2;
        r->groups = mem_resize(r->groups, r->cap_groups * sizeof *r->groups);
    }
    struct rows_group *g = &r->groups[r->n_groups];
    *g = (struct rows_group){.key = arena_copy(&r->arena, key), .newest = -1};
    if (keep_values(r, g) != 0)
        return err_set(&e->err, ERR_DATA, "a stored group of view %s makes no sense",
                       r->query->plan->name);
    r->n_groups++;
    table_put(&r->table, hash, (void *)(uintptr_t)r->n_groups);
    *out = (int32_t)r->n_groups - 1;
    return 0;
}

static bool keeps_all(const struct rows_query *q)
{
    for (unsigned i = 0; i < q->n_by; i++)
        if (q->by[i] != i)
            return false;
    return q->n_by == q->plan->n_dimensions;
}

/* The group that a stored one counts for, -1 when it is not wanted. */
static int find_group(struct rows *r, struct span stored, int32_t *out, struct refusal *e)
{
    const struct rows_query *q = r->query;
    struct group_value dimensions[PLAN_MAX_DIMENSIONS];
    if (keeps_all(q) && q->n_conditions == 0)
        return group_of(r, stored, out, e);
    if (page_read_group(stored, q->plan, dimensions, &e->err) != 0)
        return -1;
    *out = -1;
    if (!rows_query_wants(q, dimensions))
        return 0;
    buf_reset(&r->key);
    pack_array(&r->key, q->n_by);
    for (unsigned i = 0; i < q->n_by; i++)
        group_pack(&r->key, &dimensions[q->by[i]]);
    return group_of(r, buf_span(&r->key), out, e);
}

/* ------------------------------------------------------------------ cells */

int rows_insert_cell(struct rows *r, int32_t group, int32_t slot, struct rows_place at,
                     struct refusal *e)
{
    if (r->n_cells == r->limits.max_cells)
        return refuse(e, "step",
                      "step: more than %u rows in this range; take a longer step, a shorter range, "
                      "fewer dimensions (by) or a filter",
                      r->limits.max_cells);
    if (r->n_cells == r->cap_cells) {
        r->cap_cells = r->cap_cells == 0 ? 256 : r->cap_cells * 2;
        r->cells = mem_resize(r->cells, r->cap_cells * r->cell_bytes);
    }
    struct rows_cell *c = rows_cell_at(r, r->n_cells);
    memset(c, 0, r->cell_bytes);
    *c = (struct rows_cell){.older = at.older, .slot = slot, .group = group};
    if (at.newer < 0)
        r->groups[group].newest = (int32_t)r->n_cells;
    else
        rows_cell_at(r, (uint32_t)at.newer)->older = (int32_t)r->n_cells;
    r->n_cells++;
    return 0;
}

static struct rows_cell *cell_or_null(const struct rows *r, int32_t at)
{
    return at < 0 ? NULL : rows_cell_at(r, (uint32_t)at);
}

/* Time mostly ascends, so the newest cell or a new one before it is meant, as a rule. */
static struct rows_cell *cell_of(struct rows *r, int32_t group, int32_t slot, struct refusal *e)
{
    struct rows_place at = {-1, r->groups[group].newest};
    struct rows_cell *c = cell_or_null(r, at.older);
    for (; c != NULL && c->slot > slot; c = cell_or_null(r, at.older))
        at = (struct rows_place){at.older, c->older};
    if (c != NULL && c->slot == slot)
        return c;
    return rows_insert_cell(r, group, slot, at, e) == 0 ? rows_cell_at(r, r->n_cells - 1) : NULL;
}

static int fill_group(struct rows *r, int32_t group, struct refusal *e)
{
    struct rows_place at = {-1, r->groups[group].newest};
    for (int32_t slot = (int32_t)r->range->n_slots - 1; slot >= 0; slot--) {
        const struct rows_cell *c = cell_or_null(r, at.older);
        if (c != NULL && c->slot == slot) {
            at = (struct rows_place){at.older, c->older};
            continue;
        }
        if (rows_insert_cell(r, group, slot, at, e) != 0)
            return -1;
        at.newer = (int32_t)r->n_cells - 1;
    }
    return 0;
}

/* Takes over `from` when `into` is empty. */
static void merge_sketch(struct rows *r, struct sketch **into, struct sketch *from)
{
    if (*into == NULL) {
        *into = from;
        r->sketch_bytes += sketch_bytes(from);
        return;
    }
    r->sketch_bytes -= sketch_bytes(*into);
    sketch_merge(*into, from, NULL);
    r->sketch_bytes += sketch_bytes(*into);
    sketch_free(from);
}

static int add_sketch(struct rows *r, struct rows_cell *c, unsigned measure, struct span stored,
                      struct refusal *e)
{
    struct sketch *s;
    if (sketch_decode(stored, &s, &e->err) != 0)
        return -1;
    if (s == NULL)
        return 0;
    merge_sketch(r, &c->values[word_of(r, measure)].sketch, s);
    if (r->sketch_bytes <= r->limits.max_sketch_bytes)
        return 0;
    return refuse(e, "step",
                  "step: too many large distinct counts in this range; take a longer step, a "
                  "shorter range, fewer dimensions (by) or a filter");
}

struct adding {
    struct rows *rows;
    const struct range_page *page;
    int32_t group;
    struct refusal *e;
};

static int add_slot(void *context, const struct stored_slot *stored)
{
    struct adding *a = context;
    struct rows *r = a->rows;
    int32_t slot = a->page->slot[stored->slot];
    if (slot < 0)
        return 0;
    struct rows_cell *c = cell_of(r, a->group, slot, a->e);
    if (c == NULL)
        return -1;
    for (unsigned m = 0; m < r->query->plan->n_measures; m++) {
        const struct plan_measure *measure = &r->query->plan->measures[m];
        if (!is_sketch(r, m))
            measure_merge(measure->kind, &c->values[measure->at], &stored->values[measure->at]);
        else if (add_sketch(r, c, m, stored->sketches[m], a->e) != 0)
            return -1;
    }
    return 0;
}

int rows_add(struct rows *r, const struct range_page *page, struct span group, struct span value,
             struct refusal *e)
{
    struct adding a = {r, page, -1, e};
    if (find_group(r, group, &a.group, e) != 0)
        return -1;
    if (a.group < 0)
        return 0;
    return page_read_value(r->query->plan, page->tier, value, add_slot, &a, &e->err);
}

static int fill(struct rows *r, struct refusal *e)
{
    int32_t unused;
    if (r->query->n_by == 0 && group_of(r, SPAN_LITERAL("\x90"), &unused, e) != 0)
        return -1;
    for (uint32_t g = 0; g < r->n_groups; g++)
        if (fill_group(r, (int32_t)g, e) != 0)
            return -1;
    return 0;
}

void rows_merge(const struct rows *r, union measure_value *into, const union measure_value *from)
{
    for (unsigned m = 0; m < r->query->plan->n_measures; m++) {
        unsigned at = word_of(r, m);
        if (!is_sketch(r, m))
            measure_merge(r->query->plan->measures[m].kind, &into[at], &from[at]);
        else if (into[at].sketch == NULL)
            into[at].sketch = sketch_copy(from[at].sketch);
        else
            sketch_merge(into[at].sketch, from[at].sketch, NULL);
    }
}

/* Cells hold what is wanted, each event once: together they are the whole, but for those behind the
 * range, which are there for the last windows. */
static void sum_up(struct rows *r)
{
    for (uint32_t i = 0; i < r->n_cells; i++)
        if (rows_cell_at(r, i)->slot < (int32_t)r->range->n_slots)
            rows_merge(r, r->totals, rows_cell_at(r, i)->values);
}

int rows_finish(struct rows *r, struct refusal *e)
{
    sum_up(r);
    if (range_has_window(r->range) && rows_make_windows(r, e) != 0)
        return -1;
    if (r->query->fill && fill(r, e) != 0)
        return -1;
    if (r->query->plan->having != NULL)
        rows_keep_having(r);
    return 0;
}

struct measure_result rows_value(const struct rows *r, struct rows_cell *c, unsigned measure)
{
    for (unsigned m = 0; m < r->query->plan->n_measures && !c->estimated; m++) {
        if (!is_sketch(r, m))
            continue;
        union measure_value *value = &c->values[word_of(r, m)];
        struct sketch *s = value->sketch;
        value->count = (int64_t)sketch_estimate(s);
        sketch_free(s);
    }
    c->estimated = true;
    return measure_result_of(&r->query->plan->measures[measure], &c->values[word_of(r, measure)]);
}

struct measure_result rows_total(const struct rows *r, unsigned measure)
{
    const union measure_value *total = &r->totals[word_of(r, measure)];
    if (is_sketch(r, measure))
        return (struct measure_result){.number = (int128)sketch_estimate(total->sketch)};
    return measure_result_of(&r->query->plan->measures[measure], total);
}
