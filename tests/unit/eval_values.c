/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: what PostgreSQL 15 answers, written down. Each is evaluated over constants, and
 * over columns with two rows, the second of NULLs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/buf.h"
#include "views/eval.h"

/* An argument: a text, or with absent text an int (of a time: microseconds since 1970). */
struct value {
    struct span text;
    int64_t number;
    enum value_type type;
    bool in_column; /* else always a constant */
};
#define T(s)                                                                                       \
    {                                                                                              \
        .text = {s, sizeof(s) - 1}, .type = VALUE_TEXT, .in_column = true                          \
    }
#define K(s)                                                                                       \
    {                                                                                              \
        .text = {s, sizeof(s) - 1}, .type = VALUE_TEXT                                             \
    }
#define J(s)                                                                                       \
    {                                                                                              \
        .text = {"\1" s, sizeof(s)}, .type = VALUE_JSON, .in_column = true                         \
    }
#define I(n)                                                                                       \
    {                                                                                              \
        .number = n, .type = VALUE_INT, .in_column = true                                          \
    }
#define D(n)                                                                                       \
    {                                                                                              \
        .number = n, .type = VALUE_INT                                                             \
    }
#define N(n)                                                                                       \
    {                                                                                              \
        .number = n, .type = VALUE_NUMBER, .in_column = true                                       \
    }
#define AT(us)                                                                                     \
    {                                                                                              \
        .number = us, .type = VALUE_TIME, .in_column = true                                        \
    }

enum { MOST_ARGS = 3 };

struct example {
    enum expr_op op;
    enum value_type type;
    unsigned n_args;
    struct value args[MOST_ARGS];
    const char *result; /* "NULL" */
    enum expr_field field;
    uint8_t scale, arg_scale;
};

/* ---- one example ---- */

struct scene {
    struct expr nodes[MOST_ARGS];
    const struct expr *args[MOST_ARGS];
    struct buf elements[MOST_ARGS];
    struct column_slice columns[MOST_ARGS];
    struct arena memory;
};

static void put_element(struct buf *to, struct span bytes)
{
    uint32_t word = htobe32(span_absent(bytes) ? UINT32_MAX : (uint32_t)bytes.n);
    buf_put(to, &word, sizeof(word));
    buf_put_span(to, bytes);
}

/* The value's bytes, in room[16] when they are none of its text. */
static struct span bytes_of(const struct value *v, uint64_t room[2])
{
    if (!span_absent(v->text))
        return v->text;
    room[0] = v->number < 0 ? UINT64_MAX : 0;
    room[1] = htobe64((uint64_t)(v->type == VALUE_TIME ? v->number - PG_EPOCH_US : v->number));
    size_t n = v->type == VALUE_NUMBER ? 16 : 8;
    return (struct span){(const char *)&room[2] - n, n};
}

static void make_arg(struct scene *s, const struct example *x, unsigned k, bool in_columns)
{
    const struct value *v = &x->args[k];
    uint64_t room[2];
    s->nodes[k] = (struct expr){.type = v->type, .scale = x->arg_scale, .column = k};
    s->args[k] = &s->nodes[k];
    s->nodes[k].op =
        v->type == VALUE_JSON || (in_columns && v->in_column) ? EXPR_COLUMN : EXPR_CONST;
    if (v->type == VALUE_TEXT)
        s->nodes[k].text = v->text;
    else if (v->type == VALUE_NUMBER)
        s->nodes[k].number = v->number;
    else
        s->nodes[k].integer = v->number;
    put_element(&s->elements[k], bytes_of(v, room));
    put_element(&s->elements[k], SPAN_ABSENT);
    s->columns[k] = (struct column_slice){s->elements[k].p, s->elements[k].p + s->elements[k].n,
                                          in_columns ? FORM_PLAIN : FORM_CONSTANT, in_columns};
}

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

static void print_numbers(struct buf *out, const struct numbers *n, uint32_t i)
{
    bool null = n->of_row == NULL ? n->all_null : n->null != NULL && n->null[i] != 0;
    if (null)
        buf_put_text(out, "NULL");
    else
        print_number(out, n->of_row == NULL ? n->all : n->of_row[i]);
}

static void print_column(struct buf *out, const struct column_slice *c, uint32_t i, bool is_bool)
{
    struct column_cursor cursor = column_cursor_of(c);
    struct span bytes = column_next(&cursor);
    for (; i > 0; i--)
        bytes = column_next(&cursor);
    if (span_absent(bytes))
        buf_put_text(out, "NULL");
    else if (is_bool)
        buf_put_text(out, element_bool(bytes) ? "true" : "false");
    else
        buf_put_span(out, bytes);
}

static void expect(struct scene *s, const struct expr *x, const struct row_slice *rows, uint32_t i,
                   const char *result)
{
    struct buf out = {0};
    if (x->type == VALUE_NUMBER || x->type == VALUE_INT) {
        struct numbers n = eval_numbers(x, rows, &s->memory);
        print_numbers(&out, &n, i);
    } else {
        struct column_slice c = eval_column(x, rows, &s->memory);
        print_column(&out, &c, i, x->type == VALUE_BOOL);
    }
    buf_put_byte(&out, '\0');
    assert_string_equal((const char *)out.p, result);
    buf_clear(&out);
}

static const struct relation_column any_columns[] = {
    {"a", VALUE_TEXT, true, 100}, {"b", VALUE_TEXT, true, 100}, {"c", VALUE_TEXT, true, 100}};

static void try(const struct example *example, bool in_columns)
{
    struct scene s = {0};
    struct err e = {0};
    struct relation_column columns[MOST_ARGS];
    struct relation relation = {"examples", MOST_ARGS, columns, 0, 0};
    struct expr x = {.op = example->op,
                     .type = example->type,
                     .scale = example->scale,
                     .field = example->field,
                     .n_args = example->n_args,
                     .args = s.args};
    memcpy(columns, any_columns, sizeof(columns));
    for (unsigned k = 0; k < x.n_args; k++) {
        make_arg(&s, example, k, in_columns);
        columns[k].type = example->args[k].type;
    }
    if (expr_check(&x, &relation, &e) != 0)
        fail_msg("%s", e.text);
    struct row_slice rows = {in_columns ? 2 : 1, s.columns};
    expect(&s, &x, &rows, 0, example->result);
    if (in_columns && example->args[0].in_column)
        expect(&s, &x, &rows, 1, "NULL");
    for (unsigned k = 0; k < x.n_args; k++)
        buf_clear(&s.elements[k]);
    arena_clear(&s.memory);
}

#define TRY(examples)                                                                              \
    for (size_t i_ = 0; i_ < sizeof(examples) / sizeof(examples[0]); i_++) {                       \
        try(&examples[i_], false);                                                                 \
        try(&examples[i_], true);                                                                  \
    }

/* ---- texts ---- */

#define TEXT VALUE_TEXT
static const struct example parts[] = {
    {EXPR_SUBSTRING, TEXT, 3, {T("alphabet"), I(3), I(2)}, .result = "ph"},
    {EXPR_SUBSTRING, TEXT, 3, {T("alphabet"), I(-2), I(4)}, .result = "a"},
    {EXPR_SUBSTRING, TEXT, 3, {T("alphabet"), I(-2), I(3)}, .result = ""},
    {EXPR_SUBSTRING, TEXT, 3, {T("alphabet"), I(0), I(3)}, .result = "al"},
    {EXPR_SUBSTRING, TEXT, 3, {T("alphabet"), I(7), I(2147483647)}, .result = "et"},
    {EXPR_SUBSTRING, TEXT, 3, {T("alphabet"), I(INT64_MAX), I(INT64_MAX)}, .result = ""},
    {EXPR_SUBSTRING, TEXT, 3, {T("日本語"), I(2), I(1)}, .result = "本"},
    {EXPR_SUBSTRING, TEXT, 2, {T("日本語"), I(2)}, .result = "本語"},
    {EXPR_SUBSTRING, TEXT, 2, {T("日本語"), I(-5)}, .result = "日本語"},
    {EXPR_SUBSTRING, TEXT, 2, {T("日本語"), I(4)}, .result = ""},
    {EXPR_LEFT, TEXT, 2, {T("née"), I(2)}, .result = "né"},
    {EXPR_LEFT, TEXT, 2, {T("née"), I(-1)}, .result = "né"},
    {EXPR_LEFT, TEXT, 2, {T("née"), I(-3)}, .result = ""},
    {EXPR_LEFT, TEXT, 2, {T("née"), I(INT64_MIN)}, .result = ""},
    {EXPR_RIGHT, TEXT, 2, {T("née"), I(2)}, .result = "ée"},
    {EXPR_RIGHT, TEXT, 2, {T("née"), I(-1)}, .result = "ée"},
    {EXPR_RIGHT, TEXT, 2, {T("née"), I(9)}, .result = "née"},
    {EXPR_RIGHT, TEXT, 2, {T("née"), I(0)}, .result = ""},
    {EXPR_RIGHT, TEXT, 2, {T("née"), I(INT32_MIN)}, .result = "née"},
    {EXPR_SPLIT_PART, TEXT, 3, {T("abc~@~def~@~ghi"), T("~@~"), D(2)}, .result = "def"},
    {EXPR_SPLIT_PART, TEXT, 3, {T("abc,def,ghi,jkl"), T(","), D(-2)}, .result = "ghi"},
    {EXPR_SPLIT_PART, TEXT, 3, {T("abc,def"), T(","), D(3)}, .result = ""},
    {EXPR_SPLIT_PART, TEXT, 3, {T("abc,def"), T(","), D(-3)}, .result = ""},
    {EXPR_SPLIT_PART, TEXT, 3, {T("aaaa"), T("aaa"), D(-1)}, .result = "a"},
    {EXPR_SPLIT_PART, TEXT, 3, {T("abc"), T(""), D(-1)}, .result = "abc"},
    {EXPR_SPLIT_PART, TEXT, 3, {T("abc"), T(""), D(2)}, .result = ""},
    {EXPR_SPLIT_PART, TEXT, 3, {T(""), T(","), D(1)}, .result = ""},
    {EXPR_TRIM, TEXT, 2, {T("xyxtrimyyx"), K("xyz")}, .result = "trim"},
    {EXPR_TRIM, TEXT, 2, {T("éaé e"), K("é")}, .result = "aé e"},
    {EXPR_TRIM, TEXT, 2, {T("aaa"), K("a")}, .result = ""},
    {EXPR_TRIM, TEXT, 2, {T(" a "), K("")}, .result = " a "},
    {EXPR_LTRIM, TEXT, 2, {T("zzzytest"), K("xyz")}, .result = "test"},
    {EXPR_RTRIM, TEXT, 2, {T("語test日語"), K("語日")}, .result = "語test"},
};

static void parts_of_texts(void **state)
{
    (void)state;
    TRY(parts);
}

static const struct example made[] = {
    {EXPR_LOWER, TEXT, 1, {T("AbÉ[Z@")}, .result = "abÉ[z@"},
    {EXPR_UPPER, TEXT, 1, {T("aBé{z`")}, .result = "ABé{Z`"},
    {EXPR_CONCAT_OP, TEXT, 2, {T("a"), T("")}, .result = "a"},
    {EXPR_CONCAT_OP, TEXT, 2, {T("a"), T("é")}, .result = "aé"},
    {EXPR_REPLACE, TEXT, 3, {T("abcdefabcdef"), T("cd"), T("XX")}, .result = "abXXefabXXef"},
    {EXPR_REPLACE, TEXT, 3, {T("aaa"), T("aa"), T("b")}, .result = "ba"},
    {EXPR_REPLACE, TEXT, 3, {T("abc"), T(""), T("X")}, .result = "abc"},
    {EXPR_REPLACE, TEXT, 3, {T("aaa"), T("a"), T("")}, .result = ""},
    {EXPR_TO_TEXT, TEXT, 1, {I(INT64_MIN)}, .result = "-9223372036854775808"},
    {EXPR_TO_TEXT, TEXT, 1, {I(0)}, .result = "0"},
    {EXPR_LENGTH, VALUE_INT, 1, {T("e\xcc\x81🙂")}, .result = "3"},
    {EXPR_LENGTH, VALUE_INT, 1, {T("")}, .result = "0"},
    {EXPR_STRPOS, VALUE_INT, 2, {T("日本語"), T("語")}, .result = "3"},
    {EXPR_STRPOS, VALUE_INT, 2, {T("high"), T("ig")}, .result = "2"},
    {EXPR_STRPOS, VALUE_INT, 2, {T(""), T("")}, .result = "1"},
    {EXPR_STRPOS, VALUE_INT, 2, {T("a"), T("ab")}, .result = "0"},
    {EXPR_STARTS_WITH, VALUE_BOOL, 2, {T("alphabet"), T("alph")}, .result = "true"},
    {EXPR_STARTS_WITH, VALUE_BOOL, 2, {T("al"), T("alph")}, .result = "false"},
    {EXPR_STARTS_WITH, VALUE_BOOL, 2, {T("al"), T("")}, .result = "true"},
};

static void texts_and_numbers_of_texts(void **state)
{
    (void)state;
    TRY(made);
}

#define BOOL VALUE_BOOL
static const struct example likes[] = {
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("abc")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("a%")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("%c")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("%b%")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("_b_")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("c")}, .result = "false"},
    {EXPR_LIKE, BOOL, 2, {T(""), K("%")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T(""), K("")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T(""), K("_")}, .result = "false"},
    {EXPR_LIKE, BOOL, 2, {T("é"), K("_")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("e\xcc\x81"), K("_")}, .result = "false"},
    {EXPR_LIKE, BOOL, 2, {T("a%c"), K("a\\%c")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("a\\%c")}, .result = "false"},
    {EXPR_LIKE, BOOL, 2, {T("a\\c"), K("a\\\\c")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("abc"), K("\\a\\b%")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("aXbXbXc"), K("a%b%c")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("aXbXbXcd"), K("a%b%c")}, .result = "false"},
    {EXPR_LIKE, BOOL, 2, {T("mississippi"), K("m%is%s_p%_")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("日本語"), K("%本_")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("ab"), K("%%_%_%%")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("a"), K("%_%_%")}, .result = "false"},
    {EXPR_LIKE, BOOL, 2, {T("aab"), K("%ab")}, .result = "true"},
    {EXPR_LIKE, BOOL, 2, {T("ABC"), K("abc")}, .result = "false"},
    {EXPR_ILIKE, BOOL, 2, {T("aBCé"), K("Ab%É")}, .result = "false"},
    {EXPR_ILIKE, BOOL, 2, {T("aBCé"), K("Ab%é")}, .result = "true"},
};

static void patterns(void **state)
{
    (void)state;
    TRY(likes);
}

/* ---- props ---- */

#define ODD                                                                                        \
    "{\"n\": 12.5, \"s\": \"a\\\"\\\\\\n\\u0001\", \"t\": true, \"z\": null, \"k\\\"\": \"}\", "   \
    "\"i\": 3.00}"

static const struct example of_props[] = {
    {EXPR_PROPS_TEXT, TEXT, 2, {J(ODD), K("n")}, .result = "12.5"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J(ODD), K("s")}, .result = "a\"\\\n\x01"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J(ODD), K("t")}, .result = "true"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J(ODD), K("z")}, .result = "NULL"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J(ODD), K("k\"")}, .result = "}"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J(ODD), K("a")}, .result = "NULL"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J("{}"), K("a")}, .result = "NULL"},
    {EXPR_PROPS_TEXT, TEXT, 2, {J("{\"\": \"\"}"), K("")}, .result = ""},
    {EXPR_PROPS_HAS, BOOL, 2, {J(ODD), T("z")}, .result = "true"},
    {EXPR_PROPS_HAS, BOOL, 2, {J(ODD), T("a")}, .result = "false"},
    {EXPR_PROPS_INT, VALUE_INT, 2, {J(ODD), K("i")}, .result = "3"},
    {EXPR_PROPS_INT, VALUE_INT, 2, {J(ODD), K("n")}, .result = "NULL"},
    {EXPR_PROPS_INT, VALUE_INT, 2, {J(ODD), K("s")}, .result = "NULL"},
    {EXPR_PROPS_INT,
     VALUE_INT,
     2,
     {J("{\"a\": -9223372036854775808}"), K("a")},
     .result = "-9223372036854775808"},
    {EXPR_PROPS_INT, VALUE_INT, 2, {J("{\"a\": 9223372036854775808}"), K("a")}, .result = "NULL"},
#define NUM(text, result_)                                                                         \
    {                                                                                              \
        EXPR_PROPS_NUMBER, VALUE_NUMBER, 2, {J("{\"a\": " text "}"), K("a")}, .result = result_,   \
                                                                              .scale = 9           \
    }
    NUM("12.5", "12500000000"),
    NUM("-0.0000000005", "-1"),
    NUM("0.00000000049999999999999999", "0"),
    NUM("99999999999999999.9999999994", "99999999999999999999999999"),
    NUM("99999999999999999.9999999995", "NULL"),
    NUM("1000000000000000000000000000000", "NULL"),
    NUM("\"1\"", "NULL"),
    NUM("false", "NULL"),
};

static void values_of_props(void **state)
{
    (void)state;
    TRY(of_props);
}

/* What no jsonb says, is cut off, or is no object has no keys; nothing is read beyond it. */
static void broken_props_have_nothing(void **state)
{
    (void)state;
    static const char whole[] =
        "\1{\"ab\": \"x\\u00e9\\\"\", \"c\": {\"d\": [1, \"]\"]}, \"k\": 12}";
    static const struct expr json = {.op = EXPR_COLUMN, .type = VALUE_JSON};
    static const struct expr key = {.op = EXPR_CONST, .type = TEXT, .text = {"k", 1}};
    static const struct expr *const args[] = {&json, &key};
    static const struct expr text = {
        .op = EXPR_PROPS_TEXT, .type = TEXT, .n_args = 2, .args = args};
    struct arena memory = {0};
    for (size_t n = 1; n < sizeof(whole) - 1; n++) {
        struct buf element = {0};
        char *copy = arena_alloc(&memory, n);
        memcpy(copy, whole, n);
        put_element(&element, (struct span){copy, n});
        struct column_slice column = {element.p, element.p + element.n, FORM_CONSTANT, false};
        struct row_slice rows = {1, &column};
        struct column_slice got = eval_column(&text, &rows, &memory);
        bool has_value = n >= sizeof(whole) - 3; /* the 1 of 12 is there */
        assert_int_equal(got.form, has_value ? FORM_CONSTANT : FORM_NULL);
        buf_clear(&element);
    }
    arena_clear(&memory);
}

/* ---- numbers and times ---- */

#define INT VALUE_INT
#define NUMBER VALUE_NUMBER
static const struct example arithmetic[] = {
    {EXPR_DIVIDE, INT, 2, {I(-7), D(2)}, .result = "-3"},
    {EXPR_MODULO, INT, 2, {I(-7), D(2)}, .result = "-1"},
    {EXPR_MODULO, INT, 2, {I(INT64_MIN), D(-1)}, .result = "0"},
    {EXPR_MULTIPLY, INT, 2, {I(3000000000), I(-3)}, .result = "-9000000000"},
    {EXPR_ABS, INT, 1, {I(-5)}, .result = "5"},
    {EXPR_TO_NUMBER, NUMBER, 1, {I(-3)}, .result = "-300", .scale = 2},
    {EXPR_TO_INT, INT, 1, {N(250)}, .result = "3", .arg_scale = 2},
    {EXPR_TO_INT, INT, 1, {N(-250)}, .result = "-3", .arg_scale = 2},
    {EXPR_TO_INT, INT, 1, {N(249)}, .result = "2", .arg_scale = 2},
    {EXPR_ROUND, NUMBER, 1, {N(-12345)}, .result = "-1235", .scale = 2, .arg_scale = 3},
    {EXPR_FLOOR, NUMBER, 1, {N(-1)}, .result = "-1", .arg_scale = 2},
    {EXPR_CEIL, NUMBER, 1, {N(-199)}, .result = "-1", .arg_scale = 2},
    {EXPR_CEIL, NUMBER, 1, {N(1)}, .result = "1", .arg_scale = 2},
    {EXPR_TRUNC, NUMBER, 1, {N(-199)}, .result = "-1", .arg_scale = 2},
    {EXPR_MULTIPLY, NUMBER, 2, {N(15), N(-15)}, .result = "-225", .scale = 2, .arg_scale = 1},
    {EXPR_FF_DIV,
     NUMBER,
     2,
     {N(1000000000), N(3000000000)},
     .result = "333333333",
     .scale = 9,
     .arg_scale = 9},
    {EXPR_FF_DIV,
     NUMBER,
     2,
     {N(-2000000000), N(3000000000)},
     .result = "-666666667",
     .scale = 9,
     .arg_scale = 9},
    {EXPR_FF_DIV, NUMBER, 2, {N(INT64_MAX), N(1)}, .result = "NULL", .scale = 9, .arg_scale = 9},
    {EXPR_FF_DIV, NUMBER, 2, {N(1), N(0)}, .result = "NULL", .scale = 9, .arg_scale = 9},
    {EXPR_FF_MUL, NUMBER, 2, {N(1), N(-500000000)}, .result = "-1", .scale = 9, .arg_scale = 9},
    {EXPR_FF_MUL,
     NUMBER,
     2,
     {N(INT64_MAX), N(INT64_MAX)},
     .result = "NULL",
     .scale = 9,
     .arg_scale = 9},
    {EXPR_FF_ADD, NUMBER, 2, {N(1), N(-2)}, .result = "-1", .scale = 9, .arg_scale = 9},
};

static void arithmetic_is_exact(void **state)
{
    (void)state;
    TRY(arithmetic);
}

/* 2021-01-03 23:59:59 (a Sunday of 2020's week 53), 1969-12-31 23:59:59.999999, 1 BC-12-31. */
enum { SUNDAY_S = 1609718399 };
#define SUNDAY AT(SUNDAY_S *INT64_C(1000000))
#define FIELD(at, field_, result_)                                                                 \
    {                                                                                              \
        EXPR_EXTRACT, NUMBER, 1, {at}, .result = result_, .field = field_                          \
    }
static const struct example fields[] = {
    FIELD(SUNDAY, FIELD_MINUTE, "59"),
    FIELD(SUNDAY, FIELD_HOUR, "23"),
    FIELD(SUNDAY, FIELD_DOW, "0"),
    FIELD(SUNDAY, FIELD_ISODOW, "7"),
    FIELD(SUNDAY, FIELD_DAY, "3"),
    FIELD(SUNDAY, FIELD_DOY, "3"),
    FIELD(SUNDAY, FIELD_WEEK, "53"),
    FIELD(SUNDAY, FIELD_MONTH, "1"),
    FIELD(SUNDAY, FIELD_QUARTER, "1"),
    FIELD(SUNDAY, FIELD_YEAR, "2021"),
    FIELD(SUNDAY, FIELD_ISOYEAR, "2020"),
    FIELD(AT(-1), FIELD_MINUTE, "59"),
    FIELD(AT(-1), FIELD_DOY, "365"),
    FIELD(AT(-1), FIELD_WEEK, "1"),
    FIELD(AT(-1), FIELD_ISOYEAR, "1970"),
    FIELD(AT(INT64_C(-62135596800000001)), FIELD_YEAR, "-1"),
    FIELD(AT(INT64_C(-62135596800000001)), FIELD_DAY, "31"),
};

static void fields_of_times(void **state)
{
    (void)state;
    TRY(fields);
}

/* ---- IN ---- */

static void members_are_found_in_short_and_long_lists(void **state)
{
    (void)state;
    enum { MEMBERS = 40, ROWS = 3 };
    static const struct expr column = {.op = EXPR_COLUMN, .type = INT};
    struct arena memory = {0};
    struct expr members[MEMBERS];
    const struct expr *args[MEMBERS + 1] = {&column};
    struct buf elements = {0};
    const int64_t values[ROWS] = {39 * 7 % 40, 41, -1};
    for (int i = 0; i < ROWS; i++) {
        uint64_t word = htobe64((uint64_t)values[i]);
        put_element(&elements, (struct span){(const char *)&word, sizeof(word)});
    }
    struct column_slice c = {elements.p, elements.p + elements.n, FORM_PLAIN, false};
    struct row_slice rows = {ROWS, &c};
    for (unsigned n = 1; n <= MEMBERS; n++) {
        members[n - 1] = (struct expr){.op = EXPR_CONST, .type = INT, .integer = n * 7 % 40};
        members[n - 1].null = n == 20;
        args[n] = &members[n - 1];
        struct expr in = {.op = EXPR_IN, .type = BOOL, .n_args = n + 1, .args = args};
        struct truths t = eval_truths(&in, &rows, &memory);
        enum truth missing = n >= 20 ? TRUTH_NULL : TRUTH_FALSE;
        assert_int_equal(t.of_row[0], n >= 39 ? TRUTH_TRUE : missing);
        assert_int_equal(t.of_row[1], missing);
        assert_int_equal(t.of_row[2], missing);
    }
    buf_clear(&elements);
    arena_clear(&memory);
}

/* ---- what is refused ---- */

static void what_eval_is_not_made_for_is_refused(void **state)
{
    (void)state;
    static const struct expr t = {.op = EXPR_COLUMN, .type = TEXT};
    static const struct expr i = {.op = EXPR_CONST, .type = INT, .integer = 1};
    static const struct expr zero = {.op = EXPR_CONST, .type = INT};
    static const struct expr n2 = {.op = EXPR_CONST, .type = NUMBER, .scale = 2};
    static const struct expr n3 = {.op = EXPR_CONST, .type = NUMBER, .scale = 3};
    static const struct expr n9 = {.op = EXPR_CONST, .type = NUMBER, .scale = 9};
    static const struct expr yes = {.op = EXPR_CONST, .type = BOOL, .truth = true};
    static const struct expr half = {.op = EXPR_CONST, .type = TEXT, .text = {"a\\", 2}};
    static const struct expr a = {.op = EXPR_CONST, .type = TEXT, .text = {"a", 1}};
    static const struct relation relation = {"examples", 1, any_columns, 0, 0};
#define BAD(op_, type_, scale_, ...)                                                               \
    {                                                                                              \
        .op = op_, .type = type_, .scale = scale_,                                                 \
        .n_args = sizeof((const struct expr *const[]){__VA_ARGS__}) / sizeof(const struct expr *), \
        .args = (const struct expr *const[])                                                       \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
    const struct expr bad[] = {
        BAD(EXPR_LIKE, BOOL, 0, &t, &half),
        BAD(EXPR_LIKE, BOOL, 0, &a, &t),
        BAD(EXPR_DIVIDE, INT, 0, &i, &zero),
        BAD(EXPR_SPLIT_PART, TEXT, 0, &t, &a, &zero),
        BAD(EXPR_IN, BOOL, 0, &a, &t),
        BAD(EXPR_EQUAL, BOOL, 0, &n2, &n3),
        BAD(EXPR_ADD, NUMBER, 2, &n2, &n3),
        BAD(EXPR_MULTIPLY, NUMBER, 2, &n2, &n3),
        BAD(EXPR_MULTIPLY, NUMBER, 11, &n2, &n9),
        BAD(EXPR_ROUND, NUMBER, 3, &n2),
        BAD(EXPR_TO_NUMBER, NUMBER, 2, &n3),
        BAD(EXPR_TO_TEXT, TEXT, 0, &n2),
        BAD(EXPR_TO_INT, INT, 0, &t),
        BAD(EXPR_FF_ADD, NUMBER, 9, &n9, &n2),
        BAD(EXPR_CASE, INT, 0, &yes, &i),
        BAD(EXPR_CASE, INT, 0, &yes, &i, &yes),
        BAD(EXPR_CASE, INT, 0, &i, &i, &i),
        BAD(EXPR_COALESCE, INT, 0, &i, &t),
        BAD(EXPR_LENGTH, INT, 0, &i),
        BAD(EXPR_LENGTH, TEXT, 0, &t),
        BAD(EXPR_SUBSTRING, TEXT, 0, &t),
        BAD(EXPR_PROPS_TEXT, TEXT, 0, &t, &a),
    };
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        struct err e = {0};
        assert_int_equal(expr_check(&bad[k], &relation, &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
    }
}

static void a_text_that_could_become_too_long_is_refused(void **state)
{
    (void)state;
    static const struct relation_column column = {"a", TEXT, true, 4096};
    static const struct relation relation = {"examples", 1, &column, 0, 0};
    static const struct expr t = {.op = EXPR_COLUMN, .type = TEXT};
    static const struct expr slash = {.op = EXPR_CONST, .type = TEXT, .text = {"/", 1}};
    static const struct expr arrow = {.op = EXPR_CONST, .type = TEXT, .text = {" > ", 3}};
    static const struct expr *const by_arrow[] = {&t, &slash, &arrow}, *const by_itself[] = {
                                                                           &t, &slash, &t};
    struct expr replace = {.op = EXPR_REPLACE, .type = TEXT, .n_args = 3, .args = by_arrow};
    struct err e = {0};
    assert_int_equal(expr_check(&replace, &relation, &e), 0);
    replace.args = by_itself;
    assert_int_equal(expr_check(&replace, &relation, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_texts),
        cmocka_unit_test(texts_and_numbers_of_texts),
        cmocka_unit_test(patterns),
        cmocka_unit_test(values_of_props),
        cmocka_unit_test(broken_props_have_nothing),
        cmocka_unit_test(arithmetic_is_exact),
        cmocka_unit_test(fields_of_times),
        cmocka_unit_test(members_are_found_in_short_and_long_lists),
        cmocka_unit_test(what_eval_is_not_made_for_is_refused),
        cmocka_unit_test(a_text_that_could_become_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
