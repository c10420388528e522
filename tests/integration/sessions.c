/* SPDX-License-Identifier: Apache-2.0 */
/* The relation `sessions`, as PostgreSQL gives it: as a view for analysts, and as a query over a
 * cut of the log. */
#include "tests/support/log.h"

#include <stdlib.h>

#include "log/events_sql.h"
#include "log/sessions_sql.h"
#include "log/sql.h"
#include "tests/support/session_log.h"

static const char columns[] =
    "site, visitor, (extract(epoch FROM session_start) * 1000000)::bigint,"
    " (extract(epoch FROM session_end) * 1000000)::bigint, pageviews, bounce, duration";
static const char texts[] = ", entry_page, exit_page, referrer, referrer_host, country, region,"
                            " browser, os, device, utm_source, utm_medium, utm_campaign";

static void append(const char *uri, const struct session_log *l)
{
    struct log_writer *w = log_test_writer(uri);
    for (size_t at = 0; at < l->n; at += 100) {
        struct append *a = log_test_new_append();
        for (size_t i = at; i < at + 100 && i < l->n; i++)
            batch_add(a->batch, &l->events[i].event);
        append_add_request(a)->count = a->batch->count;
        log_test_append(w, a);
        append_free(a);
    }
    log_writer_stop(w);
}

static int take_session(void *context, const struct sql_rows *r, struct err *e)
{
    struct session_lines *lines = context;
    struct session s = {.start.time_us = sql_int(r, 0, 2),
                        .end.time_us = sql_int(r, 0, 3),
                        .pageviews = sql_int(r, 0, 4)};
    (void)e;
    assert_int_equal(sql_bool(r, 0, 5), s.pageviews == 1);
    assert_int_equal(sql_int(r, 0, 6), (s.end.time_us - s.start.time_us) / US_PER_SECOND);
    for (int i = 0; i < N_SESSION_TEXTS; i++)
        s.texts[i] = sql_value(r, 0, 7 + i);
    session_lines_put(lines, session_line(sql_value(r, 0, 0), (uint64_t)sql_int(r, 0, 1), &s));
    return 0;
}

/* What `with` (may be empty) SELECT ... FROM sessions gives must be what sorting n events gives. */
static void assert_gives(const char *uri, const char *with, const struct session_log *l, size_t n)
{
    struct session_lines got = {0}, expected = session_oracle(l->events, n, SESSION_LINE_TIMES);
    struct sql *s;
    struct err e = {0};
    char *text = mem_format("%s SELECT %s%s FROM sessions", with, columns, texts);
    support_ok(sql_open(&s, uri, &e), &e);
    support_ok(sql_each(s, text, SQL_NO_PARAMS, take_session, &got, &e), &e);
    session_lines_assert_equal(&got, &expected);
    session_lines_clear(&got);
    session_lines_clear(&expected);
    free(text);
    sql_close(s);
}

static char *cut_of(column_set of, uint64_t to_seq)
{
    struct buf text = {0};
    buf_put_text(&text, "WITH events AS (");
    events_sql(&text, &(struct events_range){.columns = of, .to_seq = to_seq});
    buf_put_text(&text, "), sessions AS (");
    sessions_sql(&text, of);
    buf_put_text(&text, ")");
    char *result = mem_copy_span(buf_span(&text));
    buf_clear(&text);
    return result;
}

static void the_relation_sessions_is_what_sorting_the_log_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct arena memory = {0};
        struct session_log *l = session_log_random(seed, 1500, &memory);
        char *uri = log_test_database();
        append(uri, l);
        assert_gives(uri, "", l, l->n);
        assert_true(support_sql_int(uri, "SELECT count(*) FROM sessions") >
                    support_sql_int(uri, "SELECT count(*) FROM sessions WHERE bounce"));
        free(uri);
        free(l);
        arena_clear(&memory);
    }
}

static void the_query_over_a_cut_gives_the_sessions_of_the_cut(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 1, 99, 700, 1500};
    struct arena memory = {0};
    struct session_log *l = session_log_random(4, 1500, &memory);
    char *uri = log_test_database();
    append(uri, l);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        char *with = cut_of(SESSIONS_SQL_COLUMNS | SESSIONS_SQL_TEXTS, cuts[i]);
        assert_gives(uri, with, l, cuts[i]);
        free(with);
    }
    free(uri);
    free(l);
    arena_clear(&memory);
}

static void columns_that_nobody_needs_are_left_out(void **state)
{
    (void)state;
    struct arena memory = {0};
    struct session_log *l = session_log_random(5, 500, &memory);
    char *uri = log_test_database();
    append(uri, l);
    char *with = cut_of(SESSIONS_SQL_COLUMNS | COLUMN_BIT(EVENT_OS), UINT64_MAX);
    char *text = mem_format("%s, x AS (SELECT %s, os FROM sessions), y AS (SELECT %s, os FROM"
                            " public.sessions) SELECT count(*) FROM ((TABLE x EXCEPT ALL TABLE y)"
                            " UNION ALL (TABLE y EXCEPT ALL TABLE x)) d",
                            with, columns, columns);
    assert_int_equal(support_sql_int(uri, text), 0);
    free(text);
    text = mem_format("%s SELECT * FROM sessions LIMIT 0", with);
    free(support_sql(uri, text)); /* no column twice, none unknown */
    free(text);
    free(with);
    free(uri);
    free(l);
    arena_clear(&memory);
}

static void analysts_may_read_it_and_texts_compare_by_bytes(void **state)
{
    (void)state;
    char *uri = log_test_database();
    assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM pg_attribute WHERE attrelid ="
                                          " 'sessions'::regclass AND attcollation <> 0"
                                          " AND attcollation <> '\"C\"'::regcollation"),
                     0);
    assert_int_equal(
        support_sql_int(uri, "SELECT has_table_privilege('footfall_reader', 'sessions', 'SELECT')"
                             "::int - has_table_privilege('footfall_writer', 'sessions', 'SELECT')"
                             "::int"),
        1);
    free(support_sql(uri, "SET ROLE footfall_reader; SELECT count(*) FROM sessions"));
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_relation_sessions_is_what_sorting_the_log_gives),
        cmocka_unit_test(the_query_over_a_cut_gives_the_sessions_of_the_cut),
        cmocka_unit_test(columns_that_nobody_needs_are_left_out),
        cmocka_unit_test(analysts_may_read_it_and_texts_compare_by_bytes),
    };
    return support_run("sessions", tests, sizeof(tests) / sizeof(tests[0]));
}
