/* SPDX-License-Identifier: Apache-2.0 */
/* A view is verified as it was at one offset while it goes on being built. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/view_spoil.h"

static const char REGIONS[] = "pageviews_by_region";

static struct live_snapshot open_snapshot(struct view_rig *r, const char *view)
{
    struct err e = {0};
    struct live_snapshot s;
    support_ok(live_open_snapshot(r->live, view, 60000, &s, &e), &e);
    return s;
}

static int verify_snapshot(struct view_rig *r, const struct plan *p, const struct live_snapshot *s,
                           struct verify_result *out, struct err *e)
{
    struct verify_options o = {.postgres_uri = r->postgres,
                               .store = r->options.store,
                               .plan = p,
                               .ref = s->copies,
                               .state = &s->state};
    return verify_view(&o, out, e);
}

static struct verify_result result_of(struct view_rig *r, const struct plan *p,
                                      const struct live_snapshot *s)
{
    struct verify_result result;
    struct err e = {0};
    support_ok(verify_snapshot(r, p, s, &result, &e), &e);
    return result;
}

static bool has_copies(struct view_rig *r)
{
    return strchr(rig_redis(r, "KEYS", "ff:*:@*", NULL), '@') != NULL ||
           strstr(rig_redis(r, "KEYS", "ff:*:snapshots", NULL), "snapshots") != NULL;
}

static char *copy_key(const struct live_snapshot *s, const char *suffix)
{
    return mem_format("ff:{%s:%llu:0}:@%016llx:%s", s->copies.view,
                      (unsigned long long)s->copies.generation,
                      (unsigned long long)s->copies.snapshot, suffix);
}

static void a_view_goes_on_while_it_is_read_as_it_was(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct live_snapshot second;
    rig_live_start(r);
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, "everything");
    assert_int_equal(s.state.offset, 3000);
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "everything").offset, 6000);
    assert_int_equal(live_open_snapshot(r->live, "everything", 60000, &second, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    struct verify_result result = result_of(r, &rig_everything, &s);
    assert_int_equal(result.n_differences, 0);
    assert_true(result.pages > 10);
    assert_true(live_close_snapshot(r->live, "everything", &s));
    rig_assert_agrees(r); /* the first takes away what the one above has left */
    assert_false(has_copies(r));
}

struct appender {
    struct view_rig *rig;
    atomic_bool done;
};

static void *append_for_a_while(void *context)
{
    struct appender *a = context;
    rig_append(a->rig, 20000, 40);
    atomic_store(&a->done, true);
    return NULL;
}

static void views_agree_while_events_stream_in(void **state)
{
    struct view_rig *r = *state;
    struct appender a = {.rig = r};
    pthread_t thread;
    r->events.step_us = 5 * US_PER_SECOND;
    r->events.late_percent = 20;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    assert_int_equal(pthread_create(&thread, NULL, append_for_a_while, &a), 0);
    do
        rig_assert_agrees(r);
    while (!atomic_load(&a.done));
    pthread_join(thread, NULL);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
    assert_false(has_copies(r));
}

static void pages_that_expire_meanwhile_are_read_as_they_were(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 3000, 500);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, "everything");
    char *page = page_of_tier(r, "everything", "1m");
    char *copy = copy_key(&s, page);
    r->events.now_us += 5 * US_PER_DAY;
    rig_append(r, 1000, 500);
    rig_wait_caught_up(r);
    assert_string_equal(rig_redis(r, "EXISTS", rig_key(r, "everything", page), NULL), "0");
    assert_string_equal(rig_redis(r, "EXISTS", copy, NULL), "1");
    assert_int_equal(result_of(r, &rig_everything, &s).n_differences, 0);
    assert_true(live_close_snapshot(r->live, "everything", &s));
    rig_assert_agrees(r);
    free(copy);
    free(page);
}

static void a_page_spoilt_before_or_after_it_was_copied_is_found(void **state)
{
    struct view_rig *r = *state;
    const struct plan *p = plan_find(span_of(REGIONS));
    r->events.sites = 1;
    r->events.late_percent = 0;
    r->events.leap_permille = 0;
    rig_live_start(r);
    rig_append(r, 12000, 500); /* more than two hours */
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, REGIONS);
    char *page = page_of_tier(r, REGIONS, "1m"); /* the first hour: not changed any more */
    char *key = mem_copy_text(rig_key(r, REGIONS, page));
    char *kept = mem_format("%s.kept", key);
    char *quarters = page_of_tier(r, REGIONS, "15m"); /* the day: changed by each event */
    char *copy = copy_key(&s, quarters);
    rig_append(r, 100, 50);
    rig_wait_caught_up(r);
    assert_string_equal(rig_redis(r, "EXISTS", copy, NULL), "1");
    rig_redis(r, "COPY", key, kept, NULL);
    assert_string_equal(rig_redis(r, "EVAL", spoil_script, "1", key, NULL), "spoilt");
    struct verify_result result = result_of(r, p, &s);
    assert_finds(&result, "1m", "pageviews");
    rig_redis(r, "RENAME", kept, key, NULL);
    assert_int_equal(result_of(r, p, &s).n_differences, 0);
    assert_string_equal(rig_redis(r, "EVAL", spoil_script, "1", copy, NULL), "spoilt");
    result = result_of(r, p, &s);
    assert_finds(&result, "15m", "pageviews");
    assert_true(live_close_snapshot(r->live, REGIONS, &s));
    free(copy);
    free(quarters);
    free(kept);
    free(key);
    free(page);
}

static void copies_that_a_crash_has_left_are_deleted(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, "everything");
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    rig_live_stop(r); /* as a killed process would, it leaves them */
    assert_true(has_copies(r));
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_false(has_copies(r));
    assert_false(live_close_snapshot(r->live, "everything", &s));
    rig_assert_agrees(r);
}

static void copies_made_after_the_next_owner_has_deleted_all_are_deleted(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, "everything");
    rig_redis(r, "DEL", rig_key(r, "everything", "snapshots"), NULL); /* as the owner to be does */
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    rig_live_stop(r);
    assert_true(has_copies(r));
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_false(has_copies(r));
    assert_false(live_close_snapshot(r->live, "everything", &s));
}

static bool has_no_copies(void *rig)
{
    return !has_copies(rig);
}

static void a_switch_of_the_generation_loses_the_snapshot_and_its_copies(void **state)
{
    struct view_rig *r = *state;
    struct verify_result result;
    struct err e = {0};
    const struct plan *p = plan_find(span_of(REGIONS));
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, REGIONS);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    assert_true(has_copies(r));
    rig_runner_start(r);
    struct job job = rig_wait_job(r, rig_add_job(r, JOB_REPLAY, REGIONS));
    assert_int_equal(job.state, JOB_DONE);
    job_clear(&job);
    wait_until(60000, "the old generation to be deleted", has_no_copies, r);
    assert_int_equal(verify_snapshot(r, p, &s, &result, &e), -1);
    assert_true(result.lost);
    assert_false(live_close_snapshot(r->live, REGIONS, &s));
    rig_assert_agrees(r);
}

static void a_snapshot_that_was_lost_says_so(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, "visitors");
    rig_redis_kill9(r);
    rig_append(r, 100, 100);
    rig_wait_caught_up(r);
    assert_false(live_close_snapshot(r->live, "visitors", &s));
    rig_assert_agrees(r);
}

static void a_redis_flushed_meanwhile_is_no_difference(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct verify_result result;
    const struct plan *p = plan_find(SPAN_LITERAL("visitors"));
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, p->name);
    rig_redis(r, "FLUSHALL", NULL);
    assert_int_equal(verify_snapshot(r, p, &s, &result, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    assert_true(result.lost);
    (void)live_close_snapshot(r->live, p->name, &s);
}

struct asked {
    struct view_rig *rig;
    const struct live_snapshot *snapshot;
};

static bool is_not_open(void *context)
{
    const struct asked *a = context;
    char *key = copy_key(a->snapshot, "open");
    bool there = strcmp(rig_redis(a->rig, "EXISTS", key, NULL), "1") == 0;
    free(key);
    return !there;
}

static void a_redis_short_of_memory_loses_the_snapshot_and_not_the_view(void **state)
{
    struct view_rig *r = *state;
    static const struct plan *const alone[] = {&rig_everything, NULL};
    r->plans = alone;
    rig_live_start(r);
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    struct live_snapshot s = open_snapshot(r, "everything");
    uint64_t generation = rig_status(r, "everything").generation;
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    const char *memory = strstr(rig_redis(r, "INFO", "memory", NULL), "used_memory:");
    assert_non_null(memory);
    char *limit = mem_format("%lld", atoll(memory + strlen("used_memory:")));
    rig_redis(r, "CONFIG", "SET", "maxmemory", limit, NULL);
    rig_append(r, 3000, 100);
    wait_until(60000, "the snapshot to be given up", is_not_open, &(struct asked){r, &s});
    rig_redis(r, "CONFIG", "SET", "maxmemory", "0", NULL);
    rig_wait_caught_up(r);
    assert_false(live_close_snapshot(r->live, "everything", &s));
    assert_int_equal(rig_status(r, "everything").generation, generation);
    assert_false(has_copies(r));
    rig_assert_agrees(r);
    free(limit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_view_goes_on_while_it_is_read_as_it_was),
        TEST(views_agree_while_events_stream_in),
        TEST(pages_that_expire_meanwhile_are_read_as_they_were),
        TEST(a_page_spoilt_before_or_after_it_was_copied_is_found),
        TEST(copies_that_a_crash_has_left_are_deleted),
        TEST(copies_made_after_the_next_owner_has_deleted_all_are_deleted),
        TEST(a_switch_of_the_generation_loses_the_snapshot_and_its_copies),
        TEST(a_snapshot_that_was_lost_says_so),
        TEST(a_redis_flushed_meanwhile_is_no_difference),
        TEST(a_redis_short_of_memory_loses_the_snapshot_and_not_the_view),
    };
    return support_run("verify_snapshot", tests, sizeof(tests) / sizeof(tests[0]));
}
