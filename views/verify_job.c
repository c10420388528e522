/* SPDX-License-Identifier: Apache-2.0 */
/* Verification as a job: each view is compared as it was at one offset. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "views/job_run.h"
#include "views/verify_live.h"

struct check {
    struct job_run *run;
    const struct plan *plan;
    struct live_snapshot snapshot;
    struct verify_result result;
    int64_t started_us, ended_us;
};

static int tick(void *context, struct err *e)
{
    struct check *c = context;
    if (job_run_tell(c->run, c->run->progress.events_done, c->run->progress.events_total, e) != 0)
        return -1;
    return c->run->cancelled ? err_set(e, ERR_BUSY, "cancelled") : 0;
}

static int check_view(struct check *c, const struct events_scope *scope, struct err *e)
{
    struct verify_live_options o = {
        .live = c->run->options->live, .plan = c->plan, .scope = scope, .tick = tick, .context = c};
    c->started_us = clock_monotonic_us();
    int result = verify_live(&o, &c->snapshot, &c->result, e);
    c->ended_us = clock_monotonic_us();
    return result;
}

/* ---- what it is narrowed to */

static int64_t ceil_day(int64_t time_us)
{
    return clock_floor(time_us + US_PER_DAY - 1, US_PER_DAY);
}

/* Whole UTC days, so that pages lie inside. NULL: it is not narrowed. */
static const struct events_scope *scope_of(const struct job *j, struct events_scope *out)
{
    *out = (struct events_scope){SPAN_ABSENT, j->from_us, j->to_us};
    if (j->site[0] != '\0')
        out->site = span_of(j->site);
    if (j->from_us != INT64_MIN)
        out->from_us = clock_floor(j->from_us, US_PER_DAY);
    if (j->to_us != INT64_MAX)
        out->to_us = ceil_day(j->to_us);
    return j->site[0] == '\0' && j->from_us == INT64_MIN && j->to_us == INT64_MAX ? NULL : out;
}

/* ---- the result */

static void put_difference(struct writer *w, const struct verify_difference *d)
{
    char time[CLOCK_TEXT_BYTES];
    int n = clock_format(time, d->time_us, 0);
    writer_map(w, 7);
    writer_put_text(w, "site", span_of(d->site));
    writer_put_text(w, "tier", span_of(d->tier));
    writer_put_text(w, "time", (struct span){time, (size_t)n});
    writer_put_text(w, "group", span_of(d->group));
    writer_put_text(w, "measure", span_of(d->what));
    writer_put_text(w, "expected", span_of(d->expected));
    writer_put_text(w, "stored", span_of(d->stored));
}

static void put_check(struct writer *w, const struct check *c)
{
    const struct verify_result *r = &c->result;
    char digest[33];
    uint32_t listed =
        (uint32_t)(r->n_differences < VERIFY_MAX_DIFFERENCES ? r->n_differences
                                                             : VERIFY_MAX_DIFFERENCES);
    digest_format(c->snapshot.state.digest, digest);
    writer_map(w, 10);
    writer_put_text(w, "view", span_of(c->plan->name));
    writer_put_int(w, "generation", (int64_t)c->snapshot.copies.generation);
    writer_put_int(w, "offset", (int64_t)c->snapshot.state.offset);
    writer_put_bool(w, "agrees", r->n_differences == 0);
    writer_put_int(w, "pages", (int64_t)r->pages);
    writer_put_int(w, "groups", (int64_t)r->groups);
    writer_put_text(w, "digest", span_of(digest));
    writer_key(w, "seconds");
    writer_double(w, (double)(c->ended_us - c->started_us) / 1e6);
    writer_put_int(w, "n_differences", (int64_t)r->n_differences);
    writer_key(w, "differences");
    writer_array(w, listed);
    for (uint32_t i = 0; i < listed; i++)
        put_difference(w, &r->differences[i]);
}

static void put_bound(struct writer *w, const char *key, int64_t time_us)
{
    char time[CLOCK_TEXT_BYTES];
    bool open = time_us == INT64_MIN || time_us == INT64_MAX;
    int n = open ? 0 : clock_format(time, time_us, 0);
    writer_put_text(w, key, open ? SPAN_ABSENT : (struct span){time, (size_t)n});
}

/* What was compared, after rounding. */
static void put_scope(struct writer *w, const struct job *j)
{
    struct events_scope scope;
    (void)scope_of(j, &scope);
    writer_put_text(w, "site", scope.site);
    put_bound(w, "from", scope.from_us);
    put_bound(w, "to", scope.to_us);
}

static void put_result(struct job_run *run, const struct check *checks, unsigned n)
{
    struct writer w = writer_to(&run->result, WRITE_JSON);
    bool agrees = true;
    for (unsigned i = 0; i < n; i++)
        agrees = agrees && checks[i].result.n_differences == 0;
    writer_map(&w, 5);
    writer_put_bool(&w, "agrees", agrees);
    put_scope(&w, run->job);
    writer_key(&w, "views");
    writer_array(&w, n);
    for (unsigned i = 0; i < n; i++)
        put_check(&w, &checks[i]);
    writer_end(&w);
}

/* ---- the job */

static int check_all(struct job_run *run, struct check *checks, unsigned *n, struct err *e)
{
    struct live_overview live = live_overview(run->options->live);
    uint64_t total = live.head * run->job->n_views;
    struct events_scope bounds;
    const struct events_scope *scope = scope_of(run->job, &bounds);
    for (*n = 0; *n < run->job->n_views && !run->cancelled; (*n)++) {
        struct check *c = &checks[*n];
        c->run = run;
        c->plan = job_run_plan(run, *n, e);
        if (c->plan == NULL || job_run_tell_now(run, *n * live.head, total, e) != 0)
            return -1;
        if (!run->cancelled && check_view(c, scope, e) != 0)
            return -1;
    }
    return job_run_tell_now(run, total, total, e);
}

int verify_run(struct job_run *run, enum job_state *outcome, struct err *e)
{
    struct check *checks = mem_alloc(JOB_MAX_VIEWS * sizeof(*checks));
    unsigned n = 0;
    int result = check_all(run, checks, &n, e);
    *outcome = JOB_DONE;
    if (run->cancelled) {
        result = 0;
        *outcome = JOB_CANCELLED;
        buf_put_text(&run->result, "{}");
    } else if (result == 0) {
        put_result(run, checks, n);
    }
    free(checks);
    return result;
}
