/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs (replays, verifications), kept in PostgreSQL: any process adds, asks and cancels; the owner
 * of the views runs them, one of a kind after another, and goes on with what a former owner left.
 */
#ifndef LOG_JOBS_H
#define LOG_JOBS_H

#include "log/events_sql.h"
#include "log/sites.h"
#include "log/sql.h"
#include "log/view_registry.h"

enum job_kind { JOB_REPLAY, JOB_VERIFY };
enum job_state {
    JOB_WAITING,
    JOB_RUNNING,
    JOB_CANCELLING, /* running, and told to stop */
    JOB_DONE,
    JOB_FAILED,
    JOB_CANCELLED
};
const char *job_kind_name(enum job_kind kind);
const char *job_state_name(enum job_state state);
static inline bool job_state_is_final(enum job_state state)
{
    return state >= JOB_DONE;
}

enum { JOB_MAX_VIEWS = 64, JOB_MAX_THREADS = 16, JOB_MAX_RATE = 100000000 };

/* How fast a replay is to go. */
struct job_speed {
    uint32_t threads; /* 1 to JOB_MAX_THREADS; 0: as the service is configured */
    bool rate_given;
    uint32_t rate; /* events a second, up to JOB_MAX_RATE; 0: no limit */
};

struct job_progress {
    uint64_t events_done, events_total;
    double events_per_second;
    double seconds_left; /* negative: not known */
};

struct job {
    int64_t id;
    enum job_kind kind;
    enum job_state state;
    char views[JOB_MAX_VIEWS][VIEW_NAME_BYTES];
    unsigned n_views;
    struct job_speed speed;
    char site[SITE_BYTES];  /* what a verification is narrowed to; "": all sites */
    int64_t from_us, to_us; /* the same; INT64_MIN, INT64_MAX: no bound */
    struct job_progress progress;
    int64_t created_us, started_us, finished_us; /* 0: not yet */
    char *result; /* a JSON object, when it is done or failed; NULL before. job_clear frees it */
};
void job_clear(struct job *j);

/* ---- for anybody */

struct job_views {
    const struct span *names;
    unsigned n;                       /* 1 to JOB_MAX_VIEWS */
    struct job_speed speed;           /* of a replay */
    const struct events_scope *scope; /* of a verification; NULL: all */
};
/* *id is the new job's; when one of the views is being replayed already (JOB_REPLAY) it is 0, and
 * *running is the job that does. */
int jobs_add(struct sql *s, enum job_kind kind, struct job_views views, int64_t *id,
             int64_t *running, struct err *e) MUST_CHECK;
int jobs_get(struct sql *s, int64_t id, struct job *out, bool *found, struct err *e) MUST_CHECK;
/* The newest first, at most 100. */
int jobs_each(struct sql *s, enum job_kind kind, void (*each)(void *context, const struct job *j),
              void *context, struct err *e) MUST_CHECK;
/* A waiting job is cancelled, a running one told to stop; one that has ended stays as it is. */
int jobs_cancel(struct sql *s, int64_t id, bool *found, struct err *e) MUST_CHECK;

/* ---- for the owner of the views; ERR_BUSY: not the owner any more */

/* The oldest job of the kind that has not ended becomes running (or stays cancelling). */
int jobs_next(struct sql *s, struct view_fence fence, enum job_kind kind, struct job *out,
              bool *found, struct err *e) MUST_CHECK;
/* Notes the progress; *cancelled: the job was told to stop. */
int jobs_progress(struct sql *s, struct view_fence fence, int64_t id,
                  const struct job_progress *progress, bool *cancelled, struct err *e) MUST_CHECK;
/* result: a JSON object. */
int jobs_finish(struct sql *s, struct view_fence fence, int64_t id, enum job_state state,
                struct span result, struct err *e) MUST_CHECK;

#endif
