/* SPDX-License-Identifier: Apache-2.0 */
/* One job while a worker runs it: what replay and verify get and give. */
#ifndef VIEWS_JOB_RUN_H
#define VIEWS_JOB_RUN_H

#include <stdatomic.h>

#include "base/buf.h"
#include "log/jobs.h"
#include "views/job_runner.h"

struct job_run {
    struct job_runner *runner;
    const struct job_runner_options *options;
    const struct live_options *live; /* addresses, views */
    struct sql *sql;                 /* the worker's connection */
    struct view_fence fence;
    const struct job *job;
    const atomic_bool *stopping;

    bool cancelled;
    struct job_progress progress;
    uint64_t first_done; /* where this run began: for the rate */
    int64_t started_us, told_us;
    struct buf result; /* a JSON object */
};

/* The plan of view i of the job: for a replay of the pending definition if there is one, else of
 * what is read. NULL with ERR_INPUT: there is no such view; ERR_DATA: it has none. */
const struct plan *job_run_plan(const struct job_run *r, unsigned i, struct err *e);

/* Notes the progress about twice a second. -1 (ERR_BUSY) also when the worker is to stop; sets
 * r->cancelled. */
int job_run_tell(struct job_run *r, uint64_t done, uint64_t total, struct err *e) MUST_CHECK;
int job_run_tell_now(struct job_run *r, uint64_t done, uint64_t total, struct err *e) MUST_CHECK;

/* Waits so long, less when the worker is to stop. */
void job_run_pause(struct job_run *r, int64_t pause_us);

/* Each runs a job. 0: it has ended as *outcome says, r->result is set. -1: cut short (ERR_DOWN,
 * ERR_BUSY: to be gone on with) or failed (other kinds). */
int replay_run(struct job_run *r, enum job_state *outcome, struct err *e) MUST_CHECK;
int verify_run(struct job_run *r, enum job_state *outcome, struct err *e) MUST_CHECK;

#endif
