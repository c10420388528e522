/* SPDX-License-Identifier: Apache-2.0 */
/* When views are flushed, what is done when that fails, and the switch to a replayed generation. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/diag.h"
#include "views/live_internal.h"

enum { CATCH_UP_FLUSH_MS = 2000 }; /* while far behind: speed counts, not freshness */

static bool is_dirty(const struct builder *b)
{
    return b != NULL && builder_failure(b) == NULL && builder_offset(b) != builder_state(b)->offset;
}

static int64_t due_at_us(const struct live *l, const struct live_view *v, const struct builder *b)
{
    bool far = builder_offset(b) + l->options.chunk_events < feed_seen(l->feed);
    int64_t interval_ms =
        far && l->options.flush_ms < CATCH_UP_FLUSH_MS ? CATCH_UP_FLUSH_MS : l->options.flush_ms;
    return v->flushed_at_us + interval_ms * 1000;
}

int live_until_due(const struct live *l)
{
    int64_t now_us = clock_monotonic_us(), least_us = -1;
    for (unsigned i = 0; i < l->n_views; i++) {
        const struct live_view *v = &l->views[i];
        if (!is_dirty(v->builder))
            continue;
        int64_t left_us = due_at_us(l, v, v->builder) - now_us;
        left_us = left_us > 0 ? left_us : 0;
        least_us = least_us < 0 || left_us < least_us ? left_us : least_us;
    }
    return least_us < 0 ? -1 : (int)((least_us + 999) / 1000);
}

static int flush_view(struct live *l, struct live_view *v, struct err *e)
{
    if (feed_flush(l->feed, v->builder, e) != 0)
        return -1;
    v->flushed_at_us = clock_monotonic_us();
    if (builder_failure(v->builder) != NULL)
        return 0; /* live_mend's */
    if (builder_offset(v->builder) >= feed_seen(l->feed))
        v->rebuilds = 0;
    return 0;
}

/* Also what was flushed because it was full, or to be compared. */
static void publish_news(struct live *l, struct live_view *v)
{
    if (v->builder != NULL && builder_failure(v->builder) == NULL &&
        (builder_state(v->builder)->offset != v->published ||
         v->generation != v->status.generation))
        live_publish(l, v);
}

/* ---- the switch */

static void take_candidate(struct live *l, struct live_view *v, uint64_t generation)
{
    live_lose_snapshot(l, v);
    live_close_view(l, v);
    v->builder = v->candidate;
    v->candidate = NULL;
    v->generation = generation;
    live_set_plan(l, v, builder_options(v->builder)->plan);
    live_publish(l, v);
}

static int switch_in_postgres(struct live *l, struct live_view *v, const struct live_adoption *a,
                              struct err *e)
{
    struct generation_record next = {.generation = a->generation};
    struct view_end end = {0};
    char digest[33];
    snprintf(next.view, sizeof(next.view), "%s", v->plan->name);
    if (v->builder != NULL) {
        digest_format(builder_state(v->builder)->digest, digest);
        end = (struct view_end){builder_offset(v->builder), digest};
    }
    return view_registry_switch(view_owner_sql(l->owner), view_owner_fence(l->owner), &next, &end,
                                e);
}

/* PostgreSQL decides; what it did not answer for sure is read again after reconnecting. */
static int make_current(struct live *l, struct live_view *v, struct live_adoption *a, struct err *e)
{
    struct err failure = {0};
    if (switch_in_postgres(l, v, a, &failure) != 0) {
        if (failure.kind != ERR_DATA)
            return err_set(e, failure.kind, "%s", failure.text);
        feed_remove(l->feed, v->candidate);
        live_end_adoption(l, v, ADOPTION_REFUSED, &failure);
        return 0;
    }
    if (store_set_current(l->store, l->options.redis_prefix, v->plan->name, a->generation, e) != 0)
        return -1; /* the pointer is set from PostgreSQL when Redis is back */
    take_candidate(l, v, a->generation);
    live_end_adoption(l, v, ADOPTION_SWITCHED, NULL);
    return live_follow_catalog(l, e);
}

/* The same offset, both flushed: what they hold can be compared, if it is of one definition. */
static void note_both(struct live *l, struct live_view *v, struct live_adoption *a)
{
    pthread_mutex_lock(&l->mutex);
    a->offset = builder_offset(v->candidate);
    a->after = builder_state(v->candidate)->digest;
    a->compared = v->builder != NULL && live_has_definition(v, builder_options(v->candidate)->plan);
    if (v->builder != NULL)
        a->before = builder_state(v->builder)->digest;
    pthread_mutex_unlock(&l->mutex);
}

static bool has_failed(const struct builder *b)
{
    return b != NULL && builder_failure(b) != NULL;
}

static int compare_and_switch(struct live *l, struct live_view *v, struct err *e)
{
    if ((v->builder != NULL && feed_flush(l->feed, v->builder, e) != 0) ||
        feed_flush(l->feed, v->candidate, e) != 0)
        return -1;
    if (has_failed(v->builder) || has_failed(v->candidate))
        return 0;
    note_both(l, v, v->adoption);
    return make_current(l, v, v->adoption, e);
}

/* The first of a new view: at the end of the log as far as it was read. */
static bool is_level(const struct live *l, const struct live_view *v)
{
    return v->arriving ? builder_offset(v->candidate) >= feed_seen(l->feed)
                       : builder_offset(v->candidate) == builder_offset(v->builder);
}

static int flush_candidate(struct live *l, struct live_view *v, struct err *e)
{
    if (v->candidate == NULL || (v->builder == NULL && !v->arriving) || has_failed(v->candidate) ||
        has_failed(v->builder))
        return 0;
    if (is_level(l, v))
        return compare_and_switch(l, v, e);
    return clock_monotonic_us() >= due_at_us(l, v, v->candidate)
               ? feed_flush(l->feed, v->candidate, e)
               : 0;
}

/* ---- all views */

int live_flush_due(struct live *l, struct err *e)
{
    int64_t now_us = clock_monotonic_us();
    for (unsigned i = 0; i < l->n_views; i++) {
        struct live_view *v = &l->views[i];
        if (flush_candidate(l, v, e) != 0)
            return -1;
        if (is_dirty(v->builder) && now_us >= due_at_us(l, v, v->builder) &&
            flush_view(l, v, e) != 0)
            return -1;
        publish_news(l, v);
    }
    return 0;
}

int live_flush_all(struct live *l, struct err *e)
{
    for (unsigned i = 0; i < l->n_views; i++)
        if (is_dirty(l->views[i].builder) && flush_view(l, &l->views[i], e) != 0)
            return -1;
    return 0;
}

/* ---- failures */

static int mend_candidate(struct live *l, struct live_view *v)
{
    struct err failure = *builder_failure(v->candidate);
    feed_remove(l->feed, v->candidate);
    live_end_adoption(l, v, failure.kind == ERR_DATA ? ADOPTION_REFUSED : ADOPTION_LOST, &failure);
    return 0;
}

static int mend_view(struct live *l, struct live_view *v, struct err *e)
{
    struct err failure = *builder_failure(v->builder);
    if (failure.kind == ERR_DOWN)
        return err_set(e, ERR_DOWN, "%s", failure.text);
    diag(DIAG_WARNING, "views", "%s", failure.text);
    v->spoilt = failure.kind == ERR_DATA;
    live_lose_requests(l, v);
    return live_open_view(l, v, e);
}

int live_mend(struct live *l, struct err *e)
{
    for (unsigned i = 0; i < l->n_views; i++) {
        struct live_view *v = &l->views[i];
        if (v->candidate != NULL && builder_failure(v->candidate) != NULL &&
            mend_candidate(l, v) != 0)
            return -1;
        if (v->builder != NULL && builder_failure(v->builder) != NULL && mend_view(l, v, e) != 0)
            return -1;
    }
    return 0;
}
