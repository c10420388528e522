/* SPDX-License-Identifier: Apache-2.0 */
/* Random logs for tests of views: several sites, mostly ascending times with leaps, late events,
 * NULLs, bots, other event types. Reproducible from the seed. */
#ifndef TESTS_VIEW_LOG_H
#define TESTS_VIEW_LOG_H

#include <stdio.h>

#include "base/clock.h"
#include "log/batch.h"
#include "base/random.h"

struct view_log {
    uint64_t seed;
    int64_t now_us;
    int64_t step_us; /* between two events on average */
    uint32_t sites, groups, visitors;
    uint32_t late_percent; /* of the events, late by up to late_us */
    int64_t late_us;
    uint32_t leap_permille; /* of the events come after a leap of up to leap_us */
    int64_t leap_us;
    uint32_t other_percent; /* bots, and as many of another type */
    char site[32], region[8], path[64];
};

static inline struct span view_log_text(struct view_log *l, uint32_t choices)
{
    static const char *const texts[] = {"Firefox", "Chrome", "", "Safari",
                                        "a rather long name here"};
    uint32_t i = random_below(&l->seed, choices + 1);
    return i == choices ? SPAN_ABSENT : span_of(texts[i]);
}

static inline bool view_log_chance(struct view_log *l, uint32_t of_1000)
{
    return of_1000 != 0 && random_below(&l->seed, 1000) < of_1000;
}

static inline int64_t view_log_time(struct view_log *l)
{
    l->now_us += (int64_t)(random_next(&l->seed) % (uint64_t)(2 * l->step_us + 1));
    if (view_log_chance(l, l->leap_permille))
        l->now_us += (int64_t)(random_next(&l->seed) % (uint64_t)l->leap_us);
    int64_t time_us = l->now_us;
    if (view_log_chance(l, l->late_percent * 10))
        time_us -= (int64_t)(random_next(&l->seed) % (uint64_t)l->late_us);
    return time_us;
}

/* The next event; its texts are good until the next call. */
static inline struct event view_log_next(struct view_log *l)
{
    snprintf(l->site, sizeof(l->site), "site%u.example", random_below(&l->seed, l->sites));
    snprintf(l->region, sizeof(l->region), "US-%02u", random_below(&l->seed, l->groups) % 100);
    snprintf(l->path, sizeof(l->path), "/blog/posts/%u", random_below(&l->seed, l->groups));
    struct event e = {.type = SPAN_LITERAL("PageViewEvent"),
                      .site = span_of(l->site),
                      .region = span_of(l->region),
                      .path = span_of(l->path),
                      .browser = view_log_text(l, 4),
                      .os = view_log_text(l, 2),
                      .visitor = random_below(&l->seed, l->visitors),
                      .bot = view_log_chance(l, l->other_percent * 10),
                      .time_us = view_log_time(l)};
    e.received_us = l->now_us;
    if (view_log_chance(l, l->other_percent * 10))
        e.type = SPAN_LITERAL("signup");
    return e;
}

#endif
