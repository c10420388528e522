/* SPDX-License-Identifier: Apache-2.0 */
/* Views are added, changed and dropped while events stream in: whatever happens in between, it is
 * the old or the new, and the same as SQL. */
#include "tests/support/view_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "log/view_versions.h"
#include "views/catalog.h"

/* ---- two definitions of one view */

#define SELECT_BY(column_)                                                                         \
    "SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, " column_ ",\n"             \
    "       count(*) AS pageviews, count(DISTINCT visitor) AS visitors\n"                          \
    "FROM events\n"                                                                                \
    "WHERE event_type = 'PageViewEvent' AND NOT bot\n"                                             \
    "GROUP BY 1, 2, 3"
#define MINE(column_) "CREATE MATERIALIZED VIEW mine AS\n" SELECT_BY(column_) ";\n"

static const struct plan *make(const char *model, const char *sql, const char *canonical)
{
    struct plan *p = mem_alloc(sizeof(*p));
    *p = *plan_find(span_of(model));
    p->name = "mine";
    p->sql = sql;
    p->canonical = canonical;
    const struct plan *kept = catalog_keep(p);
    if (kept != p)
        free(p);
    return kept;
}

static const struct plan *by_os(void)
{
    return make("pageviews_by_os", MINE("os"), SELECT_BY("os"));
}

static const struct plan *by_browser(void)
{
    return make("pageviews_by_browser", MINE("browser"), SELECT_BY("browser"));
}

/* ---- what an admin does */

static int64_t add(struct view_rig *r, const struct plan *p, enum view_addition expected)
{
    struct err e = {0};
    enum view_addition added;
    int64_t job;
    char hash[65];
    plan_hash(p, hash);
    support_ok(view_versions_add(r->sql, &(struct view_record){p->name, p->sql, hash, p->canonical},
                                 VIEW_SET_MAX, &added, &job, &e),
               &e);
    assert_int_equal(added, expected);
    if (r->live != NULL)
        live_reload(r->live);
    if (r->runner != NULL)
        job_runner_wake(r->runner);
    return job;
}

static void drop(struct view_rig *r, const char *view)
{
    struct err e = {0};
    bool found;
    support_ok(view_versions_drop(r->sql, span_of(view), &found, &e), &e);
    assert_true(found);
    if (r->live != NULL)
        live_reload(r->live);
    if (r->runner != NULL)
        job_runner_wake(r->runner);
}

static struct view_entry known(struct view_rig *r, const char *view)
{
    struct err e = {0};
    struct view_entry v = {0};
    support_ok(view_set_refresh(r->views, r->sql, &e), &e);
    (void)view_set_find(r->views, span_of(view), &v);
    return v;
}

static void assert_ends(struct view_rig *r, int64_t id, enum job_state state, const char *why)
{
    struct job job = rig_wait_job(r, id);
    if (job.state != state || (why != NULL && strstr(job.result, why) == NULL))
        fail_msg("job %lld was %s: %s", (long long)id, job_state_name(job.state), job.result);
    job_clear(&job);
}

static void assert_agrees(struct view_rig *r, const struct plan *p)
{
    rig_wait_caught_up(r);
    struct verify_result result = rig_verify(r, p);
    assert_int_equal(result.n_differences, 0);
    assert_true(result.pages > 0);
}

static void start(struct view_rig *r, uint32_t events)
{
    static const struct plan *plans[2];
    plans[0] = plan_find(SPAN_LITERAL("pageviews"));
    r->plans = plans;
    rig_live_start(r);
    rig_append(r, events, 1000);
    rig_wait_caught_up(r);
}

static bool is_under_way(void *arg)
{
    return atoi(rig_redis(arg, "HGET", "ff:{mine:1:0}:state", "offset", NULL)) > 1000;
}

/* A job that is slow enough to be caught in the middle: it flushes after every chunk. */
static int64_t add_slowly(struct view_rig *r, const struct plan *p)
{
    r->runner_options.chunk_events = 500;
    r->runner_options.flush_ms = 0;
    rig_runner_start(r);
    int64_t job = add(r, p, VIEW_ADDED_BUILDING);
    wait_until(60000, "the view to be under way", is_under_way, r);
    return job;
}

static bool nothing_is_left(void *arg)
{
    struct view_rig *r = arg;
    return strstr(rig_redis(r, "KEYS", "ff:{mine:*", NULL), "ff:") == NULL &&
           strstr(rig_redis(r, "HGETALL", "ff:current", NULL), "mine") == NULL &&
           support_sql_int(r->postgres,
                           "SELECT count(*) FROM view_generation WHERE name = 'mine'") == 0;
}

/* ---- adding */

static void a_new_view_is_read_when_it_is_complete(void **state)
{
    struct view_rig *r = *state;
    start(r, 20000);
    int64_t job = add_slowly(r, by_os());
    assert_int_equal(known(r, "mine").state, VIEW_BUILDING);
    assert_string_equal(rig_redis(r, "HEXISTS", "ff:current", "mine", NULL), "0");
    rig_append(r, 3000, 20);
    assert_ends(r, job, JOB_DONE, NULL);
    struct view_entry v = known(r, "mine");
    assert_int_equal(v.state, VIEW_READY);
    assert_ptr_equal(v.plan, by_os());
    assert_null(v.pending);
    assert_true(rig_status(r, "mine").offset >= 20000);
    rig_append(r, 1000, 20);
    assert_agrees(r, by_os());
    rig_assert_agrees(r);
}

static void a_new_view_of_an_empty_log_is_read_at_once(void **state)
{
    struct view_rig *r = *state;
    start(r, 0);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_append(r, 1000, 20);
    assert_agrees(r, by_os());
}

static void the_same_definition_again_changes_nothing(void **state)
{
    struct view_rig *r = *state;
    start(r, 1000);
    rig_runner_start(r);
    int64_t job = add(r, by_os(), VIEW_ADDED_BUILDING);
    assert_int_equal(add(r, by_os(), VIEW_ADDED_BUILDING), job);
    assert_ends(r, job, JOB_DONE, NULL);
    add(r, by_os(), VIEW_ADDED_READY);
    assert_int_equal(support_sql_int(r->postgres, "SELECT count(*) FROM view_version"
                                                  " WHERE name = 'mine'"),
                     1);
    assert_agrees(r, by_os());
}

static void there_is_a_most_of_views(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    enum view_addition added;
    int64_t job;
    start(r, 0);
    support_ok(view_versions_add(r->sql, &(struct view_record){"mine", "sql", "hash", "select"}, 1,
                                 &added, &job, &e),
               &e);
    assert_int_equal(added, VIEW_ADDED_NOT);
}

/* ---- changing */

static void the_old_definition_is_read_until_the_new_one_has_caught_up(void **state)
{
    struct view_rig *r = *state;
    start(r, 20000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_runner_stop(r);
    int64_t job = add(r, by_browser(), VIEW_ADDED_BUILDING);
    struct view_entry v = known(r, "mine");
    assert_ptr_equal(v.plan, by_os());
    assert_ptr_equal(v.pending, by_browser());
    rig_append(r, 1000, 20);
    assert_agrees(r, by_os());
    rig_runner_start(r);
    assert_ends(r, job, JOB_DONE, NULL);
    v = known(r, "mine");
    assert_ptr_equal(v.plan, by_browser());
    assert_null(v.pending);
    assert_ptr_equal(v.previous, by_os());
    rig_append(r, 1000, 20);
    assert_agrees(r, by_browser());
    assert_int_equal(rig_status(r, "mine").generation, 2);
}

static void a_view_is_verified_by_the_definition_it_was_built_by(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    assert_ends(r, add(r, by_browser(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    assert_agrees(r, by_os()); /* as who began to verify just before the change */
}

static void a_definition_that_is_not_understood_any_more_can_be_replaced(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    free(support_sql(r->postgres, "UPDATE view_version SET canonical = 'SELECT of another age'"
                                  " WHERE name = 'mine' AND state = 'current'"));
    free(support_sql(r->postgres, "UPDATE view_catalog SET version = version + 1"));
    assert_int_equal(known(r, "mine").state, VIEW_FAILED);
    assert_ends(r, add(r, by_browser(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    assert_int_equal(known(r, "mine").state, VIEW_READY);
    assert_agrees(r, by_browser());
}

static void what_was_read_before_stays_in_the_history(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_wait_caught_up(r);
    char digest[33];
    digest_format(rig_status(r, "mine").digest, digest);
    assert_ends(r, add(r, by_browser(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    char *sql = mem_format("SELECT count(*) FROM view_version WHERE name = 'mine' AND version = 1"
                           " AND state = 'past' AND last_offset = 2000 AND last_digest = '%s'"
                           " AND ended_at >= switched_at AND sql = $sql$" MINE("os") "$sql$",
                           digest);
    assert_int_equal(support_sql_int(r->postgres, sql), 1);
    free(sql);
    assert_agrees(r, by_browser());
}

static void a_second_change_takes_the_place_of_the_first(void **state)
{
    struct view_rig *r = *state;
    start(r, 60000);
    int64_t first = add_slowly(r, by_os());
    int64_t second = add(r, by_browser(), VIEW_ADDED_BUILDING);
    assert_int_not_equal(second, first);
    assert_ends(r, first, JOB_CANCELLED, "the view was given another definition");
    assert_ends(r, second, JOB_DONE, NULL);
    assert_ptr_equal(known(r, "mine").plan, by_browser());
    assert_agrees(r, by_browser());
    assert_int_equal(support_sql_int(r->postgres, "SELECT count(*) FROM view_version"
                                                  " WHERE name = 'mine' AND state = 'pending'"),
                     0);
}

static void a_change_is_taken_back_by_the_definition_that_is_read(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_runner_stop(r);
    int64_t job = add(r, by_browser(), VIEW_ADDED_BUILDING);
    add(r, by_os(), VIEW_ADDED_READY);
    assert_ends(r, job, JOB_CANCELLED, "was given again");
    assert_null(known(r, "mine").pending);
    assert_agrees(r, by_os());
}

/* ---- dropping */

static void a_dropped_view_leaves_nothing(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    drop(r, "mine");
    assert_null(known(r, "mine").plan);
    wait_until(60000, "the dropped view to be gone", nothing_is_left, r);
    rig_append(r, 1000, 20);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

static void a_view_dropped_while_nobody_builds_leaves_nothing(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_live_stop(r);
    drop(r, "mine");
    rig_live_start(r);
    rig_runner_start(r);
    wait_until(60000, "the dropped view to be gone", nothing_is_left, r);
}

static void a_dropped_view_may_come_again(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    drop(r, "mine");
    assert_ends(r, add(r, by_browser(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_append(r, 500, 20);
    assert_agrees(r, by_browser());
}

static void a_view_dropped_while_it_is_built_leaves_nothing(void **state)
{
    struct view_rig *r = *state;
    start(r, 60000);
    int64_t job = add_slowly(r, by_os());
    drop(r, "mine");
    assert_ends(r, job, JOB_CANCELLED, "the view was dropped");
    wait_until(60000, "the dropped view to be gone", nothing_is_left, r);
    rig_assert_agrees(r);
}

static void others_in_the_job_of_a_dropped_view_go_on(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_runner_stop(r);
    struct span names[] = {SPAN_LITERAL("mine"), SPAN_LITERAL("pageviews")};
    int64_t id, running;
    support_ok(
        jobs_add(r->sql, JOB_REPLAY, (struct job_views){.names = names, .n = 2}, &id, &running, &e),
        &e);
    drop(r, "mine");
    rig_runner_start(r);
    assert_ends(r, id, JOB_DONE, "\"pageviews\"");
    wait_until(60000, "the dropped view to be gone", nothing_is_left, r);
    assert_int_equal(rig_status(r, "pageviews").generation, 2);
    rig_wait_caught_up(r);
    rig_assert_agrees(r);
}

/* ---- cut short */

static void a_view_half_built_is_gone_on_with(void **state)
{
    struct view_rig *r = *state;
    start(r, 60000);
    int64_t job = add_slowly(r, by_os());
    rig_live_stop(r);
    assert_int_equal(known(r, "mine").state, VIEW_BUILDING);
    assert_true(is_under_way(r));
    rig_redis(r, "HSET", "ff:{mine:1:0}:state", "mark", "not built anew", NULL);
    rig_live_start(r);
    r->runner_options.chunk_events = 50000;
    rig_runner_start(r);
    assert_ends(r, job, JOB_DONE, NULL);
    assert_string_equal(rig_redis(r, "HGET", "ff:{mine:1:0}:state", "mark", NULL),
                        "not built anew");
    assert_agrees(r, by_os());
}

static uint64_t generation_of(struct view_rig *r, struct view_fence fence, const struct plan *p,
                              enum generation_purpose purpose)
{
    struct err e = {0};
    uint64_t generation;
    char hash[65];
    plan_hash(p, hash);
    struct view_record record = {p->name, p->sql, hash, p->canonical};
    support_ok(view_registry_add(r->sql, fence, &record, purpose, &generation, &e), &e);
    return generation;
}

static uint64_t building(struct view_rig *r, struct view_fence fence, const struct plan *p)
{
    struct err e = {0};
    uint64_t generation;
    char hash[65];
    plan_hash(p, hash);
    struct view_record record = {p->name, p->sql, hash, p->canonical};
    support_ok(view_registry_building(r->sql, fence, &record, &generation, &e), &e);
    return generation;
}

/* The old definition had to be built anew meanwhile, and has a later number. */
static void a_generation_that_cannot_become_current_is_not_gone_on_with(void **state)
{
    struct view_rig *r = *state;
    struct err e = {0};
    struct view_owner *owner;
    (void)add(r, by_os(), VIEW_ADDED_BUILDING);
    support_ok(view_owner_take(&owner, r->postgres, 0, &e), &e);
    struct view_fence fence = view_owner_fence(owner);
    uint64_t half_built = generation_of(r, fence, by_browser(), GENERATION_BUILDING);
    assert_int_equal(building(r, fence, by_browser()), half_built);
    (void)generation_of(r, fence, by_os(), GENERATION_CURRENT);
    assert_int_equal(building(r, fence, by_browser()), 0);
    assert_int_equal(support_sql_int(r->postgres, "SELECT count(*) FROM view_generation"
                                                  " WHERE state = 'dropping'"),
                     1);
    uint64_t next = generation_of(r, fence, by_browser(), GENERATION_BUILDING);
    assert_true(next > half_built);
    assert_int_equal(building(r, fence, by_browser()), next);
    view_owner_release(owner);
}

static void a_view_that_is_built_while_redis_dies_comes_whole(void **state)
{
    struct view_rig *r = *state;
    start(r, 60000);
    int64_t job = add_slowly(r, by_os());
    rig_redis_kill9(r);
    assert_ends(r, job, JOB_DONE, NULL);
    assert_agrees(r, by_os());
    rig_assert_agrees(r);
}

static void a_pointer_that_was_not_set_is_set_at_the_next_start(void **state)
{
    struct view_rig *r = *state;
    start(r, 2000);
    rig_runner_start(r);
    assert_ends(r, add(r, by_os(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    assert_ends(r, add(r, by_browser(), VIEW_ADDED_BUILDING), JOB_DONE, NULL);
    rig_live_stop(r);
    rig_redis(r, "HSET", "ff:current", "mine", "1", NULL); /* as if killed between the two */
    rig_live_start(r);
    assert_agrees(r, by_browser());
    assert_string_equal(rig_redis(r, "HGET", "ff:current", "mine", NULL), "2");
}

/* ---- what the software ships */

/* Another text, and another SELECT of the same meaning. */
static const struct plan *older_pageviews(void)
{
    static struct plan older;
    static char sql[2000], canonical[2000];
    if (older.name == NULL) {
        older = *plan_find(SPAN_LITERAL("pageviews"));
        snprintf(sql, sizeof(sql), "-- As it was shipped before.\n%s", older.sql);
        const char *select = strstr(older.sql, "\nSELECT") + 1;
        snprintf(canonical, sizeof(canonical), "%.*s ", (int)strcspn(select, ";"), select);
        older.sql = sql;
        older.canonical = canonical;
    }
    return catalog_keep(&older);
}

static void a_shipped_view_that_has_changed_is_replaced_beside_it(void **state)
{
    struct view_rig *r = *state;
    const char *shipped = plan_find(SPAN_LITERAL("pageviews"))->sql;
    r->plans = (const struct plan *const[]){older_pageviews(), NULL};
    rig_live_start(r);
    rig_append(r, 2000, 1000);
    rig_wait_caught_up(r);
    struct view_entry v = known(r, "pageviews");
    assert_ptr_equal(v.plan, older_pageviews());
    assert_non_null(v.pending);
    assert_string_equal(v.pending->sql, shipped);
    rig_runner_start(r);
    assert_ends(r, 1, JOB_DONE, NULL);
    v = known(r, "pageviews");
    assert_string_equal(v.plan->sql, shipped);
    assert_null(v.pending);
    assert_agrees(r, v.plan);
    rig_live_stop(r);
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_int_equal(support_sql_int(r->postgres, "SELECT count(*) FROM job"), 1);
}

static void a_shipped_view_with_another_definition_of_the_admin_stays_his(void **state)
{
    struct view_rig *r = *state;
    start(r, 0);
    rig_live_stop(r);
    free(support_sql(r->postgres, "UPDATE view_version SET sql = 'his own'"));
    free(support_sql(r->postgres, "UPDATE view_definition SET shipped_hash = 'of then'"));
    enum view_shipped shipped;
    struct err e = {0};
    support_ok(view_versions_shipped(r->sql, "pageviews", "new text", &shipped, &e), &e);
    assert_int_equal(shipped, SHIPPED_SETTLED);
}

static void a_dropped_shipped_view_stays_dropped(void **state)
{
    struct view_rig *r = *state;
    start(r, 100);
    drop(r, "pageviews");
    rig_live_stop(r);
    rig_live_start(r);
    enum view_shipped shipped;
    struct err e = {0};
    support_ok(view_versions_shipped(r->sql, "pageviews", "new text", &shipped, &e), &e);
    assert_int_equal(shipped, SHIPPED_SETTLED);
    assert_null(known(r, "pageviews").plan);
}

static void a_definition_of_before_there_were_versions_is_installed_again(void **state)
{
    struct view_rig *r = *state;
    start(r, 500);
    rig_live_stop(r);
    free(support_sql(r->postgres, "UPDATE view_definition SET canonical = NULL, sql = 'then'"));
    free(support_sql(r->postgres, "UPDATE view_version SET canonical = NULL, sql = 'then',"
                                  " definition_hash = 'then'"));
    rig_redis(r, "HSET", rig_key(r, "pageviews", "state"), "definition", "then", NULL);
    rig_live_start(r);
    rig_wait_caught_up(r);
    assert_int_equal(rig_status(r, "pageviews").generation, 2);
    rig_assert_agrees(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_view_is_read_when_it_is_complete),
        TEST(a_new_view_of_an_empty_log_is_read_at_once),
        TEST(the_same_definition_again_changes_nothing),
        TEST(there_is_a_most_of_views),
        TEST(the_old_definition_is_read_until_the_new_one_has_caught_up),
        TEST(a_view_is_verified_by_the_definition_it_was_built_by),
        TEST(a_definition_that_is_not_understood_any_more_can_be_replaced),
        TEST(what_was_read_before_stays_in_the_history),
        TEST(a_second_change_takes_the_place_of_the_first),
        TEST(a_change_is_taken_back_by_the_definition_that_is_read),
        TEST(a_dropped_view_leaves_nothing),
        TEST(a_view_dropped_while_nobody_builds_leaves_nothing),
        TEST(a_dropped_view_may_come_again),
        TEST(a_view_dropped_while_it_is_built_leaves_nothing),
        TEST(others_in_the_job_of_a_dropped_view_go_on),
        TEST(a_view_half_built_is_gone_on_with),
        TEST(a_generation_that_cannot_become_current_is_not_gone_on_with),
        TEST(a_view_that_is_built_while_redis_dies_comes_whole),
        TEST(a_pointer_that_was_not_set_is_set_at_the_next_start),
        TEST(a_shipped_view_that_has_changed_is_replaced_beside_it),
        TEST(a_shipped_view_with_another_definition_of_the_admin_stays_his),
        TEST(a_dropped_shipped_view_stays_dropped),
        TEST(a_definition_of_before_there_were_versions_is_installed_again),
    };
    return support_run("views that change", tests, sizeof(tests) / sizeof(tests[0]));
}
