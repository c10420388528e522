/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator against PostgreSQL: random expressions over hostile rows, value by value. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "log/sql.h"
#include "tests/support/eval_pairs.h"
#include "tests/support/log.h"
#include "views/eval.h"

enum { ROWS = 160, PAIRS = 900, SQL_BYTES = 20000 };

struct rig {
    char *uri;
    struct sql *sql;
    struct arena memory;                  /* of an expression */
    struct buf elements[N_PAIRS_COLUMNS]; /* of the rows as PostgreSQL has them */
    struct column_slice columns[N_PAIRS_COLUMNS];
    struct row_slice rows;
};

static void run_sql(struct rig *r, const char *sql, struct sql_params params, struct sql_rows *rows)
{
    struct err e = {0};
    if (sql_run(r->sql, sql, params, rows, &e) != 0)
        fail_msg("%s: %s", sql, e.text);
}

/* ---- the rows ---- */

static const char *const props[] = {
    "{}",
    "{\"n\": 1, \"s\": \"x\", \"\": true}",
    "{\"n\": -0, \"s\": \"\", \"é\": \"é\"}",
    "{\"n\": 1.50, \"s\": null, \"\": null}",
    "{\"n\": 1e5, \"s\": \"a\\\"b\\\\c\\n\\u0001\\u001f\\t/\"}",
    "{\"n\": 1E-5, \"s\": \"\\ud83d\\ude42 \\u00e9\"}",
    "{\"n\": 99999999999999999.9999999994}",
    "{\"n\": 99999999999999999.9999999995}",
    "{\"n\": -99999999999999999.9999999995}",
    "{\"n\": 1e17, \"k\\\"e\\\\y\\n\": \"odd\", \"s\": \"}\"}",
    "{\"n\": 9223372036854775807, \"s\": \"{\\\"n\\\": 5}\"}",
    "{\"n\": 9223372036854775808}",
    "{\"n\": -9223372036854775808.00}",
    "{\"n\": -9223372036854775809}",
    "{\"n\": 0.0000000005, \"\\u0001\": 7}",
    "{\"n\": -0.0000000005}",
    "{\"n\": 0.00000000049999999999999999999999}",
    "{\"n\": -0.0000000015, \"s\": 12.0}",
    "{\"n\": 12345678901234567890123456789012}",
    "{\"n\": 1e30}",
    "{\"n\": 1e-30}",
    "{\"n\": \"12\", \"s\": false}",
    "{\"n\": true, \"s\": \"\\\\\"}",
    "{\"n\": null, \"s\": \"\\\\\\\"\"}",
    "{\"o\": {\"n\": [1, \"]}\", {\"n\": \"\\\"]\"}]}, \"s\": [], \"n\": 3}",
    "{\"o\": [\"n\", {\"n\": 1}], \"s\": {\"n\": 2}}",
    "{\"n\": 0.1, \"s\": 0.3}",
    "{\"n\": 123456789.123456789}",
    "{\"n\": 7, \"s\": \"%\"}",
};

static const char *const times[] = {
    "1970-01-01 00:00:00+00",         "1969-12-31 23:59:59.999999+00",
    "2000-01-01 00:00:00+00",         "2020-12-31 12:34:56.789012+00",
    "2021-01-01 00:00:00+00",         "2021-01-03 23:59:59.999999+00",
    "2021-01-04 00:00:00+00",         "2024-02-29 00:00:00+00",
    "2024-12-30 05:07:09+00",         "2026-12-31 00:00:00+00",
    "1900-03-01 00:00:00+00",         "0001-01-01 00:00:00+00",
    "0001-12-31 23:59:00+00 BC",      "0005-02-28 23:59:59+00 BC",
    "0044-03-15 12:00:00+00 BC",      "4713-12-31 00:00:00+00 BC",
    "290000-12-31 23:59:59.999999+00"};

static const char *const big_ints[] = {"0",  "1",   "-1",  "9223372036854775807",
                                       "42", "-42", "100", "-9223372036854775808"};

#define ANY_OF(list, seed) ((list)[random_below(seed, sizeof(list) / sizeof((list)[0]))])

/* NULL now and then. */
static struct span or_null(uint64_t *seed, const char *text)
{
    return random_below(seed, 8) == 0 ? SPAN_ABSENT : span_of(text);
}

static void insert_row(struct rig *r, uint64_t *seed)
{
    char time[64], m[32], uuid[40];
    snprintf(time, sizeof(time), "%04u-%02u-%02u %02u:%02u:%02u.%06u+00",
             1600 + random_below(seed, 800), 1 + random_below(seed, 12), 1 + random_below(seed, 28),
             random_below(seed, 24), random_below(seed, 60), random_below(seed, 60),
             random_below(seed, 1000000));
    snprintf(m, sizeof(m), "%d.%02u", (int)random_below(seed, 2000000000) - 1000000000,
             random_below(seed, 100));
    snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-%012llx", random_below(seed, 4) << 30,
             (unsigned long long)random_next(seed) >> 16);
    bool is_odd = random_below(seed, 2) != 0;
    struct span a = eval_pairs_text(seed, &r->memory), b = eval_pairs_text(seed, &r->memory);
    run_sql(r, "INSERT INTO hostile VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            SQL_PARAMS(random_below(seed, 8) == 0 ? SPAN_ABSENT : a,
                       random_below(seed, 3) == 0 ? a : b, or_null(seed, ANY_OF(big_ints, seed)),
                       or_null(seed, ANY_OF(big_ints, seed)), or_null(seed, is_odd ? "t" : "f"),
                       or_null(seed, random_below(seed, 2) ? "t" : "f"),
                       or_null(seed, is_odd ? time : ANY_OF(times, seed)), or_null(seed, uuid),
                       or_null(seed, ANY_OF(props, seed)), or_null(seed, m)),
            NULL);
}

static void fill_table(struct rig *r, uint64_t *seed)
{
    run_sql(
        r,
        "CREATE TEMP TABLE hostile (n bigint GENERATED ALWAYS AS IDENTITY, a text COLLATE \"C\","
        " b text COLLATE \"C\", i bigint, j bigint, p boolean, q boolean, t timestamptz, u uuid,"
        " x jsonb, m numeric(18, 2))",
        SQL_NO_PARAMS, NULL);
    for (int i = 0; i < ROWS; i++)
        insert_row(r, seed);
}

/* ---- the rows as columns ---- */

static void put_element(struct buf *to, struct span bytes)
{
    uint32_t word = htobe32(span_absent(bytes) ? UINT32_MAX : (uint32_t)bytes.n);
    buf_put(to, &word, sizeof(word));
    buf_put_span(to, bytes);
}

static void put_words(struct buf *to, int128 value, size_t bytes)
{
    uint8_t out[16];
    for (size_t i = 0; i < bytes; i++)
        out[bytes - 1 - i] = (uint8_t)((unsigned __int128)value >> (8 * i));
    put_element(to, (struct span){(const char *)out, bytes});
}

static void put_json(struct buf *to, struct span text)
{
    struct buf bytes = {0};
    buf_put_byte(&bytes, 1);
    buf_put_span(&bytes, text);
    put_element(to, buf_span(&bytes));
    buf_clear(&bytes);
}

static void put_value(struct buf *to, enum value_type type, struct span text, struct arena *memory)
{
    char *copy = mem_copy_span(text);
    if (span_absent(text))
        put_element(to, text);
    else if (type == VALUE_BOOL)
        put_element(to, (struct span){text.p[0] == 't' ? "\1" : "\0", 1});
    else if (type == VALUE_INT || type == VALUE_TIME)
        put_words(to, strtoll(copy, NULL, 10), 8);
    else if (type == VALUE_NUMBER)
        put_words(to, strtoll(copy, NULL, 10), 16);
    else if (type == VALUE_JSON)
        put_json(to, text);
    else if (type == VALUE_UUID)
        put_element(to, eval_pairs_uuid(copy, memory));
    else
        put_element(to, text);
    free(copy);
}

/* What the table holds now; a column with one value for all is kept as such. */
static void load_columns(struct rig *r)
{
    struct sql_rows rows = {0};
    run_sql(
        r,
        "SELECT a, b, i, j, p, q, ((extract(epoch FROM t) - 946684800) * 1000000)::bigint, u, x, "
        "(m * 100)::bigint FROM hostile ORDER BY n",
        SQL_NO_PARAMS, &rows);
    for (int c = 0; c < N_PAIRS_COLUMNS; c++) {
        bool differ = false, has_nulls = false;
        buf_reset(&r->elements[c]);
        for (int i = 0; i < rows.count; i++) {
            struct span text = sql_value(&rows, i, c), first = sql_value(&rows, 0, c);
            has_nulls |= span_absent(text);
            differ |= span_absent(text) != span_absent(first) || !span_equal(text, first);
            put_value(&r->elements[c], EVAL_PAIRS_RELATION.columns[c].type, text, &r->memory);
        }
        r->columns[c] = (struct column_slice){r->elements[c].p, r->elements[c].p + r->elements[c].n,
                                              differ      ? FORM_PLAIN
                                              : has_nulls ? FORM_NULL
                                                          : FORM_CONSTANT,
                                              has_nulls};
    }
    r->rows = (struct row_slice){(uint32_t)rows.count, r->columns};
    sql_rows_clear(&rows);
}

static void open_rig(struct rig *r)
{
    struct err e = {0};
    uint64_t seed = 11;
    *r = (struct rig){.uri = log_test_database()};
    support_ok(sql_open(&r->sql, r->uri, &e), &e);
    fill_table(r, &seed);
    load_columns(r);
    arena_reset(&r->memory);
}

static void close_rig(struct rig *r)
{
    for (int c = 0; c < N_PAIRS_COLUMNS; c++)
        buf_clear(&r->elements[c]);
    arena_clear(&r->memory);
    sql_close(r->sql);
    free(r->uri);
}

/* ---- results as text ---- */

static void print_number(struct buf *out, int128 n)
{
    char digits[48], *at = digits + sizeof(digits);
    unsigned __int128 left = n < 0 ? -(unsigned __int128)n : (unsigned __int128)n;
    do
        *--at = (char)('0' + (int)(left % 10));
    while ((left /= 10) != 0);
    if (n < 0)
        *--at = '-';
    buf_put(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void print_element(struct buf *out, enum value_type type, struct span bytes)
{
    static const char hex[] = "0123456789abcdef";
    if (type == VALUE_BOOL)
        buf_put_text(out, element_bool(bytes) ? "true" : "false");
    else if (type == VALUE_INT || type == VALUE_TIME)
        print_number(out, element_int8(bytes));
    else if (type == VALUE_TEXT)
        buf_put_span(out, bytes);
    else
        for (size_t i = 0; i < bytes.n; i++)
            buf_printf(out, "%c%c", hex[(unsigned char)bytes.p[i] >> 4], hex[bytes.p[i] & 15]);
}

/* What the SQL of a value stands in to be shown. */
static const struct frame {
    const char *before, *after;
} frames[] = {
    [VALUE_BOOL] = {"", "::text"},
    [VALUE_INT] = {"", "::text"},
    [VALUE_NUMBER] = {"trunc(", " * 1000000000)::text"},
    [VALUE_TEXT] = {"", "::text"},
    [VALUE_TIME] = {"(((extract(epoch FROM ", ") - 946684800) * 1000000)::bigint)::text"},
    [VALUE_UUID] = {"replace(", "::text, '-', '')"},
};

/* What the evaluator says, a row at a time. */
struct answer {
    const struct expr *x;
    struct truths truths;
    struct numbers numbers;
    struct column_slice column;
    struct column_cursor cursor;
};

static struct answer evaluate(const struct expr *x, const struct row_slice *rows,
                              struct arena *memory)
{
    struct answer a = {.x = x};
    if (x->type == VALUE_BOOL)
        a.truths = eval_truths(x, rows, memory);
    if (x->type == VALUE_NUMBER || x->type == VALUE_INT)
        a.numbers = eval_numbers(x, rows, memory);
    if (x->type != VALUE_NUMBER)
        a.column = eval_column(x, rows, memory);
    a.cursor = column_cursor_of(&a.column);
    return a;
}

static bool number_is_null(const struct numbers *n, uint32_t i)
{
    return n->of_row == NULL ? n->all_null : n->null != NULL && n->null[i] != 0;
}

/* The next row's, as text; false: NULL. */
static bool answer_next(struct answer *a, uint32_t i, struct buf *out)
{
    int128 n = a->numbers.of_row == NULL ? a->numbers.all : a->numbers.of_row[i];
    buf_reset(out);
    if (a->x->type == VALUE_NUMBER) {
        for (unsigned scale = a->x->scale; scale < EXPR_MAX_SCALE; scale++)
            n *= 10;
        print_number(out, n);
        return !number_is_null(&a->numbers, i);
    }
    struct span bytes = column_next(&a->cursor);
    if (!span_absent(bytes))
        print_element(out, a->x->type, bytes);
    if (a->x->type == VALUE_BOOL) {
        enum truth t = a->truths.of_row == NULL ? a->truths.all : (enum truth)a->truths.of_row[i];
        assert_int_equal(t, span_absent(bytes)    ? TRUTH_NULL
                            : element_bool(bytes) ? TRUTH_TRUE
                                                  : TRUTH_FALSE);
    }
    if (a->x->type == VALUE_INT) {
        assert_int_equal(number_is_null(&a->numbers, i), span_absent(bytes));
        assert_true(span_absent(bytes) || n == element_int8(bytes));
    }
    return !span_absent(bytes);
}

/* ---- the comparison ---- */

static void compare(const struct eval_pair *pair, int row, bool there, struct span got,
                    struct span expected)
{
    if (there == span_absent(expected) || (there && !span_equal(got, expected)))
        fail_msg("%s\nrow %d: evaluated to %.*s, PostgreSQL says %.*s", pair->sql, row + 1,
                 there ? (int)got.n : 4, there ? got.p : "NULL",
                 span_absent(expected) ? 4 : (int)expected.n,
                 span_absent(expected) ? "NULL" : expected.p);
}

/* Row i alone: every column has one value for all. */
static struct row_slice only_row(const struct rig *r, struct column_cursor *cursors,
                                 struct column_slice *columns)
{
    for (int c = 0; c < N_PAIRS_COLUMNS; c++) {
        columns[c] = r->columns[c];
        columns[c].elements = cursors[c].at;
        bool is_null = span_absent(column_next(&cursors[c]));
        columns[c].form = is_null ? FORM_NULL : FORM_CONSTANT;
    }
    return (struct row_slice){1, columns};
}

static void check_pair(struct rig *r, const struct eval_pair *pair)
{
    struct sql_rows rows = {0};
    struct buf out = {0};
    struct column_cursor cursors[N_PAIRS_COLUMNS];
    struct column_slice columns[N_PAIRS_COLUMNS];
    const struct frame *frame = &frames[pair->x->type];
    char *sql = mem_format("SELECT %s(%s)%s FROM hostile ORDER BY n", frame->before, pair->sql,
                           frame->after);
    run_sql(r, sql, SQL_NO_PARAMS, &rows);
    assert_int_equal(rows.count, r->rows.count);
    struct answer all = evaluate(pair->x, &r->rows, &r->memory);
    for (int c = 0; c < N_PAIRS_COLUMNS; c++)
        cursors[c] = column_cursor_of(&r->columns[c]);
    for (int i = 0; i < rows.count; i++) {
        struct span expected = sql_value(&rows, i, 0);
        bool there = answer_next(&all, (uint32_t)i, &out);
        compare(pair, i, there, buf_span(&out), expected);
        struct row_slice row = only_row(r, cursors, columns);
        struct answer one = evaluate(pair->x, &row, &r->memory);
        there = answer_next(&one, 0, &out);
        compare(pair, i, there, buf_span(&out), expected);
    }
    buf_clear(&out);
    sql_rows_clear(&rows);
    free(sql);
}

static void check_pairs(struct rig *r, uint64_t seed)
{
    unsigned ops[EXPR_NULLIF + 1] = {0};
    for (int done = 0; done < PAIRS;) {
        struct err e = {0};
        arena_reset(&r->memory);
        struct eval_pair pair = eval_pairs_any(&seed, &r->memory);
        bool is_bounded = expr_check(pair.x, &EVAL_PAIRS_RELATION, &e) == 0;
        if (!is_bounded && strstr(e.text, "more than") == NULL)
            fail_msg("%s: %s", pair.sql, e.text);
        if (!is_bounded || strlen(pair.sql) > SQL_BYTES)
            continue;
        ops[pair.x->op]++;
        check_pair(r, &pair);
        done++;
    }
    for (int op = EXPR_EQUAL; op <= EXPR_NULLIF; op++)
        assert_true(ops[op] > 0);
}

static void any_expression_is_what_postgresql_says(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r);
    check_pairs(&r, 1);
    close_rig(&r);
}

static void any_expression_over_folded_columns_is_what_postgresql_says(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r);
    run_sql(&r,
            "UPDATE hostile SET a = 'a%b_é', i = 7, p = true, t = '2024-12-30 05:07:09+00',"
            " x = '{\"n\": 1.5, \"s\": \"a\\nb\"}'; UPDATE hostile SET j = NULL, q = NULL",
            SQL_NO_PARAMS, NULL);
    load_columns(&r);
    check_pairs(&r, 2);
    close_rig(&r);
}

/* ---- the functions of views are total ---- */

static void whatever_props_are_their_functions_raise_nothing(void **state)
{
    (void)state;
    static const char *const values[] = {"[1, 2]",
                                         "[\"n\"]",
                                         "\"n\"",
                                         "5",
                                         "null",
                                         "true",
                                         "{\"n\": 1e131000}",
                                         "{\"n\": -1e131000}",
                                         "{\"n\": 1e-16000}",
                                         "{\"n\": [1]}",
                                         "{\"n\": {\"n\": 1}}"};
    struct rig r;
    struct sql_rows rows = {0};
    open_rig(&r);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        bool tiny = strstr(values[i], "e-") != NULL;
        run_sql(&r, "SELECT ff_num($1::jsonb, 'n'), ff_int($1::jsonb, 'n')",
                SQL_PARAMS(span_of(values[i])), &rows);
        assert_int_equal(span_absent(sql_value(&rows, 0, 0)), !tiny);
        assert_true(span_absent(sql_value(&rows, 0, 1)));
        sql_rows_clear(&rows);
    }
    close_rig(&r);
}

/* Every two of the extremes. */
static void whatever_numbers_are_their_functions_raise_nothing(void **state)
{
    (void)state;
    struct rig r;
    struct sql_rows rows = {0};
    open_rig(&r);
    run_sql(
        &r,
        "SELECT count(*), count(*) FILTER (WHERE abs(f) >= 1e17 OR scale(f) > 9) FROM (VALUES"
        " ('NaN'::numeric), ('Infinity'), ('-Infinity'), (1e131000), (-1e131000), (1e-16000),"
        " (0), (1e16), (1e17), (-99999999999999999.9999999999), (1e9999), (1e-9)) v (a),"
        " (VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (1e131000), (1e-16000), (0),"
        "  (3), (-1e17), (1e-9)) w (b),"
        " LATERAL (VALUES (ff_add(a, b)), (ff_sub(a, b)), (ff_mul(a, b)), (ff_div(a, b))) x (f)",
        SQL_NO_PARAMS, &rows);
    assert_int_equal(sql_int(&rows, 0, 0), 12 * 9 * 4);
    assert_int_equal(sql_int(&rows, 0, 1), 0);
    sql_rows_clear(&rows);
    close_rig(&r);
}

static void results_are_rounded_once(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *result;
    } cases[] = {
        {"ff_div(1, 3)", "0.333333333"},
        {"ff_div(2, 3)", "0.666666667"},
        {"ff_div(-2, 3)", "-0.666666667"},
        {"ff_div(1, 2000000000)", "0.000000001"},
        {"ff_div(0.999999999, 2000000000)", "0.000000000"},
        {"ff_div(99999999999999999, 0.9)", NULL},
        {"ff_div(1, 0)", NULL},
        {"ff_div(1, 'NaN')", NULL},
        {"ff_div(NULL, 1)", NULL},
        {"ff_mul(0.000000001, 0.5)", "0.000000001"},
        {"ff_mul(0.000000001, -0.5)", "-0.000000001"},
        {"ff_mul(0.000000001, 0.499999999)", "0.000000000"},
        {"ff_mul(316227766.016837934, 316227766.016837934)", NULL},
        {"ff_add(99999999999999999, 0.999999999)", "99999999999999999.999999999"},
        {"ff_add(99999999999999999, 1)", NULL},
        {"ff_sub(-99999999999999999, 1)", NULL},
        {"ff_num('{\"a\": 0.0000000005}', 'a')", "0.000000001"},
        {"ff_num('{\"a\": 0.00000000049999}', 'a')", "0.000000000"},
        {"ff_int('{\"a\": 1.0}', 'a')", "1"},
        {"ff_int('{\"a\": 1.1}', 'a')", NULL},
    };
    struct rig r;
    open_rig(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sql_rows rows = {0};
        char *sql = mem_format("SELECT (%s)::text", cases[i].sql);
        run_sql(&r, sql, SQL_NO_PARAMS, &rows);
        struct span got = sql_value(&rows, 0, 0);
        if (span_absent(got) != (cases[i].result == NULL) ||
            (cases[i].result != NULL && !span_is(got, cases[i].result)))
            fail_msg("%s is %.*s", cases[i].sql, SPAN_ARGS(got));
        sql_rows_clear(&rows);
        free(sql);
    }
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_expression_is_what_postgresql_says),
        cmocka_unit_test(any_expression_over_folded_columns_is_what_postgresql_says),
        cmocka_unit_test(whatever_props_are_their_functions_raise_nothing),
        cmocka_unit_test(whatever_numbers_are_their_functions_raise_nothing),
        cmocka_unit_test(results_are_rounded_once),
    };
    return support_run("eval_sql", tests, sizeof(tests) / sizeof(tests[0]));
}
