/* SPDX-License-Identifier: Apache-2.0 */
/* A replay: views are built again from seq 0, each into a generation of its own beside the current
 * one, all by one pass over the log. Near the head the live thread takes each over, compares it
 * with the current one at the same offset, and switches (live_adopt).
 *
 * The builders are spread over a few threads. Who sends and reads comes first: the threads are
 * nice, between chunks the replay gives way to the live builder, and what one transaction brings to
 * Redis is bounded, since Redis does nothing else meanwhile.
 *
 * Nothing is remembered but what PostgreSQL (the job, the generation that is `building`) and Redis
 * (that generation's state) hold, so that going on after a kill is the same as starting. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/writer.h"
#include "views/feed.h"
#include "views/generation.h"
#include "views/job_run.h"
#include "views/open_pages.h"
#include "views/pace.h"

enum {
    LOST_PAUSE_US = 100000,
    MAX_REFUSALS = 3,
    MAX_LIVE_LAG_MS = 100, /* more than the live views need for a flush at any time */
    MIN_CHUNK_EVENTS = 500
};

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
    bool unwanted; /* done, since its definition is not wanted any more */
};

struct replay {
    struct job_run *run;
    struct parallel *parallel;
    struct feed *feed;
    struct open_budget open_budget;
    struct pace pace;
    uint32_t rate; /* events a second; 0: no limit */
    struct builder_owner owner;
    int64_t flushed_us;
    unsigned n;
    struct replay_view views[JOB_MAX_VIEWS];
};

/* ---- opening generations */

static struct builder *new_builder(struct replay *r, const struct replay_view *v)
{
    const struct live_options *live = r->run->live;
    const struct job_runner_options *o = r->run->options;
    return builder_new(
        &(struct builder_options){.plan = v->plan,
                                  .ref = {.prefix = live->redis_prefix,
                                          .view = v->plan->name,
                                          .generation = v->generation,
                                          .partition = live->partition},
                                  .store = live->store,
                                  .limits = {o->limits.max_cells, o->max_flush_bytes},
                                  .max_open_bytes = o->max_open_bytes / r->n,
                                  .open_budget = &r->open_budget});
}

/* The generation the job works on: one it has begun already, or a new one. The view is done when
 * its current generation was begun after the job: by an earlier run of the job, without our being
 * told, or by the live builder, which had to build it anew from the log; and when it was dropped or
 * given another definition since. */
static int find_generation(struct replay *r, struct replay_view *v, struct err *e)
{
    struct view_record record = {v->plan->name, v->plan->sql, v->definition, v->plan->canonical};
    struct job_run *run = r->run;
    uint64_t newer;
    bool wanted;
    if (view_registry_wants(run->sql, run->fence, &record, &wanted, e) != 0 ||
        view_registry_current_since(run->sql, run->fence, &record, run->job->started_us, &newer,
                                    e) != 0)
        return -1;
    v->unwanted = !wanted;
    v->done = v->unwanted || newer != 0;
    if (v->unwanted)
        return 0;
    if (v->done) {
        v->compared = v->compared && newer == v->generation;
        v->generation = newer;
        v->done_us = clock_monotonic_us();
        return 0;
    }
    if (view_registry_building(run->sql, run->fence, &record, &v->generation, e) != 0)
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

/* Under a limit small ones, so that it goes on evenly. */
static uint32_t chunk_events(const struct replay *r)
{
    uint32_t most = r->run->options->chunk_events, even = r->rate / 10;
    if (r->rate == 0 || even >= most)
        return most;
    return even > MIN_CHUNK_EVENTS ? even : MIN_CHUNK_EVENTS < most ? MIN_CHUNK_EVENTS : most;
}

static int open_all(struct replay *r, struct err *e)
{
    struct feed_options o = {r->run->live->postgres_uri, r->run->live->partition, chunk_events(r),
                             r->parallel};
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

/* The builders that hold more than so much; returns how many. */
static unsigned list_builders(const struct replay *r, size_t min_bytes,
                              struct builder *out[JOB_MAX_VIEWS])
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->n; i++)
        if (r->views[i].builder != NULL && builder_bytes(r->views[i].builder) >= min_bytes)
            out[n++] = r->views[i].builder;
    return n;
}

static int flush_those_over(struct replay *r, size_t min_bytes, struct err *e)
{
    struct builder *builders[JOB_MAX_VIEWS];
    unsigned n = list_builders(r, min_bytes, builders);
    return feed_flush_some(r->feed, builders, n, e) != 0 ? -1 : check_builders(r, e);
}

static int flush_all(struct replay *r, struct err *e)
{
    r->flushed_us = clock_monotonic_us();
    return flush_those_over(r, 0, e);
}

/* Views differ in what they collect by a factor of a hundred: the bound is on the sum, and those go
 * first that bring it down most. */
static int keep_within(struct replay *r, struct err *e)
{
    struct builder *builders[JOB_MAX_VIEWS];
    size_t sum = 0;
    unsigned n = list_builders(r, 0, builders);
    for (unsigned i = 0; i < n; i++)
        sum += builder_bytes(builders[i]);
    return sum < r->run->options->limits.max_bytes ? 0 : flush_those_over(r, sum / n, e);
}

/* ---- giving way */

/* What a view in good health is behind the log. Those that are held, or not running, wait for
 * something else than us. */
static int64_t live_lag_us(const struct replay *r)
{
    struct live_view_status views[JOB_MAX_VIEWS];
    int64_t most_us = 0;
    unsigned n = live_status(r->run->options->live, views, JOB_MAX_VIEWS);
    for (unsigned i = 0; i < n && i < JOB_MAX_VIEWS; i++)
        if ((views[i].state == LIVE_READY || views[i].state == LIVE_BUILDING) &&
            views[i].lag_us > most_us)
            most_us = views[i].lag_us;
    return most_us;
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

/* Until the next chunk may be read, or the job is cancelled. */
static int keep_pace(struct replay *r, uint64_t *total, struct err *e)
{
    enum { LOOK_US = 100000 };
    int64_t wait_us;
    while (tell(r, total, e) == 0) {
        wait_us = pace_wait_us(&r->pace, live_lag_us(r), clock_monotonic_us());
        if (wait_us == 0 || r->run->cancelled)
            return 0;
        job_run_pause(r->run, wait_us < LOOK_US ? wait_us : LOOK_US);
    }
    return -1;
}

static int read_chunk(struct replay *r, enum feed_step *step, struct err *e)
{
    uint64_t before = feed_events(r->feed);
    if (feed_step(r->feed, step, e) != 0 || check_builders(r, e) != 0 || keep_within(r, e) != 0)
        return -1;
    pace_note(&r->pace, feed_events(r->feed) - before, clock_monotonic_us());
    bool due = clock_monotonic_us() - r->flushed_us > (int64_t)r->run->options->flush_ms * 1000;
    return due ? flush_all(r, e) : 0;
}

static void start_pace(struct replay *r)
{
    int64_t flushes_us = (int64_t)r->run->live->flush_ms * 2000;
    int64_t max_lag_us = MAX_LIVE_LAG_MS * 1000;
    pace_init(&r->pace, r->rate, flushes_us > max_lag_us ? flushes_us : max_lag_us,
              clock_monotonic_us());
}

/* Until what is left is less than a chunk. */
static int read_log(struct replay *r, struct err *e)
{
    uint64_t total;
    enum feed_step step = FEED_FULL;
    if (log_head(feed_questions(r->feed), r->run->live->partition, &total, e) != 0)
        return -1;
    start_pace(r);
    while (step == FEED_FULL && !r->run->cancelled)
        if (keep_pace(r, &total, e) != 0 || (!r->run->cancelled && read_chunk(r, &step, e) != 0))
            return -1;
    if (r->run->cancelled)
        return 0;
    if (flush_all(r, e) != 0)
        return -1;
    total = feed_seen(r->feed);
    return job_run_tell_now(r->run, events_done(r), total, e);
}

/* What Redis holds is what was sent. */
static int check_view(const struct replay_view *v, struct err *e)
{
    struct digest stored;
    if (v->builder == NULL)
        return 0;
    if (builder_stored_digest(v->builder, &stored, e) != 0)
        return -1;
    if (digest_equal(stored, builder_state(v->builder)->digest))
        return 0;
    return err_set(e, ERR_DATA,
                   "the pages of view %s, generation %" PRIu64
                   ", are not what was written: is something else writing to this Redis?",
                   v->plan->name, v->generation);
}

struct checking {
    const struct replay *replay;
    struct err failures[JOB_MAX_VIEWS];
};

static void check_one(void *context, unsigned i)
{
    struct checking *c = context;
    (void)(check_view(&c->replay->views[i], &c->failures[i]) != 0);
}

static int check_stored(const struct replay *r, struct err *e)
{
    struct checking c = {.replay = r};
    parallel_run(r->parallel, r->n, check_one, &c);
    for (unsigned i = 0; i < r->n; i++)
        if (c.failures[i].kind != ERR_NONE)
            return err_set(e, c.failures[i].kind, "%s", c.failures[i].text);
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
    const struct live_options *live = r->run->live;
    unsigned n_live = live_count(r->run->options->live);
    builder_bound(
        v->builder,
        (struct aggregate_limits){live->limits.max_cells, live->limits.max_bytes / n_live},
        live->max_open_bytes / n_live);
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
        job_run_pause(r->run, LOST_PAUSE_US);
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
        done += r->views[i].done && !r->views[i].unwanted;
    writer_map(&w, 1);
    writer_key(&w, "views");
    writer_array(&w, done);
    for (unsigned i = 0; i < r->n; i++)
        if (r->views[i].done && !r->views[i].unwanted)
            put_view(&w, r, &r->views[i]);
    writer_end(&w);
}

static int find_views(struct replay *r, struct err *e)
{
    unsigned known = 0;
    for (r->n = 0; r->n < r->run->job->n_views; r->n++) {
        struct replay_view *v = &r->views[r->n];
        struct err failure = {0};
        v->plan = job_run_plan(r->run, r->n, &failure);
        if (v->plan != NULL)
            plan_hash(v->plan, v->definition);
        else if (failure.kind != ERR_INPUT)
            return err_set(e, failure.kind, "%s", failure.text);
        else
            v->unwanted = v->done = true;
        known += v->plan != NULL;
    }
    return known > 0 ? 0 : err_set(e, ERR_INPUT, "there is no view %s", r->run->job->views[0]);
}

/* Of what it was for nothing is wanted any more: the views were dropped or changed meanwhile. */
static bool is_pointless(const struct replay *r)
{
    for (unsigned i = 0; i < r->n; i++)
        if (!r->views[i].unwanted)
            return false;
    return true;
}

static int start_threads(struct replay *r, struct err *e)
{
    const struct job_speed *asked = &r->run->job->speed;
    const struct job_runner_options *o = r->run->options;
    r->rate = asked->rate_given ? asked->rate : o->replay_rate;
    r->open_budget.max_bytes = o->max_open_bytes;
    return parallel_open(&r->parallel, asked->threads != 0 ? asked->threads : o->replay_threads, e);
}

int replay_run(struct job_run *run, enum job_state *outcome, struct err *e)
{
    struct replay *r = mem_alloc(sizeof(*r));
    r->run = run;
    int result = find_views(r, e);
    if (result == 0)
        result = start_threads(r, e);
    while (result == 0 && !run->cancelled && !all_done(r)) {
        result = one_pass(r, e);
        close_all(r);
    }
    if (result == 0)
        put_result(r);
    close_all(r);
    parallel_close(r->parallel);
    bool cancelled = (run->cancelled && !all_done(r)) || is_pointless(r);
    *outcome = cancelled ? JOB_CANCELLED : JOB_DONE;
    free(r);
    return result;
}
