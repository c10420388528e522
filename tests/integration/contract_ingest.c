/* SPDX-License-Identifier: Apache-2.0 */
/* What is promised to senders, sentence by sentence, against the real service from outside: limits,
 * hostile bodies, times, what needs a token, keys. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"

enum { LARGEST = 8 << 20 };

#define VIEW "\"pageUrl\": \"https://c.example/p\""
#define EVENT(members) "{" VIEW ", " members "}"
#define JSON_TYPE "content-type: application/json"
#define LINES_TYPE "content-type: application/x-ndjson"

static char *ingest_token;

/* ------------------------------------------------------------------ asking */

struct post {
    const char *token, *query; /* NULL: none */
    const char *headers[5];    /* the first: its type; NULL: JSON */
    struct span body;
};

static struct support_answer send_post(const struct post *p)
{
    char *url = mem_format("%s/v1/events%s", rig()->footfall.url, p->query == NULL ? "" : p->query);
    struct support_http request = {.url = url, .token = p->token, .body = p->body};
    for (int i = 0; i < 5; i++)
        request.headers[i] = p->headers[i];
    if (request.headers[0] == NULL)
        request.headers[0] = JSON_TYPE;
    struct support_answer a = support_http(&request);
    free(url);
    return a;
}

static void expect(const struct post *p, int status, const char *part)
{
    struct support_answer a = send_post(p);
    const char *said = (char *)a.body.p;
    if (a.status != status || strstr(said, part) == NULL)
        fail_msg("%.*s: %d without %s, not %d: %s", (int)(p->body.n < 200 ? p->body.n : 200),
                 p->body.n == 0 ? "" : p->body.p, a.status, part, status, said);
    if (status >= 400) {
        assert_true(span_is(support_header(&a, "content-type"), "application/problem+json"));
        assert_non_null(strstr(said, "\"type\":\"https://footfall.dev/problems/"));
    }
    support_answer_clear(&a);
}

/* With an ingest token. */
static void expect_body(struct span body, int status, const char *part)
{
    expect(&(struct post){.token = ingest_token, .body = body}, status, part);
}

/* ------------------------------------------------------------------ limits */

static void a_request_holds_ten_thousand_events_and_no_more(void **state)
{
    (void)state;
    struct buf lines = {0};
    for (int i = 0; i < 10000; i++)
        buf_put_text(&lines, "{" VIEW "}\n");
    struct post p = {.token = ingest_token, .headers = {LINES_TYPE}, .body = buf_span(&lines)};
    expect(&p, 202, "\"accepted\": 10000");
    buf_put_text(&lines, "{" VIEW "}");
    p.body = buf_span(&lines);
    expect(&p, 413, "problems/too-large");
    buf_clear(&lines);
}

static void a_body_is_eight_mebibytes_and_no_more(void **state)
{
    (void)state;
    char *body = malloc(LARGEST + 1);
    memset(body, ' ', LARGEST + 1);
    memcpy(body, "{" VIEW "}", strlen("{" VIEW "}"));
    expect_body((struct span){body, LARGEST}, 202, "\"accepted\": 1");
    expect_body((struct span){body, LARGEST + 1}, 413, "problems/too-large");
    expect(&(struct post){.token = ingest_token,
                          .headers = {JSON_TYPE, "transfer-encoding: chunked"},
                          .body = {body, LARGEST + 1}},
           413, "problems/too-large");
    free(body);
}

/* gzip of an event and n blanks. */
static void squeeze(struct buf *out, size_t n)
{
    z_stream z = {0};
    char *blanks = malloc(n);
    memset(blanks, ' ', n);
    memcpy(blanks, "{" VIEW "}", strlen("{" VIEW "}"));
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, n);
    z.next_in = (unsigned char *)blanks;
    z.avail_in = (unsigned)n;
    z.next_out = buf_reserve(out, room);
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->n += z.total_out;
    deflateEnd(&z);
    free(blanks);
}

static void a_gzip_bomb_is_refused_and_a_cut_one_too(void **state)
{
    (void)state;
    struct buf small = {0}, bomb = {0};
    squeeze(&small, LARGEST);
    squeeze(&bomb, 64 << 20);
    struct post p = {.token = ingest_token,
                     .headers = {JSON_TYPE, "content-encoding: gzip"},
                     .body = buf_span(&small)};
    expect(&p, 202, "\"accepted\": 1");
    p.body.n--;
    expect(&p, 400, "problems/bad-body");
    p.body = buf_span(&bomb);
    assert_true(p.body.n < 200000);
    expect(&p, 413, "problems/too-large");
    p.body = SPAN_LITERAL("{" VIEW "}");
    expect(&p, 400, "problems/bad-body");
    p.headers[1] = "content-encoding: br";
    expect(&p, 415, "\"field\":\"Content-Encoding\"");
    buf_clear(&small);
    buf_clear(&bomb);
}

/* ------------------------------------------------------------------ hostile bodies */

static void repeat(struct buf *out, const char *text, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_put_text(out, text);
}

static void deep_bodies_are_refused(void **state)
{
    (void)state;
    struct buf b = {0};
    repeat(&b, "[", 1000000);
    expect_body(buf_span(&b), 400, "problems/bad-body");
    buf_reset(&b);
    buf_put_text(&b, "{" VIEW ", \"props\": ");
    repeat(&b, "{\"a\": ", 100000);
    buf_put_text(&b, "1");
    repeat(&b, "}", 100001);
    expect_body(buf_span(&b), 400, "problems/bad-body");
    buf_reset(&b);
    repeat(&b, "\x91", 1000000); /* MessagePack: arrays of one */
    expect(&(struct post){.token = ingest_token,
                          .headers = {"content-type: application/msgpack"},
                          .body = buf_span(&b)},
           400, "problems/bad-body");
    buf_clear(&b);
}

static void what_is_wrong_with_an_event_names_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *event, *field;
    } cases[] = {
        {EVENT("\"pageUrl\": \"/q\""), "\"pageUrl\""},
        {"{\"pageUrl\": \"ftp:no\"}", "\"pageUrl\""},
        {"{\"pageUrl\": \"relative\", \"site\": \"c.example\"}", "\"pageUrl\""},
        {"{\"site\": \"c.example\"}", "\"pageUrl\""},
        {"{\"pageUrl\": \"/p\"}", "\"site\""},
        {EVENT("\"site\": \"no site\""), "\"site\""},
        {EVENT("\"sessionId\": \"a\\u0000b\""), "\"sessionId\""},
        {EVENT("\"userId\": 7"), "\"userId\""},
        {EVENT("\"eventId\": \"7\""), "\"eventId\""},
        {EVENT("\"eventType\": \"\""), "\"eventType\""},
        {EVENT("\"ipAddress\": \"1.2.3\""), "\"ipAddress\""},
        {EVENT("\"region\": \"germany\""), "\"region\""},
        {EVENT("\"timestamp\": \"yesterday\""), "\"timestamp\""},
        {EVENT("\"timestamp\": 1e400"), "\"timestamp\""},
        {EVENT("\"timestamp\": 123456789012345678901234567890"), "\"timestamp\""},
        {EVENT("\"timestamp\": true"), "\"timestamp\""},
        {EVENT("\"timestamp\": \"1989-12-31T23:59:59Z\""), "\"timestamp\""},
        {EVENT("\"age\": -1"), "\"age\""},
        {EVENT("\"age\": 86400001"), "\"age\""},
        {EVENT("\"age\": 0, \"timestamp\": 1700000000"), "\"age\""},
        {EVENT("\"props\": []"), "\"props\""},
        {EVENT("\"props\": {\"a\": {}}"), "\"props\""},
        {EVENT("\"props\": {\"a\": 1, \"\\u0061\": 2}"), "\"props\""},
        {EVENT("\"props\": {\"a\\u0000\": 1}"), "\"props\""},
        {EVENT("\"props\": {\"a\": 1e31}"), "\"props\""},
        {EVENT("\"props\": {\"a\": 123456789012345678901234567890123}"), "\"props\""},
        {EVENT("\"frob\": 1"), "\"frob\""},
        {"7", "null"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *body = mem_format("[{" VIEW "}, %s]", cases[i].event);
        char *part = mem_format("\"accepted\": 1, \"duplicates\": 0, \"rejected\": [{\"index\": 1, "
                                "\"field\": %s, \"reason\": \"",
                                cases[i].field);
        expect_body(span_of(body), 202, part);
        free(part);
        free(body);
    }
}

static void a_bad_line_is_counted_where_it_stands(void **state)
{
    (void)state;
    expect(&(struct post){.token = ingest_token,
                          .headers = {LINES_TYPE},
                          .body = SPAN_LITERAL("{" VIEW "}\n\xff\n\n{" VIEW "}\n{\"pageUrl\"")},
           202, "\"accepted\": 2, \"duplicates\": 0, \"rejected\": [{\"index\": 1, ");
    expect_body(SPAN_LITERAL("{\"pageUrl\": \"https://c.example/\xff\"}"), 400,
                "problems/bad-body");
    expect_body(SPAN_LITERAL(""), 400, "problems/bad-body");
    expect_body(SPAN_LITERAL("[" EVENT("\"age\": -1") "]"), 400, "problems/bad-events");
}

/* ------------------------------------------------------------------ times and tokens */

static void times_have_their_bounds(void **state)
{
    (void)state;
    const long long now = time(NULL);
    static const struct {
        const char *format;
        long long offset;
        int status;
        const char *part;
        bool nobody; /* for localhost, without a token */
    } cases[] = {
        {"%lld", 240, 202, "\"accepted\": 1", false},
        {"%lld.25", 0, 202, "\"accepted\": 1", false},
        {"%lld", 400, 400, "more than 5 minutes in the future", false},
        {"%lld000", 0, 400, "looks like milliseconds", false},
        {"%lld", -86400, 202, "\"accepted\": 1", false},
        {"%lld", -200, 202, "\"accepted\": 1", true},
        {"%lld", -400, 400, "\"field\": \"timestamp\"", true},
        {"%lld", 400, 400, "\"field\": \"timestamp\"", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), cases[i].format, now + cases[i].offset);
#pragma GCC diagnostic pop
        char *body = mem_format("{\"pageUrl\": \"https://%s/\", \"timestamp\": %s}",
                                cases[i].nobody ? "localhost" : "c.example", text);
        expect(
            &(struct post){.token = cases[i].nobody ? NULL : ingest_token, .body = span_of(body)},
            cases[i].status, cases[i].part);
        free(body);
    }
}

static void without_a_token_nothing_is_believed(void **state)
{
    (void)state;
    static const char *const members[] = {"\"ipAddress\": \"192.0.2.1\"", "\"userAgent\": \"x\"",
                                          "\"region\": \"DE\"", "\"userId\": \"u\"",
                                          "\"timestamp\": 1700000000"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        char *body = mem_format("[{\"pageUrl\": \"https://localhost/\"}, {\"pageUrl\": "
                                "\"https://localhost/\", %s}]",
                                members[i]);
        char *part = mem_format("\"rejected\": [{\"index\": 1, \"field\": %.*s",
                                (int)strcspn(members[i], ":"), members[i]);
        expect(&(struct post){.body = span_of(body)}, 202, part);
        free(part);
        free(body);
    }
    expect(&(struct post){.body = SPAN_LITERAL(
                              "{\"pageUrl\": \"https://localhost/\", \"age\": 86400000}")},
           202, "\"accepted\": 1");
    expect(&(struct post){.body = SPAN_LITERAL("{\"pageUrl\": \"https://unknown.example/\"}")}, 403,
           "problems/unknown-site");
}

static void without_a_token_a_request_holds_a_hundred_events(void **state)
{
    (void)state;
    struct buf lines = {0};
    repeat(&lines, "{\"pageUrl\": \"https://localhost/\"}\n", 100);
    expect(&(struct post){.headers = {LINES_TYPE}, .body = buf_span(&lines)}, 202,
           "\"accepted\": 100");
    repeat(&lines, "{\"pageUrl\": \"https://localhost/\"}\n", 1);
    expect(&(struct post){.headers = {LINES_TYPE}, .body = buf_span(&lines)}, 401,
           "problems/unauthorized");
    buf_clear(&lines);
}

/* ------------------------------------------------------------------ repeats */

static char *postgres_uri(void)
{
    struct err e = {0};
    struct buf text = {0};
    struct json *j = json_new(65536, 4);
    struct json_value root, uri;
    char *path = mem_format("%s/service.json", rig()->footfall.data_dir);
    support_ok(file_read(&text, path, 65536, &e), &e);
    support_ok(json_parse(j, buf_span(&text), &root, &e), &e);
    assert_int_equal(json_get(j, &root, "postgres", &uri, &e), 1);
    char *found = mem_copy_span(uri.text);
    json_free(j);
    buf_clear(&text);
    free(path);
    return found;
}

static void expect_same(const struct support_answer *first, const struct post *again)
{
    struct support_answer a = send_post(again);
    assert_int_equal(a.status, first->status);
    assert_string_equal((char *)a.body.p, (char *)first->body.p);
    support_answer_clear(&a);
}

static void a_key_is_answered_as_the_first_time_for_a_day(void **state)
{
    (void)state;
    struct post p = {.token = ingest_token,
                     .headers = {JSON_TYPE, "idempotency-key: day"},
                     .body = SPAN_LITERAL("[{" VIEW "}, {\"pageUrl\": 1}]")};
    struct support_answer first = send_post(&p);
    rig_expect(&first, 202);
    expect_same(&first, &p);
    p.query = "?atomic=true"; /* would be refused now: the answer of the first time stands */
    expect_same(&first, &p);
    p.query = NULL;
    struct post other = p;
    other.body = SPAN_LITERAL("{" VIEW "}");
    expect(&other, 422, "problems/key-reused");
    other.body = SPAN_LITERAL("{\"pageUrl\": 1}");
    expect(&other, 422, "problems/key-reused");
    char *postgres = postgres_uri();
    free(support_sql(postgres, "UPDATE idempotency_key SET created_at = created_at - interval '23 "
                               "hours 59 minutes' WHERE key = 'day'"));
    expect_same(&first, &p);
    free(support_sql(postgres, "UPDATE idempotency_key SET created_at = created_at - interval '2 "
                               "minutes' WHERE key = 'day'"));
    other.body = SPAN_LITERAL("{" VIEW "}");
    expect(&other, 202, "\"accepted\": 1"); /* a new key now */
    expect(&p, 422, "problems/key-reused");
    free(postgres);
    support_answer_clear(&first);
}

static void a_request_without_events_has_its_key_too(void **state)
{
    (void)state;
    struct post p = {.token = ingest_token,
                     .headers = {JSON_TYPE, "idempotency-key: empty"},
                     .body = SPAN_LITERAL("[]")};
    expect(&p, 202, "\"accepted\": 0");
    expect(&p, 202, "\"first_seq\": null");
    p.body = SPAN_LITERAL("{" VIEW "}");
    expect(&p, 422, "problems/key-reused");
}

static void a_refused_request_does_not_use_up_its_key(void **state)
{
    (void)state;
    struct post p = {.token = ingest_token,
                     .query = "?atomic=true",
                     .headers = {JSON_TYPE, "idempotency-key: refused"},
                     .body = SPAN_LITERAL("[{" VIEW "}, {\"pageUrl\": 1}]")};
    expect(&p, 400, "\"rejected\": [{\"index\": 1, \"field\": \"pageUrl\"");
    expect(&p, 400, "1 of 2 events are refused");
    p.query = NULL;
    expect(&p, 202, "\"accepted\": 1");
}

static void nobodys_keys_and_ids_are_not_an_admins(void **state)
{
    static const char id[] = "{\"pageUrl\": \"https://localhost/\", \"eventId\": "
                             "\"018bcfe5-687b-7000-8000-00000000c0de\"}";
    (void)state;
    struct post nobody = {.headers = {JSON_TYPE, "idempotency-key: shared"},
                          .body = SPAN_LITERAL("{\"pageUrl\": \"https://localhost/a\"}")};
    struct post admin = nobody;
    admin.token = rig()->footfall.admin_token;
    admin.body = SPAN_LITERAL("{\"pageUrl\": \"https://localhost/b\"}");
    expect(&nobody, 202, "\"accepted\": 1");
    expect(&admin, 202, "\"accepted\": 1");
    nobody.headers[1] = admin.headers[1] = NULL;
    nobody.body = admin.body = span_of(id);
    expect(&nobody, 202, "\"accepted\": 1");
    expect(&admin, 202, "\"accepted\": 1");
    expect(&nobody, 202, "\"duplicates\": 1");
    expect(&admin, 202, "\"duplicates\": 1");
}

static void sources_are_named_by_text(void **state)
{
    (void)state;
    struct post p = {.token = ingest_token,
                     .headers = {JSON_TYPE, "footfall-source: a b/c", "footfall-position: 0-7"},
                     .body = SPAN_LITERAL("{" VIEW "}")};
    expect(&p, 202, "\"accepted\": 1");
    static const struct {
        const char *path;
        int status;
        const char *part;
    } cases[] = {{"/v1/sources/a%20b%2Fc", 200, "\"position\": 7"},
                 {"/v1/sources/never", 200, "\"position\": 0"},
                 {"/v1/sources/%ff", 400, "\"field\":\"Footfall-Source\""},
                 {"/v1/sources/a%09b", 400, "problems/bad-source"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct support_answer a =
            rig_ask(&(struct rig_request){.token = ingest_token}, "%s", cases[i].path);
        rig_expect(&a, cases[i].status);
        assert_non_null(strstr((char *)a.body.p, cases[i].part));
        support_answer_clear(&a);
    }
}

/* ------------------------------------------------------------------ */

static int start(void **state)
{
    (void)state;
    ingest_token = rig_token("ingest", NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(ingest_token);
    assert_int_equal(support_footfall_stop(&rig()->footfall), 0);
    rig_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_request_holds_ten_thousand_events_and_no_more, start),
        cmocka_unit_test(a_body_is_eight_mebibytes_and_no_more),
        cmocka_unit_test(a_gzip_bomb_is_refused_and_a_cut_one_too),
        cmocka_unit_test(deep_bodies_are_refused),
        cmocka_unit_test(what_is_wrong_with_an_event_names_its_field),
        cmocka_unit_test(a_bad_line_is_counted_where_it_stands),
        cmocka_unit_test(times_have_their_bounds),
        cmocka_unit_test(without_a_token_nothing_is_believed),
        cmocka_unit_test(without_a_token_a_request_holds_a_hundred_events),
        cmocka_unit_test(a_key_is_answered_as_the_first_time_for_a_day),
        cmocka_unit_test(a_request_without_events_has_its_key_too),
        cmocka_unit_test(a_refused_request_does_not_use_up_its_key),
        cmocka_unit_test(nobodys_keys_and_ids_are_not_an_admins),
        cmocka_unit_test_teardown(sources_are_named_by_text, stop),
    };
    return support_run("contract_ingest", tests, sizeof(tests) / sizeof(tests[0]));
}
