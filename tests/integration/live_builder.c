/* SPDX-License-Identifier: Apache-2.0 */
/* The live builder against real servers: the law, and everything that can happen in between. */
#include "tests/support/view_rig.h"

#include <stdlib.h>

#include "base/mem.h"
#include "log/migrate.h"

/* ---- the law */

static void what_the_live_builder_shows_is_what_sql_gives(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    for (uint32_t batch = 1; batch <= 1000; batch *= 10)
        rig_append(r, batch * 20, batch);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 3000, 100);
    rig_wait_caught_up(r);
    uint64_t generation = rig_status(r, "visitors").generation;
    for (int i = 0; i < 3; i++) {
        rig_live_stop(r);
        rig_append(r, 500, 100);
        rig_live_start(r);
    }
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "visitors").generation, generation);
    rig_assert_agrees(r);
}

static void any_flushes_give_the_same_digest(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 5000, 50);
    rig_wait_caught_up(r);
    struct digest often = rig_status(r, "everything").digest;
    rig_live_stop(r);
    rig_redis(r, "FLUSHALL", NULL);
    r->options.flush_ms = 60000; /* from now on: once, at the end */
    rig_live_start(r);
    r->options.flush_ms = 1;
    rig_live_stop(r);
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_true(digest_equal(often, rig_status(r, "everything").digest));
    rig_assert_agrees(r);
}

static void a_page_of_many_groups_has_sub_pages(void **state)
{
    struct view_rig *r = *state;
    r->events.groups = 30000;
    r->events.sites = 1;
    r->events.step_us = 1000;
    r->events.leap_permille = 0;
    rig_live_start(r);
    rig_append(r, 20000, 5000);
    rig_wait_caught_up(r);
    rig_live_stop(r); /* what was loaded from sub-pages goes on to be right */
    rig_append(r, 20000, 5000);
    rig_live_start(r);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
    const char *index =
        rig_redis(r, "ZRANGE", rig_key(r, "pageviews_by_page", "index"), "0", "0", NULL);
    char *name = mem_format("%.*s", (int)strcspn(index + 1, "]"), index + 1);
    char *sub_pages =
        mem_copy_text(rig_redis(r, "HGET", rig_key(r, "pageviews_by_page", name), "", NULL));
    assert_true(atoi(sub_pages) >= 1);
    free(sub_pages);
    free(name);
}

/* ---- servers that go away */

static void a_killed_redis_loses_nothing(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    for (int i = 0; i < 3; i++) {
        rig_append(r, 2000, 100);
        rig_redis_kill9(r);
    }
    rig_append(r, 500, 100);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_killed_postgres_loses_nothing(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    support_postgres_kill9();
    struct err e = {0};
    sql_close(r->sql);
    support_ok(sql_open(&r->sql, r->postgres, &e), &e);
    wait_until(60000, "the writer to be back", (bool (*)(void *))log_writer_ready, r->writer);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_flushed_redis_is_built_anew(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    uint64_t generation = rig_status(r, "visitors").generation;
    rig_redis(r, "FLUSHALL", NULL);
    rig_append(r, 10, 10);
    rig_wait_caught_up(r);
    assert_true(rig_status(r, "visitors").generation > generation);
    rig_assert_agrees(r);
}

static bool generation_moved(void *arg)
{
    struct view_rig *r = arg;
    return rig_status(r, "visitors").generation > 1;
}

static void a_redis_flushed_in_a_quiet_hour_is_noticed(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 100, 100);
    rig_wait_caught_up(r);
    rig_redis(r, "FLUSHALL", NULL);
    wait_until(60000, "the loss to be noticed without an event", generation_moved, r);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void an_older_redis_is_gone_on_with(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 2000, 100);
    rig_wait_caught_up(r);
    uint64_t generation = rig_status(r, "visitors").generation;
    rig_redis_save(r);
    rig_append(r, 1500, 100);
    rig_wait_caught_up(r);
    rig_redis_restore(r);
    rig_append(r, 200, 100);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "visitors").generation, generation);
    rig_assert_agrees(r);
}

/* ---- states that cannot be gone on with */

static bool stands_by(void *arg)
{
    return live_overview(((struct view_rig *)arg)->live).state == LIVE_STANDBY;
}

static void a_later_owner_is_left_alone(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    char *key = mem_copy_text(rig_key(r, "visitors", "state"));
    char *epoch = mem_copy_text(rig_redis(r, "HGET", key, "epoch", NULL));
    rig_redis(r, "HSET", key, "epoch", "999999", NULL);
    rig_append(r, 100, 100);
    wait_until(60000, "the builder to stand by", stands_by, r);
    assert_string_equal(rig_redis(r, "HGET", key, "offset", NULL), "1000");
    assert_string_equal(rig_redis(r, "HGET", key, "epoch", NULL), "999999");
    rig_redis(r, "HSET", key, "epoch", epoch, NULL);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
    free(key);
    free(epoch);
}

static void of_two_builders_one_stands_by_and_takes_over(void **state)
{
    struct view_rig *r = *state;
    struct view_rig second = *r;
    rig_live_start(r);
    rig_append(r, 500, 100);
    rig_wait_caught_up(r);
    rig_live_start(&second);
    wait_until(60000, "the second to stand by", stands_by, &second);
    rig_live_stop(r);
    rig_append(r, 500, 100);
    second.appended = r->appended;
    rig_wait_caught_up(&second);
    rig_assert_agrees(&second);
    rig_live_stop(&second);
}

/* Stops, changes the state of `visitors`, starts; it must be built anew and be right. */
static void assert_rebuilt_after(struct view_rig *r, const char *field, const char *value)
{
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    uint64_t generation = rig_status(r, "visitors").generation;
    rig_live_stop(r);
    rig_redis(r, "HSET", rig_key(r, "visitors", "state"), field, value, NULL);
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_true(rig_status(r, "visitors").generation > generation);
    assert_int_equal(rig_status(r, "pageviews").generation, 1);
    rig_assert_agrees(r);
    rig_live_stop(r);
}

static void a_state_beyond_the_log_is_built_anew(void **state)
{
    assert_rebuilt_after(*state, "offset", "999999999");
}

static void a_state_with_another_last_event_is_built_anew(void **state)
{
    assert_rebuilt_after(*state, "last_id", "00112233445566778899aabbccddeeff");
}

static void an_unreadable_state_is_built_anew(void **state)
{
    assert_rebuilt_after(*state, "digest", "no digest");
}

static void a_state_of_another_format_is_built_anew(void **state)
{
    assert_rebuilt_after(*state, "format", "77");
}

static void a_state_of_another_definition_is_built_anew(void **state)
{
    assert_rebuilt_after(*state, "definition", "0123");
}

static void a_restored_log_is_another_log(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    rig_live_start(r);
    rig_append(r, 1000, 100);
    rig_wait_caught_up(r);
    rig_live_stop(r);
    support_ok(migrate_run(r->postgres, MIGRATE_RESTORED, &e), &e);
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "visitors").generation, 2);
    rig_assert_agrees(r);
}

static void an_error_inside_exec_spoils_the_generation(void **state)
{
    struct view_rig *r = *state;
    r->events.sites = 1;
    r->events.late_percent = r->events.leap_permille = 0;
    rig_live_start(r);
    rig_append(r, 100, 100);
    rig_wait_caught_up(r);
    const char *index = rig_redis(r, "ZRANGE", rig_key(r, "pageviews", "index"), "-1", "-1", NULL);
    char *name = mem_format("%.*s", (int)strcspn(index + 1, "]"), index + 1);
    char *key = mem_copy_text(rig_key(r, "pageviews", name));
    rig_redis(r, "SET", key, "not a page", NULL);
    rig_append(r, 20, 1);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "pageviews").generation, 2);
    assert_int_equal(rig_status(r, "visitors").generation, 1);
    rig_assert_agrees(r);
    free(key);
    free(name);
}

/* ---- Redis' settings */

static void a_redis_that_evicts_is_refused(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct store *s;
    rig_redis(r, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru", NULL);
    assert_int_equal(store_open(&s, &r->options.store, &e), -1);
    assert_non_null(strstr(e.text, "noeviction"));
}

static void a_full_redis_is_waited_for(void **state)
{
    struct view_rig *r = *state;
    rig_live_start(r);
    rig_append(r, 500, 100);
    rig_wait_caught_up(r);
    rig_redis(r, "CONFIG", "SET", "maxmemory", "1", NULL);
    rig_append(r, 500, 100);
    rig_redis(r, "CONFIG", "SET", "maxmemory", "0", NULL);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "visitors").generation, 1);
    rig_assert_agrees(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_live_builder_shows_is_what_sql_gives),
        TEST(a_restart_goes_on_where_it_was),
        TEST(any_flushes_give_the_same_digest),
        TEST(a_page_of_many_groups_has_sub_pages),
        TEST(a_killed_redis_loses_nothing),
        TEST(a_killed_postgres_loses_nothing),
        TEST(a_flushed_redis_is_built_anew),
        TEST(a_redis_flushed_in_a_quiet_hour_is_noticed),
        TEST(an_older_redis_is_gone_on_with),
        TEST(a_later_owner_is_left_alone),
        TEST(of_two_builders_one_stands_by_and_takes_over),
        TEST(a_state_beyond_the_log_is_built_anew),
        TEST(a_state_with_another_last_event_is_built_anew),
        TEST(an_unreadable_state_is_built_anew),
        TEST(a_state_of_another_format_is_built_anew),
        TEST(a_state_of_another_definition_is_built_anew),
        TEST(a_restored_log_is_another_log),
        TEST(an_error_inside_exec_spoils_the_generation),
        TEST(a_redis_that_evicts_is_refused),
        TEST(a_full_redis_is_waited_for),
    };
    return support_run("live builder", tests, sizeof(tests) / sizeof(tests[0]));
}
