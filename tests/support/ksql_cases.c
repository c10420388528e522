/* SPDX-License-Identifier: Apache-2.0 */
/* The table. Inputs are events of the type Input, their columns props of the same name (nested ones
 * joined by _), the record's key the prop rowkey. Names of measures are ours: tables are compared
 * by position. */
#include "tests/support/ksql_cases.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

#define INT(column_) "ff_int(props, '" column_ "')"
#define NUM(column_) "ff_num(props, '" column_ "')"
#define TEXT(column_) "props ->> '" column_ "'"
#define ID INT("id") " AS id"
#define C_COLUMNS INT("c1") " AS c1, " INT("c2") " AS c2, " TEXT("c3") " AS c3, count(*) AS n"

#define IS(value_) TEXT("field0") " = '0x" value_ "'"
#define IS_4(digit_, a_, b_, c_, d_)                                                               \
    IS(digit_ a_) " OR " IS(digit_ b_) " OR " IS(digit_ c_) " OR " IS(digit_ d_)
#define IS_16(digit_)                                                                              \
    IS_4(digit_, "0", "1", "2", "3")                                                               \
    " OR " IS_4(digit_, "4", "5", "6", "7") " OR " IS_4(digit_, "8", "9", "A", "B") " OR " IS_4(   \
        digit_, "C", "D", "E", "F")

#define TUMBLING .bucket = "30 seconds", .step = "30s", .window_ms = 30000
#define HOPPING_10 .bucket = "10 seconds", .step = "10s", .window = "30s", .window_ms = 30000
#define HOPPING_5 .bucket = "5 seconds", .step = "5s", .window = "30s", .window_ms = 30000
#define LEFT_OUT .kind = KSQL_LEFT_OUT, .why

#define NO_LISTS "lists of the greatest values are no measure of ours"
#define NO_IMPORT "reads a table of windows that another program has made; our input is events"
#define NO_JOIN "views do not join: an event is counted by itself"
#define NO_ARRAY "props are flat: arrays are refused when they are sent"

const struct ksql_case ksql_cases[] = {
    /* ---- windows ---- */
    {"tumbling-windows", "max tumbling", TUMBLING, .n_dimensions = 1,
     .columns = ID ", max(" INT("value") ") AS value"},
    {"tumbling-windows", "min tumbling", TUMBLING, .n_dimensions = 1,
     .columns = ID ", min(" INT("value") ") AS value"},
    {"tumbling-windows", "topk tumbling", LEFT_OUT = NO_LISTS},
    {"tumbling-windows", "topkdistinct tumbling", LEFT_OUT = NO_LISTS},
    {"tumbling-windows", "import tumbling table", LEFT_OUT = NO_IMPORT},

    {"hopping-windows", "max hopping", HOPPING_10, .n_dimensions = 1,
     .columns = ID ", max(" INT("value") ") AS value"},
    {"hopping-windows", "min hopping", HOPPING_10, .n_dimensions = 1,
     .columns = ID ", min(" INT("value") ") AS value"},
    {"hopping-windows", "topk hopping", LEFT_OUT = NO_LISTS},
    {"hopping-windows", "topkdistinct hopping", LEFT_OUT = NO_LISTS},
    {"hopping-windows", "import hopping table", LEFT_OUT = NO_IMPORT},

    /* max() is not kept of sessions, as late events may take a session back: the windows are
     * compared, which is what the case is about */
    {"session-windows", "max session", .kind = KSQL_SESSIONS},
    {"session-windows", "legacy session",
     LEFT_OUT = "the inputs of \"max session\"; it is about how an old version wrote the keys of "
                "its output"},
    {"session-windows", "import session table", LEFT_OUT = NO_IMPORT},
    {"session-windows", "import session stream", LEFT_OUT = NO_IMPORT},
    {"session-windows", "import session stream and group by", LEFT_OUT = NO_IMPORT},

    {"window-bounds", "table session", .kind = KSQL_SESSIONS},
    {"window-bounds", "table tumbling", .line = KSQL_BOUNDS, TUMBLING, .n_dimensions = 1,
     .columns = ID ", count(*) AS n"},
    {"window-bounds", "table hopping", .line = KSQL_BOUNDS, HOPPING_5, .n_dimensions = 1,
     .columns = ID ", count(*) AS n"},
    {"window-bounds", "none",
     LEFT_OUT = "asks for the bounds of a window where there is none; a row of ours always has its "
                "time"},
    {"window-bounds", "in expressions", .line = KSQL_HALF_BOUNDS, TUMBLING, .n_dimensions = 1,
     .columns = ID ", count(*) AS n"},

    /* ---- measures ---- */
    {"count", "count", .n_dimensions = 1, .columns = ID ", count(*) AS n"},
    {"count", "count group by value", .n_dimensions = 1,
     .columns = TEXT("name") " AS name, count(*) AS n"},
    {"sum", "sum int", .n_dimensions = 1, .columns = ID ", sum(" INT("value") ") AS value"},
    {"sum", "sum long", .n_dimensions = 1, .columns = ID ", sum(" INT("value") ") AS value"},
    {"sum", "sum double", .n_dimensions = 1, .columns = ID ", sum(" NUM("value") ") AS value"},
    {"sum", "sum double map", .n_dimensions = 1,
     .columns = ID ", sum(" NUM("value_key1") ") AS value"},
    {"sum", "sum with constant int arg", .n_dimensions = 1, .columns = ID ", sum(2) AS value"},
    {"sum", "sum with constant long arg", .n_dimensions = 1,
     .columns = ID ", sum(2::bigint) AS value"},
    {"sum", "sum with constant double arg", .n_dimensions = 1, .columns = ID ", sum(1.0) AS value"},
    /* arithmetic is done before the aggregate: the values of a group have one sign there */
    {"average", "calculate average in select", .n_dimensions = 1,
     .columns = ID ", avg(ff_mul(abs(" NUM("value") "), 10)) AS value"},
    {"max-group-by", "max integer group by", .n_dimensions = 1,
     .columns = ID ", max(" INT("value") ") AS value"},
    {"max-group-by", "max long group by", .n_dimensions = 1,
     .columns = ID ", max(" INT("value") ") AS value"},
    /* -Infinity is no number of JSON, so it comes as a text, which ff_num does not count */
    {"max-group-by", "max double group by", .n_dimensions = 1,
     .columns = ID ", max(" NUM("value") ") AS value"},
    {"min-group-by", "min integer group by", .n_dimensions = 1,
     .columns = ID ", min(" INT("value") ") AS value"},
    {"min-group-by", "min long group by", .n_dimensions = 1,
     .columns = ID ", min(" INT("value") ") AS value"},
    {"min-group-by", "min double group by",
     LEFT_OUT = "the least is -1.8e308; props refuse numbers with an exponent beyond 30"},

    /* ---- groups ---- */
    {"group-by", "group by field", .n_dimensions = 1,
     .columns = TEXT("data") " AS data, count(*) AS n"},
    {"group-by", "group by fields", .n_dimensions = 2,
     .columns = INT("f1") " AS f1, " TEXT("f2") " AS f2, count(*) AS n"},
    {"group-by", "group by field with re-key", .n_dimensions = 1,
     .columns = TEXT("data") " AS data, count(*) AS n"},
    {"group-by", "group by with aggregate arithmetic", .n_dimensions = 1,
     .columns = TEXT("data") " AS data, sum(2) AS n"},
    {"group-by", "group by function", .n_dimensions = 1,
     .columns = "substring(" TEXT("source") ", 1, 2) AS thing, count(*) AS n"},
    {"group-by", "group by json field", .n_dimensions = 1,
     .columns = TEXT("data_field") " AS field, count(*) AS n"},
    {"group-by", "group by ROWKEY", .line = KSQL_KEY_AND_VALUE, .n_dimensions = 1,
     .columns = TEXT("rowkey") " AS rowkey, count(*) AS n"},
    {"group-by", "group by constant", .columns = "count(*) AS n"},
    {"group-by", "group by missing matching select element", .line = KSQL_KEY_AND_VALUE,
     .n_dimensions = 1, .columns = TEXT("data") " AS data, count(*) AS n"},
    {"group-by", "group by with expression not in select", KSQL_REFUSED,
     .columns = TEXT("d1") " AS d1, count(*) AS n"},
    {"group-by", "group by with function not in select", KSQL_REFUSED,
     .columns = "substring(" TEXT("source") ", 1, 2) AS thing, count(*) AS n"},
    {"having", "table having", TUMBLING, .n_dimensions = 1,
     .columns = ID ", sum(" INT("value") ") AS sum", .having = "sum(" INT("value") ") > 100"},
    {"having", "calculate average in having", .n_dimensions = 1,
     .columns = ID ", avg(" INT("value") ") AS avg", .having = "avg(" INT("value") ") > 25"},

    /* ---- filters: rows that come through, counted ---- */
    {"project-filter", "project and filter", KSQL_STREAM, .n_dimensions = 1,
     .columns = TEXT("name") " AS name, count(*) AS n", .where = INT("id") " > 100"},
    {"project-filter", "Json Map filter", KSQL_STREAM, .n_dimensions = 1,
     .columns = ID ", count(*) AS n", .where = TEXT("thing_status") " = 'false'"},
    {"project-filter", "WHERE with many comparisons. This tests the fix for #1784", KSQL_STREAM,
     .n_dimensions = 3,
     .columns = ID ", 'x_0'::text AS field1, " TEXT("field0") " AS field0, count(*) AS n",
     .where = "(" INT("id") " = 1 OR " INT("id") " = 2 OR " INT("id") " = 3 OR " INT(
         "id") " = 4)"
               " AND (" IS_16("1") " OR " IS_16("2") " OR " IS_16("3") ")"},
    {"project-filter", "project and negative filter", KSQL_STREAM, .n_dimensions = 2,
     .columns = TEXT("name") " AS name, " ID ", count(*) AS n", .where = INT("id") " < -100"},
    {"project-filter", "Json Multi Dimensional Array", LEFT_OUT = NO_ARRAY},
    {"project-filter", "Filter on long literal", KSQL_STREAM, .n_dimensions = 3,
     .columns = C_COLUMNS, .where = INT("c1") " = 4294967296"},
    {"project-filter", "Filter on string literal", KSQL_STREAM, .n_dimensions = 3,
     .columns = C_COLUMNS, .where = TEXT("c3") " = 'foo'"},
    {"project-filter", "Filter on like pattern", KSQL_STREAM, .n_dimensions = 3,
     .columns = C_COLUMNS, .where = TEXT("c3") " LIKE 'f%'"},
    {"project-filter", "Filter on like pattern without wildcards", KSQL_STREAM, .n_dimensions = 3,
     .columns = C_COLUMNS, .where = TEXT("c3") " LIKE 'f'"},
    {"project-filter", "Null row filter", KSQL_STREAM, .n_dimensions = 1,
     .columns = ID ", count(*) AS n", .where = TEXT("thing_status") " = 'false'"},
    {"project-filter", "Filter on not like pattern", KSQL_STREAM, .n_dimensions = 3,
     .columns = C_COLUMNS, .where = TEXT("c3") " NOT LIKE 'f%'"},
    {"project-filter", "Project fields with reserved name", KSQL_STREAM, .n_dimensions = 1,
     .columns = TEXT("END") " AS \"end\", count(*) AS n"},
    {"project-filter", "Project struct fields with reserved name", KSQL_STREAM, .n_dimensions = 1,
     .columns = TEXT("S_END") " AS \"end\", count(*) AS n"},
    {"project-filter", "CSAS with custom Kafka topic name", KSQL_STREAM, .n_dimensions = 3,
     .columns = C_COLUMNS, .where = INT("c1") " = 4294967296"},

    /* ---- whole files ---- */
    {"joins", NULL, LEFT_OUT = NO_JOIN},
    {"join-with-custom-timestamp", NULL, LEFT_OUT = NO_JOIN},
    {"topk-group-by", NULL, LEFT_OUT = NO_LISTS},
    {"topk-distinct", NULL, LEFT_OUT = NO_LISTS},
    {"partition-by", NULL,
     LEFT_OUT = "writes a stream anew under other keys; it has no table, and our log no keys"},

    /* ---- written for these tests, in the same form (integration/ksql.c) ---- */
    {"built-in", "greatest and least by half minute", TUMBLING, .n_dimensions = 1,
     .columns = ID ", max(" INT("value") ") AS value, min(" NUM("price") ") AS price"},
    {"built-in", "greatest of hopping windows", HOPPING_10, .n_dimensions = 1,
     .columns = ID ", max(" INT("value") ") AS value"},
    {"built-in", "sessions that a late input joins", .kind = KSQL_SESSIONS},
    {"built-in", "bounds of half minutes", .line = KSQL_BOUNDS, TUMBLING, .n_dimensions = 1,
     .columns = ID ", count(*) AS n"},
    {"built-in", "rows that come through", KSQL_STREAM, .n_dimensions = 3, .columns = C_COLUMNS,
     .where = TEXT("c3") " LIKE 'f%'"},
    {"built-in", "sums above a limit, by a field that may be missing", .n_dimensions = 1,
     .columns = TEXT("data_field") " AS field, sum(" NUM("value") ") AS value",
     .having = "sum(" NUM("value") ") > 1"},
    {"built-in", "a column that is not grouped by", KSQL_REFUSED,
     .columns = TEXT("d1") " AS d1, count(*) AS n"},
};

const unsigned ksql_n_cases = sizeof ksql_cases / sizeof *ksql_cases;

const struct ksql_case *ksql_case_of(struct span file, struct span name)
{
    const struct ksql_case *of_file = NULL;
    for (unsigned i = 0; i < ksql_n_cases; i++) {
        const struct ksql_case *c = &ksql_cases[i];
        if (!span_is(file, c->file))
            continue;
        if (c->name == NULL)
            of_file = c;
        else if (span_is(name, c->name))
            return c;
    }
    return of_file;
}

static char *select_of_sessions(void)
{
    return mem_copy_text("SELECT site, date_bin('1 minute', session_start, 'epoch') AS time,"
                         " duration, pageviews, count(*) AS n FROM sessions GROUP BY 1, 2, 3, 4");
}

char *ksql_select(const struct ksql_case *c)
{
    if (c->kind == KSQL_SESSIONS)
        return select_of_sessions();
    struct buf sql = {0};
    buf_printf(&sql, "SELECT site, date_bin('%s', event_time, 'epoch') AS time, %s FROM events",
               c->bucket == NULL ? "1 day" : c->bucket, c->columns);
    buf_printf(&sql, " WHERE event_type = 'Input'");
    if (c->where != NULL)
        buf_printf(&sql, " AND %s", c->where);
    buf_printf(&sql, " GROUP BY 1, 2");
    for (unsigned i = 0; i < c->n_dimensions; i++)
        buf_printf(&sql, ", %u", i + 3);
    if (c->having != NULL)
        buf_printf(&sql, " HAVING %s", c->having);
    char *text = mem_copy_span(buf_span(&sql));
    buf_clear(&sql);
    return text;
}
