/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/query through the real binary: the same as PostgreSQL's answer to the same SELECT over
 * events; what ends it early; answers that are kept. */
#include "tests/support/query_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "log/sql.h"
#include "tests/support/service.h"
#include "tests/support/wire.h"

enum { N_EVENTS = 3000, PER_POST = 500, DEADLINE_MS = 60000 };

#define RANGE "\"from\": \"2025-11-26T00:00:00Z\", \"to\": \"2025-11-27T00:00:00Z\""
#define SITE "\"site\": \"a.example\""
#define COUNT "{\"sql\": \"SELECT count(*) AS n FROM events\", " SITE ", " RANGE "}"

static char *postgres; /* of the service */

/* ------------------------------------------------------------------ the events */

static void put_event(struct buf *out, uint64_t *seed)
{
    static const char *const sites[] = {"a.example", "b.example"};
    static const char *const paths[] = {"/", "/pricing", "/docs/\xc3\xbc", "/about"};
    static const char *const prices[] = {"1.5", "20", "0.333333333", "\"dear\"", "-7"};
    buf_printf(out,
               "{\"timestamp\": \"2025-11-26T%02u:%02u:%02u.%06uZ\", \"site\": \"%s\", "
               "\"pageUrl\": \"%s\", \"sessionId\": \"s%u\", \"region\": \"%s\", "
               "\"props\": {\"price\": %s}}\n",
               random_below(seed, 24), random_below(seed, 60), random_below(seed, 60),
               random_below(seed, 1000000), sites[random_below(seed, 2)],
               paths[random_below(seed, 4)], random_below(seed, 80),
               random_below(seed, 3) == 0 ? "DE" : "US-CA", prices[random_below(seed, 5)]);
}

static int setup(void **state)
{
    (void)state;
    postgres = query_rig_fill(&(struct query_rig_events){put_event, 11, N_EVENTS, PER_POST});
    return 0;
}

static bool header_is(const struct support_answer *a, const char *name, const char *value)
{
    return span_is(support_header(a, name), value);
}

/* ------------------------------------------------------------------ the same as SQL */

/* line: the columns of the CSV as one text, of the rows of `from`. */
struct pair {
    const char *sql, *more, *line, *from;
};

#define OF_SITE "FROM events WHERE site = 'a.example'"
#define HOURS "to_char(date_trunc('hour', event_time), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

static const struct pair pairs[] = {
    {"SELECT count(*) AS n FROM events", "", "n", "SELECT count(*) AS n " OF_SITE},
    {"SELECT path, count(*) AS n, count(DISTINCT visitor) AS visitors FROM events GROUP BY path",
     ", \"order\": \"path\", \"limit\": 10000", "path || ',' || n || ',' || v",
     "SELECT path, count(*) AS n,"
     " count(DISTINCT visitor) AS v " OF_SITE " GROUP BY path"},
    {"SELECT date_trunc('hour', event_time) AS time, region, count(*) AS n FROM events"
     " WHERE path LIKE '/p%' GROUP BY 1, 2",
     ", \"order\": \"time,region\", \"limit\": 10000", "t || ',' || region || ',' || n",
     "SELECT " HOURS " AS t, region, count(*) AS n " OF_SITE " AND path LIKE '/p%' GROUP BY 1, 2"},
    {"SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, count(*) FILTER (WHERE"
     " region = 'DE') AS german FROM events GROUP BY 1, 2",
     ", \"order\": \"time\", \"limit\": 10000", "t || ',a.example,' || n",
     "SELECT to_char(date_bin('15 minutes', event_time, 'epoch'), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
     " AS t, count(*) FILTER (WHERE region = 'DE') AS n " OF_SITE " GROUP BY 1"},
    {"SELECT path, sum(ff_num(props, 'price')) AS total, min(ff_num(props, 'price')) AS least"
     " FROM events GROUP BY path HAVING count(*) > 10 ORDER BY path LIMIT 2",
     "", "path || ',' || total || ',' || least",
     "SELECT path,"
     " trim_scale(sum(ff_num(props, 'price'))) AS total, trim_scale(min(ff_num(props, 'price'))) AS"
     " least " OF_SITE " GROUP BY path HAVING count(*) > 10 ORDER BY path LIMIT 2"},
};

static void an_answer_equals_that_of_postgresql(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const struct pair *p = &pairs[i];
        char *body = mem_format("{\"sql\": \"%s\", " SITE ", " RANGE "%s}", p->sql, p->more);
        char *sql =
            mem_format("SELECT coalesce(string_agg(line::text || E'\\n', '' ORDER BY line::text"
                       " COLLATE \"C\"), '') FROM (SELECT %s AS line FROM (%s) q) r",
                       p->line, p->from);
        char *got = query_rig_lines(body), *expected = support_sql(postgres, sql);
        assert_true(strlen(expected) > 0);
        if (strcmp(got, expected) != 0)
            fail_msg("%s\ngot:\n%s\nexpected:\n%s", p->sql, got, expected);
        free(got);
        free(expected);
        free(body);
        free(sql);
    }
}

/* Sessions that have begun before, or go on behind the range, are what they are. */
static void sessions_that_start_in_the_range_count(void **state)
{
    (void)state;
    char *got =
        query_rig_lines("{\"sql\": \"SELECT entry_page, count(*) AS n, sum(pageviews) AS views,"
                        " sum(duration) AS seconds, count(*) FILTER (WHERE bounce) AS bounces"
                        " FROM sessions GROUP BY entry_page ORDER BY entry_page\", " SITE
                        ", \"from\": \"2025-11-26T09:00:00Z\", \"to\": "
                        "\"2025-11-26T13:30:00Z\"}");
    char *expected = support_sql(
        postgres, "SELECT string_agg(line || E'\\n', '' ORDER BY line COLLATE \"C\") FROM (SELECT "
                  "entry_page || ',' || count(*) || ',' || sum(pageviews) || ',' || sum(duration) "
                  "|| ',' || count(*) FILTER (WHERE bounce) AS line FROM sessions WHERE site = "
                  "'a.example' AND session_start >= '2025-11-26 09:00Z' AND session_start < "
                  "'2025-11-26 13:30Z' GROUP BY entry_page) q");
    assert_true(strlen(expected) > 40);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static void from_and_to_hold_exactly(void **state)
{
    (void)state;
    char *edges =
        support_sql(postgres, "SELECT to_char(min(event_time), '\"2025-11-26T\"HH24:MI:SS.US\"Z\"')"
                              " FROM events WHERE site = 'a.example' AND event_time >="
                              " '2025-11-26 12:00Z'");
    char *with = mem_format("{\"sql\": \"SELECT count(*) AS n FROM events\", " SITE
                            ", \"from\": \"2025-11-26T12:00:00Z\", \"to\": \"%s\"}",
                            edges);
    char *got = query_rig_lines(with);
    assert_string_equal(got, "0\n"); /* to is exclusive */
    free(got);
    free(with);
    with = mem_format("{\"sql\": \"SELECT count(*) AS n FROM events\", " SITE
                      ", \"from\": \"%s\", \"to\": 1764201600}",
                      edges);
    got = query_rig_lines(with);
    char *expected = support_sql(postgres, "SELECT count(*) || E'\\n' " OF_SITE
                                           " AND event_time >= '2025-11-26 12:00Z'");
    assert_string_equal(got, expected);
    free(expected);
    free(got);
    free(with);
    free(edges);
}

static void an_answer_says_what_it_is_of(void **state)
{
    (void)state;
    struct support_answer a = query_rig_ask(NULL, COUNT);
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a), as_of = rig_member(&root, "as_of");
    assert_int_equal(rig_member(&root, "view").type, JSON_NULL);
    assert_int_equal(rig_member(&as_of, "generation").type, JSON_NULL);
    assert_int_equal(rig_int(&as_of, "offset"),
                     support_sql_int(postgres, "SELECT log_next_seq(0)"));
    assert_true(rig_text_is(&root, "step", "all"));
    assert_true(rig_text_is(&root, "from", "2025-11-26T00:00:00Z"));
    assert_true(rig_member(&root, "sql").text.n > 0);
    struct json_value totals = rig_member(&root, "totals");
    assert_int_equal(rig_int(&totals, "n"), support_sql_int(postgres, "SELECT count(*) " OF_SITE));
    support_answer_clear(&a);
}

/* ------------------------------------------------------------------ kept answers */

static void expect_kept(const char *accept, const char *body, const char *kept)
{
    struct support_answer a = query_rig_ask(accept, body);
    rig_expect(&a, 200);
    if (!header_is(&a, "footfall-cache", kept))
        fail_msg("footfall-cache is not %s", kept);
    support_answer_clear(&a);
}

static void an_answer_is_kept_until_the_log_grows(void **state)
{
    (void)state;
    static const char by_region[] = "{\"sql\": \"SELECT region, count(*) AS n FROM events GROUP BY "
                                    "region\", " SITE ", " RANGE "}";
    expect_kept(NULL, by_region, "miss");
    struct support_answer first = query_rig_ask(NULL, by_region),
                          again = query_rig_ask(NULL, by_region);
    assert_true(header_is(&again, "footfall-cache", "hit"));
    assert_true(span_equal(buf_span(&first.body), buf_span(&again.body)));
    expect_kept("text/csv", by_region, "miss");
    expect_kept("text/csv", by_region, "hit");
    rig_post(SPAN_LITERAL("{\"timestamp\": \"2025-11-26T10:00:00Z\", \"site\": \"a.example\", "
                          "\"pageUrl\": \"/\", \"region\": \"FR\"}"),
             1);
    expect_kept(NULL, by_region, "miss");
    struct support_answer grown = query_rig_ask(NULL, by_region);
    assert_non_null(strstr((char *)grown.body.p, "[\"FR\",1]"));
    support_answer_clear(&first);
    support_answer_clear(&again);
    support_answer_clear(&grown);
}

/* ------------------------------------------------------------------ refusals */

static void a_select_that_cannot_be_answered_names_its_place(void **state)
{
    (void)state;
    struct support_answer a = query_rig_ask(
        NULL, "{\"sql\": \"SELECT count(*) AS n,\\n  random() AS x\\nFROM events\", " SITE "}");
    rig_expect(&a, 400);
    struct json_value root = rig_json(&a);
    assert_true(rig_text_is(&root, "field", "sql"));
    assert_int_equal(rig_int(&root, "line"), 2);
    assert_int_equal(rig_int(&root, "column"), 3);
    support_answer_clear(&a);
}

static void what_is_asked_wrongly_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
        int status;
    } cases[] = {
        {"{", NULL, 400},
        {"{\"sql\": 7}", "sql", 400},
        {"{\"sql\": \"SELECT count(*) AS n FROM events\"}", "site", 400},
        {"{\"sql\": \"SELECT count(*) AS n FROM events\", \"site\": \"no site\"}", "site", 400},
        {"{\"sql\": \"SELECT count(*) AS n FROM events\", " SITE ", \"order\": \"x\"}", "order",
         400},
        {"{\"sql\": \"SELECT count(*) AS n FROM events\", " SITE ", \"limit\": 10001}", "limit",
         400},
        {"{\"sql\": \"DELETE FROM events\", " SITE "}", "sql", 400},
        {"{\"sql\": \"SELECT count(*) AS n FROM events; DROP TABLE log_tail\", " SITE "}", "sql",
         400},
        {"{\"sql\": \"SELECT count(*) AS n FROM token\", " SITE "}", "sql", 400},
        {"{\"sql\": \"SELECT date_bin('1 second', event_time, 'epoch') AS time, count(*) AS n FROM "
         "events GROUP BY 1\", " SITE ", \"from\": 0}",
         "sql", 400},
        {"{\"sql\": \"SELECT count(*) AS n FROM events\", " SITE ", \"by\": \"path\"}", "by", 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct support_answer a = query_rig_ask(NULL, cases[i].body);
        if (a.status != cases[i].status)
            fail_msg("%s: %d %s", cases[i].body, a.status, (char *)a.body.p);
        struct json_value root = rig_json(&a);
        if (cases[i].field != NULL && !rig_text_is(&root, "field", cases[i].field))
            fail_msg("%s: %s", cases[i].body, (char *)a.body.p);
        support_answer_clear(&a);
    }
    struct support_answer a = query_rig_ask("image/png", COUNT);
    rig_expect(&a, 406);
    support_answer_clear(&a);
    char *large = mem_alloc(70000);
    memset(large, ' ', 69999);
    a = query_rig_ask(NULL, large);
    rig_expect(&a, 413);
    support_answer_clear(&a);
    free(large);
}

/* ------------------------------------------------------------------ an early end */

/* The whole log is locked: what reads it waits. */
static struct sql *lock_log(const char *uri)
{
    struct sql *s;
    struct err e = {0};
    support_ok(sql_open(&s, uri, &e), &e);
    support_ok(
        sql_run(s, "BEGIN; LOCK TABLE log_tail IN ACCESS EXCLUSIVE MODE", SQL_NO_PARAMS, NULL, &e),
        &e);
    return s;
}

static bool query_waits(void *uri)
{
    return support_sql_int(uri, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                "'SELECT log_next_seq($1)%' AND wait_event_type = 'Lock'") > 0;
}

static int64_t queries(const char *outcome)
{
    char *name = mem_format("footfall_queries_total{outcome=\"%s\"} ", outcome);
    struct support_answer a = rig_get("/metrics");
    rig_expect(&a, 200);
    const char *at = strstr((char *)a.body.p, name);
    assert_non_null(at);
    int64_t n = strtoll(at + strlen(name), NULL, 10);
    support_answer_clear(&a);
    free(name);
    return n;
}

static bool one_is_cancelled(void *before)
{
    return queries("cancelled") == *(int64_t *)before + 1;
}

static void a_query_ends_when_its_client_leaves(void **state)
{
    (void)state;
    int64_t before = queries("cancelled");
    char *request = mem_format("POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                               "Content-Length: %zu\r\n\r\n%s",
                               rig()->footfall.admin_token, strlen(COUNT), COUNT);
    struct sql *lock = lock_log(postgres);
    int fd = wire_connect(rig()->footfall.url);
    wire_put(fd, request);
    wait_until(DEADLINE_MS, "the query to wait", query_waits, postgres);
    close(fd);
    wait_until(DEADLINE_MS, "the query to be cancelled", one_is_cancelled, &before);
    sql_close(lock);
    struct support_answer a = query_rig_ask(NULL, COUNT);
    rig_expect(&a, 200);
    support_answer_clear(&a);
    free(request);
}

static void a_query_that_takes_too_long_says_so(void **state)
{
    (void)state;
    struct service s = {0};
    static const char *const arguments[] = {"--api.query_timeout_ms", "300", NULL};
    support_footfall_start(&s.footfall, NULL, arguments);
    service_find_servers(&s);
    struct sql *lock = lock_log(s.postgres);
    char *url = mem_format("%s/v1/query", s.footfall.url);
    struct support_http request = {.url = url,
                                   .token = s.footfall.admin_token,
                                   .headers = {"content-type: application/json"},
                                   .body = SPAN_LITERAL(COUNT)};
    struct support_answer a = support_http(&request);
    rig_expect(&a, 422);
    assert_non_null(strstr((char *)a.body.p, "/query-timeout\""));
    support_answer_clear(&a);
    sql_close(lock);
    free(url);
    service_stop(&s);
}

/* ------------------------------------------------------------------ public sites */

static void a_public_site_may_be_asked_about_by_anyone(void **state)
{
    (void)state;
    struct support_answer a =
        rig_ask(&(struct rig_request){.body = "{\"name\": \"a.example\", \"public\": true}"},
                "/v1/admin/sites");
    rig_expect(&a, 200);
    support_answer_clear(&a);
    a = rig_ask(&(struct rig_request){.body = COUNT, .token = ""}, "/v1/query");
    rig_expect(&a, 200);
    support_answer_clear(&a);
    a = rig_ask(&(struct rig_request){.body = "{\"sql\": \"SELECT count(*) AS n FROM events\", "
                                              "\"site\": \"b.example\"}",
                                      .token = ""},
                "/v1/query");
    rig_expect(&a, 401);
    support_answer_clear(&a);
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
        cmocka_unit_test_setup(an_answer_equals_that_of_postgresql, setup),
        cmocka_unit_test(sessions_that_start_in_the_range_count),
        cmocka_unit_test(from_and_to_hold_exactly),
        cmocka_unit_test(an_answer_says_what_it_is_of),
        cmocka_unit_test(a_select_that_cannot_be_answered_names_its_place),
        cmocka_unit_test(what_is_asked_wrongly_is_refused),
        cmocka_unit_test(an_answer_is_kept_until_the_log_grows),
        cmocka_unit_test(a_public_site_may_be_asked_about_by_anyone),
        cmocka_unit_test(a_query_ends_when_its_client_leaves),
        cmocka_unit_test_teardown(a_query_that_takes_too_long_says_so, stop),
    };
    return support_run("queries", tests, sizeof(tests) / sizeof(tests[0]));
}
