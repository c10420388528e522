/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions before a real PostgreSQL: what it thinks of them, its form of them, places. */
#include <stdlib.h>
#include <pthread.h>

#include "base/mem.h"
#include "tests/support/log.h"
#include "views/catalog.h"
#include "views/definition.h"

struct rig {
    char *uri;
    struct sql *sql;
};

static int open_rig(void **state)
{
    struct rig *r = mem_alloc(sizeof(*r));
    struct err e = {0};
    r->uri = log_test_database();
    support_ok(sql_open(&r->sql, r->uri, &e), &e);
    *state = r;
    return support_setup(state);
}

static int close_rig(void **state)
{
    struct rig *r = *state;
    sql_close(r->sql);
    free(r->uri);
    free(r);
    return support_teardown(state);
}

#define HEAD "CREATE MATERIALIZED VIEW v AS\n"
#define START                                                                                      \
    HEAD "SELECT site, date_trunc('hour', event_time) AS time, count(*) AS n\nFROM events "
#define GROUPS "\nGROUP BY 1, 2"

static void every_shipped_view_is_approved(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; shipped_views[i].name != NULL; i++) {
        const struct plan *p, *again;
        struct definition_place place;
        struct err e = {0};
        support_ok(definition_check(r->sql, span_of(shipped_views[i].sql), &p, &place, &e), &e);
        assert_string_equal(p->name, shipped_views[i].name);
        assert_non_null(strstr(p->canonical, "'1970-01-01 00:00:00+00'::timestamp with time zone"));
        assert_int_equal(p->n_measures, shipped_plans()[i]->n_measures);
        assert_int_equal(p->n_dimensions, shipped_plans()[i]->n_dimensions);
        assert_int_equal(plan_columns(p), plan_columns(shipped_plans()[i]));
        /* from the texts alone it is the same plan */
        const struct catalog_text text = {p->name, p->sql, p->canonical};
        support_ok(catalog_plan(&text, &again, &e), &e);
        assert_ptr_equal(again, p);
    }
}

static void refusals_have_their_place_in_the_given_text(void **state)
{
    static const struct {
        const char *sql;
        struct definition_place place;
        const char *why;
    } cases[] = {
        {START "WHERE nosuch > 5" GROUPS, {3, 19}, "column \"nosuch\" does not exist"},
        {START "WHERE 'ä' = 5 -- ü" GROUPS, {3, 19}, "invalid input syntax for type integer"},
        {START "WHERE lower(5, 6) = 'x'" GROUPS, {3, 19}, "function lower(integer, integer)"},
        {START "WHERE path = " GROUPS, {4, 1}, "syntax error at or near \"GROUP\""},
        {START "WHERE path = visitor" GROUPS, {3, 24}, "operator does not exist"},
        {START "WHERE length(path) > 3 AND\n visitor + 1 > 5" GROUPS,
         {4, 10},
         "too large for bigint"},
        {START "WHERE path IN ('ä', 'b') AND\n props ->> 'x' < 'b'" GROUPS, {4, 16}, "locale"},
        {START "WHERE path BETWEEN 'a' AND 'b' AND NOT (props ->> 'n')::int = 1" GROUPS,
         {3, 67},
         "ff_int"},
        {START "WHERE event_time > 'yesterday'" GROUPS, {3, 32}, "\"yesterday\" would mean"},
        {START "WHERE event_time > now()" GROUPS, {3, 32}, "the clock"},
        {START "WHERE path IN (SELECT name FROM site)" GROUPS, {3, 24}, "a SELECT within"},
        {HEAD "SELECT site, path FROM events", {2, 8}, "neither in GROUP BY"},
        {HEAD "SELECT relname FROM pg_catalog.pg_class", {2, 21}, "no relation that views"},
        {HEAD "SELECT kind FROM job", {2, 18}, "\"job\" is no relation"},
    };
    struct rig *r = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct plan *p;
        struct definition_place place;
        struct err e = {0};
        assert_int_equal(definition_check(r->sql, span_of(cases[i].sql), &p, &place, &e), -1);
        if (e.kind != ERR_INPUT || strstr(e.text, cases[i].why) == NULL ||
            place.line != cases[i].place.line || place.column != cases[i].place.column)
            fail_msg("%s\nis refused at %u, %u: %s", cases[i].sql, place.line, place.column,
                     e.text);
    }
}

static void nothing_is_run_and_nothing_stays(void **state)
{
    static const char *const hostile[] = {
        HEAD "SELECT 1; DROP TABLE job",
        HEAD "SELECT set_config('x.y', 'z', false) FROM events",
        HEAD "SELECT pg_sleep(600) FROM events",
        HEAD "WITH gone AS (DELETE FROM job RETURNING 1) SELECT 1 FROM gone",
        HEAD "SELECT 1 INTO job2 FROM events",
        HEAD "SELECT 1 FROM events) q; DROP TABLE job; --",
    };
    struct rig *r = *state;
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        const struct plan *p;
        struct definition_place place;
        struct err e = {0};
        assert_int_equal(definition_check(r->sql, span_of(hostile[i]), &p, &place, &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
    }
    struct err e = {0};
    struct sql_rows rows = {0};
    support_ok(sql_run(r->sql,
                       "SELECT current_user = session_user, to_regclass('job2') IS NULL, "
                       "to_regclass('pg_temp.footfall_check') IS NULL FROM job RIGHT JOIN "
                       "(SELECT 1) one ON true",
                       SQL_NO_PARAMS, &rows, &e),
               &e);
    for (int column = 0; column < 3; column++)
        assert_true(sql_bool(&rows, 0, column));
    sql_rows_clear(&rows);
}

static void a_question_needs_neither_site_nor_bucket(void **state)
{
    struct rig *r = *state;
    struct plan *p;
    struct definition_place place;
    struct err e = {0};
    support_ok(
        definition_of_query(r->sql,
                            SPAN_LITERAL("-- who\nSELECT path, count(*) AS n FROM events "
                                         "WHERE NOT bot GROUP BY path ORDER BY n DESC LIMIT 3;"),
                            &p, &place, &e),
        &e);
    assert_int_equal(p->n_dimensions, 1);
    assert_int_equal(p->n_tiers, 0);
    assert_int_equal(p->bucket_us, 0);
    assert_int_equal(p->limit, 3);
    definition_free(p);
    assert_int_equal(definition_of_query(r->sql, SPAN_LITERAL("DELETE FROM job"), &p, &place, &e),
                     -1);
    assert_non_null(strstr(e.text, "line 1, column 1"));
    assert_null(p);
}

static void *check_in_a_thread(void *context)
{
    struct plan *p = NULL;
    struct err e = {0};
    for (int i = 0; i < 20; i++) {
        if (definition_plan("v", START GROUPS, START GROUPS + sizeof(HEAD) - 1, &p, &e) != 0)
            return context;
        definition_free(p);
    }
    return NULL;
}

/* The parser keeps memory per thread, and gives it back when the thread ends (leak check). */
static void threads_parse_side_by_side(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_in_a_thread, threads), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_shipped_view_is_approved),   TEST(refusals_have_their_place_in_the_given_text),
        TEST(nothing_is_run_and_nothing_stays), TEST(a_question_needs_neither_site_nor_bucket),
        TEST(threads_parse_side_by_side),
    };
    return support_run("definitions before PostgreSQL", tests, sizeof(tests) / sizeof(tests[0]));
}
