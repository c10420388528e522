/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to PostgreSQL for everything that is not appending or reading events: tokens, sites,
 * view definitions, jobs, verify's SQL. The rest of the program sees this and not libpq.
 * One thread at a time; everything here blocks. */
#ifndef LOG_SQL_H
#define LOG_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct sql;

/* Connects (TimeZone UTC, DateStyle ISO, UTF8); refuses a connection through a transaction pooler.
 * A failed connection is ERR_DOWN. */
int sql_open(struct sql **out, const char *postgres_uri, struct err *e) MUST_CHECK;
void sql_close(struct sql *s);         /* NULL is allowed */
bool sql_is_down(const struct sql *s); /* the connection is lost: close and open again */

/* A server may hang without a word: an answer that takes longer than this ends the connection
 * (ERR_DOWN; whether the statement was carried out is not known). 0: no limit. */
enum { SQL_PATIENCE_MS = 20000 };
void sql_set_patience(struct sql *s, int64_t ms);
/* Asked about once a second while an answer is awaited; its error ends statement and connection. */
void sql_set_tick(struct sql *s, int (*tick)(void *context, struct err *e), void *context);

struct sql_params {
    const struct span *values; /* as text; absent: NULL */
    size_t count;
};
/* SQL_PARAMS(span, span ...) */
#define SQL_PARAMS(...)                                                                            \
    ((struct sql_params){(const struct span[]){__VA_ARGS__},                                       \
                         sizeof((const struct span[]){__VA_ARGS__}) / sizeof(struct span)})
#define SQL_NO_PARAMS ((struct sql_params){NULL, 0})
enum { SQL_MAX_PARAMS = 32 };

/* The rows of an answer, as text. Zeroed: no rows. */
struct sql_rows {
    void *result; /* PGresult */
    int count;
};
struct span sql_value(const struct sql_rows *r, int row, int column); /* absent: NULL */
int64_t sql_int(const struct sql_rows *r, int row, int column);       /* 0 for NULL */
bool sql_bool(const struct sql_rows *r, int row, int column);
void sql_rows_clear(struct sql_rows *r);

/* Runs one statement with $1 ... as text parameters. rows may be NULL. Without parameters and rows
 * the text may be several statements. Errors: the connection ERR_DOWN; data (SQLSTATE 22) and
 * violated constraints (23) ERR_INPUT; lack of resources ERR_BUSY; all others ERR_DATA. */
int sql_run(struct sql *s, const char *statement, struct sql_params params, struct sql_rows *rows,
            struct err *e) MUST_CHECK;
/* The same, a row at a time for answers of any size: rows->count is 1 in each call. Stops with -1
 * when the callback does. */
int sql_each(struct sql *s, const char *statement, struct sql_params params,
             int (*each)(void *context, const struct sql_rows *row, struct err *e), void *context,
             struct err *e) MUST_CHECK;
/* SQLSTATE of the last failure, "" when it had none. */
const char *sql_state(const struct sql *s);
/* Where in its statement the last failure was, in characters from 1; 0 when it had no place. */
int sql_error_position(const struct sql *s);
/* Ends a statement another thread is waiting for (verify's cancel). Any thread. */
void sql_cancel(struct sql *s);

/* libpq's own handle, for log/ alone; it does not block. After one of its PQsend… functions:
 * sql_await gives each result in turn, NULL at the end or when the connection is lost; sql_answer
 * reads to the end and gives the last result, NULL when the connection is lost. */
struct pg_conn *sql_handle(struct sql *s);
struct pg_result *sql_await(struct sql *s);
struct pg_result *sql_answer(struct sql *s);

#endif
