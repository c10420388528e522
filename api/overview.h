/* SPDX-License-Identifier: Apache-2.0 */
/* Where the log and every view stand: heads, offsets, lags, digests, of the moment. For GET
 * /v1/views, /readyz, /metrics and the status. */
#ifndef API_OVERVIEW_H
#define API_OVERVIEW_H

#include "api/api_internal.h"

struct view_overview {
    const struct view_entry *view;
    const struct plan *plan; /* what it is described by; NULL: nothing (VIEW_FAILED) */
    bool built;              /* its state was read; else reason says why not */
    uint64_t generation, offset;
    uint64_t lag_events;
    int64_t lag_us; /* how long it has been behind */
    struct digest digest;
    int64_t watermark_us; /* INT64_MIN: no event yet */
    char reason[200];
};

struct overview {
    struct heads_state log;
    struct view_overview *views; /* n, the oldest first */
    unsigned n;
    bool redis_reachable;
    char redis_error[200];
};

/* Asks Redis for the states; on_done is called once on the loop, perhaps before this returns. The
 * overview is borrowed for the call. */
void overview_ask(struct api_loop *l, void (*on_done)(void *context, const struct overview *o),
                  void *context);

/* The views as the array of GET /v1/views. */
void overview_put_views(const struct overview *o, struct writer *w);
/* One of them: so many members of a map that the caller has begun. */
enum { OVERVIEW_MEMBERS = 15 };
void overview_put_view(const struct overview *o, const struct view_overview *v, struct writer *w);

#endif
