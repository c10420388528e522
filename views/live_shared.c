/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads see of the live builder and ask of it: status, adoptions. Everything
 * here that both sides touch is under the mutex. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "views/live_internal.h"

/* ---- what is seen */

static void note_lag(struct live *l, struct live_view *v)
{
    lag_note(&v->lag, v->status.offset, l->head, clock_monotonic_us());
}

static void set_head(struct live *l, uint64_t head)
{
    if (head <= l->head)
        return;
    l->head = head;
    for (unsigned i = 0; i < l->n_views; i++)
        note_lag(l, &l->views[i]);
}

void live_saw_head(struct live *l, uint64_t head)
{
    pthread_mutex_lock(&l->mutex);
    set_head(l, head);
    pthread_mutex_unlock(&l->mutex);
}

void live_wake(struct live *l, uint64_t head)
{
    pthread_mutex_lock(&l->mutex);
    set_head(l, head);
    if (l->feed_open)
        feed_wake(l->feed);
    pthread_mutex_unlock(&l->mutex);
}

static struct live_view_status status_of(const struct live *l, const struct live_view *v)
{
    struct live_view_status s = v->status;
    s.head = l->head > s.offset ? l->head : s.offset;
    s.lag_events = s.head - s.offset;
    s.lag_us = lag_us(&v->lag, clock_monotonic_us());
    if (!l->running)
        s.state = l->down_state;
    else
        s.state = s.lag_events > l->options.chunk_events ? LIVE_BUILDING : LIVE_READY;
    return s;
}

void live_publish(struct live *l, struct live_view *v)
{
    const struct view_state *state = builder_state(v->builder);
    struct aggregate_counts counts = builder_counts(v->builder);
    v->published = state->offset;
    pthread_mutex_lock(&l->mutex);
    v->status.generation = v->generation;
    v->status.offset = state->offset;
    v->status.digest = state->digest;
    v->status.watermark_us = state->watermark_us;
    v->status.late = counts.late;
    v->status.max_late_us = counts.max_late_us;
    set_head(l, state->offset);
    note_lag(l, v);
    struct live_view_status seen = status_of(l, v);
    pthread_mutex_unlock(&l->mutex);
    if (l->options.on_flush != NULL)
        l->options.on_flush(l->options.context, &seen);
}

void live_publish_down(struct live *l, enum live_state state, const char *error)
{
    pthread_mutex_lock(&l->mutex);
    l->down_state = state;
    l->running = false;
    snprintf(l->error, sizeof(l->error), "%s", error);
    pthread_mutex_unlock(&l->mutex);
}

static bool is_shown(const struct live_view *v)
{
    return v->in_use && !v->arriving;
}

struct live_overview live_overview(struct live *l)
{
    struct live_overview o = {.state = LIVE_READY};
    pthread_mutex_lock(&l->mutex);
    o.owner = l->is_owner;
    o.fence = l->fence;
    o.head = l->head;
    if (!l->running)
        o.state = l->down_state;
    for (unsigned i = 0; i < l->n_views; i++) {
        enum live_state state = status_of(l, &l->views[i]).state;
        if (is_shown(&l->views[i]) && state < o.state)
            o.state = state;
    }
    memcpy(o.error, l->error, sizeof(o.error));
    pthread_mutex_unlock(&l->mutex);
    return o;
}

unsigned live_status(struct live *l, struct live_view_status *out, unsigned max)
{
    pthread_mutex_lock(&l->mutex);
    unsigned n = 0;
    for (unsigned i = 0; i < l->n_views; i++)
        if (is_shown(&l->views[i])) {
            if (n < max)
                out[n] = status_of(l, &l->views[i]);
            n++;
        }
    pthread_mutex_unlock(&l->mutex);
    return n;
}

/* ---- under the mutex */

struct live_view *live_find(struct live *l, const char *view)
{
    for (unsigned i = 0; i < l->n_views; i++)
        if (l->views[i].in_use && strcmp(l->views[i].plan->name, view) == 0)
            return &l->views[i];
    return NULL;
}

void live_ask(struct live *l)
{
    if (l->feed_open)
        feed_wake(l->feed);
}

/* ---- adoptions */

static void settle(struct live *l, struct live_adoption *a, enum adoption_outcome outcome,
                   const struct err *failure)
{
    a->outcome = outcome;
    if (failure != NULL)
        a->failure = *failure;
    pthread_cond_broadcast(&l->changed);
}

void live_end_adoption(struct live *l, struct live_view *v, enum adoption_outcome outcome,
                       const struct err *failure)
{
    builder_free(v->candidate); /* NULL when it has become the view's builder */
    v->candidate = NULL;
    pthread_mutex_lock(&l->mutex);
    settle(l, v->adoption, outcome, failure);
    v->adoption = NULL;
    v->in_use = v->in_use && !v->arriving; /* it has not come */
    v->arriving = false;
    pthread_mutex_unlock(&l->mutex);
}

void live_refuse(struct live *l, struct live_adoption *a, enum adoption_outcome outcome,
                 const struct err *failure)
{
    builder_free(a->builder);
    pthread_mutex_lock(&l->mutex);
    settle(l, a, outcome, failure);
    pthread_mutex_unlock(&l->mutex);
}

void live_adopt(struct live *l, const char *view, struct live_adoption *a)
{
    pthread_mutex_lock(&l->mutex);
    struct live_view *v = live_find(l, view);
    a->outcome = ADOPTION_PENDING;
    bool engaged = v == NULL ? l->newcomer != NULL : v->adoption != NULL;
    if (engaged || !l->running) {
        a->outcome = engaged ? ADOPTION_REFUSED : ADOPTION_LOST;
        err_set(&a->failure, ERR_BUSY, "view %s cannot take a replay over now", view);
        builder_free(a->builder);
    } else {
        *(v == NULL ? &l->newcomer : &v->adoption) = a;
        live_ask(l);
    }
    while (a->outcome == ADOPTION_PENDING) {
        if (thread_wait(&l->changed, &l->mutex, clock_monotonic_us() + US_PER_SECOND) ||
            a->withdrawn == NULL)
            continue;
        pthread_mutex_unlock(&l->mutex);
        bool withdraw = a->withdrawn(a->context);
        pthread_mutex_lock(&l->mutex);
        a->withdraw = withdraw;
        live_ask(l);
    }
    pthread_mutex_unlock(&l->mutex);
}

static int begin_adoption(struct live *l, struct live_view *v, struct live_adoption *a,
                          struct err *e)
{
    v->candidate = a->builder;
    return feed_add(l->feed, v->candidate, e);
}

void live_lose_requests(struct live *l, struct live_view *v)
{
    struct err lost = {ERR_DOWN, "the builder of the views had to start anew"};
    live_lose_snapshot(l, v);
    pthread_mutex_lock(&l->mutex);
    struct live_adoption *a = v->adoption;
    pthread_mutex_unlock(&l->mutex);
    if (a == NULL)
        return;
    if (v->candidate == NULL)
        v->candidate = a->builder;
    if (l->feed != NULL)
        feed_remove(l->feed, v->candidate);
    live_end_adoption(l, v, ADOPTION_LOST, &lost);
}

/* ---- the live thread's side */

int live_serve_requests(struct live *l, struct err *e)
{
    for (unsigned i = 0; i < l->n_views; i++) {
        struct live_view *v = &l->views[i];
        pthread_mutex_lock(&l->mutex);
        struct live_adoption *a = v->adoption;
        bool withdraw = a != NULL && a->withdraw;
        pthread_mutex_unlock(&l->mutex);
        if (live_serve_snapshot(l, v, e) != 0)
            return -1;
        if (a != NULL && v->candidate == NULL && begin_adoption(l, v, a, e) != 0)
            return -1;
        if (withdraw) {
            feed_remove(l->feed, v->candidate);
            live_end_adoption(l, v, ADOPTION_WITHDRAWN, NULL);
        }
    }
    return 0;
}
