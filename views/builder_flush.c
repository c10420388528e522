/* SPDX-License-Identifier: Apache-2.0 */
/* A flush: the deltas are applied to pages of their tier and of the coarser ones, expired pages go,
 * and all that with the new state is one transaction. What a flush leaves behind depends on the
 * events up to its offset alone, not on the flushes before: a page that has expired by then is
 * never written, and taken out if an earlier flush wrote it. */
#include <assert.h>
#include <stdlib.h>

#include "views/builder_internal.h"

struct flush {
    struct builder *builder;
    struct view_state next;
    /* the page the last delta went to, per tier, with what finding it took */
    struct span site;
    int64_t watermark_us;
    struct tier_spot spots[PLAN_MAX_TIERS];
    struct {
        int64_t start_us;
        struct open_page *page; /* NULL: expired */
        bool known;
    } last[PLAN_MAX_TIERS];
    /* pages to load, and to drop */
    struct open_page **loads, **drops;
    size_t n_loads, cap_loads, n_drops, cap_drops;
};

#define PUSH(array, n, cap, item)                                                                  \
    do {                                                                                           \
        if ((n) == (cap)) {                                                                        \
            (cap) = (cap) == 0 ? 64 : (cap)*2;                                                     \
            (array) = mem_resize((array), (cap) * sizeof(*(array)));                               \
        }                                                                                          \
        (array)[(n)++] = (item);                                                                   \
    } while (0)

static int load_wanted(struct flush *f, struct err *e)
{
    struct builder *b = f->builder;
    struct page **pages = mem_alloc((f->n_loads + 1) * sizeof(*pages));
    for (size_t i = 0; i < f->n_loads; i++)
        pages[i] = f->loads[i]->page;
    struct store_pages all = {pages, f->n_loads};
    int result = store_load_pages(b->store, &b->options.ref, b->options.plan, &all, e);
    for (size_t i = 0; i < f->n_loads; i++)
        f->loads[i]->stored_rows = page_rows(pages[i]);
    f->n_loads = 0;
    free(pages);
    return result;
}

static struct open_page *want_page(struct flush *f, const struct page_address *at)
{
    struct open_page *page = open_pages_get(f->builder->pages, at);
    if (!page->loaded) {
        page->loaded = true;
        PUSH(f->loads, f->n_loads, f->cap_loads, page);
    }
    return page;
}

/* ---- expiry */

/* Starts of pages below this have expired. */
static int64_t expiry_bound(const struct plan *p, unsigned tier, int64_t watermark_us)
{
    return watermark_us == INT64_MIN
               ? INT64_MIN
               : tier_slot_of(p->tiers[tier], watermark_us - p->retention_us[tier]).page_start_us;
}

struct expiry {
    struct flush *flush;
    unsigned tier;
    int64_t from_us, to_us; /* page starts to look at */
};

static void widen_expiry(void *context, struct span site, int64_t watermark_us)
{
    struct expiry *x = context;
    const struct plan *p = x->flush->builder->options.plan;
    int64_t flushed_us = builder_site_of(x->flush->builder, site)->flushed_us;
    if (flushed_us == INT64_MIN) /* a new site has nothing stored */
        return;
    int64_t from_us = expiry_bound(p, x->tier, flushed_us);
    int64_t to_us = expiry_bound(p, x->tier, watermark_us);
    if (from_us == to_us)
        return;
    x->from_us = from_us < x->from_us ? from_us : x->from_us;
    x->to_us = to_us > x->to_us ? to_us : x->to_us;
}

static int drop_if_expired(void *context, const struct page_address *at, struct err *e)
{
    struct expiry *x = context;
    struct builder *b = x->flush->builder;
    int64_t watermark_us;
    (void)e;
    if (at->tier != x->tier || !aggregate_watermark(b->aggregate, at->site, &watermark_us) ||
        !plan_page_expired(b->options.plan, at->tier, at->start_us, watermark_us))
        return 0;
    struct flush *f = x->flush;
    PUSH(f->drops, f->n_drops, f->cap_drops, want_page(f, at));
    return 0;
}

static int find_expired(struct flush *f, unsigned tier, struct err *e)
{
    struct builder *b = f->builder;
    struct expiry x = {f, tier, INT64_MAX, INT64_MIN};
    aggregate_each_watermark(b->aggregate, WATERMARKS_CHANGED, widen_expiry, &x);
    if (x.from_us >= x.to_us)
        return 0;
    struct store_each_page each = {x.from_us, x.to_us, drop_if_expired, &x};
    return store_each_page(b->store, &b->options.ref, b->options.plan, &each, e);
}

static int expire(struct flush *f, struct err *e)
{
    const struct plan *p = f->builder->options.plan;
    for (unsigned tier = 0; tier < p->n_tiers; tier++)
        if (p->retention_us[tier] != 0 && find_expired(f, tier, e) != 0)
            return -1;
    if (load_wanted(f, e) != 0)
        return -1;
    for (size_t i = 0; i < f->n_drops; i++) {
        if (page_tier(f->drops[i]->page) != 0)
            continue;
        struct digest d = page_digest(f->drops[i]->page);
        f->next.digest.a -= d.a;
        f->next.digest.b -= d.b;
    }
    return 0;
}

/* ---- sessions, when the view is over them */

static bool flushed_watermark(void *context, struct span site, int64_t *watermark_us)
{
    *watermark_us = builder_site_of(context, site)->flushed_us;
    return *watermark_us != INT64_MIN;
}

static struct builder_sessions_flush session_flush(struct builder *b)
{
    return (struct builder_sessions_flush){.store = b->store,
                                           .ref = &b->options.ref,
                                           .aggregate = b->aggregate,
                                           .flushed = flushed_watermark,
                                           .context = b};
}

/* What was collected becomes rows, before the watermarks are looked at. */
static int merge_sessions(struct builder *b, struct err *e)
{
    struct builder_sessions_flush f = session_flush(b);
    return b->sessions == NULL ? 0 : builder_sessions_merge(b->sessions, &f, e);
}

static void put_sessions(struct builder *b)
{
    struct builder_sessions_flush f = session_flush(b);
    if (b->sessions != NULL)
        builder_sessions_put(b->sessions, &f);
}

/* ---- deltas to pages */

static void move_to_site(struct flush *f, struct span site)
{
    if (f->site.p != NULL && span_equal(f->site, site))
        return;
    f->site = site;
    memset(f->last, 0, sizeof(f->last));
    bool known = aggregate_watermark(f->builder->aggregate, site, &f->watermark_us);
    assert(known); /* the site's events moved it */
    (void)known;
}

/* The open page of a tier for a time of f->site; NULL when it has expired by the end of this flush.
 */
static struct open_page *page_for(struct flush *f, unsigned tier, int64_t time_us)
{
    const struct plan *p = f->builder->options.plan;
    int64_t start_us = tier_spot_at(&f->spots[tier], p->tiers[tier], time_us).page_start_us;
    if (f->last[tier].known && f->last[tier].start_us == start_us)
        return f->last[tier].page;
    struct page_address at = {f->site, tier, start_us};
    struct open_page *page = NULL;
    if (!plan_page_expired(p, tier, start_us, f->watermark_us)) {
        page = want_page(f, &at);
        open_pages_touch(f->builder->pages, page);
    }
    f->last[tier].known = true;
    f->last[tier].start_us = start_us;
    f->last[tier].page = page;
    return page;
}

static int gather_delta(void *context, const struct delta *d)
{
    struct flush *f = context;
    const struct plan *p = f->builder->options.plan;
    int64_t time_us = tier_slot_time(p->tiers[d->tier], d->at);
    move_to_site(f, d->site);
    for (unsigned tier = d->tier; tier < p->n_tiers; tier++)
        (void)page_for(f, tier, time_us);
    return 0;
}

static int apply_delta(void *context, const struct delta *d)
{
    struct flush *f = context;
    const struct plan *p = f->builder->options.plan;
    int64_t time_us = tier_slot_time(p->tiers[d->tier], d->at);
    move_to_site(f, d->site);
    for (unsigned tier = d->tier; tier < p->n_tiers; tier++) {
        struct open_page *page = page_for(f, tier, time_us);
        if (page != NULL)
            page_apply(page->page, d, tier == 0 ? &f->next.digest : NULL);
    }
    return 0;
}

struct finishing {
    int result;
    struct err *e;
};

static void finish_page(void *context, struct open_page *page)
{
    struct finishing *f = context;
    if (f->result == 0)
        f->result = page_finish(page->page, f->e);
}

static int apply(struct flush *f, struct err *e)
{
    struct finishing finishing = {0, e};
    (void)aggregate_each(f->builder->aggregate, gather_delta, f); /* never stops */
    if (load_wanted(f, e) != 0)
        return -1;
    f->site = SPAN_ABSENT;
    (void)aggregate_each(f->builder->aggregate, apply_delta, f);
    open_pages_each_touched(f->builder->pages, finish_page, &finishing);
    return finishing.result;
}

/* ---- the transaction */

static void put_page(void *context, struct open_page *page)
{
    struct builder *b = context;
    builder_keep_page(b, page);
    store_put_page(b->store, &b->options.ref, b->options.plan->tiers[page_tier(page->page)],
                   page->page, page->stored_rows);
}

static void put_site(void *context, struct span site, int64_t watermark_us)
{
    struct flush *f = context;
    store_put_site(f->builder->store, &f->builder->options.ref, site, watermark_us);
    if (watermark_us > f->next.watermark_us)
        f->next.watermark_us = watermark_us;
}

static int transact(struct flush *f, struct err *e)
{
    struct builder *b = f->builder;
    store_begin(b->store);
    builder_list_snapshot(b);
    open_pages_each_touched(b->pages, put_page, b);
    for (size_t i = 0; i < f->n_drops; i++) {
        builder_keep_page(b, f->drops[i]);
        store_drop_page(b->store, &b->options.ref,
                        b->options.plan->tiers[page_tier(f->drops[i]->page)], f->drops[i]->page);
    }
    put_sessions(b);
    aggregate_each_watermark(b->aggregate, WATERMARKS_CHANGED, put_site, f);
    return store_commit(b->store, &b->options.ref, &f->next, e);
}

static int execute(struct flush *f, struct err *e)
{
    struct err failure = {0};
    if (builder_bound_snapshot(f->builder, e) != 0)
        return -1;
    if (transact(f, &failure) == 0)
        return 0;
    if (failure.kind == ERR_DOWN && builder_give_up_snapshot(f->builder))
        return transact(f, e);
    return err_set(e, failure.kind, "%s", failure.text);
}

static void remember_site(void *context, struct span site, int64_t watermark_us)
{
    builder_site_of(context, site)->flushed_us = watermark_us;
}

static void settle(struct flush *f)
{
    struct builder *b = f->builder;
    for (size_t i = 0; i < f->n_drops; i++)
        open_pages_remove(b->pages, f->drops[i]);
    open_pages_settle(b->pages);
    aggregate_each_watermark(b->aggregate, WATERMARKS_CHANGED, remember_site, b);
    aggregate_reset(b->aggregate);
    if (b->sessions != NULL)
        builder_sessions_settle(b->sessions);
    b->state = f->next;
}

int builder_flush(struct builder *b, const uint8_t last_id[16], struct err *e)
{
    assert(b->usable);
    struct flush f = {.builder = b, .next = b->state};
    f.next.offset = b->offset;
    memcpy(f.next.last_id, last_id, sizeof(f.next.last_id));
    struct err failure = {0};
    b->usable = merge_sessions(b, &failure) == 0 && expire(&f, &failure) == 0 &&
                apply(&f, &failure) == 0 && execute(&f, &failure) == 0;
    free(f.loads);
    if (b->usable)
        settle(&f);
    free(f.drops);
    if (b->usable)
        return 0;
    err_context(&failure, "view %s", b->options.plan->name);
    b->failure = failure;
    return err_set(e, failure.kind, "%s", failure.text);
}
