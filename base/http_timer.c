/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot timers of a loop: a binary heap by monotonic deadline. (h2o's timeouts come in lists of
 * one duration each and follow the wall clock, which may step.) */
#include "base/http_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct http_timer {
    struct http_loop *loop;
    void (*on_fire)(void *context);
    void *context;
    int64_t deadline_us;
    size_t at; /* in the heap, or NOT_STARTED */
};

static const size_t NOT_STARTED = SIZE_MAX;

static void place(struct http_timers *t, size_t at, struct http_timer *timer)
{
    t->heap[at] = timer;
    timer->at = at;
}

static void sift_up(struct http_timers *t, size_t at)
{
    struct http_timer *timer = t->heap[at];
    for (; at > 0 && t->heap[(at - 1) / 2]->deadline_us > timer->deadline_us; at = (at - 1) / 2)
        place(t, at, t->heap[(at - 1) / 2]);
    place(t, at, timer);
}

static void sift_down(struct http_timers *t, size_t at)
{
    struct http_timer *timer = t->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= t->n)
            break;
        if (child + 1 < t->n && t->heap[child + 1]->deadline_us < t->heap[child]->deadline_us)
            child++;
        if (t->heap[child]->deadline_us >= timer->deadline_us)
            break;
        place(t, at, t->heap[child]);
        at = child;
    }
    place(t, at, timer);
}

struct http_timer *http_timer_new(struct http_loop *l, void (*on_fire)(void *context),
                                  void *context)
{
    http_assert_on_loop(l);
    struct http_timer *timer = mem_alloc(sizeof(*timer));
    *timer =
        (struct http_timer){.loop = l, .on_fire = on_fire, .context = context, .at = NOT_STARTED};
    return timer;
}

void http_timer_stop(struct http_timer *timer)
{
    struct http_timers *t = &timer->loop->timers;
    http_assert_on_loop(timer->loop);
    if (timer->at == NOT_STARTED)
        return;
    size_t at = timer->at;
    timer->at = NOT_STARTED;
    struct http_timer *last = t->heap[--t->n];
    if (last == timer)
        return;
    place(t, at, last);
    sift_up(t, at);
    sift_down(t, last->at);
}

void http_timer_start(struct http_timer *timer, int64_t delay_ms)
{
    struct http_timers *t = &timer->loop->timers;
    http_timer_stop(timer);
    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 16 : 2 * t->cap;
        t->heap = mem_resize(t->heap, t->cap * sizeof(struct http_timer *));
    }
    timer->deadline_us = clock_monotonic_us() + delay_ms * 1000;
    t->heap[t->n] = timer;
    sift_up(t, t->n++);
}

void http_timer_free(struct http_timer *timer)
{
    if (timer == NULL)
        return;
    http_timer_stop(timer);
    free(timer);
}

int http_timers_wait_ms(const struct http_timers *t)
{
    if (t->n == 0)
        return INT32_MAX;
    int64_t left_us = t->heap[0]->deadline_us - clock_monotonic_us();
    if (left_us <= 0)
        return 0;
    int64_t left_ms = (left_us + 999) / 1000;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

void http_timers_fire(struct http_timers *t)
{
    if (t->n == 0)
        return;
    int64_t now_us =
        clock_monotonic_us(); /* read once: one started now with delay 0 fires next turn */
    while (t->n > 0 && t->heap[0]->deadline_us <= now_us) {
        struct http_timer *timer = t->heap[0];
        http_timer_stop(timer);
        timer->on_fire(timer->context); /* may free it */
    }
}

void http_timers_clear(struct http_timers *t)
{
    assert(t->n == 0);
    free(t->heap);
    *t = (struct http_timers){0};
}
