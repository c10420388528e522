/* SPDX-License-Identifier: Apache-2.0 */
/* Verify finds what is wrong, of every kind, and nothing where all is right. */
#include "tests/support/view_spoil.h"

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
    struct view_ref ref = {.prefix = "ff", .view = p->name, .generation = 1};
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

/* ---- one page, and a part of a view */

static void one_spoilt_page_is_what_is_found_and_a_replay_mends_it(void **state)
{
    struct view_rig *r = *state;
    const struct plan *p = plan_find(span_of(REGIONS));
    struct page_address at;
    rig_live_start(r);
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    spoil_page(r, REGIONS, "15m", &at);
    struct verify_result result = rig_verify(r, p);
    assert_true(result.n_differences > 0 && result.n_differences <= VERIFY_MAX_DIFFERENCES);
    for (uint64_t i = 0; i < result.n_differences; i++) {
        const struct verify_difference *d = &result.differences[i];
        assert_true(span_is(at.site, d->site));
        assert_string_equal(d->tier, "15m");
        assert_string_equal(d->what, "pageviews");
        assert_true(d->time_us >= at.start_us && d->time_us < at.start_us + US_PER_DAY);
        assert_string_equal(d->group, result.differences[0].group);
    }
    struct job job = rig_wait_job(r, rig_add_job(r, JOB_REPLAY, REGIONS));
    assert_int_equal(job.state, JOB_DONE);
    job_clear(&job);
    rig_assert_agrees(r);
}

/* Events of two sites over days, none of them late. */
static void spread(struct view_rig *r)
{
    r->events.sites = 2;
    r->events.step_us = 20 * US_PER_SECOND;
    r->events.late_percent = 0;
    r->events.leap_permille = 0;
}

static uint64_t differences_in(struct view_rig *r, const char *site, int64_t from_us, int64_t to_us)
{
    struct events_scope scope = {span_of(site), from_us, to_us};
    struct verify_result result = rig_verify_scope(r, plan_find(span_of(REGIONS)), &scope);
    assert_true(result.pages > 0);
    return result.n_differences;
}

static void a_narrowed_verification_compares_what_lies_inside(void **state)
{
    struct view_rig *r = *state;
    struct page_address at;
    char site[64];
    spread(r);
    fill(r, 20000); /* four days and a half */
    spoil_page(r, REGIONS, "1m", &at);
    snprintf(site, sizeof(site), "%.*s", SPAN_ARGS(at.site));
    const char *other = strcmp(site, "site1.example") == 0 ? "site0.example" : "site1.example";
    int64_t day_us = clock_floor(at.start_us, US_PER_DAY), next_us = day_us + US_PER_DAY;
    assert_true(differences_in(r, site, INT64_MIN, INT64_MAX) > 0);
    assert_true(differences_in(r, site, day_us, next_us) > 0);
    assert_true(differences_in(r, NULL, day_us, next_us) > 0);
    assert_true(differences_in(r, site, at.start_us, at.start_us + US_PER_HOUR) > 0);
    assert_int_equal(differences_in(r, site, at.start_us + US_PER_HOUR, INT64_MAX), 0);
    assert_int_equal(differences_in(r, site, next_us, next_us + 2 * US_PER_DAY), 0);
    assert_int_equal(differences_in(r, NULL, next_us, INT64_MAX), 0);
    assert_int_equal(differences_in(r, other, INT64_MIN, INT64_MAX), 0);
    assert_int_equal(differences_in(r, other, day_us, next_us), 0);
}

static void a_month_is_compared_when_all_of_it_is_inside(void **state)
{
    struct view_rig *r = *state;
    struct page_address at;
    r->events.sites = 1;
    r->events.step_us = 600 * US_PER_SECOND;
    fill(r, 8000); /* 55 days */
    spoil_page(r, REGIONS, "1d", &at);
    int64_t end_us = tier_page_end(&TIER_DAYS, at.start_us);
    assert_true(differences_in(r, NULL, at.start_us, end_us) > 0);
    assert_int_equal(differences_in(r, NULL, at.start_us, end_us - US_PER_DAY), 0);
    assert_int_equal(differences_in(r, NULL, at.start_us + US_PER_DAY, end_us), 0);
}

static void a_narrowed_verification_finds_the_wrong_watermark_of_its_site(void **state)
{
    static const char *const wrong[] = {"1", "1999999999000000", "-5", "9000000000000000000"};
    struct view_rig *r = *state;
    fill(r, 300);
    char *sites = mem_copy_text(rig_key(r, REGIONS, "sites"));
    char *right = mem_copy_text(rig_redis(r, "HGET", sites, "site1.example", NULL));
    int64_t from_us = r->events.now_us - 300 * US_PER_DAY;
    for (int i = 0; i < 4; i++) {
        rig_redis(r, "HSET", sites, "site1.example", wrong[i], NULL);
        struct events_scope scope = {SPAN_LITERAL("site1.example"), from_us, INT64_MAX};
        struct verify_result result = rig_verify_scope(r, plan_find(span_of(REGIONS)), &scope);
        assert_finds(&result, "1m", "watermark");
        char *expected = mem_format("%s us", right);
        assert_string_equal(result.differences[0].expected, expected);
        free(expected);
    }
    rig_redis(r, "HSET", sites, "site1.example", right, NULL);
    assert_int_equal(differences_in(r, "site1.example", from_us, INT64_MAX), 0);
    free(right);
    free(sites);
}

static void a_verification_job_can_be_narrowed(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct page_address at;
    struct span name = span_of(REGIONS);
    int64_t id, running;
    spread(r);
    rig_live_start(r);
    rig_append(r, 8000, 500);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    spoil_page(r, REGIONS, "1m", &at);
    int64_t day_us = clock_floor(at.start_us, US_PER_DAY);
    for (int days = 0; days < 2; days++) { /* rounded to the day of the page, and to the next */
        int64_t from_us = day_us + days * US_PER_DAY + 7 * US_PER_HOUR;
        struct events_scope scope = {at.site, from_us, from_us + US_PER_SECOND};
        support_ok(jobs_add(r->sql, JOB_VERIFY,
                            (struct job_views){.names = &name, .n = 1, .scope = &scope}, &id,
                            &running, &e),
                   &e);
        struct job job = rig_wait_job(r, id);
        assert_int_equal(job.state, JOB_DONE);
        assert_true(span_is(at.site, job.site));
        assert_true(job.from_us == from_us && job.to_us == from_us + US_PER_SECOND);
        assert_non_null(strstr(job.result, days == 0 ? "\"agrees\": false" : "\"agrees\": true"));
        char *from = mem_alloc(CLOCK_TEXT_BYTES);
        clock_format(from, day_us + days * US_PER_DAY, 0);
        assert_non_null(strstr(job.result, from));
        free(from);
        job_clear(&job);
    }
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

/* ---- the self-check */

static struct self_check_report check_by(struct view_rig *r, uint64_t chance)
{
    struct self_check check = {.live = r->live, .now_us = 1234567, .chance = chance};
    struct self_check_report report;
    struct err e = {0};
    support_ok(self_check_run(&check, &report, &e), &e);
    return report;
}

static void a_self_check_finds_nothing_where_nothing_is_wrong(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_int_equal(check_by(r, 1).outcome, SELF_CHECK_NONE);
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    char views[64][VIEW_NAME_BYTES];
    unsigned n = 0;
    for (uint64_t chance = 0; chance < 60; chance++) {
        struct self_check_report report = check_by(r, chance);
        assert_int_equal(report.outcome, SELF_CHECK_AGREES);
        assert_int_equal(report.offset, 3000);
        assert_true(report.at_us == 1234567 && report.from_us < report.to_us);
        unsigned i = 0;
        while (i < n && strcmp(views[i], report.view) != 0)
            i++;
        if (i == n)
            memcpy(views[n++], report.view, VIEW_NAME_BYTES);
    }
    assert_true(n > 5); /* of eleven */
}

static void a_self_check_comes_upon_what_is_wrong(void **state)
{
    struct view_rig *r = *state;
    static const struct plan *alone[2];
    struct page_address at;
    struct err e = {0};
    alone[0] = plan_find(SPAN_LITERAL("visitors")); /* two days of minutes */
    r->plans = alone;
    r->events.sites = 1;
    r->events.late_percent = 0;
    r->events.leap_permille = 0;
    rig_live_start(r);
    rig_append(r, 6000, 100);
    rig_wait_caught_up(r);
    char *page = page_of_tier(r, "visitors", "1m");
    support_ok(layout_read_suffix(alone[0], span_of(page), &at, &e), &e);
    rig_redis(r, "DEL", rig_key(r, "visitors", page), NULL);
    struct self_check_report report = {0};
    for (uint64_t chance = 0; chance < 2000 && report.outcome != SELF_CHECK_DIFFERS; chance++)
        report = check_by(r, chance);
    assert_int_equal(report.outcome, SELF_CHECK_DIFFERS);
    assert_string_equal(report.view, "visitors");
    assert_true(span_is(at.site, report.site));
    assert_true(report.from_us == at.start_us && report.to_us == at.start_us + US_PER_HOUR);
    assert_true(report.n_differences > 0);
    free(page);
}

static void self_checks_keep_to_their_share_of_a_processor(void **state)
{
    (void)state;
    assert_int_equal(self_check_pause_us(0, 1), US_PER_MINUTE);
    assert_int_equal(self_check_pause_us(US_PER_SECOND, 1), 100 * US_PER_SECOND);
    assert_int_equal(self_check_pause_us(US_PER_SECOND, 50), US_PER_MINUTE);
    assert_int_equal(self_check_pause_us(US_PER_HOUR, 100), US_PER_HOUR);
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
        TEST(one_spoilt_page_is_what_is_found_and_a_replay_mends_it),
        TEST(a_narrowed_verification_compares_what_lies_inside),
        TEST(a_month_is_compared_when_all_of_it_is_inside),
        TEST(a_narrowed_verification_finds_the_wrong_watermark_of_its_site),
        TEST(a_verification_is_a_job),
        TEST(a_verification_job_can_be_narrowed),
        TEST(a_self_check_finds_nothing_where_nothing_is_wrong),
        TEST(a_self_check_comes_upon_what_is_wrong),
        cmocka_unit_test(self_checks_keep_to_their_share_of_a_processor),
    };
    return support_run("verify", tests, sizeof(tests) / sizeof(tests[0]));
}
