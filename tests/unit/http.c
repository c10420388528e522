/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of the HTTP layer, over real sockets: routing, reading, limits, what hostile
 * and old clients send. Loops, tickets and stopping are in http_loop.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/http.h"
#include "tests/support/wire.h"

enum { SMALL_BODY = 1000, LARGE_BODY = 100000 };

#define H " HTTP/1.1\r\nHost: x\r\n"

/* ------------------------------------------------------------------ the server */

static void send_text(struct http_request *r, struct span text)
{
    http_send(r,
              &(struct http_answer){
                  .status = 200, .content_type = "text/plain", .body = text, .owner = BODY_COPY});
}

static void on_hello(struct http_request *r, void *context)
{
    send_text(r, span_of(context));
}

static void on_item(struct http_request *r, void *context)
{
    (void)context;
    send_text(r, http_path_param(r, "id"));
}

static void on_echo(struct http_request *r, void *context)
{
    (void)context;
    send_text(r, http_body(r));
}

static void on_client(struct http_request *r, void *context)
{
    (void)context;
    send_text(r, http_client(r));
}

static void on_header(struct http_request *r, void *context)
{
    (void)context;
    struct span first = http_header(r, "x-test"), host = http_header(r, "host");
    char *text = http_alloc(r, 200);
    int n = snprintf(text, 200, "%.*s|%.*s|%s", SPAN_ARGS(first), SPAN_ARGS(host),
                     span_absent(http_header(r, "user-agent")) ? "none" : "some");
    http_send(
        r, &(struct http_answer){.status = 200, .body = {text, (size_t)n}, .owner = BODY_STATIC});
}

static void on_query(struct http_request *r, void *context)
{
    (void)context;
    struct buf text = {0};
    struct err e = {0};
    struct span name, value;
    for (unsigned i = 0; http_param_at(r, i, &name, &value, &e); i++)
        buf_printf(&text, "[%.*s=%.*s]", SPAN_ARGS(name), SPAN_ARGS(value));
    struct span second = http_param(r, "a", 1, &e);
    if (span_absent(second))
        second = SPAN_LITERAL("absent");
    buf_printf(&text, " second %.*s", SPAN_ARGS(second));
    if (e.kind != ERR_NONE)
        http_send_error(r, &e);
    else
        send_text(r, buf_span(&text));
    buf_clear(&text);
}

static void on_nothing(struct http_request *r, void *context)
{
    (void)context;
    http_send(r, &(struct http_answer){.status = 204});
}

static void on_split(struct http_request *r, void *context)
{
    (void)context;
    struct err e = {0};
    http_send(r, &(struct http_answer){.status = 200,
                                       .headers = {{"x-echo", http_param(r, "v", 0, &e)}}});
}

static void on_problem(struct http_request *r, void *context)
{
    (void)context;
    http_send_problem(r,
                      &(struct http_problem){.slug = "wrong-position",
                                             .field = "Footfall-Position",
                                             .retry_after_s = 7,
                                             .members = SPAN_LITERAL("\"position\":12")},
                      "a \"quote\" and a byte \xff");
}

static void on_identity(struct http_request *r, void *context)
{
    (void)context;
    send_text(r, http_identity_of(r)->site);
}

/* Tokens: "good" may do anything. */
static bool authorize(struct http_request *r, enum http_scope needed, void *context)
{
    (void)context;
    if (span_is(http_header(r, "authorization"), "Bearer good")) {
        *http_identity_of(r) = (struct http_identity){7, 7, SCOPE_ADMIN, SPAN_LITERAL("a.example")};
        return true;
    }
    if (needed == SCOPE_OPEN)
        return true;
    http_send_problem(r, &(struct http_problem){.slug = "unauthorized"}, "a token is needed");
    return false;
}

static char hello_text[] = "hello", special_text[] = "special";
static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/", .handler = on_hello, .context = hello_text},
    {.method = "GET", .pattern = "/items/{id}", .handler = on_item},
    {.method = "DELETE", .pattern = "/items/{id}", .handler = on_item},
    {.method = "GET", .pattern = "/items/special", .handler = on_hello, .context = special_text},
    {.method = "GET", .pattern = "/items/{id}/sub", .handler = on_item},
    {.method = "POST",
     .pattern = "/echo",
     .handler = on_echo,
     .cors = true,
     .max_body = SMALL_BODY},
    {.method = "GET", .pattern = "/echo", .handler = on_hello, .context = hello_text},
    {.method = "POST", .pattern = "/large", .handler = on_echo, .max_body = LARGE_BODY},
    {.method = "GET", .pattern = "/client", .handler = on_client},
    {.method = "GET", .pattern = "/header", .handler = on_header},
    {.method = "GET", .pattern = "/query", .handler = on_query},
    {.method = "GET", .pattern = "/nothing", .handler = on_nothing},
    {.method = "GET", .pattern = "/split", .handler = on_split},
    {.method = "GET", .pattern = "/problem", .handler = on_problem},
    {.method = "GET", .pattern = "/admin", .scope = SCOPE_ADMIN, .handler = on_identity},
};

static int set_up(void **state)
{
    struct err e = {0};
    const struct http_options o = {
        .listen = "127.0.0.1:0",
        .n_loops = 2,
        .max_connections = 100,
        .request_timeout_ms = 20000,
        .drain_timeout_ms = 5000,
        .trusted_proxies = "127.0.0.0/8, 10.0.0.0/8, 2001:db8::/32",
        .routes = routes,
        .n_routes = sizeof(routes) / sizeof(routes[0]),
        .authorize = authorize,
    };
    if (http_server_start((struct http_server **)state, &o, &e) != 0)
        fail_msg("%s", e.text);
    return 0;
}

static int tear_down(void **state)
{
    http_server_free(*state);
    return 0;
}

static struct wire_answer ask(void **state, const char *request)
{
    return wire_ask(http_server_address(*state), request);
}

static void answers(void **state, const char *request, int status, const char *body)
{
    struct wire_answer a = ask(state, request);
    if (a.status != status || strcmp(a.body, body) != 0)
        fail_msg("%s gave %d '%s', not %d '%s'", request, a.status, a.body, status, body);
}

/* ------------------------------------------------------------------ routing */

static void literal_routes_win_over_parameters(void **state)
{
    answers(state, "GET /" H "\r\n", 200, "hello");
    answers(state, "GET /items/7" H "\r\n", 200, "7");
    answers(state, "GET /items/special" H "\r\n", 200, "special");
    answers(state, "GET /items/special/sub" H "\r\n", 200, "special");
    answers(state, "DELETE /items/special" H "\r\n", 200, "special");
}

static void paths_are_decoded_segment_by_segment(void **state)
{
    answers(state, "GET /%69tems/a%2Fb%20c+d?x=%zz" H "\r\n", 200, "a/b c+d");
    answers(state, "GET /items/%73pecial" H "\r\n", 200, "special");
    answers(state, "GET http://other.example/items/7?q" H "\r\n", 200, "7");
    answers(state, "GET http://other.example" H "\r\n", 200, "hello");
    assert_int_equal(ask(state, "GET /items/%zz" H "\r\n").status, 400);
    assert_int_equal(ask(state, "GET /items/%4" H "\r\n").status, 400);
    assert_int_equal(ask(state, "GET /items/a%00b" H "\r\n").status, 400);
}

static void an_unknown_path_is_404_and_a_wrong_method_405_with_allow(void **state)
{
    static const char *const unknown[] = {
        "GET /nope" H "\r\n",     "GET /items/" H "\r\n",
        "GET /items" H "\r\n",    "GET //items/7" H "\r\n",
        "GET /items/7/" H "\r\n", "OPTIONS /nope" H "\r\n",
        "OPTIONS *" H "\r\n",     "GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14" H "\r\n"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_int_equal(ask(state, unknown[i]).status, 404);
    struct wire_answer a = ask(state, "GET /nope" H "\r\n");
    wire_has(&a, "content-type: application/problem+json\r\n");
    wire_has(&a, "{\"type\":\"https://footfall.dev/problems/not-found\",\"title\":\"Not found\","
                 "\"status\":404,\"detail\":\"there is no /nope here\"}");
    a = ask(state, "POST /items/7" H "Content-Length: 0\r\n\r\n");
    assert_int_equal(a.status, 405);
    wire_has(&a, "\r\nallow: GET, HEAD, DELETE, OPTIONS\r\n");
    assert_int_equal(ask(state, "get /" H "\r\n").status, 405);
}

static void head_is_get_without_its_body(void **state)
{
    int fd = wire_connect(http_server_address(*state));
    wire_put(fd, "HEAD /items/seven" H "\r\nGET /items/8" H "\r\n");
    struct wire_answer a = wire_read(fd, "HEAD");
    assert_int_equal(a.status, 200);
    wire_has(&a, "Content-Length: 5\r\n");
    a = wire_read(fd, "GET"); /* at once after the head of the first */
    assert_string_equal(a.body, "8");
    close(fd);
}

static void options_names_the_methods_and_preflights_only_cors_routes(void **state)
{
    struct wire_answer a =
        ask(state, "OPTIONS /echo" H "Origin: https://a.example\r\nAccess-Control-Request-Method: "
                   "POST\r\nAccess-Control-Request-Headers: content-type, x-a\r\n\r\n");
    assert_int_equal(a.status, 204);
    wire_has(&a, "allow: POST, GET, HEAD, OPTIONS\r\n");
    wire_has(&a, "access-control-allow-origin: *\r\n");
    wire_has(&a, "access-control-allow-methods: POST, OPTIONS\r\n");
    wire_has(&a, "access-control-allow-headers: content-type, x-a\r\n");
    wire_has_not(&a, "Content-Length");
    a = ask(state, "OPTIONS /items/7" H "Origin: https://a.example\r\n\r\n");
    assert_int_equal(a.status, 204);
    wire_has(&a, "allow: GET, HEAD, DELETE, OPTIONS\r\n");
    wire_has_not(&a, "access-control");
    a = ask(state, "POST /echo" H "Content-Length: 1\r\n\r\nx");
    wire_has(&a, "access-control-allow-origin: *\r\n");
    a = ask(state, "GET /echo" H "\r\n");
    wire_has_not(&a, "access-control");
}

/* ------------------------------------------------------------------ reading */

static void query_parameters_are_decoded(void **state)
{
    answers(state, "GET /query?a=1&b=x+y%2B%C3%A4&a=2&c&=e&&" H "\r\n", 200,
            "[a=1][b=x y+\xc3\xa4][a=2][c=][=e] second 2");
    answers(state, "GET /query" H "\r\n", 200, " second absent");
    answers(state, "GET /query?" H "\r\n", 200, " second absent");
}

static void broken_queries_are_refused(void **state)
{
    static const char *const broken[] = {"%",     "a=%4",  "a=%zz",    "%g0=1",
                                         "a=%ff", "a=%00", "a=1&b=%C3"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        char request[100];
        snprintf(request, sizeof(request), "GET /query?%s" H "\r\n", broken[i]);
        struct wire_answer a = ask(state, request);
        assert_int_equal(a.status, 400);
        wire_has(&a, "problems/bad-request");
    }
    char request[2048] = "GET /query?";
    for (int i = 0; i < 300; i++)
        strcat(request, "&a=1");
    strcat(request, H "\r\n");
    struct wire_answer a = ask(state, request);
    assert_int_equal(a.status, 400);
    wire_has(&a, "more than 256 parameters");
}

static void headers_are_found_in_any_case(void **state)
{
    answers(state,
            "GET /header HTTP/1.1\r\nHost: a.example:1\r\nX-TEST: one\r\nx-test: two\r\n\r\n", 200,
            "one|a.example:1|none");
    answers(state, "GET /header HTTP/1.1\r\nUser-Agent: a\r\n\r\n", 200, "||some");
}

static void forwarded_addresses_count_only_from_trusted_proxies(void **state)
{
    static const struct {
        const char *header, *client;
    } cases[] = {
        {"", "127.0.0.1"},
        {"X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 192.0.2.7, 198.51.100.1\r\n", "198.51.100.1"},
        {"X-Forwarded-For: 192.0.2.7, 10.1.2.3,127.0.0.9\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.0.0.1\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2"},
        {"X-Forwarded-For: 192.0.2.7, unknown, 10.0.0.1\r\n", "10.0.0.1"},
        {"X-Forwarded-For: \r\n", "127.0.0.1"},
        {"X-Forwarded-For: 192.0.2.7:8080\r\n", "192.0.2.7"},
        {"X-Forwarded-For: [2001:db9::1]:80, 2001:db8::5\r\n", "2001:db9::1"},
        {"X-Forwarded-For: ::ffff:192.0.2.9\r\n", "192.0.2.9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request), "GET /client" H "%s\r\n", cases[i].header);
        answers(state, request, 200, cases[i].client);
    }
}

static void the_authorizer_sees_every_route_and_its_scope(void **state)
{
    struct wire_answer a = ask(state, "GET /admin" H "\r\n");
    assert_int_equal(a.status, 401);
    wire_has(&a, "\r\nwww-authenticate: Bearer\r\n");
    wire_has(&a, "problems/unauthorized");
    answers(state, "GET /admin" H "Authorization: Bearer good\r\n\r\n", 200, "a.example");
}

/* ------------------------------------------------------------------ bodies */

/* A POST of n bytes to path; its answer on a connection that stays open in *fd. */
static struct wire_answer post(void **state, const char *path, size_t n, int *fd)
{
    char head[200], *body = malloc(n + 1);
    memset(body, 'x', n);
    *fd = wire_connect(http_server_address(*state));
    snprintf(head, sizeof(head), "POST %s" H "Content-Length: %zu\r\n\r\n", path, n);
    wire_put(*fd, head);
    wire_send(*fd, body, n);
    free(body);
    return wire_read(*fd, "POST");
}

static void a_body_over_the_routes_limit_is_413_and_the_connection_goes_on(void **state)
{
    int fd;
    struct wire_answer a = post(state, "/echo", SMALL_BODY, &fd);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_bytes, SMALL_BODY);
    close(fd);
    a = post(state, "/echo", SMALL_BODY + 1, &fd);
    assert_int_equal(a.status, 413);
    wire_has(&a, "problems/too-large");
    wire_has(&a, "1001 bytes, more than 1000");
    wire_put(fd, "GET /" H "\r\n");
    assert_int_equal(wire_read(fd, "GET").status, 200);
    close(fd);
    a = ask(state, "GET /" H "Content-Length: 1\r\n\r\nx");
    assert_int_equal(a.status, 413);
    wire_has(&a, "takes no body");
}

static void a_body_over_every_limit_is_413_before_it_is_read(void **state)
{
    int fd;
    struct wire_answer a = post(state, "/large", LARGE_BODY, &fd);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_bytes, LARGE_BODY);
    close(fd);
    a = ask(state, "POST /large" H "Content-Length: 100002\r\n\r\n");
    assert_int_equal(a.status, 413);
    wire_has(&a, "Connection: close");
    wire_has(&a, "application/problem+json");
    wire_has(&a, "problems/too-large");
}

/* Simple clients send all before they read anything: a reset on the way is an error to them. */
static void who_sends_a_body_that_is_far_too_large_still_reads_the_413(void **state)
{
    enum { FAR_TOO_LARGE = 4 << 20 };
    char *body = malloc(FAR_TOO_LARGE);
    memset(body, 'x', FAR_TOO_LARGE);
    for (int i = 0; i < 20; i++) {
        int fd = wire_connect(http_server_address(*state));
        wire_put(fd, "POST /large" H "Content-Length: 4194304\r\n\r\n");
        for (size_t sent = 0; sent < FAR_TOO_LARGE;) {
            ssize_t n = send(fd, body + sent, FAR_TOO_LARGE - sent, MSG_NOSIGNAL);
            assert_true(n > 0);
            sent += (size_t)n;
        }
        struct wire_answer a = wire_read(fd, "POST");
        assert_int_equal(a.status, 413);
        wire_has(&a, "problems/too-large");
        assert_true(wire_closed(fd));
        close(fd);
    }
    free(body);
}

static void chunked_bodies_are_joined_and_bounded(void **state)
{
    answers(state,
            "POST /echo" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            200, "abcde");
    char *chunk = malloc(LARGE_BODY + 100);
    int n = sprintf(chunk, "POST /large" H "Transfer-Encoding: chunked\r\n\r\n%x\r\n", LARGE_BODY);
    memset(chunk + n, 'x', LARGE_BODY);
    int fd = wire_connect(http_server_address(*state));
    wire_send(fd, chunk, (size_t)n + LARGE_BODY);
    wire_put(fd, "\r\n0\r\n\r\n");
    struct wire_answer a = wire_read(fd, "POST");
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_bytes, LARGE_BODY);
    wire_send(fd, chunk, (size_t)n + LARGE_BODY);
    wire_put(fd, "\r\n1\r\nx\r\n0\r\n\r\n");
    a = wire_read(fd, "POST");
    assert_int_equal(a.status, 413);
    wire_has(&a, "problems/too-large");
    close(fd);
    free(chunk);
}

static void what_h2o_refuses_is_a_problem_too(void **state)
{
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        {"POST /echo" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {"POST /echo" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"POST /echo" H "Content-Length: -1\r\n\r\n", 400},
        {"POST /echo" H "Content-Length: 0x5\r\n\r\n", 400},
        {"POST /echo" H "Content-Length: 1\r\nExpect: more\r\n\r\nx", 417},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire_answer a = ask(state, cases[i].request);
        if (a.status != cases[i].status)
            fail_msg("%s gave %d", cases[i].request, a.status);
        wire_has(&a, "content-type: application/problem+json\r\n");
        wire_has(&a, "https://footfall.dev/problems/");
    }
    assert_int_equal(ask(state, "nonsense\r\n\r\n").status, 400);
    assert_int_equal(ask(state, "GET / HTTP/1.1\r\nHost: \001\r\n\r\n").status, 400);
}

static void a_client_that_expects_100_gets_it(void **state)
{
    int fd = wire_connect(http_server_address(*state));
    wire_put(fd, "POST /echo" H "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(wire_read(fd, "POST").status, 100);
    wire_put(fd, "hi");
    struct wire_answer a = wire_read(fd, "POST");
    assert_string_equal(a.body, "hi");
    close(fd);
}

/* ------------------------------------------------------------------ answers, connections */

static void an_answer_says_its_length_and_nothing_of_the_server(void **state)
{
    struct wire_answer a = ask(state, "GET /" H "\r\n");
    wire_has(&a, "HTTP/1.1 200 OK\r\n");
    wire_has(&a, "Content-Length: 5\r\n");
    wire_has(&a, "Date: ");
    wire_has(&a, "Connection: keep-alive\r\n");
    wire_has_not(&a, "erver:");
    a = ask(state, "GET /nothing" H "\r\n");
    assert_int_equal(a.status, 204);
    wire_has(&a, "Connection: keep-alive\r\n");
    wire_has_not(&a, "Content-Length");
}

static void a_header_cannot_split_the_answer(void **state)
{
    struct wire_answer a = ask(state, "GET /split?v=a%0D%0Aset-cookie:%20b" H "\r\n");
    wire_has(&a, "x-echo: a  set-cookie: b\r\n");
}

static void a_problem_is_json_whatever_its_detail_quotes(void **state)
{
    struct wire_answer a = ask(state, "GET /problem" H "\r\n");
    assert_int_equal(a.status, 409);
    wire_has(&a, "\r\nretry-after: 7\r\n");
    wire_has(&a, "\"title\":\"Wrong source position\",\"status\":409,"
                 "\"detail\":\"a \\\"quote\\\" and a byte ?\",\"field\":\"Footfall-Position\","
                 "\"position\":12}");
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct buf all = {0};
    int fd = wire_connect(http_server_address(*state));
    for (int i = 0; i < 50; i++)
        buf_printf(&all, "GET /items/%d" H "\r\nPOST /echo" H "Content-Length: 2\r\n\r\n%02d", i,
                   i);
    wire_send(fd, (char *)all.p, all.n);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(atoi(wire_read(fd, "GET").body), i);
        assert_int_equal(atoi(wire_read(fd, "POST").body), i);
    }
    close(fd);
    buf_clear(&all);
}

static void http_1_0_closes_unless_asked_to_keep(void **state)
{
    int fd = wire_connect(http_server_address(*state));
    wire_put(fd, "GET / HTTP/1.0\r\n\r\n");
    struct wire_answer a = wire_read(fd, "GET");
    assert_string_equal(a.body, "hello");
    assert_true(wire_closed(fd));
    close(fd);
    fd = wire_connect(http_server_address(*state));
    for (int i = 0; i < 2; i++) {
        wire_put(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        a = wire_read(fd, "GET");
        assert_string_equal(a.body, "hello");
    }
    close(fd);
}

static void http_2_is_not_spoken(void **state)
{
    struct wire_answer a = ask(state, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_int_equal(a.status, 400);
    a = ask(state, "GET /" H "Connection: Upgrade, HTTP2-Settings, keep-alive\r\nUpgrade: h2c\r\n"
                   "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n");
    assert_int_equal(a.status, 200);
}

static void a_half_closed_client_is_answered(void **state)
{
    int fd = wire_connect(http_server_address(*state));
    wire_put(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    assert_int_equal(wire_read(fd, "GET").status, 200);
    assert_true(wire_closed(fd));
    close(fd);
}

static void answers_are_counted_by_route_and_status(void **state)
{
    ask(state, "GET /items/1" H "\r\n");
    ask(state, "HEAD /items/2" H "\r\n");
    ask(state, "GET /admin" H "\r\n");
    ask(state, "GET /nope" H "\r\n");
    ask(state, "POST /large" H "Content-Length: 100002\r\n\r\n");
    struct http_route_count counts[20];
    assert_int_equal(http_server_counts(*state, counts, 20), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct http_route *route = counts[i].route;
        const char *pattern = route == NULL ? "none" : route->pattern;
        int status = strcmp(pattern, "/admin") == 0        ? 401
                     : strcmp(pattern, "/items/{id}") == 0 ? 200
                     : i == 2                              ? 404
                                                           : 413;
        assert_int_equal(counts[i].status, status);
        assert_int_equal(counts[i].count, status == 200 ? 2 : 1);
    }
    assert_int_equal(http_server_counts(*state, counts, 1), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(literal_routes_win_over_parameters),
        T(paths_are_decoded_segment_by_segment),
        T(an_unknown_path_is_404_and_a_wrong_method_405_with_allow),
        T(head_is_get_without_its_body),
        T(options_names_the_methods_and_preflights_only_cors_routes),
        T(query_parameters_are_decoded),
        T(broken_queries_are_refused),
        T(headers_are_found_in_any_case),
        T(forwarded_addresses_count_only_from_trusted_proxies),
        T(the_authorizer_sees_every_route_and_its_scope),
        T(a_body_over_the_routes_limit_is_413_and_the_connection_goes_on),
        T(a_body_over_every_limit_is_413_before_it_is_read),
        T(who_sends_a_body_that_is_far_too_large_still_reads_the_413),
        T(chunked_bodies_are_joined_and_bounded),
        T(what_h2o_refuses_is_a_problem_too),
        T(a_client_that_expects_100_gets_it),
        T(an_answer_says_its_length_and_nothing_of_the_server),
        T(a_header_cannot_split_the_answer),
        T(a_problem_is_json_whatever_its_detail_quotes),
        T(pipelined_requests_are_answered_in_order),
        T(http_1_0_closes_unless_asked_to_keep),
        T(http_2_is_not_spoken),
        T(a_half_closed_client_is_answered),
        T(answers_are_counted_by_route_and_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
