/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to PostgreSQL: opening it, running statements, what their failures mean. */
#include "log/sql.h"

#include <assert.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"

enum { TICK_MS = 1000 };

struct sql {
    PGconn *conn;
    PGcancel *cancel;
    char state[6]; /* SQLSTATE of the last failure */
    int position;  /* its place in the statement, from 1 */
    int64_t patience_ms;
    int (*tick)(void *context, struct err *e);
    void *context;
    struct err lost; /* why we gave the connection up, if we did */
};

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* ------------------------------------------------------------------ errors */

/* What a SQLSTATE means for the caller, by its class (PostgreSQL docs, appendix A). */
static enum err_kind kind_of_state(const char *state)
{
    static const struct {
        const char *prefix;
        enum err_kind kind;
    } kinds[] = {
        {"08", ERR_DOWN},  {"57P", ERR_DOWN},    {"22", ERR_INPUT},
        {"23", ERR_INPUT}, {"42501", ERR_INPUT}, {"53", ERR_BUSY},
        {"57", ERR_BUSY},  {"55", ERR_BUSY},     {"40", ERR_BUSY},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(state, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].kind;
    return ERR_DATA;
}

/* Records the failure of `result`, or of the connection when it is NULL. */
static int fail(struct sql *s, const PGresult *result, struct err *e)
{
    if (s->lost.kind != ERR_NONE)
        return err_set(e, s->lost.kind, "%s", s->lost.text);
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const char *position =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    snprintf(s->state, sizeof(s->state), "%s", state == NULL ? "" : state);
    s->position = position == NULL ? 0 : (int)strtol(position, NULL, 10);
    if (state == NULL || PQstatus(s->conn) == CONNECTION_BAD)
        return err_set(e, ERR_DOWN, "PostgreSQL: %s", PQerrorMessage(s->conn));
    return err_set(e, kind_of_state(state), "PostgreSQL: %s%s%s", text == NULL ? state : text,
                   hint == NULL ? "" : "; ", hint == NULL ? "" : hint);
}

const char *sql_state(const struct sql *s)
{
    return s->state;
}

int sql_error_position(const struct sql *s)
{
    return s->position;
}

bool sql_is_down(const struct sql *s)
{
    return PQstatus(s->conn) == CONNECTION_BAD || s->lost.kind != ERR_NONE;
}

/* ------------------------------------------------------------------ opening */

static PGconn *connect_to(const char *postgres_uri)
{
    /* what stands before dbname may be overridden by the URI, what stands after it not */
    static const char *const keywords[] = {"connect_timeout",
                                           "keepalives_idle",
                                           "tcp_user_timeout",
                                           "fallback_application_name",
                                           "dbname",
                                           "client_encoding",
                                           NULL};
    const char *const values[] = {"5", "20", "20000", "footfall", postgres_uri, "UTF8", NULL};
    return PQconnectdbParams(keywords, values, 1);
}

/* A pooler that gives each transaction another backend breaks locks, prepared statements and the
 * fence. It shows: the backend that answers is not the one we were connected to. */
static int check_backend(struct sql *s, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s, "SELECT pg_backend_pid()", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    bool direct = sql_int(&rows, 0, 0) == PQbackendPID(s->conn);
    sql_rows_clear(&rows);
    return direct ? 0
                  : err_set(e, ERR_INPUT,
                            "PostgreSQL is behind a connection pooler (port %s): "
                            "Footfall needs a direct connection, give the server's own address",
                            PQport(s->conn));
}

static int prepare_session(struct sql *s, struct err *e)
{
    if (PQstatus(s->conn) != CONNECTION_OK)
        return fail(s, NULL, e);
    PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
    if (PQsetnonblocking(s->conn, 1) != 0)
        return fail(s, NULL, e);
    if (check_backend(s, e) != 0)
        return -1;
    return sql_run(s,
                   "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres';"
                   " SET standard_conforming_strings = on",
                   SQL_NO_PARAMS, NULL, e);
}

int sql_open(struct sql **out, const char *postgres_uri, struct err *e)
{
    struct sql *s = mem_alloc(sizeof(*s));
    s->conn = connect_to(postgres_uri);
    s->patience_ms = SQL_PATIENCE_MS;
    if (prepare_session(s, e) != 0) {
        sql_close(s);
        *out = NULL;
        return -1;
    }
    s->cancel = PQgetCancel(s->conn);
    *out = s;
    return 0;
}

void sql_close(struct sql *s)
{
    if (s == NULL)
        return;
    PQfreeCancel(s->cancel);
    PQfinish(s->conn);
    free(s);
}

struct pg_conn *sql_handle(struct sql *s)
{
    return s->conn;
}

void sql_cancel(struct sql *s)
{
    char text[256];
    PQcancel(s->cancel, text, sizeof(text)); /* too late is fine */
}

/* ------------------------------------------------------------------ waiting */

void sql_set_patience(struct sql *s, int64_t ms)
{
    s->patience_ms = ms;
}

void sql_set_tick(struct sql *s, int (*tick)(void *context, struct err *e), void *context)
{
    s->tick = tick;
    s->context = context;
}

/* Nobody waits for it any more; what it still does ends at its next word to us. */
static void give_up(struct sql *s, const struct err *why)
{
    s->lost = *why;
    shutdown(PQsocket(s->conn), SHUT_RDWR);
}

static bool is_too_late(struct sql *s, int64_t since_us)
{
    struct err why = {0};
    if (s->tick != NULL && s->tick(s->context, &why) != 0)
        sql_cancel(s);
    else if (s->patience_ms != 0 && clock_monotonic_us() - since_us >= s->patience_ms * 1000)
        err_set(&why, ERR_DOWN, "PostgreSQL: no answer within %lld ms", (long long)s->patience_ms);
    if (why.kind != ERR_NONE)
        give_up(s, &why);
    return why.kind != ERR_NONE;
}

static int step_ms(const struct sql *s, int64_t since_us)
{
    int64_t passed_ms = (clock_monotonic_us() - since_us) / 1000, left_ms = TICK_MS;
    if (s->patience_ms != 0 && s->patience_ms - passed_ms < left_ms)
        left_ms = s->patience_ms - passed_ms;
    return left_ms > 1 ? (int)left_ms : 1;
}

/* Until libpq has an answer, or finds that there will be none. */
static bool wait_for_answer(struct sql *s)
{
    int64_t since_us = clock_monotonic_us();
    for (;;) {
        int unsent = PQflush(s->conn);
        if (!PQisBusy(s->conn))
            return true;
        struct pollfd fd = {.fd = PQsocket(s->conn),
                            .events = (short)(unsent == 1 ? POLLIN | POLLOUT : POLLIN)};
        if (fd.fd < 0)
            return true;
        if (poll(&fd, 1, step_ms(s, since_us)) == 0 && is_too_late(s, since_us))
            return false;
        if (fd.revents != 0 && !PQconsumeInput(s->conn))
            return true;
    }
}

PGresult *sql_await(struct sql *s)
{
    return s->lost.kind == ERR_NONE && wait_for_answer(s) ? PQgetResult(s->conn) : NULL;
}

PGresult *sql_answer(struct sql *s)
{
    PGresult *last = NULL;
    for (PGresult *next; (next = sql_await(s)) != NULL;) {
        PQclear(last);
        last = next;
    }
    if (s->lost.kind == ERR_NONE)
        return last;
    PQclear(last);
    return NULL;
}

/* ------------------------------------------------------------------ running */

/* libpq wants texts that end with NUL: the copies live in one block, freed by the caller. */
static char *params_as_texts(struct sql_params params, const char *texts[SQL_MAX_PARAMS])
{
    assert(params.count <= SQL_MAX_PARAMS);
    size_t bytes = 0;
    for (size_t i = 0; i < params.count; i++)
        bytes += params.values[i].n + 1;
    char *block = mem_resize(NULL, bytes), *at = block;
    for (size_t i = 0; i < params.count; i++) {
        struct span v = params.values[i];
        texts[i] = span_absent(v) ? NULL : at;
        if (v.n != 0)
            memcpy(at, v.p, v.n);
        at[v.n] = '\0';
        at += v.n + 1;
    }
    return block;
}

static int check_params(struct sql_params params, struct err *e)
{
    for (size_t i = 0; i < params.count; i++)
        if (params.values[i].n != 0 && memchr(params.values[i].p, '\0', params.values[i].n) != NULL)
            return err_set(e, ERR_INPUT, "a value holds a NUL byte, which PostgreSQL cannot store");
    return 0;
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_SINGLE_TUPLE;
}

int sql_run(struct sql *s, const char *statement, struct sql_params params, struct sql_rows *rows,
            struct err *e)
{
    if (check_params(params, e) != 0)
        return -1;
    const char *texts[SQL_MAX_PARAMS];
    char *block = params_as_texts(params, texts);
    int sent =
        params.count == 0 && rows == NULL
            ? PQsendQuery(s->conn, statement)
            : PQsendQueryParams(s->conn, statement, (int)params.count, NULL, texts, NULL, NULL, 0);
    free(block);
    PGresult *result = sent == 1 ? sql_answer(s) : NULL;
    int status = succeeded(result) ? 0 : fail(s, result, e);
    if (status == 0 && rows != NULL)
        *rows = (struct sql_rows){result, PQntuples(result)};
    else
        PQclear(result);
    return status;
}

/* Reads the answer to its end, whatever the callback says. */
static int each_row(struct sql *s,
                    int (*each)(void *context, const struct sql_rows *row, struct err *e),
                    void *context, struct err *e)
{
    int status = 0;
    for (PGresult *result; (result = sql_await(s)) != NULL; PQclear(result)) {
        if (status != 0)
            continue;
        struct sql_rows row = {result, PQntuples(result)};
        if (!succeeded(result))
            status = fail(s, result, e);
        else if (row.count > 0 && each(context, &row, e) != 0) {
            status = -1;
            sql_cancel(s);
        }
    }
    return status == 0 && s->lost.kind != ERR_NONE ? fail(s, NULL, e) : status;
}

int sql_each(struct sql *s, const char *statement, struct sql_params params,
             int (*each)(void *context, const struct sql_rows *row, struct err *e), void *context,
             struct err *e)
{
    if (check_params(params, e) != 0)
        return -1;
    const char *texts[SQL_MAX_PARAMS];
    char *block = params_as_texts(params, texts);
    int sent = PQsendQueryParams(s->conn, statement, (int)params.count, NULL, texts, NULL, NULL, 0);
    free(block);
    if (sent == 0)
        return fail(s, NULL, e);
    PQsetSingleRowMode(s->conn);
    return each_row(s, each, context, e);
}

/* ------------------------------------------------------------------ rows */

struct span sql_value(const struct sql_rows *r, int row, int column)
{
    assert(row < r->count && column < PQnfields(r->result));
    if (PQgetisnull(r->result, row, column))
        return SPAN_ABSENT;
    return (struct span){PQgetvalue(r->result, row, column),
                         (size_t)PQgetlength(r->result, row, column)};
}

int64_t sql_int(const struct sql_rows *r, int row, int column)
{
    struct span v = sql_value(r, row, column); /* ends with NUL: PQgetvalue */
    return span_absent(v) ? 0 : strtoll(v.p, NULL, 10);
}

bool sql_bool(const struct sql_rows *r, int row, int column)
{
    return span_is(sql_value(r, row, column), "t");
}

void sql_rows_clear(struct sql_rows *r)
{
    PQclear(r->result);
    *r = (struct sql_rows){0};
}
