/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics registry: static tables of counters, gauges and histograms, updated from any thread
 * with relaxed atomics, printed as Prometheus text. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_BUCKETS = 16 };

/* Define one with static storage, register it once at start. */
struct metric {
    const char *name;   /* "footfall_events_accepted_total" */
    const char *labels; /* "reason=\"duplicate\"" or NULL */
    const char *help;
    enum metric_type type;
    double scale; /* printed = value * scale (1e-6 for microseconds as seconds); 0 means 1 */
    _Atomic int64_t value;                             /* counter, gauge */
    _Atomic uint64_t buckets[METRIC_BUCKETS + 1], sum; /* histogram, in the raw unit */
    const int64_t *bounds; /* histogram: ascending upper bounds in the raw unit, ended by 0 */
    struct metric *next;   /* the registry's */
};

void metric_register(struct metric *m); /* once; any thread, before the first print */
static inline void metric_add(struct metric *m, int64_t by)
{
    atomic_fetch_add_explicit(&m->value, by, memory_order_relaxed);
}
static inline void metric_set(struct metric *m, int64_t to)
{
    atomic_store_explicit(&m->value, to, memory_order_relaxed);
}
void metric_observe(struct metric *m, int64_t value);

/* The sum of the registered counters and gauges of that name, over their labels. */
int64_t metrics_total(const char *name);

/* What the histogram of that name has seen: how many, their sum, and (within the width of a bucket)
 * the values that half and 99 of 100 do not exceed; all 0 when it has seen nothing. */
struct metric_summary {
    uint64_t count;
    double sum, p50, p99;
};
struct metric_summary metrics_summary(const char *name);

/* All registered metrics, HELP and TYPE once per name. */
void metrics_print(struct buf *out);
/* One line for values that are computed when asked (lag per view ...). labels may be NULL. */
void metrics_put_head(struct buf *out, const char *name, const char *type, const char *help);
void metrics_put_value(struct buf *out, const char *name, const char *labels, double value);

#endif
