/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's inside, shared by its four files:
 *   writer.c         the queue, the thread, groups of appends
 *   writer_owner.c   the connection: take-over, fence, heartbeat, the window read back
 *   writer_plan.c    what of a group is new: repeats taken out, one row made
 *   writer_commit.c  the one statement; commits in doubt; poisoned requests
 * All but the queue belongs to the writer's thread (and to log_writer_start before it runs). */
#ifndef LOG_WRITER_H
#define LOG_WRITER_H

#include <pthread.h>
#include <stdatomic.h>

#include "log/log.h"
#include "log/repeats.h"
#include "log/sql.h"
#include "log/window.h"

/* Requests that are decided together; refs point into the appends. */
struct request_ref {
    struct append *append;
    struct append_request *request;
    bool taken; /* has events or a position or a key to store */
};

struct group {
    struct append *appends; /* linked by next */
    struct request_ref *refs;
    uint32_t n, cap;
};

/* What one commit stores. */
struct commit_plan {
    struct batch *batch; /* an append's own, or scratch; NULL: no events */
    struct batch *scratch;
    bool remove[BATCH_MAX_EVENTS]; /* duplicates, by place in the merged batch */
    uint32_t n_events, n_duplicates;
    uint64_t first_seq;
    int64_t batch_id;
};

enum doubt_state { DOUBT_NONE, DOUBT_OPEN, DOUBT_COMMITTED, DOUBT_NOT_COMMITTED };

struct log_writer {
    struct log_writer_options options;
    char *uri;
    pthread_t thread;

    pthread_mutex_t lock; /* the queue's */
    pthread_cond_t wake;
    struct append *head, **tail;
    uint32_t queued;
    bool stopping;

    struct sql *sql; /* NULL: not connected */
    uint64_t epoch, next_seq;
    int64_t backend_pid; /* of the last connection that owned the partition */
    bool window_current; /* the window holds the log's ids up to next_seq */
    int64_t down_since_us, retry_at_us, retry_delay_us; /* 0: not down */
    int64_t heartbeat_at_us;
    struct window *window;
    struct repeats *repeats;
    struct commit_plan plan;
    enum doubt_state doubt; /* about plan */

    _Atomic bool ready; /* owns the partition */
    struct {
        _Atomic uint64_t next_seq, epoch, commits, events, duplicates;
    } stats;
};

/* ---- writer_owner.c ---- */

/* One attempt to own the partition: connection, lock, epoch, end of the log, window. Settles a
 * commit in doubt. */
int writer_own(struct log_writer *w, struct err *e) MUST_CHECK;
/* Attempts until it owns the partition or the deadline (clock_monotonic_us) has passed. */
int writer_recover(struct log_writer *w, int64_t deadline_us, struct err *e) MUST_CHECK;
void writer_disown(struct log_writer *w); /* closes the connection */
/* Tells that we live; notices that another has taken over. Reconnects when it is time to. */
void writer_idle(struct log_writer *w);

/* ---- writer_plan.c ---- */

/* Decides requests [lo, hi): sets each outcome as it will be once the plan is committed, and the
 * plan. Nothing to store: plan->n_events 0 and no request taken. */
int writer_plan(struct log_writer *w, struct group *g, uint32_t lo, uint32_t hi,
                struct err *e) MUST_CHECK;

/* ---- writer_commit.c ---- */

int writer_prepare(struct log_writer *w, struct err *e) MUST_CHECK; /* the statements */
/* Whether the plan is in the log: after a take-over. */
int writer_look_for_plan(struct log_writer *w, bool *committed, struct err *e) MUST_CHECK;
/* Decides and stores all requests of the group; every outcome is final. */
void writer_commit(struct log_writer *w, struct group *g);

#endif
