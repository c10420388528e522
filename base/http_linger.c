/* SPDX-License-Identifier: Apache-2.0 */
/* Closing a connection whose client still sends: to close at once would reset it, and the reset may
 * overtake the answer (a 413 before the body) at the client. So a second descriptor of the socket
 * outlives h2o's: it ends our side, reads what comes into the void, and is closed when the client
 * has ended its side, or has had its time or bytes. */
#include "base/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { MAX_LINGERING = 64, LINGER_MS = 5000, LINGER_BYTES = 64 << 20, READS_PER_TURN = 16 };

struct lingerer {
    h2o_linklist_t link; /* in the loop's list */
    struct http_loop *loop;
    struct http_watch *watch;
    struct http_timer *timer;
    int fd; /* the watch's */
    size_t left;
};

static void end(void *context)
{
    struct lingerer *g = context;
    h2o_linklist_unlink(&g->link);
    g->loop->n_lingering--;
    http_timer_free(g->timer);
    http_watch_free(g->watch);
    free(g);
}

static void on_readable(void *context)
{
    struct lingerer *g = context;
    char void_bytes[16384];
    for (int i = 0; i < READS_PER_TURN; i++) {
        ssize_t n = recv(g->fd, void_bytes, sizeof(void_bytes), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || (size_t)n >= g->left) {
            end(g);
            return;
        }
        g->left -= (size_t)n;
    }
}

void http_linger_plan(struct http_conn *c)
{
    if (c->linger_fd < 0 && c->loop->n_lingering < MAX_LINGERING)
        c->linger_fd = fcntl(h2o_socket_get_fd(c->sock), F_DUPFD_CLOEXEC, 0);
}

void http_linger_start(struct http_loop *l, int fd)
{
    struct lingerer *g = mem_alloc(sizeof(*g));
    shutdown(fd, SHUT_WR);
    *g = (struct lingerer){.loop = l, .fd = fd, .left = LINGER_BYTES};
    g->watch = http_watch_new(l, fd, on_readable, NULL, g);
    g->timer = http_timer_new(l, end, g);
    h2o_linklist_insert(&l->lingering, &g->link);
    l->n_lingering++;
    http_timer_start(g->timer, LINGER_MS);
    http_watch_read(g->watch, true);
}

void http_linger_end_all(struct http_loop *l)
{
    while (!h2o_linklist_is_empty(&l->lingering))
        end(H2O_STRUCT_FROM_MEMBER(struct lingerer, link, l->lingering.next));
}
