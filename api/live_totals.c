/* SPDX-License-Identifier: Apache-2.0 */
#include "api/live_totals.h"

#include <stdio.h>

#include "base/writer.h"

/* ------------------------------------------------------------------ what is read */

static bool find_measure(const struct plan *p, const char *name, enum aggregate_kind kind,
                         unsigned *out)
{
    for (unsigned m = 0; m < p->n_measures; m++)
        if (p->measures[m].kind == kind && strcmp(p->measures[m].name, name) == 0) {
            *out = m;
            return true;
        }
    return false;
}

/* LIVE_MINUTES minutes, the last of which is now's. */
static int make_range(struct live_need *n, const struct plan *p, int64_t now_us, struct arena *a,
                      struct refusal *r)
{
    char from[24], to[24];
    long long minute_s = clock_floor(now_us, US_PER_MINUTE) / US_PER_SECOND;
    snprintf(from, sizeof from, "%lld", minute_s - (LIVE_MINUTES - 1) * 60);
    snprintf(to, sizeof to, "%lld", minute_s + 60);
    const struct range_request q = {.from = span_of(from),
                                    .to = span_of(to),
                                    .step = SPAN_LITERAL("minute"),
                                    .now_us = now_us,
                                    .plan = p};
    return range_make(&n->range, &q, a, r);
}

int live_need_init(struct live_need *n, const struct plan *p, int64_t now_us, struct arena *a,
                   struct err *e)
{
    struct refusal r = {0};
    *n = (struct live_need){.query = {.plan = p}};
    if (find_measure(p, "pageviews", AGGREGATE_COUNT, &n->pageviews) &&
        find_measure(p, "visitors", AGGREGATE_COUNT_DISTINCT, &n->visitors) &&
        make_range(n, p, now_us, a, &r) == 0)
        return 0;
    return err_set(e, ERR_INPUT, "view %s does not count pageviews and visitors by the minute",
                   p->name);
}

/* ------------------------------------------------------------------ the numbers */

void live_totals_take(struct live_totals *t, const struct live_need *n, struct rows *rows)
{
    const struct plan *p = n->query.plan;
    struct sketch *latest = sketch_new();
    int32_t at = rows->n_groups == 0 ? -1 : rows->groups[0].newest;
    *t = (struct live_totals){.first_us = n->range.slot_us[0]};
    while (at >= 0) {
        const struct rows_cell *c = rows_cell_at(rows, (uint32_t)at);
        const struct sketch *visitors = c->values[p->measures[n->visitors].at].sketch;
        if (c->slot >= LIVE_MINUTES - LIVE_VISITOR_MINUTES && visitors != NULL)
            sketch_merge(latest, visitors, NULL);
        t->minutes[c->slot].pageviews = c->values[p->measures[n->pageviews].at].count;
        t->minutes[c->slot].visitors = (int64_t)sketch_estimate(visitors);
        at = c->older;
    }
    t->visitors = (int64_t)sketch_estimate(latest);
    sketch_free(latest);
}

bool live_totals_equal(const struct live_totals *a, const struct live_totals *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* nothing but integers of one size */
}

/* ------------------------------------------------------------------ the event */

static void put_time(struct writer *w, int64_t t_us)
{
    char text[CLOCK_TEXT_BYTES];
    int n = zone_format(zone_utc(), t_us, text);
    writer_text(w, (struct span){text, (size_t)n});
}

static void put_data(const struct live_totals *t, const struct live_as_of *at, struct writer *w)
{
    writer_map(w, 4);
    writer_put_text(w, "site", at->site);
    writer_put_int(w, "visitors", t->visitors);
    writer_key(w, "minutes");
    writer_array(w, LIVE_MINUTES);
    for (int i = 0; i < LIVE_MINUTES; i++) {
        writer_array(w, 3);
        put_time(w, t->first_us + i * US_PER_MINUTE);
        writer_int(w, t->minutes[i].pageviews);
        writer_int(w, t->minutes[i].visitors);
    }
    writer_key(w, "as_of");
    writer_map(w, 3);
    writer_put_int(w, "offset", (int64_t)at->offset);
    writer_key(w, "watermark");
    if (at->has_watermark)
        put_time(w, at->watermark_us);
    else
        writer_null(w);
    writer_put_int(w, "generation", (int64_t)at->generation);
    writer_end(w);
}

void live_totals_put(const struct live_totals *t, const struct live_as_of *at, struct buf *out)
{
    buf_printf(out, "id: %llu\nevent: totals\ndata: ", (unsigned long long)at->offset);
    struct writer w = writer_to(out, WRITE_JSON);
    put_data(t, at, &w);
    buf_put_text(out, "\n\n");
}
