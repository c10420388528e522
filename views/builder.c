/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a builder; what a flush does is in builder_flush.c. */
#include "views/builder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "views/builder_internal.h"

static void new_stages(struct builder *b)
{
    const struct builder_options *o = &b->options;
    b->aggregate = aggregate_new(o->plan, o->limits);
    if (o->plan->relation == &RELATION_SESSIONS)
        b->sessions = builder_sessions_new(o->plan, o->limits);
}

static void free_stages(struct builder *b)
{
    aggregate_free(b->aggregate);
    builder_sessions_free(b->sessions);
}

struct builder *builder_new(const struct builder_options *o)
{
    struct builder *b = mem_alloc(sizeof(*b));
    b->options = *o;
    b->seed = hash_seed();
    b->pages = open_pages_new(o->plan, o->max_open_bytes, o->open_budget);
    new_stages(b);
    return b;
}

static void drop_memory(struct builder *b)
{
    open_pages_clear(b->pages);
    free_stages(b);
    new_stages(b);
    table_reset(&b->sites);
    arena_reset(&b->arena);
    builder_close_snapshot(b);
    b->usable = false;
    b->failure = (struct err){0};
}

void builder_free(struct builder *b)
{
    if (b == NULL)
        return;
    store_close(b->store);
    open_pages_free(b->pages);
    free_stages(b);
    table_clear(&b->sites);
    arena_clear(&b->arena);
    table_clear(&b->snapshot.kept);
    arena_clear(&b->snapshot.arena);
    free(b);
}

const struct view_state *builder_state(const struct builder *b)
{
    return &b->state;
}

const struct builder_options *builder_options(const struct builder *b)
{
    return &b->options;
}

uint64_t builder_offset(const struct builder *b)
{
    return b->offset;
}

const struct err *builder_failure(const struct builder *b)
{
    return b->failure.kind == ERR_NONE ? NULL : &b->failure;
}

struct aggregate_counts builder_counts(const struct builder *b)
{
    return b->sessions != NULL ? sessions_counts(builder_sessions_collector(b->sessions))
                               : aggregate_counts(b->aggregate);
}

void builder_bound(struct builder *b, struct aggregate_limits limits, size_t max_open_bytes)
{
    b->options.limits = limits;
    b->options.max_open_bytes = max_open_bytes;
    b->options.open_budget = NULL;
    aggregate_limit(b->aggregate, limits);
    if (b->sessions != NULL)
        sessions_limit(builder_sessions_collector(b->sessions), limits);
    open_pages_bound(b->pages, max_open_bytes);
}

size_t builder_bytes(const struct builder *b)
{
    return b->sessions != NULL ? sessions_bytes(builder_sessions_collector(b->sessions))
                               : aggregate_bytes(b->aggregate);
}

/* ---- sites */

static bool is_site(const void *item, const void *key)
{
    const struct builder_site *site = item;
    return span_equal(site->name, *(const struct span *)key);
}

struct builder_site *builder_site_of(struct builder *b, struct span name)
{
    uint64_t hash = hash_bytes(b->seed, name);
    struct builder_site *site = table_find(&b->sites, hash, &name, is_site);
    if (site == NULL) {
        site = arena_alloc(&b->arena, sizeof(*site));
        *site = (struct builder_site){arena_copy(&b->arena, name), INT64_MIN};
        table_put(&b->sites, hash, site);
    }
    return site;
}

static void load_site(void *context, struct span site, int64_t watermark_us)
{
    struct builder *b = context;
    aggregate_set_watermark(b->aggregate, site, watermark_us);
    if (b->sessions != NULL)
        sessions_set_watermark(builder_sessions_collector(b->sessions), site, watermark_us);
    builder_site_of(b, site)->flushed_us = watermark_us;
}

/* ---- state */

int builder_load(struct builder *b, bool *found, struct err *e)
{
    drop_memory(b);
    store_close(b->store);
    b->store = NULL;
    if (store_open(&b->store, &b->options.store, e) != 0 ||
        store_watch_state(b->store, &b->options.ref, &b->state, found, e) != 0)
        return -1;
    b->offset = b->state.offset;
    return 0;
}

static int write_state(struct builder *b, const struct view_state *next, struct err *e)
{
    store_begin(b->store);
    if (store_commit(b->store, &b->options.ref, next, e) != 0)
        return -1;
    b->state = *next;
    b->offset = next->offset;
    b->usable = true;
    return 0;
}

int builder_claim(struct builder *b, const struct builder_owner *owner, struct err *e)
{
    assert(b->store != NULL && !b->usable);
    struct view_state next = b->state;
    next.epoch = owner->epoch;
    /* Nobody keeps the pages of a snapshot that a former run has left. Before the state is written,
     * because that may need the memory. */
    if (builder_delete_snapshots(b, e) != 0 ||
        store_each_site(b->store, &b->options.ref, load_site, b, e) != 0)
        return -1;
    aggregate_reset(b->aggregate); /* loaded watermarks are not changes */
    return write_state(b, &next, e);
}

int builder_create(struct builder *b, const struct builder_owner *owner, struct err *e)
{
    assert(b->store != NULL && !b->usable);
    bool found = false;
    for (bool done = false; !done;)
        if (store_delete_step(b->store, &b->options.ref, &done, e) != 0)
            return -1;
    struct view_state now,
        next = {.format = PAGE_FORMAT, .epoch = owner->epoch, .watermark_us = INT64_MIN};
    memcpy(next.log_id, owner->log_id, sizeof(next.log_id));
    plan_hash(b->options.plan, next.definition);
    if (store_watch_state(b->store, &b->options.ref, &now, &found, e) != 0)
        return -1;
    if (found)
        return err_set(e, ERR_BUSY, "redis: view %s was written by somebody else",
                       b->options.plan->name);
    return write_state(b, &next, e);
}

/* ---- events in */

bool builder_take(struct builder *b, const struct log_slice *slice)
{
    assert(b->usable && slice->first_seq <= b->offset);
    uint64_t from = b->offset - slice->first_seq;
    if (from >= slice->count)
        return true;
    uint32_t end = b->sessions != NULL ? sessions_add(builder_sessions_collector(b->sessions),
                                                      slice, (uint32_t)from)
                                       : aggregate_add(b->aggregate, slice, (uint32_t)from);
    b->offset = slice->first_seq + end;
    return end == slice->count;
}

/* ---- the digest of what is stored */

enum { DIGEST_WINDOW = 64 };

struct stored {
    struct builder *builder;
    struct page *pages[DIGEST_WINDOW];
    size_t n;
    struct digest sum;
};

static int add_window(struct stored *s, struct err *e)
{
    struct builder *b = s->builder;
    struct store_pages pages = {s->pages, s->n};
    int result = store_load_pages(b->store, &b->options.ref, b->options.plan, &pages, e);
    for (size_t i = 0; i < s->n; i++) {
        struct digest d = page_digest(s->pages[i]);
        s->sum.a += d.a;
        s->sum.b += d.b;
        page_free(s->pages[i]);
    }
    s->n = 0;
    return result;
}

static int add_page(void *context, const struct page_address *at, struct err *e)
{
    struct stored *s = context;
    if (at->tier != 0)
        return 0;
    s->pages[s->n++] = page_new(s->builder->options.plan, 0, at->site, at->start_us);
    return s->n < DIGEST_WINDOW ? 0 : add_window(s, e);
}

int builder_stored_digest(struct builder *b, struct digest *out, struct err *e)
{
    struct stored s = {.builder = b};
    struct store_each_page each = {INT64_MIN, INT64_MAX, add_page, &s};
    struct view_state now;
    bool found;
    bool walked = store_each_page(b->store, &b->options.ref, b->options.plan, &each, e) == 0;
    if (add_window(&s, walked ? e : NULL) != 0 || !walked ||
        store_watch_state(b->store, &b->options.ref, &now, &found, e) != 0)
        return -1;
    *out = s.sum;
    /* A Redis that was emptied meanwhile is no spoilt view. */
    return found && now.offset == b->state.offset && digest_equal(now.digest, b->state.digest)
               ? 0
               : err_set(e, ERR_BUSY, "redis: the state of view %s is not what was written",
                         b->options.plan->name);
}
