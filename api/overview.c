/* SPDX-License-Identifier: Apache-2.0 */
#include "api/overview.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log/jobs.h"

struct asking;

struct view_asking {
    struct asking *all;
    struct view_overview *view;
    bool asked_again;
};

/* An overview under way. */
struct asking {
    struct api *api;
    struct view_reader *reader;
    const struct view_picture *picture;
    int64_t now_us;
    struct overview overview;
    unsigned awaited;
    bool builds; /* this process, at this moment */
    void (*on_done)(void *context, const struct overview *o);
    void *context;
    struct view_asking views[];
};

/* ------------------------------------------------------------------ lag */

static void note_head(struct overview *o, uint64_t head)
{
    if (head > o->log.next_seq)
        o->log.next_seq = head;
}

/* What the builder in this process knows better: the newest head, and since when a view is behind.
 */
static void ask_builder(struct asking *a)
{
    struct live_view_status status[JOB_MAX_VIEWS];
    unsigned n = live_status(a->api->parts.live, status, JOB_MAX_VIEWS);
    note_head(&a->overview, live_overview(a->api->parts.live).head);
    for (unsigned i = 0; i < n && i < JOB_MAX_VIEWS; i++)
        for (unsigned k = 0; k < a->overview.n; k++)
            if (strcmp(status[i].name, a->overview.views[k].view->name) == 0)
                a->overview.views[k].lag_us = status[i].lag_us;
}

static struct lag *lag_of(struct api *a, const char *view)
{
    for (unsigned i = 0; i < JOB_MAX_VIEWS; i++)
        if (strcmp(a->lags[i].view, view) == 0)
            return &a->lags[i].lag;
    return NULL;
}

/* A place for it: a free one, else that of a view that is gone. */
static struct lag *new_lag(struct api *a, const char *view, const struct view_picture *p)
{
    for (unsigned i = 0; i < JOB_MAX_VIEWS; i++)
        if (view_picture_find(p, span_of(a->lags[i].view)) == NULL) {
            memset(&a->lags[i], 0, sizeof a->lags[i]);
            snprintf(a->lags[i].view, sizeof a->lags[i].view, "%s", view);
            return &a->lags[i].lag;
        }
    return NULL;
}

/* Where another process builds: by what was seen whenever somebody asked. */
static int64_t note_lag(const struct asking *asking, const struct view_overview *v)
{
    struct api *a = asking->api;
    int64_t now_us = clock_monotonic_us(), result = 0;
    pthread_mutex_lock(&a->lag_mutex);
    struct lag *lag = lag_of(a, v->view->name);
    if (lag == NULL)
        lag = new_lag(a, v->view->name, asking->picture);
    if (lag != NULL) {
        lag_note(lag, v->built ? v->offset : 0, asking->overview.log.next_seq, now_us);
        result = lag_us(lag, now_us);
    }
    pthread_mutex_unlock(&a->lag_mutex);
    return result;
}

static void work_out_lags(struct asking *a)
{
    struct overview *o = &a->overview;
    for (unsigned i = 0; i < o->n; i++)
        if (o->views[i].built)
            note_head(o, o->views[i].offset); /* heads are read a moment later */
    for (unsigned i = 0; i < o->n; i++) {
        struct view_overview *v = &o->views[i];
        uint64_t offset = v->built ? v->offset : 0;
        v->lag_events = o->log.next_seq - offset;
        if (!a->builds)
            v->lag_us = note_lag(a, v);
        else if (v->lag_events == 0)
            v->lag_us = 0;
    }
}

/* ------------------------------------------------------------------ asking */

static void finish(struct asking *a)
{
    struct live *live = a->api->parts.live;
    a->builds = live != NULL && live_overview(live).owner;
    if (a->builds)
        ask_builder(a);
    work_out_lags(a);
    a->on_done(a->context, &a->overview);
    view_set_give_back(a->api->parts.views, a->picture);
    free(a->overview.views);
    free(a);
}

static void note_failure(struct view_asking *v, const struct err *e)
{
    struct overview *o = &v->all->overview;
    snprintf(v->view->reason, sizeof v->view->reason, "%.199s", e->text);
    if (e->kind != ERR_DOWN)
        return;
    o->redis_reachable = false;
    snprintf(o->redis_error, sizeof o->redis_error, "%.199s", e->text);
}

static bool ask_again(struct view_asking *v, const char *definition);

static void on_state(void *context, const struct view_answer *answer, const struct err *e)
{
    struct view_asking *v = context;
    if (answer != NULL && e != NULL && ask_again(v, answer->state.definition))
        return;
    if (e != NULL) {
        note_failure(v, e);
    } else {
        v->view->built = true;
        v->view->generation = answer->generation;
        v->view->offset = answer->state.offset;
        v->view->digest = answer->state.digest;
        v->view->watermark_us = answer->state.watermark_us;
    }
    if (--v->all->awaited == 0)
        finish(v->all);
}

static int ask_for(struct view_asking *v, const struct plan *plan, struct err *e)
{
    struct view_question q = {.plan = plan, .on_answer = on_state, .context = v};
    v->view->plan = plan;
    return view_reader_ask(v->all->reader, &q, e);
}

/* The definition is just being switched: once more, by the one that Redis holds. */
static bool ask_again(struct view_asking *v, const char *definition)
{
    const struct plan *plan = view_entry_defined(v->view->view, definition);
    struct err e = {0};
    if (plan == NULL || v->asked_again)
        return false;
    v->asked_again = true;
    return ask_for(v, plan, &e) == 0;
}

/* What is not read yet is not asked for. */
static void begin_view(struct view_asking *v, const struct view_entry *known)
{
    struct err e = {0};
    v->view->view = known;
    v->view->plan = view_entry_shown(known);
    v->view->watermark_us = INT64_MIN;
    if (known->state == VIEW_BUILDING)
        err_set(&e, ERR_BUSY, "view %s is being built", known->name);
    else if (known->state == VIEW_FAILED)
        err_set(&e, ERR_BUSY, "%s", known->failure);
    else if (ask_for(v, known->plan, &e) == 0)
        return;
    note_failure(v, &e);
    v->all->awaited--;
}

void overview_ask(struct api_loop *l, void (*on_done)(void *context, const struct overview *o),
                  void *context)
{
    const struct view_picture *picture = view_set_take(l->api->parts.views);
    unsigned n = picture->n;
    struct asking *a = mem_alloc(sizeof *a + n * sizeof a->views[0]);
    *a = (struct asking){.api = l->api,
                         .reader = l->reader,
                         .picture = picture,
                         .now_us = http_loop_now_us(l->loop),
                         .awaited = n + 1,
                         .on_done = on_done,
                         .context = context};
    a->overview = (struct overview){.n = n, .redis_reachable = true};
    a->overview.views = mem_alloc((n + 1) * sizeof *a->overview.views);
    heads_get(l->api->heads, &a->overview.log);
    for (unsigned i = 0; i < n; i++) {
        a->views[i] = (struct view_asking){a, &a->overview.views[i], false};
        begin_view(&a->views[i], &picture->views[i]);
    }
    if (--a->awaited == 0)
        finish(a);
}

/* ------------------------------------------------------------------ as an answer */

static uint32_t count_shown(const struct plan *p)
{
    uint32_t n = 0;
    for (unsigned i = 0; p != NULL && i < p->n_measures; i++)
        n += !p->measures[i].hidden;
    return n;
}

static void put_names(const struct plan *p, struct writer *w)
{
    writer_put_text(w, "relation", p == NULL ? SPAN_ABSENT : span_of(p->relation->name));
    unsigned n_dimensions = p == NULL ? 0 : p->n_dimensions,
             n_measures = p == NULL ? 0 : p->n_measures;
    writer_key(w, "dimensions");
    writer_array(w, n_dimensions);
    for (unsigned i = 0; i < n_dimensions; i++)
        writer_text(w, span_of(p->dimensions[i].name));
    writer_key(w, "measures");
    writer_array(w, count_shown(p));
    for (unsigned i = 0; i < n_measures; i++)
        if (!p->measures[i].hidden)
            writer_text(w, span_of(p->measures[i].name));
    const struct tier *finest = p == NULL ? NULL : p->tiers[0];
    writer_put_text(w, "step",
                    finest == NULL                     ? SPAN_ABSENT
                    : finest->slot_us == US_PER_MINUTE ? span_of("minute")
                                                       : span_of(finest->name));
}

/* Without Redis nobody knows where a view stands that was ready. */
static bool is_unknown(const struct view_overview *v, const struct overview *o)
{
    return !v->built && !o->redis_reachable && v->view->state == VIEW_READY;
}

static const char *state_of(const struct view_overview *v, const struct overview *o)
{
    return v->view->state == VIEW_FAILED ? "failed"
           : v->built                    ? "ready"
           : is_unknown(v, o)            ? "unknown"
                                         : "building";
}

static struct span error_of(const struct view_overview *v, const struct overview *o)
{
    if (v->view->failure[0] != '\0')
        return span_of(v->view->failure);
    return is_unknown(v, o) ? span_of(v->reason) : SPAN_ABSENT;
}

static void put_state(const struct view_overview *v, const struct overview *o, struct writer *w)
{
    char digest[33];
    digest_format(v->digest, digest);
    writer_put_text(w, "state", span_of(state_of(v, o)));
    writer_put_bool(w, "changing", v->view->plan != NULL && v->view->pending != NULL);
    writer_put_text(w, "error", error_of(v, o));
    writer_key(w, "generation");
    if (v->built)
        writer_int(w, (int64_t)v->generation);
    else
        writer_null(w);
    writer_put_int(w, "offset", (int64_t)v->offset);
    writer_put_int(w, "head", (int64_t)o->log.next_seq);
    writer_key(w, "lag");
    writer_map(w, 2);
    writer_put_int(w, "events", (int64_t)v->lag_events);
    writer_key(w, "seconds");
    writer_double(w, (double)v->lag_us / US_PER_SECOND);
    writer_put_text(w, "digest", v->built ? span_of(digest) : SPAN_ABSENT);
    api_put_time(w, "watermark", v->watermark_us == INT64_MIN ? 0 : v->watermark_us);
}

void overview_put_view(const struct overview *o, const struct view_overview *v, struct writer *w)
{
    writer_put_text(w, "name", span_of(v->view->name));
    writer_put_text(w, "sql", span_of(v->view->sql));
    put_names(v->plan, w);
    put_state(v, o, w);
}

void overview_put_views(const struct overview *o, struct writer *w)
{
    writer_array(w, o->n);
    for (unsigned i = 0; i < o->n; i++) {
        writer_map(w, OVERVIEW_MEMBERS);
        overview_put_view(o, &o->views[i], w);
    }
}
