/* SPDX-License-Identifier: Apache-2.0 */
/* Which views the live thread builds: it follows the catalog in PostgreSQL.
 *
 *   a version is read     -> a place in the table, its generation opened
 *   first one, pending    -> nothing, until a replay hands its generation over: a place then
 *   dropped               -> closed, its pointer removed, its generation dropping
 *
 * What a crash leaves undone is found again: a generation that nobody reads is still `current`. */
#include <stdio.h>
#include <string.h>

#include "views/live_internal.h"
#include "views/shipped.h"

/* ---- places */

static struct live_view *find_place(struct live *l, const char *view)
{
    for (unsigned i = 0; i < l->n_views; i++)
        if (l->views[i].in_use && strcmp(l->views[i].plan->name, view) == 0)
            return &l->views[i];
    return NULL;
}

/* Others may still wait for what was in a place: then it is not taken. */
static bool is_free(const struct live_view *v)
{
    return !v->in_use && !v->want_snapshot && !v->has_snapshot && v->adoption == NULL;
}

bool live_has_definition(const struct live_view *v, const struct plan *plan)
{
    char definition[65];
    if (v->plan == plan)
        return true;
    plan_hash(plan, definition);
    return strcmp(v->definition, definition) == 0;
}

static void note_definition(struct live_view *v, const struct plan *plan)
{
    v->plan = plan;
    plan_hash(plan, v->definition);
}

struct live_view *live_add_place(struct live *l, const struct plan *plan, struct err *e)
{
    struct live_view *v = NULL;
    pthread_mutex_lock(&l->mutex);
    for (unsigned i = 0; i < VIEW_SET_MAX && v == NULL; i++)
        if (is_free(&l->views[i])) {
            v = &l->views[i];
            *v = (struct live_view){.in_use = true};
            note_definition(v, plan);
            v->status.watermark_us = INT64_MIN;
            snprintf(v->status.name, sizeof(v->status.name), "%s", plan->name);
            l->n_views = i < l->n_views ? l->n_views : i + 1;
        }
    pthread_mutex_unlock(&l->mutex);
    if (v == NULL)
        err_set(e, ERR_BUSY, "there are %d views already", VIEW_SET_MAX);
    return v;
}

void live_set_plan(struct live *l, struct live_view *v, const struct plan *plan)
{
    pthread_mutex_lock(&l->mutex);
    note_definition(v, plan);
    v->arriving = false;
    pthread_mutex_unlock(&l->mutex);
}

void live_remove_place(struct live *l, struct live_view *v)
{
    live_lose_requests(l, v);
    live_close_view(l, v);
    pthread_mutex_lock(&l->mutex);
    v->in_use = false;
    if (v->want_snapshot) {
        v->want_snapshot = false;
        err_set(&v->no_snapshot, ERR_INPUT, "view %s was dropped", v->plan->name);
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

unsigned live_count(struct live *l)
{
    unsigned n = 0;
    pthread_mutex_lock(&l->mutex);
    for (unsigned i = 0; i < l->n_views; i++)
        n += l->views[i].in_use;
    pthread_mutex_unlock(&l->mutex);
    return n > 0 ? n : 1;
}

/* ---- following */

static void remove_those_gone(struct live *l, const struct view_picture *p)
{
    for (unsigned i = 0; i < l->n_views; i++) {
        struct live_view *v = &l->views[i];
        if (!v->in_use || v->arriving)
            continue;
        const struct view_entry *known = view_picture_find(p, span_of(v->plan->name));
        if (known == NULL || known->plan == NULL)
            live_remove_place(l, v);
    }
}

/* Nobody reads them: their view was dropped, or is new again. */
static int take_leave(struct live *l, struct err *e)
{
    struct sql *sql = view_owner_sql(l->owner);
    struct view_fence fence = view_owner_fence(l->owner);
    for (;;) {
        struct generation_record g;
        bool found;
        if (view_registry_next_unread(sql, fence, &g, &found, e) != 0)
            return -1;
        if (!found)
            return 0;
        if (store_remove_current(l->store, l->options.redis_prefix, g.view, e) != 0 ||
            view_registry_drop_unread(sql, fence, &g, e) != 0)
            return -1;
    }
}

static int open_one(struct live *l, const struct view_entry *known, struct err *e)
{
    struct live_view *v = find_place(l, known->name);
    if (v == NULL && (v = live_add_place(l, known->plan, e)) == NULL)
        return -1;
    if (v->arriving)
        return 0;
    if (!live_has_definition(v, known->plan)) { /* the switch was made, and its answer lost */
        live_lose_requests(l, v);
        live_close_view(l, v);
        live_set_plan(l, v, known->plan);
    }
    return v->builder != NULL ? 0 : live_open_view(l, v, e);
}

static int follow(struct live *l, const struct view_picture *p, struct err *e)
{
    remove_those_gone(l, p);
    if (take_leave(l, e) != 0)
        return -1;
    for (unsigned i = 0; i < p->n; i++)
        if (p->views[i].plan != NULL && open_one(l, &p->views[i], e) != 0)
            return -1;
    live_share_memory(l);
    l->followed = p->number;
    return 0;
}

int live_follow_catalog(struct live *l, struct err *e)
{
    if (view_set_refresh(l->options.views, view_owner_sql(l->owner), e) != 0)
        return -1;
    const struct view_picture *p = view_set_take(l->options.views);
    int result = p->number == l->followed ? 0 : follow(l, p, e);
    view_set_give_back(l->options.views, p);
    return result;
}

int live_start_catalog(struct live *l, struct err *e)
{
    l->followed = 0;
    return shipped_upgrade(view_owner_sql(l->owner), e) != 0 ? -1 : live_follow_catalog(l, e);
}

/* ---- asked for by others */

void live_reload(struct live *l)
{
    pthread_mutex_lock(&l->mutex);
    l->want_reload = true;
    if (l->feed_open)
        feed_wake(l->feed);
    pthread_mutex_unlock(&l->mutex);
}

/* A generation of a view that is new: a place for it. What cannot be taken is told to its job. */
static int take_newcomer(struct live *l, struct live_adoption *a, struct err *e)
{
    struct err failure = {0};
    struct live_view *v = NULL;
    if (live_follow_catalog(l, e) != 0)
        return -1;
    const struct plan *plan = builder_options(a->builder)->plan;
    if (find_place(l, plan->name) != NULL)
        err_set(&failure, ERR_BUSY, "view %s is here already", plan->name);
    else
        v = live_add_place(l, plan, &failure);
    pthread_mutex_lock(&l->mutex);
    l->newcomer = NULL;
    if (v != NULL) {
        v->arriving = true;
        v->adoption = a;
    }
    pthread_mutex_unlock(&l->mutex);
    if (v == NULL)
        live_refuse(l, a, ADOPTION_LOST, &failure);
    return 0;
}

int live_serve_catalog(struct live *l, struct err *e)
{
    pthread_mutex_lock(&l->mutex);
    bool reload = l->want_reload;
    struct live_adoption *a = l->newcomer;
    l->want_reload = false;
    pthread_mutex_unlock(&l->mutex);
    if (reload && live_follow_catalog(l, e) != 0)
        return -1;
    return a == NULL ? 0 : take_newcomer(l, a, e);
}

void live_lose_newcomer(struct live *l)
{
    struct err lost = {ERR_DOWN, "the builder of the views had to start anew"};
    pthread_mutex_lock(&l->mutex);
    struct live_adoption *a = l->newcomer;
    l->newcomer = NULL;
    pthread_mutex_unlock(&l->mutex);
    if (a != NULL)
        live_refuse(l, a, ADOPTION_LOST, &lost);
}
