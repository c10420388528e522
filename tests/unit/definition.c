/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions become plans or refusals, without PostgreSQL: its form of a SELECT is written down.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "views/catalog.h"
#include "views/definition.h"
#include "views/definition_sql.h"

#define HEAD "CREATE MATERIALIZED VIEW v AS\n"
#define START "SELECT site, date_bin('1 minute', event_time, 'epoch') AS time"

/* The plan of a whole definition, its own SELECT for PostgreSQL's form; NULL, and the error. */
static struct plan *plan_of(const char *sql, struct err *e)
{
    struct plan *p = NULL;
    char *select = mem_copy_span(definition_select(sql));
    int result = definition_plan("v", sql, select == NULL ? "" : select, &p, e);
    assert_int_equal(result, p == NULL ? -1 : 0);
    free(select);
    return p;
}

static struct plan *good(const char *sql)
{
    struct err e = {0};
    struct plan *p = plan_of(sql, &e);
    if (p == NULL)
        fail_msg("%s\nis refused: %s", sql, e.text);
    return p;
}

/* Refused with each of the parts, which may be "line 3, column 8". */
static void bad(const char *sql, const char *why, const char *hint)
{
    struct err e = {0};
    struct plan *p = plan_of(sql, &e);
    if (p != NULL)
        fail_msg("%s\nis taken", sql);
    if (e.kind != ERR_INPUT || strstr(e.text, why) == NULL || strstr(e.text, hint) == NULL)
        fail_msg("%s\nis refused otherwise: %s", sql, e.text);
}

/* ---- what a plan is made of ---- */

static void every_shipped_view_is_what_its_file_says(void **state)
{
    (void)state;
    unsigned n = 0;
    for (; shipped_views[n].name != NULL; n++) {
        const struct plan *p = shipped_plans()[n];
        assert_string_equal(p->name, shipped_views[n].name);
        assert_string_equal(p->sql, shipped_views[n].sql);
        assert_string_equal(p->bucket_name, "time");
        assert_non_null(p->filter);
        assert_string_equal(p->measures[0].name, "pageviews");
        assert_int_equal(p->measures[0].kind, AGGREGATE_COUNT);
        assert_ptr_equal(plan_find(span_of(p->name)), p);
    }
    assert_null(shipped_plans()[n]);
    const struct plan *p = plan_find(SPAN_LITERAL("pageviews_by_campaign"));
    assert_int_equal(p->n_dimensions, 3);
    assert_string_equal(p->dimensions[2].name, "utm_campaign");
    assert_int_equal(p->dimensions[2].value->column, EVENT_UTM_CAMPAIGN);
    assert_int_equal(p->measures[1].kind, AGGREGATE_COUNT_DISTINCT);
    assert_int_equal(p->measures[1].value->column, EVENT_VISITOR);
    assert_ptr_equal(p->tiers[0], &TIER_QUARTERS);
}

static void measures_have_their_words_and_scales(void **state)
{
    (void)state;
    struct plan *p = good(
        HEAD START ", count(path) AS paths, sum(length(path)) AS bytes,\n"
                   "avg(ff_num(props, 'price')) FILTER (WHERE NOT bot) AS price,\n"
                   "count(DISTINCT visitor % 10) AS kinds, max(round(ff_num(props, 'p'), 2)) m\n"
                   "FROM events GROUP BY 1, 2");
    static const struct {
        enum aggregate_kind kind;
        unsigned at;
        uint8_t scale;
    } expected[] = {{AGGREGATE_COUNT, 0, 0},
                    {AGGREGATE_SUM, 1, 0},
                    {AGGREGATE_AVG, 4, 9},
                    {AGGREGATE_COUNT_DISTINCT, 7, 0},
                    {AGGREGATE_MAX, 8, 2}};
    assert_int_equal(p->n_measures, 5);
    assert_int_equal(p->n_words, 11);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(p->measures[i].kind, expected[i].kind);
        assert_int_equal(p->measures[i].at, expected[i].at);
        assert_int_equal(p->measures[i].scale, expected[i].scale);
        assert_false(p->measures[i].hidden);
    }
    assert_non_null(p->measures[2].filter);
    definition_free(p);
}

static void having_order_and_limit_ask_for_hidden_measures(void **state)
{
    (void)state;
    struct plan *p = good(HEAD START ", path, count(*) AS n FROM events GROUP BY 1, 2, path\n"
                                     "HAVING count(*) > 5 AND sum(length(path)) > 10\n"
                                     "ORDER BY max(visitor) DESC, n, 3 NULLS FIRST, time LIMIT 7");
    assert_non_null(p->having);
    assert_int_equal(p->n_measures, 3);
    assert_false(p->measures[0].hidden);
    assert_true(p->measures[1].hidden && p->measures[2].hidden);
    assert_int_equal(p->measures[1].kind, AGGREGATE_SUM);
    assert_int_equal(p->measures[2].kind, AGGREGATE_MAX);
    assert_int_equal(p->n_order, 4);
    assert_true(p->order[0].column == PLAN_MEASURE && p->order[0].index == 2);
    assert_true(p->order[0].descending && p->order[0].nulls_first);
    assert_true(p->order[1].column == PLAN_MEASURE && p->order[1].index == 0);
    assert_true(p->order[2].column == PLAN_DIMENSION && p->order[2].nulls_first);
    assert_true(p->order[3].column == PLAN_TIME && !p->order[3].nulls_first);
    assert_int_equal(p->limit, 7);
    definition_free(p);
}

/* What verify runs of it. */
static void the_kept_form_gives_values_and_their_numbers(void **state)
{
    (void)state;
    struct plan *p =
        good(HEAD START ", left(path, 3) AS start, count(*) FILTER (WHERE path <> ',)') n,\n"
                        "count(DISTINCT lower(path)) AS d, avg(length(path)) AS a FROM events e\n"
                        "WHERE bot GROUP BY 1, 2, 3 HAVING min(visitor) > 0 ORDER BY n LIMIT 3");
    struct buf text = {0};
    struct err e = {0};
    assert_int_equal(definition_sql(p, &text, &e), 0);
    static const char *const expected =
        "SELECT site AS \"site\", date_bin('1 minute', event_time, 'epoch') AS \"time\", "
        "left(path, 3) AS \"start\", count(*) FILTER (WHERE path <> ',)') AS \"n\", "
        "array_agg(DISTINCT textsend((lower(path))::text)) AS \"d\", "
        "sum(length(path)) AS \"a\", count(length(path)) AS \"footfall_n_a\", "
        "min(visitor) AS \"footfall_3\", count(visitor) AS \"footfall_n_footfall_3\", "
        "count(*) AS footfall_rows FROM events e\nWHERE bot GROUP BY 1, 2, 3";
    buf_put_byte(&text, '\0');
    assert_string_equal((const char *)text.p, expected);
    buf_clear(&text);
    definition_free(p);
}

static void comments_stay_in_the_text(void **state)
{
    (void)state;
    static const char *const sql = "-- What it is for\n/* AS it was */ " HEAD START
                                   ", count(*) AS n -- all\nFROM events GROUP BY 1, 2; -- end";
    struct plan *p = good(sql);
    assert_string_equal(p->sql, sql);
    assert_true(span_is(definition_select("CREATE VIEW \"as\" WITH (a = ' as ', b = (as)) As\n"
                                          " SELECT $as$;$as$ AS one ;\n -- more"),
                        "SELECT $as$;$as$ AS one"));
    assert_true(span_absent(definition_select("CREATE VIEW basalt -- as")));
    assert_true(span_absent(definition_select("/* never closed as")));
    definition_free(p);
}

/* ---- buckets and tiers ---- */

static void strides_make_tiers(void **state)
{
    (void)state;
    static const struct {
        const char *bucket, *tiers;
        unsigned slots;
    } cases[] = {
        {"date_bin('1 second', event_time, 'epoch')", "1s 1m 15m 1d", 60},
        {"date_trunc('second', event_time)", "1s 1m 15m 1d", 60},
        {"date_bin('00:00:45', event_time, 'epoch')", "45s 15m 1d", 60},
        {"date_trunc('minute', event_time)", "1m 15m 1d", 60},
        {"date_bin('5 minutes', event_time, '1970-01-01 00:00:00+00')", "5m 15m 1d", 48},
        {"date_bin('15 min', event_time, '1980-01-01')", "15m 1d", 96},
        {"date_bin('00:16:00', event_time, 'epoch')", "16m 1d", 45},
        {"date_bin('1 hour', event_time, '1970-01-01T05:00:00Z')", "1h 1d", 24},
        {"date_trunc('HOUR', event_time)", "1h 1d", 24},
        {"date_bin('6 hours', event_time, 'epoch')", "6h 1d", 4},
        {"date_bin('1 day', event_time, 'epoch')", "1d", 31},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char tiers[80] = "";
        char *sql = mem_format(HEAD "SELECT site, %s AS t, count(*) AS n FROM events GROUP BY 1, 2",
                               cases[i].bucket);
        struct plan *p = good(sql);
        for (unsigned t = 0; t < p->n_tiers; t++)
            snprintf(tiers + strlen(tiers), sizeof(tiers) - strlen(tiers), "%s%s",
                     t == 0 ? "" : " ", p->tiers[t]->name);
        assert_string_equal(tiers, cases[i].tiers);
        assert_int_equal(p->tiers[0]->max_slots, cases[i].slots);
        assert_int_equal(p->tiers[0]->slot_us, p->bucket_us);
        assert_string_equal(p->bucket_name, "t");
        if (p->tiers[0]->unit == TIER_FIXED) {
            assert_int_equal(p->tiers[0]->slot_us * p->tiers[0]->max_slots, p->tiers[0]->page_us);
            assert_int_equal(US_PER_DAY % p->tiers[0]->page_us, 0);
        }
        definition_free(p);
        free(sql);
    }
}

static void retention_is_an_option(void **state)
{
    (void)state;
#define REST START ", count(DISTINCT visitor) AS n FROM events GROUP BY 1, 2"
#define WITH(options) "CREATE MATERIALIZED VIEW v WITH (" options ") AS " REST
    static const struct {
        const char *sql;
        int64_t days[3];
    } cases[] = {
        {HEAD REST, {2, 0, 0}},
        {WITH("minute_retention = 'forever'"), {0, 0, 0}},
        {WITH("minute_retention = '1 day 24:00:00', quarter_retention = '1 week',"
              "day_retention = '400 days'"),
         {2, 7, 400}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plan *p = good(cases[i].sql);
        for (unsigned t = 0; t < 3; t++)
            assert_int_equal(p->retention_us[t], cases[i].days[t] * US_PER_DAY);
        definition_free(p);
    }
    bad(WITH("minute_retention = '1 month'"), "line 1, column 34: minute_retention is given no",
        "'2 days'");
    bad(WITH("minute_retention = 5"), "minute_retention is given no length", "'forever'");
    bad(WITH("retention = '1 day'"), "line 1, column 34: views know no option retention",
        "quarter_retention");
    bad(WITH("minute_retention = 'forever', quarter_retention = '1 day'"),
        "tier 15m must be kept at least as long as 1m", "");
}

/* ---- refusals ---- */

#define VIEW(list, rest)                                                                           \
    HEAD "SELECT site, date_trunc('hour', event_time) AS time,\n  " list "\n" rest
#define WHERE(condition) VIEW("count(*) AS n", "FROM events\nWHERE " condition "\nGROUP BY 1, 2")
#define LIST(list, groups) VIEW(list, "FROM events GROUP BY " groups)

static void what_cannot_be_streamed_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *why, *hint;
    } cases[] = {
        {"SELECT 1", "line 1, column 8: the view has no name", "CREATE MATERIALIZED VIEW"},
        {"CREATE VIEW v AS SELECT 1", "not called materialized", "CREATE MATERIALIZED VIEW"},
        {"DROP TABLE events", "this defines no view", "CREATE MATERIALIZED VIEW"},
        {"CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1", "whether it exists", "leave"},
        {"CREATE MATERIALIZED VIEW x.v AS SELECT 1", "line 1, column 26: a view is in no schema",
         ""},
        {"CREATE MATERIALIZED VIEW \"V w\" AS SELECT 1", "no name for a view", "small letters"},
        {"CREATE MATERIALIZED VIEW v (a) AS SELECT 1", "a list of columns", "AS"},
        {"CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA", "built at once", "NO DATA"},
        {HEAD "SELECT 1; SELECT 2", "line 2, column 10: the text has several statements", "one"},
        {HEAD "SELECT FROM WHERE", "line 2, column 13: syntax error at or near \"WHERE\"", ""},
        {HEAD "WITH x AS (SELECT 1) SELECT 1 FROM x", "WITH queries cannot be streamed",
         "one SELECT"},
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
        {HEAD "SELECT path, count(*) AS n FROM events GROUP BY 1",
         "the first column of a view is site", "SELECT site"},
        {HEAD "SELECT site, count(*) AS n FROM events GROUP BY 1", "no time bucket", "date_bin"},
        {HEAD "SELECT site, date_trunc('day', event_time) AS t FROM events GROUP BY 1, 2",
         "no aggregate", "count(*)"},
        {LIST("date_trunc('day', event_time) AS d, count(*) AS n", "1, 2, 3"),
         "line 3, column 3: a view has one time bucket", "another view"},
        {LIST("path, count(*) AS n", "1, 2"), "line 3, column 3: this is neither in GROUP BY",
         "GROUP BY 1"},
        {LIST("count(*) AS n", "1, 2, path"), "line 4, column 28: GROUP BY names what", "list it"},
        {LIST("count(*) AS n", "1, 2, 3"), "cannot be grouped by", "other columns"},
        {LIST("path AS \"Path\", count(*) AS n", "1, 2, 3"), "no name for a column",
         "small letters"},
        {LIST("path AS n, count(*) AS n", "1, 2, 3"), "two columns are named n", "AS"},
        {LIST("path AS footfall_x, count(*) AS n", "1, 2, 3"), "names of footfall_", "otherwise"},
        {LIST("event_time AS at, count(*) AS n", "1, 2, 3"), "timestamptz cannot be grouped",
         "extract"},
        {LIST("props, count(*) AS n", "1, 2, 3"), "jsonb cannot be grouped", "props ->>"},
        {LIST("ff_num(props, 'x') AS x, count(*) AS n", "1, 2, 3"), "numeric cannot be", "round"},
        {LIST("count(*) * 2 AS n", "1, 2"), "line 3, column 3: an aggregate stands within",
         "alone"},
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
        {HEAD
         "SELECT site, date_bin('7 minutes', event_time, 'epoch') AS t, count(*) AS n FROM events "
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
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        bad(cases[i].sql, cases[i].why, cases[i].hint);
}

static void an_expression_that_could_fail_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *why, *hint;
    } cases[] = {
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
        {"path::varchar(3) = 'a'", "texts of any length", "left"},
        {"extract(epoch FROM event_time) > 5", "this part of a time", "minute hour"},
        {"date_trunc('day', event_time) = '2026-01-01'", "make the time bucket", "extract"},
        {"seq > 5", "line 5, column 7: the column seq is not one", ""},
        {"colour = 'x'", "line 5, column 7: events has no column \"colour\"", "README"},
        {"frobnicate(path) = 'x'", "line 5, column 7: the function frobnicate is not known",
         "README"},
        {"path", "WHERE needs a condition, not a text", "compare"},
        {"count(*) > 5", "an aggregate stands within", "alone"},
        {"path = 5", "stands where", "one type"},
        {"visitor = 'five'", "\"five\" is no bigint", "whole number"},
        {"$1 = path", "\"ParamRef\" is not known", "README"},
        {"event_time > '2026-02-30'", "is no time", "2026-11-23"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *sql = mem_format(HEAD "SELECT site, date_trunc('hour', event_time) AS time,\n"
                                    "  count(*) AS n\nFROM events\nWHERE %s\nGROUP BY 1, 2",
                               cases[i].condition);
        bad(sql, cases[i].why, cases[i].hint);
        free(sql);
    }
}

/* ---- PostgreSQL's form ---- */

static bool same(const struct expr *a, const struct expr *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->op != b->op || a->type != b->type || a->scale != b->scale || a->null != b->null ||
        a->column != b->column || a->field != b->field || a->n_args != b->n_args)
        return false;
    for (unsigned i = 0; i < a->n_args; i++)
        if (!same(a->args[i], b->args[i]))
            return false;
    if (a->op != EXPR_CONST || a->null)
        return true;
    return a->type == VALUE_TEXT || a->type == VALUE_UUID ? span_equal(a->text, b->text)
           : a->type == VALUE_NUMBER                      ? a->number == b->number
           : a->type == VALUE_BOOL                        ? a->truth == b->truth
                                                          : a->integer == b->integer;
}

/* What PostgreSQL 15 makes of a condition (pg_get_viewdef) means the same to us. */
static void postgresqls_form_means_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *given, *canonical;
    } cases[] = {
        {"path IN ('a', 'b')", "(events.path = ANY (ARRAY['a'::text, 'b'::text]))"},
        {"path NOT IN ('a', NULL)", "(events.path <> ALL (ARRAY['a'::text, NULL::text]))"},
        {"visitor IN (1, 2)", "(events.visitor = ANY (ARRAY[(1)::bigint, (2)::bigint]))"},
        {"path LIKE '/b%'", "(events.path ~~ '/b%'::text)"},
        {"path NOT ILIKE '/b%'", "(events.path !~~* '/b%'::text)"},
        {"path LIKE '!_' ESCAPE '!'", "(events.path ~~ like_escape('!_'::text, '!'::text))"},
        {"path LIKE '!_'  ESCAPE '!'", "(events.path ~~ '\\_'::text)"},
        {"visitor BETWEEN 1 AND 10", "((events.visitor >= 1) AND (events.visitor <= 10))"},
        {"path IS NOT DISTINCT FROM host", "(NOT (events.path IS DISTINCT FROM events.host))"},
        {"bot IS NOT FALSE AND bot IS UNKNOWN",
         "((events.bot IS NOT FALSE) AND (events.bot IS UNKNOWN))"},
        {"substring(path FROM 2 FOR 3) = 'x'", "(SUBSTRING(events.path FROM 2 FOR 3) = 'x'::text)"},
        {"left(path, 3) = substr(path, 2)", "(\"left\"(events.path, 3) = substr(events.path, 2))"},
        {"trim(both '/' from path) = ''", "(TRIM(BOTH '/'::text FROM events.path) = ''::text)"},
        {"position('a' in path) > 1", "(POSITION(('a'::text) IN (events.path)) > 1)"},
        {"extract(dow from event_time) = 1",
         "(EXTRACT(dow FROM events.event_time) = (1)::numeric)"},
        {"(extract(hour from event_time))::int < 5",
         "((EXTRACT(hour FROM events.event_time))::integer < 5)"},
        {"event_time >= '2026-01-01'",
         "(events.event_time >= '2026-01-01 00:00:00+00'::timestamp with time zone)"},
        {"event_time < '2026-01-01 01:02:03.5'",
         "(events.event_time < '2026-01-01 01:02:03.5+00'::timestamp with time zone)"},
        {"event_id = '018bcfe5-6800-7000-8000-000000000001'",
         "(events.event_id = '018bcfe5-6800-7000-8000-000000000001'::uuid)"},
        {"(props ->> 'k') COLLATE \"C\" < 'x'",
         "(((events.props ->> 'k'::text) COLLATE \"C\") < 'x'::text)"},
        {"props ? 'k'", "(events.props ? 'k'::text)"},
        {"ff_num(props, 'p') > -1.50", "(ff_num(events.props, 'p'::text) > '-1.50'::numeric)"},
        {"visitor * 2.5 > 1", "((((events.visitor)::numeric * 2.5)) > (1)::numeric)"},
        {"path || ':' || visitor = 'x'",
         "(((events.path || ':'::text) || events.visitor) = 'x'::text)"},
        {"concat(path, 'x', bot) = ''", "(concat(events.path, 'x', events.bot) = ''::text)"},
        {"CASE path WHEN 'a' THEN 1 ELSE 0 END = 1",
         "(CASE events.path WHEN 'a'::text THEN 1 ELSE 0 END = 1)"},
        {"CASE WHEN bot THEN 1 END = 1",
         "(CASE WHEN events.bot THEN 1 ELSE NULL::integer END = 1)"},
        {"coalesce(path, '') = nullif(host, '')",
         "(COALESCE(events.path, ''::text) = NULLIF(events.host, ''::text))"},
        {"visitor > -5 AND visitor < - 7",
         "((events.visitor > '-5'::integer) AND (events.visitor < '-7'::integer))"},
        {"greatest(length(path), 5) = 5", "(GREATEST(length(events.path), 5) = 5)"},
        {"(path, host) = ('a', 'b') OR bot",
         "(((events.path = 'a'::text) AND (events.host = 'b'::text)) OR events.bot)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        struct plan *given, *canonical;
        const char *row = strstr(cases[i].given, "(path, host) =");
        char *sql = mem_format(HEAD START ", count(*) AS n FROM events WHERE %s GROUP BY 1, 2",
                               row == NULL ? cases[i].given : "path = 'a' AND host = 'b' OR bot");
        char *form = mem_format(" SELECT events.site,\n    date_bin('00:01:00'::interval, "
                                "events.event_time, '1970-01-01 "
                                "00:00:00+00'::timestamp with time zone) AS \"time\",\n    "
                                "count(*) AS n\n   FROM events\n"
                                "  WHERE %s\n  GROUP BY events.site, "
                                "(date_bin('00:01:00'::interval, events.event_time, "
                                "'1970-01-01 00:00:00+00'::timestamp with time zone))",
                                cases[i].canonical);
        given = good(sql);
        if (definition_plan("v", sql, form, &canonical, &e) != 0)
            fail_msg("%s: %s", cases[i].canonical, e.text);
        if (!same(given->filter, canonical->filter))
            fail_msg("%s means another thing than %s", cases[i].given, cases[i].canonical);
        definition_free(given);
        definition_free(canonical);
        free(sql);
        free(form);
    }
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
        {"", "/*", "", "unterminated", 1000},
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

/* ---- the catalog ---- */

static void a_definition_that_comes_again_gives_the_same_plan(void **state)
{
    (void)state;
    static const char *const sql = HEAD START ", count(*) AS n FROM events GROUP BY 1, 2";
    static const char *const other =
        "-- changed\n" HEAD START ", count(*) AS n FROM events GROUP BY 1, 2";
    const char *select = sql + strlen(HEAD);
    const struct plan *first, *again, *changed;
    struct err e = {0};
    assert_int_equal(catalog_plan(&(struct catalog_text){"v", sql, select}, &first, &e), 0);
    assert_int_equal(catalog_plan(&(struct catalog_text){"v", sql, select}, &again, &e), 0);
    assert_int_equal(catalog_plan(&(struct catalog_text){"v", other, select}, &changed, &e), 0);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, changed); /* the comment is shown, too */
    char x[65], y[65];
    plan_hash(first, x);
    plan_hash(changed, y);
    assert_string_equal(x, y); /* but counts nothing */
    assert_int_equal(catalog_plan(&(struct catalog_text){"w", sql, select}, &again, &e), -1);
    assert_non_null(strstr(e.text, "names another, v"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_view_is_what_its_file_says),
        cmocka_unit_test(measures_have_their_words_and_scales),
        cmocka_unit_test(having_order_and_limit_ask_for_hidden_measures),
        cmocka_unit_test(the_kept_form_gives_values_and_their_numbers),
        cmocka_unit_test(comments_stay_in_the_text),
        cmocka_unit_test(strides_make_tiers),
        cmocka_unit_test(retention_is_an_option),
        cmocka_unit_test(what_cannot_be_streamed_is_refused_with_its_place),
        cmocka_unit_test(an_expression_that_could_fail_is_refused),
        cmocka_unit_test(postgresqls_form_means_the_same),
        cmocka_unit_test(places_are_those_of_the_given_text),
        cmocka_unit_test(deep_and_long_texts_are_refused_before_they_hurt),
        cmocka_unit_test(many_conditions_are_no_depth),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_definition_that_comes_again_gives_the_same_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
