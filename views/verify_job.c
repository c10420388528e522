/* SPDX-License-Identifier: Apache-2.0 */
/* Verification as a job: each view is held at its offset while it is compared. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "views/job_run.h"
#include "views/verify.h"

enum {
    HOLD_TIMEOUT_MS = 30000,
    ATTEMPTS = 3 /* when the builder had to start anew meanwhile */
};

struct check {
    struct job_run *run;
    const struct plan *plan;
    struct live_hold hold;
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

static int compare(struct check *c, struct err *e)
{
    const struct live_options *live = c->run->live;
    struct verify_options o = {
        .postgres_uri = live->postgres_uri,
        .store = live->store,
        .plan = c->plan,
        .ref = {live->redis_prefix, c->plan->name, c->hold.generation, live->partition},
        .state = &c->hold.state,
        .tick = tick,
        .context = c};
    return verify_view(&o, &c->result, e);
}

static int check_view(struct check *c, struct err *e)
{
    struct live *live = c->run->options->live;
    c->started_us = clock_monotonic_us();
    for (int i = 0; i < ATTEMPTS; i++) {
        struct err failure = {0};
        if (live_hold(live, c->plan->name, HOLD_TIMEOUT_MS, &c->hold, e) != 0)
            return -1;
        int result = compare(c, &failure);
        bool kept = live_release(live, c->plan->name, &c->hold);
        c->ended_us = clock_monotonic_us();
        if (result != 0 && (kept || c->run->cancelled))
            return err_set(e, failure.kind, "%s", failure.text);
        if (result == 0 && kept)
            return 0;
    }
    return err_set(e, ERR_BUSY, "view %s had to be built anew while it was verified",
                   c->plan->name);
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
    digest_format(c->hold.state.digest, digest);
    writer_map(w, 10);
    writer_put_text(w, "view", span_of(c->plan->name));
    writer_put_int(w, "generation", (int64_t)c->hold.generation);
    writer_put_int(w, "offset", (int64_t)c->hold.state.offset);
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

static void put_result(struct job_run *run, const struct check *checks, unsigned n)
{
    struct writer w = writer_to(&run->result, WRITE_JSON);
    bool agrees = true;
    for (unsigned i = 0; i < n; i++)
        agrees = agrees && checks[i].result.n_differences == 0;
    writer_map(&w, 2);
    writer_put_bool(&w, "agrees", agrees);
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
    for (*n = 0; *n < run->job->n_views && !run->cancelled; (*n)++) {
        struct check *c = &checks[*n];
        c->run = run;
        c->plan = job_run_plan(run, *n, e);
        if (c->plan == NULL || job_run_tell_now(run, *n * live.head, total, e) != 0)
            return -1;
        if (!run->cancelled && check_view(c, e) != 0)
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
