/* SPDX-License-Identifier: Apache-2.0 */
/* Verify finds what is wrong, of every kind, and nothing where all is right. */
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/view_rig.h"
#include "views/catalog.h"

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
    const char *at =
        strstr(rig_redis(r, "ZRANGE", rig_key(r, view, "index"), "0", "-1", NULL), mark);
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
    assert_true(support_sql_int(r->postgres,
                                "SELECT count(DISTINCT date_trunc('month', event_time))"
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
    assert_true(result.n_differences > 2);
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

/* Gives one group of the page the slots of another that has other ones. */
static const char spoil_script[] =
    "local groups = redis.call('HKEYS', KEYS[1]) "
    "local value = redis.call('HGET', KEYS[1], groups[1]) "
    "for i = 2, #groups do if redis.call('HGET', KEYS[1], groups[i]) ~= value then "
    "redis.call('HSET', KEYS[1], groups[i], value) return 'spoilt' end end return 'all are equal'";

static void a_wrong_value_is_found_in_any_tier(void **state)
{
    struct view_rig *r = *state;
    static const char *const tiers[] = {"1m", "15m", "1d"};
    fill(r, 3000);
    for (int i = 0; i < 3; i++) {
        char *page = page_of_tier(r, REGIONS, tiers[i]);
        char *key = mem_copy_text(rig_key(r, REGIONS, page));
        char *kept = mem_format("%s.kept", key);
        rig_redis(r, "COPY", key, kept, NULL);
        assert_string_equal(rig_redis(r, "EVAL", spoil_script, "1", key, NULL), "spoilt");
        struct verify_result result = check(r, REGIONS);
        assert_finds(&result, tiers[i], "pageviews");
        assert_int_equal(strncmp(result.differences[0].group, "US-", 3), 0);
        rig_redis(r, "RENAME", kept, key, NULL);
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
    rig_redis(r, "HSET", rig_key(r, REGIONS, "state"), "digest", "0123456789abcdef0123456789abcdef",
              NULL);
    struct verify_result result = check(r, REGIONS);
    assert_int_equal(result.n_differences, 1);
    assert_finds(&result, "1m", "digest");
}

/* One page view more, of one visitor more, in a slot of the page's only group. */
static int add_visitor(void *context, const struct page_row *row)
{
    struct page *page = context;
    struct sketch *more = sketch_new();
    sketch_add(more, sketch_hash("somebody", 8), NULL);
    union measure_value values[] = {{.count = 1}, {.sketch = more}};
    struct delta d = {.site = page_site(page),
                      .group = page_row_group(row),
                      .at = {page_start(page), 30},
                      .rows = 1,
                      .values = values};
    page_apply(page, &d, NULL);
    sketch_free(more);
    return -1; /* the page has changed: no more of it */
}

static void a_wrong_sketch_is_found(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct store *s;
    struct view_state now;
    bool found;
    const struct plan *p = plan_find(SPAN_LITERAL("visitors"));
    struct view_ref ref = {"ff", p->name, 1, 0};
    struct page_address at;
    r->events.sites = 1;
    fill(r, 3000);
    char *name = page_of_tier(r, p->name, "1m");
    support_ok(layout_read_suffix(p, span_of(name), &at, &e), &e);
    struct page *page = page_new(p, at.tier, at.site, at.start_us);
    support_ok(store_open(&s, &r->options.store, &e), &e);
    support_ok(store_watch_state(s, &ref, &now, &found, &e), &e);
    support_ok(store_load_pages(s, &ref, p, &(struct store_pages){&page, 1}, &e), &e);
    (void)page_each_row(page, add_visitor, page);
    store_begin(s);
    store_put_page(s, &ref, p->tiers[at.tier], page, page_rows(page));
    support_ok(store_commit(s, &ref, &now, &e), &e);
    struct verify_result result = check(r, p->name);
    assert_int_equal(result.n_differences, 3);
    assert_finds(&result, "1m", "pageviews");
    assert_finds(&result, "1m", "visitors");
    assert_finds(&result, "1m", "digest");
    store_close(s);
    page_free(page);
    free(name);
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
    while (atoi(rig_redis(r, "HGET", offset, "offset", NULL)) < 2000) /* bounded by ctest */
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
    rig_redis_kill9(r);
    rig_append(r, 100, 100);
    while (rig_status(r, "pageviews").offset < r->appended)
        continue;
    assert_false(live_release(r->live, "visitors", &hold));
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_redis_flushed_meanwhile_is_no_difference(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct live_hold hold;
    struct verify_result result;
    const struct plan *p = plan_find(SPAN_LITERAL("visitors"));
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    support_ok(live_hold(r->live, p->name, 60000, &hold, &e), &e);
    rig_redis(r, "FLUSHALL", NULL);
    struct verify_options o = {.postgres_uri = r->postgres,
                               .store = r->options.store,
                               .plan = p,
                               .ref = {"ff", p->name, hold.generation, 0},
                               .state = &hold.state};
    assert_int_equal(verify_view(&o, &result, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    (void)live_release(r->live, p->name, &hold);
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
        TEST(a_redis_flushed_meanwhile_is_no_difference),
        TEST(a_verification_is_a_job),
    };
    return support_run("verify", tests, sizeof(tests) / sizeof(tests[0]));
}
