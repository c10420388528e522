/* SPDX-License-Identifier: Apache-2.0 */
/* A grammar as tables: a form is text in which b, i, n, t after a % stand for an expression of that
 * type, and %T for a text whose order is that of bytes. Forms that may be refused are among them.
 */
#include "tests/support/sql_maker.h"

#include <stdio.h>

#include "base/random.h"

#define COUNT_OF(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))
#define ANY_OF(list, seed) ((list)[random_below(seed, COUNT_OF(list))])

/* ---- constants ---- */

static const char *const texts[] = {"",
                                    "a",
                                    "A",
                                    "/",
                                    "/blog/x",
                                    "/Blog/X",
                                    "%",
                                    "_",
                                    "\\",
                                    "a\\b",
                                    "a%b",
                                    "a_b",
                                    "\xc3\xa4",
                                    "\xc3\x84",
                                    "I",
                                    "i",
                                    "\xc4\xb0",
                                    "\xc4\xb1",
                                    "\xc3\x9f",
                                    "\xe1\xba\x9e",
                                    "e\xcc\x81",
                                    "\xf0\x9f\x99\x82",
                                    " a b ",
                                    "'",
                                    "\"",
                                    "a,b,c",
                                    "a//b",
                                    "//",
                                    "aaa",
                                    "aAaA",
                                    "Z",
                                    "z",
                                    "0",
                                    "10",
                                    "9",
                                    "-1",
                                    "true",
                                    "NULL",
                                    "\t\n",
                                    "PageViewEvent",
                                    "\xed\x9f\xbf\xee\x80\x80",
                                    "abcdefghijklmnopqrstuvwxyz0123456789",
                                    "*!~",
                                    "x\x01y",
                                    "k"};

static const char *const ints[] = {
    "0",       "1",          "-1",          "2",          "3",
    "7",       "10",         "60",          "100",        "-100",
    "1000000", "2147483647", "-2147483648", "3000000000", "9223372036854775807"};
static const char *const numbers[] = {"0",   "1.5",       "-1.5",
                                      "0.5", "2.50",      "0.000000001",
                                      "100", "12345.678", "99999999999999999.999999999",
                                      "1e3"};
static const char *const patterns[] = {"'%'",
                                       "'_'",
                                       "'/%'",
                                       "'%a%'",
                                       "'a_%'",
                                       "'\\%'",
                                       "'%\\_%'",
                                       "'a\\\\b'",
                                       "'%\xc3\xa4%'",
                                       "'__'",
                                       "''",
                                       "'%%a'",
                                       "'/b%/x'",
                                       "'!%' ESCAPE '!'",
                                       "'a!!b%' ESCAPE '!'",
                                       "'%\\' ESCAPE ''",
                                       "'I%'",
                                       "'%_i'"};
static const char *const bool_columns[] = {"bot"};
static const char *const int_columns[] = {"visitor", "visitor", "length(path)",
                                          "ff_int(props, 'n')", "ff_int(props, 's')"};
static const char *const number_columns[] = {
    "ff_num(props, 'n')",           "ff_num(props, 's')",
    "ff_num(props, 'absent')",      "extract(hour from event_time)",
    "extract(dow from event_time)", "extract(isoyear from event_time)"};
static const char *const byte_columns[] = {"path", "host", "query",  "referrer", "browser",
                                           "os",   "site", "region", "user_id",  "event_type"};

/* ---- forms ---- */

static const char *const bool_forms[] = {"%t = %t",
                                         "%t <> %t",
                                         "%T < %T",
                                         "%T >= %T",
                                         "%i < %i",
                                         "%i = %i",
                                         "%n > %n",
                                         "%n = %n",
                                         "%i <= %n",
                                         "%b AND %b",
                                         "%b OR %b",
                                         "NOT %b",
                                         "%b IS TRUE",
                                         "%b IS NOT FALSE",
                                         "%b IS UNKNOWN",
                                         "%b = %b",
                                         "%t IS NULL",
                                         "%i IS NOT NULL",
                                         "%n IS NULL",
                                         "%t IS DISTINCT FROM %t",
                                         "%i IS NOT DISTINCT FROM %i",
                                         "%t IN (%q, %q, %q)",
                                         "%t NOT IN (%q, NULL)",
                                         "%i IN (1, 2, %i)",
                                         "%i NOT IN (1, 7)",
                                         "%i BETWEEN %i AND %i",
                                         "%n NOT BETWEEN %n AND %n",
                                         "%t LIKE %p",
                                         "%t NOT LIKE %p",
                                         "%T ILIKE %p",
                                         "%T NOT ILIKE %p",
                                         "starts_with(%t, %t)",
                                         "%t ^@ %q",
                                         "props ? %q",
                                         "CASE WHEN %b THEN %b ELSE %b END",
                                         "coalesce(%b, %b)",
                                         "%t < %t",
                                         "event_time > '2026-01-05 12:00:00+00'",
                                         "event_time BETWEEN '2026-01-02' AND received_at",
                                         "%i BETWEEN SYMMETRIC %i AND %i",
                                         "%t = ANY (ARRAY[%t, %q])",
                                         "%i > ALL (ARRAY[1, %i])",
                                         "(%t, %i) = (%q, %i)",
                                         "%i::int::bool",
                                         "props IS NULL",
                                         "%n IN (%n, 1.5, 2)",
                                         "event_time::timestamptz(0) > '2026-01-05 12:00:00'",
                                         "event_time > '2026-01-05 12:00:00.6'::timestamptz(0)",
                                         "extract(minute from event_time::timestamptz(0)) = %i",
                                         "%t LIKE 'a%'::varchar(1)",
                                         "%t LIKE 'a '::char(2)",
                                         "%t LIKE ANY (ARRAY['a%', '_', %q])",
                                         "%t NOT LIKE ALL (ARRAY['%a', '/%'])",
                                         "props ? 'sx'::varchar(1)",
                                         "%t = ANY (ARRAY['abc', 'a ']::varchar(1)[])",
                                         "%t = ANY (ARRAY['a ', %q]::char(4)[])",
                                         "%i = ANY ((ARRAY[1.5, 2.5])::numeric[]::bigint[])",
                                         "%t IN ('a'::varchar, 'b', NULL)",
                                         "%b < %b",
                                         "%b BETWEEN %b AND %b",
                                         "%i IS DISTINCT FROM %n",
                                         "nullif(%i, %n) > 1",
                                         "%n::numeric(12, 2) = 1",
                                         "event_id <> '00000000-0000-0000-0000-000000000001'",
                                         "(%t, %t) IN ((%q, %q), ('a', 'b'))",
                                         "event_time > '12:05 2026-01-03'"};
static const char *const int_forms[] = {"%i + %i",
                                        "%i - 1",
                                        "%i * 3",
                                        "-%i",
                                        "%i / 7",
                                        "%i % 7",
                                        "%i / -3",
                                        "%i % -10",
                                        "abs(%i)",
                                        "length(%t)",
                                        "strpos(%t, %t)",
                                        "position(%q in %t)",
                                        "%b::int",
                                        "%n::int",
                                        "round(%n)::bigint",
                                        "coalesce(%i, %i)",
                                        "nullif(%i, %i)",
                                        "CASE WHEN %b THEN %i ELSE %i END",
                                        "greatest(%i, %i)",
                                        "least(%i, %i, %i)",
                                        "CASE %t WHEN %q THEN 1 WHEN %t THEN 2 END",
                                        "extract(minute from event_time)::int",
                                        "length(%t) - length(%t)",
                                        "(%i % 1000) * (%i % 1000)",
                                        "%i / length(%t)",
                                        "mod(%i, 60)",
                                        "length(%t)::bigint * 5",
                                        "floor(extract(doy from event_time) / 1)::int",
                                        "%i + length(%t)",
                                        "%i % -1",
                                        "%i / -1",
                                        "strpos(%t, '')",
                                        "CASE %b WHEN true THEN 1 WHEN %b THEN 2 END",
                                        "- (-2147483648)",
                                        "CASE %i WHEN 1.5 THEN 1 WHEN %n THEN 2 ELSE %i END",
                                        "%i * 0",
                                        "extract(week from received_at)::int",
                                        "greatest(greatest(%i, 1, 2), %i, 3)",
                                        "(%i % 46341) * (%i % 46341)",
                                        "length(props ->> 'sx'::varchar(1))"};
static const char *const number_forms[] = {"ff_add(%n, %n)",
                                           "ff_sub(%n, %n)",
                                           "ff_mul(%n, %n)",
                                           "ff_div(%n, %n)",
                                           "round(%n, 2)",
                                           "round(%n)",
                                           "floor(%n)",
                                           "ceil(%n)",
                                           "trunc(%n)",
                                           "abs(%n)",
                                           "-%n",
                                           "%i::numeric",
                                           "coalesce(%n, %n)",
                                           "nullif(%n, %n)",
                                           "CASE WHEN %b THEN %n ELSE %n END",
                                           "greatest(%n, %n)",
                                           "least(%n, %n)",
                                           "%n + %n",
                                           "%n * 2",
                                           "%n - 1.5",
                                           "round(%n, 1) * 2.5",
                                           "%n::numeric(20, 3)",
                                           "length(%t) * 1.5",
                                           "%i::numeric + %i",
                                           "%n / 3",
                                           "ff_div(%i::numeric, %n)",
                                           "round(%n, 4) + 0.25",
                                           "%n % 3",
                                           "round(%n, 0)",
                                           "round(%n, 12)",
                                           "round(%i)",
                                           "ff_add(%i, %n)",
                                           "ceil(%i)",
                                           "coalesce(%n, %i, 1)",
                                           "trunc(%n, 1)",
                                           "nullif(%n, %i)",
                                           "'1.005'::numeric(5, 2)",
                                           "%n::numeric(38, 9)",
                                           "extract(isodow from event_time) * 0.5"};
static const char *const text_forms[] = {"%t || %t",
                                         "%T || %i",
                                         "%t || %b",
                                         "concat(%t, %i, %b, NULL, %t)",
                                         "left(%t, 3)",
                                         "left(%t, -2)",
                                         "right(%t, 2)",
                                         "right(%t, -1)",
                                         "substring(%t from 2 for 3)",
                                         "substr(%t, 2)",
                                         "substring(%t, -1, 4)",
                                         "replace(%t, %q, %q)",
                                         "split_part(%t, '/', 2)",
                                         "split_part(%t, %q, -1)",
                                         "lower(%T)",
                                         "upper(%T)",
                                         "trim(%t)",
                                         "ltrim(%t, 'a/')",
                                         "trim(both '/' from %t)",
                                         "rtrim(%t)",
                                         "coalesce(%t, %t)",
                                         "nullif(%t, %t)",
                                         "CASE WHEN %b THEN %t ELSE %t END",
                                         "CASE WHEN %b THEN %t END",
                                         "%i::text",
                                         "%b::text",
                                         "event_id::text",
                                         "greatest(%T, %T)",
                                         "lower(%t)",
                                         "left(%t, length(%t))",
                                         "%T COLLATE \"C\"",
                                         "substring(%t from %i::int for 2)",
                                         "substr(%t, 1, greatest(length(%t), 0))",
                                         "replace(%t, %t, '')",
                                         "split_part(%t, ',', length(%t))",
                                         "left(%t, 2)::varchar",
                                         "substring(%t, -2147483648, 5)",
                                         "substring(%t, 2147483647)",
                                         "substr(%t, 2, 2147483647)",
                                         "substring(%t, -5, 2147483647)",
                                         "left(%t, 2147483647)",
                                         "right(%t, -2147483647)",
                                         "split_part(%t, '', 1)",
                                         "split_part(%t, '', -1)",
                                         "split_part(%t, %q, 2)",
                                         "split_part(%t, '/', -2147483648)",
                                         "split_part(%t, 'aa', 2)",
                                         "replace(%t, '', %q)",
                                         "btrim(%t, '')",
                                         "concat(%t)",
                                         "concat(NULL, %b)",
                                         "left(%t, 2)::varchar(1)",
                                         "'ab  '::char(6)::text",
                                         "coalesce(NULL, %t)",
                                         "concat(%i::int, %n::bigint)",
                                         "ltrim(%t, %q)",
                                         "CASE %t WHEN NULL THEN 'x' ELSE %t END"};

static void put_quoted(struct buf *out, const char *text)
{
    buf_put_text(out, strchr(text, '\\') == NULL ? "'" : "'");
    for (; *text != '\0'; text++) {
        buf_put_byte(out, (uint8_t)*text);
        if (*text == '\'')
            buf_put_byte(out, '\'');
    }
    buf_put_byte(out, '\'');
}

const char *sql_maker_text(uint64_t *seed)
{
    return ANY_OF(texts, seed);
}

static void put_leaf(struct buf *out, uint64_t *seed, enum made_type type)
{
    bool constant = random_below(seed, 4) == 0;
    switch (type) {
    case MADE_BOOL:
        buf_put_text(out, constant ? (random_below(seed, 2) ? "true" : "NULL::bool")
                                   : ANY_OF(bool_columns, seed));
        break;
    case MADE_INT:
        buf_put_text(out, constant ? ANY_OF(ints, seed) : ANY_OF(int_columns, seed));
        break;
    case MADE_NUMBER:
        buf_put_text(out, constant ? ANY_OF(numbers, seed) : ANY_OF(number_columns, seed));
        break;
    default:
        if (constant)
            put_quoted(out, ANY_OF(texts, seed));
        else if (random_below(seed, 4) == 0)
            buf_printf(out, "props ->> '%s'", random_below(seed, 2) ? "s" : "n");
        else
            buf_put_text(out, ANY_OF(byte_columns, seed));
    }
}

static void put_bytes_text(struct buf *out, uint64_t *seed, unsigned depth)
{
    if (depth == 0 || random_below(seed, 2) == 0) {
        buf_put_text(out, ANY_OF(byte_columns, seed));
        return;
    }
    sql_make(out, seed, MADE_TEXT, depth - 1);
    buf_put_text(out, " COLLATE \"C\"");
}

static void put_form(struct buf *out, uint64_t *seed, const char *form, unsigned depth)
{
    for (const char *p = form; *p != '\0'; p++) {
        const char *types = "bint", *type;
        if (*p != '%' || p[1] == ' ' || p[1] == '\0') {
            buf_put_byte(out, (uint8_t)*p);
            continue;
        }
        p++;
        if (*p == 'q')
            put_quoted(out, ANY_OF(texts, seed));
        else if (*p == 'p')
            buf_put_text(out, ANY_OF(patterns, seed));
        else if (*p == 'T') {
            buf_put_byte(out, '(');
            put_bytes_text(out, seed, depth);
            buf_put_byte(out, ')');
        } else if ((type = strchr(types, *p)) != NULL)
            sql_make(out, seed, (enum made_type)(type - types), depth == 0 ? 0 : depth - 1);
    }
}

void sql_make(struct buf *out, uint64_t *seed, enum made_type type, unsigned depth)
{
    buf_put_byte(out, '(');
    if (depth == 0)
        put_leaf(out, seed, type);
    else if (type == MADE_BOOL)
        put_form(out, seed, ANY_OF(bool_forms, seed), depth);
    else if (type == MADE_INT)
        put_form(out, seed, ANY_OF(int_forms, seed), depth);
    else if (type == MADE_NUMBER)
        put_form(out, seed, ANY_OF(number_forms, seed), depth);
    else
        put_form(out, seed, ANY_OF(text_forms, seed), depth);
    buf_put_byte(out, ')');
}

/* ---- views ---- */

static const char *const buckets[] = {"date_bin('1 minute', event_time, 'epoch')",
                                      "date_bin('15 minutes', event_time, 'epoch')",
                                      "date_trunc('hour', event_time)",
                                      "date_trunc('day', event_time)",
                                      "date_bin('30 seconds', event_time, '1980-01-01')",
                                      "date_bin('2 hours', event_time, 'epoch')"};
static const char *const measures[] = {"count(*)",
                                       "count(%t)",
                                       "count(DISTINCT %t)",
                                       "count(DISTINCT %i)",
                                       "sum(%i)",
                                       "sum(%n)",
                                       "avg(%i)",
                                       "avg(%n)",
                                       "min(%n)",
                                       "max(%i)",
                                       "max(%n)",
                                       "count(%b)",
                                       "count(DISTINCT visitor)",
                                       "count(DISTINCT %b)"};
static const char *const filters[] = {"", "", " FILTER (WHERE %b)"};
static const char *const dimensions[] = {"%t",   "%t", "%i",        "%b",  "%T",
                                         "true", "5",  "'k'::text", "NULL"};
static const char *const havings[] = {"", "", " HAVING count(*) > 1", " HAVING sum(%i) IS NOT NULL",
                                      " HAVING count(DISTINCT visitor) BETWEEN 1 AND 100"};
static const char *const orders[] = {"", "", " ORDER BY 2 DESC, count(*)",
                                     " ORDER BY n0 NULLS FIRST",
                                     " ORDER BY max(length(path)) LIMIT 5"};

void sql_make_view(struct buf *out, uint64_t *seed, unsigned number)
{
    unsigned n_dimensions = random_below(seed, 4), n_measures = 1 + random_below(seed, 4);
    buf_printf(out, "CREATE MATERIALIZED VIEW made_%u AS\nSELECT site, %s AS time", number,
               ANY_OF(buckets, seed));
    for (unsigned i = 0; i < n_dimensions; i++) {
        buf_put_text(out, ",\n  ");
        put_form(out, seed, ANY_OF(dimensions, seed), 2);
        buf_printf(out, " AS d%u", i);
    }
    for (unsigned i = 0; i < n_measures; i++) {
        buf_put_text(out, ",\n  ");
        put_form(out, seed, ANY_OF(measures, seed), 2);
        put_form(out, seed, ANY_OF(filters, seed), 2);
        buf_printf(out, " AS n%u", i);
    }
    buf_put_text(out, "\nFROM events");
    if (random_below(seed, 3) != 0) {
        buf_put_text(out, "\nWHERE ");
        sql_make(out, seed, MADE_BOOL, 3);
    }
    buf_put_text(out, "\nGROUP BY 1, 2");
    for (unsigned i = 0; i < n_dimensions; i++)
        buf_printf(out, ", %u", 3 + i);
    put_form(out, seed, ANY_OF(havings, seed), 1);
    put_form(out, seed, ANY_OF(orders, seed), 1);
}

/* ---- properties ---- */

static const char *const values[] = {"1",
                                     "-1",
                                     "0",
                                     "0.1",
                                     "1.50",
                                     "-2.5",
                                     "7",
                                     "100",
                                     "1e5",
                                     "1e-5",
                                     "1e30",
                                     "-1e30",
                                     "1e-30",
                                     "12.0",
                                     "9223372036854775807",
                                     "-9223372036854775808",
                                     "9223372036854775808",
                                     "99999999999999999.9999999994",
                                     "99999999999999999.9999999995",
                                     "-99999999999999999.9999999995",
                                     "100000000000000000",
                                     "0.0000000005",
                                     "-0.0000000005",
                                     "0.00000000049999",
                                     "12345678901234567890123456789012",
                                     "true",
                                     "false",
                                     "null",
                                     "\"12\"",
                                     "\"\"",
                                     "\"a\\\"b\\\\c\\n\"",
                                     "\"\\ud83d\\ude42 \\u00e9\"",
                                     "\"I\"",
                                     "\"\xc4\xb0\"",
                                     "\"/blog/x\"",
                                     "\"%_\\\\\"",
                                     "\"\\u0001\"",
                                     "\"NaN\"",
                                     "\"1e5\""};

const char *sql_maker_props(uint64_t *seed)
{
    static char text[400];
    snprintf(text, sizeof(text), "{\"n\":%s,\"s\":%s,\"%s\":%s}", ANY_OF(values, seed),
             ANY_OF(values, seed), random_below(seed, 2) ? "k" : "a%b", ANY_OF(values, seed));
    return text;
}
