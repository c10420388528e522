/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: every route with every kind of token. The routes are those of /v1/openapi.json,
 * made from the routes table: a new route fails here until it has its lines. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"

#define MINE "mine.example"
#define OTHER "other.example"
#define PAGE(site) "{\"pageUrl\": \"/\", \"site\": \"" site "\"}"
#define QUERY(site) "{\"sql\": \"SELECT count(*) AS n FROM events\", \"site\": \"" site "\"}"
#define ROWS(site) "/v1/views/pageviews/rows?site=" site

enum who {
    NOBODY,
    INGEST,
    READ,
    ADMIN,
    INGEST_MINE, /* tokens for the site MINE alone */
    READ_MINE,
    ADMIN_MINE,
    REVOKED, /* was an admin's */
    GARBAGE,
    N_WHO
};

static const char *const names[N_WHO] = {"nobody",          "ingest",           "read",
                                         "admin",           "ingest, one site", "read, one site",
                                         "admin, one site", "revoked",          "garbage"};

/* What each is answered, in the order above. Requests are such that nothing is changed for others:
 * 400 and 404 are those of one who is let in. */
struct line {
    const char *method, *route, *path, *body;
    int expected[N_WHO];
};

/* clang-format off */
#define ALL(status) {status, status, status, status, status, status, status, status, status}
#define ANYBODY     ALL(200)
#define READERS(ok) {401, 403, ok, ok, 403, ok, ok, 401, 401}
#define ADMINS(ok)  {401, 403, 403, ok, 403, 403, 403, 401, 401}

static const struct line lines[] = {
    {"POST", "/v1/events", "/v1/events", PAGE(MINE), {403, 202, 403, 202, 202, 403, 202, 401, 401}},
    {"POST", "/v1/events", "/v1/events", PAGE(OTHER), {403, 202, 403, 202, 403, 403, 403, 401, 401}},
    {"POST", "/v1/events", "/v1/events", PAGE("localhost"), {202, 202, 403, 202, 403, 403, 403, 401, 401}},
    {"GET", "/v1/pixel.gif", "/v1/pixel.gif?u=https%3A%2F%2F" OTHER "%2F", NULL, {403, 200, 403, 200, 200, 403, 200, 401, 401}},
    {"GET", "/v1/sources/{name}", "/v1/sources/s", NULL, {401, 200, 403, 200, 200, 403, 200, 401, 401}},
    {"GET", "/v1/views", "/v1/views", NULL, READERS(200)},
    {"GET", "/v1/views/{name}/rows", ROWS(MINE), NULL, READERS(200)},
    {"GET", "/v1/views/{name}/rows", ROWS(OTHER), NULL, {401, 403, 200, 200, 403, 403, 403, 401, 401}},
    {"GET", "/v1/views/{name}/rows", "/v1/views/pageviews/rows", NULL, {401, 403, 400, 400, 403, 200, 200, 401, 401}},
    {"GET", "/v1/views/{name}/rows", ROWS("public.example"), NULL, {200, 403, 200, 200, 403, 403, 403, 401, 401}},
    {"POST", "/v1/query", "/v1/query", QUERY(MINE), READERS(200)},
    {"POST", "/v1/query", "/v1/query", QUERY(OTHER), {401, 403, 200, 200, 403, 403, 403, 401, 401}},
    {"POST", "/v1/query", "/v1/query", "{\"sql\": \"SELECT count(*) AS n FROM events\"}", {401, 403, 400, 400, 403, 200, 200, 401, 401}},
    {"POST", "/v1/query", "/v1/query", QUERY("public.example"), {200, 403, 200, 200, 403, 403, 403, 401, 401}},
    {"GET", "/v1/live", "/v1/live?site=" MINE, NULL, READERS(200)},
    {"GET", "/v1/live", "/v1/live?site=" OTHER, NULL, {401, 403, 200, 200, 403, 403, 403, 401, 401}},
    {"GET", "/v1/live", "/v1/live", NULL, {401, 403, 400, 400, 403, 200, 200, 401, 401}},
    {"GET", "/v1/live", "/v1/live?site=public.example", NULL, {200, 403, 200, 200, 403, 403, 403, 401, 401}},
    {"GET", "/v1/sites", "/v1/sites", NULL, READERS(200)},
    {"GET", "/v1/session", "/v1/session", NULL, ANYBODY},
    {"POST", "/v1/session", "/v1/session", "{\"token\": \"none\"}", {401, 401, 401, 401, 401, 401, 401, 401, 401}},
    {"DELETE", "/v1/session", "/v1/session", NULL, {204, 204, 204, 204, 204, 204, 204, 204, 204}},
    {"GET", "/v1/log", "/v1/log?limit=1", NULL, {401, 403, 403, 200, 403, 403, 200, 401, 401}},
    {"POST", "/v1/admin/replays", "/v1/admin/replays", "{\"views\": [\"none\"]}", ADMINS(400)},
    {"GET", "/v1/admin/replays", "/v1/admin/replays", NULL, ADMINS(200)},
    {"GET", "/v1/admin/replays/{id}", "/v1/admin/replays/999999", NULL, ADMINS(404)},
    {"DELETE", "/v1/admin/replays/{id}", "/v1/admin/replays/999999", NULL, ADMINS(404)},
    {"POST", "/v1/admin/verifications", "/v1/admin/verifications", "{\"views\": [\"none\"]}", ADMINS(400)},
    {"GET", "/v1/admin/verifications", "/v1/admin/verifications", NULL, ADMINS(200)},
    {"GET", "/v1/admin/verifications/{id}", "/v1/admin/verifications/999999", NULL, ADMINS(404)},
    {"DELETE", "/v1/admin/verifications/{id}", "/v1/admin/verifications/999999", NULL, ADMINS(404)},
    {"POST", "/v1/admin/views", "/v1/admin/views", "{\"sql\": \"x\"}", ADMINS(400)},
    {"GET", "/v1/admin/views/{name}", "/v1/admin/views/none", NULL, ADMINS(404)},
    {"DELETE", "/v1/admin/views/{name}", "/v1/admin/views/none", NULL, ADMINS(404)},
    {"GET", "/v1/admin/sites", "/v1/admin/sites", NULL, ADMINS(200)},
    {"POST", "/v1/admin/sites", "/v1/admin/sites", "{\"name\": \"no name\"}", ADMINS(400)},
    {"GET", "/v1/admin/tokens", "/v1/admin/tokens", NULL, ADMINS(200)},
    {"POST", "/v1/admin/tokens", "/v1/admin/tokens", "{\"scope\": \"none\"}", ADMINS(400)},
    {"POST", "/v1/admin/tokens", "/v1/admin/tokens", "{\"scope\": \"none\", \"site\": \"" MINE "\"}", ADMINS(400)},
    {"DELETE", "/v1/admin/tokens/{id}", "/v1/admin/tokens/999999", NULL, ADMINS(404)},
    {"GET", "/v1/admin/status", "/v1/admin/status", NULL, ADMINS(200)},
    {"GET", "/metrics", "/metrics", NULL, ADMINS(200)},
    {"GET", "/healthz", "/healthz", NULL, ANYBODY},
    {"GET", "/readyz", "/readyz", NULL, ANYBODY},
    {"GET", "/v1/openapi.json", "/v1/openapi.json", NULL, ANYBODY},
    {"GET", "/", "/", NULL, ANYBODY},
    {"GET", "/system", "/system", NULL, ANYBODY},
    {"GET", "/sign-in", "/sign-in", NULL, ANYBODY},
    {"GET", "/assets/{file}", "/assets/none.js", NULL, ALL(404)},
    {"GET", "/favicon.ico", "/favicon.ico", NULL, ANYBODY},
    {"GET", "/track.js", "/track.js", NULL, {200, 200, 200, 200, 200, 200, 200, 401, 401}},
};
/* clang-format on */

enum { N_LINES = sizeof(lines) / sizeof(lines[0]) };

/* ------------------------------------------------------------------ the tokens */

static char *tokens[N_WHO];

static void revoke_last(void)
{
    struct support_answer list = rig_get("/v1/admin/tokens");
    struct json_value root = rig_json(&list), all = rig_member(&root, "tokens");
    struct json_walk walk = json_enter(rig()->json, &all);
    int64_t last = 0;
    for (struct json_member m; json_next(&walk, &m);)
        last = rig_int(&m.value, "id") > last ? rig_int(&m.value, "id") : last;
    struct support_answer gone = rig_ask(&(struct rig_request){.method = "DELETE"},
                                         "/v1/admin/tokens/%lld", (long long)last);
    rig_expect(&gone, 204);
    support_answer_clear(&list);
    support_answer_clear(&gone);
}

static int make_tokens(void **state)
{
    (void)state;
    tokens[NOBODY] = mem_copy_text("");
    tokens[INGEST] = rig_token("ingest", NULL);
    tokens[READ] = rig_token("read", NULL);
    tokens[ADMIN] = rig_token("admin", NULL);
    tokens[INGEST_MINE] = rig_token("ingest", MINE);
    tokens[READ_MINE] = rig_token("read", MINE);
    tokens[ADMIN_MINE] = rig_token("admin", MINE);
    tokens[REVOKED] = rig_token("admin", NULL);
    revoke_last();
    tokens[GARBAGE] = mem_copy_text("ff_0000000000000000000000000000000000000000");
    struct support_answer a =
        rig_ask(&(struct rig_request){.body = "{\"name\": \"public.example\", \"public\": true}"},
                "/v1/admin/sites");
    rig_expect(&a, 200);
    support_answer_clear(&a);
    rig_wait_caught_up(); /* ready */
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (int i = 0; i < N_WHO; i++)
        free(tokens[i]);
    assert_int_equal(support_footfall_stop(&rig()->footfall), 0);
    rig_clear();
    return 0;
}

/* A stream does not end by itself: its head is asked for. */
static struct support_answer ask(const struct line *l, enum who who)
{
    bool is_stream = strcmp(l->route, "/v1/live") == 0;
    return rig_ask(&(struct rig_request){.method = is_stream ? "HEAD" : l->method,
                                         .token = tokens[who],
                                         .content_type = "application/json",
                                         .body = l->body},
                   "%s", l->path);
}

/* ------------------------------------------------------------------ the tests */

static void every_route_lets_in_whom_it_should(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (int i = 0; i < N_LINES; i++)
        for (int who = 0; who < N_WHO; who++) {
            struct support_answer a = ask(&lines[i], (enum who)who);
            if (a.status != lines[i].expected[who]) {
                print_error("%s %s, %s: %d, not %d: %s\n", lines[i].method, lines[i].path,
                            names[who], a.status, lines[i].expected[who], (char *)a.body.p);
                wrong++;
            }
            support_answer_clear(&a);
        }
    assert_int_equal(wrong, 0);
}

static bool has_line(struct span method, struct span route)
{
    for (int i = 0; i < N_LINES; i++)
        if (span_is(route, lines[i].route) && method.n == strlen(lines[i].method) &&
            strncasecmp(method.p, lines[i].method, method.n) == 0)
            return true;
    return false;
}

static void every_route_has_a_line_here(void **state)
{
    (void)state;
    struct support_answer a = rig_get("/v1/openapi.json");
    struct json_value root = rig_json(&a), paths = rig_member(&root, "paths");
    struct json_walk by_path = json_enter(rig()->json, &paths);
    unsigned n = 0;
    for (struct json_member path; json_next(&by_path, &path);) {
        struct json_walk by_method = json_enter(rig()->json, &path.value);
        for (struct json_member m; json_next(&by_method, &m); n++)
            if (!has_line(m.key, path.key))
                fail_msg("%.*s %.*s: who may use it? Add a line", SPAN_ARGS(m.key),
                         SPAN_ARGS(path.key));
    }
    assert_true(n >= 20);
    support_answer_clear(&a);
}

static bool is_ingest(const char *route)
{
    return strcmp(route, "/v1/events") == 0 || strcmp(route, "/v1/pixel.gif") == 0 ||
           strcmp(route, "/track.js") == 0 || strncmp(route, "/v1/sources/", 12) == 0;
}

static void other_origins_are_allowed_on_ingest_endpoints_only(void **state)
{
    static const char header[] = "access-control-allow-origin";
    (void)state;
    for (int i = 0; i < N_LINES; i++) {
        struct support_answer a = ask(&lines[i], ADMIN);
        struct support_answer preflight =
            rig_ask(&(struct rig_request){.method = "OPTIONS", .token = ""}, "%s", lines[i].path);
        bool allowed = !span_absent(support_header(&a, header));
        if (allowed != is_ingest(lines[i].route) ||
            span_absent(support_header(&preflight, header)) == allowed)
            fail_msg("%s %s: other origins are %s", lines[i].method, lines[i].route,
                     allowed ? "allowed" : "refused");
        support_answer_clear(&a);
        support_answer_clear(&preflight);
    }
}

/* No cache on the way may give them to someone else, no browser may take them for a script. */
static void answers_to_tokens_are_for_their_reader_alone(void **state)
{
    (void)state;
    for (int i = 0; i < N_LINES; i++) {
        struct support_answer a = ask(&lines[i], ADMIN);
        struct span cached = support_header(&a, "cache-control");
        bool open = lines[i].expected[NOBODY] == lines[i].expected[ADMIN];
        if (!is_ingest(lines[i].route) && a.body.n > 0 &&
            !span_is(support_header(&a, "x-content-type-options"), "nosniff"))
            fail_msg("%s %s: a browser may guess its type", lines[i].method, lines[i].path);
        if (!is_ingest(lines[i].route) && !open && !span_is(cached, "no-store") &&
            !span_is(cached, "no-cache"))
            fail_msg("%s %s: %.*s", lines[i].method, lines[i].path, SPAN_ARGS(cached));
        support_answer_clear(&a);
    }
}

/* Not for reading alone: one site's admin sees that site's events and no others. */
static void an_admin_of_one_site_reads_its_events_alone(void **state)
{
    (void)state;
    struct support_answer a =
        rig_ask(&(struct rig_request){.token = tokens[ADMIN_MINE]}, "/v1/log?limit=1000");
    rig_expect(&a, 200);
    assert_non_null(strstr((char *)a.body.p, MINE));
    assert_null(strstr((char *)a.body.p, "\"site\":\"" OTHER));
    assert_null(strstr((char *)a.body.p, "\"site\":\"localhost"));
    support_answer_clear(&a);
}

static void an_empty_bearer_is_an_unknown_token(void **state)
{
    (void)state;
    char *url = mem_format("%s/v1/events", rig()->footfall.url);
    struct support_http request = {
        .url = url,
        .headers = {"authorization: Bearer ", "content-type: application/json"},
        .body = SPAN_LITERAL(PAGE("localhost"))};
    struct support_answer a = support_http(&request);
    rig_expect(&a, 401);
    support_answer_clear(&a);
    free(url);
}

static void assert_unsaid(const char *path, const char *secret)
{
    struct err e = {0};
    struct buf text = {0};
    support_ok(file_read(&text, path, 16 << 20, &e), &e);
    buf_put_byte(&text, '\0');
    if (strstr((char *)text.p, secret) != NULL)
        fail_msg("%s holds %s", path, secret);
    buf_clear(&text);
}

static void query_strings_and_tokens_are_in_no_log(void **state)
{
    static const char *const logs[] = {"postgres.log", "redis.log"};
    static const char secret[] = "secretmarker";
    (void)state;
    static const char *const paths[] = {"/v1/pixel.gif?u=https%3A%2F%2Flocalhost%2F&k=secretmarker",
                                        "/v1/pixel.gif?%zz=secretmarker",
                                        "/v1/views/pageviews/rows?site=secretmarker%00",
                                        "/v1/views/secretmarker%ff/rows",
                                        "/v1/events?atomic=secretmarker",
                                        "/v1/sources/%ff?secretmarker"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct support_answer a = rig_get("%s", paths[i]);
        assert_true(a.status != 0);
        support_answer_clear(&a);
    }
    struct support_answer a =
        rig_ask(&(struct rig_request){.token = "secretmarker"}, "/v1/admin/status");
    rig_expect(&a, 401);
    support_answer_clear(&a);
    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
        char *path = mem_format("%s/%s", rig()->footfall.data_dir, logs[i]);
        assert_unsaid(path, secret);
        assert_unsaid(path, tokens[INGEST]);
        free(path);
    }
    assert_unsaid(rig()->footfall.log, secret);
    assert_unsaid(rig()->footfall.log, tokens[INGEST]);
    assert_unsaid(rig()->footfall.log, rig()->footfall.admin_token);
}

static void tokens_are_stored_hashed(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf text = {0};
    struct json *j = json_new(65536, 4);
    struct json_value root, uri;
    char *path = mem_format("%s/service.json", rig()->footfall.data_dir);
    support_ok(file_read(&text, path, 65536, &e), &e);
    support_ok(json_parse(j, buf_span(&text), &root, &e), &e);
    assert_int_equal(json_get(j, &root, "postgres", &uri, &e), 1);
    char *postgres = mem_copy_span(uri.text);
    char *sql =
        mem_format("SELECT count(*) FROM token t WHERE t::text LIKE '%%%s%%'", tokens[ADMIN] + 3);
    assert_int_equal(support_sql_int(postgres, sql), 0);
    assert_true(support_sql_int(postgres, "SELECT count(*) FROM token") >= 6);
    free(sql);
    free(postgres);
    free(path);
    json_free(j);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_route_lets_in_whom_it_should, make_tokens),
        cmocka_unit_test(every_route_has_a_line_here),
        cmocka_unit_test(other_origins_are_allowed_on_ingest_endpoints_only),
        cmocka_unit_test(answers_to_tokens_are_for_their_reader_alone),
        cmocka_unit_test(an_admin_of_one_site_reads_its_events_alone),
        cmocka_unit_test(an_empty_bearer_is_an_unknown_token),
        cmocka_unit_test(query_strings_and_tokens_are_in_no_log),
        cmocka_unit_test_teardown(tokens_are_stored_hashed, stop),
    };
    return support_run("access", tests, sizeof(tests) / sizeof(tests[0]));
}
