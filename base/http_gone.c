/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that leave while their request waits. Its socket is not read meanwhile (http_answer.c),
 * so the kernel is asked now and then whether the other side has ended the connection. */
#include "base/http_internal.h"

#include <poll.h>

enum { LOOK_MS = 100 };

static bool has_left(const struct http_ticket *t)
{
    struct pollfd fd = {.fd = h2o_socket_get_fd(t->request->conn->sock), .events = POLLRDHUP};
    return poll(&fd, 1, 0) == 1;
}

static void look(void *context)
{
    struct http_ticket *t = context;
    if (!has_left(t)) {
        http_timer_start(t->look, LOOK_MS);
        return;
    }
    http_gone_stop(t);
    t->on_gone(t->context);
}

void http_ticket_on_gone(struct http_ticket *t, void (*on_gone)(void *context), void *context)
{
    http_assert_on_loop(t->loop);
    assert(t->request != NULL && t->look == NULL);
    t->on_gone = on_gone;
    t->context = context;
    t->look = http_timer_new(t->loop, look, t);
    http_timer_start(t->look, LOOK_MS);
}

void http_gone_stop(struct http_ticket *t)
{
    http_timer_free(t->look);
    t->look = NULL;
}
