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
#include "tests/support/definition.h"
#include "views/catalog.h"
#include "views/definition_sql.h"

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
        bool over_events = p->relation == &RELATION_EVENTS;
        assert_true(over_events == (p->filter != NULL));
        assert_string_equal(p->measures[0].name, over_events ? "pageviews" : "visits");
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

static void having_compares_what_the_answer_shows(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        "extract(hour FROM event_time) BETWEEN 8 AND 17",
        "left(path, 3) = '/bl'",
        "avg(visitor) > 2.5",
        "sum(length(path)) / 2 > 3",
        "max(ff_num(props, 'x')) IS NOT NULL",
        "count(*) FILTER (WHERE bot) = 0 OR count(DISTINCT path) % 2 = 1"};
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        char *sql =
            mem_format(HEAD START ", extract(hour FROM event_time) AS hour, left(path, 3) AS p,"
                                  " count(*) AS n FROM events GROUP BY 1, 2, 3, 4 HAVING %s",
                       conditions[i]);
        if (i == 3)
            bad(sql, "numeric / has no fixed number", "ff_div");
        else
            definition_free(good(sql));
        free(sql);
    }
}

static void constants_are_dimensions_that_part_nothing(void **state)
{
    (void)state;
    struct plan *p = good(HEAD START ", true AS yes, 5 AS five, 'k' AS kind, NULL AS none,\n"
                                     "count(*) AS n FROM events\n"
                                     "GROUP BY 1, 2, true::boolean, 5::integer, 'k'::text");
    assert_int_equal(p->n_dimensions, 4);
    assert_int_equal(p->dimensions[1].value->type, VALUE_INT);
    assert_int_equal(p->dimensions[3].value->type, VALUE_TEXT);
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
static const struct {
    const char *given, *canonical;
} forms[] = {
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
    {"extract(dow from event_time) = 1", "(EXTRACT(dow FROM events.event_time) = (1)::numeric)"},
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
    {"concat(path, 'x', bot, NULL) = ''",
     "(concat(events.path, 'x', events.bot, NULL::unknown) = ''::text)"},
    {"CASE path WHEN 'a' THEN 1 ELSE 0 END = 1",
     "(CASE events.path WHEN 'a'::text THEN 1 ELSE 0 END = 1)"},
    {"CASE WHEN bot THEN 1 END = 1", "(CASE WHEN events.bot THEN 1 ELSE NULL::integer END = 1)"},
    {"coalesce(path, '') = nullif(host, '')",
     "(COALESCE(events.path, ''::text) = NULLIF(events.host, ''::text))"},
    {"visitor > -5 AND visitor < - 7",
     "((events.visitor > '-5'::integer) AND (events.visitor < '-7'::integer))"},
    {"greatest(length(path), 5) = 5", "(GREATEST(length(events.path), 5) = 5)"},
    {"(path, host) = ('a', 'b') OR bot",
     "(((events.path = 'a'::text) AND (events.host = 'b'::text)) OR events.bot)"},
};

static void postgresqls_form_means_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct err e = {0};
        struct plan *given, *canonical;
        const char *row = strstr(forms[i].given, "(path, host) =");
        char *sql = mem_format(HEAD START ", count(*) AS n FROM events WHERE %s GROUP BY 1, 2",
                               row == NULL ? forms[i].given : "path = 'a' AND host = 'b' OR bot");
        char *form = mem_format(" SELECT events.site,\n    date_bin('00:01:00'::interval, "
                                "events.event_time, '1970-01-01 "
                                "00:00:00+00'::timestamp with time zone) AS \"time\",\n    "
                                "count(*) AS n\n   FROM events\n"
                                "  WHERE %s\n  GROUP BY events.site, "
                                "(date_bin('00:01:00'::interval, events.event_time, "
                                "'1970-01-01 00:00:00+00'::timestamp with time zone))",
                                forms[i].canonical);
        given = good(sql);
        if (definition_plan("v", sql, form, &canonical, &e) != 0)
            fail_msg("%s: %s", forms[i].canonical, e.text);
        if (!same(given->filter, canonical->filter))
            fail_msg("%s means another thing than %s", forms[i].given, forms[i].canonical);
        definition_free(given);
        definition_free(canonical);
        free(sql);
        free(form);
    }
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
        cmocka_unit_test(constants_are_dimensions_that_part_nothing),
        cmocka_unit_test(having_order_and_limit_ask_for_hidden_measures),
        cmocka_unit_test(having_compares_what_the_answer_shows),
        cmocka_unit_test(the_kept_form_gives_values_and_their_numbers),
        cmocka_unit_test(comments_stay_in_the_text),
        cmocka_unit_test(strides_make_tiers),
        cmocka_unit_test(retention_is_an_option),
        cmocka_unit_test(postgresqls_form_means_the_same),
        cmocka_unit_test(a_definition_that_comes_again_gives_the_same_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
