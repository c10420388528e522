/* SPDX-License-Identifier: Apache-2.0 */
/* Two pages side by side. Stored values are canonical bytes, so equal rows are found by comparing
 * those; only a row that differs is taken apart. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "views/verify_internal.h"

/* ---- differences */

static void describe_group(const struct verify_place *at, char *out, size_t size)
{
    struct group_value dimensions[PLAN_MAX_DIMENSIONS];
    char room[GROUP_TEXT_BYTES];
    struct err ignored = {0};
    size_t n = 0;
    out[0] = '\0';
    if (span_absent(at->group) || page_read_group(at->group, at->plan, dimensions, &ignored) != 0)
        return;
    for (unsigned i = 0; i < at->plan->n_dimensions && n + 1 < size; i++) {
        struct span d =
            dimensions[i].null ? SPAN_LITERAL("NULL") : group_text(&dimensions[i], room);
        n += (size_t)snprintf(out + n, size - n, "%s%.*s", i == 0 ? "" : ", ", SPAN_ARGS(d));
    }
}

void verify_differ(struct verify_result *r, const struct verify_place *at, const char *what,
                   const char *expected, const char *stored)
{
    if (r->n_differences++ >= VERIFY_MAX_DIFFERENCES)
        return;
    struct verify_difference *d = &r->differences[r->n_differences - 1];
    snprintf(d->site, sizeof(d->site), "%.*s", SPAN_ARGS(at->site));
    snprintf(d->tier, sizeof(d->tier), "%s", at->plan->tiers[at->tier]->name);
    d->time_us = at->time_us;
    describe_group(at, d->group, sizeof(d->group));
    snprintf(d->what, sizeof(d->what), "%s", what);
    snprintf(d->expected, sizeof(d->expected), "%s", expected);
    snprintf(d->stored, sizeof(d->stored), "%s", stored);
}

/* ---- slots of one row */

struct slots {
    const struct page_slot **slots;
    size_t n;
};

static int take_slot(void *context, const struct page_slot *slot)
{
    struct slots *s = context;
    s->slots = mem_resize(s->slots, (s->n + 1) * sizeof(const struct page_slot *));
    s->slots[s->n++] = slot;
    return 0;
}

static struct slots slots_of(const struct page_row *row)
{
    struct slots s = {0};
    if (row != NULL)
        (void)page_row_each_slot(row, take_slot, &s); /* never stops */
    return s;
}

struct number {
    char text[sizeof(((struct verify_difference *)NULL)->expected)];
};

static struct number count_text(int64_t count)
{
    struct number n;
    snprintf(n.text, sizeof(n.text), "%" PRId64, count);
    return n;
}

static struct number sketch_text(const struct sketch *s)
{
    struct number n;
    snprintf(n.text, sizeof(n.text), "about %" PRIu64, sketch_estimate(s));
    return n;
}

/* A sum, the least or the greatest, and of how many values: "4.5 of 3". */
static struct number wide_text(const struct plan_measure *m, const union measure_value *v)
{
    struct number n;
    char room[MEASURE_TEXT_BYTES];
    struct span number = v->count == 0 && measure_number(v) == 0
                             ? SPAN_LITERAL("NULL")
                             : measure_text(measure_number(v), m->scale, room);
    snprintf(n.text, sizeof(n.text), "%.*s of %" PRId64, SPAN_ARGS(number), v->count);
    return n;
}

static bool same_words(const struct plan_measure *m, const union measure_value *x,
                       const union measure_value *y)
{
    bool same = true;
    for (unsigned i = 0; i < aggregate_words(m->kind); i++)
        same = same && x[i].word == y[i].word;
    return same;
}

static void compare_measure(struct verify_result *r, const struct verify_place *at, unsigned i,
                            const union measure_value *values[2])
{
    const struct plan_measure *m = &at->plan->measures[i];
    static const union measure_value none[3];
    const union measure_value *x = values[0] != NULL ? &values[0][m->at] : none;
    const union measure_value *y = values[1] != NULL ? &values[1][m->at] : none;
    if (measure_is_sketch(m)) {
        if (!sketch_equal(x->sketch, y->sketch))
            verify_differ(r, at, m->name, sketch_text(x->sketch).text, sketch_text(y->sketch).text);
    } else if (!same_words(m, x, y)) {
        bool wide = measure_is_wide(m);
        verify_differ(r, at, m->name, (wide ? wide_text(m, x) : count_text(x->count)).text,
                      (wide ? wide_text(m, y) : count_text(y->count)).text);
    }
}

/* Either may be NULL: the slot is not there. */
static void compare_slot(struct verify_result *r, const struct verify_place *at,
                         const struct page_slot *expected, const struct page_slot *stored)
{
    const union measure_value *values[2] = {expected == NULL ? NULL : expected->values,
                                            stored == NULL ? NULL : stored->values};
    int64_t x = expected == NULL ? 0 : expected->rows, y = stored == NULL ? 0 : stored->rows;
    uint64_t before = r->n_differences;
    for (unsigned i = 0; i < at->plan->n_measures; i++)
        compare_measure(r, at, i, values);
    if (x != y && r->n_differences == before)
        verify_differ(r, at, "rows", count_text(x).text, count_text(y).text);
}

static void compare_slots(struct verify_result *r, struct verify_place at, int64_t page_start_us,
                          const struct page_row *rows[2])
{
    struct slots x = slots_of(rows[0]), y = slots_of(rows[1]);
    for (size_t i = 0, k = 0; i < x.n || k < y.n;) {
        unsigned a = i < x.n ? x.slots[i]->slot : UINT32_MAX;
        unsigned b = k < y.n ? y.slots[k]->slot : UINT32_MAX;
        unsigned slot = a < b ? a : b;
        at.time_us =
            tier_slot_time(at.plan->tiers[at.tier], (struct tier_slot){page_start_us, slot});
        compare_slot(r, &at, a == slot ? x.slots[i] : NULL, b == slot ? y.slots[k] : NULL);
        i += a == slot;
        k += b == slot;
    }
    free(x.slots);
    free(y.slots);
}

/* ---- rows of one page */

struct rows {
    const struct page_row **rows;
    size_t n;
};

static int take_row(void *context, const struct page_row *row)
{
    struct rows *r = context;
    r->rows[r->n++] = row;
    return 0;
}

static int compare_groups(struct span a, struct span b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_group(const void *a, const void *b)
{
    return compare_groups(page_row_group(*(const struct page_row *const *)a),
                          page_row_group(*(const struct page_row *const *)b));
}

static struct rows sorted_rows(const struct page *p)
{
    struct rows r = {mem_alloc((page_rows(p) + 1) * sizeof(const struct page_row *)), 0};
    (void)page_each_row(p, take_row, &r); /* never stops */
    qsort(r.rows, r.n, sizeof(r.rows[0]), by_group);
    return r;
}

static bool rows_equal(const struct page *pages[2], const struct page_row *rows[2])
{
    struct buf a = {0}, b = {0};
    page_row_encode(pages[0], rows[0], &a);
    page_row_encode(pages[1], rows[1], &b);
    bool equal = span_equal(buf_span(&a), buf_span(&b));
    buf_clear(&a);
    buf_clear(&b);
    return equal;
}

void verify_compare_pages(struct verify_result *r, const struct plan *p,
                          const struct page *expected, const struct page *stored)
{
    struct rows x = sorted_rows(expected), y = sorted_rows(stored);
    struct verify_place at = {.plan = p, .site = page_site(expected), .tier = page_tier(expected)};
    for (size_t i = 0, k = 0; i < x.n || k < y.n; r->rows++) {
        int order = i == x.n ? 1
                    : k == y.n
                        ? -1
                        : compare_groups(page_row_group(x.rows[i]), page_row_group(y.rows[k]));
        const struct page_row *rows[2] = {order <= 0 ? x.rows[i] : NULL,
                                          order >= 0 ? y.rows[k] : NULL};
        at.group = page_row_group(rows[order <= 0 ? 0 : 1]);
        if (order != 0 || !rows_equal((const struct page *[2]){expected, stored}, rows))
            compare_slots(r, at, page_start(expected), rows);
        i += order <= 0;
        k += order >= 0;
    }
    free(x.rows);
    free(y.rows);
}
