/* SPDX-License-Identifier: Apache-2.0 */
/* Views over sessions, streamed with corrections: what the live builder shows, what a replay builds
 * and what SQL's gaps and islands say are the same, whatever happens to the builder. */
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/view_rig.h"
#include "views/definition.h"

/* One with short retention and all that is kept of sessions; one that keeps everything. */
static const char *const definitions[] = {
    "CREATE MATERIALIZED VIEW short_visits WITH (minute_retention = '2 hours',\n"
    "    quarter_retention = '3 days', day_retention = '40 days') AS\n"
    "SELECT site, date_bin('1 minute', session_start, 'epoch') AS time, browser,\n"
    "       count(*) AS visits, count(*) FILTER (WHERE bounce) AS bounces,\n"
    "       sum(duration) AS duration, avg(pageviews) FILTER (WHERE duration > 60) AS depth,\n"
    "       count(browser) AS known\n"
    "FROM sessions\n"
    "WHERE region <> 'US-03'\n"
    "GROUP BY 1, 2, 3;\n",
    "CREATE MATERIALIZED VIEW ways AS\n"
    "SELECT site, date_bin('15 minutes', session_start, 'epoch') AS time,\n"
    "       entry_page, exit_page, session_end > session_start AS longer, count(*) AS visits\n"
    "FROM sessions\n"
    "GROUP BY 1, 2, 3, 4, 5;\n"};

enum { N_VIEWS = sizeof(definitions) / sizeof(definitions[0]) };
static const struct plan *plans[N_VIEWS + 1];

/* Visitors who come back within and after the gap, some hours or days late. */
static int setup(void **state)
{
    int result = rig_setup(state);
    struct view_rig *r = *state;
    for (unsigned i = 0; i < N_VIEWS; i++) {
        struct definition_place place;
        struct err e = {0};
        support_ok(definition_check(r->sql, span_of(definitions[i]), &plans[i], &place, &e), &e);
    }
    r->plans = plans;
    r->events.sites = 2;
    r->events.groups = 12;
    r->events.visitors = 60;
    r->events.step_us = 20 * US_PER_SECOND;
    r->events.late_percent = 10;
    r->events.late_us = 55 * US_PER_HOUR;
    r->events.leap_permille = 1;
    r->events.leap_us = 30 * US_PER_HOUR;
    return result;
}

/* All is right, and was all the time: what had spoilt its sessions would have been built again. */
static void assert_agrees(struct view_rig *r)
{
    rig_assert_agrees(r);
    assert_int_equal(rig_status(r, "ways").generation, 1);
    assert_int_equal(rig_status(r, "short_visits").generation, 1);
}

static int64_t late_merges(struct view_rig *r)
{
    return support_sql_int(r->postgres,
                           "SELECT count(*) FROM (SELECT event_time < max(event_time) OVER"
                           " (PARTITION BY site ORDER BY seq) - interval '1 hour' AS late"
                           " FROM events) e WHERE late");
}

static void streamed_sessions_are_what_sql_says(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    for (int i = 0; i < 12; i++) { /* a flush or more each */
        rig_append(r, 250, 40);
        rig_wait_caught_up(r);
        if (i % 4 == 3)
            assert_agrees(r);
    }
    assert_true(late_merges(r) > 100);
    assert_true(support_sql_int(r->postgres, "SELECT max(pageviews) FROM sessions") > 5);
    assert_true(support_sql_int(r->postgres, "SELECT count(*) FROM sessions WHERE bounce") > 100);
}

/* Pages of sessions that began before it, or end after it, are made of events outside. */
static void parts_of_a_view_over_sessions_agree(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2500, 100);
    rig_wait_caught_up(r);
    int64_t last_us = clock_floor(r->events.now_us, US_PER_DAY), pages = 0;
    char *site = support_sql(r->postgres, "SELECT site FROM events ORDER BY seq LIMIT 1");
    for (int64_t day_us = last_us - 4 * US_PER_DAY; day_us <= last_us; day_us += US_PER_DAY)
        for (int i = 0; i < 4; i++) {
            struct events_scope scope = {i / 2 == 0 ? SPAN_ABSENT : span_of(site), day_us,
                                         day_us + US_PER_DAY};
            struct verify_result result = rig_verify_scope(r, plans[i % 2], &scope);
            assert_int_equal(result.n_differences, 0);
            pages += (int64_t)result.pages;
        }
    assert_true(pages > 20);
    free(site);
}

static void sessions_go_on_over_restarts(void **state)
{
    struct view_rig *r = *state;
    for (int i = 0; i < 8; i++) {
        rig_live_start(r);
        rig_append(r, 120, 17);
        if (i % 2 == 0)
            rig_wait_caught_up(r);
        rig_live_stop(r); /* what is not flushed is read again */
    }
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_agrees(r);
}

/* Single events, each a flush of its own. */
static void append_from(struct view_rig *r, int64_t time_us, int n)
{
    for (int i = 0; i < n; i++) {
        r->events.now_us = time_us + i * 2 * US_PER_MINUTE;
        rig_append(r, 1, 1);
        rig_wait_caught_up(r);
    }
}

static void sessions_go_on_over_midnight(void **state)
{
    struct view_rig *r = *state;
    int64_t midnight_us = (r->events.now_us / US_PER_DAY + 1) * US_PER_DAY;
    r->events.sites = 1;
    r->events.visitors = 3;
    r->events.step_us = US_PER_MINUTE;
    r->events.late_percent = r->events.leap_permille = r->events.other_percent = 0;
    rig_live_start(r);
    append_from(r, midnight_us - 40 * US_PER_MINUTE, 45);
    append_from(r, midnight_us - 60 * US_PER_MINUTE, 10); /* late, into what was stored */
    append_from(r, midnight_us + 23 * US_PER_HOUR + 20 * US_PER_MINUTE, 40);
    append_from(r, midnight_us - 90 * US_PER_MINUTE, 10);
    append_from(r, midnight_us + 46 * US_PER_HOUR + 10 * US_PER_MINUTE, 1);
    append_from(r, midnight_us - 110 * US_PER_MINUTE, 10);
    assert_true(support_sql_int(r->postgres, "SELECT count(*) FROM sessions WHERE"
                                             " session_end::date > session_start::date") >= 3);
    assert_agrees(r);
}

/* Of each view a result "same", which is the digests' word. */
static void assert_same(struct view_rig *r, int64_t id, unsigned n)
{
    struct job job = rig_wait_job(r, id);
    if (job.state != JOB_DONE)
        fail_msg("the job is %s: %s", job_state_name(job.state), job.result);
    unsigned same = 0;
    for (const char *at = job.result; (at = strstr(at, "\"same\"")) != NULL; at++)
        same += strstr(at, "true") != NULL && strstr(at, "true") - at < 10;
    assert_int_equal(same, n);
    job_clear(&job);
}

static void a_replay_gives_the_sessions_that_live_showed(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    for (int i = 0; i < 20; i++) {
        rig_append(r, 100, 9);
        rig_wait_caught_up(r);
    }
    r->runner_options.limits.max_cells = 150; /* the replay is cut otherwise */
    rig_runner_start(r);
    int64_t id = rig_add_job(r, JOB_REPLAY, NULL);
    rig_append(r, 400, 7); /* while it runs */
    assert_same(r, id, 2);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void sessions_are_whole_again_when_redis_lost_its_tail(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 1000, 50);
    rig_wait_caught_up(r);
    rig_redis_save(r);
    rig_append(r, 600, 50);
    rig_wait_caught_up(r);
    rig_redis_restore(r);
    rig_append(r, 200, 50);
    rig_wait_caught_up(r);
    rig_redis_kill9(r);
    rig_append(r, 200, 50);
    rig_wait_caught_up(r);
    assert_agrees(r);
}

static int64_t number_of(struct view_rig *r, const char *command, const char *key)
{
    const char *reply = rig_redis(r, command, key, NULL);
    return strtoll(reply + strcspn(reply, "-0123456789"), NULL, 10);
}

static void sessions_that_nothing_can_touch_are_forgotten(void **state)
{
    struct view_rig *r = *state;
    r->events.leap_permille = 40; /* months */
    r->events.leap_us = 3 * US_PER_DAY;
    rig_live_start(r);
    for (int i = 0; i < 10; i++) {
        rig_append(r, 200, 100);
        rig_wait_caught_up(r);
    }
    assert_true(support_sql_int(r->postgres,
                                "SELECT count(DISTINCT session_end::date) FROM sessions") > 30);
    int64_t days = number_of(r, "ZCARD", rig_key(r, "ways", "sessions"));
    assert_in_range(days, 1, 2 * 4);
    const char *first = rig_redis(r, "ZRANGE", rig_key(r, "ways", "sessions"), "0", "0", NULL);
    char *name = mem_format("%.*s", (int)strcspn(first + 1, "]"), first + 1);
    assert_true(number_of(r, "HLEN", rig_key(r, "ways", name)) > 0);
    free(name);
    assert_agrees(r);
}

/* A part of a view is compared with the part of the log that its sessions are made of. */
static void a_part_of_the_sessions_is_verified_exactly(void **state)
{
    struct view_rig *r = *state;
    r->events.late_us = 5 * US_PER_HOUR;
    rig_live_start(r);
    rig_append(r, 6000, 500); /* over a midnight */
    rig_wait_caught_up(r);
    int64_t last_us = r->events.now_us;
    for (int64_t days = 1; days <= 2; days++) {
        struct events_scope scope = {SPAN_LITERAL("site1.example"),
                                     clock_floor(last_us, US_PER_DAY) - (days - 1) * US_PER_DAY,
                                     clock_floor(last_us, US_PER_DAY) + US_PER_DAY};
        struct verify_result result = rig_verify_scope(r, plans[1], &scope);
        assert_int_equal(result.n_differences, 0);
        assert_true(result.pages > 0);
    }
    const char *index = rig_redis(r, "ZRANGE", rig_key(r, "ways", "index"), "0", "-1", NULL);
    const char *page = strstr(index, "site1.example:15m:");
    assert_non_null(page);
    char *name = mem_format("%.*s", (int)strcspn(page, " ]"), page);
    int64_t start_us = strtoll(strrchr(name, ':') + 1, NULL, 10) * US_PER_SECOND;
    rig_redis(r, "DEL", rig_key(r, "ways", name), NULL);
    struct events_scope scope = {SPAN_ABSENT, start_us, start_us + US_PER_DAY};
    assert_true(rig_verify_scope(r, plans[1], &scope).n_differences > 0);
    scope.site = SPAN_LITERAL("site0.example");
    assert_int_equal(rig_verify_scope(r, plans[1], &scope).n_differences, 0);
    free(name);
}

static bool first_generations_are_gone(void *arg)
{
    struct view_rig *r = arg;
    return strstr(rig_redis(r, "KEYS", "ff:{ways:1:0}:*", NULL), "ff:") == NULL;
}

static void stored_sessions_go_with_their_generation(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    assert_same(r, rig_add_job(r, JOB_REPLAY, "ways"), 1);
    wait_until(60000, "the first generation to be gone", first_generations_are_gone, r);
    assert_non_null(strstr(rig_redis(r, "KEYS", "ff:{ways:2:0}:*:sessions:*", NULL), "ff:"));
    rig_assert_agrees(r);
}

/* What makes no sense is not built on: the view is built again. */
static void spoilt_sessions_lead_to_a_rebuild(void **state)
{
    struct view_rig *r = *state;
    r->events.leap_permille = 0;
    r->events.late_percent = 0;
    rig_live_start(r);
    rig_append(r, 500, 100);
    rig_wait_caught_up(r);
    const char *first = rig_redis(r, "ZREVRANGE", rig_key(r, "ways", "sessions"), "0", "0", NULL);
    char *name = mem_format("%.*s", (int)strcspn(first + 1, "]"), first + 1);
    char *key = mem_copy_text(rig_key(r, "ways", name));
    rig_redis(r, "EVAL",
              "for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do"
              " redis.call('HSET', KEYS[1], f, 'spoilt') end",
              "1", key, NULL);
    rig_append(r, 200, 100); /* most visitors come back */
    rig_wait_caught_up(r);
    assert_true(rig_status(r, "ways").generation > 1);
    rig_assert_agrees(r);
    free(name);
    free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streamed_sessions_are_what_sql_says, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(parts_of_a_view_over_sessions_agree, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(sessions_go_on_over_restarts, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(sessions_go_on_over_midnight, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_replay_gives_the_sessions_that_live_showed, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(sessions_are_whole_again_when_redis_lost_its_tail, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(sessions_that_nothing_can_touch_are_forgotten, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_part_of_the_sessions_is_verified_exactly, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(stored_sessions_go_with_their_generation, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(spoilt_sessions_lead_to_a_rebuild, setup, rig_teardown),
    };
    return support_run("session_views", tests, sizeof(tests) / sizeof(tests[0]));
}
