/* SPDX-License-Identifier: Apache-2.0 */
/* A replay: views are built again from seq 0, each into a generation of its own beside the current
 * one, all by one pass over the log. Near the head the live thread takes each over, compares it
 * with the current one at the same offset, and switches (live_adopt).
 *
 * Nothing is remembered but what PostgreSQL (the job, the generation that is `building`) and Redis
 * (that generation's state) hold, so that going on after a kill is the same as starting. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/writer.h"
#include "views/feed.h"
#include "views/generation.h"
#include "views/job_run.h"

enum { LOST_PAUSE_NS = 100000000, MAX_REFUSALS = 3 };

struct replay_view {
    const struct plan *plan;
    char definition[65];
    uint64_t generation;
    struct builder *builder; /* while it is fed */
    bool done;
    bool compared;
    uint64_t offset;
    struct digest before, after;
    int64_t done_us;
    int refusals;
};

struct replay {
    struct job_run *run;
    struct feed *feed;
    struct builder_owner owner;
    int64_t flushed_us;
    unsigned n;
    struct replay_view views[JOB_MAX_VIEWS];
};

/* ---- opening generations */

static struct builder *new_builder(const struct replay *r, const struct replay_view *v)
{
    const struct live_options *live = r->run->live;
    const struct job_runner_options *o = r->run->options;
    return builder_new(&(struct builder_options){
        .plan = v->plan,
        .ref = {live->redis_prefix, v->plan->name, v->generation, live->partition},
        .store = live->store,
        .limits = {o->limits.max_cells, o->limits.max_bytes / r->n},
        .max_open_bytes = o->max_open_bytes / r->n});
}

/* The generation the job works on: one it has begun already, or a new one. The view is done when
 * its current generation was begun after the job: by an earlier run of the job, without our being
 * told, or by the live builder, which had to build it anew from the log. */
static int find_generation(struct replay *r, struct replay_view *v, struct err *e)
{
    struct view_record record = {v->plan->name, v->plan->sql, v->definition};
    struct job_run *run = r->run;
    uint64_t current, newer;
    if (view_registry_define(run->sql, run->fence, &record, &current, e) != 0 ||
        view_registry_current_since(run->sql, run->fence, v->plan->name, run->job->started_us,
                                    &newer, e) != 0)
        return -1;
    v->done = newer != 0;
    if (v->done) {
        v->compared = v->compared && newer == v->generation;
        v->generation = newer;
        v->done_us = clock_monotonic_us();
        return 0;
    }
    if (view_registry_building(run->sql, run->fence, v->plan->name, &v->generation, e) != 0)
        return -1;
    return v->generation != 0 ? 0
                              : view_registry_add(run->sql, run->fence, &record,
                                                  GENERATION_BUILDING, &v->generation, e);
}

static int open_view(struct replay *r, struct replay_view *v, struct err *e)
{
    struct generation_found found;
    bool any;
    if (find_generation(r, v, e) != 0)
        return -1;
    if (v->done)
        return 0;
    v->builder = new_builder(r, v);
    if (generation_go_on(v->builder, feed_questions(r->feed), &r->owner, &found, e) != 0)
        return -1;
    if (!found.usable &&
        (builder_load(v->builder, &any, e) != 0 || builder_create(v->builder, &r->owner, e) != 0))
        return -1;
    return feed_add(r->feed, v->builder, e);
}

static void close_all(struct replay *r)
{
    for (unsigned i = 0; i < r->n; i++) {
        builder_free(r->views[i].builder);
        r->views[i].builder = NULL;
    }
    feed_close(r->feed);
    r->feed = NULL;
}

static int open_all(struct replay *r, struct err *e)
{
    struct feed_options o = {r->run->live->postgres_uri, r->run->live->partition,
                             r->run->options->chunk_events};
    struct log_identity identity;
    if (feed_open(&r->feed, &o, e) != 0 || log_identity(feed_questions(r->feed), &identity, e) != 0)
        return -1;
    r->owner.epoch = r->run->fence.epoch;
    memcpy(r->owner.log_id, identity.log_id, sizeof(r->owner.log_id));
    for (unsigned i = 0; i < r->n; i++)
        if (!r->views[i].done && open_view(r, &r->views[i], e) != 0)
            return -1;
    r->flushed_us = clock_monotonic_us();
    return 0;
}

/* ---- the pass */

static int check_builders(const struct replay *r, struct err *e)
{
    for (unsigned i = 0; i < r->n; i++) {
        const struct builder *b = r->views[i].builder;
        if (b != NULL && builder_failure(b) != NULL)
            return err_set(e, builder_failure(b)->kind, "%s", builder_failure(b)->text);
    }
    return 0;
}

static int flush_all(struct replay *r, struct err *e)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->views[i].builder != NULL && feed_flush(r->feed, r->views[i].builder, e) != 0)
            return -1;
    r->flushed_us = clock_monotonic_us();
    return check_builders(r, e);
}

/* Where the last one is. */
static uint64_t events_done(const struct replay *r)
{
    uint64_t done = UINT64_MAX;
    for (unsigned i = 0; i < r->n; i++) {
        uint64_t offset = r->views[i].done ? UINT64_MAX : builder_offset(r->views[i].builder);
        done = offset < done ? offset : done;
    }
    return done;
}

static int tell(struct replay *r, uint64_t *total, struct err *e)
{
    *total = feed_seen(r->feed) > *total ? feed_seen(r->feed) : *total;
    return job_run_tell(r->run, events_done(r), *total, e);
}

/* Until what is left is less than a chunk. */
static int read_log(struct replay *r, struct err *e)
{
    uint64_t total;
    enum feed_step step = FEED_FULL;
    if (log_head(feed_questions(r->feed), r->run->live->partition, &total, e) != 0)
        return -1;
    for (; step == FEED_FULL && !r->run->cancelled;) {
        if (tell(r, &total, e) != 0 || feed_step(r->feed, &step, e) != 0 ||
            check_builders(r, e) != 0)
            return -1;
        if (clock_monotonic_us() - r->flushed_us > (int64_t)r->run->options->flush_ms * 1000 &&
            flush_all(r, e) != 0)
            return -1;
    }
    if (r->run->cancelled)
        return 0;
    if (flush_all(r, e) != 0)
        return -1;
    total = feed_seen(r->feed);
    return job_run_tell_now(r->run, events_done(r), total, e);
}

/* What Redis holds is what was sent. */
static int check_stored(const struct replay *r, struct err *e)
{
    for (unsigned i = 0; i < r->n; i++) {
        struct replay_view const *v = &r->views[i];
        struct digest stored;
        if (v->builder == NULL)
            continue;
        if (builder_stored_digest(v->builder, &stored, e) != 0)
            return -1;
        if (!digest_equal(stored, builder_state(v->builder)->digest))
            return err_set(e, ERR_DATA,
                           "the pages of view %s, generation %" PRIu64
                           ", are not what was written: is something else writing to this Redis?",
                           v->plan->name, v->generation);
    }
    return 0;
}

/* ---- handing over */

static bool wants_out(void *context)
{
    struct job_run *run = context;
    struct err e = {0};
    return job_run_tell_now(run, run->progress.events_done, run->progress.events_total, &e) != 0 ||
           run->cancelled;
}

/* What was built is of no use: it is spoilt, or the live builder has begun a newer one. */
static int give_up(struct replay *r, struct replay_view *v, const struct err *failure,
                   struct err *e)
{
    if (++v->refusals == MAX_REFUSALS)
        return err_set(e, failure->kind, "%s", failure->text);
    diag(DIAG_WARNING, "views", "replay of %s: %s; again", v->plan->name, failure->text);
    return view_registry_abandon(r->run->sql, r->run->fence, v->plan->name, v->generation, e);
}

static void note(struct replay_view *v, const struct live_adoption *a)
{
    v->done = a->outcome == ADOPTION_SWITCHED;
    v->done_us = clock_monotonic_us();
    if (!a->compared)
        return;
    v->compared = true;
    v->offset = a->offset;
    v->before = a->before;
    v->after = a->after;
}

static int hand_over(struct replay *r, struct replay_view *v, struct err *e)
{
    struct live_adoption a = {.builder = v->builder,
                              .generation = v->generation,
                              .withdrawn = wants_out,
                              .context = r->run};
    v->builder = NULL;
    live_adopt(r->run->options->live, v->plan->name, &a);
    note(v, &a);
    switch (a.outcome) {
    case ADOPTION_REFUSED:
        return give_up(r, v, &a.failure, e);
    case ADOPTION_LOST: /* opened again, but the live builder comes first */
        clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, LOST_PAUSE_NS}, NULL);
        return 0;
    case ADOPTION_WITHDRAWN:
        return r->run->cancelled ? 0 : err_set(e, ERR_BUSY, "stopping");
    default:
        return 0;
    }
}

static bool all_done(const struct replay *r)
{
    for (unsigned i = 0; i < r->n; i++)
        if (!r->views[i].done)
            return false;
    return true;
}

static int one_pass(struct replay *r, struct err *e)
{
    if (open_all(r, e) != 0)
        return -1;
    if (all_done(r))
        return 0;
    if (read_log(r, e) != 0 || (!r->run->cancelled && check_stored(r, e) != 0))
        return -1;
    feed_close(r->feed);
    r->feed = NULL;
    for (unsigned i = 0; i < r->n && !r->run->cancelled; i++)
        if (!r->views[i].done && hand_over(r, &r->views[i], e) != 0)
            return -1;
    return 0;
}

/* ---- the job */

static void put_view(struct writer *w, const struct replay *r, const struct replay_view *v)
{
    char before[33], after[33];
    double seconds = (double)(v->done_us - r->run->started_us) / 1e6;
    digest_format(v->before, before);
    digest_format(v->after, after);
    writer_map(w, v->compared ? 9 : 4);
    writer_put_text(w, "view", span_of(v->plan->name));
    writer_put_int(w, "generation", (int64_t)v->generation);
    writer_put_bool(w, "compared", v->compared);
    writer_key(w, "seconds");
    writer_double(w, seconds);
    if (!v->compared)
        return;
    writer_put_int(w, "events", (int64_t)v->offset);
    writer_put_int(w, "offset", (int64_t)v->offset);
    writer_put_text(w, "digest_before", span_of(before));
    writer_put_text(w, "digest_after", span_of(after));
    writer_put_bool(w, "same", digest_equal(v->before, v->after));
}

static void put_result(const struct replay *r)
{
    struct writer w = writer_to(&r->run->result, WRITE_JSON);
    uint32_t done = 0;
    for (unsigned i = 0; i < r->n; i++)
        done += r->views[i].done;
    writer_map(&w, 1);
    writer_key(&w, "views");
    writer_array(&w, done);
    for (unsigned i = 0; i < r->n; i++)
        if (r->views[i].done)
            put_view(&w, r, &r->views[i]);
    writer_end(&w);
}

static int find_views(struct replay *r, struct err *e)
{
    for (r->n = 0; r->n < r->run->job->n_views; r->n++) {
        struct replay_view *v = &r->views[r->n];
        v->plan = job_run_plan(r->run, r->n, e);
        if (v->plan == NULL)
            return -1;
        plan_hash(v->plan, v->definition);
    }
    return 0;
}

int replay_run(struct job_run *run, enum job_state *outcome, struct err *e)
{
    struct replay *r = mem_alloc(sizeof(*r));
    r->run = run;
    int result = find_views(r, e);
    while (result == 0 && !run->cancelled && !all_done(r)) {
        result = one_pass(r, e);
        close_all(r);
    }
    if (result == 0)
        put_result(r);
    close_all(r);
    *outcome = run->cancelled && !all_done(r) ? JOB_CANCELLED : JOB_DONE;
    free(r);
    return result;
}
