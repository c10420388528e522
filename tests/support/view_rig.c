/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/view_rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "log/migrate.h"
#include "log/view_versions.h"
#include "tests/support/view_plans.h"
#include "views/catalog.h"

enum { DEADLINE_MS = 120000 };

#define SELECT_EVERYTHING                                                                          \
    "SELECT site, date_bin('1 minute', event_time, 'epoch') AS time, browser, region,\n"           \
    "       count(*) AS views, count(DISTINCT visitor) AS visitors,\n"                             \
    "       count(*) FILTER (WHERE os = 'Firefox') AS firefox,\n"                                  \
    "       count(DISTINCT os) FILTER (WHERE bot) AS bot_systems,\n"                               \
    "       sum(visitor) AS total, avg(visitor) AS average, min(visitor) AS least,\n"              \
    "       max(visitor) AS most\n"                                                                \
    "FROM events\n"                                                                                \
    "WHERE event_type = 'PageViewEvent'\n"                                                         \
    "GROUP BY 1, 2, 3, 4"

const struct plan rig_everything = {
    .name = "everything",
    .sql = "CREATE MATERIALIZED VIEW everything AS\n" SELECT_EVERYTHING ";\n",
    .canonical = SELECT_EVERYTHING,
    .relation = &RELATION_EVENTS,
    .filter = &test_filter,
    .bucket_us = US_PER_MINUTE,
    .bucket_name = "time",
    .limit = -1,
    .n_tiers = 3,
    .tiers = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS},
    .retention_us = {2 * US_PER_HOUR, 3 * US_PER_DAY, 40 * US_PER_DAY},
    .n_dimensions = 2,
    .dimensions = {{"browser", &test_browser}, {"region", &test_region}},
    .n_measures = 8,
    .n_words = 16,
    .measures = {TEST_MEASURES,
                 {.name = "total", .kind = AGGREGATE_SUM, .value = &test_visitor, .at = 4},
                 {.name = "average", .kind = AGGREGATE_AVG, .value = &test_visitor, .at = 7},
                 {.name = "least", .kind = AGGREGATE_MIN, .value = &test_visitor, .at = 10},
                 {.name = "most", .kind = AGGREGATE_MAX, .value = &test_visitor, .at = 13}},
};

/* ---- Redis */

static void redis_start(struct view_rig *r)
{
    struct err e = {0};
    struct servers_options o = {.data_dir = r->redis_folder, .user = support_user(), .redis = true};
    support_ok(servers_start(&r->redis_servers, &o, &e), &e);
    if (r->redis == NULL) /* it stays the same when the servers are started again there */
        r->redis = mem_copy_text(servers_redis_uri(r->redis_servers));
    assert_string_equal(r->redis, servers_redis_uri(r->redis_servers));
}

static bool redis_answers(void *arg)
{
    struct view_rig *r = arg;
    struct err e = {0};
    return servers_check(r->redis_servers, &e) == 0;
}

void rig_redis_kill9(struct view_rig *r)
{
    assert_int_equal(kill(servers_redis_pid(r->redis_servers), SIGKILL), 0);
    int status;
    (void)process_wait(servers_redis_pid(r->redis_servers),
                       clock_monotonic_us() + 10 * US_PER_SECOND, &status);
    wait_until(DEADLINE_MS, "the killed Redis to be back", redis_answers, r);
}

static void copy_folder(const char *from, const char *to)
{
    struct err e = {0};
    const char *const argv[] = {"/bin/cp", "-a", from, to, NULL};
    support_ok(folder_remove(to, &e), &e);
    support_ok(process_run(&(struct process_options){.argv = argv}, 60000, &e), &e);
}

void rig_redis_save(struct view_rig *r)
{
    char *live = mem_format("%s/redis", r->redis_folder), *copy = mem_format("%s.saved", live);
    servers_stop(r->redis_servers);
    copy_folder(live, copy);
    redis_start(r);
    free(live);
    free(copy);
}

void rig_redis_restore(struct view_rig *r)
{
    char *live = mem_format("%s/redis", r->redis_folder), *copy = mem_format("%s.saved", live);
    servers_stop(r->redis_servers);
    copy_folder(copy, live);
    redis_start(r);
    free(live);
    free(copy);
}

const char *rig_redis(struct view_rig *r, ...)
{
    static char *text;
    const char *words[12] = {0};
    va_list args;
    va_start(args, r);
    for (int n = 0; n < 11 && (words[n] = va_arg(args, const char *)) != NULL; n++)
        continue;
    va_end(args);
    free(text);
    text = support_redis_command(r->redis, words[0], words[1], words[2], words[3], words[4],
                                 words[5], words[6], words[7], words[8], words[9], NULL);
    return text;
}

const char *rig_key(struct view_rig *r, const char *view, const char *suffix)
{
    static char *text;
    const char *generation = rig_redis(r, "HGET", "ff:current", view, NULL);
    free(text);
    text = mem_format("ff:{%s:%s:0}:%s", view, generation, suffix);
    return text;
}

/* ---- appending */

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct append *a)
{
    struct waiter *w = a->owner;
    pthread_mutex_lock(&w->mutex);
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static void submit_and_wait(struct view_rig *r, struct append *a)
{
    struct waiter *w = a->owner;
    struct err e = {0};
    w->done = false;
    support_ok(log_writer_submit(r->writer, a, &e), &e);
    pthread_mutex_lock(&w->mutex);
    while (!w->done)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static void fill(struct view_rig *r, struct append *a, uint32_t n)
{
    struct append_request *request = append_add_request(a);
    *request = (struct append_request){.count = n};
    for (uint32_t i = 0; i < n; i++) {
        struct event e = view_log_next(&r->events);
        uint64_t id[2] = {random_next(&r->events.seed), random_next(&r->events.seed)};
        memcpy(e.id, id, sizeof(e.id));
        batch_add(a->batch, &e);
    }
}

static bool append_once(struct view_rig *r, struct append *a)
{
    submit_and_wait(r, a);
    return a->requests[0].outcome == APPEND_DONE;
}

void rig_append(struct view_rig *r, uint32_t n, uint32_t batch)
{
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct append *a = append_new(on_done, &w);
    for (uint32_t count; n > 0; n -= count) {
        count = n < batch ? n : batch;
        append_reset(a);
        fill(r, a, count);
        if (!append_once(r, a))
            fail_msg("an append ended with outcome %d", a->requests[0].outcome);
        r->appended += count;
    }
    append_free(a);
}

static void on_append(void *context, uint32_t partition, uint64_t next_seq)
{
    struct live *_Atomic *live = context;
    (void)partition;
    if (*live != NULL)
        live_wake(*live, next_seq);
}

/* ---- live and jobs */

static struct live *_Atomic woken; /* by the writer's thread */

static void install(struct view_rig *r, const struct plan *p)
{
    struct err e = {0};
    char hash[65];
    plan_hash(p, hash);
    (void)catalog_keep(p);
    support_ok(view_versions_install(
                   r->sql, &(struct view_record){p->name, p->sql, hash, p->canonical}, &e),
               &e);
}

void rig_live_start(struct view_rig *r)
{
    struct err e = {0};
    for (const struct plan *const *p = r->plans; *p != NULL; p++)
        install(r, *p);
    struct live_options o = r->options;
    o.postgres_uri = r->postgres;
    o.store.uri = r->redis;
    o.views = r->views;
    support_ok(live_start(&r->live, &o, &e), &e);
    woken = r->live;
}

void rig_live_stop(struct view_rig *r)
{
    rig_runner_stop(r);
    woken = NULL;
    live_stop(r->live);
    r->live = NULL;
}

void rig_runner_start(struct view_rig *r)
{
    struct err e = {0};
    r->runner_options.live = r->live;
    support_ok(job_runner_start(&r->runner, &r->runner_options, &e), &e);
}

void rig_runner_stop(struct view_rig *r)
{
    job_runner_stop(r->runner);
    r->runner = NULL;
}

struct live_view_status rig_status(struct view_rig *r, const char *view)
{
    struct live_view_status all[32];
    unsigned n = live_status(r->live, all, 32);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(all[i].name, view) == 0)
            return all[i];
    fail_msg("no view %s", view);
    return all[0];
}

static bool caught_up(void *arg)
{
    struct view_rig *r = arg;
    struct live_view_status all[32];
    unsigned n = live_status(r->live, all, 32);
    for (unsigned i = 0; i < n; i++)
        if (all[i].state != LIVE_READY || all[i].offset != r->appended)
            return false;
    return n > 0;
}

void rig_wait_caught_up(struct view_rig *r)
{
    wait_until(DEADLINE_MS, "all views to be at the end of the log", caught_up, r);
}

/* ---- verifying */

static void read_state(struct view_rig *r, const struct plan *p, struct live_snapshot *out)
{
    struct err e = {0};
    struct store *s;
    bool found;
    out->copies = (struct view_ref){.prefix = "ff", .view = p->name};
    support_ok(store_open(&s, &r->options.store, &e), &e);
    support_ok(store_get_current(s, "ff", p->name, &out->copies.generation, &found, &e), &e);
    assert_true(found);
    support_ok(store_watch_state(s, &out->copies, &out->state, &found, &e), &e);
    assert_true(found);
    store_close(s);
}

struct verify_result rig_verify_scope(struct view_rig *r, const struct plan *p,
                                      const struct events_scope *scope)
{
    struct err e = {0};
    struct live_snapshot s;
    struct verify_result result;
    r->options.store.uri = r->redis;
    if (r->live != NULL) {
        struct verify_live_options o = {.live = r->live, .plan = p, .scope = scope};
        support_ok(verify_live(&o, &s, &result, &e), &e);
        return result;
    }
    read_state(r, p, &s);
    struct verify_options o = {.postgres_uri = r->postgres,
                               .store = r->options.store,
                               .plan = p,
                               .ref = s.copies,
                               .state = &s.state,
                               .scope = scope};
    support_ok(verify_view(&o, &result, &e), &e);
    return result;
}

struct verify_result rig_verify(struct view_rig *r, const struct plan *p)
{
    return rig_verify_scope(r, p, NULL);
}

void rig_assert_agrees(struct view_rig *r)
{
    for (const struct plan *const *p = r->plans; *p != NULL; p++) {
        struct verify_result result = rig_verify(r, *p);
        const struct verify_difference *d = &result.differences[0];
        if (result.n_differences != 0)
            fail_msg(
                "view %s differs %llu times, first at site %s, tier %s, time %lld us, group %s: "
                "%s should be %s and is %s",
                (*p)->name, (unsigned long long)result.n_differences, d->site, d->tier,
                (long long)d->time_us, d->group, d->what, d->expected, d->stored);
        assert_true(result.pages > 0);
    }
}

/* ---- jobs */

int64_t rig_add_job(struct view_rig *r, enum job_kind kind, const char *view)
{
    struct err e = {0};
    struct span names[JOB_MAX_VIEWS] = {span_of(view)};
    unsigned n = 1;
    if (view == NULL)
        for (n = 0; r->plans[n] != NULL; n++)
            names[n] = span_of(r->plans[n]->name);
    int64_t id, running;
    support_ok(
        jobs_add(r->sql, kind, (struct job_views){.names = names, .n = n}, &id, &running, &e), &e);
    assert_int_not_equal(id, 0);
    if (r->runner != NULL)
        job_runner_wake(r->runner);
    return id;
}

struct job rig_job(struct view_rig *r, int64_t id)
{
    struct err e = {0};
    struct job job;
    bool found;
    support_ok(jobs_get(r->sql, id, &job, &found, &e), &e);
    assert_true(found);
    return job;
}

struct waited_job {
    struct view_rig *rig;
    int64_t id;
};

static bool has_ended(void *arg)
{
    struct waited_job *w = arg;
    struct job job = rig_job(w->rig, w->id);
    job_clear(&job);
    return job_state_is_final(job.state);
}

struct job rig_wait_job(struct view_rig *r, int64_t id)
{
    struct waited_job w = {r, id};
    wait_until(DEADLINE_MS, "a job to end", has_ended, &w);
    return rig_job(r, id);
}

/* ---- setup */

static const struct plan *all_plans[33];

int rig_setup(void **state)
{
    struct err e = {0};
    struct view_rig *r = mem_alloc(sizeof(*r));
    unsigned n = 0;
    for (; shipped_plans()[n] != NULL; n++)
        all_plans[n] = shipped_plans()[n];
    all_plans[n] = &rig_everything;
    all_plans[n + 1] = NULL;
    signal(SIGPIPE, SIG_IGN);
    r->plans = all_plans;
    r->postgres = support_postgres();
    support_ok(migrate_run(r->postgres, MIGRATE_PLAIN, &e), &e);
    r->redis_folder = support_folder();
    redis_start(r);
    r->views = view_set_new();
    r->options = live_defaults;
    r->options.flush_ms = 1;
    r->options.max_pause_ms = 100;
    r->options.store.uri = r->redis;
    r->runner_options = job_runner_defaults;
    r->events = (struct view_log){.seed = 42,
                                  .now_us = INT64_C(1790000000) * US_PER_SECOND,
                                  .step_us = 700000,
                                  .sites = 3,
                                  .groups = 40,
                                  .visitors = 300,
                                  .late_percent = 5,
                                  .late_us = 3 * US_PER_HOUR,
                                  .leap_permille = 1,
                                  .leap_us = 6 * US_PER_HOUR,
                                  .other_percent = 10};
    struct log_writer_options o = {.postgres_uri = r->postgres,
                                   .dedupe_window = 1000,
                                   .max_queue = 100,
                                   .max_keys_per_token = 100,
                                   .doubt_timeout_ms = 30000,
                                   .on_append = on_append,
                                   .context = &woken};
    support_ok(log_writer_start(&r->writer, &o, &e), &e);
    support_ok(sql_open(&r->sql, r->postgres, &e), &e);
    *state = r;
    return 0;
}

int rig_teardown(void **state)
{
    struct view_rig *r = *state;
    rig_live_stop(r);
    view_set_free(r->views);
    log_writer_stop(r->writer);
    sql_close(r->sql);
    servers_stop(r->redis_servers);
    free(r->redis_folder);
    free(r->redis);
    free(r->postgres);
    free(r);
    return 0;
}
