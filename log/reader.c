/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: one prepared statement per set of columns, bounded on both sides of the seq, answered in
 * binary; the slices point into the answer. */
#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/array.h"
#include "log/log.h"
#include "log/sql.h"

enum {
    MAX_PREPARED = 16, /* sets of columns; more start anew */
    FIXED_COLUMNS = 4  /* first_seq, event_count, min_time, max_time */
};

struct log_reader {
    char *uri;
    struct sql *sql;                 /* NULL: not connected */
    uint64_t prepared[MAX_PREPARED]; /* statement_key */
    int n_prepared;
    int (*tick)(void *context, struct err *e);
    void *tick_context;
    int64_t listening; /* the partition, -1: none */
    int wake_fd;
    bool under_way; /* between log_read_start and log_read_finish */
    struct log_range range;
};

/* ------------------------------------------------------------------ connection */

static void disconnect(struct log_reader *r)
{
    sql_close(r->sql);
    r->sql = NULL;
    r->n_prepared = 0;
    r->listening = -1;
    r->under_way = false;
}

static int ensure_connected(struct log_reader *r, struct err *e)
{
    if (r->sql != NULL && sql_is_down(r->sql))
        disconnect(r);
    if (r->sql != NULL)
        return 0;
    if (sql_open(&r->sql, r->uri, e) != 0)
        return -1;
    sql_set_tick(r->sql, r->tick, r->tick_context);
    return 0;
}

void log_reader_set_tick(struct log_reader *r, int (*tick)(void *context, struct err *e),
                         void *context)
{
    r->tick = tick;
    r->tick_context = context;
    if (r->sql != NULL)
        sql_set_tick(r->sql, tick, context);
}

int log_reader_open(struct log_reader **out, const char *postgres_uri, struct err *e)
{
    struct log_reader *r = mem_alloc(sizeof(*r));
    r->uri = mem_copy_text(postgres_uri);
    r->listening = -1;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *out = r;
    if (r->wake_fd < 0)
        err_set(e, ERR_BUSY, "no file descriptor for a log reader: %s", strerror(errno));
    else if (ensure_connected(r, e) == 0)
        return 0;
    log_reader_close(r);
    *out = NULL;
    return -1;
}

void log_reader_close(struct log_reader *r)
{
    if (r == NULL)
        return;
    sql_close(r->sql);
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    free(r->uri);
    free(r);
}

/* ------------------------------------------------------------------ small questions */

int log_identity(struct log_reader *r, struct log_identity *out, struct err *e)
{
    struct sql_rows rows = {0};
    if (ensure_connected(r, e) != 0 ||
        sql_run(r->sql, "SELECT log_id FROM log_meta", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    *out = (struct log_identity){0};
    if (rows.count == 1 && sql_value(&rows, 0, 0).n == sizeof(out->log_id) - 1)
        memcpy(out->log_id, sql_value(&rows, 0, 0).p, sizeof(out->log_id) - 1);
    sql_rows_clear(&rows);
    return out->log_id[0] != '\0' ? 0
                                  : err_set(e, ERR_DATA,
                                            "log_meta does not name the log: run "
                                            "`footfall migrate`");
}

int log_head(struct log_reader *r, uint32_t partition, uint64_t *next_seq, struct err *e)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", partition);
    struct sql_rows rows = {0};
    if (ensure_connected(r, e) != 0 ||
        sql_run(r->sql, "SELECT log_next_seq($1)", SQL_PARAMS(span_of(number)), &rows, e) != 0)
        return -1;
    *next_seq = (uint64_t)sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

int log_event_id(struct log_reader *r, uint32_t partition, uint64_t seq, uint8_t id[16],
                 struct err *e)
{
    struct log_range range = {.partition = partition,
                              .from_seq = seq,
                              .to_seq = seq + 1,
                              .columns = COLUMN_BIT(EVENT_ID),
                              .max_events = 1};
    struct log_chunk chunk;
    if (log_read(r, &range, &chunk, e) != 0)
        return -1;
    int status = 0;
    if (chunk.count == 0) {
        status = err_set(e, ERR_DATA, "partition %u of the log has no event %llu", partition,
                         (unsigned long long)seq);
    } else {
        struct column_cursor ids = column_cursor_of(&chunk.slices[0].columns[EVENT_ID]);
        struct span bytes = column_next(&ids);
        assert(bytes.n == 16); /* never NULL: take_array */
        memcpy(id, bytes.p, 16);
    }
    log_chunk_clear(&chunk);
    return status;
}

/* ------------------------------------------------------------------ asking for events */

static bool is_timed(const struct log_range *g)
{
    return g->from_time_us != 0 || g->to_time_us != 0;
}

/* What a statement is prepared for: the columns, and whether times bound it. */
static uint64_t statement_key(const struct log_range *g)
{
    return (uint64_t)is_timed(g) << 32 | g->columns;
}

static void statement_text(struct buf *out, const struct log_range *g)
{
    buf_put_text(out, "SELECT first_seq, event_count, min_time, max_time");
    for (int c = 0; c < N_EVENT_COLUMNS; c++)
        if (g->columns & COLUMN_BIT(c))
            buf_printf(out, ", %s", event_columns[c].sql_name);
    /* a batch holds 10,000 events at most: the index finds the one around from_seq */
    buf_put_text(out, " FROM log_batches WHERE partition = $1 AND first_seq > $2 - 10000"
                      " AND first_seq < $3 AND first_seq + event_count > $2");
    if (is_timed(g))
        buf_put_text(out, " AND max_time >= $4 AND min_time < $5");
    buf_put_text(out, " ORDER BY first_seq");
    buf_put_byte(out, '\0');
    _Static_assert(BATCH_MAX_EVENTS == 10000, "the statement relies on it");
}

static int forget_prepared(struct log_reader *r, struct err *e)
{
    r->n_prepared = 0;
    return sql_run(r->sql, "DEALLOCATE ALL", SQL_NO_PARAMS, NULL, e);
}

static int prepare(struct log_reader *r, const struct log_range *g, const char *name, struct err *e)
{
    static const Oid types[] = {23, 20, 20, 1184, 1184}; /* int4, int8, int8, timestamptz … */
    for (int i = 0; i < r->n_prepared; i++)
        if (r->prepared[i] == statement_key(g))
            return 0;
    if (r->n_prepared == MAX_PREPARED && forget_prepared(r, e) != 0)
        return -1;
    struct buf text = {0};
    statement_text(&text, g);
    int sent =
        PQsendPrepare(sql_handle(r->sql), name, (const char *)text.p, is_timed(g) ? 5 : 3, types);
    PGresult *result = sent == 1 ? sql_answer(r->sql) : NULL;
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (done)
        r->prepared[r->n_prepared++] = statement_key(g);
    else
        err_set(e, sql_is_down(r->sql) ? ERR_DOWN : ERR_DATA, "PostgreSQL: %s",
                PQerrorMessage(sql_handle(r->sql)));
    PQclear(result);
    buf_clear(&text);
    return done ? 0 : -1;
}

/* Where the batches to be read begin at the latest. */
static uint64_t last_first_seq(const struct log_range *g)
{
    uint64_t max = g->max_events == 0 ? 1 : g->max_events;
    uint64_t to = g->from_seq + max < g->from_seq ? UINT64_MAX : g->from_seq + max;
    to = to < g->to_seq ? to : g->to_seq;
    return to < INT64_MAX ? to : INT64_MAX;
}

static int send(struct log_reader *r, const struct log_range *range, const char *name,
                struct err *e)
{
    uint32_t partition = htobe32(range->partition);
    uint64_t from = htobe64(range->from_seq), to = htobe64(last_first_seq(range));
    uint64_t from_time = htobe64((uint64_t)(range->from_time_us - PG_EPOCH_US));
    uint64_t to_time = htobe64((uint64_t)(range->to_time_us - PG_EPOCH_US));
    const char *values[] = {(const char *)&partition, (const char *)&from, (const char *)&to,
                            (const char *)&from_time, (const char *)&to_time};
    static const int lengths[] = {4, 8, 8, 8, 8}, binary[] = {1, 1, 1, 1, 1};
    int n = is_timed(range) ? 5 : 3;
    return PQsendQueryPrepared(sql_handle(r->sql), name, n, values, lengths, binary, 1)
               ? 0
               : err_set(e, ERR_DOWN, "PostgreSQL: %s", PQerrorMessage(sql_handle(r->sql)));
}

int log_read_start(struct log_reader *r, const struct log_range *range, struct err *e)
{
    assert(!r->under_way);
    char name[24];
    snprintf(name, sizeof(name), "read_%x%s", range->columns, is_timed(range) ? "_timed" : "");
    if (ensure_connected(r, e) != 0 || prepare(r, range, name, e) != 0 ||
        send(r, range, name, e) != 0)
        return -1;
    r->under_way = true;
    r->range = *range;
    return 0;
}

/* ------------------------------------------------------------------ taking the answer apart */

static uint64_t get_int8(const PGresult *result, int row, int column)
{
    uint64_t word;
    memcpy(&word, PQgetvalue(result, row, column), sizeof(word));
    return be64toh(word);
}

/* false: the array is not one of this log's forms. */
static bool take_array(struct column_slice *out, struct span bytes, uint32_t count,
                       const struct column_spec *spec)
{
    const uint8_t *header = (const uint8_t *)bytes.p;
    if (bytes.n < ARRAY_HEADER_BYTES || array_read_word(header) != 1)
        return false;
    uint32_t elements = array_read_word(header + 12);
    *out = (struct column_slice){
        .elements = header + ARRAY_HEADER_BYTES,
        .end = header + bytes.n,
        .form = elements == count && count > 1 ? FORM_PLAIN : FORM_CONSTANT,
        .has_nulls = array_read_word(header + 4) != 0,
    };
    return (elements == count || elements == 1) && (spec->nullable || !out->has_nulls);
}

static int take_row(const PGresult *result, int row, const struct log_range *range,
                    struct log_slice *out, struct err *e)
{
    *out = (struct log_slice){
        .partition = range->partition,
        .first_seq = get_int8(result, row, 0),
        .count = array_read_word((const uint8_t *)PQgetvalue(result, row, 1)),
        .min_time_us = (int64_t)get_int8(result, row, 2) + PG_EPOCH_US,
        .max_time_us = (int64_t)get_int8(result, row, 3) + PG_EPOCH_US,
    };
    int field = FIXED_COLUMNS;
    for (int c = 0; c < N_EVENT_COLUMNS; c++) {
        if (!(range->columns & COLUMN_BIT(c)))
            continue;
        struct span bytes = {PQgetvalue(result, row, field),
                             (size_t)PQgetlength(result, row, field)};
        const struct column_spec *spec = &event_columns[c];
        if (!PQgetisnull(result, row, field) &&
            !take_array(&out->columns[c], bytes, out->count, spec))
            return err_set(e, ERR_DATA,
                           "batch %llu of the log: the column %s does not have a value for each of "
                           "its %u events",
                           (unsigned long long)out->first_seq, spec->sql_name, out->count);
        field++;
    }
    return 0;
}

/* Cuts what lies outside of the range, and sees that nothing is missing that should be there. */
static int fit_slice(struct log_slice *s, uint64_t next_seq, const struct log_range *range,
                     struct err *e)
{
    if (is_timed(range) && s->first_seq > next_seq)
        next_seq = s->first_seq;
    if (s->first_seq > next_seq || s->first_seq + s->count <= next_seq)
        return err_set(e, ERR_DATA, "the log has a gap: after event %llu comes the batch at %llu",
                       (unsigned long long)next_seq, (unsigned long long)s->first_seq);
    uint32_t first = (uint32_t)(next_seq - s->first_seq), count = s->count - first;
    if (next_seq + count > range->to_seq)
        count = (uint32_t)(range->to_seq - next_seq);
    slice_cut(s, first, count);
    return 0;
}

static int take_rows(PGresult *result, const struct log_range *range, struct log_chunk *out,
                     struct err *e)
{
    int rows = PQntuples(result);
    *out = (struct log_chunk){.next_seq = range->from_seq, .owner = result};
    out->slices = mem_alloc((size_t)rows * sizeof(*out->slices));
    for (int i = 0; i < rows && out->next_seq < range->to_seq; i++) {
        struct log_slice *s = &out->slices[i];
        if (take_row(result, i, range, s, e) != 0 || fit_slice(s, out->next_seq, range, e) != 0) {
            log_chunk_clear(out);
            return -1;
        }
        out->count++;
        out->next_seq = s->first_seq + s->count;
    }
    return 0;
}

int log_read_finish(struct log_reader *r, struct log_chunk *out, struct err *e)
{
    assert(r->under_way);
    r->under_way = false;
    *out = (struct log_chunk){.next_seq = r->range.from_seq};
    PGresult *result = sql_answer(r->sql);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return take_rows(result, &r->range, out, e);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool down = sql_is_down(r->sql) || state == NULL || strncmp(state, "57", 2) == 0;
    err_set(e, down ? ERR_DOWN : ERR_DATA, "PostgreSQL, reading the log: %s",
            result == NULL ? "no answer in time" : PQresultErrorMessage(result));
    PQclear(result);
    return -1;
}

int log_read(struct log_reader *r, const struct log_range *range, struct log_chunk *out,
             struct err *e)
{
    *out = (struct log_chunk){.next_seq = range->from_seq};
    if (range->from_seq >= range->to_seq)
        return 0;
    return log_read_start(r, range, e) != 0 ? -1 : log_read_finish(r, out, e);
}

void log_chunk_clear(struct log_chunk *c)
{
    PQclear(c->owner);
    free(c->slices);
    *c = (struct log_chunk){.next_seq = c->next_seq};
}

/* ------------------------------------------------------------------ where to read */

/* A batch belongs to the run its first seq falls into, so that runs never overlap. */
int log_runs(struct log_reader *r, const struct log_range *range, struct log_run **out, uint32_t *n,
             struct err *e)
{
    char texts[3][24], times[2][CLOCK_TEXT_BYTES] = {"", "infinity"};
    uint64_t to = range->to_seq < INT64_MAX ? range->to_seq : INT64_MAX;
    snprintf(texts[0], sizeof(texts[0]), "%u", range->partition);
    snprintf(texts[1], sizeof(texts[1]), "%llu", (unsigned long long)to);
    snprintf(texts[2], sizeof(texts[2]), "%u", range->max_events == 0 ? 1 : range->max_events);
    clock_format(times[0], range->from_time_us, 6);
    if (is_timed(range))
        clock_format(times[1], range->to_time_us, 6);
    struct sql_rows rows = {0};
    *out = NULL;
    *n = 0;
    if (ensure_connected(r, e) != 0 ||
        sql_run(r->sql,
                "SELECT min(first_seq), max(first_seq + event_count) FROM log_batches"
                " WHERE partition = $1 AND first_seq < $2 AND max_time >= $4 AND min_time < $5"
                " GROUP BY first_seq / $3::bigint ORDER BY 1",
                SQL_PARAMS(span_of(texts[0]), span_of(texts[1]), span_of(texts[2]),
                           span_of(times[0]), span_of(times[1])),
                &rows, e) != 0)
        return -1;
    *out = mem_alloc(((size_t)rows.count + 1) * sizeof(**out));
    for (int i = 0; i < rows.count; i++) {
        struct log_run run = {(uint64_t)sql_int(&rows, i, 0), (uint64_t)sql_int(&rows, i, 1)};
        run.from_seq = run.from_seq > range->from_seq ? run.from_seq : range->from_seq;
        run.to_seq = run.to_seq < range->to_seq ? run.to_seq : range->to_seq;
        if (run.from_seq < run.to_seq)
            (*out)[(*n)++] = run;
    }
    sql_rows_clear(&rows);
    return 0;
}

/* ------------------------------------------------------------------ waiting for more */

void log_reader_wake(struct log_reader *r)
{
    uint64_t one = 1;
    ssize_t written = write(r->wake_fd, &one, sizeof(one));
    (void)written; /* full: it is awake anyway */
}

static int listen_to(struct log_reader *r, uint32_t partition, struct err *e)
{
    char text[64];
    if (r->listening == (int64_t)partition)
        return 0;
    snprintf(text, sizeof(text), "UNLISTEN *; LISTEN footfall_log_%u", partition);
    if (sql_run(r->sql, text, SQL_NO_PARAMS, NULL, e) != 0)
        return -1;
    r->listening = partition;
    return 0;
}

static bool drain_notifies(PGconn *conn)
{
    bool any = false;
    for (PGnotify *n; (n = PQnotifies(conn)) != NULL; any = true)
        PQfreemem(n);
    return any;
}

static int sleep_until_woken(struct log_reader *r, int64_t deadline_us, struct err *e)
{
    PGconn *conn = sql_handle(r->sql);
    if (drain_notifies(conn)) /* arrived with the answer to log_head, perhaps after its snapshot */
        return 0;
    struct pollfd fds[] = {{.fd = r->wake_fd, .events = POLLIN},
                           {.fd = PQsocket(conn), .events = POLLIN}};
    int64_t left_ms = (deadline_us - clock_monotonic_us() + 999) / 1000;
    if (poll(fds, 2, left_ms < 0 ? 0 : (int)left_ms) < 0 && errno != EINTR)
        return err_set(e, ERR_BUSY, "waiting for the log: %s", strerror(errno));
    uint64_t wakes;
    ssize_t got = read(r->wake_fd, &wakes, sizeof(wakes));
    (void)got; /* nothing there: PostgreSQL woke us */
    if (!PQconsumeInput(conn))
        return err_set(e, ERR_DOWN, "PostgreSQL: %s", PQerrorMessage(conn));
    drain_notifies(conn);
    return 0;
}

int log_reader_wait(struct log_reader *r, uint32_t partition, uint64_t seq, int timeout_ms,
                    struct err *e)
{
    assert(!r->under_way);
    int64_t deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    if (ensure_connected(r, e) != 0 || listen_to(r, partition, e) != 0)
        return -1;
    for (bool slept = false;; slept = true) {
        uint64_t next_seq;
        if (log_head(r, partition, &next_seq, e) != 0)
            return -1;
        if (next_seq > seq)
            return 1;
        if (slept || clock_monotonic_us() >= deadline_us)
            return 0;
        if (sleep_until_woken(r, deadline_us, e) != 0)
            return -1;
    }
}
