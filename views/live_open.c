/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: ownership, the log's identity, and for every view what its stored state is worth. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "views/live_internal.h"
#include "views/generation.h"

enum {
    MAX_REBUILDS = 3, /* in a row, before a pause */
    LEFTOVERS = 8     /* earlier generations looked for in Redis */
};

struct view_ref live_ref(const struct live *l, const struct live_view *v, uint64_t generation)
{
    return (struct view_ref){.prefix = l->options.redis_prefix,
                             .view = v->plan->name,
                             .generation = generation,
                             .partition = l->options.partition};
}

static struct builder *new_builder(struct live *l, const struct live_view *v, uint64_t generation)
{
    const struct live_options *o = &l->options;
    unsigned n = live_count(l);
    return builder_new(
        &(struct builder_options){.plan = v->plan,
                                  .ref = live_ref(l, v, generation),
                                  .store = o->store,
                                  .limits = {o->limits.max_cells, o->limits.max_bytes / n},
                                  .max_open_bytes = o->max_open_bytes / n});
}

/* Those that were opened while there were fewer views would keep more than their part. */
void live_share_memory(struct live *l)
{
    const struct live_options *o = &l->options;
    unsigned n = live_count(l);
    for (unsigned i = 0; i < l->n_views; i++)
        if (l->views[i].builder != NULL)
            builder_bound(l->views[i].builder,
                          (struct aggregate_limits){o->limits.max_cells, o->limits.max_bytes / n},
                          o->max_open_bytes / n);
}

static struct view_fence fence_of(const struct live *l)
{
    return view_owner_fence(l->owner);
}

static struct builder_owner owner_of(const struct live *l)
{
    struct builder_owner owner = {.epoch = fence_of(l).epoch};
    memcpy(owner.log_id, l->log_id, sizeof(owner.log_id));
    return owner;
}

static struct view_record record_of(const struct live_view *v)
{
    return (struct view_record){v->plan->name, v->plan->sql, v->definition, v->plan->canonical};
}

/* ---- one view */

/* Goes on with the current generation if its state is good; else the builder is closed. */
static int go_on(struct live *l, struct live_view *v, struct err *e)
{
    struct builder_owner owner = owner_of(l);
    struct generation_found found;
    v->builder = new_builder(l, v, v->generation);
    if (generation_go_on(v->builder, feed_questions(l->feed), &owner, &found, e) != 0) {
        l->standing_by = e->kind == ERR_BUSY;
        return -1;
    }
    live_saw_head(l, found.head);
    if (found.usable)
        return 0;
    diag(DIAG_WARNING, "views", "view %s is built anew from the log: %s", v->plan->name, found.why);
    live_close_view(l, v);
    return 0;
}

static int build_anew(struct live *l, struct live_view *v, struct err *e)
{
    struct view_record record = record_of(v);
    struct builder_owner owner = owner_of(l);
    bool found;
    if (v->rebuilds >= MAX_REBUILDS)
        v->rebuilds = 0;
    else if (++v->rebuilds == MAX_REBUILDS)
        return err_set(e, ERR_DOWN, "view %s had to be built anew %d times in a row", v->plan->name,
                       MAX_REBUILDS);
    if (view_registry_add(view_owner_sql(l->owner), fence_of(l), &record, GENERATION_CURRENT,
                          &v->generation, e) != 0)
        return -1;
    v->spoilt = false;
    v->builder = new_builder(l, v, v->generation);
    return builder_load(v->builder, &found, e) == 0 ? builder_create(v->builder, &owner, e) : -1;
}

/* An older Redis may hold generations that were dropped already. */
static int find_leftovers(struct live *l, struct live_view *v, struct err *e)
{
    uint64_t first = v->generation > LEFTOVERS ? v->generation - LEFTOVERS : 1;
    for (uint64_t g = first; g < v->generation; g++) {
        struct view_ref ref = live_ref(l, v, g);
        bool found;
        if (store_has_generation(l->store, &ref, &found, e) != 0 ||
            (found && view_registry_leftover(view_owner_sql(l->owner), fence_of(l), v->plan->name,
                                             g, e) != 0))
            return -1;
    }
    return 0;
}

int live_open_view(struct live *l, struct live_view *v, struct err *e)
{
    live_close_view(l, v);
    if (view_registry_current(view_owner_sql(l->owner), fence_of(l), v->plan->name, &v->generation,
                              e) != 0)
        return -1;
    if (v->generation != 0 && !v->spoilt && go_on(l, v, e) != 0)
        return -1;
    if (v->builder == NULL && build_anew(l, v, e) != 0)
        return -1;
    if (store_set_current(l->store, l->options.redis_prefix, v->plan->name, v->generation, e) !=
            0 ||
        find_leftovers(l, v, e) != 0 || feed_add(l->feed, v->builder, e) != 0)
        return -1;
    live_publish(l, v);
    return 0;
}

int live_check_view(struct live *l, struct live_view *v, struct err *e)
{
    struct view_ref ref = live_ref(l, v, v->generation);
    struct view_state now;
    uint64_t generation;
    bool pointed, found;
    if (v->builder == NULL || builder_failure(v->builder) != NULL)
        return 0; /* live_mend's */
    if (store_get_current(l->store, l->options.redis_prefix, v->plan->name, &generation, &pointed,
                          e) != 0 ||
        store_watch_state(l->store, &ref, &now, &found, e) != 0)
        return -1;
    const struct view_state *written = builder_state(v->builder);
    return pointed && generation == v->generation && found && now.epoch == written->epoch &&
                   now.offset == written->offset && digest_equal(now.digest, written->digest)
               ? 0
               : err_set(e, ERR_DOWN, "redis: what was written there is gone; starting anew");
}

void live_close_view(struct live *l, struct live_view *v)
{
    if (v->builder != NULL && l->feed != NULL)
        feed_remove(l->feed, v->builder);
    builder_free(v->builder);
    v->builder = NULL;
}

/* ---- all of it */

static int take_ownership(struct live *l, struct err *e)
{
    if (l->owner != NULL && (l->standing_by || view_owner_check(l->owner, NULL) != 0)) {
        /* Standing by in spite of the lock: a PostgreSQL restored from a backup has forgotten
         * epochs. A new one each time, until it is later than what Redis has seen. */
        view_owner_release(l->owner);
        l->owner = NULL;
    }
    l->standing_by = false;
    if (l->owner == NULL &&
        view_owner_take(&l->owner, l->options.postgres_uri, l->options.partition, e) != 0) {
        l->standing_by = e->kind == ERR_BUSY;
        return -1;
    }
    l->checked_at_us = clock_monotonic_us();
    return 0;
}

static int open_log(struct live *l, struct err *e)
{
    struct log_identity identity;
    struct feed_options o = {.postgres_uri = l->options.postgres_uri,
                             .partition = l->options.partition,
                             .chunk_events = l->options.chunk_events};
    if (feed_open(&l->feed, &o, e) != 0 || log_identity(feed_questions(l->feed), &identity, e) != 0)
        return -1;
    memcpy(l->log_id, identity.log_id, sizeof(l->log_id));
    return 0;
}

int live_connect(struct live *l, struct err *e)
{
    if (take_ownership(l, e) != 0 || open_log(l, e) != 0 ||
        store_open(&l->store, &l->options.store, e) != 0)
        return -1;
    pthread_mutex_lock(&l->mutex);
    l->is_owner = true;
    l->fence = fence_of(l);
    l->feed_open = true;
    pthread_mutex_unlock(&l->mutex);
    if (live_start_catalog(l, e) != 0)
        return -1;
    pthread_mutex_lock(&l->mutex);
    l->running = true;
    l->error[0] = '\0';
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    return 0;
}

void live_disconnect(struct live *l)
{
    pthread_mutex_lock(&l->mutex);
    l->feed_open = l->is_owner = l->running = false;
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->mutex);
    live_lose_newcomer(l);
    for (unsigned i = 0; i < l->n_views; i++) {
        live_lose_requests(l, &l->views[i]);
        live_close_view(l, &l->views[i]);
    }
    feed_close(l->feed);
    l->feed = NULL;
    store_close(l->store);
    l->store = NULL;
    if (l->owner != NULL && (stopping || view_owner_check(l->owner, NULL) != 0)) {
        view_owner_release(l->owner);
        l->owner = NULL;
    }
}
