/* SPDX-License-Identifier: Apache-2.0 */
/* Believable traffic, the same for a seed: people and bots visit three sites by day and week, come
 * from search, other pages and campaigns, read a few pages and buy now and then. Some of their
 * events arrive late, some twice (with the same eventId). Nobody is real: the addresses are of the
 * range kept for benchmarks (198.18.0.0/15), the names of the one kept for examples.
 *
 * Time is an argument; integers only, so that every machine makes the same events. */
#ifndef CLI_DEMO_TRAFFIC_H
#define CLI_DEMO_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct demo_traffic;

/* Events arrive from from_us on, about per_day of them a day. */
struct demo_traffic *demo_traffic_new(uint64_t seed, int64_t from_us, uint64_t per_day);
void demo_traffic_free(struct demo_traffic *t);

/* Appends the next event in order of arrival as a line of JSON; false when none arrives before
 * until_us. */
bool demo_traffic_next(struct demo_traffic *t, int64_t until_us, struct buf *out);

/* The sites by number; NULL at the end. */
const char *demo_site(unsigned n);

#endif
