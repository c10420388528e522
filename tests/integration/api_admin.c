/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, bad parameters, the log for other consumers, jobs, tokens, sites, health. */
#include "tests/support/api_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

static const char browser[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0";

static void post_views(const char *site, int n)
{
    struct buf body = {0};
    for (int i = 0; i < n; i++)
        buf_printf(&body, "{\"pageUrl\":\"https://%s/%d\",\"userAgent\":\"%s\"}\n", site, i,
                   browser);
    rig_post(buf_span(&body), n);
    buf_clear(&body);
}

static int status_of(const struct rig_request *q, const char *path)
{
    struct support_answer a = rig_ask(q, "%s", path);
    int status = a.status;
    support_answer_clear(&a);
    return status;
}

/* ------------------------------------------------------------------ scopes and sites */

static void every_endpoint_asks_for_its_scope(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int none, ingest, read, admin;
    } cases[] = {
        {"GET", "/metrics", 401, 403, 403, 200},
        {"GET", "/v1/views", 401, 403, 200, 200},
        {"GET", "/v1/sites", 401, 403, 200, 200},
        {"GET", "/v1/views/pageviews/rows?site=a.example", 401, 403, 200, 200},
        {"GET", "/v1/views/nothing/rows?site=a.example", 401, 403, 404, 404},
        {"GET", "/v1/log", 401, 403, 403, 200},
        {"GET", "/v1/admin/status", 401, 403, 403, 200},
        {"GET", "/v1/admin/replays", 401, 403, 403, 200},
        {"GET", "/v1/admin/replays/999", 401, 403, 403, 404},
        {"GET", "/v1/admin/verifications/x", 401, 403, 403, 404},
        {"DELETE", "/v1/admin/replays/999", 401, 403, 403, 404},
        {"DELETE", "/v1/admin/tokens/999", 401, 403, 403, 404},
        {"DELETE", "/v1/admin/views/nothing", 401, 403, 403, 404},
        {"GET", "/v1/admin/views/nothing", 401, 403, 403, 404},
        {"GET", "/v1/admin/views/pageviews", 401, 403, 403, 200},
        {"GET", "/v1/admin/sites", 401, 403, 403, 200},
        {"GET", "/v1/admin/tokens", 401, 403, 403, 200},
    };
    char *ingest = rig_token("ingest", NULL), *read = rig_token("read", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct {
            const char *token;
            int status;
        } asked[] = {{"", cases[i].none},
                     {ingest, cases[i].ingest},
                     {read, cases[i].read},
                     {NULL, cases[i].admin},
                     {"ff_unknown", 401}};
        for (size_t k = 0; k < 5; k++) {
            struct rig_request q = {.method = cases[i].method, .token = asked[k].token};
            int status = status_of(&q, cases[i].path);
            if (status != asked[k].status)
                fail_msg("%s %s with token %zu: %d, not %d", cases[i].method, cases[i].path, k,
                         status, asked[k].status);
        }
    }
    free(ingest);
    free(read);
}

static void what_is_open_is_so_whatever_token_is_shown(void **state)
{
    (void)state;
    static const char *const open[] = {"/healthz", "/readyz", "/"};
    static const char *const tokens[] = {"", "ff_unknown", NULL};
    rig_wait_caught_up(); /* else it is not ready */
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(status_of(&(struct rig_request){.token = tokens[k]}, open[i]), 200);
}

static void a_token_for_one_site_sees_that_site_alone(void **state)
{
    (void)state;
    post_views("mine.example", 3);
    post_views("other.example", 2);
    rig_wait_caught_up();
    char *read = rig_token("read", "mine.example"), *admin = rig_token("admin", "mine.example");
    struct rig_request q = {.token = read};
    struct support_answer a = rig_ask(&q, "/v1/views/pageviews/rows?step=all&by=");
    rig_expect(&a, 200); /* no site needed */
    struct json_value root = rig_json(&a), totals = rig_member(&root, "totals");
    assert_true(rig_text_is(&root, "site", "mine.example"));
    assert_int_equal(rig_int(&totals, "pageviews"), 3);
    support_answer_clear(&a);
    assert_int_equal(status_of(&q, "/v1/views/pageviews/rows?site=mine.example"), 200);
    assert_int_equal(status_of(&q, "/v1/views/pageviews/rows?site=other.example"), 403);
    a = rig_ask(&q, "/v1/sites");
    assert_string_equal((char *)a.body.p,
                        "{\"sites\":[{\"name\":\"mine.example\",\"public\":false}]}");
    support_answer_clear(&a);
    q.token = admin;
    assert_int_equal(status_of(&q, "/v1/admin/tokens"), 403);
    assert_int_equal(status_of(&q, "/v1/admin/replays"), 403);
    assert_int_equal(status_of(&q, "/v1/log?site=other.example"), 403);
    a = rig_ask(&q, "/v1/log?limit=100");
    rig_expect(&a, 200);
    assert_null(strstr((char *)a.body.p, "other.example"));
    assert_non_null(strstr((char *)a.body.p, "mine.example"));
    support_answer_clear(&a);
    free(read);
    free(admin);
}

static void a_revoked_token_is_not_known_any_more(void **state)
{
    (void)state;
    char *token = rig_token("read", NULL);
    struct rig_request q = {.token = token};
    assert_int_equal(status_of(&q, "/v1/views"), 200);
    struct support_answer a = rig_get("/v1/admin/tokens");
    struct json_value root = rig_json(&a), list = rig_member(&root, "tokens");
    struct json_walk walk = json_enter(rig()->json, &list);
    int64_t newest = 0;
    for (struct json_member m; json_next(&walk, &m);)
        newest = rig_int(&m.value, "id") > newest ? rig_int(&m.value, "id") : newest;
    assert_null(strstr((char *)a.body.p, token)); /* shown once only */
    support_answer_clear(&a);
    char *path = mem_format("/v1/admin/tokens/%lld", (long long)newest);
    assert_int_equal(status_of(&(struct rig_request){.method = "DELETE"}, path), 204);
    assert_int_equal(status_of(&q, "/v1/views"), 401);
    assert_int_equal(status_of(&(struct rig_request){.method = "DELETE"}, path), 404);
    free(path);
    free(token);
}

static void a_public_site_is_read_without_a_token(void **state)
{
    (void)state;
    struct rig_request nobody = {.token = ""};
    static const char path[] = "/v1/views/pageviews/rows?site=open.example&step=all";
    assert_int_equal(status_of(&nobody, path), 401);
    struct support_answer a =
        rig_ask(&(struct rig_request){.body = "{\"name\":\"open.example\",\"public\":true}"},
                "/v1/admin/sites");
    rig_expect(&a, 200);
    support_answer_clear(&a);
    assert_int_equal(status_of(&nobody, path), 200);
    assert_int_equal(status_of(&nobody, "/v1/views/pageviews/rows?site=mine.example"), 401);
    assert_int_equal(status_of(&nobody, "/v1/views"), 401);
}

static void an_alias_stands_for_its_site(void **state)
{
    (void)state;
    post_views("named.example", 2);
    rig_wait_caught_up();
    struct support_answer a =
        rig_ask(&(struct rig_request){.body = "{\"name\":\"named.example\",\"alias\":\"4711\"}"},
                "/v1/admin/sites");
    rig_expect(&a, 200);
    support_answer_clear(&a);
    a = rig_get("/v1/views/pageviews/rows?site=4711&step=all");
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a), totals = rig_member(&root, "totals");
    assert_true(rig_text_is(&root, "site", "named.example"));
    assert_int_equal(rig_int(&totals, "pageviews"), 2);
    support_answer_clear(&a);
}

/* ------------------------------------------------------------------ bad requests */

static void bad_parameters_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body, *field;
    } cases[] = {
        {"/v1/views/pageviews/rows", NULL, "site"},
        {"/v1/views/pageviews/rows?site=", NULL, "site"},
        {"/v1/views/pageviews/rows?site=a/b", NULL, "site"},
        {"/v1/views/pageviews/rows?site=a.example&from=never", NULL, "from"},
        {"/v1/views/pageviews/rows?site=a.example&to=1e9", NULL, "to"},
        {"/v1/views/pageviews/rows?site=a.example&from=2000000000&to=1", NULL, "from"},
        {"/v1/views/pageviews/rows?site=a.example&step=fortnight", NULL, "step"},
        {"/v1/views/pageviews/rows?site=a.example&from=0&step=minute", NULL, "step"},
        {"/v1/views/pageviews_by_page/rows?site=a.example&step=minute", NULL, "step"},
        {"/v1/views/pageviews/rows?site=a.example&window=1h", NULL, "step"},
        {"/v1/views/pageviews/rows?site=a.example&step=hour&window=90m", NULL, "window"},
        {"/v1/views/pageviews/rows?site=a.example&tz=Berlin", NULL, "tz"},
        {"/v1/views/pageviews/rows?site=a.example&tz=../../etc/passwd", NULL, "tz"},
        {"/v1/views/pageviews/rows?site=a.example&by=region", NULL, "by"},
        {"/v1/views/pageviews/rows?site=a.example&filter[region]=DE", NULL, "filter[region]"},
        {"/v1/views/pageviews/rows?site=a.example&order=visitors", NULL, "order"},
        {"/v1/views/pageviews/rows?site=a.example&limit=10001", NULL, "limit"},
        {"/v1/views/pageviews/rows?site=a.example&offset=-1", NULL, "offset"},
        {"/v1/views/pageviews/rows?site=a.example&fill=1", NULL, "fill"},
        {"/v1/views/pageviews/rows?site=a.example&typo=1", NULL, "typo"},
        {"/v1/log?from=-1", NULL, "from"},
        {"/v1/log?limit=0", NULL, "limit"},
        {"/v1/log?limit=10001", NULL, "limit"},
        {"/v1/log?wait=31", NULL, "wait"},
        {"/v1/log?partition=1", NULL, "partition"},
        {"/v1/log?site=a%20b", NULL, "site"},
        {"/v1/admin/replays", "{\"views\":[\"nothing\"]}", "views"},
        {"/v1/admin/replays", "{\"views\":\"pageviews\"}", "views"},
        {"/v1/admin/replays", "{\"views\":[]}", "views"},
        {"/v1/admin/replays", "{\"threads\":0}", "threads"},
        {"/v1/admin/replays", "{\"threads\":17}", "threads"},
        {"/v1/admin/replays", "{\"threads\":\"2\"}", "threads"},
        {"/v1/admin/replays", "{\"rate\":-1}", "rate"},
        {"/v1/admin/replays", "{\"rate\":100000001}", "rate"},
        {"/v1/admin/replays", "{\"rate\":0.5}", "rate"},
        {"/v1/admin/verifications", "{\"threads\":1}", "threads"},
        {"/v1/admin/replays", "{\"views\":[\"pageviews\",\"pageviews\"]}", "views"},
        {"/v1/admin/verifications", "{\"view\":\"pageviews\"}", "view"},
        {"/v1/admin/verifications", "{\"site\":\"a b\"}", "site"},
        {"/v1/admin/verifications", "{\"site\":1}", "site"},
        {"/v1/admin/verifications", "{\"from\":\"yesterday\"}", "from"},
        {"/v1/admin/verifications", "{\"from\":-1}", "from"},
        {"/v1/admin/verifications", "{\"to\":true}", "to"},
        {"/v1/admin/verifications", "{\"from\":2000000000,\"to\":\"2000000000\"}", "from"},
        {"/v1/admin/replays", "{\"site\":\"a.example\"}", "site"},
        {"/v1/admin/views", "SELECT 1", "sql"},
        {"/v1/admin/sites", "{\"name\":\"a b\"}", "name"},
        {"/v1/admin/sites", "{}", "name"},
        {"/v1/admin/sites", "{\"name\":\"a.example\",\"public\":\"yes\"}", "public"},
        {"/v1/admin/tokens", "{\"scope\":\"root\"}", "scope"},
        {"/v1/admin/tokens", "{}", "scope"},
        {"/v1/admin/tokens", "{\"scope\":\"read\",\"site\":\"a b\"}", "site"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig_request q = {.body = cases[i].body};
        struct support_answer a = rig_ask(&q, "%s", cases[i].path);
        rig_expect(&a, 400);
        struct json_value root = rig_json(&a);
        if (!rig_text_is(&root, "field", cases[i].field))
            fail_msg("%s: %s", cases[i].path, (char *)a.body.p);
        assert_true(span_is(support_header(&a, "content-type"), "application/problem+json"));
        support_answer_clear(&a);
    }
}

static void bodies_that_are_no_json_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{", "[]", "null", "{\"views\":[\"pageviews\"]} x",
                                         "{\"scope\":1}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct rig_request q = {.body = bodies[i]};
        assert_int_equal(status_of(&q, "/v1/admin/tokens"), 400);
    }
    struct rig_request image = {.accept = "image/png"};
    assert_int_equal(status_of(&image, "/v1/views"), 406);
    assert_int_equal(status_of(&image, "/v1/log"), 406);
    assert_int_equal(status_of(&image, "/v1/views/pageviews/rows?site=a.example"), 406);
}

/* ------------------------------------------------------------------ the log */

static int64_t head(void)
{
    struct support_answer a = rig_get("/v1/log?limit=1");
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a);
    int64_t next = rig_int(&root, "head");
    support_answer_clear(&a);
    return next;
}

static void the_log_is_read_in_pages_without_gap_or_repeat(void **state)
{
    (void)state;
    post_views("log.example", 23);
    int64_t end = head(), seq = 0;
    while (seq < end) {
        struct support_answer a = rig_get("/v1/log?from=%lld&limit=7", (long long)seq);
        rig_expect(&a, 200);
        struct json_value root = rig_json(&a), events = rig_member(&root, "events");
        assert_in_range(json_count(rig()->json, &events), 1, 7);
        struct json_walk walk = json_enter(rig()->json, &events);
        for (struct json_member m; json_next(&walk, &m);)
            assert_int_equal(rig_int(&m.value, "seq"), seq++);
        assert_int_equal(rig_int(&root, "next"), seq);
        support_answer_clear(&a);
    }
    assert_int_equal(seq, end);
    struct support_answer a = rig_get("/v1/log?from=%lld", (long long)end);
    struct json_value root = rig_json(&a), events = rig_member(&root, "events");
    assert_int_equal(json_count(rig()->json, &events), 0);
    assert_int_equal(rig_int(&root, "next"), end);
    support_answer_clear(&a);
}

static void the_log_comes_as_lines_and_messagepack_too(void **state)
{
    (void)state;
    post_views("forms.example", 3);
    int64_t end = head();
    struct rig_request q = {.accept = "application/x-ndjson"};
    struct support_answer a = rig_ask(&q, "/v1/log?from=%lld", (long long)end - 3);
    rig_expect(&a, 200);
    int lines = 0;
    for (size_t i = 0; i < a.body.n; i++)
        lines += a.body.p[i] == '\n';
    assert_int_equal(lines, 3);
    char expected[24];
    snprintf(expected, sizeof expected, "%lld", (long long)end);
    assert_true(span_is(support_header(&a, "footfall-next"), expected));
    support_answer_clear(&a);
    q.accept = "application/msgpack";
    a = rig_ask(&q, "/v1/log?from=%lld", (long long)end - 3);
    rig_expect(&a, 200);
    assert_memory_equal(a.body.p,
                        "\x84\xa9partition\x00\xa6"
                        "events\x93",
                        19);
    support_answer_clear(&a);
}

static void addresses_and_tokens_are_not_in_the_log_for_others(void **state)
{
    (void)state;
    struct support_answer a = rig_get("/v1/log?limit=10");
    rig_expect(&a, 200);
    assert_null(strstr((char *)a.body.p, "127.0.0.1"));
    assert_null(strstr((char *)a.body.p, "\"token\""));
    assert_null(strstr((char *)a.body.p, "\"ip"));
    support_answer_clear(&a);
}

struct waiting {
    int64_t from;
    struct support_answer answer;
};

static void *wait_for_event(void *context)
{
    struct waiting *w = context;
    w->answer = rig_get("/v1/log?from=%lld&site=awaited.example&wait=30", (long long)w->from);
    return NULL;
}

static void a_reader_waits_for_its_event(void **state)
{
    (void)state;
    pthread_t thread;
    struct waiting w = {.from = head()};
    assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &w), 0);
    post_views("unawaited.example", 1);
    post_views("awaited.example", 1);
    pthread_join(thread, NULL);
    rig_expect(&w.answer, 200);
    struct json_value root = rig_json(&w.answer), events = rig_member(&root, "events");
    assert_int_equal(json_count(rig()->json, &events), 1);
    assert_int_equal(rig_int(&root, "next"), w.from + 2);
    support_answer_clear(&w.answer);
}

static void a_wait_that_is_in_vain_ends(void **state)
{
    (void)state;
    int64_t from = head();
    struct support_answer a = rig_get("/v1/log?from=%lld&wait=1", (long long)from);
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a), events = rig_member(&root, "events");
    assert_int_equal(json_count(rig()->json, &events), 0);
    assert_int_equal(rig_int(&root, "next"), from);
    support_answer_clear(&a);
}

/* ------------------------------------------------------------------ jobs, views */

/* Reads go on meanwhile, and always see the same. */
static bool job_is_done(void *arg)
{
    struct support_answer rows =
        rig_get("/v1/views/pageviews_by_region/rows?site=jobs.example&step=all&by=");
    rig_expect(&rows, 200);
    struct json_value answer = rig_json(&rows), totals = rig_member(&answer, "totals");
    assert_int_equal(rig_int(&totals, "pageviews"), 5);
    support_answer_clear(&rows);
    struct support_answer a = rig_get("%s", (const char *)arg);
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a);
    bool done = rig_text_is(&root, "state", "done");
    assert_false(rig_text_is(&root, "state", "failed"));
    support_answer_clear(&a);
    return done;
}

static void run_job(const char *family, const char *body)
{
    char *path = mem_format("/v1/admin/%s", family);
    struct support_answer a = rig_ask(&(struct rig_request){.body = body}, "%s", path);
    rig_expect(&a, 202);
    struct json_value root = rig_json(&a);
    char *job = mem_format("%s/%lld", path, (long long)rig_int(&root, "id"));
    support_answer_clear(&a);
    wait_until(60000, "the job to be done", job_is_done, job);
    a = rig_get("%s", path);
    rig_expect(&a, 200);
    root = rig_json(&a);
    struct json_value list = rig_member(&root, family);
    assert_true(json_count(rig()->json, &list) >= 1);
    support_answer_clear(&a);
    free(job);
    free(path);
}

static void replays_and_verifications_are_jobs(void **state)
{
    (void)state;
    post_views("jobs.example", 5);
    rig_wait_caught_up();
    run_job("replays", "{\"views\":[\"pageviews_by_region\"]}");
    run_job("verifications", "{\"views\":[\"pageviews_by_region\"]}");
    run_job("verifications", "{\"site\":\"jobs.example\",\"from\":\"2026-01-01T00:00:00Z\","
                             "\"to\":4000000000}");
}

static void a_shipped_definition_may_be_given_again(void **state)
{
    (void)state;
    struct support_answer a = rig_get("/v1/views");
    struct json_value root = rig_json(&a), views = rig_member(&root, "views");
    struct json_walk walk = json_enter(rig()->json, &views);
    struct json_member m;
    assert_true(json_next(&walk, &m));
    char *sql = mem_copy_span(rig_member(&m.value, "sql").text);
    support_answer_clear(&a);
    struct rig_request q = {.body = sql, .content_type = "application/sql"};
    assert_int_equal(status_of(&q, "/v1/admin/views"), 200);
    free(sql);
}

/* ------------------------------------------------------------------ views that change */

static const char by_device[] =
    "-- What people hold in their hands.\n"
    "CREATE MATERIALIZED VIEW hands AS\n"
    "SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, device,\n"
    "       count(*) AS pageviews, count(DISTINCT visitor) AS visitors\n"
    "FROM events\nWHERE event_type = 'PageViewEvent' AND NOT bot\nGROUP BY 1, 2, 3;\n";

static bool hands_are_read(void *arg)
{
    (void)arg;
    struct support_answer a = rig_get("/v1/views/hands/rows?site=hands.example&step=all");
    bool read = a.status == 200;
    if (!read) {
        rig_expect(&a, 503);
        assert_non_null(strstr((char *)a.body.p, "is being built"));
        assert_false(span_absent(support_header(&a, "retry-after")));
    } else {
        struct json_value answer = rig_json(&a), totals = rig_member(&answer, "totals");
        assert_int_equal(rig_int(&totals, "pageviews"), 7);
    }
    support_answer_clear(&a);
    return read;
}

static void a_view_is_added_and_shown_and_dropped(void **state)
{
    (void)state;
    struct rig_request add = {.body = by_device, .content_type = "application/sql"};
    struct rig_request get = {0}, gone = {.method = "DELETE"};
    post_views("hands.example", 7);
    rig_wait_caught_up();
    struct support_answer a = rig_ask(&add, "/v1/admin/views");
    rig_expect(&a, 202);
    struct json_value root = rig_json(&a);
    assert_true(rig_text_is(&root, "state", "building"));
    assert_true(rig_int(&root, "job") > 0);
    support_answer_clear(&a);
    wait_until(60000, "the new view to be read", hands_are_read, NULL);
    assert_int_equal(status_of(&add, "/v1/admin/views"), 200);
    a = rig_get("/v1/admin/views/hands");
    rig_expect(&a, 200);
    root = rig_json(&a);
    assert_true(rig_text_is(&root, "sql", by_device));
    assert_non_null(strstr((char *)a.body.p, "\"history\":[{\"version\":1,"));
    support_answer_clear(&a);
    assert_int_equal(status_of(&gone, "/v1/admin/views/hands"), 204);
    assert_int_equal(status_of(&gone, "/v1/admin/views/hands"), 404);
    assert_int_equal(status_of(&get, "/v1/views/hands/rows?site=a.example"), 404);
    assert_int_equal(status_of(&get, "/readyz"), 200);
}

static void a_definition_that_is_none_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct rig_request bad[] = {
        {.body = "SELEC 1", .content_type = "application/sql"},
        {.body = "{\"sql\":\"SELEC 1\"}", .content_type = "application/json"}};
    for (int i = 0; i < 2; i++) {
        struct support_answer a = rig_ask(&bad[i], "/v1/admin/views");
        rig_expect(&a, 400);
        struct json_value root = rig_json(&a);
        assert_true(rig_text_is(&root, "field", "sql"));
        assert_int_equal(rig_int(&root, "line"), 1);
        assert_true(rig_int(&root, "column") >= 1);
        support_answer_clear(&a);
    }
    struct rig_request other = {.body = "{\"sq\":1}", .content_type = "application/json"};
    assert_int_equal(status_of(&other, "/v1/admin/views"), 400);
}

static void the_status_adds_up(void **state)
{
    (void)state;
    post_views("sums.example", 4);
    struct support_answer a = rig_get("/v1/admin/status");
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a), log = rig_member(&root, "log"),
                      sums = rig_member(&root, "conservation");
    assert_true(rig_member(&log, "dense").boolean && rig_member(&sums, "balanced").boolean);
    assert_true(rig_int(&sums, "accepted") >= 4);
    assert_int_equal(rig_int(&log, "head"), rig_int(&sums, "accepted"));
    assert_non_null(strstr((char *)a.body.p, "\"append\":{\"commits\":"));
    support_answer_clear(&a);
    a = rig_get("/metrics");
    rig_expect(&a, 200);
    static const char *const names[] = {"footfall_events_received_total ",
                                        "footfall_log_head ",
                                        "footfall_view_lag_events{view=\"pageviews\"} ",
                                        "footfall_job_events_done{kind=\"replay\"} ",
                                        "process_resident_memory_bytes ",
                                        "route=\"/v1/views\",status=\"200\"} "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr((char *)a.body.p, names[i]) == NULL)
            fail_msg("%s is missing", names[i]);
    support_answer_clear(&a);
}

/* ------------------------------------------------------------------ stopping */

static bool somebody_waits(void *arg)
{
    (void)arg;
    struct support_answer a = rig_get("/metrics");
    bool waits = a.status == 200 && strstr((char *)a.body.p, "\nfootfall_log_waiting 1\n") != NULL;
    support_answer_clear(&a);
    return waits;
}

static void a_stop_answers_those_who_wait(void **state)
{
    (void)state;
    pthread_t thread;
    struct waiting w = {.from = head()};
    assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &w), 0);
    wait_until(60000, "the request to wait for the log", somebody_waits, NULL);
    int64_t before_us = clock_monotonic_us();
    assert_int_equal(support_footfall_stop(&rig()->footfall), 0);
    pthread_join(thread, NULL);
    rig_expect(&w.answer, 200);
    assert_true(clock_monotonic_us() - before_us <
                25 * US_PER_SECOND); /* not the 30 s of the wait */
    support_answer_clear(&w.answer);
    rig_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_endpoint_asks_for_its_scope),
        cmocka_unit_test(what_is_open_is_so_whatever_token_is_shown),
        cmocka_unit_test(a_token_for_one_site_sees_that_site_alone),
        cmocka_unit_test(a_revoked_token_is_not_known_any_more),
        cmocka_unit_test(a_public_site_is_read_without_a_token),
        cmocka_unit_test(an_alias_stands_for_its_site),
        cmocka_unit_test(bad_parameters_are_named),
        cmocka_unit_test(bodies_that_are_no_json_are_refused),
        cmocka_unit_test(the_log_is_read_in_pages_without_gap_or_repeat),
        cmocka_unit_test(the_log_comes_as_lines_and_messagepack_too),
        cmocka_unit_test(addresses_and_tokens_are_not_in_the_log_for_others),
        cmocka_unit_test(a_reader_waits_for_its_event),
        cmocka_unit_test(a_wait_that_is_in_vain_ends),
        cmocka_unit_test(replays_and_verifications_are_jobs),
        cmocka_unit_test(a_shipped_definition_may_be_given_again),
        cmocka_unit_test(a_view_is_added_and_shown_and_dropped),
        cmocka_unit_test(a_definition_that_is_none_is_refused_with_its_place),
        cmocka_unit_test(the_status_adds_up),
        cmocka_unit_test(a_stop_answers_those_who_wait),
    };
    return support_run("administration over HTTP", tests, sizeof(tests) / sizeof(tests[0]));
}
