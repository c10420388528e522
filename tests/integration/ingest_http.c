/* SPDX-License-Identifier: Apache-2.0 */
/* Events over HTTP into a real PostgreSQL: every form, every status, repeats, and that each event
 * is counted and stored once. HTTP, ingest and the log's writer run in this program. */
#include "tests/support/support.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ingest/ingest.h"
#include "log/maintain.h"
#include "log/migrate.h"

/* ------------------------------------------------------------------ the service */

struct rig {
    char *postgres;
    struct tokens *tokens;
    struct sites *sites;
    struct salts *salts;
    struct sources *sources;
    struct maintainer *maintainer;
    struct log_writer *writer;
    struct config *config;
    struct ingest *ingest;
    struct http_route routes[8];
    struct http_server *http;
    char url[128];
};

/* Tokens by name; what the real authorizer finds in a table. */
static const struct {
    const char *bearer;
    struct http_identity identity;
} identities[] = {
    {"Bearer ingest", {.token_id = 1, .scope_id = 1, .scope = SCOPE_INGEST}},
    {"Bearer mine",
     {.token_id = 2, .scope_id = 2, .scope = SCOPE_INGEST, .site = {"mine.example", 12}}},
    {"Bearer read", {.token_id = 3, .scope_id = 3, .scope = SCOPE_READ}},
    {"Bearer admin", {.token_id = 4, .scope_id = 0, .scope = SCOPE_ADMIN}},
};

static bool authorize(struct http_request *r, enum http_scope needed, void *context)
{
    static const struct http_problem unauthorized = {.slug = "unauthorized"};
    (void)context;
    struct span header = http_header(r, "authorization");
    for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++)
        if (span_is(header, identities[i].bearer)) {
            *http_identity_of(r) = identities[i].identity;
            return true;
        }
    if (span_absent(header) && needed == SCOPE_OPEN)
        return true;
    http_send_problem(r, &unauthorized, "no such token");
    return false;
}

static void on_loop_start(struct http_loop *l, void *context)
{
    ingest_on_loop_start(context, l);
}

static void on_loop_stop(struct http_loop *l, void *context)
{
    ingest_on_loop_stop(context, l);
}

static void start_log(struct rig *x)
{
    struct err e = {0};
    struct sql *sql;
    x->postgres = support_postgres();
    support_ok(migrate_run(x->postgres, MIGRATE_PLAIN, &e), &e);
    support_ok(sql_open(&sql, x->postgres, &e), &e);
    support_ok(sites_add(sql, SPAN_LITERAL("known.example"), &e), &e);
    sql_close(sql);
    x->tokens = tokens_new();
    x->sites = sites_new(5);
    x->salts = salts_new();
    struct maintain_options m = {.postgres_uri = x->postgres,
                                 .n_partitions = 1,
                                 .tokens = x->tokens,
                                 .sites = x->sites,
                                 .salts = x->salts};
    support_ok(maintain_open(&x->maintainer, &m, clock_now_us(), &e), &e);
    support_ok(sources_open(&x->sources, x->postgres, &e), &e);
    struct log_writer_options w = {.postgres_uri = x->postgres, .max_keys_per_token = 4};
    support_ok(log_writer_start(&x->writer, &w, &e), &e);
}

static void start_http(struct rig *x)
{
    static const struct option *const tables[] = {ingest_options, NULL};
    struct err e = {0};
    x->config = config_new(tables);
    const struct ingest_log log = {x->writer, x->salts, x->sites, x->sources};
    support_ok(ingest_new(&x->ingest, &log, x->config, &e), &e);
    struct http_options o = {
        .listen = "127.0.0.1:0",
        .n_loops = 2,
        .max_connections = 100,
        .request_timeout_ms = 30000,
        .drain_timeout_ms = 10000,
        .routes = x->routes,
        .n_routes = ingest_routes(x->ingest, x->routes, 8),
        .authorize = authorize,
        .on_loop_start = on_loop_start,
        .on_loop_stop = on_loop_stop,
        .context = x->ingest,
    };
    support_ok(http_server_start(&x->http, &o, &e), &e);
    snprintf(x->url, sizeof(x->url), "http://%s", http_server_address(x->http));
}

static int set_up(void **state)
{
    static struct rig rig; /* one for the program: metrics are registered once */
    if (rig.http == NULL) {
        start_log(&rig);
        start_http(&rig);
    }
    *state = &rig;
    return 0;
}

static void stop(struct rig *x)
{
    http_server_free(x->http);
    log_writer_stop(x->writer);
    sources_close(x->sources);
    ingest_free(x->ingest);
    maintain_close(x->maintainer);
    salts_free(x->salts);
    sites_free(x->sites);
    tokens_free(x->tokens);
    config_free(x->config);
    free(x->postgres);
    x->http = NULL;
}

/* ------------------------------------------------------------------ requests */

struct post {
    const char *token, *type, *body;
    const char *headers[4];
    const char *query;
    size_t n; /* of a body that is not text */
};

static struct support_answer post(struct rig *x, const struct post *p)
{
    char *url = mem_format("%s/v1/events%s", x->url, p->query == NULL ? "" : p->query);
    char *type = mem_format("content-type: %s", p->type == NULL ? "application/json" : p->type);
    struct support_http request = {.url = url,
                                   .token = p->token,
                                   .body = {p->body, p->n != 0 ? p->n : strlen(p->body)},
                                   .headers = {type, p->headers[0], p->headers[1], p->headers[2]}};
    struct support_answer a = support_http(&request);
    free(url);
    free(type);
    return a;
}

static bool holds(const struct support_answer *a, const char *text)
{
    return a->body.n != 0 && strstr((char *)a->body.p, text) != NULL;
}

/* Posts and checks status and a part of the body. */
static void check(struct rig *x, int line, const struct post *p, int status, const char *part)
{
    struct support_answer a = post(x, p);
    if (a.status != status || (part != NULL && !holds(&a, part)))
        fail_msg("line %d: %d %s", line, a.status, a.body.n == 0 ? "" : (char *)a.body.p);
    support_answer_clear(&a);
}

#define CHECK(status, part, ...) check(x, __LINE__, &(struct post){__VA_ARGS__}, status, part)

static int64_t count(struct rig *x, const char *condition)
{
    char *sql = mem_format("SELECT count(*) FROM events WHERE %s", condition);
    int64_t n = support_sql_int(x->postgres, sql);
    free(sql);
    return n;
}

/* ------------------------------------------------------------------ forms */

#define PAGE(path) "{\"pageUrl\":\"https://known.example" path "\"}"

static void an_event_is_durable_when_it_is_acknowledged(void **state)
{
    struct rig *x = *state;
    CHECK(202, "\"accepted\": 1, \"duplicates\": 0, \"rejected\": []", .body = PAGE("/first"));
    assert_int_equal(
        count(x, "path = '/first' AND site = 'known.example' AND region = 'ZZ' AND country IS NULL "
                 "AND event_type = 'PageViewEvent' AND visitor IS NOT NULL AND NOT bot"),
        1);
}

static void every_form_gives_the_same_event(void **state)
{
    struct rig *x = *state;
    CHECK(202, "\"accepted\": 1", .body = PAGE("/forms"),
          .type = "application/json; charset=utf-8");
    CHECK(202, "\"accepted\": 2", .body = "[" PAGE("/forms") "," PAGE("/forms") "]",
          .type = "text/plain");
    CHECK(202, "\"accepted\": 2", .body = PAGE("/forms") "\n" PAGE("/forms"),
          .type = "application/x-ndjson");
    static const char packed[] = "\x81\xa7pageUrl\xbbhttps://known.example/forms";
    CHECK(202, "\"accepted\": 1", .body = packed, .type = "application/msgpack");
    CHECK(415, "unsupported-media-type", .body = PAGE("/forms"), .type = "application/xml");
    CHECK(400, "bad-body", .body = "{", .type = "application/json");
    CHECK(400, "bad-body", .body = "\xc1", .type = "application/msgpack");
    CHECK(202, "\"first_seq\": null, \"last_seq\": null", .body = "[]");
    assert_int_equal(count(x, "path = '/forms'"), 6);
    assert_int_equal(
        support_sql_int(x->postgres,
                        "SELECT count(DISTINCT visitor) FROM events WHERE path = '/forms'"),
        1);
}

static void gzip_bodies_are_inflated(void **state)
{
    struct rig *x = *state;
    char zip[512];
    static const char body[] = PAGE("/gzip");
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)body;
    z.avail_in = sizeof(body) - 1;
    z.next_out = (Bytef *)zip;
    z.avail_out = sizeof(zip);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    CHECK(202, "\"accepted\": 1", .body = zip, .n = z.total_out,
          .headers = {"content-encoding: gzip"});
    CHECK(400, "gzip", .body = zip, .n = z.total_out - 4, .headers = {"content-encoding: gzip"});
    CHECK(415, "Content-Encoding", .body = zip, .n = z.total_out,
          .headers = {"content-encoding: br"});
    assert_int_equal(count(x, "path = '/gzip'"), 1);
}

static void a_request_gets_consecutive_seqs_in_its_order(void **state)
{
    struct rig *x = *state;
    CHECK(202, "\"accepted\": 3", .body = "[" PAGE("/s1") "," PAGE("/s2") ",{}," PAGE("/s3") "]");
    char *order = support_sql(
        x->postgres, "SELECT string_agg(path, ' ' ORDER BY seq) || ' ' || max(seq) - min(seq) "
                     "FROM events WHERE path LIKE '/s_'");
    assert_string_equal(order, "/s1 /s2 /s3 2");
    free(order);
}

/* ------------------------------------------------------------------ refusals */

static void bad_events_do_not_spoil_the_others_unless_asked(void **state)
{
    struct rig *x = *state;
    static const char mixed[] = "[" PAGE("/mixed") ",{\"pageUrl\":\"x\"}]";
    CHECK(202, "\"rejected\": [{\"index\": 1, \"field\": \"pageUrl\"", .body = mixed);
    CHECK(400, "\"rejected\": [{\"index\": 1, \"field\": \"pageUrl\"", .body = mixed,
          .query = "?atomic=true");
    CHECK(400, "atomic", .body = mixed, .query = "?atomic=maybe");
    CHECK(202, "\"accepted\": 1", .body = PAGE("/mixed"), .query = "?atomic=true");
    CHECK(400, "bad-events", .body = "{\"pageUrl\":\"x\"}");
    assert_int_equal(count(x, "path = '/mixed'"), 2);
}

static void strangers_may_only_send_views_of_known_sites(void **state)
{
    struct rig *x = *state;
    CHECK(403, "unknown-site", .body = "{\"pageUrl\":\"https://other.example/\"}");
    CHECK(400, "needs an ingest token",
          .body = "{\"pageUrl\":\"https://known.example/\",\"userId\":\"u\"}");
    CHECK(401, "no such token", .body = PAGE("/"), .token = "wrong");
    CHECK(403, "forbidden", .body = PAGE("/"), .token = "read");
    struct buf b = {0};
    for (int i = 0; i < 101; i++)
        buf_put_text(&b, PAGE("/many") "\n");
    buf_put_byte(&b, 0);
    CHECK(401, "100 events", .body = (char *)b.p, .type = "application/x-ndjson");
    CHECK(202, "\"accepted\": 101", .body = (char *)b.p, .type = "application/x-ndjson",
          .token = "ingest");
    buf_clear(&b);
    assert_int_equal(count(x, "path = '/many'"), 101);
}

static void tokens_are_held_to_their_site_and_sites_become_known_up_to_a_cap(void **state)
{
    struct rig *x = *state;
    CHECK(403, "forbidden", .body = "{\"pageUrl\":\"/\",\"site\":\"other.example\"}",
          .token = "mine");
    CHECK(202, "\"accepted\": 1", .body = "{\"pageUrl\":\"/mine\"}", .token = "mine");
    assert_int_equal(count(x, "path = '/mine' AND site = 'mine.example'"), 1);
    int status = 0;
    for (int i = 0; i < 8; i++) {
        char *body = mem_format("{\"pageUrl\":\"https://learned%d.example/\"}", i);
        struct support_answer a = post(x, &(struct post){.body = body, .token = "ingest"});
        status = a.status;
        free(body);
        support_answer_clear(&a);
        if (status != 202)
            break;
    }
    assert_int_equal(status, 403);
    CHECK(403, "unknown-site",
          .body = "{\"pageUrl\":\"https://learned0.example/\"}"); /* known, but not by an admin */
}

static void too_much_is_refused(void **state)
{
    struct rig *x = *state;
    struct buf b = {0};
    for (int i = 0; i <= 10000; i++)
        buf_put_text(&b, "{}\n");
    buf_put_byte(&b, 0);
    CHECK(413, "too-large", .body = (char *)b.p, .type = "application/x-ndjson", .token = "ingest");
    buf_clear(&b);
}

/* ------------------------------------------------------------------ repeats */

static void an_event_id_is_stored_once(void **state)
{
    struct rig *x = *state;
    static const char body[] = "[{\"pageUrl\":\"https://known.example/"
                               "id\",\"eventId\":\"018bcfe5-687b-7000-8000-000000000001\"},"
                               "{\"pageUrl\":\"https://known.example/"
                               "id\",\"eventId\":\"018bcfe5-687b-7000-8000-000000000001\"}]";
    CHECK(202, "\"accepted\": 1, \"duplicates\": 1", .body = body);
    CHECK(202, "\"accepted\": 0, \"duplicates\": 2", .body = body);
    CHECK(202, "\"accepted\": 1, \"duplicates\": 1", .body = body,
          .token = "ingest"); /* another scope */
    CHECK(202, "\"accepted\": 1, \"duplicates\": 1", .body = body, .token = "admin"); /* another */
    CHECK(202, "\"accepted\": 0, \"duplicates\": 2", .body = body); /* still its own */
    assert_int_equal(count(x, "path = '/id'"), 3);
}

static void an_idempotency_key_is_answered_as_the_first_time(void **state)
{
    struct rig *x = *state;
    const struct post p = {.body = "[" PAGE("/key") ",{\"pageUrl\":1}]",
                           .token = "ingest",
                           .headers = {"idempotency-key: abc"}};
    struct support_answer first = post(x, &p), again = post(x, &p);
    assert_int_equal(first.status, 202);
    assert_int_equal(again.status, 202);
    assert_string_equal((char *)first.body.p, (char *)again.body.p);
    support_answer_clear(&first);
    support_answer_clear(&again);
    CHECK(422, "key-reused", .body = PAGE("/key2"), .token = "ingest",
          .headers = {"idempotency-key: abc"});
    CHECK(202, "\"accepted\": 1", .body = PAGE("/key2"), .token = "mine",
          .headers = {"idempotency-key: abc"});
    CHECK(400, "bad-key", .body = PAGE("/key"), .headers = {"idempotency-key: a b"});
    assert_int_equal(count(x, "path = '/key'"), 1);
    int status = 202;
    for (int i = 0; i < 6 && status == 202; i++) {
        char *header = mem_format("idempotency-key: k%d", i);
        struct support_answer a =
            post(x, &(struct post){.body = PAGE("/keys"), .token = "ingest", .headers = {header}});
        status = a.status;
        support_answer_clear(&a);
        free(header);
    }
    assert_int_equal(status, 429);
}

static void check_position(struct rig *x, const char *position)
{
    char *url = mem_format("%s/v1/sources/web%%2F1", x->url);
    struct support_answer a = support_http(&(struct support_http){.url = url, .token = "ingest"});
    assert_int_equal(a.status, 200);
    if (!holds(&a, position))
        fail_msg("%s", (char *)a.body.p);
    support_answer_clear(&a);
    free(url);
}

static void a_source_goes_on_where_it_was(void **state)
{
    struct rig *x = *state;
#define AT(position)                                                                               \
    .headers = {"footfall-source: web/1", "footfall-position: " position}, .token = "ingest"
    check_position(x, "\"position\": 0}");
    CHECK(202, "\"accepted\": 1", .body = PAGE("/source"), AT("0-10"));
    CHECK(202, "\"accepted\": 0, \"duplicates\": 1", .body = PAGE("/source"), AT("0-10"));
    CHECK(409, "\"position\": 10", .body = PAGE("/source"), AT("5-12"));
    CHECK(409, "\"position\": 10", .body = PAGE("/source"), AT("11-12"));
    CHECK(202, "\"accepted\": 0", .body = "{\"pageUrl\":1}", AT("10-20"));
    CHECK(202, "\"accepted\": 0", .body = "", AT("20-9223372036854775807"));
    check_position(x, "\"position\": 9223372036854775807}");
    CHECK(400, "bad-source", .body = PAGE("/source"), AT("30-20"));
    CHECK(400, "bad-source", .body = PAGE("/source"), AT("0-9223372036854775808"));
    CHECK(400, "bad-source", .body = PAGE("/source"), .headers = {"footfall-source: web/1"},
          .token = "ingest");
    CHECK(401, "unauthorized", .body = PAGE("/source"),
          .headers = {"footfall-source: web/1", "footfall-position: 0-1"});
    assert_int_equal(count(x, "path = '/source'"), 1);
}

/* ------------------------------------------------------------------ other doors */

static void the_pixel_records_a_page_view(void **state)
{
    struct rig *x = *state;
    char *url = mem_format(
        "%s/v1/pixel.gif?u=https%%3A%%2F%%2Fknown.example%%2Fpixel&r=https://r.example/x&k=1",
        x->url);
    for (int i = 0; i < 2; i++) { /* the key makes the second a repeat */
        struct support_answer a = support_http(&(struct support_http){.url = url});
        assert_int_equal(a.status, 200);
        assert_memory_equal(a.body.p, "GIF89a", 6);
        assert_true(span_is(support_header(&a, "content-type"), "image/gif"));
        support_answer_clear(&a);
    }
    free(url);
    assert_int_equal(count(x, "path = '/pixel' AND referrer_host = 'r.example'"), 1);
    url = mem_format("%s/v1/pixel.gif?u=https://other.example/", x->url);
    struct support_answer a = support_http(&(struct support_http){.url = url});
    assert_int_equal(a.status, 403);
    assert_false(span_absent(support_header(&a, "footfall-rejected")));
    support_answer_clear(&a);
    free(url);
}

/* The lines for pages name the site alone: the address is what the browser says it comes from. */
static void the_pixel_knows_its_page_by_the_referer(void **state)
{
    struct rig *x = *state;
    char *url = mem_format("%s/v1/pixel.gif?s=known.example", x->url);
    struct support_answer a = support_http(&(struct support_http){
        .url = url, .headers = {"referer: https://www.known.example/from-referer?q=1"}});
    assert_int_equal(a.status, 200);
    support_answer_clear(&a);
    free(url);
    assert_int_equal(count(x, "path = '/from-referer' AND site = 'known.example'"), 1);
}

static void a_head_of_the_pixel_leaves_no_trace(void **state)
{
    struct rig *x = *state;
    char *url = mem_format("%s/v1/pixel.gif?u=https://known.example/head", x->url);
    struct support_answer a = support_http(&(struct support_http){.method = "HEAD", .url = url});
    assert_int_equal(a.status, 200);
    support_answer_clear(&a);
    free(url);
    assert_int_equal(count(x, "path = '/head'"), 0);
}

static void browsers_may_ask_first(void **state)
{
    struct rig *x = *state;
    char *url = mem_format("%s/v1/events", x->url);
    struct support_http request = {.method = "OPTIONS",
                                   .url = url,
                                   .headers = {"origin: https://a.example",
                                               "access-control-request-method: POST",
                                               "access-control-request-headers: content-type"}};
    struct support_answer a = support_http(&request);
    assert_int_equal(a.status, 204);
    assert_true(span_is(support_header(&a, "access-control-allow-origin"), "*"));
    support_answer_clear(&a);
    free(url);
}

/* ------------------------------------------------------------------ many at once */

enum { SENDERS = 6, REQUESTS = 40 };

struct sender_thread {
    pthread_t thread;
    struct rig *rig;
    int number, accepted;
};

static void *send_many(void *context)
{
    struct sender_thread *t = context;
    for (int i = 0; i < REQUESTS; i++) {
        char *body = mem_format("{\"pageUrl\":\"https://known.example/load/%d/%d\"}", t->number, i);
        struct support_answer a = post(t->rig, &(struct post){.body = body});
        t->accepted += a.status == 202;
        support_answer_clear(&a);
        free(body);
    }
    return NULL;
}

static void many_senders_share_commits_and_nothing_is_lost(void **state)
{
    struct rig *x = *state;
    struct sender_thread threads[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        threads[i] = (struct sender_thread){.rig = x, .number = i};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, send_many, &threads[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_int_equal(threads[i].accepted, REQUESTS);
    }
    assert_int_equal(count(x, "path LIKE '/load/%'"), SENDERS * REQUESTS);
    assert_int_equal(conservation_sums().accepted, count(x, "true"));
}

static bool accepts_again(void *context)
{
    struct rig *x = context;
    static const char body[] = "{\"pageUrl\":\"https://known.example/"
                               "crash\",\"eventId\":\"018bcfe5-687b-7000-8000-0000000000cc\"}";
    struct support_answer a = post(x, &(struct post){.body = body});
    bool sane = a.status == 202 || a.status == 503 || a.status == 0;
    bool done = a.status == 202;
    if (!sane)
        fail_msg("%d %s", a.status, (char *)a.body.p);
    support_answer_clear(&a);
    return done;
}

static void a_crash_of_postgresql_is_a_503_and_loses_nothing(void **state)
{
    struct rig *x = *state;
    support_postgres_kill9();
    wait_until(60000, "events are accepted again", accepts_again, x);
    assert_true(accepts_again(x));
    assert_int_equal(count(x, "path = '/crash'"), 1);
}

static void received_is_accepted_and_duplicate_and_rejected(void **state)
{
    struct rig *x = *state;
    struct conservation c = conservation_sums();
    assert_true(c.accepted > 0 && c.duplicates > 0 && c.rejected > 0);
    assert_int_equal(c.received, c.accepted + c.duplicates + c.rejected);
    assert_int_equal(count(x, "true"),
                     support_sql_int(x->postgres, "SELECT max(seq) + 1 FROM events"));
    stop(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_event_is_durable_when_it_is_acknowledged, set_up),
        cmocka_unit_test_setup(every_form_gives_the_same_event, set_up),
        cmocka_unit_test_setup(gzip_bodies_are_inflated, set_up),
        cmocka_unit_test_setup(a_request_gets_consecutive_seqs_in_its_order, set_up),
        cmocka_unit_test_setup(bad_events_do_not_spoil_the_others_unless_asked, set_up),
        cmocka_unit_test_setup(strangers_may_only_send_views_of_known_sites, set_up),
        cmocka_unit_test_setup(tokens_are_held_to_their_site_and_sites_become_known_up_to_a_cap,
                               set_up),
        cmocka_unit_test_setup(too_much_is_refused, set_up),
        cmocka_unit_test_setup(an_event_id_is_stored_once, set_up),
        cmocka_unit_test_setup(an_idempotency_key_is_answered_as_the_first_time, set_up),
        cmocka_unit_test_setup(a_source_goes_on_where_it_was, set_up),
        cmocka_unit_test_setup(the_pixel_records_a_page_view, set_up),
        cmocka_unit_test_setup(the_pixel_knows_its_page_by_the_referer, set_up),
        cmocka_unit_test_setup(a_head_of_the_pixel_leaves_no_trace, set_up),
        cmocka_unit_test_setup(browsers_may_ask_first, set_up),
        cmocka_unit_test_setup(many_senders_share_commits_and_nothing_is_lost, set_up),
        cmocka_unit_test_setup(a_crash_of_postgresql_is_a_503_and_loses_nothing, set_up),
        cmocka_unit_test_setup(received_is_accepted_and_duplicate_and_rejected, set_up),
    };
    return support_run("ingest over HTTP", tests, sizeof(tests) / sizeof(tests[0]));
}
