/* SPDX-License-Identifier: Apache-2.0 */
/* From h2o's request to a route's handler. What h2o refuses itself (a body over the largest limit,
 * broken chunks, an unknown Expect) goes to its fallback path, where a filter turns its text into
 * problem+json. */
#include "base/http_internal.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static void send_no_route(struct http_request *r, bool path_known)
{
    if (!path_known) {
        struct span path = http_path(r);
        http_send_problem(r, &(struct http_problem){.slug = "not-found"}, "there is no %.*s here",
                          (int)(path.n < 200 ? path.n : 200), path.p);
        return;
    }
    char allow[128];
    size_t n = http_routes_allow(&r->conn->loop->server->routes, &r->path, ALLOW_ALL, allow);
    http_send_problem(
        r, &(struct http_problem){.slug = "method-not-allowed", .header = {"allow", {allow, n}}},
        "this takes %s", allow);
}

/* OPTIONS: what the path takes; for routes open to any origin, a preflight's answer. */
static void send_options(struct http_request *r)
{
    const struct http_routes *routes = &r->conn->loop->server->routes;
    char allow[128], cors[128];
    size_t n = http_routes_allow(routes, &r->path, ALLOW_ALL, allow);
    size_t n_cors = http_routes_allow(routes, &r->path, ALLOW_CORS, cors);
    struct http_answer a = {.status = 204, .headers = {{"allow", {allow, n}}}};
    struct span wanted = http_header(r, "access-control-request-headers");
    if (n_cors != 0) {
        a.headers[1] = (struct http_header_line){"access-control-allow-origin", SPAN_LITERAL("*")};
        a.headers[2] = (struct http_header_line){"access-control-allow-methods", {cors, n_cors}};
        a.headers[3] = (struct http_header_line){"access-control-max-age", SPAN_LITERAL("86400")};
        if (!span_absent(wanted) && wanted.n <= 1024)
            a.headers[4] = (struct http_header_line){"access-control-allow-headers", wanted};
    }
    http_send(r, &a);
}

static void send_too_large(struct http_request *r, size_t max)
{
    if (max == 0)
        http_send_problem(r, &(struct http_problem){.slug = "too-large"}, "this takes no body");
    else
        http_send_problem(r, &(struct http_problem){.slug = "too-large"},
                          "the body has %zu bytes, more than %zu: send it in parts", http_body(r).n,
                          max);
}

static void run_handler(struct http_request *r)
{
    const struct http_route *route = r->entry->route;
    const struct http_options *o = &r->conn->loop->server->options;
    if (http_body(r).n > route->max_body) {
        send_too_large(r, route->max_body);
        return;
    }
    if (o->authorize != NULL && !o->authorize(r, route->scope, o->context)) {
        assert(r->answered);
        return;
    }
    route->handler(r, route->context);
    assert(r->answered || r->conn->ticket != NULL);
}

static void dispatch(struct http_request *r)
{
    const h2o_req_t *req = r->req;
    const struct http_routes *routes = &r->conn->loop->server->routes;
    size_t n = req->query_at == SIZE_MAX ? req->path.len : req->query_at;
    struct span raw = {req->path.base, n};
    bool encoded = n != 0 && memchr(raw.p, '%', n) != NULL;
    struct err e = {0};
    if (http_path_cut(&r->path, raw, encoded ? http_alloc(r, n) : NULL, &e) != 0) {
        http_send_error(r, &e);
        return;
    }
    struct http_match m = http_routes_match(routes, &r->path, http_method(r));
    r->entry = m.entry;
    if (m.entry != NULL)
        run_handler(r);
    else if (m.path_known && span_is(http_method(r), "OPTIONS"))
        send_options(r);
    else
        send_no_route(r, m.path_known);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    struct http_conn *c = http_conn_of(req);
    c->request = (struct http_request){
        .req = req, .conn = c, .identity = {.scope_id = HTTP_SCOPE_ID_NOBODY}};
    if (c->loop->cut)
        http_send(&c->request,
                  &(struct http_answer){.status = 503}); /* pipelined, nobody reads it */
    else
        dispatch(&c->request);
    return 0;
}

static void on_request_end(h2o_logger_t *self, h2o_req_t *req)
{
    (void)self;
    http_request_gone(http_conn_of(req));
}

/* ------------------------------------------------------------------ h2o's own errors */

struct problem_stream {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static void send_problem_instead(h2o_ostream_t *super, h2o_req_t *req, h2o_iovec_t *bufs,
                                 size_t n_bufs, h2o_send_state_t state)
{
    (void)bufs;
    struct problem_stream *stream = H2O_STRUCT_FROM_MEMBER(struct problem_stream, super, super);
    h2o_ostream_send_next(super, req, &stream->body, n_bufs == 0 ? 0 : 1, state);
}

static const char *slug_of_status(int status)
{
    return status == 413 ? "too-large" : status == 417 ? "expectation-failed" : "bad-request";
}

static h2o_iovec_t problem_body(h2o_req_t *req)
{
    struct buf body = {.max = 2048};
    const struct http_problem p = {.slug = slug_of_status(req->res.status),
                                   .status = req->res.status};
    const char *detail = req->res.status == 413   ? "the body is over the limit: send it in parts"
                         : req->res.status == 417 ? "only Expect: 100-continue is understood"
                                                  : "the request is not well-formed HTTP";
    http_problem_put(&body, &p, detail);
    h2o_iovec_t copy = h2o_strdup(&req->pool, (const char *)body.p, body.n);
    buf_clear(&body);
    return copy;
}

static void on_setup_stream(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)self;
    struct http_conn *c = http_conn_of(req);
    if (c->request.req == NULL) { /* not one of our own answers */
        http_count(c->loop, NULL, req->res.status);
        http_linger_plan(c);
        struct problem_stream *stream = (void *)h2o_add_ostream(req, sizeof(*stream), slot);
        stream->super.do_send = send_problem_instead;
        stream->body = problem_body(req);
        slot = &stream->super.next;
        req->res.content_length = stream->body.len;
        h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                       H2O_STRLIT("application/problem+json"), 1);
    }
    h2o_setup_next_ostream(req, slot);
}

static void register_on(h2o_pathconf_t *path)
{
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_create_logger(path, sizeof(h2o_logger_t))->log_access = on_request_end;
}

void http_dispatch_register(struct http_server *s)
{
    h2o_hostconf_t *host =
        h2o_config_register_host(&s->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    register_on(h2o_config_register_path(host, "/", 0));
    register_on(&host->fallback_path);
    h2o_create_filter(&host->fallback_path, sizeof(h2o_filter_t))->on_setup_ostream =
        on_setup_stream;
}
