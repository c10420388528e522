/* SPDX-License-Identifier: Apache-2.0 */
/* The live builder's thread: connect, work until something fails, pause, again. */
#include "views/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/thread.h"
#include "views/live_internal.h"

enum {
    FIRST_PAUSE_MS = 20,
    STANDBY_PAUSE_MS = 500,
    IDLE_WAIT_MS = 1000,
    MAX_GATHER_MS = 50,
    STEADY_US = 1000000 /* a run at least that long was no failed start */
};

static const int64_t check_us = 2 * US_PER_SECOND;

const struct live_options live_defaults = {
    .store = {.timeout_ms = 10000},
    .redis_prefix = "ff",
    .limits = {.max_cells = 200000, .max_bytes = 16 << 20},
    .max_open_bytes = 10 << 20,
    .chunk_events = 20000,
    .flush_ms = 100,
    .max_pause_ms = 5000,
};

/* ---- a run */

/* Now and then, for the sake of quiet times: are we still the owner, and is Redis the one we left?
 * (A flush notices by itself.) */
static int check(struct live *l, struct err *e)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us - l->checked_at_us < check_us)
        return 0;
    l->checked_at_us = now_us;
    if (view_owner_check(l->owner, e) != 0)
        return -1;
    for (unsigned i = 0; i < l->n_views; i++)
        if (live_check_view(l, &l->views[i], e) != 0)
            return -1;
    return live_follow_catalog(l, e);
}

static int rest(struct live *l, struct err *e)
{
    int wait_ms = live_until_due(l);
    live_saw_head(l, feed_seen(l->feed));
    if (l->was_far) {
        l->was_far = false;
        mem_give_back();
    }
    return feed_wait(l->feed, feed_seen(l->feed),
                     wait_ms >= 0 && wait_ms < IDLE_WAIT_MS ? wait_ms : IDLE_WAIT_MS, e);
}

static void pause_for(struct live *l, int pause_ms)
{
    int64_t deadline_us = clock_monotonic_us() + (int64_t)pause_ms * 1000;
    pthread_mutex_lock(&l->mutex);
    while (!l->stopping && thread_wait(&l->changed, &l->mutex, deadline_us))
        continue;
    pthread_mutex_unlock(&l->mutex);
}

/* What small appends bring is read once for a flush, not once for each of them: that would take
 * from the appending. */
static void let_gather(struct live *l)
{
    int due_ms = live_until_due(l);
    int pause_ms = due_ms < 0 ? l->options.flush_ms : due_ms;
    pause_for(l, pause_ms < MAX_GATHER_MS ? pause_ms : MAX_GATHER_MS);
}

static int turn(struct live *l, struct err *e)
{
    enum feed_step step;
    if (live_serve_catalog(l, e) != 0 || live_serve_requests(l, e) != 0 ||
        feed_step(l->feed, &step, e) != 0 || live_flush_due(l, e) != 0 || live_mend(l, e) != 0 ||
        check(l, e) != 0)
        return -1;
    l->was_far = l->was_far || step == FEED_FULL;
    if (step == FEED_SOME)
        let_gather(l);
    return step == FEED_IDLE ? rest(l, e) : 0;
}

static bool is_stopping(struct live *l)
{
    pthread_mutex_lock(&l->mutex);
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->mutex);
    return stopping;
}

static void run_once(struct live *l, struct err *e)
{
    if (live_connect(l, e) != 0)
        return;
    while (!is_stopping(l))
        if (turn(l, e) != 0)
            return;
    if (live_flush_all(l, e) != 0)
        diag(DIAG_WARNING, "views", "the last flush failed: %s", e->text);
}

/* ---- between runs */

static void report(struct live *l, const struct err *e)
{
    pthread_mutex_lock(&l->mutex);
    bool news = strcmp(l->error, e->text) != 0;
    pthread_mutex_unlock(&l->mutex);
    if (news)
        diag(l->standing_by ? DIAG_INFO : DIAG_WARNING, "views", "%s", e->text);
    live_publish_down(l, l->standing_by ? LIVE_STANDBY : LIVE_STARTING, e->text);
}

static void *live_main(void *context)
{
    struct live *l = context;
    int pause_ms = FIRST_PAUSE_MS;
    while (!is_stopping(l)) {
        struct err e = {0};
        int64_t started_us = clock_monotonic_us();
        run_once(l, &e);
        live_disconnect(l);
        if (is_stopping(l))
            break;
        report(l, &e);
        if (clock_monotonic_us() - started_us > STEADY_US)
            pause_ms = FIRST_PAUSE_MS;
        pause_for(l, l->standing_by ? STANDBY_PAUSE_MS : pause_ms);
        pause_ms = pause_ms * 2 < l->options.max_pause_ms ? pause_ms * 2 : l->options.max_pause_ms;
    }
    live_disconnect(l);
    view_owner_release(l->owner);
    l->owner = NULL;
    live_publish_down(l, LIVE_STARTING, "stopped");
    return NULL;
}

/* ---- start and stop */

static void free_live(struct live *l)
{
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l->views);
    free(l);
}

int live_start(struct live **out, const struct live_options *o, struct err *e)
{
    struct live *l = mem_alloc(sizeof(*l));
    l->options = *o;
    l->down_state = LIVE_STARTING;
    l->views = mem_alloc(VIEW_SET_MAX * sizeof(*l->views));
    pthread_mutex_init(&l->mutex, NULL);
    thread_condition_init(&l->changed);
    if (thread_start(&l->thread, live_main, l, e) != 0) {
        free_live(l);
        *out = NULL;
        return err_context(e, "views");
    }
    *out = l;
    return 0;
}

void live_stop(struct live *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    if (l->feed_open)
        feed_wake(l->feed);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    free_live(l);
}

const struct live_options *live_options(const struct live *l)
{
    return &l->options;
}
