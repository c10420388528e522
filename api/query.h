/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/query in three steps, what they share:
 *
 *   query_post   the request is understood, who asks may; it waits for a thread    (loop)
 *   query_work   SELECT -> plan -> the log (or an answer kept in Redis) -> bytes   (thread)
 *   query_post   the answer, what it counts for                                    (loop)
 */
#ifndef API_QUERY_H
#define API_QUERY_H

#include "api/query_ask.h"
#include "api/rows_write.h"
#include "api/task.h"
#include "views/definition.h"
#include "views/query_run.h"
#include "views/store_cache.h"

/* How a query ended, as /metrics counts it. */
enum query_outcome {
    QUERY_OUTCOME_ANSWERED,
    QUERY_OUTCOME_CACHED,
    QUERY_OUTCOME_REFUSED,
    QUERY_OUTCOME_TIMED_OUT,
    QUERY_OUTCOME_CANCELLED,
    QUERY_OUTCOME_BUSY,
    QUERY_OUTCOME_FAILED,
    N_QUERY_OUTCOMES
};

/* A query under way: the task's data. The task's input is the SELECT. */
struct query_task {
    struct query_ask ask;
    char site[SITE_BYTES];
    enum rows_form form;
    int64_t started_us; /* monotonic, as is the deadline */
    int64_t deadline_us;
    bool is_open;           /* of somebody without a token */
    _Atomic bool *stopping; /* the service is */
    _Atomic bool gone;      /* the client has left */
    enum query_outcome outcome;
    struct definition_place place; /* of what is wrong in the SELECT */
    uint64_t read;                 /* events */
};

/* A thread's connections. */
struct query_thread {
    struct task_thread task; /* first: task_thread_close frees it all */
    const struct api *api;
    struct query_runner *runner;
    struct store *cache;
    int64_t cache_again_us; /* Redis was away: not before then */
};
void *query_thread_open(void *context); /* workers_options; context: the struct api */
void query_thread_close(void *thread);

/* task.work */
int query_work(struct task *t, struct task_thread *thread);

enum { QUERY_THREADS = 2, QUERY_MAX_WAITING = 16 }; /* at once, and behind them */

void query_register_metrics(void); /* once a process */

#endif
