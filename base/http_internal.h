/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP layer share. Only they include h2o.
 *
 *   http_options.c  what can be configured
 *   http_server.c   start and stop, the listening socket, the loops' threads
 *   http_loop.c     a loop's turn: sockets, messages, timers, hooks
 *   http_timer.c    its timers        http_watch.c  its foreign file descriptors
 *   http_conn.c     accepting, the cap, the cut
 *   http_linger.c   closing while the client still sends
 *   http_dispatch.c from h2o's request to a handler, and h2o's own errors
 *   http_route.c    matching paths    http_request.c reading requests
 *   http_answer.c   answers, tickets  http_gone.c    clients that leave while they wait
 *   http_stream.c   answers that go on
 *   http_problem.c  problems and their catalogue
 */
#ifndef BASE_HTTP_INTERNAL_H
#define BASE_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <h2o.h>
#include <h2o/http1.h>

#include "base/address.h"
#include "base/http.h"
#include "base/query.h"

#if H2O_USE_LIBUV
#error "build with H2O_USE_LIBUV=0: the layout of h2o's structs depends on it"
#endif

enum { HTTP_MAX_SEGMENTS = 12, HTTP_MAX_PATH_PARAMS = 4, HTTP_STATUS_SLOTS = 40 };

/* ------------------------------------------------------------------ routes */

struct http_path_text { /* a path cut at its slashes */
    struct span whole;
    struct span segments[HTTP_MAX_SEGMENTS];
    unsigned n_segments;
};

struct http_route_entry {
    const struct http_route *route;
    struct http_path_text pattern; /* "{name}" segments keep their braces */
    bool literal;                  /* no parameter */
};

/* Compiled once, literal entries first; read by all loops. */
struct http_routes {
    struct http_route_entry *entries;
    size_t n;
};

struct http_match {
    const struct http_route_entry *entry; /* NULL: none for this path and method */
    bool path_known;                      /* some method has this path */
};

int http_routes_compile(struct http_routes *out, const struct http_route *routes, size_t n,
                        struct err *e) MUST_CHECK;
void http_routes_clear(struct http_routes *r);
struct http_match http_routes_match(const struct http_routes *routes,
                                    const struct http_path_text *path, struct span method);
/* "GET, HEAD, OPTIONS" for a path into out; only cors routes' methods if so asked. */
enum http_allow_what { ALLOW_ALL, ALLOW_CORS };
size_t http_routes_allow(const struct http_routes *routes, const struct http_path_text *path,
                         enum http_allow_what what, char out[128]);
/* Cuts a raw path; ERR_INPUT if an encoding is broken. decoded: room for whole.n bytes. */
int http_path_cut(struct http_path_text *out, struct span raw, char *decoded,
                  struct err *e) MUST_CHECK;
struct span http_route_param_name(const struct http_route_entry *e, unsigned segment);

/* ------------------------------------------------------------------ connections, requests */

struct http_request {
    h2o_req_t *req;
    struct http_conn *conn;
    const struct http_route_entry *entry; /* NULL: none matched */
    struct http_path_text path;
    struct query query; /* parsed when first asked for */
    struct err *query_error;
    struct span client;
    struct http_identity identity;
    bool answered;
};

/* Lives as long as its socket; serves one request at a time (HTTP/1.1). */
struct http_conn {
    h2o_linklist_t link; /* in the loop's list */
    struct http_loop *loop;
    h2o_socket_t *sock;
    int linger_fd;              /* outlives sock; -1: none */
    struct http_ticket *ticket; /* the current request's, while it waits */
    struct http_stream *stream; /* its answer, while it goes on */
    struct http_request request;
};

struct http_ticket {
    struct http_loop *loop;
    struct http_request *request; /* NULL: answered or gone */
    void (*on_gone)(void *context);
    void *context;
    struct http_timer *look; /* for a client that leaves; NULL: nobody wants to know */
};

/* ------------------------------------------------------------------ loops */

struct http_hook {
    void (*on_end)(void *context);
    void *context;
};

struct http_timers { /* a heap by deadline */
    struct http_timer **heap;
    size_t n, cap;
};

struct http_inbox {
    pthread_mutex_t mutex;
    struct http_message *first, *last; /* guarded by mutex */
    int wake_fd;                       /* an eventfd, owned by watch while the loop runs */
    bool open;                         /* guarded by mutex: the loop runs */
    struct http_watch *watch;
};

struct http_loop {
    struct http_server *server;
    unsigned index;
    pthread_t thread; /* set by the thread itself, for assertions */
    pthread_t joinable;
    h2o_context_t h2o;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener; /* NULL when closed */
    struct http_timer *accept_pause, *audit;
    size_t max_buffered; /* bytes of requests being received */
    h2o_linklist_t conns, lingering;
    unsigned n_lingering;
    unsigned max_conns;
    _Atomic unsigned n_conns;
    unsigned n_tickets;
    struct http_inbox inbox;
    struct http_timers timers;
    struct http_hook hooks[HTTP_MAX_TURN_HOOKS];
    unsigned n_hooks;
    struct http_message stop;
    bool draining;            /* stopping: answers close their connections */
    bool cut;                 /* past the deadline: nothing is served any more */
    _Atomic uint64_t *counts; /* [route or none][status slot]: written by this loop alone */
};

struct http_server {
    struct http_options options; /* its texts are borrowed until start returns */
    struct http_routes routes;
    struct network_list trusted;
    h2o_globalconf_t config;
    int listen_fd;
    _Atomic unsigned n_streams;
    char address[96];
    struct http_loop *loops;
    bool stopped;
    pthread_barrier_t ready;
};

static inline void http_assert_on_loop(const struct http_loop *l)
{
    assert(pthread_equal(pthread_self(), l->thread));
}

static inline struct http_conn *http_conn_of(h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

void http_loop_open(struct http_loop *l);  /* on its thread, before anything else */
void http_loop_turn(struct http_loop *l);  /* waits for something to do and does it */
void http_loop_close(struct http_loop *l); /* after the last connection */

void http_timers_clear(struct http_timers *t);
int http_timers_wait_ms(const struct http_timers *t); /* until the next; INT32_MAX: none */
void http_timers_fire(struct http_timers *t);

void http_conn_listen(struct http_loop *l, int fd); /* takes fd */
void http_conn_stop_listening(struct http_loop *l); /* after taking what is queued */
void http_conn_cut_all(struct http_loop *l);
void http_conn_end(struct http_loop *l); /* when none is left */

void http_linger_plan(struct http_conn *c); /* it will be closed before its request was read */
void http_linger_start(struct http_loop *l, int fd); /* takes fd */
void http_linger_end_all(struct http_loop *l);

void http_dispatch_register(struct http_server *s); /* into s->config */
void http_request_gone(struct http_conn *c);        /* answered, or the client left */

void http_gone_stop(struct http_ticket *t); /* nobody need look any more */

/* Status and headers, counted; the ticket is not needed any more. The body is the caller's. */
void http_answer_head(struct http_request *r, const struct http_answer *a);

void http_stream_gone(struct http_conn *c);    /* its request ends */
void http_stream_end_all(struct http_loop *l); /* for a stop */
void http_stream_cut(struct http_conn *c);     /* past its deadline */

/* Counts an answer; entry NULL: no route. */
void http_count(struct http_loop *l, const struct http_route_entry *entry, int status);
int http_status_slot(int status);
int http_status_of_slot(int slot);
const char *http_status_reason(int status);

/* The JSON of a problem into out. */
struct buf;
void http_problem_put(struct buf *out, const struct http_problem *p, const char *detail);

#endif
