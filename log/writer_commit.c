/* SPDX-License-Identifier: Apache-2.0 */
/* The commit: one statement that appends the batch under the fence and stores keys and positions;
 * what its end means; commits whose end was not seen; requests PostgreSQL refuses. */
#include <assert.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/diag.h"
#include "log/writer.h"

enum {
    FIXED_PARAMS =
        8, /* partition, epoch, first_seq, event_count, schema_id, batch_id, min, max time */
    BATCH_PARAMS = FIXED_PARAMS + N_EVENT_COLUMNS,
    ALL_PARAMS = BATCH_PARAMS + REPEATS_PARAMS
};

#define PLAIN_STATEMENT "append"
#define FULL_STATEMENT "append_with_repeats"

/* ------------------------------------------------------------------ the statements */

/* OIDs of pg_type.dat: int4, int8, timestamptz; arrays by element type. */
static const Oid fixed_types[FIXED_PARAMS] = {23, 20, 20, 23, 23, 20, 1184, 1184};
static const Oid repeat_types[REPEATS_PARAMS] = {1016, 1009, 1009, 1001, 1009,
                                                 1016, 1009, 1009, 1016};
static const Oid column_types[] = {
    [COLUMN_TEXT] = 1009, [COLUMN_INT8] = 1016, [COLUMN_BOOL] = 1000,
    [COLUMN_UUID] = 2951, [COLUMN_TIME] = 1185, [COLUMN_JSON] = 3807};

static void put_insert(struct buf *out)
{
    buf_put_text(out,
                 "INSERT INTO log_tail (partition, first_seq, event_count, schema_id, batch_id,"
                 " min_time, max_time");
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        buf_printf(out, ", %s", event_columns[c].sql_name);
    buf_put_text(out, ") SELECT $1, $3, $4, $5, $6, $7, $8");
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        buf_printf(out, ", $%d", FIXED_PARAMS + c + 1);
}

static void put_repeats(struct buf *out)
{
    int p = BATCH_PARAMS + 1;
    buf_printf(
        out,
        ", keys AS (INSERT INTO idempotency_key AS k (partition, scope, site, key, body_hash,"
        " answer, batch_id) SELECT $1, u.*, $6 FROM head, unnest($%d, $%d, $%d, $%d, $%d) u"
        " ON CONFLICT (partition, scope, site, key) DO UPDATE SET body_hash ="
        " EXCLUDED.body_hash, answer = EXCLUDED.answer, batch_id = EXCLUDED.batch_id,"
        " created_at = now())",
        p, p + 1, p + 2, p + 3, p + 4);
    buf_printf(
        out,
        ", positions AS (INSERT INTO source_position (partition, scope, site, name, position,"
        " batch_id) SELECT $1, u.*, $6 FROM head, unnest($%d, $%d, $%d, $%d) u"
        " ON CONFLICT (partition, scope, site, name) DO UPDATE SET position ="
        " EXCLUDED.position, batch_id = EXCLUDED.batch_id, updated_at = now())",
        p + 5, p + 6, p + 7, p + 8);
}

static int prepare(struct log_writer *w, const char *name, struct buf *text, int n_params,
                   struct err *e)
{
    Oid types[ALL_PARAMS];
    memcpy(types, fixed_types, sizeof(fixed_types));
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        types[FIXED_PARAMS + c] = column_types[event_columns[c].type];
    memcpy(types + BATCH_PARAMS, repeat_types, sizeof(repeat_types));
    buf_put_byte(text, '\0');
    int sent = PQsendPrepare(sql_handle(w->sql), name, (const char *)text->p, n_params, types);
    PGresult *result = sent == 1 ? sql_answer(w->sql) : NULL;
    int status = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;
    if (status != 0)
        err_set(e, sql_is_down(w->sql) ? ERR_DOWN : ERR_DATA, "PostgreSQL: %s",
                PQerrorMessage(sql_handle(w->sql)));
    PQclear(result);
    buf_clear(text);
    return status;
}

int writer_prepare(struct log_writer *w, struct err *e)
{
    static const char fence[] = "FROM log_head WHERE partition = $1 AND epoch = $2 FOR SHARE";
    struct buf plain = {0}, full = {0};
    put_insert(&plain);
    buf_printf(&plain, " %s", fence);
    if (prepare(w, PLAIN_STATEMENT, &plain, BATCH_PARAMS, e) != 0)
        return -1;
    buf_printf(&full, "WITH head AS MATERIALIZED (SELECT %s), batch AS (", fence);
    put_insert(&full);
    buf_put_text(&full, " FROM head WHERE $4 > 0)");
    put_repeats(&full);
    buf_put_text(&full, " SELECT FROM head");
    return prepare(w, FULL_STATEMENT, &full, ALL_PARAMS, e);
}

/* ------------------------------------------------------------------ sending */

struct params {
    uint32_t partition, event_count, schema_id;
    uint64_t epoch, first_seq, batch_id, min_time, max_time;
    const char *values[ALL_PARAMS];
    int lengths[ALL_PARAMS];
};

static void put_fixed(struct params *p, const struct log_writer *w)
{
    const struct commit_plan *plan = &w->plan;
    int64_t min_us = plan->batch == NULL ? 0 : plan->batch->min_time_us;
    int64_t max_us = plan->batch == NULL ? 0 : plan->batch->max_time_us;
    p->partition = htobe32(w->options.partition);
    p->epoch = htobe64(w->epoch);
    p->first_seq = htobe64(plan->first_seq);
    p->event_count = htobe32(plan->n_events);
    p->schema_id = htobe32(EVENT_SCHEMA_ID);
    p->batch_id = htobe64((uint64_t)plan->batch_id);
    p->min_time = htobe64((uint64_t)(min_us - PG_EPOCH_US));
    p->max_time = htobe64((uint64_t)(max_us - PG_EPOCH_US));
    const void *const values[FIXED_PARAMS] = {&p->partition,   &p->epoch,     &p->first_seq,
                                              &p->event_count, &p->schema_id, &p->batch_id,
                                              &p->min_time,    &p->max_time};
    static const int lengths[FIXED_PARAMS] = {4, 8, 8, 4, 4, 8, 8, 8};
    memcpy(p->values, values, sizeof(values));
    memcpy(p->lengths, lengths, sizeof(lengths));
}

static void put_span(struct params *p, int at, struct span s)
{
    p->values[at] = s.p;
    p->lengths[at] = (int)s.n;
}

static bool send_statement(struct log_writer *w, bool with_repeats)
{
    static const int binary[ALL_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    _Static_assert(ALL_PARAMS == 42, "one for each");
    struct params p;
    struct span repeats[REPEATS_PARAMS];
    put_fixed(&p, w);
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        put_span(&p, FIXED_PARAMS + c,
                 w->plan.batch == NULL ? SPAN_ABSENT : batch_array(w->plan.batch, c));
    if (with_repeats)
        repeats_params(w->repeats, repeats);
    for (int i = 0; with_repeats && i < REPEATS_PARAMS; i++)
        put_span(&p, BATCH_PARAMS + i, repeats[i]);
    return PQsendQueryPrepared(sql_handle(w->sql), with_repeats ? FULL_STATEMENT : PLAIN_STATEMENT,
                               with_repeats ? ALL_PARAMS : BATCH_PARAMS, p.values, p.lengths,
                               binary, 1) == 1;
}

enum end {
    END_COMMITTED,
    END_FENCED,  /* the epoch is not ours any more: nothing was stored */
    END_REFUSED, /* its data: SQLSTATE class 22 or 23 */
    END_FAILED,  /* rolled back for another reason */
    END_UNSEEN   /* committed or not */
};

static enum end end_of(const PGresult *result, struct err *e)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return strcmp(PQcmdTuples((PGresult *)result), "1") == 0 ? END_COMMITTED : END_FENCED;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    err_set(e, ERR_DOWN, "%s", text == NULL ? PQresultErrorMessage(result) : text);
    if (severity == NULL || state == NULL || strcmp(severity, "ERROR") != 0)
        return END_UNSEEN; /* FATAL may come after the commit */
    bool refused = strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
    return refused ? END_REFUSED : END_FAILED;
}

static enum end send_plan(struct log_writer *w, struct err *e)
{
    bool with_repeats = repeats_has_news(w->repeats);
    if (!send_statement(w, with_repeats))
        return END_UNSEEN;
    PGresult *result = sql_await(w->sql);
    if (result == NULL)
        return END_UNSEEN;
    enum end end = end_of(result, e);
    PQclear(result);
    if (end != END_UNSEEN)
        for (PGresult *rest; (rest = sql_await(w->sql)) != NULL;)
            PQclear(rest);
    return end;
}

/* ------------------------------------------------------------------ in doubt */

int writer_look_for_plan(struct log_writer *w, bool *committed, struct err *e)
{
    char text[640];
    struct sql_rows rows = {0};
    snprintf(
        text, sizeof(text),
        "SELECT EXISTS (SELECT FROM log_batch WHERE partition = %1$u AND first_seq = %2$" PRIu64
        " AND batch_id = %3$" PRId64 ")"
        " OR EXISTS (SELECT FROM log_tail WHERE partition = %1$u AND first_seq = %2$" PRIu64
        " AND batch_id = %3$" PRId64 ")"
        " OR EXISTS (SELECT FROM source_position WHERE partition = %1$u AND batch_id = %3$" PRId64
        ") OR EXISTS (SELECT FROM idempotency_key WHERE partition = %1$u AND batch_id = %3$" PRId64
        " AND created_at > now() - interval '1 hour')",
        w->options.partition, w->plan.first_seq, w->plan.batch_id);
    if (sql_run(w->sql, text, SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    *committed = sql_bool(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

static void account(struct log_writer *w)
{
    atomic_fetch_add(&w->stats.commits, 1);
    atomic_fetch_add(&w->stats.events, w->plan.n_events);
    atomic_fetch_add(&w->stats.duplicates, w->plan.n_duplicates);
    atomic_store(&w->stats.next_seq, w->next_seq);
    if (w->options.on_append != NULL && w->plan.n_events > 0)
        w->options.on_append(w->options.context, w->options.partition, w->next_seq);
}

/* Finds out after a take-over. What cannot be found out in time is forgotten for good: the sender
 * is told so, and the log will show at the next take-over. */
static enum doubt_state resolve_doubt(struct log_writer *w, int64_t deadline_us)
{
    struct err e = {0};
    diag(DIAG_WARNING, "log", "partition %u: a commit of %u events at %" PRIu64 " is in doubt",
         w->options.partition, w->plan.n_events, w->plan.first_seq);
    w->doubt = DOUBT_OPEN;
    writer_disown(w);
    int recovered = writer_recover(w, deadline_us, &e);
    enum doubt_state state = w->doubt;
    w->doubt = DOUBT_NONE;
    if (state == DOUBT_COMMITTED)
        account(w);
    if (state == DOUBT_OPEN) {
        window_rollback(w->window);
        w->window_current = false;
    }
    diag(DIAG_WARNING, "log", "partition %u: the commit at %" PRIu64 " %s%s", w->options.partition,
         w->plan.first_seq,
         state == DOUBT_COMMITTED ? "had happened"
         : state == DOUBT_OPEN    ? "stays unknown: "
                                  : "had not happened",
         recovered == 0 ? "" : e.text);
    return state;
}

/* ------------------------------------------------------------------ a range of requests */

static void set_outcome(struct group *g, uint32_t lo, uint32_t hi, enum append_outcome outcome)
{
    for (uint32_t i = lo; i < hi; i++)
        g->refs[i].request->outcome = outcome;
}

/* The requests that were decided without storing anything keep their answers. */
static void set_taken_outcome(struct group *g, uint32_t lo, uint32_t hi,
                              enum append_outcome outcome)
{
    for (uint32_t i = lo; i < hi; i++)
        if (g->refs[i].taken)
            g->refs[i].request->outcome = outcome;
}

struct range {
    uint32_t lo, hi;
    bool poisoned; /* PostgreSQL refused it */
};

/* The plan could not be made. false: try again. */
static bool on_no_plan(struct log_writer *w, struct group *g, struct range *r, const struct err *e)
{
    window_rollback(w->window);
    r->poisoned = e->kind == ERR_INPUT;
    if (e->kind == ERR_DOWN)
        writer_disown(w);
    else if (!r->poisoned)
        set_outcome(g, r->lo, r->hi, APPEND_UNAVAILABLE);
    return e->kind != ERR_DOWN;
}

/* Nothing was stored, for sure. */
static void on_not_stored(struct log_writer *w, struct group *g, struct range *r, enum end end,
                          const struct err *e)
{
    window_rollback(w->window);
    r->poisoned = end == END_REFUSED;
    if (r->poisoned)
        return;
    set_taken_outcome(g, r->lo, r->hi, APPEND_UNAVAILABLE);
    diag(DIAG_ERROR, "log", "partition %u: %s", w->options.partition,
         end == END_FENCED ? "another Footfall has taken it over" : e->text);
    if (end == END_FENCED)
        writer_disown(w);
}

/* The statement's end was not seen. false: it was not carried out, try again. */
static bool on_unseen(struct log_writer *w, struct group *g, const struct range *r,
                      int64_t deadline_us)
{
    enum doubt_state state = resolve_doubt(w, deadline_us);
    if (state == DOUBT_OPEN)
        set_taken_outcome(g, r->lo, r->hi, APPEND_UNKNOWN);
    return state != DOUBT_NOT_COMMITTED;
}

static void on_committed(struct log_writer *w)
{
    window_commit(w->window);
    w->next_seq += w->plan.n_events;
    account(w);
}

/* One try. false: not decided yet, try again. */
static bool try_range(struct log_writer *w, struct group *g, struct range *r, int64_t deadline_us,
                      struct err *e)
{
    if (w->sql == NULL && writer_recover(w, deadline_us, e) != 0) {
        set_outcome(g, r->lo, r->hi, APPEND_UNAVAILABLE);
        return true;
    }
    if (writer_plan(w, g, r->lo, r->hi, e) != 0)
        return on_no_plan(w, g, r, e);
    if (w->plan.n_events == 0 && !repeats_has_news(w->repeats))
        return true;
    enum end end = send_plan(w, e);
    if (end == END_UNSEEN)
        return on_unseen(w, g, r, deadline_us);
    if (end == END_COMMITTED)
        on_committed(w);
    else
        on_not_stored(w, g, r, end, e);
    return true;
}

static void refuse(struct request_ref *ref, const struct err *e)
{
    ref->request->outcome = APPEND_REFUSED;
    ref->request->reason = arena_copy(ref->append->arena, span_of(e->text));
}

/* A range with poison in it is halved until the request that bears it is alone. */
static void commit_range(struct log_writer *w, struct group *g, struct range r, int64_t deadline_us)
{
    struct err e = {0};
    while (!try_range(w, g, &r, deadline_us, &e)) {
        err_clear(&e);
        if (clock_monotonic_us() >= deadline_us) { /* nothing is stored, and it may never end */
            set_outcome(g, r.lo, r.hi, APPEND_UNAVAILABLE);
            break;
        }
    }
    if (!r.poisoned)
        return;
    if (r.hi - r.lo == 1) {
        diag(DIAG_WARNING, "log", "partition %u: a request is refused: %s", w->options.partition,
             e.text);
        refuse(&g->refs[r.lo], &e);
        return;
    }
    uint32_t middle = r.lo + (r.hi - r.lo) / 2;
    commit_range(w, g, (struct range){.lo = r.lo, .hi = middle}, deadline_us);
    commit_range(w, g, (struct range){.lo = middle, .hi = r.hi}, deadline_us);
}

void writer_commit(struct log_writer *w, struct group *g)
{
    int64_t since_us = w->down_since_us != 0 ? w->down_since_us : clock_monotonic_us();
    int64_t deadline_us = since_us + w->options.doubt_timeout_ms * 1000;
    if (g->n > 0)
        commit_range(w, g, (struct range){.hi = g->n}, deadline_us);
}
