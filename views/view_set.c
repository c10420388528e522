/* SPDX-License-Identifier: Apache-2.0 */
/* The mutex is held to count holders and to exchange a pointer, never for I/O: pictures are made
 * beside it, and of two that are made at once the newer stays. */
#include "views/view_set.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"
#include "log/view_versions.h"
#include "views/catalog.h"

struct held_picture {
    struct view_picture picture; /* first: the address is the same */
    unsigned holders;            /* under the mutex */
};

struct view_set {
    pthread_mutex_t mutex;
    struct held_picture *current;
};

/* ---- holding */

static void free_picture(struct held_picture *h)
{
    for (unsigned i = 0; i < h->picture.n; i++)
        free(h->picture.views[i].sql);
    free(h);
}

static void let_go(struct held_picture *h)
{
    if (--h->holders == 0)
        free_picture(h);
}

struct view_set *view_set_new(void)
{
    struct view_set *s = mem_alloc(sizeof(*s));
    pthread_mutex_init(&s->mutex, NULL);
    s->current = mem_alloc(sizeof(*s->current));
    s->current->holders = 1;
    return s;
}

void view_set_free(struct view_set *s)
{
    if (s == NULL)
        return;
    let_go(s->current);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

const struct view_picture *view_set_take(struct view_set *s)
{
    pthread_mutex_lock(&s->mutex);
    struct held_picture *h = s->current;
    h->holders++;
    pthread_mutex_unlock(&s->mutex);
    return &h->picture;
}

void view_set_give_back(struct view_set *s, const struct view_picture *p)
{
    pthread_mutex_lock(&s->mutex);
    let_go((struct held_picture *)(uintptr_t)p);
    pthread_mutex_unlock(&s->mutex);
}

const struct view_entry *view_picture_find(const struct view_picture *p, struct span name)
{
    for (unsigned i = 0; i < p->n; i++)
        if (span_is(name, p->views[i].name))
            return &p->views[i];
    return NULL;
}

bool view_set_find(struct view_set *s, struct span name, struct view_entry *out)
{
    const struct view_picture *p = view_set_take(s);
    const struct view_entry *found = view_picture_find(p, name);
    if (found != NULL) {
        *out = *found;
        out->sql = NULL;
    }
    view_set_give_back(s, p);
    return found != NULL;
}

const struct plan *view_entry_defined(const struct view_entry *v, const char *definition)
{
    const struct plan *const all[] = {v->plan, v->pending, v->previous};
    char own[65];
    for (unsigned i = 0; i < 3; i++) {
        if (all[i] == NULL)
            continue;
        plan_hash(all[i], own);
        if (strcmp(own, definition) == 0)
            return all[i];
    }
    return NULL;
}

/* ---- making one */

struct making {
    struct held_picture *next;
};

static struct view_entry *entry_of(struct view_picture *p, struct span name)
{
    const struct view_entry *found = view_picture_find(p, name);
    if (found != NULL || p->n == VIEW_SET_MAX)
        return (struct view_entry *)(uintptr_t)found;
    struct view_entry *v = &p->views[p->n++];
    snprintf(v->name, sizeof(v->name), "%.*s", SPAN_ARGS(name));
    v->state = VIEW_BUILDING;
    return v;
}

static const struct plan *plan_of(struct view_entry *v, const struct view_version *version)
{
    struct err e = {0};
    const struct plan *plan = NULL;
    char *sql = mem_copy_span(version->sql), *canonical = mem_copy_span(version->canonical);
    if (catalog_plan(&(struct catalog_text){v->name, sql, canonical}, &plan, &e) != 0)
        snprintf(v->failure, sizeof(v->failure), "%.199s", e.text);
    free(sql);
    free(canonical);
    return plan;
}

/* The current version comes before the pending one. */
static void add_version(void *context, const struct view_version *version)
{
    struct making *m = context;
    struct view_entry *v = entry_of(&m->next->picture, version->view);
    if (v == NULL)
        return;
    const struct plan *plan = plan_of(v, version);
    if (v->sql == NULL)
        v->sql = mem_copy_span(version->sql);
    if (span_is(version->state, "pending")) {
        v->pending = plan;
        return;
    }
    v->state = plan == NULL ? VIEW_FAILED : VIEW_READY;
    v->plan = plan;
}

static void settle(struct view_entry *v, const struct view_entry *last)
{
    if (v->plan == NULL && v->pending == NULL)
        v->state = VIEW_FAILED;
    if (v->failure[0] != '\0' && (last == NULL || strcmp(last->failure, v->failure) != 0))
        diag(DIAG_ERROR, "views", "view %s is left out: %s", v->name, v->failure);
    if (last != NULL)
        v->previous = last->plan != v->plan ? last->plan : last->previous;
}

/* A number can also go back: PostgreSQL may have been restored from a backup. */
static void publish(struct view_set *s, struct held_picture *next, const struct view_picture *last)
{
    pthread_mutex_lock(&s->mutex);
    struct held_picture *old = next;
    if (&s->current->picture == last || next->picture.number > s->current->picture.number) {
        old = s->current;
        s->current = next;
    }
    let_go(old);
    pthread_mutex_unlock(&s->mutex);
}

static int take_picture(struct view_set *s, const struct view_picture *last, uint64_t number,
                        struct sql *sql, struct err *e)
{
    struct making m = {.next = mem_alloc(sizeof(*m.next))};
    struct view_picture *p = &m.next->picture;
    m.next->holders = 1;
    p->number = number;
    if (view_versions_in_use(sql, &(struct view_versions_each){add_version, &m}, e) != 0) {
        free_picture(m.next);
        return -1;
    }
    for (unsigned i = 0; i < p->n; i++)
        settle(&p->views[i], view_picture_find(last, span_of(p->views[i].name)));
    publish(s, m.next, last);
    return 0;
}

int view_set_refresh(struct view_set *s, struct sql *sql, struct err *e)
{
    uint64_t number;
    if (view_versions_number(sql, &number, e) != 0)
        return -1;
    const struct view_picture *last = view_set_take(s);
    int result = last->number == number ? 0 : take_picture(s, last, number, sql, e);
    view_set_give_back(s, last);
    return result;
}
