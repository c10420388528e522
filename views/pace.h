/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a replay may go: no faster than it was told to, and it gives way while the live views
 * fall behind; but not for ever, since they may do so for a reason of their own. Pure: what is
 * known of the world is an argument. */
#ifndef VIEWS_PACE_H
#define VIEWS_PACE_H

#include <stdint.h>

enum {
    PACE_BURST_US = 1000000,     /* time lost is made up for so much, no more */
    PACE_MAX_YIELD_US = 1000000, /* a chunk at least as often */
    PACE_YIELD_US = 10000        /* between two looks at the live views */
};

struct pace {
    uint32_t rate;       /* events a second; 0: no limit */
    int64_t max_lag_us;  /* of the live views, before it gives way */
    int64_t due_us;      /* when what was read should have been read, by the rate */
    uint64_t rest;       /* of due_us, in millionths of an event */
    int64_t yielding_us; /* since when it gives way; 0: it does not */
};

static inline void pace_init(struct pace *p, uint32_t rate, int64_t max_lag_us, int64_t now_us)
{
    *p = (struct pace){.rate = rate, .max_lag_us = max_lag_us, .due_us = now_us};
}

/* So many events were read. */
static inline void pace_note(struct pace *p, uint64_t events, int64_t now_us)
{
    if (p->rate == 0)
        return;
    if (p->due_us < now_us - PACE_BURST_US)
        p->due_us = now_us - PACE_BURST_US;
    uint64_t due = events * 1000000 + p->rest;
    p->due_us += (int64_t)(due / p->rate);
    p->rest = due % p->rate;
}

/* How long to wait before asking again; 0: the next chunk may be read. */
static inline int64_t pace_wait_us(struct pace *p, int64_t live_lag_us, int64_t now_us)
{
    if (p->rate != 0 && p->due_us > now_us)
        return p->due_us - now_us;
    if (live_lag_us <= p->max_lag_us) {
        p->yielding_us = 0;
        return 0;
    }
    if (p->yielding_us == 0)
        p->yielding_us = now_us;
    if (now_us - p->yielding_us < PACE_MAX_YIELD_US)
        return PACE_YIELD_US;
    p->yielding_us = 0;
    return 0;
}

#endif
