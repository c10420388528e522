/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a view is replayed, Redis included, beside PostgreSQL's own GROUP BY over the same
 * events as plain rows: BENCH_VIEW and BENCH_EVENTS change which and how many. Prints a line each:
 * name, value, unit. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/view_rig.h"
#include "views/catalog.h"

enum { ROUNDS = 5 };

static double seconds_since(int64_t start_us)
{
    return (double)(clock_monotonic_us() - start_us) / 1e6;
}

static double group_by(struct view_rig *r, const struct plan *p)
{
    char *sql = mem_format("SET max_parallel_workers_per_gather = 0;"
                           "WITH events AS (SELECT * FROM plain) SELECT count(*) FROM (%s) q",
                           p->canonical);
    int64_t start_us = clock_monotonic_us();
    free(support_sql(r->postgres, sql));
    free(sql);
    return (double)r->appended / seconds_since(start_us);
}

static double replay(struct view_rig *r, const struct plan *p)
{
    struct job job = rig_wait_job(r, rig_add_job(r, JOB_REPLAY, p->name));
    if (job.state != JOB_DONE || strstr(job.result, "\"same\": true") == NULL)
        fail_msg("the replay did not give the same view: %s", job.result);
    double seconds = strtod(strstr(job.result, "\"seconds\": ") + strlen("\"seconds\": "), NULL);
    job_clear(&job);
    return (double)r->appended / seconds;
}

static void measure(void **state)
{
    struct view_rig *r = *state;
    const char *view = getenv("BENCH_VIEW"), *events = getenv("BENCH_EVENTS");
    const struct plan *p = plan_find(span_of(view == NULL ? "pageviews_by_region" : view));
    assert_non_null(p);
    r->plans = (const struct plan *[]){p, NULL};
    r->events.sites = 1;
    r->events.groups = 50;
    r->events.step_us = 20000;
    r->events.leap_permille = 0;
    r->events.late_percent = 1;
    r->events.late_us = 5 * US_PER_MINUTE;
    rig_append(r, events == NULL ? 3000000 : (uint32_t)atol(events), 8000);
    free(support_sql(r->postgres,
                     "CREATE TABLE plain AS SELECT seq, event_time, event_type, site, path, region,"
                     " country, browser, os, device, referrer_host, utm_source, utm_medium,"
                     " utm_campaign, visitor, bot FROM events"));
    free(support_sql(r->postgres, "VACUUM ANALYZE plain"));
    rig_live_start(r);
    rig_wait_caught_up(r);
    rig_runner_start(r);
    for (int i = 0; i < ROUNDS; i++) {
        double theirs = group_by(r, p), ours = replay(r, p);
        printf("replay %.0f events/s\ngroup-by %.0f events/s\nratio %.2f\n", ours, theirs,
               ours / theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(measure, rig_setup, rig_teardown)};
    return support_run("replay speed", tests, 1);
}
