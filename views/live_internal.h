/* SPDX-License-Identifier: Apache-2.0 */
/* The live builder's parts: live.c the thread, live_catalog.c which views there are, live_open.c
 * connecting and reconciling, live_flush.c flushing and switching, live_shared.c what other threads
 * see and ask for, live_snapshot.c snapshots for verifications. */
#ifndef VIEWS_LIVE_INTERNAL_H
#define VIEWS_LIVE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "views/feed.h"
#include "views/lag.h"
#include "views/live.h"

/* A place in the table. Places do not move, and one that others wait at is not taken again. */
struct live_view {
    /* changed by the live thread alone, under the mutex */
    bool in_use;
    bool arriving; /* a new view's first generation is the candidate; there is nothing else yet */
    const struct plan *plan;

    /* the live thread's own */
    char definition[65];
    uint64_t generation;
    struct builder *builder;   /* NULL: not open */
    struct builder *candidate; /* of the adoption; NULL: none */
    int64_t flushed_at_us;     /* monotonic */
    unsigned rebuilds;         /* since it was last up to date */
    uint64_t published;        /* offset, last told */
    bool spoilt;               /* its generation must not be gone on with */

    /* under the mutex */
    struct live_view_status status;
    struct lag lag; /* monotonic */
    struct live_snapshot snapshot;
    bool want_snapshot, has_snapshot;
    uint64_t asker;         /* who wants it */
    struct err no_snapshot; /* why it could not be opened */
    struct live_adoption *adoption;
};

struct live {
    struct live_options options;
    pthread_t thread;
    unsigned n_views;        /* places that were ever in use: changed as places are */
    struct live_view *views; /* VIEW_SET_MAX */

    /* the live thread's own */
    struct view_owner *owner;
    struct feed *feed;
    struct store *store; /* for pointers and leftovers */
    char log_id[37];
    int64_t checked_at_us;
    uint64_t followed; /* number of the catalog that the table follows */
    bool was_far;      /* behind the log, since it last rested */
    bool standing_by;  /* somebody else builds the views */

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* under the mutex */
    bool stopping;
    bool want_reload;
    uint64_t n_asked;               /* for snapshots, ever */
    struct live_adoption *newcomer; /* of a view that has no place yet */
    bool feed_open;                 /* the feed may be woken */
    bool is_owner;
    struct view_fence fence;
    enum live_state down_state; /* LIVE_STARTING or LIVE_STANDBY while not running */
    bool running;
    uint64_t head;
    char error[256];
};

/* ---- live_catalog.c */
/* Brings the table in line with PostgreSQL; cheap when nothing has changed. */
int live_follow_catalog(struct live *l, struct err *e) MUST_CHECK;
int live_start_catalog(struct live *l, struct err *e) MUST_CHECK; /* after connecting */
/* What others have asked for: a reload, a place. */
int live_serve_catalog(struct live *l, struct err *e) MUST_CHECK;
void live_lose_newcomer(struct live *l);
/* NULL with *e: there is none left. */
struct live_view *live_add_place(struct live *l, const struct plan *plan, struct err *e);
void live_remove_place(struct live *l, struct live_view *v);
/* It has arrived, or has another definition from now on. */
void live_set_plan(struct live *l, struct live_view *v, const struct plan *plan);
bool live_has_definition(const struct live_view *v, const struct plan *plan);

/* ---- live_open.c */
int live_connect(struct live *l, struct err *e) MUST_CHECK;
void live_disconnect(struct live *l); /* keeps the ownership, if its connection lives */
/* Opens a view's current generation, or a new one when that can't be gone on with. */
int live_open_view(struct live *l, struct live_view *v, struct err *e) MUST_CHECK;
void live_close_view(struct live *l, struct live_view *v);
/* Each open builder gets an equal part of it, after the number of views has changed. */
void live_share_memory(struct live *l);
/* Whether Redis still has what was written last: error if not. */
int live_check_view(struct live *l, struct live_view *v, struct err *e) MUST_CHECK;
struct view_ref live_ref(const struct live *l, const struct live_view *v, uint64_t generation);

/* ---- live_flush.c */
int live_flush_due(struct live *l, struct err *e) MUST_CHECK;
int live_flush_all(struct live *l, struct err *e) MUST_CHECK; /* before the end */
/* Views whose flush failed are opened again. */
int live_mend(struct live *l, struct err *e) MUST_CHECK;
/* Milliseconds until the next flush is due; -1: nothing to flush. */
int live_until_due(const struct live *l);

/* ---- live_shared.c */
int live_serve_requests(struct live *l, struct err *e) MUST_CHECK;
void live_publish(struct live *l, struct live_view *v);
void live_publish_down(struct live *l, enum live_state state, const char *error);
void live_end_adoption(struct live *l, struct live_view *v, enum adoption_outcome outcome,
                       const struct err *failure);
/* Of one that has no place. */
void live_refuse(struct live *l, struct live_adoption *a, enum adoption_outcome outcome,
                 const struct err *failure);
void live_lose_requests(struct live *l, struct live_view *v);
void live_saw_head(struct live *l, uint64_t head);
/* Under the mutex. */
struct live_view *live_find(struct live *l, const char *view); /* NULL: there is none */
void live_ask(struct live *l);                                 /* the live thread to look */

/* ---- live_snapshot.c */
int live_serve_snapshot(struct live *l, struct live_view *v, struct err *e) MUST_CHECK;
void live_lose_snapshot(struct live *l, struct live_view *v);

#endif
