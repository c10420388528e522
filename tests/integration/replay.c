/* SPDX-License-Identifier: Apache-2.0 */
/* Replays: beside the live view, compared with it, switched to; cut short and gone on with. */
#include <stdlib.h>

#include "base/mem.h"
#include "log/view_registry.h"
#include "tests/support/view_rig.h"
#include "views/catalog.h"

static void start(struct view_rig *r, uint32_t events)
{
    rig_live_start(r);
    rig_append(r, events, 500);
    rig_wait_caught_up(r);
}

static bool says(const struct job *job, const char *text)
{
    return job->result != NULL && strstr(job->result, text) != NULL;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void assert_done(struct view_rig *r, int64_t id, unsigned n_same)
{
    struct job job = rig_wait_job(r, id);
    if (job.state != JOB_DONE)
        fail_msg("the job is %s: %s", job_state_name(job.state), job.result);
    assert_int_equal(count(job.result, "\"same\": true") + count(job.result, "\"same\":true"),
                     n_same);
    job_clear(&job);
}

/* ---- the law */

static void a_replay_gives_what_the_live_view_showed(void **state)
{
    struct view_rig *r = *state;
    start(r, 20000);
    rig_runner_start(r);
    int64_t id = rig_add_job(r, JOB_REPLAY, NULL);
    rig_append(r, 3000, 10); /* while it runs */
    assert_done(r, id, 14);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "visitors").generation, 2);
    assert_string_equal(rig_redis(r, "HGET", "ff:current", "everything", NULL), "2");
    rig_assert_agrees(r);
}

static void a_replay_of_one_view_leaves_the_others(void **state)
{
    struct view_rig *r = *state;
    start(r, 3000);
    rig_runner_start(r);
    assert_done(r, rig_add_job(r, JOB_REPLAY, "visitors"), 1);
    assert_int_equal(rig_status(r, "visitors").generation, 2);
    assert_int_equal(rig_status(r, "pageviews").generation, 1);
    rig_assert_agrees(r);
}

/* A replay that spreads all views over so many threads; what each thread flushes is small, so that
 * they do it often and at offsets of their own. */
static int64_t add_spread(struct view_rig *r, uint32_t threads)
{
    struct err e = {0};
    struct span names[JOB_MAX_VIEWS];
    struct job_views views = {.names = names, .speed = {.threads = threads}};
    int64_t id, running;
    for (; r->plans[views.n] != NULL; views.n++)
        names[views.n] = span_of(r->plans[views.n]->name);
    support_ok(jobs_add(r->sql, JOB_REPLAY, views, &id, &running, &e), &e);
    assert_int_not_equal(id, 0);
    job_runner_wake(r->runner);
    return id;
}

static void a_replay_on_four_threads_gives_what_one_on_one_thread_gives(void **state)
{
    struct view_rig *r = *state;
    start(r, 20000);
    r->runner_options.max_flush_bytes = 100000;
    r->runner_options.limits.max_bytes = 600000;
    r->runner_options.chunk_events = 3000;
    rig_runner_start(r);
    assert_done(r, add_spread(r, 4), 14);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
    assert_done(r, add_spread(r, 1), 14);
    assert_int_equal(rig_status(r, "visitors").generation, 3);
}

static void a_replay_of_an_empty_log_is_done(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    assert_done(r, rig_add_job(r, JOB_REPLAY, NULL), 14);
}

static bool only_second_generation(void *arg)
{
    struct view_rig *r = arg;
    return strstr(rig_redis(r, "KEYS", "ff:{visitors:1:0}:*", NULL), "ff:") == NULL &&
           support_sql_int(r->postgres, "SELECT count(*) FROM view_generation"
                                        " WHERE name = 'visitors' AND state <> 'current'") == 0;
}

static void what_was_before_is_taken_away(void **state)
{
    struct view_rig *r = *state;
    start(r, 3000);
    rig_runner_start(r);
    assert_non_null(strstr(rig_redis(r, "KEYS", "ff:{visitors:1:0}:*", NULL), "ff:"));
    assert_done(r, rig_add_job(r, JOB_REPLAY, "visitors"), 1);
    wait_until(60000, "the first generation to be gone", only_second_generation, r);
    rig_assert_agrees(r);
}

static void a_spoilt_page_is_mended_by_a_replay(void **state)
{
    struct view_rig *r = *state;
    const struct plan *plan = plan_find(SPAN_LITERAL("pageviews_by_region"));
    start(r, 3000);
    rig_runner_start(r);
    const char *index = rig_redis(r, "ZRANGE", rig_key(r, plan->name, "index"), "0", "0", NULL);
    char *name = mem_format("%.*s", (int)strcspn(index + 1, "]"), index + 1);
    rig_redis(r, "DEL", rig_key(r, plan->name, name), NULL);
    assert_true(rig_verify(r, plan).n_differences > 0);
    assert_done(r, rig_add_job(r, JOB_REPLAY, plan->name), 1);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
    free(name);
}

static void a_difference_is_reported(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_live_stop(r);
    rig_redis(r, "HSET", rig_key(r, "pageviews", "state"), "digest",
              "0123456789abcdef0123456789abcdef", NULL);
    rig_live_start(r);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    int64_t id = rig_add_job(r, JOB_REPLAY, "pageviews");
    assert_done(r, id, 0);
    struct job job = rig_job(r, id);
    assert_true(says(&job, "\"digest_before\":"));
    assert_true(says(&job, "0123456789abcdef0123456789abcdef"));
    job_clear(&job);
    rig_assert_agrees(r);
}

/* ---- only one at a time */

static void a_view_is_replayed_once_at_a_time(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    int64_t id, running, first = rig_add_job(r, JOB_REPLAY, "visitors"); /* nobody runs it */
    struct span names[] = {SPAN_LITERAL("pageviews"), SPAN_LITERAL("visitors")};
    support_ok(
        jobs_add(r->sql, JOB_REPLAY, (struct job_views){.names = names, .n = 2}, &id, &running, &e),
        &e);
    assert_int_equal(id, 0);
    assert_int_equal(running, first);
    support_ok(
        jobs_add(r->sql, JOB_REPLAY, (struct job_views){.names = names, .n = 1}, &id, &running, &e),
        &e);
    assert_int_not_equal(id, 0);
    bool found;
    support_ok(jobs_cancel(r->sql, first, &found, &e), &e);
    assert_true(found);
    support_ok(jobs_add(r->sql, JOB_REPLAY, (struct job_views){.names = names + 1, .n = 1}, &id,
                        &running, &e),
               &e);
    assert_int_not_equal(id, 0);
}

static void an_unknown_view_fails_the_job(void **state)
{
    struct view_rig *r = *state;
    start(r, 100);
    rig_runner_start(r);
    struct job job = rig_wait_job(r, rig_add_job(r, JOB_REPLAY, "no_such_view"));
    assert_int_equal(job.state, JOB_FAILED);
    assert_true(says(&job, "there is no view no_such_view"));
    job_clear(&job);
}

static void a_job_keeps_how_fast_it_is_to_go(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct span name = SPAN_LITERAL("visitors");
    struct job_views views = {
        .names = &name, .n = 1, .speed = {.threads = 3, .rate_given = true, .rate = 0}};
    int64_t id, running;
    support_ok(jobs_add(r->sql, JOB_REPLAY, views, &id, &running, &e), &e);
    struct job job = rig_job(r, id);
    assert_int_equal(job.speed.threads, 3);
    assert_true(job.speed.rate_given);
    assert_int_equal(job.speed.rate, 0);
    job_clear(&job);
    job = rig_job(r, rig_add_job(r, JOB_REPLAY, "pageviews"));
    assert_int_equal(job.speed.threads, 0);
    assert_false(job.speed.rate_given);
    job_clear(&job);
}

/* ---- cut short */

static bool second_is_half_built(void *arg)
{
    struct view_rig *r = arg;
    return atoi(rig_redis(r, "HGET", "ff:{pageviews_by_page:2:0}:state", "offset", NULL)) > 1000;
}

/* A replay that is slow enough to be caught in the middle: it flushes after every chunk. */
static int64_t start_slow_replay_of(struct view_rig *r, const char *view)
{
    r->runner_options.chunk_events = 500;
    r->runner_options.flush_ms = 0;
    rig_runner_start(r);
    int64_t id = rig_add_job(r, JOB_REPLAY, view);
    wait_until(60000, "the replay to be under way", second_is_half_built, r);
    return id;
}

static int64_t start_slow_replay(struct view_rig *r)
{
    return start_slow_replay_of(r, "pageviews_by_page");
}

static void a_view_that_is_spoilt_on_another_thread_fails_the_job(void **state)
{
    struct view_rig *r = *state;
    start(r, 50000);
    r->runner_options.replay_threads = 4;
    int64_t id = start_slow_replay_of(r, NULL);
    rig_redis(r, "SET", "ff:{visitors:2:0}:index", "no index", NULL);
    struct job job = rig_wait_job(r, id);
    assert_int_equal(job.state, JOB_FAILED);
    assert_true(says(&job, "view visitors"));
    job_clear(&job);
    rig_assert_agrees(r);
}

static void a_replay_cut_short_goes_on_where_it_was(void **state)
{
    struct view_rig *r = *state;
    start(r, 100000);
    int64_t id = start_slow_replay(r);
    rig_live_stop(r);
    struct job job = rig_job(r, id);
    assert_int_equal(job.state, JOB_RUNNING);
    job_clear(&job);
    assert_string_equal(rig_redis(r, "HGET", "ff:current", "pageviews_by_page", NULL), "1");
    assert_true(second_is_half_built(r));
    rig_redis(r, "HSET", "ff:{pageviews_by_page:2:0}:state", "mark", "not built anew", NULL);
    rig_live_start(r);
    r->runner_options.chunk_events = 50000;
    rig_runner_start(r);
    assert_done(r, id, 1);
    assert_string_equal(
        rig_redis(r, "HGET", rig_key(r, "pageviews_by_page", "state"), "mark", NULL),
        "not built anew");
    rig_assert_agrees(r);
}

static void a_replay_whose_redis_is_killed_goes_on(void **state)
{
    struct view_rig *r = *state;
    start(r, 100000);
    int64_t id = start_slow_replay(r);
    rig_redis_kill9(r);
    assert_done(r, id, 1);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_replay_whose_redis_is_flushed_still_ends_well(void **state)
{
    struct view_rig *r = *state;
    start(r, 100000);
    int64_t id = start_slow_replay(r);
    rig_redis(r, "FLUSHALL", NULL);
    rig_append(r, 10, 10);
    struct job job = rig_wait_job(r, id); /* the live builder has built it anew meanwhile */
    assert_int_equal(job.state, JOB_DONE);
    job_clear(&job);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_view_switched_before_the_kill_is_not_replayed_again(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    int64_t id = rig_add_job(r, JOB_REPLAY, "visitors");
    assert_done(r, id, 1);
    rig_runner_stop(r);
    char *sql = mem_format("UPDATE job SET state = 'running', finished_at = NULL, result = NULL"
                           " WHERE id = %lld",
                           (long long)id); /* as if it had been killed just before its end */
    free(support_sql(r->postgres, sql));
    free(sql);
    rig_runner_start(r);
    struct job job = rig_wait_job(r, id);
    assert_int_equal(job.state, JOB_DONE);
    job_clear(&job);
    assert_int_equal(rig_status(r, "visitors").generation, 2);
}

static bool candidate_is_gone(void *arg)
{
    struct view_rig *r = arg;
    return strstr(rig_redis(r, "KEYS", "ff:{pageviews_by_page:2:0}:*", NULL), "ff:") == NULL;
}

static void a_cancelled_replay_leaves_nothing(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    bool found;
    start(r, 100000);
    int64_t id = start_slow_replay(r);
    support_ok(jobs_cancel(r->sql, id, &found, &e), &e);
    struct job job = rig_wait_job(r, id);
    assert_int_equal(job.state, JOB_CANCELLED);
    job_clear(&job);
    wait_until(60000, "the cancelled generation to be gone", candidate_is_gone, r);
    assert_int_equal(rig_status(r, "pageviews_by_page").generation, 1);
    rig_assert_agrees(r);
}

static void progress_says_how_far_it_is(void **state)
{
    struct view_rig *r = *state;
    start(r, 20000);
    rig_runner_start(r);
    struct job job = rig_wait_job(r, rig_add_job(r, JOB_REPLAY, NULL));
    assert_int_equal(job.progress.events_total, 20000);
    assert_int_equal(job.progress.events_done, 20000);
    assert_true(job.progress.events_per_second > 0);
    assert_true(job.started_us >= job.created_us && job.finished_us >= job.started_us);
    job_clear(&job);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_replay_gives_what_the_live_view_showed),
        TEST(a_replay_of_one_view_leaves_the_others),
        TEST(a_replay_on_four_threads_gives_what_one_on_one_thread_gives),
        TEST(a_replay_of_an_empty_log_is_done),
        TEST(what_was_before_is_taken_away),
        TEST(a_spoilt_page_is_mended_by_a_replay),
        TEST(a_difference_is_reported),
        TEST(a_view_is_replayed_once_at_a_time),
        TEST(an_unknown_view_fails_the_job),
        TEST(a_job_keeps_how_fast_it_is_to_go),
        TEST(a_view_that_is_spoilt_on_another_thread_fails_the_job),
        TEST(a_replay_cut_short_goes_on_where_it_was),
        TEST(a_replay_whose_redis_is_killed_goes_on),
        TEST(a_replay_whose_redis_is_flushed_still_ends_well),
        TEST(a_view_switched_before_the_kill_is_not_replayed_again),
        TEST(a_cancelled_replay_leaves_nothing),
        TEST(progress_says_how_far_it_is),
    };
    return support_run("replay", tests, sizeof(tests) / sizeof(tests[0]));
}
