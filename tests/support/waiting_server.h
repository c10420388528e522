/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP server in the test's own process, with requests that wait until the test answers them
 * from its thread. Include it after cmocka, in one file of a program. */
#ifndef SUPPORT_WAITING_SERVER_H
#define SUPPORT_WAITING_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/http.h"
#include "base/mem.h"
#include "tests/support/wait.h"
#include "tests/support/wire.h"

enum { DEADLINE_MS = 20000, LARGE_BYTES = 16 << 20, LATER_BODY = 20000 };

#define GET_HELLO "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_WATCHED "GET /watched HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_LATER "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"

/* Requests that wait, for the test's thread to answer. */
struct waiting {
    pthread_mutex_t mutex;
    struct http_ticket *tickets[64];
    struct http_loop *loops[64];
    unsigned n;
    _Atomic unsigned gone; /* clients that have left /watched */
};

struct fixture {
    struct http_server *server;
    struct waiting waiting;
    struct http_options options;
    char *large;
};

static inline void on_hello(struct http_request *r, void *context)
{
    (void)context;
    http_send(r, &(struct http_answer){.status = 200, .body = SPAN_LITERAL("hello")});
}

static inline void keep_waiting(struct waiting *w, struct http_request *r,
                                struct http_ticket *ticket)
{
    pthread_mutex_lock(&w->mutex);
    w->loops[w->n] = http_loop_of(r);
    w->tickets[w->n++] = ticket;
    pthread_mutex_unlock(&w->mutex);
}

static inline void on_later(struct http_request *r, void *context)
{
    keep_waiting(&((struct fixture *)context)->waiting, r, http_defer(r));
}

static inline void on_gone(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->waiting.gone, 1);
}

static inline void on_watched(struct http_request *r, void *context)
{
    struct http_ticket *ticket = http_defer(r);
    http_ticket_on_gone(ticket, on_gone, context);
    keep_waiting(&((struct fixture *)context)->waiting, r, ticket);
}

static inline void on_large(struct http_request *r, void *context)
{
    struct fixture *f = context;
    http_send(r, &(struct http_answer){
                     .status = 200, .body = {f->large, LARGE_BYTES}, .owner = BODY_STATIC});
}

static struct fixture fixture;
static struct http_route routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = on_hello},
    {.method = "GET", .pattern = "/later", .handler = on_later, .context = &fixture},
    {.method = "GET", .pattern = "/watched", .handler = on_watched, .context = &fixture},
    {.method = "POST",
     .pattern = "/later",
     .handler = on_later,
     .context = &fixture,
     .max_body = LATER_BODY},
    {.method = "GET", .pattern = "/large", .handler = on_large, .context = &fixture},
    {.method = "POST", .pattern = "/large", .handler = on_hello, .max_body = 100000},
};

static inline int set_up(void **state)
{
    fixture = (struct fixture){.waiting.mutex = PTHREAD_MUTEX_INITIALIZER,
                               .options = {.listen = "127.0.0.1:0",
                                           .n_loops = 1,
                                           .max_connections = 100,
                                           .request_timeout_ms = DEADLINE_MS,
                                           .drain_timeout_ms = DEADLINE_MS,
                                           .routes = routes,
                                           .n_routes = sizeof(routes) / sizeof(routes[0])}};
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    http_server_free(f->server);
    free(f->large);
    return 0;
}

static inline const char *start(struct fixture *f)
{
    struct err e = {0};
    if (http_server_start(&f->server, &f->options, &e) != 0)
        fail_msg("%s", e.text);
    return http_server_address(f->server);
}

static inline bool some_wait(void *arg)
{
    struct fixture *f = &fixture;
    pthread_mutex_lock(&f->waiting.mutex);
    unsigned n = f->waiting.n;
    pthread_mutex_unlock(&f->waiting.mutex);
    return n == *(unsigned *)arg;
}

static inline void wait_for_waiting(unsigned n)
{
    wait_until(DEADLINE_MS, "requests to wait", some_wait, &n);
}

static inline bool has_connections(void *arg)
{
    return http_server_connections(fixture.server) == *(unsigned *)arg;
}

static inline void wait_for_connections(unsigned n)
{
    wait_until(DEADLINE_MS, "the number of connections", has_connections, &n);
}

struct reply {
    struct http_message message;
    struct http_ticket *ticket;
    _Atomic bool *was_gone; /* or NULL */
};

/* The end of the body, or "later". */
static inline struct span echo_of(struct http_request *r)
{
    struct span body = http_body(r);
    return body.n < 5 ? SPAN_LITERAL("later") : (struct span){body.p + body.n - 5, 5};
}

static inline void on_reply(struct http_message *m)
{
    struct reply *reply = (struct reply *)m;
    struct http_request *r = http_ticket_request(reply->ticket);
    if (reply->was_gone != NULL)
        atomic_store(reply->was_gone, r == NULL);
    if (r != NULL)
        http_send(r, &(struct http_answer){.status = 202, .body = echo_of(r), .owner = BODY_COPY});
    assert_null(http_ticket_request(reply->ticket));
    http_ticket_free(reply->ticket);
    free(reply);
}

/* Answers the first one that waits, from this thread. */
static inline void answer_one(struct fixture *f, _Atomic bool *was_gone)
{
    struct waiting *w = &f->waiting;
    struct reply *reply = mem_alloc(sizeof(*reply));
    pthread_mutex_lock(&w->mutex);
    *reply = (struct reply){
        .message.on_arrive = on_reply, .ticket = w->tickets[0], .was_gone = was_gone};
    struct http_loop *loop = w->loops[0];
    w->n--;
    memmove(w->tickets, w->tickets + 1, w->n * sizeof(w->tickets[0]));
    memmove(w->loops, w->loops + 1, w->n * sizeof(w->loops[0]));
    pthread_mutex_unlock(&w->mutex);
    http_post(loop, &reply->message);
}

static inline void says(int fd, int status, const char *body)
{
    struct wire_answer a = wire_read(fd, "GET");
    assert_int_equal(a.status, status);
    assert_string_equal(a.body, body);
}

#endif
