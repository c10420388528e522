/* SPDX-License-Identifier: Apache-2.0 */
#include "views/self_check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/metrics.h"
#include "base/table.h"
#include "log/jobs.h"
#include "views/verify_live.h"

#define RECENT_US (7 * US_PER_DAY)

enum { N_OUTCOMES = 3 };

static struct metric checks[N_OUTCOMES] = {
    [SELF_CHECK_NONE] = {.name = "footfall_self_check_total",
                         .labels = "result=\"nothing\"",
                         .help = "Background checks of a page of a view against SQL.",
                         .type = METRIC_COUNTER},
    [SELF_CHECK_AGREES] = {.name = "footfall_self_check_total",
                           .labels = "result=\"agrees\"",
                           .help = "Background checks of a page of a view against SQL.",
                           .type = METRIC_COUNTER},
    [SELF_CHECK_DIFFERS] = {.name = "footfall_self_check_total",
                            .labels = "result=\"differs\"",
                            .help = "Background checks of a page of a view against SQL.",
                            .type = METRIC_COUNTER},
};
static struct metric last_check = {.name = "footfall_self_check_last_time_seconds",
                                   .help = "When the last background check ended; 0: never.",
                                   .type = METRIC_GAUGE,
                                   .scale = 1e-6};

static void register_metrics(void)
{
    for (int i = 0; i < N_OUTCOMES; i++)
        metric_register(&checks[i]);
    metric_register(&last_check);
}

int64_t self_check_pause_us(int64_t took_us, unsigned per_cent)
{
    int64_t pause_us = took_us * 100 / per_cent;
    return pause_us > US_PER_MINUTE ? pause_us : US_PER_MINUTE;
}

/* ---- what to check */

struct choice {
    uint64_t chance;
    const struct plan *plan;
    uint64_t generation;
    uint64_t least; /* of the sites' hashes: the chosen one's */
    char site[256];
    int64_t watermark_us; /* INT64_MIN: no site yet */
    struct events_scope scope;
};

/* Independent draws from the one number. */
static uint64_t draw(struct choice *c, uint64_t below)
{
    c->chance = hash_step(c->chance, 0x5eed);
    return c->chance % below;
}

static bool choose_view(struct choice *c, struct live *live)
{
    struct live_view_status all[JOB_MAX_VIEWS];
    unsigned n = live_status(live, all, JOB_MAX_VIEWS);
    n = n < JOB_MAX_VIEWS ? n : JOB_MAX_VIEWS;
    if (n == 0)
        return false;
    const struct live_view_status *chosen = &all[draw(c, n)];
    if (chosen->state != LIVE_READY)
        return false;
    struct view_entry view;
    if (view_set_find(live_options(live)->views, span_of(chosen->name), &view))
        c->plan = view.plan;
    c->generation = chosen->generation;
    return c->plan != NULL;
}

static void consider_site(void *context, struct span site, int64_t watermark_us)
{
    struct choice *c = context;
    uint64_t hash = hash_bytes(c->chance, site);
    if (site.n >= sizeof(c->site) || (c->watermark_us != INT64_MIN && hash >= c->least))
        return;
    c->least = hash;
    snprintf(c->site, sizeof(c->site), "%.*s", SPAN_ARGS(site));
    c->watermark_us = watermark_us;
}

static int choose_site(struct choice *c, struct live *live, struct err *e)
{
    const struct live_options *o = live_options(live);
    struct view_ref ref = {.prefix = o->redis_prefix,
                           .view = c->plan->name,
                           .generation = c->generation,
                           .partition = o->partition};
    struct store *s;
    c->watermark_us = INT64_MIN;
    if (store_open(&s, &o->store, e) != 0)
        return -1;
    int result = store_each_site(s, &ref, consider_site, c, e);
    store_close(s);
    return result;
}

/* A page that is kept still. */
static void choose_page(struct choice *c)
{
    const struct tier *t = c->plan->tiers[0];
    int64_t kept_us = c->plan->retention_us[0];
    int64_t recent_us = kept_us != 0 && kept_us < RECENT_US ? kept_us : RECENT_US;
    int64_t time_us = c->watermark_us - (int64_t)draw(c, (uint64_t)recent_us);
    int64_t start_us = tier_slot_of(t, time_us).page_start_us;
    c->scope = (struct events_scope){span_of(c->site), start_us, tier_page_end(t, start_us)};
}

/* ---- the check */

static void report(const struct self_check *check, const struct choice *c,
                   const struct live_snapshot *s, const struct verify_result *r,
                   struct self_check_report *out)
{
    char from[CLOCK_TEXT_BYTES];
    const struct verify_difference *d = &r->differences[0];
    *out = (struct self_check_report){.outcome = r->n_differences == 0 ? SELF_CHECK_AGREES
                                                                       : SELF_CHECK_DIFFERS,
                                      .from_us = c->scope.from_us,
                                      .to_us = c->scope.to_us,
                                      .at_us = check->now_us,
                                      .offset = s->state.offset,
                                      .n_differences = r->n_differences};
    snprintf(out->view, sizeof(out->view), "%s", c->plan->name);
    snprintf(out->site, sizeof(out->site), "%s", c->site);
    metric_set(&last_check, check->now_us);
    if (r->n_differences == 0)
        return;
    clock_format(from, c->scope.from_us, 0);
    diag(DIAG_WARNING, "views",
         "self-check: view %s of site %s is not what SQL says in the %s from %s on: %llu "
         "differences, the first: %s of group %s should be %s and is %s. `footfall replay %s` "
         "builds it anew",
         c->plan->name, c->site, c->plan->tiers[0]->page_us == US_PER_HOUR ? "hour" : "page", from,
         (unsigned long long)r->n_differences, d->what, d->group, d->expected, d->stored,
         c->plan->name);
}

int self_check_run(const struct self_check *check, struct self_check_report *out, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct choice c = {.chance = check->chance};
    struct live_snapshot snapshot;
    struct verify_result result;
    pthread_once(&once, register_metrics);
    *out = (struct self_check_report){.outcome = SELF_CHECK_NONE};
    bool chosen = choose_view(&c, check->live);
    if (chosen && choose_site(&c, check->live, e) != 0)
        return -1;
    chosen = chosen && c.watermark_us >= EVENTS_SCOPE_FIRST_US + RECENT_US + 31 * US_PER_DAY &&
             c.watermark_us < EVENTS_SCOPE_LAST_US - 31 * US_PER_DAY;
    if (chosen) {
        choose_page(&c);
        struct verify_live_options o = {.live = check->live,
                                        .plan = c.plan,
                                        .scope = &c.scope,
                                        .tick = check->tick,
                                        .context = check->context};
        if (verify_live(&o, &snapshot, &result, e) != 0)
            return -1;
        report(check, &c, &snapshot, &result, out);
    }
    metric_add(&checks[out->outcome], 1);
    return 0;
}
