/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client against a server in the same process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/http.h"
#include "base/http_client.h"

enum { LARGE_BYTES = 4 << 20 };

static char large[LARGE_BYTES];

/* Echoes method, token, content type, one header and the body. */
static void on_echo(struct http_request *r, void *context)
{
    (void)context;
    struct buf text = {0};
    buf_printf(&text, "%.*s|%.*s|%.*s|%.*s|%.*s", SPAN_ARGS(http_method(r)),
               SPAN_ARGS(http_header(r, "authorization")),
               SPAN_ARGS(http_header(r, "content-type")), SPAN_ARGS(http_header(r, "x-test")),
               SPAN_ARGS(http_body(r)));
    http_send(r, &(struct http_answer){.status = 200,
                                       .body = buf_span(&text),
                                       .owner = BODY_COPY,
                                       .headers = {{"x-one", SPAN_LITERAL(" 1 ")},
                                                   {"x-one-more", SPAN_LITERAL("2")}}});
    buf_clear(&text);
}

static void on_large(struct http_request *r, void *context)
{
    (void)context;
    http_send(r, &(struct http_answer){
                     .status = 200, .body = {large, LARGE_BYTES}, .owner = BODY_STATIC});
}

static void on_never(struct http_request *r, void *context)
{
    *(struct http_ticket **)context = http_defer(r);
}

static struct http_ticket *waiting;
static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/echo", .handler = on_echo},
    {.method = "POST", .pattern = "/echo", .handler = on_echo, .max_body = 1000},
    {.method = "DELETE", .pattern = "/echo", .handler = on_echo},
    {.method = "GET", .pattern = "/large", .handler = on_large},
    {.method = "GET", .pattern = "/never", .handler = on_never, .context = &waiting},
};

struct fixture {
    struct http_server *server;
    struct http_client *client;
    struct http_reply reply;
    char url[100];
};

static int set_up(void **state)
{
    static struct fixture f;
    struct err e = {0};
    const struct http_options o = {.listen = "127.0.0.1:0",
                                   .n_loops = 1,
                                   .max_connections = 10,
                                   .request_timeout_ms = 10000,
                                   .drain_timeout_ms = 50,
                                   .routes = routes,
                                   .n_routes = sizeof(routes) / sizeof(routes[0])};
    f = (struct fixture){0};
    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = (char)(i >> 10);
    if (http_server_start(&f.server, &o, &e) != 0)
        fail_msg("%s", e.text);
    snprintf(f.url, sizeof(f.url), "http://%s", http_server_address(f.server));
    f.client = http_client_new(f.url, "secret");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    http_reply_clear(&f->reply);
    http_server_free(f->server);
    return 0;
}

static void calls(struct fixture *f, const struct http_call *call, int status, const char *body)
{
    struct err e = {0};
    if (http_client_call(f->client, call, &f->reply, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(f->reply.status, status);
    if (!span_is(buf_span(&f->reply.body), body))
        fail_msg("%.*s", SPAN_ARGS(buf_span(&f->reply.body)));
}

static void a_call_carries_token_headers_and_body(void **state)
{
    struct fixture *f = *state;
    static const char *const headers[] = {"X-Test: t", NULL};
    calls(f, &(struct http_call){.path = "/echo"}, 200, "GET|Bearer secret|||");
    calls(f,
          &(struct http_call){.method = "POST",
                              .path = "/echo?x=1",
                              .content_type = "application/json",
                              .body = SPAN_LITERAL("[]"),
                              .headers = headers},
          200, "POST|Bearer secret|application/json|t|[]");
    calls(f, &(struct http_call){.method = "POST", .path = "/echo", .body = SPAN_LITERAL("")}, 200,
          "POST|Bearer secret|||");
    calls(f, &(struct http_call){.method = "DELETE", .path = "/echo"}, 200,
          "DELETE|Bearer secret|||");
    calls(f, &(struct http_call){.method = "HEAD", .path = "/echo"}, 200, "");
    assert_int_equal(http_server_connections(f->server), 1); /* one connection for all */
}

static void reply_headers_are_found_by_their_whole_name(void **state)
{
    struct fixture *f = *state;
    calls(f, &(struct http_call){.path = "/echo"}, 200, "GET|Bearer secret|||");
    assert_true(span_is(http_reply_header(&f->reply, "X-One"), "1"));
    assert_true(span_is(http_reply_header(&f->reply, "x-one-more"), "2"));
    assert_true(span_absent(http_reply_header(&f->reply, "x-on")));
}

static void a_refusal_becomes_an_error_with_the_problems_detail(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    assert_int_equal(
        http_client_call(f->client, &(struct http_call){.path = "/nope"}, &f->reply, &e), 0);
    assert_int_equal(http_reply_check(&f->reply, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_string_equal(e.text, "there is no /nope here (status 404)");
    err_clear(&e);
    f->reply.status = 503;
    buf_reset(&f->reply.body);
    assert_int_equal(http_reply_check(&f->reply, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    f->reply.status = 204;
    assert_int_equal(http_reply_check(&f->reply, &e), 0);
}

static void no_answer_is_down_naming_the_url(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const struct http_call never = {.path = "/never", .timeout_ms = 50};
    assert_int_equal(http_client_call(f->client, &never, &f->reply, &e), -1);
    assert_int_equal(e.kind, ERR_DOWN);
    assert_non_null(strstr(e.text, f->url));
    http_server_stop(f->server);
    http_ticket_free(waiting);
    err_clear(&e);
    assert_int_equal(
        http_client_call(f->client, &(struct http_call){.path = "/echo"}, &f->reply, &e), -1);
    assert_int_equal(e.kind, ERR_DOWN);
    struct http_client *bad = http_client_new("ftp://localhost", NULL);
    err_clear(&e);
    assert_int_equal(http_client_call(bad, &(struct http_call){.path = "/"}, &f->reply, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    http_client_free(bad);
}

static void an_answer_over_its_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct http_call call = {.path = "/large", .max_bytes = LARGE_BYTES};
    assert_int_equal(http_client_call(f->client, &call, &f->reply, &e), 0);
    assert_int_equal(f->reply.body.n, LARGE_BYTES);
    assert_memory_equal(f->reply.body.p, large, LARGE_BYTES);
    call.max_bytes = LARGE_BYTES - 1;
    assert_int_equal(http_client_call(f->client, &call, &f->reply, &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
}

static int on_piece(struct span piece, void *context)
{
    size_t *n = context;
    if (memcmp(piece.p, large + *n, piece.n) != 0)
        return 1;
    *n += piece.n;
    return 0;
}

static int on_first_piece(struct span piece, void *context)
{
    *(size_t *)context += piece.n;
    return 1;
}

static void a_body_can_come_in_pieces(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    calls(f,
          &(struct http_call){
              .path = "/large", .timeout_ms = -1, .on_bytes = on_piece, .context = &n},
          200, "");
    assert_int_equal(n, LARGE_BYTES);
    n = 0;
    calls(f, &(struct http_call){.path = "/large", .on_bytes = on_first_piece, .context = &n}, 200,
          "");
    assert_true(n > 0 && n < LARGE_BYTES);
    struct err e = {0};
    assert_int_equal(
        http_client_call(f->client,
                         &(struct http_call){.path = "/nope", .on_bytes = on_piece, .context = &n},
                         &f->reply, &e),
        0);
    assert_int_equal(f->reply.status, 404);
    assert_true(f->reply.body.n > 0); /* a problem is not a piece */
}

static void text_is_encoded_for_a_path(void **state)
{
    (void)state;
    struct buf out = {0};
    http_put_encoded(&out, SPAN_LITERAL("a/b c?&=%+\xc3\xa4-._~"));
    assert_true(span_is(buf_span(&out), "a%2Fb%20c%3F%26%3D%25%2B%C3%A4-._~"));
    buf_clear(&out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_call_carries_token_headers_and_body),
        T(reply_headers_are_found_by_their_whole_name),
        T(a_refusal_becomes_an_error_with_the_problems_detail),
        T(no_answer_is_down_naming_the_url),
        T(an_answer_over_its_limit_is_refused),
        T(a_body_can_come_in_pieces),
        cmocka_unit_test(text_is_encoded_for_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
