/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign file descriptors on a loop (hiredis, the inbox's eventfd): h2o only tells when they are
 * ready, reading and writing is their owner's. */
#include "base/http_internal.h"

#include <stdlib.h>

#include "base/mem.h"

struct http_watch {
    h2o_socket_t *sock;
    struct http_loop *loop;
    void (*on_readable)(void *context);
    void (*on_writable)(void *context);
    void *context;
};

static void on_read(h2o_socket_t *sock, const char *err)
{
    (void)err; /* none without reading */
    struct http_watch *w = sock->data;
    w->on_readable(w->context); /* may free w */
}

static void on_write(h2o_socket_t *sock, const char *err)
{
    (void)err;
    struct http_watch *w = sock->data;
    w->on_writable(w->context); /* may free w */
}

struct http_watch *http_watch_new(struct http_loop *l, int fd, void (*on_readable)(void *),
                                  void (*on_writable)(void *), void *context)
{
    http_assert_on_loop(l);
    struct http_watch *w = mem_alloc(sizeof(*w));
    *w = (struct http_watch){
        .sock = h2o_evloop_socket_create(l->h2o.loop, fd, H2O_SOCKET_FLAG_DONT_READ),
        .loop = l,
        .on_readable = on_readable,
        .on_writable = on_writable,
        .context = context,
    };
    w->sock->data = w;
    return w;
}

void http_watch_read(struct http_watch *w, bool on)
{
    http_assert_on_loop(w->loop);
    if (on == (bool)h2o_socket_is_reading(w->sock))
        return;
    if (on)
        h2o_socket_read_start(w->sock, on_read);
    else
        h2o_socket_read_stop(w->sock);
}

void http_watch_write(struct http_watch *w)
{
    http_assert_on_loop(w->loop);
    if (!h2o_socket_is_writing(w->sock)) /* h2o asserts that none is pending */
        h2o_socket_notify_write(w->sock, on_write);
}

void http_watch_free(struct http_watch *w)
{
    if (w == NULL)
        return;
    http_assert_on_loop(w->loop);
    h2o_socket_close(w->sock);
    free(w);
}
