/* SPDX-License-Identifier: Apache-2.0 */
/* Verify finds what is wrong, of every kind, and nothing where all is right. */
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/view_rig.h"

static const char REGIONS[] = "pageviews_by_region";

/* A stopped rig with some events in its views. */
static void fill(struct view_rig *r, uint32_t events)
{
    rig_live_start(r);
    rig_append(r, events, 500);
    rig_wait_caught_up(r);
    rig_live_stop(r);
}

static struct verify_result check(struct view_rig *r, const char *view)
{
    const struct plan *p = plan_find(span_of(view));
    return rig_verify(r, p == NULL ? &rig_everything : p);
}

/* The name of the first page of that tier in the index; free it. */
static char *page_of_tier(struct view_rig *r, const char *view, const char *tier)
{
    char *mark = mem_format(":%s:", tier);
    const char *at = strstr(
        rig_redis(r, "ZRANGE", rig_key(r, view, "index"), "0", "-1", NULL), mark);
    assert_non_null(at);
    const char *end = at + strcspn(at, " ]");
    while (at[-1] != '[' && at[-1] != ' ')
        at--;
    free(mark);
    return mem_format("%.*s", (int)(end - at), at);
}

static void assert_finds(const struct verify_result *result, const char *tier, const char *what)
{
    assert_true(result->n_differences > 0);
    for (uint64_t i = 0; i < result->n_differences && i < VERIFY_MAX_DIFFERENCES; i++)
        if (strcmp(result->differences[i].tier, tier) == 0 &&
            strcmp(result->differences[i].what, what) == 0)
            return;
    fail_msg("%llu differences, none of %s in %s; the first: %s in %s, %s for %s",
             (unsigned long long)result->n_differences, what, tier, result->differences[0].what,
             result->differences[0].tier, result->differences[0].stored,
             result->differences[0].expected);
}

/* ---- all is right */

static void a_good_view_agrees_also_where_pages_have_expired(void **state)
{
    struct view_rig *r = *state;
    r->events.step_us = 30 * US_PER_SECOND;
    r->events.leap_permille = 3;
    r->events.leap_us = 4 * US_PER_DAY;
    r->events.late_percent = 20;
    r->events.late_us = 6 * US_PER_DAY;
    fill(r, 30000);
    struct verify_result result = check(r, "everything");
    assert_int_equal(result.n_differences, 0);
    assert_true(support_sql_int(r->postgres, "SELECT count(DISTINCT date_trunc('month', event_time))"
                                             " FROM events") >= 2);
    rig_assert_agrees(r);
}

static void an_empty_view_agrees(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_wait_caught_up(r);
    rig_live_stop(r);
    assert_int_equal(check(r, REGIONS).n_differences, 0);
}

/* ---- what is wrong is found */

static void a_missing_page_is_found(void **state)
{
    struct view_rig *r = *state;
    fill(r, 3000);
    char *page = page_of_tier(r, REGIONS, "1m");
    rig_redis(r, "DEL", rig_key(r, REGIONS, page), NULL);
    struct verify_result result = check(r, REGIONS);
    assert_finds(&result, "1m", "pageviews");
    assert_true(result.n_differences > VERIFY_MAX_DIFFERENCES);
    assert_string_equal(result.differences[0].stored, "0");
    assert_non_null(strstr(result.differences[0].group, "US-"));
    free(page);
}

static void a_page_that_the_index_lost_is_found(void **state)
{
    struct view_rig *r = *state;
    fill(r, 3000);
    char *page = page_of_tier(r, REGIONS, "15m");
    rig_redis(r, "ZREM", rig_key(r, REGIONS, "index"), page, NULL);
    struct verify_result result = check(r, REGIONS);
    assert_finds(&result, "15m", "page");
    assert_int_equal(result.n_differences, 1);
    free(page);
}

static void a_page_too_many_is_found(void **state)
{
    struct view_rig *r = *state;
    fill(r, 3000);
    char *from = page_of_tier(r, REGIONS, "1m");
    char *source = mem_copy_text(rig_key(r, REGIONS, from));
    rig_redis(r, "COPY", source, rig_key(r, REGIONS, "site1.example:1m:3600"), NULL);
    rig_redis(r, "ZADD", rig_key(r, REGIONS, "index"), "3600", "site1.example:1m:3600", NULL);
    struct verify_result result = check(r, REGIONS);
    assert_finds(&result, "1m", "pageviews");
    assert_string_equal(result.differences[0].expected, "0");
    free(source);
    free(from);
}

/* Puts one page's group in place of another's in the same page. */
static void a_wrong_value_is_found_in_any_tier(void **state)
{
    struct view_rig *r = *state;
    static const char *const tiers[] = {"1m", "15m", "1d"};
    r->events.sites = 1;
    fill(r, 3000);
    for (int i = 0; i < 3; i++) {
        char *page = page_of_tier(r, REGIONS, tiers[i]);
        char *key = mem_copy_text(rig_key(r, REGIONS, page));
        char *kept = mem_format("%s.kept", key);
        rig_redis(r, "COPY", key, kept, NULL);
        const char *group = "\x91\xa5US-07", *other = "\x91\xa5US-08";
        char *value = mem_copy_text(rig_redis(r, "HGET", key, other, NULL));
        if (strcmp(value, rig_redis(r, "HGET", key, group, NULL)) == 0)
            fail_msg("%s: both groups have the same value", key);
        rig_redis(r, "HSET", key, group, value, NULL);
        struct verify_result result = check(r, REGIONS);
        assert_finds(&result, tiers[i], "pageviews");
        assert_string_equal(result.differences[0].group, "US-07");
        rig_redis(r, "RENAME", kept, key, NULL);
        free(value);
        free(kept);
        free(key);
        free(page);
    }
    assert_int_equal(check(r, REGIONS).n_differences, 0);
}

static void bytes_that_are_no_page_are_found(void **state)
{
    struct view_rig *r = *state;
    r->events.sites = 1;
    fill(r, 3000);
    char *page = page_of_tier(r, REGIONS, "1m");
    rig_redis(r, "HSET", rig_key(r, REGIONS, page), "\x91\xa5US-07", "rubbish", NULL);
    struct verify_result result = check(r, REGIONS);
    assert_finds(&result, "1m", "page");
    assert_string_equal(result.differences[0].expected, "readable");
    free(page);
}

static void a_wrong_watermark_is_found(void **state)
{
    struct view_rig *r = *state;
    fill(r, 300);
    rig_redis(r, "HSET", rig_key(r, REGIONS, "sites"), "site1.example", "1", NULL);
    struct verify_result result = check(r, REGIONS);
    assert_finds(&result, "1m", "watermark");
    assert_string_equal(result.differences[0].stored, "1 us");
}

static void a_wrong_digest_is_found(void **state)
{
    struct view_rig *r = *state;
    fill(r, 300);
    rig_redis(r, "HSET", rig_key(r, REGIONS, "state"), "digest",
              "0123456789abcdef0123456789abcdef", NULL);
    struct verify_result result = check(r, REGIONS);
    assert_int_equal(result.n_differences, 1);
    assert_finds(&result, "1m", "digest");
}

static void a_wrong_sketch_is_found(void **state)
{
    struct view_rig *r = *state;
    r->events.sites = 1;
    r->events.leap_permille = 0;
    fill(r, 3000);
    /* one day's visitors given to another view's page of the same groups: the counts stay right */
    char *page = page_of_tier(r, "visitors", "1d");
    char *key = mem_copy_text(rig_key(r, "visitors", page));
    int64_t half = support_sql_int(r->postgres, "SELECT max(seq) / 2 FROM events");
    assert_true(half > 0);
    free(support_sql(r->postgres, "SELECT 1"));
    char *hour = page_of_tier(r, "visitors", "15m");
    rig_redis(r, "COPY", rig_key(r, "visitors", hour), key, "REPLACE", NULL);
    struct verify_result result = check(r, "visitors");
    assert_true(result.n_differences > 0);
    assert_string_equal(result.differences[0].tier, "1d");
    free(hour);
    free(key);
    free(page);
}

/* ---- while the live builder runs */

static void a_held_view_stands_still_and_others_go_on(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct live_hold hold, second;
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    support_ok(live_hold(r->live, "visitors", 60000, &hold, &e), &e);
    assert_int_equal(live_hold(r->live, "visitors", 60000, &second, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    const char *offset = rig_key(r, "pageviews", "state");
    rig_append(r, 1000, 100);
    while (atoi(rig_redis(r, "HGET", offset, "offset", NULL)) < 2000)
        offset = rig_key(r, "pageviews", "state");
    assert_int_equal(rig_status(r, "visitors").offset, hold.state.offset);
    assert_int_equal(rig_status(r, "visitors").state, LIVE_HELD);
    assert_true(live_release(r->live, "visitors", &hold));
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_hold_that_was_lost_says_so(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct live_hold hold;
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    support_ok(live_hold(r->live, "visitors", 60000, &hold, &e), &e);
    uint64_t generation = hold.generation;
    rig_redis(r, "FLUSHALL", NULL);
    rig_append(r, 100, 100);
    while (rig_status(r, "visitors").generation == generation)
        rig_append(r, 1, 1);
    assert_false(live_release(r->live, "visitors", &hold));
    rig_wait_caught_up(r);
}

static void a_verification_is_a_job(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    int64_t id = rig_add_job(r, JOB_VERIFY, NULL);
    rig_append(r, 500, 10);
    struct job job = rig_wait_job(r, id);
    assert_int_equal(job.state, JOB_DONE);
    assert_non_null(strstr(job.result, "\"agrees\": true"));
    assert_null(strstr(job.result, "false"));
    job_clear(&job);
    char *page = page_of_tier(r, REGIONS, "1d");
    rig_redis(r, "DEL", rig_key(r, REGIONS, page), NULL);
    job = rig_wait_job(r, rig_add_job(r, JOB_VERIFY, REGIONS));
    assert_int_equal(job.state, JOB_DONE);
    assert_non_null(strstr(job.result, "\"agrees\": false"));
    assert_non_null(strstr(job.result, "\"tier\": \"1d\""));
    job_clear(&job);
    free(page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_view_agrees_also_where_pages_have_expired),
        TEST(an_empty_view_agrees),
        TEST(a_missing_page_is_found),
        TEST(a_page_that_the_index_lost_is_found),
        TEST(a_page_too_many_is_found),
        TEST(a_wrong_value_is_found_in_any_tier),
        TEST(bytes_that_are_no_page_are_found),
        TEST(a_wrong_watermark_is_found),
        TEST(a_wrong_digest_is_found),
        TEST(a_wrong_sketch_is_found),
        TEST(a_held_view_stands_still_and_others_go_on),
        TEST(a_hold_that_was_lost_says_so),
        TEST(a_verification_is_a_job),
    };
    return support_run("verify", tests, sizeof(tests) / sizeof(tests[0]));
}
