/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, now (http_send) or later (tickets).
 *
 * While a request waits, h2o wants nothing from its socket and would take it out of epoll and put
 * it back for every deferred answer. Instead the socket stays registered, with reading turned off
 * (the request's bytes must not move): only if something does arrive, pipelined bytes or the end,
 * it is taken out, and h2o looks at it after the answer. */
#include "base/http_internal.h"

#include <stdlib.h>

#include "base/mem.h"

static const struct status {
    int status;
    const char *reason;
} statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {0, "Status"}, /* any other */
};
enum { N_STATUSES = sizeof(statuses) / sizeof(statuses[0]) };
_Static_assert((int)N_STATUSES <= (int)HTTP_STATUS_SLOTS, "a counter for each");

int http_status_slot(int status)
{
    int slot = 0;
    while (statuses[slot].status != status && slot < N_STATUSES - 1)
        slot++;
    return slot;
}

int http_status_of_slot(int slot)
{
    return slot < N_STATUSES ? statuses[slot].status : 0;
}

const char *http_status_reason(int status)
{
    return statuses[http_status_slot(status)].reason;
}

enum { MAX_HEADERS = sizeof(((struct http_answer *)0)->headers) / sizeof(struct http_header_line) };

static char *copy_to_pool(h2o_req_t *req, struct span s)
{
    char *copy = h2o_mem_alloc_pool(&req->pool, s.n == 0 ? 1 : s.n);
    if (s.n != 0)
        memcpy(copy, s.p, s.n);
    return copy;
}

static void add_header(h2o_req_t *req, const char *name, struct span value)
{
    char *copy = copy_to_pool(req, value);
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
            copy[i] = ' '; /* no answer is split by what a client sent */
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, copy,
                          value.n);
}

static bool has_header(const struct http_answer *a, const char *name)
{
    for (size_t i = 0; i < MAX_HEADERS && a->headers[i].name != NULL; i++)
        if (strcmp(a->headers[i].name, name) == 0)
            return true;
    return false;
}

/* Ingest answers, which anyone may read, go without. */
static void add_guards(struct http_request *r, const struct http_answer *a)
{
    h2o_req_t *req = r->req;
    if (a->content_type != NULL && !has_header(a, "x-content-type-options"))
        add_header(req, "x-content-type-options", SPAN_LITERAL("nosniff"));
    if (r->identity.token_id != 0 && !has_header(a, "cache-control"))
        add_header(req, "cache-control", SPAN_LITERAL("no-store"));
}

static void add_headers(struct http_request *r, const struct http_answer *a)
{
    h2o_req_t *req = r->req;
    if (a->content_type != NULL)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, a->content_type,
                       strlen(a->content_type));
    if (r->entry != NULL && r->entry->route->cors)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_ACCESS_CONTROL_ALLOW_ORIGIN, NULL,
                       H2O_STRLIT("*"));
    else
        add_guards(r, a);
    for (size_t i = 0; i < MAX_HEADERS && a->headers[i].name != NULL; i++)
        add_header(req, a->headers[i].name, a->headers[i].value);
}

void http_count(struct http_loop *l, const struct http_route_entry *entry, int status)
{
    const struct http_routes *routes = &l->server->routes;
    size_t route = entry == NULL ? routes->n : (size_t)(entry - routes->entries);
    _Atomic uint64_t *count =
        &l->counts[route * HTTP_STATUS_SLOTS + (size_t)http_status_slot(status)];
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed); /* this loop alone writes */
    atomic_store_explicit(count, now + 1, memory_order_relaxed);
}

/* The request needs its ticket no more. */
static void detach_ticket(struct http_conn *c)
{
    if (c->ticket == NULL)
        return;
    http_gone_stop(c->ticket);
    c->ticket->request = NULL;
    c->ticket = NULL;
}

void http_answer_head(struct http_request *r, const struct http_answer *a)
{
    h2o_req_t *req = r->req;
    struct http_loop *l = r->conn->loop;
    http_assert_on_loop(l);
    assert(!r->answered);
    r->answered = true;
    http_count(l, r->entry, a->status);
    detach_ticket(r->conn);
    req->res.status = a->status;
    req->res.reason = http_status_reason(a->status);
    if (l->draining)
        req->http1_is_persistent = 0;
    add_headers(r, a);
}

void http_send(struct http_request *r, const struct http_answer *a)
{
    static h2o_generator_t
        whole_answer; /* its callbacks are all NULL: everything is sent at once */
    h2o_req_t *req = r->req;
    http_answer_head(r, a);
    bool has_length = a->status != 204 && a->status != 304;
    bool has_body = has_length && a->body.n != 0 &&
                    !h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
    if (has_length)
        req->res.content_length = a->body.n; /* without it h2o closes the connection */
    h2o_iovec_t body = {(char *)(uintptr_t)a->body.p, a->body.n};
    if (has_body && a->owner == BODY_COPY)
        body.base = copy_to_pool(req, a->body);
    h2o_start_response(req, &whole_answer);
    h2o_send(req, &body, has_body ? 1 : 0, H2O_SEND_STATE_FINAL);
}

/* ------------------------------------------------------------------ later */

static void on_early_bytes(h2o_socket_t *sock, const char *err)
{
    (void)err;
    h2o_socket_read_stop(sock); /* h2o reads them after the answer */
}

struct http_ticket *http_defer(struct http_request *r)
{
    struct http_conn *c = r->conn;
    http_assert_on_loop(c->loop);
    assert(!r->answered && c->ticket == NULL);
    c->ticket = mem_alloc(sizeof(*c->ticket));
    *c->ticket = (struct http_ticket){.loop = c->loop, .request = r};
    c->loop->n_tickets++;
    h2o_socket_dont_read(c->sock, 1);
    h2o_socket_read_start(c->sock, on_early_bytes);
    return c->ticket;
}

struct http_request *http_ticket_request(struct http_ticket *t)
{
    http_assert_on_loop(t->loop);
    return t->request;
}

void http_ticket_free(struct http_ticket *t)
{
    if (t == NULL)
        return;
    assert(pthread_equal(pthread_self(), t->loop->thread) || !t->loop->inbox.open);
    assert(t->request == NULL); /* freed without an answer: the client would wait for ever */
    t->loop->n_tickets--;
    free(t);
}

void http_request_gone(struct http_conn *c)
{
    if (c->ticket != NULL && c->ticket->look != NULL)
        c->ticket->on_gone(c->ticket->context);
    detach_ticket(c);
    http_stream_gone(c);
    h2o_socket_dont_read(c->sock, 0);
    c->request.req = NULL;
}
