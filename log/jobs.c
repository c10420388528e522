/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of jobs. params: {"views": [name ...]}; of a replay "threads" and "rate"; of a
 * verification that is narrowed "site" and the microseconds "from" and "to"; "reason" when a change
 * of the views has cancelled it. progress: the numbers of struct job_progress. */
#include "log/jobs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static const char *const kind_names[] = {[JOB_REPLAY] = "replay", [JOB_VERIFY] = "verify"};
static const char *const state_names[] = {
    [JOB_WAITING] = "waiting", [JOB_RUNNING] = "running", [JOB_CANCELLING] = "cancelling",
    [JOB_DONE] = "done",       [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled"};

const char *job_kind_name(enum job_kind kind)
{
    return kind_names[kind];
}

const char *job_state_name(enum job_state state)
{
    return state_names[state];
}

void job_clear(struct job *j)
{
    free(j->result);
    j->result = NULL;
}

/* ---- rows to jobs */

#define EPOCH_US(column) "coalesce((extract(epoch FROM " column ") * 1000000)::bigint, 0)"
#define JOB_COLUMNS                                                                                \
    "j.id, j.kind, j.state, coalesce((j.progress->>'done')::bigint, 0),"                           \
    " coalesce((j.progress->>'total')::bigint, 0), coalesce(j.progress->>'rate', '0'),"            \
    " coalesce(j.progress->>'left', '-1'), " EPOCH_US("j.created_at") ", " EPOCH_US(               \
        "j.started_at") ", " EPOCH_US("j.finished_at") ", j.result,"                               \
                                                       " (SELECT string_agg(v, E'\\n' ORDER BY "   \
                                                       "n) FROM"                                   \
                                                       " jsonb_array_elements_text(j.params->'"    \
                                                       "views') WITH ORDINALITY AS views (v, n))," \
                                                       " coalesce((j.params->>'threads')::int, "   \
                                                       "0), "                                      \
                                                       "coalesce((j.params->>'rate')::bigint, "    \
                                                       "-1),"                                      \
                                                       " j.params->>'site',"                       \
                                                       " (j.params->>'from')::bigint,"             \
                                                       " (j.params->>'to')::bigint"

static int index_of(const char *const *names, int n, struct span name)
{
    for (int i = 0; i < n; i++)
        if (span_is(name, names[i]))
            return i;
    return 0;
}

static double double_of(struct span text)
{
    char copy[40];
    snprintf(copy, sizeof(copy), "%.*s", SPAN_ARGS(text));
    return strtod(copy, NULL);
}

static void split_views(struct job *out, struct span lines)
{
    for (const char *at = lines.p, *end = lines.p + lines.n; lines.p != NULL && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;
        if (out->n_views < JOB_MAX_VIEWS)
            snprintf(out->views[out->n_views++], VIEW_NAME_BYTES, "%.*s", (int)(stop - at), at);
        at = stop + 1;
    }
}

static void read_job(const struct sql_rows *r, int row, struct job *out)
{
    *out = (struct job){
        .id = sql_int(r, row, 0),
        .kind = (enum job_kind)index_of(kind_names, 2, sql_value(r, row, 1)),
        .state = (enum job_state)index_of(state_names, 6, sql_value(r, row, 2)),
        .progress = {(uint64_t)sql_int(r, row, 3), (uint64_t)sql_int(r, row, 4),
                     double_of(sql_value(r, row, 5)), double_of(sql_value(r, row, 6))},
        .created_us = sql_int(r, row, 7),
        .started_us = sql_int(r, row, 8),
        .finished_us = sql_int(r, row, 9),
    };
    if (!span_absent(sql_value(r, row, 10)))
        out->result = mem_copy_span(sql_value(r, row, 10));
    split_views(out, sql_value(r, row, 11));
    out->speed.threads = (uint32_t)sql_int(r, row, 12);
    out->speed.rate_given = sql_int(r, row, 13) >= 0;
    out->speed.rate = out->speed.rate_given ? (uint32_t)sql_int(r, row, 13) : 0;
    snprintf(out->site, sizeof(out->site), "%.*s", SPAN_ARGS(sql_value(r, row, 14)));
    out->from_us = span_absent(sql_value(r, row, 15)) ? INT64_MIN : sql_int(r, row, 15);
    out->to_us = span_absent(sql_value(r, row, 16)) ? INT64_MAX : sql_int(r, row, 16);
}

struct number {
    char text[24];
};

static struct number number_of(int64_t value)
{
    struct number n;
    snprintf(n.text, sizeof(n.text), "%" PRId64, value);
    return n;
}

/* At most one job. */
static int run_job(struct sql *s, const char *statement, struct sql_params params, struct job *out,
                   bool *found, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, statement, params, &rows, e) != 0)
        return -1;
    *found = rows.count > 0;
    if (*found)
        read_job(&rows, 0, out);
    sql_rows_clear(&rows);
    return 0;
}

/* ---- for anybody */

static const char add_job[] =
    "WITH wanted AS (SELECT array_agg(v) AS names FROM jsonb_array_elements_text($2::jsonb) v),"
    " rival AS (SELECT min(id) AS id FROM job, wanted WHERE kind = 'replay' AND $1 = 'replay'"
    " AND finished_at IS NULL AND params->'views' ?| wanted.names),"
    " added AS (INSERT INTO job (kind, params)"
    " SELECT $1, jsonb_build_object('views', $2::jsonb) || $3::jsonb FROM rival"
    " WHERE rival.id IS NULL"
    " RETURNING id)"
    " SELECT coalesce((SELECT id FROM added), 0), coalesce((SELECT id FROM rival), 0)";

static int add_in_transaction(struct sql *s, struct sql_params params, int64_t ids[2],
                              struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, "BEGIN; LOCK TABLE job IN SHARE ROW EXCLUSIVE MODE", SQL_NO_PARAMS, NULL, e) !=
        0)
        return -1;
    int result = sql_run(s, add_job, params, &rows, e);
    if (result == 0) {
        ids[0] = sql_int(&rows, 0, 0);
        ids[1] = sql_int(&rows, 0, 1);
        sql_rows_clear(&rows);
    }
    if (sql_run(s, result == 0 ? "COMMIT" : "ROLLBACK", SQL_NO_PARAMS, NULL, e) != 0)
        return -1;
    return result;
}

/* What was said of it, as an object: speed, then scope. */
static void put_number(struct buf *json, const char *name, int64_t value)
{
    buf_printf(json, "%s\"%s\":%" PRId64, json->n > 1 ? "," : "", name, value);
}

static void put_speed(struct buf *json, const struct job_speed *speed)
{
    if (speed->threads != 0)
        put_number(json, "threads", speed->threads);
    if (speed->rate_given)
        put_number(json, "rate", speed->rate);
}

static void put_scope(struct buf *json, const struct events_scope *scope)
{
    if (scope == NULL)
        return;
    if (!span_absent(scope->site)) {
        buf_put_text(json, json->n > 1 ? ",\"site\":" : "\"site\":");
        buf_put_json(json, scope->site);
    }
    if (scope->from_us != INT64_MIN)
        put_number(json, "from", scope->from_us);
    if (scope->to_us != INT64_MAX)
        put_number(json, "to", scope->to_us);
}

int jobs_add(struct sql *s, enum job_kind kind, struct job_views views, int64_t *id,
             int64_t *running, struct err *e)
{
    assert(views.n >= 1 && views.n <= JOB_MAX_VIEWS);
    struct buf json = {0}, more = {0};
    buf_put_byte(&more, '{');
    put_speed(&more, &views.speed);
    put_scope(&more, views.scope);
    buf_put_byte(&more, '}');
    for (unsigned i = 0; i < views.n; i++) {
        buf_put_byte(&json, i == 0 ? '[' : ',');
        buf_put_json(&json, views.names[i]);
    }
    buf_put_byte(&json, ']');
    int64_t ids[2] = {0, 0};
    int result = add_in_transaction(
        s, SQL_PARAMS(span_of(kind_names[kind]), buf_span(&json), buf_span(&more)), ids, e);
    *id = ids[0];
    *running = ids[1];
    buf_clear(&json);
    buf_clear(&more);
    return result;
}

int jobs_get(struct sql *s, int64_t id, struct job *out, bool *found, struct err *e)
{
    struct number number = number_of(id);
    return run_job(s, "SELECT " JOB_COLUMNS " FROM job j WHERE j.id = $1::bigint",
                   SQL_PARAMS(span_of(number.text)), out, found, e);
}

int jobs_each(struct sql *s, enum job_kind kind, void (*each)(void *context, const struct job *j),
              void *context, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s,
                "SELECT " JOB_COLUMNS " FROM job j WHERE j.kind = $1 ORDER BY j.id DESC LIMIT 100",
                SQL_PARAMS(span_of(kind_names[kind])), &rows, e) != 0)
        return -1;
    for (int i = 0; i < rows.count; i++) {
        struct job job;
        read_job(&rows, i, &job);
        each(context, &job);
        job_clear(&job);
    }
    sql_rows_clear(&rows);
    return 0;
}

int jobs_cancel(struct sql *s, int64_t id, bool *found, struct err *e)
{
    struct number number = number_of(id);
    struct sql_rows rows = {0};
    if (sql_run(
            s,
            "UPDATE job SET"
            " finished_at = CASE WHEN state = 'waiting' THEN now() ELSE finished_at END,"
            " state = CASE state WHEN 'waiting' THEN 'cancelled' WHEN 'running' THEN 'cancelling'"
            " ELSE state END WHERE id = $1::bigint RETURNING 1",
            SQL_PARAMS(span_of(number.text)), &rows, e) != 0)
        return -1;
    *found = rows.count == 1;
    sql_rows_clear(&rows);
    return 0;
}

/* ---- for the owner */

#define FENCE                                                                                      \
    "WITH fence AS (SELECT epoch FROM view_owner"                                                  \
    " WHERE partition = $1::int AND epoch = $2::bigint FOR SHARE) "

int jobs_next(struct sql *s, struct view_fence fence, enum job_kind kind, struct job *out,
              bool *found, struct err *e)
{
    struct number partition = number_of(fence.partition), epoch = number_of((int64_t)fence.epoch);
    return run_job(
        s,
        FENCE "UPDATE job j SET"
              " state = CASE j.state WHEN 'waiting' THEN 'running' ELSE j.state END,"
              " started_at = coalesce(j.started_at, now()), heartbeat_at = now(),"
              " owner = 'epoch ' || fence.epoch FROM fence"
              " WHERE j.id = (SELECT min(id) FROM job WHERE kind = $3"
              " AND finished_at IS NULL) AND j.finished_at IS NULL"
              " RETURNING " JOB_COLUMNS,
        SQL_PARAMS(span_of(partition.text), span_of(epoch.text), span_of(kind_names[kind])), out,
        found, e);
}

/* A statement that changes the job, under the fence, and returns one value. */
static int change(struct sql *s, struct view_fence fence, const char *statement,
                  const struct span more[3], struct sql_rows *rows, struct err *e)
{
    struct number partition = number_of(fence.partition), epoch = number_of((int64_t)fence.epoch);
    const struct span values[5] = {span_of(partition.text), span_of(epoch.text), more[0], more[1],
                                   more[2]};
    *rows = (struct sql_rows){0};
    if (sql_run(s, statement, (struct sql_params){values, span_absent(more[2]) ? 4 : 5}, rows, e) !=
        0)
        return -1;
    if (rows->count == 1)
        return 0;
    sql_rows_clear(rows);
    return err_set(e, ERR_BUSY, "another process has taken the views over, or the job is gone");
}

int jobs_progress(struct sql *s, struct view_fence fence, int64_t id,
                  const struct job_progress *progress, bool *cancelled, struct err *e)
{
    char json[200];
    struct number number = number_of(id);
    struct sql_rows rows;
    snprintf(json, sizeof(json),
             "{\"done\":%" PRIu64 ",\"total\":%" PRIu64 ",\"rate\":%.0f,\"left\":%.1f}",
             progress->events_done, progress->events_total, progress->events_per_second,
             progress->seconds_left);
    if (change(s, fence,
               FENCE "UPDATE job j SET progress = $4::jsonb, heartbeat_at = now() FROM fence"
                     " WHERE j.id = $3::bigint AND j.finished_at IS NULL RETURNING j.state",
               (struct span[3]){span_of(number.text), span_of(json), SPAN_ABSENT}, &rows, e) != 0)
        return -1;
    *cancelled = span_is(sql_value(&rows, 0, 0), state_names[JOB_CANCELLING]);
    sql_rows_clear(&rows);
    return 0;
}

int jobs_finish(struct sql *s, struct view_fence fence, int64_t id, enum job_state state,
                struct span result, struct err *e)
{
    assert(job_state_is_final(state));
    struct number number = number_of(id);
    struct sql_rows rows;
    if (change(s, fence,
               FENCE "UPDATE job j SET state = $4, finished_at = now(),"
                     " result = CASE WHEN $4 = 'cancelled' AND j.params ? 'reason'"
                     " THEN $5::jsonb || jsonb_build_object('error', j.params->'reason')"
                     " ELSE $5::jsonb END,"
                     " heartbeat_at = now() FROM fence WHERE j.id = $3::bigint RETURNING 1",
               (struct span[3]){span_of(number.text), span_of(state_names[state]), result}, &rows,
               e) != 0)
        return -1;
    sql_rows_clear(&rows);
    return 0;
}
