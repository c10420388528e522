/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a PostgreSQL that does not answer. */
#include "tests/support/log.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/sql.h"

enum { SHORT_MS = 300, LARGE_BYTES = 4 << 20, STALL_US = 20 * 1000000 };

struct rig {
    char *uri;
    struct sql *sql;
    pid_t backend;
};

static void open_rig(struct rig *r)
{
    struct err e = {0};
    struct sql_rows rows = {0};
    r->uri = support_postgres();
    support_ok(sql_open(&r->sql, r->uri, &e), &e);
    support_ok(sql_run(r->sql, "SELECT pg_backend_pid()", SQL_NO_PARAMS, &rows, &e), &e);
    r->backend = (pid_t)sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
}

static void close_rig(struct rig *r)
{
    sql_close(r->sql);
    free(r->uri);
}

static void an_answer_that_takes_too_long_ends_the_connection(void **state)
{
    (void)state;
    struct rig r;
    struct err e = {0};
    open_rig(&r);
    sql_set_patience(r.sql, SHORT_MS);
    assert_int_equal(sql_run(r.sql, "SELECT pg_sleep(600)", SQL_NO_PARAMS, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_DOWN);
    assert_true(sql_is_down(r.sql));
    e = (struct err){0};
    assert_int_equal(sql_run(r.sql, "SELECT 1", SQL_NO_PARAMS, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_DOWN);
    close_rig(&r);
}

/* Neither sending more than the socket holds, nor closing, waits for a backend that does not read.
 */
static void a_frozen_backend_is_not_waited_for(void **state)
{
    (void)state;
    struct rig r;
    struct err e = {0};
    char *large = mem_alloc(LARGE_BYTES + 1);
    memset(large, 'x', LARGE_BYTES);
    open_rig(&r);
    sql_set_patience(r.sql, SHORT_MS);
    assert_int_equal(kill(r.backend, SIGSTOP), 0);
    int64_t since_us = clock_monotonic_us();
    int status = sql_run(r.sql, "SELECT length($1)",
                         SQL_PARAMS(((struct span){large, LARGE_BYTES})), NULL, &e);
    close_rig(&r);
    int64_t took_us = clock_monotonic_us() - since_us;
    assert_int_equal(kill(r.backend, SIGCONT), 0);
    assert_int_equal(status, -1);
    assert_int_equal(e.kind, ERR_DOWN);
    assert_true(took_us < STALL_US);
    free(large);
}

static void a_large_statement_passes_a_small_socket(void **state)
{
    (void)state;
    struct rig r;
    struct err e = {0};
    struct sql_rows rows = {0};
    char *large = mem_alloc(LARGE_BYTES + 1);
    memset(large, 'x', LARGE_BYTES);
    open_rig(&r);
    support_ok(sql_run(r.sql, "SELECT length($1), repeat($1, 2)",
                       SQL_PARAMS(((struct span){large, LARGE_BYTES})), &rows, &e),
               &e);
    assert_int_equal(sql_int(&rows, 0, 0), LARGE_BYTES);
    assert_int_equal(sql_value(&rows, 0, 1).n, 2 * LARGE_BYTES);
    sql_rows_clear(&rows);
    close_rig(&r);
    free(large);
}

static int never_mind(void *context, struct err *e)
{
    (void)context;
    return err_set(e, ERR_BUSY, "stopping");
}

static int ignore_row(void *context, const struct sql_rows *row, struct err *e)
{
    (void)context;
    (void)row;
    (void)e;
    return 0;
}

static void who_waits_without_limit_can_be_called_off(void **state)
{
    (void)state;
    struct rig r;
    struct err e = {0};
    open_rig(&r);
    sql_set_patience(r.sql, 0);
    sql_set_tick(r.sql, never_mind, NULL);
    assert_int_equal(sql_each(r.sql, "SELECT pg_sleep(600)", SQL_NO_PARAMS, ignore_row, NULL, &e),
                     -1);
    assert_int_equal(e.kind, ERR_BUSY);
    assert_string_equal(e.text, "stopping");
    close_rig(&r);
}

static void a_failed_statement_leaves_the_connection_usable(void **state)
{
    (void)state;
    struct rig r;
    struct err e = {0};
    open_rig(&r);
    assert_int_equal(sql_run(r.sql, "SELECT 1; SELECT 1/0; SELECT 2", SQL_NO_PARAMS, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    e = (struct err){0};
    assert_false(sql_is_down(r.sql));
    support_ok(sql_run(r.sql, "SELECT 1", SQL_NO_PARAMS, NULL, &e), &e);
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_takes_too_long_ends_the_connection),
        cmocka_unit_test(a_frozen_backend_is_not_waited_for),
        cmocka_unit_test(a_large_statement_passes_a_small_socket),
        cmocka_unit_test(who_waits_without_limit_can_be_called_off),
        cmocka_unit_test(a_failed_statement_leaves_the_connection_usable),
    };
    return support_run("sql", tests, sizeof(tests) / sizeof(tests[0]));
}
