/* SPDX-License-Identifier: Apache-2.0 */
/* A loop: one thread, one h2o event loop. A turn is: wait; serve the ready sockets and deliver the
 * messages (within h2o_evloop_run); fire the timers; run the hooks.
 *
 * Messages come through an inbox of our own: a list under a mutex and an eventfd, written under the
 * same mutex, so that a sender can never touch a queue that is being taken down (h2o's can). */
#include "base/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/mem.h"

static struct http_message *next_of(const struct http_message *m)
{
    return m->link[0];
}

void http_post(struct http_loop *l, struct http_message *m)
{
    struct http_inbox *inbox = &l->inbox;
    m->link[0] = NULL;
    pthread_mutex_lock(&inbox->mutex);
    bool was_empty = inbox->first == NULL;
    if (was_empty)
        inbox->first = m;
    else
        inbox->last->link[0] = m;
    inbox->last = m;
    if (was_empty && inbox->open) {
        uint64_t one = 1;
        ssize_t written = write(inbox->wake_fd, &one, sizeof(one));
        assert(written == sizeof(one)); /* its counter is read at every wake-up */
    }
    pthread_mutex_unlock(&inbox->mutex);
}

static struct http_message *take_all(struct http_inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    struct http_message *first = inbox->first;
    inbox->first = inbox->last = NULL;
    pthread_mutex_unlock(&inbox->mutex);
    return first;
}

static void deliver(struct http_loop *l)
{
    struct http_message *m = take_all(&l->inbox);
    while (m != NULL) {
        struct http_message *next = next_of(m); /* on_arrive may free m */
        m->on_arrive(m);
        m = next;
    }
}

static void on_wake(void *context)
{
    struct http_loop *l = context;
    uint64_t count;
    ssize_t n = read(l->inbox.wake_fd, &count, sizeof(count));
    (void)n; /* nothing to read: woken for nothing */
    deliver(l);
}

static void open_inbox(struct http_loop *l)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        diag(DIAG_ERROR, "http", "cannot make an eventfd: raise the limit of open files");
        abort();
    }
    l->inbox.watch = http_watch_new(l, fd, on_wake, NULL, l);
    http_watch_read(l->inbox.watch, true);
    pthread_mutex_lock(&l->inbox.mutex);
    l->inbox.wake_fd = fd;
    l->inbox.open = true;
    bool waiting = l->inbox.first != NULL;
    pthread_mutex_unlock(&l->inbox.mutex);
    if (waiting)
        deliver(l);
}

static void close_inbox(struct http_loop *l)
{
    pthread_mutex_lock(&l->inbox.mutex);
    l->inbox.open = false;
    pthread_mutex_unlock(&l->inbox.mutex);
    http_watch_free(l->inbox.watch);
}

void http_loop_open(struct http_loop *l)
{
    h2o_context_init(&l->h2o, h2o_evloop_create(), &l->server->config);
    h2o_linklist_init_anchor(&l->conns);
    h2o_linklist_init_anchor(&l->lingering);
    l->accept = (h2o_accept_ctx_t){.ctx = &l->h2o, .hosts = l->server->config.hosts};
    open_inbox(l);
}

/* What a hook or a timer wrote is only carried on (the next pipelined request read, a broken
 * connection closed) by the next run of the event loop, which must not wait then. */
static int32_t wait_ms(const struct http_loop *l)
{
    const h2o_evloop_t *loop = l->h2o.loop;
    if (loop->_pending_as_server != NULL || loop->_pending_as_client != NULL)
        return 0;
    return http_timers_wait_ms(&l->timers);
}

static void run_sockets(struct http_loop *l, int32_t max_wait_ms)
{
    if (h2o_evloop_run(l->h2o.loop, max_wait_ms) != 0 && errno != EINTR) {
        diag(DIAG_ERROR, "http", "the event loop failed: %s", strerror(errno));
        abort();
    }
}

void http_loop_turn(struct http_loop *l)
{
    run_sockets(l, wait_ms(l));
    http_timers_fire(&l->timers);
    for (unsigned i = 0; i < l->n_hooks; i++)
        l->hooks[i].on_end(l->hooks[i].context);
}

/* h2o 2.2.5 leaks the loop's epoll descriptor and the queue's memory; this is its private layout.
 */
struct epoll_loop {
    h2o_evloop_t super;
    int epoll_fd;
};

void http_loop_close(struct http_loop *l)
{
    h2o_loop_t *loop = l->h2o.loop;
    void *queue = l->h2o.queue;
    close_inbox(l);
    /* linked by h2o_context_request_shutdown, also without HTTP/2 */
    h2o_timeout_unlink(&l->h2o.http2._graceful_shutdown_timeout);
    h2o_context_dispose(&l->h2o);
    run_sockets(l, 0); /* frees the closed sockets */
    int epoll_fd = ((struct epoll_loop *)loop)->epoll_fd;
    h2o_evloop_destroy(loop);
    close(epoll_fd);
    free(queue);
    http_timers_clear(&l->timers);
}

void http_on_turn_end(struct http_loop *l, void (*on_end)(void *context), void *context)
{
    http_assert_on_loop(l);
    assert(l->n_hooks < HTTP_MAX_TURN_HOOKS);
    l->hooks[l->n_hooks++] = (struct http_hook){on_end, context};
}

unsigned http_loop_index(const struct http_loop *l)
{
    return l->index;
}

int64_t http_loop_now_us(const struct http_loop *l)
{
    http_assert_on_loop(l);
    const struct timeval *at = h2o_get_timestamp((h2o_context_t *)(uintptr_t)&l->h2o, NULL, NULL);
    return (int64_t)at->tv_sec * 1000000 + at->tv_usec;
}
