/* SPDX-License-Identifier: Apache-2.0 */
#include "views/job_runner.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/table.h"
#include "base/thread.h"
#include "views/job_run.h"

enum {
    POLL_MS = 1000, /* for jobs that other processes add */
    TELL_MS = 500,
    NICE = 10 /* who appends, reads and keeps the views up to date comes first */
};

const struct job_runner_options job_runner_defaults = {
    .limits = {.max_cells = 500000, .max_bytes = 10 << 20},
    .max_flush_bytes = 10 << 20,
    .max_open_bytes = 8 << 20,
    .chunk_events = 20000,
    .flush_ms = 5000,
    .replay_threads = 1,
    .self_check = 1,
};

/* Of the job that runs, or ran last; by job_kind. */
static struct metric events_done[] = {
    {.name = "footfall_job_events_done",
     .labels = "kind=\"replay\"",
     .help = "Events the running or last job has gone through.",
     .type = METRIC_GAUGE},
    {.name = "footfall_job_events_done",
     .labels = "kind=\"verify\"",
     .help = "Events the running or last job has gone through.",
     .type = METRIC_GAUGE},
};
static struct metric events_total[] = {
    {.name = "footfall_job_events_expected",
     .labels = "kind=\"replay\"",
     .help = "Events the running or last job has to go through.",
     .type = METRIC_GAUGE},
    {.name = "footfall_job_events_expected",
     .labels = "kind=\"verify\"",
     .help = "Events the running or last job has to go through.",
     .type = METRIC_GAUGE},
};

static void register_metrics(void)
{
    for (int kind = 0; kind < 2; kind++) {
        metric_register(&events_done[kind]);
        metric_register(&events_total[kind]);
    }
}

struct worker {
    struct job_runner *all;
    enum job_kind kind;
    pthread_t thread;
    bool started;
    struct sql *sql;     /* the thread's own; NULL: not connected */
    struct store *store; /* for deleting; NULL: not connected */
    int64_t check_at_us; /* monotonic: when the next self-check is due */
};

struct job_runner {
    struct job_runner_options options;
    struct worker workers[2];
    atomic_bool stopping;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned wakes;                   /* under the mutex */
    struct self_check_report checked; /* the same */
};

/* ---- one job */

const struct plan *job_run_plan(const struct job_run *r, unsigned i, struct err *e)
{
    const char *name = r->job->views[i];
    bool replay = r->job->kind == JOB_REPLAY;
    struct view_entry v;
    if (!view_set_find(r->live->views, span_of(name), &v))
        err_set(e, ERR_INPUT, "there is no view %s", name);
    else if (replay && v.pending != NULL) /* also in place of one that has failed */
        return v.pending;
    else if (v.state == VIEW_FAILED)
        err_set(e, ERR_DATA, "view %s: %s", name, v.failure);
    else if (v.plan == NULL && !replay)
        err_set(e, ERR_DATA, "view %s is still being built", name);
    else
        return v.plan;
    return NULL;
}

static void estimate(struct job_run *r, int64_t now_us)
{
    double seconds = (double)(now_us - r->started_us) / 1e6;
    struct job_progress *p = &r->progress;
    if (p->events_done < r->first_done)
        r->first_done = p->events_done;
    p->events_per_second = seconds > 0 ? (double)(p->events_done - r->first_done) / seconds : 0;
    double left = p->events_total > p->events_done ? (double)(p->events_total - p->events_done) : 0;
    p->seconds_left = left <= 0 ? 0 : p->events_per_second > 0 ? left / p->events_per_second : -1;
}

int job_run_tell(struct job_run *r, uint64_t done, uint64_t total, struct err *e)
{
    if (atomic_load(r->stopping))
        return err_set(e, ERR_BUSY, "stopping");
    if (r->told_us != 0 && clock_monotonic_us() - r->told_us < TELL_MS * 1000)
        return 0;
    return job_run_tell_now(r, done, total, e);
}

int job_run_tell_now(struct job_run *r, uint64_t done, uint64_t total, struct err *e)
{
    int64_t now_us = clock_monotonic_us();
    if (atomic_load(r->stopping))
        return err_set(e, ERR_BUSY, "stopping");
    if (r->told_us == 0)
        r->first_done = done;
    r->told_us = now_us;
    r->progress.events_done = done;
    r->progress.events_total = total > done ? total : done;
    estimate(r, now_us);
    metric_set(&events_done[r->job->kind], (int64_t)r->progress.events_done);
    metric_set(&events_total[r->job->kind], (int64_t)r->progress.events_total);
    return jobs_progress(r->sql, r->fence, r->job->id, &r->progress, &r->cancelled, e);
}

void job_run_pause(struct job_run *r, int64_t pause_us)
{
    struct job_runner *all = r->runner;
    int64_t deadline_us = clock_monotonic_us() + pause_us;
    pthread_mutex_lock(&all->mutex);
    while (!atomic_load(&all->stopping) && thread_wait(&all->changed, &all->mutex, deadline_us))
        continue;
    pthread_mutex_unlock(&all->mutex);
}

static int finish(struct job_run *r, enum job_state outcome, struct err *e)
{
    bool cancelled;
    r->progress.seconds_left = 0;
    if (jobs_progress(r->sql, r->fence, r->job->id, &r->progress, &cancelled, e) != 0)
        return -1;
    return jobs_finish(r->sql, r->fence, r->job->id, outcome, buf_span(&r->result), e);
}

static int run_job(struct worker *w, const struct job *job, struct view_fence fence, struct err *e)
{
    struct job_run run = {.runner = w->all,
                          .options = &w->all->options,
                          .live = live_options(w->all->options.live),
                          .sql = w->sql,
                          .fence = fence,
                          .job = job,
                          .stopping = &w->all->stopping,
                          .cancelled = job->state == JOB_CANCELLING,
                          .started_us = clock_monotonic_us()};
    enum job_state outcome = JOB_DONE;
    struct err failure = {0};
    int result = job->kind == JOB_REPLAY ? replay_run(&run, &outcome, &failure)
                                         : verify_run(&run, &outcome, &failure);
    if (result != 0 && (failure.kind == ERR_DOWN || failure.kind == ERR_BUSY)) {
        result = err_set(e, failure.kind, "%s", failure.text);
    } else {
        if (result != 0) {
            diag(DIAG_WARNING, "views", "%s %lld failed: %s", job_kind_name(job->kind),
                 (long long)job->id, failure.text);
            outcome = JOB_FAILED;
            buf_reset(&run.result);
            buf_put_text(&run.result, "{\"error\":");
            buf_put_json(&run.result, span_of(failure.text));
            buf_put_text(&run.result, "}");
        }
        result = finish(&run, outcome, e);
    }
    buf_clear(&run.result);
    return result;
}

/* ---- generations that are not wanted any more */

static int delete_generation(struct worker *w, const struct generation_record *g, struct err *e)
{
    const struct live_options *live = live_options(w->all->options.live);
    struct view_ref ref = {.prefix = live->redis_prefix,
                           .view = g->view,
                           .generation = g->generation,
                           .partition = live->partition};
    if (w->store == NULL && store_open(&w->store, &live->store, e) != 0)
        return -1;
    for (bool done = false; !done;)
        if (atomic_load(&w->all->stopping) || store_delete_step(w->store, &ref, &done, e) != 0)
            return err_set(e, ERR_BUSY, "stopping");
    return 0;
}

static int sweep(struct worker *w, struct view_fence fence, struct err *e)
{
    struct generation_record g;
    bool found;
    if (view_registry_abandon_orphans(w->sql, fence, e) != 0)
        return -1;
    for (;;) {
        if (view_registry_next_dropping(w->sql, fence, &g, &found, e) != 0)
            return -1;
        if (!found)
            return 0;
        if (delete_generation(w, &g, e) != 0 || view_registry_forget(w->sql, fence, &g, e) != 0)
            return -1;
    }
}

/* ---- self-checks */

static int tick_of_check(void *context, struct err *e)
{
    const struct job_runner *all = context;
    return atomic_load(&all->stopping) ? err_set(e, ERR_BUSY, "stopping") : 0;
}

static int check_now(struct worker *w, struct err *e)
{
    struct job_runner *all = w->all;
    struct self_check_report report;
    struct self_check check = {.live = all->options.live,
                               .now_us = clock_now_us(),
                               .chance = hash_seed(),
                               .tick = tick_of_check,
                               .context = all};
    int64_t started_us = clock_monotonic_us();
    int result = self_check_run(&check, &report, e);
    int64_t ended_us = clock_monotonic_us();
    w->check_at_us = ended_us + self_check_pause_us(ended_us - started_us, all->options.self_check);
    if (result != 0)
        return err_context(e, "self-check");
    if (report.outcome != SELF_CHECK_NONE) {
        pthread_mutex_lock(&all->mutex);
        all->checked = report;
        pthread_mutex_unlock(&all->mutex);
    }
    return 0;
}

static bool check_is_due(const struct worker *w)
{
    return w->kind == JOB_VERIFY && w->all->options.self_check != 0 &&
           clock_monotonic_us() >= w->check_at_us;
}

struct self_check_report job_runner_self_check(struct job_runner *w)
{
    pthread_mutex_lock(&w->mutex);
    struct self_check_report report = w->checked;
    pthread_mutex_unlock(&w->mutex);
    return report;
}

/* ---- the thread */

static int work(struct worker *w, bool *idle, struct err *e)
{
    struct live_overview live = live_overview(w->all->options.live);
    struct job job;
    bool found = false;
    *idle = true;
    if (!live.owner) /* whoever is runs them */
        return 0;
    if (w->sql == NULL &&
        sql_open(&w->sql, live_options(w->all->options.live)->postgres_uri, e) != 0)
        return -1;
    if (w->kind == JOB_REPLAY && sweep(w, live.fence, e) != 0)
        return -1;
    if (jobs_next(w->sql, live.fence, w->kind, &job, &found, e) != 0)
        return -1;
    if (!found)
        return check_is_due(w) ? check_now(w, e) : 0;
    *idle = false;
    int result = view_set_refresh(live_options(w->all->options.live)->views, w->sql, e) != 0
                     ? -1
                     : run_job(w, &job, live.fence, e);
    job_clear(&job);
    mem_give_back();
    return result;
}

static void wait_for_work(struct worker *w, unsigned *seen)
{
    struct job_runner *all = w->all;
    int64_t deadline_us = clock_monotonic_us() + POLL_MS * 1000;
    pthread_mutex_lock(&all->mutex);
    while (!atomic_load(&all->stopping) && all->wakes == *seen)
        if (!thread_wait(&all->changed, &all->mutex, deadline_us))
            break;
    *seen = all->wakes;
    pthread_mutex_unlock(&all->mutex);
}

static void disconnect(struct worker *w)
{
    sql_close(w->sql);
    w->sql = NULL;
    store_close(w->store);
    w->store = NULL;
}

static void *worker_main(void *context)
{
    struct worker *w = context;
    unsigned seen = 0;
    thread_be_nice(NICE);
    while (!atomic_load(&w->all->stopping)) {
        struct err e = {0};
        bool idle;
        if (work(w, &idle, &e) != 0) {
            diag(DIAG_INFO, "views", "%s jobs wait: %s", job_kind_name(w->kind), e.text);
            disconnect(w);
            idle = true;
        }
        if (idle)
            wait_for_work(w, &seen);
    }
    disconnect(w);
    return NULL;
}

/* ---- start and stop */

int job_runner_start(struct job_runner **out, const struct job_runner_options *o, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct job_runner *all = mem_alloc(sizeof(*all));
    pthread_once(&once, register_metrics);
    all->options = *o;
    pthread_mutex_init(&all->mutex, NULL);
    thread_condition_init(&all->changed);
    for (int kind = 0; kind < 2; kind++) {
        struct worker *w = &all->workers[kind];
        w->all = all;
        w->kind = (enum job_kind)kind;
        w->check_at_us = clock_monotonic_us() + US_PER_MINUTE;
        w->started = thread_start(&w->thread, worker_main, w, e) == 0;
        if (!w->started) {
            job_runner_stop(all);
            *out = NULL;
            return -1;
        }
    }
    *out = all;
    return 0;
}

void job_runner_wake(struct job_runner *w)
{
    pthread_mutex_lock(&w->mutex);
    w->wakes++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void job_runner_stop(struct job_runner *w)
{
    if (w == NULL)
        return;
    atomic_store(&w->stopping, true);
    job_runner_wake(w);
    for (int kind = 0; kind < 2; kind++)
        if (w->workers[kind].started)
            pthread_join(w->workers[kind].thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
