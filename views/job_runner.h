/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that run jobs (log/jobs.h) in the process that owns the views: one for replays, which
 * also takes away generations that are not wanted any more, one for verifications and self-checks.
 * A job that is cut short (stop, servers away, ownership lost) stays unfinished, and whoever owns
 * the views next goes on. */
#ifndef VIEWS_JOB_RUNNER_H
#define VIEWS_JOB_RUNNER_H

#include "log/jobs.h"
#include "views/self_check.h"

struct job_runner;

struct job_runner_options {
    struct live *live;              /* outlives the workers */
    struct aggregate_limits limits; /* max_bytes: of all views of a replay together */
    size_t max_flush_bytes;         /* of one view: what Redis takes in one transaction */
    size_t max_open_bytes;          /* of all views of a replay together */
    uint32_t chunk_events;
    int flush_ms; /* a killed replay loses at most this much work */
    /* Of jobs that do not say: */
    unsigned replay_threads; /* 1 to JOB_MAX_THREADS */
    uint32_t replay_rate;    /* events a second; 0: no limit */
    unsigned self_check;     /* share of a processor, in per cent; 0: none */
};
/* The values serve uses, but for live. */
extern const struct job_runner_options job_runner_defaults;

int job_runner_start(struct job_runner **out, const struct job_runner_options *o,
                     struct err *e) MUST_CHECK;
void job_runner_stop(struct job_runner *w); /* NULL is fine */
void job_runner_wake(struct job_runner *w); /* a job was added or cancelled. Any thread */
/* Of the last self-check that compared something; at_us 0: none yet. Any thread. */
struct self_check_report job_runner_self_check(struct job_runner *w);

#endif
