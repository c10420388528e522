/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP layer: requests in, answers out, over HTTP/1.1 on N event loops. The only place that
 * knows h2o (its version in Debian 12 is at the end of its life: the rest sees this header alone).
 *
 * Threads: a request lives on its loop; everything here is called on that loop unless it says
 * "any thread". Handlers never block. */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/span.h"

struct http_server;
struct http_loop;
struct http_request;

/* ------------------------------------------------------------------ routes */

enum http_scope { SCOPE_OPEN, SCOPE_INGEST, SCOPE_READ, SCOPE_ADMIN };

/* One parameter of a route, for OpenAPI. */
struct http_param_doc {
    const char *name;
    const char *in;     /* "query", "path", "header" */
    const char *schema; /* a JSON schema */
    const char *about;
};

struct http_answer_doc {
    int status;
    const char *content_type; /* NULL: no body */
    const char *about;
    const char *schema; /* a JSON schema, or NULL */
};

typedef void http_handler(struct http_request *r, void *context);

/* The routes table is the one source of dispatch, of authorization and of OpenAPI. Literal patterns
 * win over ones with {parameters}; a parameter is one non-empty segment, percent-decoded (so "%2F"
 * can be in it). OPTIONS, 404, 405 and 413 are answered here. */
struct http_route {
    const char *method;  /* "GET" (answers HEAD too), "POST", "DELETE" */
    const char *pattern; /* "/v1/views/{name}/rows" */
    enum http_scope scope;
    http_handler *handler;
    void *context;
    bool cors;             /* for any origin: preflights, and access-control-allow-origin: * */
    size_t max_body;       /* bytes on the wire; 0: no body is accepted */
    const char *operation; /* operationId */
    const char *summary;
    const struct http_param_doc *params;   /* ended by name == NULL; may be NULL */
    const struct http_answer_doc *answers; /* ended by status == 0 */
    const char *request_types; /* OpenAPI "content" object of the request body as JSON; or NULL */
};

/* ------------------------------------------------------------------ the request */

struct span http_method(const struct http_request *r);
struct span http_path(const struct http_request *r);  /* decoded and normalized */
struct span http_query(const struct http_request *r); /* raw, without "?"; absent if none */
struct span http_body(const struct http_request *r);  /* as sent; stable until answered */
/* The first header of that name, or absent. content-length, transfer-encoding, expect and upgrade
 * are consumed by this layer and always absent. */
struct span http_header(const struct http_request *r, const char *lower_case_name);
/* The n-th (from 0) of that name, or absent; of host there is one. */
struct span http_header_at(const struct http_request *r, const char *lower_case_name, unsigned n);
struct span http_path_param(const struct http_request *r, const char *name);
/* The n-th (from 0) query parameter of that name, percent-decoded, in the request's memory; absent
 * when there is none. *e: ERR_INPUT when the query's encoding is broken anywhere, it is not UTF-8
 * or has more than QUERY_MAX_PARAMS parameters. */
struct span http_param(struct http_request *r, const char *name, unsigned n, struct err *e);
/* Walks all parameters in order: false at the end. */
bool http_param_at(struct http_request *r, unsigned i, struct span *name, struct span *value,
                   struct err *e);
/* The client's address as text (IPv4-mapped IPv6 as IPv4): the peer's, or behind trusted proxies
 * the right-most address of X-Forwarded-For that is not one of them. */
struct span http_client(struct http_request *r);
const struct http_route *http_route_of(const struct http_request *r);
struct http_loop *http_loop_of(const struct http_request *r);
void *http_alloc(struct http_request *r, size_t n); /* zeroed, freed with the request */

/* Whose keys, sources and event ids a request's are: an ingest token's id is its scope; admin
 * tokens share one, and so do requests without a token: nobody's cannot answer for an admin's. */
enum { HTTP_SCOPE_ID_NOBODY = -1, HTTP_SCOPE_ID_ADMIN = 0 };

/* What the authorizer found out; kept for the handler. Nobody's, until it says otherwise. */
struct http_identity {
    int64_t token_id;      /* 0: none */
    int64_t scope_id;      /* of keys, sources and event ids */
    enum http_scope scope; /* SCOPE_OPEN without a token */
    struct span site;      /* the token's only site; absent: any */
};
struct http_identity *http_identity_of(struct http_request *r);

/* ------------------------------------------------------------------ answers */

struct http_header_line {
    const char *name;  /* lower case, static */
    struct span value; /* copied; control characters become spaces */
};

enum http_body_owner {
    BODY_COPY,
    BODY_STATIC
}; /* STATIC: outlives the answer (http_alloc's too) */

struct http_answer {
    int status;
    const char *content_type; /* NULL: none */
    struct span body;
    enum http_body_owner owner;
    struct http_header_line headers[12]; /* ended by name == NULL */
};

/* Answers and ends the request: do not touch r afterwards. Content-Length, Date and Connection are
 * added, and for all but cors routes, unless set, x-content-type-options: nosniff and, of who was
 * identified, cache-control: no-store; a body is left out for HEAD, 204 and 304. */
void http_send(struct http_request *r, const struct http_answer *a);

/* RFC 9457 problem+json: {"type": "https://footfall.dev/problems/SLUG", "title", "status",
 * "detail", "field"}. Only slug is needed: status and title default to the catalogue's. 401 adds
 * WWW-Authenticate: Bearer. */
struct http_problem {
    int status;
    const char *slug;
    const char *title;
    const char *field;              /* the parameter or member at fault; or NULL */
    int retry_after_s;              /* > 0 adds Retry-After */
    struct span members;            /* more JSON members ("\"position\": 12"), or absent */
    struct http_header_line header; /* one more header; name NULL: none */
};

/* The catalogue of problem types: README's is checked against it. Ended by slug == NULL. */
#define HTTP_PROBLEM_TYPE "https://footfall.dev/problems/"
struct http_problem_doc {
    const char *slug;
    int status;
    const char *title;
    const char *about; /* what it means and what to do */
};
const struct http_problem_doc *http_problem_docs(void);
/* The documented problem of that slug, or NULL. */
const struct http_problem_doc *http_problem_find(const char *slug);
void http_send_problem(struct http_request *r, const struct http_problem *p, const char *format,
                       ...) PRINTF_LIKE(3, 4);
/* ERR_INPUT 400 bad-request, ERR_BUSY 503 busy and ERR_DOWN 503 unavailable with Retry-After,
 * ERR_DATA 500 internal (its text goes to the operator, not to the client). */
void http_send_error(struct http_request *r, const struct err *e);

/* Answering later: a handler that returns without an answer must have taken a ticket. It outlives
 * the request; the request may end first (the client left, or a stop's deadline cut it). One ticket
 * a request. While it is held the loop does not end, so free it even when the request has gone. */
struct http_ticket;
struct http_ticket *http_defer(struct http_request *r);
struct http_request *http_ticket_request(struct http_ticket *t); /* NULL: answered or gone */
void http_ticket_free(struct http_ticket *t);                    /* on the loop */
/* Calls on_gone on the loop, once, when the client has left, or ended its side of the connection,
 * before it was answered: within some 100 ms. For work that is then not worth doing; the ticket is
 * to be freed as ever. */
void http_ticket_on_gone(struct http_ticket *t, void (*on_gone)(void *context), void *context);

/* An answer that goes on, for server-sent events; the last one of its connection. head's body,
 * which must not be empty, goes out at once with it. Do not touch r afterwards. NULL: it was
 * answered otherwise (503 when too many streams are open or the server stops; HEAD), and on_gone is
 * not called. on_gone is called on the loop, once, when the client has left or the server stops:
 * the stream is not to be touched any more. */
enum { HTTP_STREAM_MAX_PENDING = 64 << 10 };
struct http_stream;
struct http_stream *http_stream_begin(struct http_request *r, const struct http_answer *head,
                                      void (*on_gone)(void *context), void *context);
/* Copies the bytes. False: nothing was taken, since more than HTTP_STREAM_MAX_PENDING would wait
 * for a client that reads slowly. One that reads nothing at all is cut by TCP_USER_TIMEOUT. */
bool http_stream_write(struct http_stream *s, struct span bytes) MUST_CHECK;
/* How many are kept at once, over all loops, where this one would be. */
unsigned http_stream_most(const struct http_request *r);
/* Whether the kernel has taken all that was written: for who has only the latest to tell. */
bool http_stream_idle(const struct http_stream *s);
/* After what waits. on_gone is not called; do not touch s afterwards. */
void http_stream_end(struct http_stream *s);

/* ------------------------------------------------------------------ loops */

/* A message to a loop: embed it, zeroed; on_arrive runs on the loop, in posting order, and may free
 * or post it again. Any thread may post until http_server_free; a message that comes after the loop
 * has ended is never delivered. One message can carry a batch of answers: a post costs a mutex, and
 * a wake-up only when the queue was empty. */
struct http_message {
    void *link[4]; /* the layer's */
    void (*on_arrive)(struct http_message *m);
};
void http_post(struct http_loop *l, struct http_message *m); /* any thread */

unsigned http_loop_index(const struct http_loop *l); /* 0 … n_loops - 1 */
int64_t http_loop_now_us(const struct http_loop *l); /* wall clock of this turn */

/* Runs on_end on the loop at the end of each turn, in order of registration (from on_loop_start,
 * HTTP_MAX_TURN_HOOKS at most). A turn serves all sockets that are ready, delivers the messages and
 * fires the timers; so what handlers and on_arrive collected since the last call is here to be
 * submitted as one batch. on_end may answer requests, post messages, start timers. It is called
 * after every turn, also one in which nothing happened, so it must be cheap then. */
enum { HTTP_MAX_TURN_HOOKS = 8 };
void http_on_turn_end(struct http_loop *l, void (*on_end)(void *context), void *context);

/* One-shot timers (monotonic clock). Starting a started one moves it. */
struct http_timer;
struct http_timer *http_timer_new(struct http_loop *l, void (*on_fire)(void *context),
                                  void *context);
void http_timer_start(struct http_timer *t, int64_t delay_ms);
void http_timer_stop(struct http_timer *t); /* idempotent */
void http_timer_free(struct http_timer *t);

/* A foreign file descriptor on the loop (hiredis). Takes ownership of fd. Reading stays on until
 * turned off; http_watch_write asks for one call of on_writable. Both may free the watch. */
struct http_watch;
struct http_watch *http_watch_new(struct http_loop *l, int fd, void (*on_readable)(void *),
                                  void (*on_writable)(void *), void *context);
void http_watch_read(struct http_watch *w, bool on);
void http_watch_write(struct http_watch *w);
void http_watch_free(struct http_watch *w); /* closes fd */

/* ------------------------------------------------------------------ the server */

enum { HTTP_MAX_BUFFERED_BYTES = 256 << 20, HTTP_MAX_STREAMS = 1000 };

/* http.loops, http.max_connections, http.request_timeout_ms, http.drain_timeout_ms. */
extern const struct option http_options[];

struct http_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0", ":8080" (any address); port 0: a free one */
    unsigned n_loops;
    unsigned max_connections;   /* over all loops; more wait in the kernel's queue */
    int64_t request_timeout_ms; /* header and body together; idle keep-alive too */
    int64_t drain_timeout_ms;   /* a graceful stop's limit */
    /* Bytes of requests being received, over all loops; past it the slowest of those are cut, so
     * that clients without a token cannot fill the memory. 0: HTTP_MAX_BUFFERED_BYTES. */
    size_t max_buffered_bytes;
    /* Streams over all loops. 0: HTTP_MAX_STREAMS, and no more than half the connections. */
    unsigned max_streams;
    const char *trusted_proxies; /* comma-separated CIDRs whose X-Forwarded-For counts; or NULL */
    const struct http_route *routes;
    size_t n_routes;
    /* Fills http_identity(r) and answers true, or answers the request (401, 403) and false. */
    bool (*authorize)(struct http_request *r, enum http_scope needed, void *context);
    /* On each loop's thread: before the first request, and after the last. */
    void (*on_loop_start)(struct http_loop *l, void *context);
    void (*on_loop_stop)(struct http_loop *l, void *context);
    void *context;
};

/* Fills in what the table above configures; http.loops 0: one for every two processors. */
void http_options_read(struct http_options *o, const struct config *c);

int http_server_start(struct http_server **out, const struct http_options *o,
                      struct err *e) MUST_CHECK;
const char *http_server_address(const struct http_server *s); /* "127.0.0.1:43210" */
/* Stops accepting, ends streams, answers what waits (until drain_timeout_ms, then connections are
 * cut), waits as long again for held tickets, ends the loops. Not from a loop. Idempotent. */
void http_server_stop(struct http_server *s);
void http_server_free(struct http_server *s); /* stops it first; s may be NULL */

/* Counters for /metrics: http requests by route and status. */
struct http_route_count {
    const struct http_route *route; /* NULL: none matched */
    int status;
    uint64_t count;
};
size_t http_server_counts(const struct http_server *s, struct http_route_count *out, size_t max);
unsigned http_server_connections(const struct http_server *s);
unsigned http_server_streams(const struct http_server *s); /* they are connections, too */

#endif
