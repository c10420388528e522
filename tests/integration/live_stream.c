/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/live through the real binary: the numbers of rows and of SQL, pushed as they change; who
 * may listen, and until when; a view that is gone, a Redis that is killed, a stop. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/service.h"
#include "tests/support/wire.h"

enum { DEADLINE_MS = 60000, MINUTES = 30 };

/* ------------------------------------------------------------------ a listener */

struct listener {
    int fd;
    struct buf text; /* what has come and was not taken */
    bool ended;
};

/* HTTP/1.0: no chunks. lines: more lines of the head, each with its end. */
static int open_at(const char *url, const char *site, const char *lines, struct listener *out)
{
    struct wire_answer a;
    const char *host = strstr(url, "//") + 2;
    char *request = mem_format("GET /v1/live%s%s HTTP/1.0\r\nHost: %s\r\n%s\r\n",
                               site[0] == '\0' ? "" : "?site=", site, host, lines);
    *out = (struct listener){.fd = wire_connect(url)};
    wire_put(out->fd, request);
    free(request);
    int status = wire_read_head(out->fd, &a);
    if (status == 200) {
        wire_has(&a, "content-type: text/event-stream\r\n");
        wire_has(&a, "cache-control: no-store\r\n");
    }
    return status;
}

static int open_as(const char *token, const char *site, struct listener *out)
{
    char *line =
        token[0] == '\0' ? mem_copy_text("") : mem_format("Authorization: Bearer %s\r\n", token);
    int status = open_at(rig()->footfall.url, site, line, out);
    free(line);
    return status;
}

static struct listener listen_to(const char *site)
{
    struct listener l;
    assert_int_equal(open_as(rig()->footfall.admin_token, site, &l), 200);
    return l;
}

static void close_listener(struct listener *l)
{
    close(l->fd);
    buf_clear(&l->text);
}

/* The next lines up to an empty one; NULL: the stream has ended. Free them. */
static char *next_block(struct listener *l)
{
    for (;;) {
        char piece[4096];
        const char *text = (const char *)l->text.p, *end;
        end = l->text.n == 0 ? NULL : memmem(text, l->text.n, "\n\n", 2);
        if (end != NULL) {
            size_t n = (size_t)(end - text);
            char *block = mem_copy_span((struct span){text, n});
            l->text.n -= n + 2;
            memmove(l->text.p, end + 2, l->text.n);
            return block;
        }
        ssize_t got = recv(l->fd, piece, sizeof piece, 0);
        if (got < 0)
            fail_msg("nothing comes within %d s", WIRE_TIMEOUT_S);
        l->ended = got == 0;
        if (l->ended)
            return NULL;
        buf_put(&l->text, piece, (size_t)got);
    }
}

/* The data of the next event of that name, others passed over. Free it. */
static char *next_event(struct listener *l, const char *name)
{
    char *wanted = mem_format("event: %s\n", name), *data = NULL;
    int64_t until_us = clock_monotonic_us() + DEADLINE_MS * 1000;
    while (data == NULL) {
        char *block = next_block(l);
        if (block == NULL || clock_monotonic_us() > until_us)
            fail_msg("'%s' does not come", name);
        if (strstr(block, wanted) != NULL)
            data = mem_copy_text(strstr(block, "\ndata: ") + 7);
        free(block);
    }
    free(wanted);
    return data;
}

static void expect_end(struct listener *l)
{
    int64_t until_us = clock_monotonic_us() + DEADLINE_MS * 1000;
    for (char *block; (block = next_block(l)) != NULL;) {
        free(block);
        assert_true(clock_monotonic_us() < until_us);
    }
    assert_true(l->ended);
}

/* ------------------------------------------------------------------ its numbers */

struct totals {
    int64_t visitors, offset, generation;
    struct {
        char time[32];
        int64_t pageviews, visitors;
    } minutes[MINUTES];
};

static struct totals parse(const char *data, const char *site)
{
    struct totals t = {0};
    struct support_answer a = {.body = {.p = (uint8_t *)(uintptr_t)data, .n = strlen(data)}};
    struct json_value root = rig_json(&a), as_of = rig_member(&root, "as_of"),
                      minutes = rig_member(&root, "minutes");
    assert_true(rig_text_is(&root, "site", site));
    t.visitors = rig_int(&root, "visitors");
    t.offset = rig_int(&as_of, "offset");
    t.generation = rig_int(&as_of, "generation");
    struct json_walk walk = json_enter(rig()->json, &minutes);
    unsigned n = 0;
    for (struct json_member m; json_next(&walk, &m); n++) {
        struct json_member time, pageviews, visitors;
        struct json_walk row = json_enter(rig()->json, &m.value);
        assert_true(n < MINUTES && json_next(&row, &time) && json_next(&row, &pageviews) &&
                    json_next(&row, &visitors));
        snprintf(t.minutes[n].time, sizeof t.minutes[n].time, "%.*s", SPAN_ARGS(time.value.text));
        t.minutes[n].pageviews = pageviews.value.integer;
        t.minutes[n].visitors = visitors.value.integer;
    }
    assert_int_equal(n, MINUTES);
    return t;
}

static struct totals next_totals(struct listener *l, const char *site)
{
    char *data = next_event(l, "totals");
    struct totals t = parse(data, site);
    free(data);
    return t;
}

static int64_t pageviews_of(const struct totals *t)
{
    int64_t sum = 0;
    for (int i = 0; i < MINUTES; i++)
        sum += t->minutes[i].pageviews;
    return sum;
}

static void wait_for_pageviews(struct listener *l, const char *site, int64_t n)
{
    struct totals t;
    int64_t until_us = clock_monotonic_us() + DEADLINE_MS * 1000;
    do {
        t = next_totals(l, site);
        assert_true(clock_monotonic_us() < until_us);
    } while (pageviews_of(&t) != n);
}

/* One page view each, of another visitor, so many minutes ago. */
static void post(const char *site, unsigned n, unsigned minutes_ago)
{
    struct buf body = {0};
    static unsigned visitor;
    for (unsigned i = 0; i < n; i++)
        buf_printf(&body,
                   "{\"site\": \"%s\", \"pageUrl\": \"/\", \"sessionId\": \"v%u\", \"age\": %u}\n",
                   site, visitor++, minutes_ago * 60000);
    rig_post(buf_span(&body), n);
    buf_clear(&body);
}

static int64_t int_of_first_row(const struct support_answer *a, unsigned column)
{
    struct json_value root = rig_json(a), rows = rig_member(&root, "rows");
    struct json_member row, value;
    struct json_walk walk = json_enter(rig()->json, &rows);
    assert_true(json_next(&walk, &row));
    walk = json_enter(rig()->json, &row.value);
    for (unsigned i = 0; i <= column; i++)
        assert_true(json_next(&walk, &value));
    return value.value.integer;
}

/* ------------------------------------------------------------------ tests */

/* Minutes as rows has them; visitors as a query counts them. */
static void the_first_event_equals_rows_and_sql(void **state)
{
    (void)state;
    post("a.example", 7, 0);
    post("a.example", 3, 2);
    post("a.example", 5, 12);
    post("b.example", 9, 0);
    rig_wait_caught_up();
    struct listener l = listen_to("a.example");
    char *first = next_block(&l);
    assert_string_equal(first, "retry: 2000");
    free(first);
    struct totals t = next_totals(&l, "a.example");
    assert_int_equal(pageviews_of(&t), 15);
    assert_int_equal(t.visitors, 10);
    for (int i = 0; i < MINUTES; i++) {
        struct support_answer a =
            rig_get("/v1/views/visitors/rows?site=a.example&from=%s&step=minute&fill=0&limit=1",
                    t.minutes[i].time);
        rig_expect(&a, 200);
        assert_int_equal(int_of_first_row(&a, 1), t.minutes[i].pageviews);
        assert_int_equal(int_of_first_row(&a, 2), t.minutes[i].visitors);
        support_answer_clear(&a);
    }
    char *body = mem_format("{\"sql\": \"SELECT count(DISTINCT visitor) AS n FROM events\", "
                            "\"site\": \"a.example\", \"from\": \"%s\"}",
                            t.minutes[MINUTES - 5].time);
    struct support_answer a = rig_ask(&(struct rig_request){.body = body}, "/v1/query");
    rig_expect(&a, 200);
    assert_int_equal(int_of_first_row(&a, 0), t.visitors);
    support_answer_clear(&a);
    free(body);
    close_listener(&l);
}

static void an_event_is_pushed_to_all_who_listen_to_its_site(void **state)
{
    (void)state;
    struct listener first = listen_to("push.example"), second = listen_to("push.example"),
                    third = listen_to("PUSH.example");
    struct totals t = next_totals(&first, "push.example");
    assert_int_equal(pageviews_of(&t), 0);
    post("push.example", 1, 0);
    wait_for_pageviews(&first, "push.example", 1);
    wait_for_pageviews(&second, "push.example", 1);
    wait_for_pageviews(&third, "push.example", 1);
    close_listener(&second);
    post("push.example", 2, 0);
    wait_for_pageviews(&first, "push.example", 3);
    wait_for_pageviews(&third, "push.example", 3);
    close_listener(&first);
    close_listener(&third);
}

static int64_t metric(const char *name)
{
    struct support_answer a = rig_get("/metrics");
    rig_expect(&a, 200);
    char *line = mem_format("\n%s ", name), *at = strstr((char *)a.body.p, line);
    assert_non_null(at);
    int64_t value = strtoll(at + strlen(line), NULL, 10);
    support_answer_clear(&a);
    free(line);
    return value;
}

static bool nobody_listens(void *unused)
{
    (void)unused;
    return metric("footfall_live_streams") == 0;
}

static void listeners_are_counted(void **state)
{
    (void)state;
    wait_until(DEADLINE_MS, "the streams to end", nobody_listens, NULL);
    struct listener l = listen_to("a.example");
    assert_int_equal(metric("footfall_live_streams"), 1);
    close_listener(&l);
    wait_until(DEADLINE_MS, "the stream to end", nobody_listens, NULL);
}

static void what_is_asked_wrongly_is_refused(void **state)
{
    (void)state;
    struct listener l;
    static const struct {
        const char *query, *accept;
        int status;
    } cases[] = {{"", NULL, 400},
                 {"?site=no%20name", NULL, 400},
                 {"?site=a.example&site=b.example", NULL, 400},
                 {"?site=a.example&view=visitors", NULL, 400},
                 {"?site=a.example", "application/json", 406}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct support_answer a =
            rig_ask(&(struct rig_request){.accept = cases[i].accept}, "/v1/live%s", cases[i].query);
        rig_expect(&a, cases[i].status);
        support_answer_clear(&a);
    }
    char *token = rig_token("read", "a.example");
    assert_int_equal(open_as(token, "b.example", &l), 403);
    close_listener(&l);
    assert_int_equal(open_as(token, "", &l), 200); /* its own site */
    free(next_event(&l, "totals"));
    close_listener(&l);
    free(token);
}

/* ------------------------------------------------------------------ until when */

static void set_site(const char *body)
{
    struct support_answer a = rig_ask(&(struct rig_request){.body = body}, "/v1/admin/sites");
    rig_expect(&a, 200);
    support_answer_clear(&a);
}

static void anyone_listens_to_a_site_while_it_is_public(void **state)
{
    (void)state;
    struct listener l;
    set_site("{\"name\": \"open.example\"}");
    assert_int_equal(open_as("", "open.example", &l), 401);
    close_listener(&l);
    set_site("{\"name\": \"open.example\", \"public\": true}");
    assert_int_equal(open_as("", "open.example", &l), 200);
    post("open.example", 1, 0);
    wait_for_pageviews(&l, "open.example", 1);
    set_site("{\"name\": \"open.example\", \"public\": false}");
    expect_end(&l);
    close_listener(&l);
}

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

static void a_stream_ends_when_its_token_is_revoked(void **state)
{
    (void)state;
    struct listener l, other = listen_to("a.example");
    char *token = rig_token("read", NULL);
    assert_int_equal(open_as(token, "a.example", &l), 200);
    free(next_event(&l, "totals"));
    revoke_last();
    expect_end(&l);
    post("a.example", 1, 0);
    wait_for_pageviews(&other, "a.example", 16); /* goes on */
    close_listener(&l);
    close_listener(&other);
    free(token);
}

static void a_stream_ends_when_its_reader_signs_out(void **state)
{
    (void)state;
    struct listener l;
    char *url = mem_format("%s/v1/session", rig()->footfall.url),
         *body = mem_format("{\"token\": \"%s\"}", rig()->footfall.admin_token),
         *origin = mem_format("origin: %s", rig()->footfall.url);
    struct support_answer in = support_http(&(struct support_http){
        .url = url, .headers = {"content-type: application/json", origin}, .body = span_of(body)});
    rig_expect(&in, 200);
    struct span cookie = support_header(&in, "set-cookie");
    const char *end = memchr(cookie.p, ';', cookie.n);
    assert_non_null(end);
    char *line = mem_format("cookie: %.*s", (int)(end - cookie.p), cookie.p),
         *lines = mem_format("%s\r\n", line);
    assert_int_equal(open_at(rig()->footfall.url, "a.example", lines, &l), 200);
    free(next_event(&l, "totals"));
    struct support_answer out = support_http(
        &(struct support_http){.url = url, .method = "DELETE", .headers = {line, origin}});
    rig_expect(&out, 204);
    expect_end(&l);
    close_listener(&l);
    support_answer_clear(&in);
    support_answer_clear(&out);
    free(url);
    free(body);
    free(origin);
    free(line);
    free(lines);
}

/* ------------------------------------------------------------------ without numbers */

static bool is_state(struct listener *l, const char *name)
{
    char *data = next_event(l, "state"),
         *wanted = mem_format("{\"state\":\"%s\",\"detail\":\"", name);
    bool same = strncmp(data, wanted, strlen(wanted)) == 0;
    free(data);
    free(wanted);
    return same;
}

/* Others may come before. */
static void wait_for_state(struct listener *l, const char *name)
{
    while (!is_state(l, name)) {
    }
}

/* The definition as it is shipped. Free it. */
static char *visitors_sql(void)
{
    struct support_answer a = rig_get("/v1/admin/views/visitors");
    rig_expect(&a, 200);
    struct json_value root = rig_json(&a), sql = rig_member(&root, "sql");
    struct buf body = {0};
    buf_put_text(&body, "{\"sql\":");
    buf_put_json(&body, sql.text);
    buf_put_text(&body, "}");
    buf_put_byte(&body, 0);
    support_answer_clear(&a);
    return (char *)body.p;
}

static void add_view(const char *body)
{
    struct support_answer a = rig_ask(
        &(struct rig_request){.body = body, .content_type = "application/json"}, "/v1/admin/views");
    rig_expect(&a, 202);
    support_answer_clear(&a);
}

static void a_stream_outlives_the_view(void **state)
{
    (void)state;
    char *shipped = visitors_sql();
    struct listener l = listen_to("a.example");
    int64_t before = next_totals(&l, "a.example").generation;
    struct support_answer a =
        rig_ask(&(struct rig_request){.method = "DELETE"}, "/v1/admin/views/visitors");
    rig_expect(&a, 204);
    support_answer_clear(&a);
    assert_true(is_state(&l, "not-found"));
    add_view("{\"sql\": \"CREATE MATERIALIZED VIEW visitors AS SELECT site, date_trunc('hour', "
             "event_time) AS time, count(*) AS n FROM events GROUP BY 1, 2\"}");
    struct listener late = listen_to("a.example");
    wait_for_state(&l, "unsuitable");
    wait_for_state(&late, "unsuitable");
    add_view(shipped);
    struct totals t = next_totals(&l, "a.example");
    assert_int_equal(pageviews_of(&t), 16);
    assert_true(t.generation > before);
    close_listener(&l);
    close_listener(&late);
    free(shipped);
}

/* ------------------------------------------------------------------ servers and the service */

static void a_stream_outlives_redis(void **state)
{
    (void)state;
    struct service s = {.footfall = rig()->footfall};
    struct listener l = listen_to("a.example");
    free(next_event(&l, "totals"));
    service_find_servers(&s);
    service_kill_redis(&s);
    post("a.example", 1, 0);
    wait_for_pageviews(&l, "a.example", 17);
    close_listener(&l);
    free(s.postgres);
    free(s.redis);
}

static void a_stream_says_that_redis_is_away(void **state)
{
    (void)state;
    struct support_footfall f;
    struct listener l;
    char *uri = support_postgres();
    const char *const words[] = {"--postgres", uri, "--redis", support_redis(), NULL};
    support_footfall_start(&f, NULL, words);
    char *line = mem_format("Authorization: Bearer %s\r\n", f.admin_token);
    assert_int_equal(open_at(f.url, "a.example", line, &l), 200);
    free(next_event(&l, "totals"));
    free(support_redis_command(words[3], "CLIENT", "PAUSE", "8000", "ALL", NULL));
    assert_true(is_state(&l, "unavailable"));
    free(next_event(&l, "totals"));
    close_listener(&l);
    support_footfall_clear(&f);
    free(line);
    free(uri);
}

static void run_site(const struct support_footfall *f, const char *verb)
{
    const char *const words[] = {"site", "--data-dir", f->data_dir, verb, "a.example", NULL};
    assert_int_equal(support_footfall_run(NULL, NULL, words), 0);
}

/* 12 connections make 6 streams, and 3 of them for those without a token. */
static void half_of_the_streams_are_kept_for_who_has_a_token(void **state)
{
    (void)state;
    struct support_footfall f;
    struct listener open[3], more;
    char *uri = support_postgres();
    const char *const words[] = {
        "--postgres", uri, "--redis", support_redis(), "--http.max_connections", "12", NULL};
    support_footfall_start(&f, NULL, words);
    run_site(&f, "add");
    run_site(&f, "public");
    for (int i = 0; i < 3; i++)
        assert_int_equal(open_at(f.url, "a.example", "", &open[i]), 200);
    assert_int_equal(open_at(f.url, "a.example", "", &more), 503);
    close_listener(&more);
    char *line = mem_format("Authorization: Bearer %s\r\n", f.admin_token);
    assert_int_equal(open_at(f.url, "a.example", line, &more), 200);
    close_listener(&more);
    for (int i = 0; i < 3; i++)
        close_listener(&open[i]);
    support_footfall_clear(&f);
    free(line);
    free(uri);
}

static void a_stop_of_the_service_ends_streams(void **state)
{
    (void)state;
    struct listener l = listen_to("a.example");
    free(next_event(&l, "totals"));
    int64_t before_us = clock_monotonic_us();
    assert_int_equal(support_footfall_stop(&rig()->footfall), 0);
    assert_true(clock_monotonic_us() - before_us < 60 * US_PER_SECOND);
    expect_end(&l);
    close_listener(&l);
    rig_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_event_equals_rows_and_sql),
        cmocka_unit_test(an_event_is_pushed_to_all_who_listen_to_its_site),
        cmocka_unit_test(listeners_are_counted),
        cmocka_unit_test(what_is_asked_wrongly_is_refused),
        cmocka_unit_test(anyone_listens_to_a_site_while_it_is_public),
        cmocka_unit_test(a_stream_ends_when_its_token_is_revoked),
        cmocka_unit_test(a_stream_ends_when_its_reader_signs_out),
        cmocka_unit_test(a_stream_outlives_the_view),
        cmocka_unit_test(a_stream_outlives_redis),
        cmocka_unit_test(a_stop_of_the_service_ends_streams),
        cmocka_unit_test(a_stream_says_that_redis_is_away),
        cmocka_unit_test(half_of_the_streams_are_kept_for_who_has_a_token),
    };
    return support_run("live streams", tests, sizeof(tests) / sizeof(tests[0]));
}
