/* SPDX-License-Identifier: Apache-2.0 */
/* The law of this architecture: what a replay builds = what the live view showed = what SQL says of
 * the events; through the real binary, over HTTP, with crashes of every part in between. */
#include "tests/support/support.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/support/service.h"
#include "tests/support/traffic.h"

enum { DEADLINE_MS = 60000 };

/* ------------------------------------------------------------------ the law */

/* The API's CSV of one site and SQL's rendering of the same, line by line. */
static void rows_equal_sql(struct service *s, const char *view, const char *query, const char *sql)
{
    char *path = mem_format("/v1/views/%s/rows?site=a.example&from=%s&to=%s&%s", view, TRAFFIC_FROM,
                            TRAFFIC_TO, query);
    struct support_answer a = service_get(s, path, "accept: text/csv");
    assert_int_equal(a.status, 200);
    char *expected = support_sql(s->postgres, sql);
    char *lines = strstr((char *)a.body.p, "\n");
    assert_non_null(lines);
    char *got = lines + 1;
    for (char *p = got; (p = strstr(p, "\r\n")) != NULL;)
        memmove(p, p + 1, strlen(p));
    size_t n = strlen(got);
    if (n > 0 && got[n - 1] == '\n')
        got[n - 1] = '\0';
    assert_string_equal(got, expected);
    free(expected);
    free(path);
    support_answer_clear(&a);
}

static void live_equals_sql(struct service *s)
{
    service_wait_caught_up(s, DEADLINE_MS);
    rows_equal_sql(
        s, "pageviews_by_region", "step=hour&by=region&order=time,region&limit=10000",
        "SELECT string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") FROM (SELECT "
        "to_char(date_bin('1 hour', event_time, "
        "'epoch'), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || ',' || region || ',' || count(*) AS line "
        "FROM events WHERE site = 'a.example' AND event_type = 'PageViewEvent' AND NOT bot "
        "GROUP BY date_bin('1 hour', event_time, 'epoch'), region) q");
    rows_equal_sql(
        s, "visitors", "step=all&by=",
        "SELECT count(*) || ',' || count(DISTINCT visitor) "
        "FROM events WHERE site = 'a.example' AND event_type = 'PageViewEvent' AND NOT bot");
    rows_equal_sql(s, "visits", "step=all&by=",
                   "SELECT count(*) || ',' || count(*) FILTER (WHERE bounce) || ',' || "
                   "sum(duration) || ',' || sum(pageviews) FROM sessions WHERE site = 'a.example'");
    rows_equal_sql(s, "entry_pages", "step=all&order=entry_page&limit=10000",
                   "SELECT string_agg(line, E'\\n' ORDER BY entry_page) FROM (SELECT entry_page, "
                   "entry_page || ',' || count(*) || ',' || count(*) FILTER (WHERE bounce) AS line "
                   "FROM sessions WHERE site = 'a.example' GROUP BY entry_page) q");
}

static void the_law_holds(struct service *s)
{
    live_equals_sql(s);
    service_verify_agrees(s);
    service_replay_changes_nothing(s);
    live_equals_sql(s);
    service_verify_agrees(s);
}

/* ------------------------------------------------------------------ tests */

static void a_replay_gives_what_the_live_view_showed_and_sql_says(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    struct traffic t = {.seed = 1};
    for (int i = 0; i < 5; i++)
        service_post_all(&s, &t, 1000);
    the_law_holds(&s);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(*) FROM events"), t.n_distinct);
    service_stop(&s);
}

static void the_law_holds_over_restarts_and_crashes_of_footfall(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    struct traffic t = {.seed = 2};
    for (int i = 0; i < 3; i++) {
        service_post_all(&s, &t, 700);
        service_kill9(&s);
        service_restart(&s);
    }
    service_post_all(&s, &t, 100);
    the_law_holds(&s);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(*) FROM events"), t.n_distinct);
    service_stop(&s);
}

static void nothing_is_lost_or_doubled_when_postgresql_is_killed(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    struct traffic t = {.seed = 3};
    for (int i = 0; i < 3; i++) {
        service_post_all(&s, &t, 300);
        service_kill_postgres(&s);
        service_post_all(&s, &t, 300); /* repeats until it is answered 202 */
    }
    the_law_holds(&s);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(*) FROM events"), t.n_distinct);
    service_stop(&s);
}

static void the_law_holds_when_redis_is_killed_or_flushed(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    struct traffic t = {.seed = 4};
    service_post_all(&s, &t, 1500);
    service_kill_redis(&s);
    service_post_all(&s, &t, 500);
    live_equals_sql(&s);
    free(support_redis_command(s.redis, "FLUSHALL", NULL));
    service_post_all(&s, &t, 500);
    the_law_holds(&s);
    service_stop(&s);
}

/* A copy of Redis' files from a moment ago comes back: offset and counters are older together, and
 * the live builder goes on from there. */
static void the_law_holds_when_redis_is_restored_older(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    struct traffic t = {.seed = 5};
    service_post_all(&s, &t, 1000);
    service_wait_caught_up(&s, DEADLINE_MS);
    service_save_redis(&s);
    service_post_all(&s, &t, 1000);
    service_wait_caught_up(&s, DEADLINE_MS);
    service_restore_redis(&s);
    service_post_all(&s, &t, 100);
    the_law_holds(&s);
    service_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_gives_what_the_live_view_showed_and_sql_says),
        cmocka_unit_test(the_law_holds_over_restarts_and_crashes_of_footfall),
        cmocka_unit_test(nothing_is_lost_or_doubled_when_postgresql_is_killed),
        cmocka_unit_test(the_law_holds_when_redis_is_killed_or_flushed),
        cmocka_unit_test(the_law_holds_when_redis_is_restored_older),
    };
    return support_run("law", tests, sizeof(tests) / sizeof(tests[0]));
}
