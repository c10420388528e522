/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/query with `step`, around a day of 25 hours: the same as PostgreSQL's GROUP BY in the
 * zone, distinct counts and averages too. */
#include "tests/support/query_rig.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"

enum { N_EVENTS = 2000, PER_POST = 500 };

#define SITE "\"site\": \"a.example\""
#define BERLIN "\"tz\": \"Europe/Berlin\""
/* Neither bound is one of a bucket, nor of a day. */
#define FROM "2025-10-24T20:17:03.25Z"
#define TO "2025-10-27T16:40:11Z"
#define RANGE "\"from\": \"" FROM "\", \"to\": \"" TO "\""

static char *postgres; /* of the service */

/* From Friday to Monday; the clock goes back on Sunday, at 01:00 UTC. */
static void put_event(struct buf *out, uint64_t *seed)
{
    buf_printf(out,
               "{\"timestamp\": \"2025-10-%02uT%02u:%02u:%02uZ\", \"site\": \"a.example\", "
               "\"pageUrl\": \"/%u\", \"sessionId\": \"s%u\", \"props\": {\"price\": %u.%u}}\n",
               24 + random_below(seed, 4), random_below(seed, 24), random_below(seed, 60),
               random_below(seed, 60), random_below(seed, 3), random_below(seed, 90),
               random_below(seed, 40), random_below(seed, 10));
}

static int setup(void **state)
{
    (void)state;
    postgres = query_rig_fill(&(struct query_rig_events){put_event, 3, N_EVENTS, PER_POST});
    return 0;
}

/* ------------------------------------------------------------------ the same as SQL */

static const struct {
    const char *step, *bucket; /* of the SELECT */
    const char *slot;          /* the start of the slot of event_time, for PostgreSQL */
} steps[] = {
    {"day", "date_trunc('hour', event_time)", "date_trunc('day', event_time, 'Europe/Berlin')"},
    {"day", "date_bin('15 minutes', event_time, 'epoch')",
     "date_trunc('day', event_time, 'Europe/Berlin')"},
    {"hour", "date_trunc('minute', event_time)", "date_trunc('hour', event_time)"},
    {"6h", "date_trunc('hour', event_time)",
     "date_bin('6 hours', event_time, date_trunc('day', event_time, 'Europe/Berlin'))"},
    {"week", "date_trunc('hour', event_time)", "date_trunc('week', event_time, 'Europe/Berlin')"},
    {"month", "date_trunc('hour', event_time)", "date_trunc('month', event_time, 'Europe/Berlin')"},
};

static char *ask(const char *step, const char *bucket)
{
    char *body =
        mem_format("{\"sql\": \"SELECT %s AS time, path, count(*) AS n, count(DISTINCT visitor) AS "
                   "visitors, avg(ff_num(props, 'price')) AS price FROM events GROUP BY 1, 2\", "
                   "\"step\": \"%s\", \"order\": \"time,path\", \"limit\": 10000, " SITE ", " BERLIN
                   ", " RANGE "}",
                   bucket, step);
    char *got = query_rig_lines(body);
    free(body);
    return got;
}

/* Times as the answer writes them: local, with their distance from UTC. */
static char *expect(const char *slot)
{
    char *sql = mem_format(
        "SELECT string_agg(to_char(t AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD\"T\"HH24:MI:SS') || "
        "CASE (t AT TIME ZONE 'Europe/Berlin') - (t AT TIME ZONE 'UTC') WHEN '2 hours' THEN "
        "'+02:00' ELSE '+01:00' END || ',' || path || ',' || n || ',' || v || ',' || p || E'\\n', "
        "'' ORDER BY t, path COLLATE \"C\") FROM (SELECT %s AS t, path, count(*) AS n, "
        "count(DISTINCT visitor) AS v, trim_scale(round(avg(ff_num(props, 'price')), 9)) AS p "
        "FROM events WHERE site = 'a.example' AND event_time >= '" FROM "' AND event_time < '" TO
        "' GROUP BY 1, 2) q",
        slot);
    char *expected = support_sql(postgres, sql);
    free(sql);
    return expected;
}

static void a_step_gives_what_postgresql_groups_in_the_zone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char *got = ask(steps[i].step, steps[i].bucket), *expected = expect(steps[i].slot);
        assert_true(strlen(expected) > 0);
        if (strcmp(got, expected) != 0)
            fail_msg("%s of %s\ngot:\n%s\nexpected:\n%s", steps[i].step, steps[i].bucket, got,
                     expected);
        free(got);
        free(expected);
    }
}

static void all_is_one_row_without_a_time(void **state)
{
    (void)state;
    char *got =
        query_rig_lines("{\"sql\": \"SELECT date_trunc('hour', event_time) AS time, count(*) AS "
                        "n, count(DISTINCT visitor) AS v FROM events GROUP BY 1\", \"step\": "
                        "\"all\", " SITE ", " RANGE "}");
    char *expected = support_sql(
        postgres, "SELECT count(*) || ',' || count(DISTINCT visitor) || E'\\n' FROM events WHERE "
                  "site = 'a.example' AND event_time >= '" FROM "' AND event_time < '" TO "'");
    assert_string_equal(got, expected);
    free(got);
    got = query_rig_lines(
        "{\"sql\": \"SELECT count(*) AS n, count(DISTINCT visitor) AS v FROM events\", "
        "\"step\": \"all\", " SITE ", " RANGE "}");
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

/* HAVING, and order and limit of the SELECT, are of the slots of the answer. */
static void having_and_limit_count_slots_of_the_step(void **state)
{
    (void)state;
    char *got =
        query_rig_lines("{\"sql\": \"SELECT date_trunc('hour', event_time) AS time, count(*) AS "
                        "n FROM events GROUP BY 1 HAVING count(*) > 300 ORDER BY n DESC LIMIT "
                        "1\", \"step\": \"day\", " SITE ", " BERLIN ", " RANGE "}");
    assert_true(strncmp(got, "2025-10-26T00:00:00+02:00,", 26) == 0);
    assert_true(atoi(got + 26) > 300);
    free(got);
}

/* ------------------------------------------------------------------ what is said of it */

#define HOURS                                                                                      \
    "{\"sql\": \"SELECT date_trunc('hour', event_time) AS time, count(*) AS n FROM events GROUP "  \
    "BY 1\", " SITE ", " RANGE

static void the_answer_names_the_step_and_is_kept_for_it_alone(void **state)
{
    (void)state;
    static const char *const bodies[] = {HOURS "}", HOURS ", \"step\": \"day\"}",
                                         HOURS ", \"step\": \"12h\"}",
                                         HOURS ", \"step\": \"24h\"}"};
    static const char *const names[] = {"hour", "day", "12h", "24h"};
    for (int i = 0; i < 4; i++)
        for (int round = 0; round < 2; round++) { /* at once: answers may share a place */
            struct support_answer a = query_rig_ask(NULL, bodies[i]);
            rig_expect(&a, 200);
            struct json_value root = rig_json(&a);
            assert_true(rig_text_is(&root, "step", names[i]));
            assert_true(rig_text_is(&root, "to", TO));
            assert_true(span_is(support_header(&a, "footfall-cache"), round == 0 ? "miss" : "hit"));
            support_answer_clear(&a);
        }
}

static void steps_that_cannot_be_made_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } cases[] = {
        {HOURS ", \"step\": \"minute\"}", "step"},
        {HOURS ", \"step\": \"90m\"}", "step"},
        {HOURS ", \"step\": \"fortnight\"}", "step"},
        {HOURS ", \"step\": 60}", "step"},
        {HOURS ", \"step\": \"day\", \"tz\": \"Asia/Kathmandu\"}", "tz"},
        {"{\"sql\": \"SELECT count(*) AS n FROM events\", \"step\": \"hour\", " SITE "}", "step"},
        {"{\"sql\": \"SELECT date_bin('1 second', event_time, 'epoch') AS time, count(*) AS n FROM "
         "events GROUP BY 1\", \"step\": \"2s\", \"from\": 1761300000, \"to\": 1761350000, " SITE
         "}",
         "step"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct support_answer a = query_rig_ask(NULL, cases[i].body);
        if (a.status != 400)
            fail_msg("%s: %d %s", cases[i].body, a.status, (char *)a.body.p);
        struct json_value root = rig_json(&a);
        if (!rig_text_is(&root, "field", cases[i].field))
            fail_msg("%s: %s", cases[i].body, (char *)a.body.p);
        support_answer_clear(&a);
    }
}

static void the_command_has_the_step_too(void **state)
{
    (void)state;
    const char *const words[] = {"query",
                                 "--data-dir",
                                 rig()->footfall.data_dir,
                                 "--csv",
                                 "--site",
                                 "a.example",
                                 "--from",
                                 FROM,
                                 "--to",
                                 TO,
                                 "--step",
                                 "day",
                                 "--tz",
                                 "Europe/Berlin",
                                 "SELECT date_trunc('hour', event_time) AS time, count(*) AS n "
                                 "FROM events GROUP BY 1 ORDER BY 1",
                                 NULL};
    struct buf out = {0};
    assert_int_equal(support_footfall_run(&out, NULL, words), 0);
    assert_non_null(strstr((char *)out.p, "\r\n2025-10-26T00:00:00+02:00,"));
    assert_non_null(strstr((char *)out.p, "\r\n2025-10-27T00:00:00+01:00,"));
    assert_null(strstr((char *)out.p, "T01:00:00"));
    buf_clear(&out);
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(support_footfall_stop(&rig()->footfall), 0);
    rig_clear();
    free(postgres);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_step_gives_what_postgresql_groups_in_the_zone, setup),
        cmocka_unit_test(all_is_one_row_without_a_time),
        cmocka_unit_test(having_and_limit_count_slots_of_the_step),
        cmocka_unit_test(the_answer_names_the_step_and_is_kept_for_it_alone),
        cmocka_unit_test(steps_that_cannot_be_made_are_refused),
        cmocka_unit_test_teardown(the_command_has_the_step_too, stop),
    };
    return support_run("steps of queries", tests, sizeof(tests) / sizeof(tests[0]));
}
