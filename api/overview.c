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
};

/* An overview under way. */
struct asking {
    struct api *api;
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
            if (strcmp(status[i].name, a->overview.views[k].plan->name) == 0)
                a->overview.views[k].lag_us = status[i].lag_us;
}

/* Where another process builds: by what was seen whenever somebody asked. */
static int64_t note_lag(struct api *a, unsigned view, uint64_t offset, uint64_t head)
{
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&a->lag_mutex);
    lag_note(&a->lags[view], offset, head, now_us);
    int64_t lag = lag_us(&a->lags[view], now_us);
    pthread_mutex_unlock(&a->lag_mutex);
    return lag;
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
            v->lag_us = note_lag(a->api, i, offset, o->log.next_seq);
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

static void on_state(void *context, const struct view_answer *answer, const struct err *e)
{
    struct view_asking *v = context;
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

static unsigned count_plans(const struct api *a)
{
    unsigned n = 0;
    while (a->parts.plans[n] != NULL)
        n++;
    return n;
}

void overview_ask(struct api_loop *l, void (*on_done)(void *context, const struct overview *o),
                  void *context)
{
    unsigned n = count_plans(l->api);
    struct asking *a = mem_alloc(sizeof *a + n * sizeof a->views[0]);
    *a = (struct asking){.api = l->api,
                         .now_us = http_loop_now_us(l->loop),
                         .awaited = n + 1,
                         .on_done = on_done,
                         .context = context};
    a->overview = (struct overview){.n = n, .redis_reachable = true};
    a->overview.views = mem_alloc((n + 1) * sizeof *a->overview.views);
    heads_get(l->api->heads, &a->overview.log);
    for (unsigned i = 0; i < n; i++) {
        struct err e = {0};
        a->views[i] = (struct view_asking){a, &a->overview.views[i]};
        a->overview.views[i].plan = l->api->parts.plans[i];
        a->overview.views[i].watermark_us = INT64_MIN;
        struct view_question q = {
            .plan = l->api->parts.plans[i], .on_answer = on_state, .context = &a->views[i]};
        if (view_reader_ask(l->reader, &q, &e) != 0) {
            note_failure(&a->views[i], &e);
            a->awaited--;
        }
    }
    if (--a->awaited == 0)
        finish(a);
}

/* ------------------------------------------------------------------ as an answer */

static uint32_t count_shown(const struct plan *p)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < p->n_measures; i++)
        n += !p->measures[i].hidden;
    return n;
}

static void put_names(const struct plan *p, struct writer *w)
{
    writer_key(w, "dimensions");
    writer_array(w, p->n_dimensions);
    for (unsigned i = 0; i < p->n_dimensions; i++)
        writer_text(w, span_of(p->dimensions[i].name));
    writer_key(w, "measures");
    writer_array(w, count_shown(p));
    for (unsigned i = 0; i < p->n_measures; i++)
        if (!p->measures[i].hidden)
            writer_text(w, span_of(p->measures[i].name));
    const struct tier *finest = p->tiers[0];
    writer_put_text(w, "step", span_of(finest->slot_us == US_PER_MINUTE ? "minute" : finest->name));
}

static void put_state(const struct view_overview *v, const struct overview *o, struct writer *w)
{
    char digest[33];
    digest_format(v->digest, digest);
    writer_put_text(w, "state", span_of(v->built ? "ready" : "building"));
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

void overview_put_views(const struct overview *o, struct writer *w)
{
    writer_array(w, o->n);
    for (unsigned i = 0; i < o->n; i++) {
        const struct view_overview *v = &o->views[i];
        writer_map(w, 12);
        writer_put_text(w, "name", span_of(v->plan->name));
        writer_put_text(w, "sql", span_of(v->plan->sql));
        put_names(v->plan, w);
        put_state(v, o, w);
    }
}
