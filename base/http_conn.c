/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: accepting within the cap, pausing when descriptors run out, cutting the slowest when
 * too much is being received and all at a stop's deadline. All loops accept from one socket; a loop
 * that is full leaves it to the others. */
#include "base/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "base/mem.h"

enum { ACCEPTS_PER_TURN = 16, PAUSE_MS = 100, AUDIT_MS = 200 };

static void on_acceptable(h2o_socket_t *listener, const char *err);

static unsigned count_of(const struct http_loop *l)
{
    return atomic_load_explicit(&l->n_conns, memory_order_relaxed);
}

static void set_count(struct http_loop *l, unsigned to)
{
    atomic_store_explicit(&l->n_conns, to, memory_order_relaxed); /* this loop alone writes */
}

static void resume(void *context)
{
    struct http_loop *l = context;
    if (l->listener != NULL && !h2o_socket_is_reading(l->listener) && count_of(l) < l->max_conns)
        h2o_socket_read_start(l->listener, on_acceptable);
}

static void on_closed(void *data)
{
    struct http_conn *c = data;
    struct http_loop *l = c->loop;
    h2o_linklist_unlink(&c->link);
    if (c->linger_fd >= 0)
        http_linger_start(l, c->linger_fd);
    free(c);
    set_count(l, count_of(l) - 1);
    resume(l);
}

static void adopt(struct http_loop *l, h2o_socket_t *sock)
{
    struct http_conn *c = mem_alloc(sizeof(*c));
    c->loop = l;
    c->sock = sock;
    c->linger_fd = -1;
    h2o_linklist_insert(&l->conns, &c->link);
    set_count(l, count_of(l) + 1);
    sock->on_close.cb = on_closed;
    sock->on_close.data = c;
    if (count_of(l) == 1)
        http_timer_start(l->audit, AUDIT_MS);
    h2o_accept(&l->accept, sock);
}

/* The listening socket stays readable, so without the pause the loop would spin. */
static void pause_accepting(struct http_loop *l)
{
    diag(DIAG_WARNING, "http", "cannot accept a connection (%s): raise the limit of open files",
         strerror(errno));
    h2o_socket_read_stop(l->listener);
    http_timer_start(l->accept_pause, PAUSE_MS);
}

/* Up to most connections; false when there may be more. */
static bool accept_some(struct http_loop *l, unsigned most)
{
    while (most-- > 0) {
        if (count_of(l) >= l->max_conns) {
            h2o_socket_read_stop(l->listener);
            return true;
        }
        h2o_socket_t *sock = h2o_evloop_socket_accept(l->listener);
        if (sock == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(l);
            return true;
        }
        adopt(l, sock);
    }
    return false;
}

static void on_acceptable(h2o_socket_t *listener, const char *err)
{
    (void)err; /* h2o does not read from it */
    accept_some(listener->data, ACCEPTS_PER_TURN);
}

/* ------------------------------------------------------------------ bytes held */

static size_t held_by(const struct http_conn *c)
{
    const h2o_buffer_t *input = c->sock->input;
    return input->bytes == NULL ? 0 : input->capacity; /* no bytes: h2o's empty prototype */
}

/* h2o bounds each request, not all together. Oldest first: a slow sender is an old one. */
static void audit(void *context)
{
    struct http_loop *l = context;
    size_t held = 0;
    for (h2o_linklist_t *n = l->conns.next; n != &l->conns; n = n->next)
        held += held_by(H2O_STRUCT_FROM_MEMBER(struct http_conn, link, n));
    for (h2o_linklist_t *n = l->conns.next; n != &l->conns && held > l->max_buffered; n = n->next) {
        struct http_conn *c = H2O_STRUCT_FROM_MEMBER(struct http_conn, link, n);
        if (c->request.req != NULL || held_by(c) == 0)
            continue; /* received whole: it is being answered */
        held -= held_by(c);
        shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
    }
    if (count_of(l) != 0)
        http_timer_start(l->audit, AUDIT_MS);
}

/* ------------------------------------------------------------------ listening */

void http_conn_listen(struct http_loop *l, int fd)
{
    l->audit = http_timer_new(l, audit, l);
    l->accept_pause = http_timer_new(l, resume, l);
    l->listener = h2o_evloop_socket_create(l->h2o.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    l->listener->data = l;
    h2o_socket_read_start(l->listener, on_acceptable);
}

void http_conn_stop_listening(struct http_loop *l)
{
    while (!accept_some(l, ACCEPTS_PER_TURN)) {
    } /* who connected before the stop is served */
    http_timer_free(l->accept_pause);
    h2o_socket_close(l->listener);
    l->listener = NULL;
}

/* A shut down socket ends its connection by itself where h2o reads or writes it; a waiting request
 * must be answered, into the void, to have its end noticed, and a stream written to. */
static void cut(struct http_conn *c)
{
    struct http_ticket *waiting = c->ticket;
    shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
    if (waiting != NULL)
        http_send(waiting->request, &(struct http_answer){.status = 503});
    http_stream_cut(c);
}

void http_conn_end(struct http_loop *l)
{
    assert(h2o_linklist_is_empty(&l->conns));
    http_linger_end_all(l);
    http_timer_free(l->audit);
}

void http_conn_cut_all(struct http_loop *l)
{
    l->cut = true;
    for (h2o_linklist_t *n = l->conns.next; n != &l->conns; n = n->next)
        cut(H2O_STRUCT_FROM_MEMBER(struct http_conn, link, n));
}
