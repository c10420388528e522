/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be a view is refused: where, why, and what would do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/buf.h"
#include "tests/support/definition.h"

/* ---- refusals ---- */

#define VIEW(list, rest)                                                                           \
    HEAD "SELECT site, date_trunc('hour', event_time) AS time,\n  " list "\n" rest
#define WHERE(condition) VIEW("count(*) AS n", "FROM events\nWHERE " condition "\nGROUP BY 1, 2")
#define LIST(list, groups) VIEW(list, "FROM events GROUP BY " groups)

static const struct {
    const char *sql, *why, *hint;
} shapes[] = {
    {"SELECT 1", "line 1, column 8: the view has no name", "CREATE MATERIALIZED VIEW"},
    {"CREATE VIEW v AS SELECT 1", "not called materialized", "CREATE MATERIALIZED VIEW"},
    {"DROP TABLE events", "this defines no view", "CREATE MATERIALIZED VIEW"},
    {"CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1", "whether it exists", "leave"},
    {"CREATE MATERIALIZED VIEW x.v AS SELECT 1", "line 1, column 26: a view is in no schema", ""},
    {"CREATE MATERIALIZED VIEW \"V w\" AS SELECT 1", "no name for a view", "small letters"},
    {"CREATE MATERIALIZED VIEW v (a) AS SELECT 1", "a list of columns", "AS"},
    {"CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA", "built at once", "NO DATA"},
    {HEAD "SELECT 1; SELECT 2", "line 2, column 10: the text has several statements", "one"},
    {HEAD "SELECT FROM WHERE", "line 2, column 13: syntax error at or near \"WHERE\"", ""},
    {HEAD "WITH x AS (SELECT 1) SELECT 1 FROM x", "WITH queries cannot be streamed", "one SELECT"},
    {HEAD "SELECT 1 FROM events UNION SELECT 2 FROM events", "UNION", "OR"},
    {HEAD "SELECT DISTINCT site FROM events", "DISTINCT is not kept", "count(DISTINCT x)"},
    {HEAD "SELECT * FROM events", "line 2, column 8: * stands for all", "name the columns"},
    {HEAD "SELECT 1", "no FROM", "FROM events"},
    {HEAD "SELECT 1 FROM events, sites", "line 2, column 23: joins", "props"},
    {HEAD "SELECT 1 FROM events JOIN sites ON true", "joins cannot be streamed", "props"},
    {HEAD "SELECT 1 FROM (SELECT 2) q", "a SELECT within", "one relation"},
    {HEAD "SELECT 1 FROM pg_class", "\"pg_class\" is no relation", "FROM events"},
    {HEAD "SELECT 1 FROM events OFFSET 5", "OFFSET is not", "offset="},
    {HEAD "SELECT 1 FROM events GROUP BY ROLLUP (1)", "ROLLUP", "by="},
    {HEAD "SELECT site, date_trunc('hour', session_start) AS t, max(duration) AS n FROM sessions "
          "GROUP BY 1, 2",
     "line 2, column 54: sessions change", "sum and avg"},
    {HEAD "SELECT site, date_trunc('hour', session_start) AS t, count(DISTINCT visitor) AS n FROM "
          "sessions GROUP BY 1, 2",
     "sessions change", "count(*)"},
    {HEAD "SELECT site, date_trunc('hour', session_end) AS t, count(*) AS n FROM sessions GROUP BY "
          "1, 2",
     "the time bucket is one of session_start", "bucket that column"},
    {HEAD "SELECT path, count(*) AS n FROM events GROUP BY 1", "the first column of a view is site",
     "SELECT site"},
    {HEAD "SELECT site, count(*) AS n FROM events GROUP BY 1", "no time bucket", "date_bin"},
    {HEAD "SELECT site, date_trunc('day', event_time) AS t FROM events GROUP BY 1, 2",
     "no aggregate", "count(*)"},
    {LIST("date_trunc('day', event_time) AS d, count(*) AS n", "1, 2, 3"),
     "line 3, column 3: a view has one time bucket", "another view"},
    {LIST("path, count(*) AS n", "1, 2"), "line 3, column 3: this is neither in GROUP BY",
     "GROUP BY 1"},
    {LIST("count(*) AS n", "1, 2, path"), "line 4, column 28: GROUP BY names what", "list it"},
    {LIST("count(*) AS n", "1, 2, 3"), "cannot be grouped by", "other columns"},
    {LIST("path AS \"Path\", count(*) AS n", "1, 2, 3"), "no name for a column", "small letters"},
    {LIST("path AS n, count(*) AS n", "1, 2, 3"), "two columns are named n", "AS"},
    {LIST("path AS footfall_x, count(*) AS n", "1, 2, 3"), "names of footfall_", "otherwise"},
    {LIST("event_time AS at, count(*) AS n", "1, 2, 3"), "timestamptz cannot be grouped",
     "extract"},
    {LIST("props, count(*) AS n", "1, 2, 3"), "jsonb cannot be grouped", "props ->>"},
    {LIST("ff_num(props, 'x') AS x, count(*) AS n", "1, 2, 3"), "numeric cannot be", "round"},
    {LIST("count(*) * 2 AS n", "1, 2"), "line 3, column 3: an aggregate stands within", "alone"},
    {LIST("array_agg(path) AS n", "1, 2"), "line 3, column 3: values are not put", "dimension"},
    {LIST("sum(path) AS n", "1, 2"), "not of a text", "ff_num"},
    {LIST("min(event_time) AS n", "1, 2"), "not of a timestamptz", "numbers"},
    {LIST("sum(DISTINCT visitor) AS n", "1, 2"), "only their number is kept", "count(DISTINCT"},
    {LIST("count(DISTINCT props) AS n", "1, 2"), "distinct values of a jsonb", "props ->>"},
    {LIST("count(DISTINCT path, host) AS n", "1, 2"), "one argument", "||"},
    {LIST("sum(visitor ORDER BY path) AS n", "1, 2"), "ORDER BY is not kept", "leave"},
    {LIST("sum(visitor) OVER () AS n", "1, 2"), "window functions", "window="},
    {LIST("rank() OVER () AS n", "1, 2"), "window functions", "window="},
    {LIST("sum(ff_num(props, 'x') * 2) AS n", "1, 2"), "too large to be summed", "ff_mul"},
    {HEAD "SELECT site, date_trunc('week', event_time) AS t, count(*) AS n FROM events GROUP "
          "BY 1, 2",
     "line 2, column 14: date_trunc is known for", "step=week"},
    {HEAD "SELECT site, date_bin('7 minutes', event_time, 'epoch') AS t, count(*) AS n FROM events "
          "GROUP BY 1, 2",
     "does not divide a day", "step=week"},
    {HEAD "SELECT site, date_bin('1 hour', event_time, '1970-01-01 00:30:00+00') AS t, "
          "count(*) AS n "
          "FROM events GROUP BY 1, 2",
     "not those of the epoch", "'epoch'"},
    {HEAD "SELECT site, date_trunc('hour', received_at) AS t, count(*) AS n FROM events GROUP "
          "BY 1, 2",
     "one of event_time", ""},
    {HEAD "SELECT site, date_trunc('hour', event_time, 'UTC') AS t, count(*) AS n FROM events "
          "GROUP BY 1, 2",
     "those of UTC", "tz="},
};

static void what_cannot_be_streamed_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        bad(shapes[i].sql, shapes[i].why, shapes[i].hint);
}

static const struct {
    const char *condition, *why, *hint;
} conditions[] = {
    {"(props ->> 'n')::int > 1", "line 5, column 22: a cast of text to integer may", "ff_int"},
    {"(props ->> 'n')::numeric > 1", "a cast of text to numeric may fail", "ff_num"},
    {"(props ->> 't')::timestamptz > event_time", "may fail", "text"},
    {"ff_num(props, 'n')::int > 1", "a cast to integer may fail", ""},
    {"ff_num(props, 'n')::numeric(5, 2) > 1", "numeric(5, 2) may fail", "round"},
    {"visitor + 1 > 0", "line 5, column 15: this can become too large for bigint", "::numeric"},
    {"length(path) * 1000000 > 0", "too large for integer", "::bigint"},
    {"abs(visitor) > 0", "too large for bigint", "::numeric"},
    {"-visitor > 0", "too large for bigint", "::numeric"},
    {"visitor / -1 > 0", "too large for bigint", ""},
    {"visitor / 0 > 0", "division by zero", "ff_div"},
    {"visitor / length(path) > 0", "the divisor can be 0", "ff_div"},
    {"ff_num(props, 'n') / 2 > 0", "no fixed number of decimals", "ff_div"},
    {"ff_num(props, 'n') * 0.5 > 0", "the product has 10 decimals", "ff_mul"},
    {"split_part(path, '/', length(host)) = ''", "constant other than 0", "split_part"},
    {"split_part(path, '/', 0) = ''", "constant other than 0", "split_part"},
    {"substring(path FROM 1 FOR length(path) - 5) = ''", "can be negative", "greatest"},
    {"path LIKE host", "no constant", "starts_with"},
    {"path LIKE 'a\\'", "ends with its escape", "\\\\"},
    {"path LIKE 'a' ESCAPE 'xy'", "no single character", "one character"},
    {"replace(replace(path, '', 'x'), 'y', repeat) = ''", "\"repeat\"", ""},
    {"replace(path, host, query) = ''", "longer than 1 MiB", "left"},
    {"event_time > now()", "line 5, column 20: a view may not depend on the clock", "from, to"},
    {"event_time > current_timestamp", "depend on the clock", "from, to"},
    {"random() < 0.5", "the same on every replay", ""},
    {"path IN (SELECT host FROM events)", "a SELECT within", "IN ('a', 'b')"},
    {"path = ANY (ARRAY[host] || 'x')", "no list of values", "IN ('a', 'b')"},
    {"path ~ '^/a'", "regular expressions", "LIKE"},
    {"path SIMILAR TO 'a'", "regular expressions", "LIKE"},
    {"props ->> 'a' < 'b'", "depends on the database's locale", "COLLATE \"C\""},
    {"lower(props ->> 'a') = 'b'", "depend on the database's locale", "COLLATE \"C\""},
    {"props ->> 'a' ILIKE 'b'", "depends on the database's locale", "COLLATE \"C\""},
    {"path COLLATE \"de_AT\" < 'b'", "order text by its bytes", "COLLATE \"C\""},
    {"props -> 'a' = '1'", "the operator -> of jsonb", "props ->>"},
    {"props @> '{}'", "the operator @> of jsonb", "props ->>"},
    {"props ->> path = 'a'", "the key is no constant", "props ->> 'key'"},
    {"event_time + interval '1 day' > '2026-01-01'", "no type interval", "constants"},
    {"event_time::date = '2026-01-01'", "no type date", "extract"},
    {"visitor::float8 > 1", "no type float8", "numeric"},
    {"path::varchar(3) = 'a'", "no text of a given length", "left"},
    {"extract(epoch FROM event_time) > 5", "this part of a time", "minute hour"},
    {"date_trunc('day', event_time) = '2026-01-01'", "make the time bucket", "extract"},
    {"seq > 5", "line 5, column 7: the column seq is not one", ""},
    {"colour = 'x'", "line 5, column 7: events has no column \"colour\"", "README"},
    {"frobnicate(path) = 'x'", "line 5, column 7: the function frobnicate is not known", "README"},
    {"path", "WHERE needs a condition, not a text", "compare"},
    {"count(*) > 5", "an aggregate stands within", "alone"},
    {"path = 5", "stands where", "one type"},
    {"visitor = 'five'", "\"five\" is no bigint", "whole number"},
    {"$1 = path", "\"ParamRef\" is not known", "README"},
    {"event_time > '2026-02-30'", "is no time", "2026-11-23"},
    {"event_time::timestamptz(0) > '2026-01-01'", "no timestamptz of a given", "extract"},
    {"path LIKE 'abc%'::varchar(2)", "no constant", "write the pattern"},
    {"path LIKE 'a '::char(3)", "no constant", "write the pattern"},
    {"props ->> 'ab'::varchar(1) = 'x'", "the key is no constant", "props ->> 'key'"},
    {"path = ANY (ARRAY['ab']::varchar(1)[])", "no list of values", "IN"},
    {"visitor = ANY (ARRAY[1.5]::bigint[])", "no list of values", "IN"},
};

static void an_expression_that_could_fail_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        char *sql = mem_format(HEAD "SELECT site, date_trunc('hour', event_time) AS time,\n"
                                    "  count(*) AS n\nFROM events\nWHERE %s\nGROUP BY 1, 2",
                               conditions[i].condition);
        bad(sql, conditions[i].why, conditions[i].hint);
        free(sql);
    }
}

/* Short texts that stand for a great deal, here or in PostgreSQL. */
static void what_grows_at_every_level_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before, *x, *after, *why;
        unsigned times;
    } cases[] = {
        {"greatest(", "visitor", ", 1, 2, 3, 4, 5, 6, 7)", "more than 3000 operations", 2},
        {"(", "bot", " BETWEEN false AND true)", "grows too large", 60},
        {"(", "bot", " BETWEEN SYMMETRIC false AND true)", "grows too large", 60},
        {"(bot BETWEEN SYMMETRIC true AND ", "bot", ")", "grows too large", 60},
        {"(", "bot", " IN (bot, NOT bot, bot, bot, bot, bot))", "grows too large", 40},
        {"(CASE ", "bot", " WHEN true THEN bot WHEN false THEN bot WHEN NULL THEN bot END)",
         "too large", 40},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = {0};
        buf_put_text(&text, HEAD START ", count(*) AS n FROM events WHERE (");
        for (unsigned n = 0; n < cases[i].times; n++)
            buf_put_text(&text, cases[i].before);
        buf_put_text(&text, cases[i].x);
        for (unsigned n = 0; n < cases[i].times; n++)
            buf_put_text(&text, cases[i].after);
        buf_put_text(&text, ") IS NULL GROUP BY 1, 2");
        buf_put_byte(&text, '\0');
        bad((const char *)text.p, cases[i].why, "");
        buf_clear(&text);
    }
}

static void many_small_expressions_are_bounded_together(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_put_text(&text, HEAD START ", count(*) AS n");
    for (int i = 0; i < 12; i++)
        buf_printf(&text, ",\nsum(greatest(length(path), 1, 2, 3, 4, 5, 6, %d)) AS n%d", i, i);
    buf_put_text(&text, " FROM events GROUP BY 1, 2");
    buf_put_byte(&text, '\0');
    bad((const char *)text.p, "more than 3000 operations altogether", "IN");
    buf_clear(&text);
}

/* Refused is PostgreSQL's form, the place is in the given text. */
static void places_are_those_of_the_given_text(void **state)
{
    (void)state;
    static const struct {
        const char *given, *canonical, *place;
    } cases[] = {
        {"'ä' = path AND visitor + 1 > 0",
         "('ä'::text = events.path) AND ((events.visitor + 1) > 0)",
         "line 5, column 30: this can become"},
        {"length(path) > 3 AND abs(length(path)) > 2 AND\n  abs(visitor) > 3",
         "(length(events.path) > 3) AND (abs(length(events.path)) > 2) AND (abs(events.visitor) > "
         "3)",
         "line 6, column 3: this can become"},
        {"path IN ('a', 'b')\nAND props ->> 'x' IN ('a')\nAND props ->> 'y' < 'z'",
         "(events.path = ANY (ARRAY['a'::text, 'b'::text])) AND ((events.props ->> 'x'::text) = "
         "'a'::text) AND ((events.props ->> 'y'::text) < 'z'::text)",
         "line 7, column 19: the order of this text"},
        {"visitor BETWEEN 1 AND 5 AND (visitor % 7) / bot::int > 0",
         "(events.visitor >= 1) AND (events.visitor <= 5) AND (((events.visitor % (7)::bigint) / "
         "(events.bot)::integer) > 0)",
         "line 5, column 49: the divisor"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        struct plan *p;
        char *sql = mem_format(HEAD "SELECT site, date_trunc('day', event_time) AS time,\n"
                                    "  count(*) AS n\nFROM events\nWHERE %s GROUP BY 1, 2",
                               cases[i].given);
        char *form =
            mem_format("SELECT events.site, date_trunc('day'::text, events.event_time) AS "
                       "\"time\", count(*) AS n FROM events WHERE (%s) GROUP BY events.site,"
                       " (date_trunc('day'::text, events.event_time))",
                       cases[i].canonical);
        assert_int_equal(definition_plan("v", sql, form, &p, &e), -1);
        if (strstr(e.text, cases[i].place) != e.text)
            fail_msg("%s: %s", cases[i].given, e.text);
        free(sql);
        free(form);
    }
}

/* ---- hostile texts ---- */

static char *repeated(const char *start, const char *what, unsigned times, const char *end)
{
    struct buf text = {0};
    buf_put_text(&text, start);
    while (times-- > 0)
        buf_put_text(&text, what);
    buf_put_text(&text, end);
    buf_put_byte(&text, '\0');
    return (char *)text.p;
}

static void deep_and_long_texts_are_refused_before_they_hurt(void **state)
{
    (void)state;
    static const struct {
        const char *start, *what, *end, *why;
        unsigned times;
    } cases[] = {
        {HEAD START ", count(*) AS n FROM events WHERE ", "(", "bot", "nested too deeply", 10000},
        {HEAD START ", count(*) AS n FROM events WHERE ", "NOT ", "bot", "nested too deeply",
         10000},
        {HEAD START ", count(*) AS n FROM events WHERE ", "NOT ", "bot GROUP BY 1, 2", "nested",
         2000},
        {HEAD START ", count(*) AS n FROM events WHERE ", "NOT ", "bot GROUP BY 1, 2", "nested",
         100},
        {HEAD START ", count(*) AS n FROM events WHERE 1", "+1", "= 2 GROUP BY 1, 2", "nested",
         100},
        {HEAD START ", count(*) AS n FROM events WHERE 1", "+1", "> 0 GROUP BY 1, 2", "nested",
         3000},
        {HEAD "SELECT 1", " UNION SELECT 1", "", "nested too deeply", 1000},
        {HEAD "SELECT ", "CASE WHEN ", "", "syntax error", 500},
        {HEAD "SELECT ", "[[[[", "", "nested too deeply", 500},
        {HEAD "-- ", "a", "", "at most 65536 are possible", 1 << 20},
        {HEAD "SELECT '", "''", "", "unterminated quoted string", 1000},
        {"", "/*", "", "unterminated", 16},
        {HEAD "SELECT ", "/*", "", "nested too deeply", 30000},
        {"", ";", "", "no statement", 1000},
        {"", "", "", "no statement", 0},
        {HEAD "SELECT $$", "x", "", "unterminated dollar-quoted", 10},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *sql = repeated(cases[i].start, cases[i].what, cases[i].times, cases[i].end);
        struct err e = {0};
        assert_null(plan_of(sql, &e));
        if (strstr(e.text, cases[i].why) == NULL)
            fail_msg("%.60s... %s", sql, e.text);
        free(sql);
    }
}

static void many_conditions_are_no_depth(void **state)
{
    (void)state;
    char *any = repeated(HEAD START ", count(*) AS n FROM events WHERE bot", " OR path = 'x'", 300,
                         " GROUP BY 1, 2");
    char *list = repeated(HEAD START ", count(*) AS n FROM events WHERE path IN ('a'", ", 'abc'",
                          3000, ") GROUP BY 1, 2");
    char *casts = repeated(HEAD START ", count(*) AS n FROM events WHERE lower(path) IN ('a'",
                           ", 'abc'::text", 2500, ") GROUP BY 1, 2");
    definition_free(good(casts));
    free(casts);
    definition_free(good(any));
    definition_free(good(list));
    free(any);
    free(list);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct plan *p;
    assert_int_equal(definition_plan("v", HEAD "SELECT '\xff'", "SELECT 1", &p, &e), -1);
    assert_non_null(strstr(e.text, "not UTF-8"));
    assert_null(p);
    bad(HEAD START
        ", count(*) AS n, 'it''s' || E'\\'' || $q$;$q$ AS \"a;b\" FROM events GROUP BY 1, 2, 4",
        "no name for a column", "");
    bad(HEAD START ", count(*) AS n FROM events GROUP BY 1, 2; DROP TABLE log_batch",
        "line 2, column 105: the text has several statements", "give one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_streamed_is_refused_with_its_place),
        cmocka_unit_test(an_expression_that_could_fail_is_refused),
        cmocka_unit_test(what_grows_at_every_level_is_refused),
        cmocka_unit_test(many_small_expressions_are_bounded_together),
        cmocka_unit_test(places_are_those_of_the_given_text),
        cmocka_unit_test(deep_and_long_texts_are_refused_before_they_hurt),
        cmocka_unit_test(many_conditions_are_no_depth),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
