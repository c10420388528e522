/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded pool of threads for what may block (PostgreSQL): jobs wait in one bounded queue. The
 * HTTP loops submit and get the result back as a message that the job posts. */
#ifndef BASE_WORKERS_H
#define BASE_WORKERS_H

#include "base/err.h"

struct workers;

/* Embed it. It is the pool's from workers_submit until run is called. */
struct worker_job {
    void (*run)(struct worker_job *job, void *thread); /* on a worker; thread: what open gave it */
    struct worker_job *next;                           /* the pool's */
};

struct workers_options {
    unsigned n_threads, max_waiting;
    void *(*open)(void *context); /* a thread's own (its connections); on the thread. May be NULL */
    void (*close)(void *thread);
    void *context;
};

int workers_start(struct workers **out, const struct workers_options *o, struct err *e) MUST_CHECK;
/* Any thread. ERR_BUSY when max_waiting jobs wait: then run is not called. */
int workers_submit(struct workers *w, struct worker_job *job, struct err *e) MUST_CHECK;
unsigned workers_waiting(struct workers *w);
void workers_stop(struct workers *w); /* runs what waits, ends the threads; NULL is fine */

#endif
