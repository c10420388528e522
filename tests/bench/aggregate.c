/* SPDX-License-Identifier: Apache-2.0 */
/* Events per second of aggregate_add on one core, and what a flush to pages costs.
 *
 *   bench_aggregate [VIEW...]     default: some that differ in kind */
#include <stdio.h>

#include "tests/support/view_log.h"
#include "tests/support/view_world.h"
#include "views/catalog.h"

enum { SLICES = 64, ROUNDS = 5 };

struct shape {
    const char *name;
    uint32_t sites, groups, other_percent;
    int64_t step_us;
};
static const struct shape shapes[] = {
    {"constant site, type, bot", 1, 50, 0, 20000},
    {"plain columns, 3 sites, 10 % others", 3, 50, 10, 20000},
    {"plain columns, a week in order", 3, 50, 10, 1000000},
};

static void fill(struct batch *const *batches, const struct shape *shape)
{
    struct view_log log = {.seed = 1,
                           .now_us = INT64_C(1795406400000000),
                           .step_us = shape->step_us,
                           .sites = shape->sites,
                           .groups = shape->groups,
                           .visitors = 20000,
                           .late_percent = 1,
                           .late_us = 5 * US_PER_MINUTE,
                           .other_percent = shape->other_percent};
    for (int i = 0; i < SLICES; i++)
        for (int k = 0; k < BATCH_MAX_EVENTS; k++) {
            struct event e = view_log_next(&log);
            batch_add(batches[i], &e);
        }
}

struct times {
    int64_t add_us, flush_us;
    uint64_t events, cells;
};

static int count_cell(void *context, const struct delta *d)
{
    (void)d;
    ++((struct times *)context)->cells;
    return 0;
}

static void flush(struct world *w, struct aggregate *a, struct times *t)
{
    int64_t start = clock_monotonic_us();
    (void)aggregate_each(a, count_cell, t);
    world_flush(w, a);
    t->flush_us += clock_monotonic_us() - start;
}

static struct times run(const struct plan *p, struct batch *const *batches)
{
    struct times t = {0};
    struct world w = {.plan = p};
    struct aggregate *a = aggregate_new(p, (struct aggregate_limits){1 << 18, 1 << 26});
    for (int i = 0; i < SLICES; i++) {
        struct log_slice slice;
        batch_slice(batches[i], &slice);
        for (uint32_t at = 0; at < slice.count;) {
            int64_t start = clock_monotonic_us();
            at = aggregate_add(a, &slice, at);
            t.add_us += clock_monotonic_us() - start;
            if (at < slice.count)
                flush(&w, a, &t);
        }
        t.events += slice.count;
    }
    flush(&w, a, &t);
    aggregate_free(a);
    world_clear(&w);
    return t;
}

static void bench(const struct plan *p, struct batch *const *batches)
{
    struct times best = run(p, batches);
    for (int i = 1; i < ROUNDS; i++) {
        struct times t = run(p, batches);
        if (t.add_us + t.flush_us < best.add_us + best.flush_us)
            best = t;
    }
    printf(
        "  %-24s %6.1f M events/s to deltas; %7llu cells, flush %6.0f ns a cell; %5.1f M events/s "
        "in all\n",
        p->name, (double)best.events / (double)best.add_us, (unsigned long long)best.cells,
        1e3 * (double)best.flush_us / (double)best.cells,
        (double)best.events / (double)(best.add_us + best.flush_us));
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"pageviews", "pageviews_by_region", "visitors",
                                        "pageviews_by_page", "pageviews_by_campaign"};
    struct batch *batches[SLICES];
    for (int i = 0; i < SLICES; i++)
        batches[i] = batch_new();
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        printf("%s\n", shapes[s].name);
        for (int i = 0; i < SLICES; i++)
            batch_reset(batches[i]);
        fill(batches, &shapes[s]);
        for (int i = 0; i < (argc > 1 ? argc - 1 : 5); i++) {
            const struct plan *p = plan_find(span_of(argc > 1 ? argv[i + 1] : usual[i]));
            if (p != NULL)
                bench(p, batches);
        }
    }
    for (int i = 0; i < SLICES; i++)
        batch_free(batches[i]);
    return 0;
}
