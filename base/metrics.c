/* SPDX-License-Identifier: Apache-2.0 */
/* The registry is a list that metrics are pushed on and never taken off. */
#include "base/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct metric *_Atomic registry;

void metric_register(struct metric *m)
{
    for (struct metric *other = atomic_load(&registry); other != NULL; other = other->next)
        assert(other != m);
    m->next = atomic_load(&registry);
    while (!atomic_compare_exchange_weak(&registry, &m->next, m)) {
    } /* m->next is the head that was found instead */
}

static unsigned n_bounds(const struct metric *m)
{
    unsigned n = 0;
    while (n < METRIC_BUCKETS && m->bounds[n] != 0)
        n++;
    return n;
}

void metric_observe(struct metric *m, int64_t value)
{
    unsigned i = 0;
    while (i < METRIC_BUCKETS && m->bounds[i] != 0 && value > m->bounds[i])
        i++;
    if (i < METRIC_BUCKETS && m->bounds[i] == 0)
        i = METRIC_BUCKETS; /* over the last bound */
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->sum, (uint64_t)value, memory_order_relaxed);
}

int64_t metrics_total(const char *name)
{
    int64_t total = 0;
    for (const struct metric *m = atomic_load(&registry); m != NULL; m = m->next)
        if (m->type != METRIC_HISTOGRAM && strcmp(m->name, name) == 0)
            total += atomic_load_explicit(&m->value, memory_order_relaxed);
    return total;
}

/* ------------------------------------------------------------------ histograms */

static double scale_of(const struct metric *m)
{
    return m->scale == 0 ? 1 : m->scale;
}

/* The value that a share of all does not exceed, taken to lie evenly in its bucket; over the last
 * bound it is that bound. */
static double quantile(const struct metric *m, const uint64_t *counts, uint64_t count, double share)
{
    double below = 0, wanted = share * (double)count;
    unsigned n = n_bounds(m);
    for (unsigned i = 0; i < n; below += (double)counts[i], i++) {
        double from = i == 0 ? 0 : (double)m->bounds[i - 1], to = (double)m->bounds[i];
        if (counts[i] > 0 && below + (double)counts[i] >= wanted)
            return from + (to - from) * (wanted - below) / (double)counts[i];
    }
    return n == 0 ? 0 : (double)m->bounds[n - 1];
}

static struct metric_summary summary_of(const struct metric *m)
{
    uint64_t counts[METRIC_BUCKETS + 1];
    struct metric_summary s = {0};
    for (unsigned i = 0; i <= METRIC_BUCKETS; i++)
        s.count += counts[i] = atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
    if (s.count == 0)
        return s;
    uint64_t sum = atomic_load_explicit(&m->sum, memory_order_relaxed);
    s.sum = (double)(int64_t)sum * scale_of(m);
    s.p50 = quantile(m, counts, s.count, 0.5) * scale_of(m);
    s.p99 = quantile(m, counts, s.count, 0.99) * scale_of(m);
    return s;
}

struct metric_summary metrics_summary(const char *name)
{
    for (const struct metric *m = atomic_load(&registry); m != NULL; m = m->next)
        if (m->type == METRIC_HISTOGRAM && strcmp(m->name, name) == 0)
            return summary_of(m);
    return (struct metric_summary){0};
}

/* ------------------------------------------------------------------ printing */

void metrics_put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s ", name);
    for (const char *p = help; *p != '\0'; p++)
        if (*p == '\n')
            buf_put_text(out, "\\n");
        else if (*p == '\\')
            buf_put_text(out, "\\\\");
        else
            buf_put_byte(out, (uint8_t)*p);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_number(struct buf *out, double value)
{
    if (isnan(value))
        buf_put_text(out, "NaN");
    else if (isinf(value))
        buf_put_text(out, value > 0 ? "+Inf" : "-Inf");
    else
        buf_printf(out, value == floor(value) && fabs(value) < 1e15 ? "%.0f" : "%.15g", value);
}

void metrics_put_value(struct buf *out, const char *name, const char *labels, double value)
{
    buf_put_text(out, name);
    if (labels != NULL)
        buf_printf(out, "{%s}", labels);
    buf_put_byte(out, ' ');
    put_number(out, value);
    buf_put_byte(out, '\n');
}

static void put_bucket(struct buf *out, const struct metric *m, const char *bound, uint64_t count)
{
    buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", m->name, m->labels == NULL ? "" : m->labels,
               m->labels == NULL ? "" : ",", bound, (unsigned long long)count);
}

static void put_histogram(struct buf *out, const struct metric *m)
{
    uint64_t count = 0;
    unsigned n = n_bounds(m);
    char name[128];
    for (unsigned i = 0; i < n; i++) {
        char bound[32];
        snprintf(bound, sizeof(bound), "%.15g", (double)m->bounds[i] * scale_of(m));
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        put_bucket(out, m, bound, count);
    }
    count += atomic_load_explicit(&m->buckets[METRIC_BUCKETS], memory_order_relaxed);
    put_bucket(out, m, "+Inf", count);
    snprintf(name, sizeof(name), "%s_sum", m->name);
    uint64_t sum = atomic_load_explicit(&m->sum, memory_order_relaxed);
    metrics_put_value(out, name, m->labels, (double)(int64_t)sum * scale_of(m));
    snprintf(name, sizeof(name), "%s_count", m->name);
    metrics_put_value(out, name, m->labels, (double)count);
}

static void put_metric(struct buf *out, const struct metric *m)
{
    if (m->type == METRIC_HISTOGRAM) {
        put_histogram(out, m);
        return;
    }
    int64_t value = atomic_load_explicit(&m->value, memory_order_relaxed);
    metrics_put_value(out, m->name, m->labels, (double)value * scale_of(m));
}

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

static int by_name(const void *a, const void *b)
{
    const struct metric *x = *(struct metric *const *)a, *y = *(struct metric *const *)b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : strcmp(text_of(x->labels), text_of(y->labels));
}

/* All metrics, those of one name together. Free the result. */
static struct metric **sorted(size_t *n)
{
    struct metric *first = atomic_load(&registry);
    *n = 0;
    for (const struct metric *m = first; m != NULL; m = m->next)
        ++*n;
    struct metric **all = mem_alloc(*n * sizeof(struct metric *));
    size_t i = 0;
    for (struct metric *m = first; m != NULL; m = m->next)
        all[i++] = m;
    qsort(all, *n, sizeof(struct metric *), by_name);
    return all;
}

void metrics_print(struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    size_t n;
    struct metric **all = sorted(&n);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i]->name, all[i - 1]->name) != 0)
            metrics_put_head(out, all[i]->name, types[all[i]->type], all[i]->help);
        put_metric(out, all[i]);
    }
    free(all);
}
