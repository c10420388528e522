/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that go on: server-sent events.
 *
 *   write -> pending -> sending (h2o's until it proceeds) -> the socket
 *
 * h2o takes nothing while it still sends, so what is written meanwhile is kept, up to a limit. It
 * does not read the socket of a request that is being answered, either: we watch it, to be told
 * when the client leaves. The end of a connection is h2o's business: its socket is shut down and
 * written to, and h2o finds it broken. A stream is the last answer of its connection, so that
 * requests behind it are never looked at. */
#include "base/http_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"

struct http_stream {
    h2o_generator_t generator; /* first: h2o gives it back */
    struct http_conn *conn;
    void (*on_gone)(void *context); /* NULL: nobody wants to know any more */
    void *context;
    struct buf pending, sending;
    bool in_flight;   /* h2o has `sending` */
    bool ending;      /* after what is pending */
    bool left;        /* the client: nothing is of use any more */
    bool early_bytes; /* the client has sent something: its leaving cannot be watched for */
};

static bool has_left(const struct http_stream *s)
{
    struct pollfd fd = {.fd = h2o_socket_get_fd(s->conn->sock), .events = POLLRDHUP};
    return poll(&fd, 1, 0) == 1;
}

static void send_now(struct http_stream *s)
{
    h2o_iovec_t bytes = {(char *)s->sending.p, s->sending.n};
    s->in_flight = true;
    h2o_send(s->conn->request.req, &bytes, 1, H2O_SEND_STATE_IN_PROGRESS);
}

/* What is being sent fails, else a byte does that is sent for it. */
static void leave(struct http_stream *s)
{
    s->left = true;
    shutdown(h2o_socket_get_fd(s->conn->sock), SHUT_RDWR);
    if (s->in_flight)
        return;
    buf_reset(&s->sending);
    buf_put_byte(&s->sending, '\n');
    send_now(s);
}

static void flush(struct http_stream *s)
{
    if (s->in_flight || s->left)
        return;
    if (s->early_bytes && has_left(s)) {
        leave(s);
    } else if (s->pending.n != 0) {
        struct buf sent = s->sending;
        s->sending = s->pending;
        s->pending = sent;
        buf_reset(&s->pending);
        send_now(s);
    } else if (s->ending) {
        s->in_flight = true; /* and s is not touched after this: it may be gone */
        h2o_send(s->conn->request.req, NULL, 0, H2O_SEND_STATE_FINAL);
    }
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    struct http_stream *s = (struct http_stream *)generator;
    (void)req;
    s->in_flight = false;
    if (s->left)
        leave(s); /* the kernel had taken it before the socket was shut down: it did not fail */
    else
        flush(s);
}

static void on_readable(h2o_socket_t *sock, const char *err)
{
    struct http_conn *c = sock->on_close.data;
    (void)err;
    h2o_socket_read_stop(sock); /* it stays readable */
    if (c->stream == NULL || c->stream->left)
        return;
    if (has_left(c->stream))
        leave(c->stream);
    else
        c->stream->early_bytes = true;
}

/* ------------------------------------------------------------------ begin */

/* False: it is answered. */
static bool may_begin(struct http_request *r, const struct http_answer *head)
{
    struct http_server *server = r->conn->loop->server;
    if (r->conn->loop->draining) {
        http_send_problem(r, &(struct http_problem){.slug = "not-ready", .retry_after_s = 2},
                          "the service is stopping");
        return false;
    }
    if (h2o_memis(r->req->method.base, r->req->method.len, H2O_STRLIT("HEAD"))) {
        http_send(r, head);
        return false;
    }
    if (atomic_fetch_add(&server->n_streams, 1) < server->options.max_streams)
        return true;
    atomic_fetch_sub(&server->n_streams, 1);
    http_send_problem(r, &(struct http_problem){.slug = "busy", .retry_after_s = 5},
                      "%u streams are open; no more are kept", server->options.max_streams);
    return false;
}

struct http_stream *http_stream_begin(struct http_request *r, const struct http_answer *head,
                                      void (*on_gone)(void *context), void *context)
{
    struct http_conn *c = r->conn;
    http_assert_on_loop(c->loop);
    assert(!r->answered && head->body.n != 0); /* h2o sends no head without a body */
    if (!may_begin(r, head))
        return NULL;
    struct http_stream *s = mem_alloc(sizeof(*s));
    *s = (struct http_stream){.generator = {.proceed = on_proceed},
                              .conn = c,
                              .on_gone = on_gone,
                              .context = context,
                              .pending.max = HTTP_STREAM_MAX_PENDING};
    s->sending.max = s->pending.max;
    c->stream = s;
    http_answer_head(r, head);
    r->req->http1_is_persistent = 0;
    h2o_start_response(r->req, &s->generator);
    h2o_socket_dont_read(c->sock, 1);
    h2o_socket_read_start(c->sock, on_readable);
    buf_put_span(&s->pending, head->body);
    flush(s);
    return s;
}

/* ------------------------------------------------------------------ while it lasts */

bool http_stream_write(struct http_stream *s, struct span bytes)
{
    http_assert_on_loop(s->conn->loop);
    assert(!s->ending);
    if (s->left)
        return true;
    if (s->pending.n + bytes.n > HTTP_STREAM_MAX_PENDING)
        return false;
    buf_put_span(&s->pending, bytes);
    flush(s);
    return true;
}

bool http_stream_idle(const struct http_stream *s)
{
    http_assert_on_loop(s->conn->loop);
    return !s->in_flight && s->pending.n == 0;
}

void http_stream_end(struct http_stream *s)
{
    http_assert_on_loop(s->conn->loop);
    s->on_gone = NULL;
    s->ending = true;
    flush(s);
}

/* ------------------------------------------------------------------ the layer's */

static void tell(struct http_stream *s)
{
    void (*on_gone)(void *context) = s->on_gone;
    s->on_gone = NULL;
    if (on_gone != NULL)
        on_gone(s->context);
}

void http_stream_gone(struct http_conn *c)
{
    struct http_stream *s = c->stream;
    if (s == NULL)
        return;
    tell(s);
    c->stream = NULL;
    atomic_fetch_sub(&c->loop->server->n_streams, 1);
    buf_clear(&s->pending);
    buf_clear(&s->sending);
    free(s);
}

void http_stream_end_all(struct http_loop *l)
{
    for (h2o_linklist_t *n = l->conns.next, *next; n != &l->conns; n = next) {
        struct http_conn *c = H2O_STRUCT_FROM_MEMBER(struct http_conn, link, n);
        next = n->next; /* without bytes to send the connection ends at once (HTTP/1.0) */
        if (c->stream == NULL || c->stream->ending)
            continue;
        tell(c->stream);
        http_stream_end(c->stream);
    }
}

void http_stream_cut(struct http_conn *c)
{
    if (c->stream != NULL && !c->stream->left)
        leave(c->stream);
}

unsigned http_stream_most(const struct http_request *r)
{
    return r->conn->loop->server->options.max_streams;
}

unsigned http_server_streams(const struct http_server *s)
{
    return atomic_load(&s->n_streams);
}
