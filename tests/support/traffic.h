/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile-ish traffic for tests, the same for a seed: three sites, bots, NULLs, late events,
 * repeats. Every event has an eventId, so that a body may be sent again until it is acknowledged.
 */
#ifndef SUPPORT_TRAFFIC_H
#define SUPPORT_TRAFFIC_H

#include <stdint.h>

#include "base/buf.h"

/* All events lie in here: three days, so that the oldest minutes of distinct counts expire. */
#define TRAFFIC_FROM "2025-03-01T00:00:00Z"
#define TRAFFIC_TO "2025-03-04T00:00:00Z"

struct traffic {
    uint64_t seed;       /* set it; the rest starts zeroed */
    uint64_t n;          /* events made, repeats included */
    int64_t n_distinct;  /* without repeats */
    uint64_t recent[64]; /* numbers of recent events, to repeat */
};

/* Appends n events as NDJSON. */
void traffic_put(struct traffic *t, struct buf *out, unsigned n);

#endif
