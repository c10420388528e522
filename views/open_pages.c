/* SPDX-License-Identifier: Apache-2.0 */
#include "views/open_pages.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/table.h"

enum { FIRST_BUCKETS = 256 };

struct open_pages {
    const struct plan *plan;
    size_t max_bytes;
    struct open_budget *budget;
    size_t counted_bytes; /* what of used_bytes of the budget is ours */
    uint64_t seed;
    struct open_page **buckets;
    size_t n_buckets, n; /* n_buckets: a power of two */
    struct open_page *newest, *oldest;
    struct open_page **touched;
    size_t n_touched, cap_touched;
};

struct open_pages *open_pages_new(const struct plan *p, size_t max_bytes,
                                  struct open_budget *budget)
{
    struct open_pages *o = mem_alloc(sizeof(*o));
    o->plan = p;
    o->max_bytes = max_bytes;
    o->budget = budget;
    o->seed = hash_seed();
    o->n_buckets = FIRST_BUCKETS;
    o->buckets = mem_alloc(FIRST_BUCKETS * sizeof(struct open_page *));
    return o;
}

void open_pages_free(struct open_pages *o)
{
    if (o == NULL)
        return;
    open_pages_clear(o);
    free(o->buckets);
    free(o->touched);
    free(o);
}

/* ---- the budget */

static void count_bytes(struct open_pages *o, size_t bytes)
{
    if (o->budget == NULL)
        return;
    atomic_fetch_add(&o->budget->used_bytes, bytes - o->counted_bytes); /* wraps to less */
    o->counted_bytes = bytes;
}

static bool too_much(const struct open_pages *o, size_t bytes)
{
    return bytes > o->max_bytes &&
           (o->budget == NULL || atomic_load(&o->budget->used_bytes) > o->budget->max_bytes);
}

void open_pages_bound(struct open_pages *o, size_t max_bytes)
{
    count_bytes(o, 0);
    o->budget = NULL;
    o->max_bytes = max_bytes;
}

/* ---- order of use */

static void unlink_page(struct open_pages *o, struct open_page *p)
{
    *(p->newer != NULL ? &p->newer->older : &o->newest) = p->older;
    *(p->older != NULL ? &p->older->newer : &o->oldest) = p->newer;
}

static void link_newest(struct open_pages *o, struct open_page *p)
{
    p->newer = NULL;
    p->older = o->newest;
    *(o->newest != NULL ? &o->newest->newer : &o->oldest) = p;
    o->newest = p;
}

/* ---- finding */

static uint64_t hash_of(const struct open_pages *o, const struct page_address *at)
{
    uint64_t hash = hash_bytes(o->seed, at->site);
    return hash_step(hash_step(hash, at->tier), (uint64_t)at->start_us);
}

static bool is_at(const struct page *p, const struct page_address *at)
{
    return page_start(p) == at->start_us && page_tier(p) == at->tier &&
           span_equal(page_site(p), at->site);
}

static void grow(struct open_pages *o)
{
    size_t n = o->n_buckets * 2;
    struct open_page **buckets = mem_alloc(n * sizeof(*buckets));
    for (struct open_page *p = o->newest; p != NULL; p = p->older) {
        struct open_page **bucket = &buckets[p->hash & (n - 1)];
        p->next_in_bucket = *bucket;
        *bucket = p;
    }
    free(o->buckets);
    o->buckets = buckets;
    o->n_buckets = n;
}

static struct open_page *add(struct open_pages *o, const struct page_address *at, uint64_t hash)
{
    if (o->n >= o->n_buckets)
        grow(o);
    struct open_page *p = mem_alloc(sizeof(*p));
    p->page = page_new(o->plan, at->tier, at->site, at->start_us);
    p->hash = hash;
    struct open_page **bucket = &o->buckets[hash & (o->n_buckets - 1)];
    p->next_in_bucket = *bucket;
    *bucket = p;
    o->n++;
    return p;
}

struct open_page *open_pages_get(struct open_pages *o, const struct page_address *at)
{
    uint64_t hash = hash_of(o, at);
    struct open_page *p = o->buckets[hash & (o->n_buckets - 1)];
    while (p != NULL && (p->hash != hash || !is_at(p->page, at)))
        p = p->next_in_bucket;
    if (p == NULL)
        p = add(o, at, hash);
    else
        unlink_page(o, p);
    link_newest(o, p);
    return p;
}

static void free_page(struct open_page *p)
{
    page_free(p->page);
    free(p);
}

void open_pages_remove(struct open_pages *o, struct open_page *page)
{
    struct open_page **at = &o->buckets[page->hash & (o->n_buckets - 1)];
    while (*at != page)
        at = &(*at)->next_in_bucket;
    *at = page->next_in_bucket;
    unlink_page(o, page);
    o->n--;
    free_page(page);
}

void open_pages_clear(struct open_pages *o)
{
    for (struct open_page *p = o->newest, *older; p != NULL; p = older) {
        older = p->older;
        free_page(p);
    }
    memset(o->buckets, 0, o->n_buckets * sizeof(struct open_page *));
    o->newest = o->oldest = NULL;
    o->n = o->n_touched = 0;
    count_bytes(o, 0);
}

/* ---- touched pages */

void open_pages_touch(struct open_pages *o, struct open_page *page)
{
    if (page->touched)
        return;
    page->touched = true;
    if (o->n_touched == o->cap_touched) {
        o->cap_touched = o->cap_touched == 0 ? 64 : o->cap_touched * 2;
        o->touched = mem_resize(o->touched, o->cap_touched * sizeof(struct open_page *));
    }
    o->touched[o->n_touched++] = page;
}

void open_pages_each_touched(struct open_pages *o,
                             void (*each)(void *context, struct open_page *page), void *context)
{
    for (size_t i = 0; i < o->n_touched; i++)
        each(context, o->touched[i]);
}

static size_t total_bytes(const struct open_pages *o)
{
    size_t bytes = 0;
    for (const struct open_page *p = o->newest; p != NULL; p = p->older)
        bytes += page_bytes(p->page) + sizeof(*p);
    return bytes;
}

void open_pages_settle(struct open_pages *o)
{
    for (size_t i = 0; i < o->n_touched; i++) {
        struct open_page *p = o->touched[i];
        page_clean(p->page);
        p->stored_rows = page_rows(p->page);
        p->touched = false;
    }
    o->n_touched = 0;
    size_t bytes = total_bytes(o);
    count_bytes(o, bytes);
    while (o->oldest != NULL && too_much(o, bytes)) {
        size_t freed = page_bytes(o->oldest->page) + sizeof(struct open_page);
        open_pages_remove(o, o->oldest);
        bytes -= freed < bytes ? freed : bytes;
        count_bytes(o, bytes);
    }
}
