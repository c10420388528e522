/* SPDX-License-Identifier: Apache-2.0 */
/* What the integration tests of views share: a fresh log with its writer, a Redis of their own
 * whose files can be put back, the live builder and the job runner, random events. */
#ifndef SUPPORT_VIEW_RIG_H
#define SUPPORT_VIEW_RIG_H

#include "base/servers.h"
#include "log/jobs.h"
#include "log/log.h"
#include "tests/support/support.h"
#include "tests/support/view_log.h"
#include "views/job_runner.h"
#include "views/verify_live.h"

struct view_rig {
    char *postgres;
    char *redis_folder;
    struct servers *redis_servers;
    char *redis; /* URI */
    struct log_writer *writer;
    struct live *live;         /* NULL: not running */
    struct job_runner *runner; /* NULL: not running */
    struct sql *sql;
    struct view_log events;          /* the generator */
    const struct plan *const *plans; /* installed by rig_live_start */
    struct view_set *views;
    struct live_options options; /* of the next rig_live_start */
    struct job_runner_options runner_options;
    uint64_t appended;
};

/* The shipped views and `everything`, a view with two dimensions, filters and short retention. */
extern const struct plan rig_everything;

/* For cmocka: a rig in *state; everything stopped at the end. */
int rig_setup(void **state);
int rig_teardown(void **state);

void rig_live_start(struct view_rig *r);
void rig_live_stop(struct view_rig *r); /* the runner too */
void rig_runner_start(struct view_rig *r);
void rig_runner_stop(struct view_rig *r);

/* Appends random events, durable when it returns, in batches of batch events. */
void rig_append(struct view_rig *r, uint32_t n, uint32_t batch);
/* Until every view is at the end of the log, and says so. */
void rig_wait_caught_up(struct view_rig *r);
struct live_view_status rig_status(struct view_rig *r, const char *view);

void rig_redis_kill9(struct view_rig *r);
void rig_redis_save(struct view_rig *r);    /* keeps a copy of its files */
void rig_redis_restore(struct view_rig *r); /* stops it, puts the copy back, starts it */
/* A Redis command, words ended by NULL; the reply as text, until the next call. */
const char *rig_redis(struct view_rig *r, ...) __attribute__((sentinel));
/* A key of the view's current generation: what follows the hash tag. Until the next call. */
const char *rig_key(struct view_rig *r, const char *view, const char *suffix);

/* Verifies a view by a snapshot; with live stopped, as it is. */
struct verify_result rig_verify(struct view_rig *r, const struct plan *p);
struct verify_result rig_verify_scope(struct view_rig *r, const struct plan *p,
                                      const struct events_scope *scope);
void rig_assert_agrees(struct view_rig *r); /* all views */

int64_t rig_add_job(struct view_rig *r, enum job_kind kind, const char *view); /* NULL: all views */
struct job rig_job(struct view_rig *r, int64_t id);                            /* job_clear it */
struct job rig_wait_job(struct view_rig *r, int64_t id); /* until it has ended */

#endif
