/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: a bounded queue of appends, a thread that takes as many as fit into one row, commits
 * them and hands them back. While it commits the next ones collect; there is no timer. */
#include "log/writer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/metrics.h"

enum { IDLE_MS = 250, START_GRACE_MS = 5000, GROUP_MAX_BYTES = 64 << 20 };

static const int64_t second_bounds[] = {250,     500,     1000,    2000,   4000,   8000,
                                        16000,   32000,   64000,   128000, 256000, 512000,
                                        1024000, 2048000, 8192000, 0};
static const int64_t batch_bounds[] = {1,   2,   5,    10,   20,   50,    100,
                                       200, 500, 1000, 2000, 5000, 10000, 0};
static struct metric append_seconds = {.name = "footfall_append_seconds",
                                       .help = "From taking a group of appends to its commit",
                                       .type = METRIC_HISTOGRAM,
                                       .scale = 1e-6,
                                       .bounds = second_bounds};
static struct metric append_events = {.name = "footfall_append_batch_events",
                                      .help = "Events in a commit",
                                      .type = METRIC_HISTOGRAM,
                                      .bounds = batch_bounds};

static void register_metrics(void)
{
    metric_register(&append_seconds);
    metric_register(&append_events);
}

/* ------------------------------------------------------------------ the queue */

int log_writer_submit(struct log_writer *w, struct append *a, struct err *e)
{
    int status = 0;
    a->next = NULL;
    pthread_mutex_lock(&w->lock);
    if (w->stopping)
        status = err_set(e, ERR_BUSY, "the log's writer is stopping");
    else if (w->queued >= w->options.max_queue)
        status = err_set(e, ERR_BUSY, "%u appends wait for the log already", w->queued);
    else {
        *w->tail = a;
        w->tail = &a->next;
        w->queued++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return status;
}

/* Waits a moment for work. */
static void wait_for_work(struct log_writer *w)
{
    int64_t until_us = clock_monotonic_us() + IDLE_MS * 1000;
    struct timespec until = {until_us / US_PER_SECOND, until_us % US_PER_SECOND * 1000};
    int timed_out = 0;
    while (w->head == NULL && !w->stopping && timed_out == 0)
        timed_out = pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static struct append *take_first(struct log_writer *w)
{
    struct append *a = w->head;
    w->head = a->next;
    if (w->head == NULL)
        w->tail = &w->head;
    w->queued--;
    a->next = NULL;
    return a;
}

static void add_to_group(struct group *g, struct append *a)
{
    if (g->n + a->n_requests > g->cap) {
        g->cap = (g->n + a->n_requests) * 2;
        g->refs = mem_resize(g->refs, g->cap * sizeof(*g->refs));
    }
    for (uint32_t i = 0; i < a->n_requests; i++)
        g->refs[g->n++] = (struct request_ref){.append = a, .request = &a->requests[i]};
}

static bool fits(const struct group *g, const struct append *a, uint32_t events, size_t bytes)
{
    return events + a->batch->count <= BATCH_MAX_EVENTS &&
           (g->n == 0 || (g->n + a->n_requests <= BATCH_MAX_EVENTS && bytes <= GROUP_MAX_BYTES));
}

/* As many whole appends, in order, as fit into one row. true: the writer goes on. */
static bool take_group(struct log_writer *w, struct group *g)
{
    uint32_t events = 0;
    size_t bytes = 0;
    struct append **last = &g->appends;
    g->n = 0;
    g->appends = NULL;
    pthread_mutex_lock(&w->lock);
    if (w->head == NULL)
        wait_for_work(w);
    while (w->head != NULL && fits(g, w->head, events, bytes)) {
        struct append *a = take_first(w);
        events += a->batch->count;
        bytes += batch_bytes(a->batch);
        *last = a;
        last = &a->next;
        add_to_group(g, a);
    }
    bool go_on = g->appends != NULL || !w->stopping;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

/* ------------------------------------------------------------------ the thread */

static void hand_back(struct group *g)
{
    while (g->appends != NULL) {
        struct append *a = g->appends;
        g->appends = a->next;
        a->next = NULL;
        a->on_done(a);
    }
}

static void *run(void *context)
{
    struct log_writer *w = context;
    struct group g = {0};
    while (take_group(w, &g)) {
        if (g.n > 0) {
            int64_t start_us = clock_monotonic_us();
            uint64_t events = atomic_load(&w->stats.events);
            writer_commit(w, &g);
            metric_observe(&append_seconds, clock_monotonic_us() - start_us);
            metric_observe(&append_events, (int64_t)(atomic_load(&w->stats.events) - events));
        }
        hand_back(&g);
        writer_idle(w);
    }
    free(g.refs);
    return NULL;
}

/* ------------------------------------------------------------------ start and stop */

static void writer_free(struct log_writer *w)
{
    sql_close(w->sql);
    window_free(w->window);
    repeats_free(w->repeats);
    batch_free(w->plan.scratch);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w->uri);
    free(w);
}

static struct log_writer *writer_new(const struct log_writer_options *o)
{
    struct log_writer *w = mem_alloc(sizeof(*w));
    w->options = *o;
    struct log_writer_options *own = &w->options;
    own->dedupe_window = own->dedupe_window == 0 ? 1000000 : own->dedupe_window;
    own->max_queue = own->max_queue == 0 ? 1024 : own->max_queue;
    own->max_keys_per_token = own->max_keys_per_token == 0 ? 10000 : own->max_keys_per_token;
    own->doubt_timeout_ms = own->doubt_timeout_ms == 0 ? 10000 : own->doubt_timeout_ms;
    own->owner_timeout_ms = own->owner_timeout_ms == 0 ? 15000 : own->owner_timeout_ms;
    if (own->take_over_ms == 0)
        own->take_over_ms = own->owner_timeout_ms + START_GRACE_MS;
    w->uri = mem_copy_text(o->postgres_uri);
    w->tail = &w->head;
    w->window = window_new(own->dedupe_window);
    w->repeats = repeats_new(own->partition, own->max_keys_per_token);
    w->plan.scratch = batch_new();
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, &clock);
    pthread_condattr_destroy(&clock);
    return w;
}

/* Another owner may be about to die, or to be found dead; nothing else is worth waiting for. */
static int take_over(struct log_writer *w, struct err *e)
{
    const struct log_writer_options *o = &w->options;
    int64_t deadline_us = clock_monotonic_us() + o->take_over_ms * 1000;
    bool said = false;
    while (writer_own(w, e) != 0) {
        bool too_late = o->take_over_ms >= 0 && clock_monotonic_us() >= deadline_us;
        if (e->kind != ERR_BUSY || too_late || (o->give_up != NULL && o->give_up(o->context)))
            return -1;
        if (!said && o->take_over_ms < 0)
            diag(DIAG_INFO, "log", "partition %u: standing by until then", o->partition);
        said = true;
        err_clear(e);
        struct timespec pause = {.tv_nsec = 50 * 1000000};
        nanosleep(&pause, NULL);
    }
    return 0;
}

int log_writer_start(struct log_writer **out, const struct log_writer_options *o, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_metrics);
    struct log_writer *w = writer_new(o);
    *out = NULL;
    if (take_over(w, e) != 0) {
        writer_free(w);
        return -1;
    }
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        writer_free(w);
        return err_set(e, ERR_BUSY, "no thread for the log's writer");
    }
    *out = w;
    return 0;
}

bool log_writer_ready(const struct log_writer *w)
{
    return atomic_load(&w->ready);
}

void log_writer_stop(struct log_writer *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    writer_free(w);
}

void log_writer_stats(const struct log_writer *w, struct log_writer_stats *out)
{
    struct log_writer *locked = (struct log_writer *)w; /* the lock is not part of its state */
    pthread_mutex_lock(&locked->lock);
    uint32_t queued = w->queued;
    pthread_mutex_unlock(&locked->lock);
    *out = (struct log_writer_stats){
        .next_seq = atomic_load(&w->stats.next_seq),
        .epoch = atomic_load(&w->stats.epoch),
        .commits = atomic_load(&w->stats.commits),
        .events = atomic_load(&w->stats.events),
        .duplicates = atomic_load(&w->stats.duplicates),
        .queue_depth = queued,
    };
}
