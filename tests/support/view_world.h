/* SPDX-License-Identifier: Apache-2.0 */
/* What the live builder does with deltas, in memory: pages of all tiers, expiry, digest. */
#ifndef TESTS_VIEW_WORLD_H
#define TESTS_VIEW_WORLD_H

#include <stdlib.h>

#include "base/mem.h"
#include "views/page.h"

struct world {
    const struct plan *plan;
    struct page **pages;
    size_t n;
    struct page *last[PLAN_MAX_TIERS]; /* found */
    struct digest digest;
};

static inline void world_clear(struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        page_free(w->pages[i]);
    free(w->pages);
    *w = (struct world){0};
}

static inline bool world_is(const struct page *p, struct span site, unsigned tier, int64_t start_us)
{
    return p != NULL && page_tier(p) == tier && page_start(p) == start_us &&
           span_equal(page_site(p), site);
}

static inline struct page *world_page(struct world *w, struct span site, unsigned tier,
                                      int64_t start_us)
{
    struct page **last = &w->last[tier];
    if (world_is(*last, site, tier, start_us))
        return *last;
    for (size_t i = w->n; i-- > 0;)
        if (world_is(w->pages[i], site, tier, start_us))
            return *last = w->pages[i];
    w->pages = mem_resize(w->pages, (w->n + 1) * sizeof(struct page *));
    return *last = w->pages[w->n++] = page_new(w->plan, tier, site, start_us);
}

/* For aggregate_each. */
static inline int world_apply(void *context, const struct delta *d)
{
    struct world *w = context;
    int64_t time_us = tier_slot_time(w->plan->tiers[d->tier], d->at);
    for (unsigned tier = d->tier; tier < w->plan->n_tiers; tier++) {
        int64_t start_us = tier_slot_of(w->plan->tiers[tier], time_us).page_start_us;
        page_apply(world_page(w, d->site, tier, start_us), d, tier == 0 ? &w->digest : NULL);
    }
    return 0;
}

/* For aggregate_each_watermark. */
static inline void world_expire(void *context, struct span site, int64_t watermark_us)
{
    struct world *w = context;
    size_t kept = 0;
    memset(w->last, 0, sizeof(w->last));
    for (size_t i = 0; i < w->n; i++) {
        struct page *p = w->pages[i];
        if (span_equal(page_site(p), site) &&
            plan_page_expired(w->plan, page_tier(p), page_start(p), watermark_us)) {
            if (page_tier(p) == 0)
                w->digest = digest_minus(w->digest, page_digest(p));
            page_free(p);
        } else {
            w->pages[kept++] = p;
        }
    }
    w->n = kept;
}

static inline void world_flush(struct world *w, struct aggregate *a)
{
    struct err e = {0};
    (void)aggregate_each(a, world_apply, w);
    for (size_t i = 0; i < w->n; i++)
        if (page_finish(w->pages[i], &e) != 0)
            abort();
    aggregate_each_watermark(a, WATERMARKS_CHANGED, world_expire, w);
    aggregate_reset(a);
}

/* ---- everything as bytes, in an order of its own, to compare worlds ---- */

struct world_row {
    const struct page *page;
    const struct page_row *row;
};

struct world_rows {
    const struct page *page;
    struct world_row *rows;
    size_t n;
};

static inline int world_add_row(void *context, const struct page_row *row)
{
    struct world_rows *all = context;
    all->rows = mem_resize(all->rows, (all->n + 1) * sizeof(*all->rows));
    all->rows[all->n++] = (struct world_row){all->page, row};
    return 0;
}

static inline int world_order_spans(struct span a, struct span b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c != 0 ? c : (int)a.n - (int)b.n;
}

static inline int world_order(const void *x, const void *y)
{
    const struct world_row *a = x, *b = y;
    int c = world_order_spans(page_site(a->page), page_site(b->page));
    if (c == 0)
        c = (int)page_tier(a->page) - (int)page_tier(b->page);
    if (c == 0)
        c = page_start(a->page) < page_start(b->page) ? -1
                                                      : page_start(a->page) > page_start(b->page);
    return c != 0 ? c : world_order_spans(page_row_group(a->row), page_row_group(b->row));
}

static inline void world_dump(const struct world *w, struct buf *out)
{
    struct world_rows all = {0};
    for (size_t i = 0; i < w->n; i++) {
        all.page = w->pages[i];
        (void)page_each_row(w->pages[i], world_add_row, &all);
    }
    qsort(all.rows, all.n, sizeof(*all.rows), world_order);
    for (size_t i = 0; i < all.n; i++) {
        const struct page *p = all.rows[i].page;
        buf_put_span(out, page_site(p));
        buf_printf(out, " %s %lld ", w->plan->tiers[page_tier(p)]->name, (long long)page_start(p));
        buf_put_span(out, page_row_group(all.rows[i].row));
        page_row_encode(p, all.rows[i].row, out);
    }
    free(all.rows);
}

/* The digest recomputed from the pages of the finest tier. */
static inline struct digest world_digest(const struct world *w)
{
    struct digest sum = {0}, zero = {0};
    for (size_t i = 0; i < w->n; i++)
        if (page_tier(w->pages[i]) == 0)
            sum = digest_minus(sum, digest_minus(zero, page_digest(w->pages[i])));
    return sum;
}

#endif
