/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of views, asked for by the threads that verify, opened and closed by the live thread
 * between two steps of its own. */
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "views/live_internal.h"

/* ---- the asking threads */

/* The place may be another view's, or somebody else wait at it, before who asked is awake. */
static int wait_for_snapshot(struct live *l, struct live_view *v, const char *view,
                             int64_t timeout_ms, struct err *e)
{
    uint64_t asker = v->asker = ++l->n_asked;
    int64_t deadline_us = clock_monotonic_us() + timeout_ms * 1000;
    while (v->asker == asker && v->want_snapshot && !v->has_snapshot && !l->stopping)
        if (!thread_wait(&l->changed, &l->mutex, deadline_us))
            break;
    if (v->asker == asker && v->has_snapshot)
        return 0;
    if (v->asker == asker) {
        v->want_snapshot = false;
        if (v->no_snapshot.kind != ERR_NONE)
            return err_set(e, v->no_snapshot.kind, "%s", v->no_snapshot.text);
    }
    return err_set(e, ERR_BUSY, "view %s cannot be read as it is now%s%s", view,
                   l->error[0] != '\0' ? ": " : "", l->error);
}

int live_open_snapshot(struct live *l, const char *view, int64_t timeout_ms,
                       struct live_snapshot *out, struct err *e)
{
    pthread_mutex_lock(&l->mutex);
    struct live_view *v = live_find(l, view);
    int result;
    if (v == NULL && !l->running) {
        result = err_set(e, ERR_BUSY, "the views are not open yet");
    } else if (v == NULL) {
        result = err_set(e, ERR_INPUT, "there is no view %s", view);
    } else if (v->want_snapshot || v->has_snapshot) {
        result = err_set(e, ERR_BUSY, "view %s is being verified already", view);
    } else {
        v->want_snapshot = true;
        v->no_snapshot = (struct err){0};
        live_ask(l);
        result = wait_for_snapshot(l, v, view, timeout_ms, e);
        if (result == 0)
            *out = v->snapshot;
    }
    pthread_mutex_unlock(&l->mutex);
    return result;
}

static bool is_open(const struct live_view *v, const struct live_snapshot *s)
{
    return v != NULL && v->has_snapshot && v->snapshot.copies.snapshot == s->copies.snapshot;
}

/* The live thread closes it, or loses it when it ends. */
bool live_close_snapshot(struct live *l, const char *view, const struct live_snapshot *s)
{
    pthread_mutex_lock(&l->mutex);
    struct live_view *v = live_find(l, view);
    bool kept = is_open(v, s);
    if (kept)
        v->want_snapshot = false;
    live_ask(l);
    while (is_open(v, s))
        (void)thread_wait(&l->changed, &l->mutex, clock_monotonic_us() + US_PER_SECOND);
    pthread_mutex_unlock(&l->mutex);
    return kept;
}

/* ---- the live thread */

static void settle(struct live *l, struct live_view *v, const struct live_snapshot *opened,
                   const struct err *failure)
{
    pthread_mutex_lock(&l->mutex);
    v->has_snapshot = opened != NULL;
    if (opened != NULL)
        v->snapshot = *opened;
    else
        v->want_snapshot = false;
    if (failure != NULL)
        v->no_snapshot = *failure;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

/* While the builder has failed, live_mend's turn is first. */
static int open_snapshot(struct live *l, struct live_view *v, struct err *e)
{
    struct live_snapshot s;
    struct err failure = {0};
    if (v->builder == NULL || builder_failure(v->builder) != NULL)
        return 0;
    if (feed_flush(l->feed, v->builder, e) != 0)
        return -1;
    if (builder_failure(v->builder) != NULL)
        return 0;
    live_publish(l, v);
    if (builder_open_snapshot(v->builder, &s.copies, &failure) == 0) {
        s.plan = builder_options(v->builder)->plan;
        s.state = *builder_state(v->builder);
        settle(l, v, &s, NULL);
    } else if (builder_failure(v->builder) == NULL) {
        settle(l, v, NULL, &failure);
    } else {
        feed_remove(l->feed, v->builder);
    }
    return 0;
}

int live_serve_snapshot(struct live *l, struct live_view *v, struct err *e)
{
    pthread_mutex_lock(&l->mutex);
    bool want = v->want_snapshot, has = v->has_snapshot;
    pthread_mutex_unlock(&l->mutex);
    if (want && !has)
        return open_snapshot(l, v, e);
    if (has && !want)
        builder_close_snapshot(v->builder);
    if (has && builder_snapshot(v->builder) == 0) /* closed, or given up in a flush */
        settle(l, v, NULL, NULL);
    return 0;
}

void live_lose_snapshot(struct live *l, struct live_view *v)
{
    pthread_mutex_lock(&l->mutex);
    bool has = v->has_snapshot;
    pthread_mutex_unlock(&l->mutex);
    if (has)
        settle(l, v, NULL, NULL);
}
