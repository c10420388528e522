/* SPDX-License-Identifier: Apache-2.0 */
#include "api/log_wait.h"

#include <stdlib.h>

#include "base/clock.h"

enum { MAX_WAITING = 200 };

struct log_wait {
    struct http_loop *loop;
    struct api *api;
    struct http_timer *timer; /* for the earliest deadline */
    struct http_message message;
    _Atomic bool posted; /* the message is on its way */
    unsigned n;
    struct waiter {
        struct task *task;
        int64_t deadline_us;
    } waiters[MAX_WAITING];
};

static void set_count(struct log_wait *w, unsigned n)
{
    atomic_fetch_add(&w->api->log_waiting, n - w->n); /* wraps round to less */
    w->n = n;
}

static void set_timer(struct log_wait *w)
{
    int64_t earliest_us = INT64_MAX, now_us = clock_monotonic_us();
    for (unsigned i = 0; i < w->n; i++)
        if (w->waiters[i].deadline_us < earliest_us)
            earliest_us = w->waiters[i].deadline_us;
    if (w->n == 0)
        http_timer_stop(w->timer);
    else
        http_timer_start(w->timer, earliest_us > now_us ? (earliest_us - now_us + 999) / 1000 : 0);
}

static void on_deadline(void *context)
{
    struct log_wait *w = context;
    int64_t now_us = clock_monotonic_us();
    unsigned kept = 0;
    for (unsigned i = 0; i < w->n; i++)
        if (w->waiters[i].deadline_us <= now_us)
            task_answer(w->waiters[i].task);
        else
            w->waiters[kept++] = w->waiters[i];
    set_count(w, kept);
    set_timer(w);
}

static void on_growth(struct http_message *m)
{
    struct log_wait *w =
        (struct log_wait *)(void *)((char *)m - offsetof(struct log_wait, message));
    struct waiter woken[MAX_WAITING];
    unsigned n = w->n;
    atomic_store(&w->posted, false);
    memcpy(woken, w->waiters, n * sizeof *woken);
    set_count(w, 0);
    http_timer_stop(w->timer);
    for (unsigned i = 0; i < n; i++)
        if (atomic_load(&w->api->stopping))
            task_answer(woken[i].task);
        else
            task_start(woken[i].task);
}

struct log_wait *log_wait_new(struct http_loop *l, struct api *a)
{
    struct log_wait *w = mem_alloc(sizeof *w);
    w->loop = l;
    w->api = a;
    w->timer = http_timer_new(l, on_deadline, w);
    return w;
}

void log_wait_stop(struct log_wait *w)
{
    for (unsigned i = 0; i < w->n; i++)
        task_answer(w->waiters[i].task);
    set_count(w, 0);
    http_timer_free(w->timer);
}

void log_wait_free(struct log_wait *w)
{
    free(w);
}

void log_wait_add(struct log_wait *w, struct task *t, int64_t deadline_us)
{
    if (w->n == MAX_WAITING || atomic_load(&w->api->stopping) ||
        http_ticket_request(t->ticket) == NULL) {
        task_answer(t);
        return;
    }
    w->waiters[w->n] = (struct waiter){t, deadline_us};
    set_count(w, w->n + 1);
    set_timer(w);
}

void log_wait_wake(struct log_wait *w)
{
    if (!atomic_exchange(&w->posted, true)) {
        w->message = (struct http_message){.on_arrive = on_growth};
        http_post(w->loop, &w->message);
    }
}
