/* SPDX-License-Identifier: Apache-2.0 */
/* Random logs for tests of sessions: few visitors who come back after minutes or days, late events,
 * events of one time, texts of all kinds. Reproducible from the seed. */
#ifndef TESTS_SESSION_LOG_H
#define TESTS_SESSION_LOG_H

#include <stdlib.h>

#include "tests/support/session_oracle.h"
#include "tests/support/view_log.h"

#define SESSION_LOG_START_US (INT64_C(20000) * US_PER_DAY + 12 * US_PER_HOUR)

enum { SESSION_LOG_MAX = 3000 };

struct session_log {
    struct session_event events[SESSION_LOG_MAX];
    size_t n;
};

/* The next event of a generator whose texts live until its next call. */
static inline void session_log_add(struct session_log *l, struct view_log *from,
                                   struct arena *memory)
{
    static const char *const words[] = {"", "letter", "search", "a rather long campaign's name"};
    struct session_event *to = &l->events[l->n];
    uint32_t word = random_below(&from->seed, 6);
    *to = (struct session_event){.event = view_log_next(from), .seq = l->n};
    struct event *e = &to->event;
    e->site = arena_copy(memory, e->site);
    e->region = arena_copy(memory, e->region);
    e->path = random_below(&from->seed, 10) == 0 ? SPAN_ABSENT : arena_copy(memory, e->path);
    e->country = word % 2 ? SPAN_LITERAL("DE") : SPAN_ABSENT;
    e->device = word % 3 ? SPAN_LITERAL("phone") : SPAN_ABSENT;
    if (word < 4) {
        e->referrer = e->referrer_host = e->utm_source = span_of(words[word]);
        e->utm_medium = e->utm_campaign = span_of(words[3 - word]);
    }
    if (l->n > 0 && random_below(&from->seed, 20) == 0)
        e->time_us = l->events[l->n - 1].event.time_us; /* of one time */
    memcpy(e->id, &l->n, sizeof(l->n));
    l->n++;
}

/* n events of a few days. */
static inline struct session_log *session_log_random(uint64_t seed, size_t n, struct arena *memory)
{
    struct session_log *l = mem_alloc(sizeof(*l));
    struct view_log from = {.seed = seed,
                            .now_us = SESSION_LOG_START_US,
                            .step_us = 90 * US_PER_SECOND,
                            .sites = 3,
                            .groups = 40,
                            .visitors = 12,
                            .late_percent = 15,
                            .late_us = 60 * US_PER_HOUR,
                            .leap_permille = 3,
                            .leap_us = 4 * US_PER_DAY,
                            .other_percent = 4};
    while (l->n < n)
        session_log_add(l, &from, memory);
    return l;
}

#endif
