/* SPDX-License-Identifier: Apache-2.0 */
/* Answers a question from the log, at once: batches that its time needs are read in parallel, each
 * run of them by whichever thread is free, and added up.
 *
 *   head -> runs of batches -> threads: read, query_part -> query_pages
 *
 * Everything is of one head: of the events before it, and no others. */
#ifndef VIEWS_QUERY_RUN_H
#define VIEWS_QUERY_RUN_H

#include "log/log.h"
#include "views/query_part.h"

/* Connections and threads, kept from question to question. One question at a time. */
struct query_runner;

struct query_runner_options {
    const char *postgres_uri; /* borrowed */
    unsigned n_threads;       /* 1 to PARALLEL_MAX_THREADS */
    size_t max_cells;         /* groups and slots, in each thread */
    size_t max_bytes;         /* of all threads together */
};
int query_runner_open(struct query_runner **out, const struct query_runner_options *o,
                      struct err *e) MUST_CHECK;
void query_runner_close(struct query_runner *r); /* NULL is fine */

enum query_end {
    QUERY_ANSWERED,
    QUERY_CANCELLED,
    QUERY_TIMED_OUT,
    QUERY_FULL, /* max_cells or max_bytes */
    QUERY_FAILED
};

/* How long a question is worth an answer. */
struct query_patience {
    int64_t deadline_us;                 /* monotonic */
    bool (*is_cancelled)(void *context); /* asked between reads, on any thread; NULL: it is not */
    void *context;
};
/* QUERY_ANSWERED: it still is; else *e says why not. */
enum query_end query_state(const struct query_patience *p, struct err *e);
/* The same for sql_set_tick: ends a statement under way. */
int query_tick(void *patience, struct err *e);

struct query_head {
    struct log_identity log;
    uint64_t offset;
};
int query_head(struct query_runner *r, const struct query_patience *p, struct query_head *out,
               struct err *e) MUST_CHECK;

struct query_call {
    const struct query_scope *scope;
    uint64_t offset; /* of query_head */
    struct query_patience patience;
};

struct query_result {
    enum query_end end;
    uint64_t read; /* events that PostgreSQL sent */
    struct query_counts counts;
    struct query_pages pages; /* to be cleared, whatever the end */
};

/* -1: end and *e say why. The scope must stay until the result is cleared. */
int query_run(struct query_runner *r, const struct query_call *call, struct query_result *out,
              struct err *e) MUST_CHECK;
void query_result_clear(struct query_result *r);

#endif
