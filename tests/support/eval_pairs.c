/* SPDX-License-Identifier: Apache-2.0 */
/* An expression of a kind is made by one of the productions that give the kind. A kind is a letter:
 *
 *   b bool   t text   T time   u uuid   x json   i int   s small int
 *   z n f N  numbers of scale 0, 2, 4, 9   o column or constant of scale 2   w any int at scale 9
 *
 * and these constants: P pattern, S set of characters, K key of props, D divisor, L length, M the
 * least int, C c v text, bool, uuid. */
#include "tests/support/eval_pairs.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

static const struct relation_column columns[N_PAIRS_COLUMNS] = {
    [PAIRS_A] = {"a", VALUE_TEXT, true, EVAL_PAIRS_MAX_TEXT},
    [PAIRS_B] = {"b", VALUE_TEXT, true, EVAL_PAIRS_MAX_TEXT},
    [PAIRS_I] = {"i", VALUE_INT, true, 0},
    [PAIRS_J] = {"j", VALUE_INT, true, 0},
    [PAIRS_P] = {"p", VALUE_BOOL, true, 0},
    [PAIRS_Q] = {"q", VALUE_BOOL, true, 0},
    [PAIRS_T] = {"t", VALUE_TIME, true, 0},
    [PAIRS_U] = {"u", VALUE_UUID, true, 0},
    [PAIRS_X] = {"x", VALUE_JSON, true, 0},
    [PAIRS_M] = {"m", VALUE_NUMBER, true, 0},
};

const struct relation EVAL_PAIRS_RELATION = {
    .name = "hostile",
    .n_columns = N_PAIRS_COLUMNS,
    .columns = columns,
    .site = PAIRS_A,
    .time = PAIRS_T,
};

/* $1 ... are the arguments. */
static const struct production {
    enum expr_op op;
    char gives;
    const char *takes, *sql;
    enum expr_field field;
} productions[] = {
    {EXPR_EQUAL, 'b', "tt", "($1 = $2)", 0},
    {EXPR_EQUAL, 'b', "ii", "($1 = $2)", 0},
    {EXPR_EQUAL, 'b', "nn", "($1 = $2)", 0},
    {EXPR_EQUAL, 'b', "bb", "($1 = $2)", 0},
    {EXPR_EQUAL, 'b', "TT", "($1 = $2)", 0},
    {EXPR_EQUAL, 'b', "uu", "($1 = $2)", 0},
    {EXPR_LESS, 'b', "tt", "($1 < $2)", 0},
    {EXPR_LESS, 'b', "ii", "($1 < $2)", 0},
    {EXPR_LESS, 'b', "NN", "($1 < $2)", 0},
    {EXPR_LESS, 'b', "bb", "($1 < $2)", 0},
    {EXPR_LESS, 'b', "TT", "($1 < $2)", 0},
    {EXPR_LESS, 'b', "uu", "($1 < $2)", 0},
    {EXPR_LESS_EQUAL, 'b', "tt", "($1 <= $2)", 0},
    {EXPR_LESS_EQUAL, 'b', "ii", "($1 <= $2)", 0},
    {EXPR_LESS_EQUAL, 'b', "bb", "($1 <= $2)", 0},
    {EXPR_LESS_EQUAL, 'b', "TT", "($1 <= $2)", 0},
    {EXPR_DISTINCT, 'b', "tt", "($1 IS DISTINCT FROM $2)", 0},
    {EXPR_DISTINCT, 'b', "ii", "($1 IS DISTINCT FROM $2)", 0},
    {EXPR_DISTINCT, 'b', "bb", "($1 IS DISTINCT FROM $2)", 0},
    {EXPR_DISTINCT, 'b', "uu", "($1 IS DISTINCT FROM $2)", 0},
    {EXPR_NOT, 'b', "b", "(NOT $1)", 0},
    {EXPR_AND, 'b', "bb", "($1 AND $2)", 0},
    {EXPR_AND, 'b', "bbb", "($1 AND $2 AND $3)", 0},
    {EXPR_OR, 'b', "bb", "($1 OR $2)", 0},
    {EXPR_OR, 'b', "bbb", "($1 OR $2 OR $3)", 0},
    {EXPR_IS_TRUE, 'b', "b", "($1 IS TRUE)", 0},
    {EXPR_IS_FALSE, 'b', "b", "($1 IS FALSE)", 0},
    {EXPR_IS_NULL, 'b', "t", "($1 IS NULL)", 0},
    {EXPR_IS_NULL, 'b', "b", "($1 IS NULL)", 0},
    {EXPR_IS_NULL, 'b', "i", "($1 IS NULL)", 0},
    {EXPR_IS_NULL, 'b', "N", "($1 IS NULL)", 0},
    {EXPR_IS_NULL, 'b', "x", "($1 IS NULL)", 0},
    {EXPR_IN, 'b', "tCCC", "($1 IN ($2, $3, $4))", 0},
    {EXPR_IN, 'b', "tCCCCCCCCC", "($1 IN ($2, $3, $4, $5, $6, $7, $8, $9, $A))", 0},
    {EXPR_IN, 'b', "sDDD", "($1 IN ($2, $3, $4))", 0},
    {EXPR_IN, 'b', "sDDDDDDDDD", "($1 IN ($2, $3, $4, $5, $6, $7, $8, $9, $A))", 0},
    {EXPR_IN, 'b', "bc", "($1 IN ($2))", 0},
    {EXPR_IN, 'b', "uvv", "($1 IN ($2, $3))", 0},
    {EXPR_LIKE, 'b', "tP", "($1 LIKE $2)", 0},
    {EXPR_LIKE, 'b', "tP", "($1 LIKE $2)", 0},
    {EXPR_ILIKE, 'b', "tP", "($1 ILIKE $2)", 0},
    {EXPR_STARTS_WITH, 'b', "tt", "starts_with($1, $2)", 0},
    {EXPR_PROPS_HAS, 'b', "xK", "($1 ? $2)", 0},
    {EXPR_PROPS_HAS, 'b', "xt", "($1 ? $2)", 0},
    {EXPR_CASE, 'b', "bbb", "(CASE WHEN $1 THEN $2 ELSE $3 END)", 0},
    {EXPR_COALESCE, 'b', "bb", "coalesce($1, $2)", 0},
    {EXPR_NULLIF, 'b', "bb", "nullif($1, $2)", 0},

    {EXPR_NEGATE, 's', "s", "(- $1)", 0},
    {EXPR_ABS, 's', "s", "abs($1)", 0},
    {EXPR_ADD, 'i', "ss", "($1 + $2)", 0},
    {EXPR_SUBTRACT, 'i', "ss", "($1 - $2)", 0},
    {EXPR_MULTIPLY, 'i', "ss", "($1 * $2)", 0},
    {EXPR_DIVIDE, 's', "sD", "($1 / $2)", 0},
    {EXPR_MODULO, 's', "sD", "($1 % $2)", 0},
    {EXPR_MODULO, 'i', "iD", "($1 % $2)", 0},
    {EXPR_TO_INT, 's', "b", "($1::int::bigint)", 0},
    {EXPR_TO_INT, 'i', "n", "($1::bigint)", 0},
    {EXPR_TO_INT, 'i', "N", "($1::bigint)", 0},
    {EXPR_TO_INT, 'i', "z", "($1::bigint)", 0},
    {EXPR_PROPS_INT, 'i', "xK", "ff_int($1, $2)", 0},
    {EXPR_LENGTH, 's', "t", "(length($1)::bigint)", 0},
    {EXPR_STRPOS, 's', "tt", "(strpos($1, $2)::bigint)", 0},
    {EXPR_CASE, 'i', "bibii", "(CASE WHEN $1 THEN $2 WHEN $3 THEN $4 ELSE $5 END)", 0},
    {EXPR_CASE, 's', "bss", "(CASE WHEN $1 THEN $2 ELSE $3 END)", 0},
    {EXPR_COALESCE, 'i', "iii", "coalesce($1, $2, $3)", 0},
    {EXPR_NULLIF, 'i', "ii", "nullif($1, $2)", 0},

    {EXPR_TO_NUMBER, 'n', "s", "($1::numeric)", 0},
    {EXPR_TO_NUMBER, 'w', "i", "($1::numeric)", 0},
    {EXPR_TO_NUMBER, 'N', "s", "($1::numeric)", 0},
    {EXPR_TO_NUMBER, 'N', "n", "($1::numeric)", 0},
    {EXPR_TO_NUMBER, 'f', "n", "($1::numeric)", 0},
    {EXPR_NEGATE, 'n', "n", "(- $1)", 0},
    {EXPR_ABS, 'N', "N", "abs($1)", 0},
    {EXPR_ADD, 'n', "nn", "($1 + $2)", 0},
    {EXPR_SUBTRACT, 'N', "NN", "($1 - $2)", 0},
    {EXPR_MULTIPLY, 'f', "oo", "($1 * $2)", 0},
    {EXPR_ROUND, 'n', "N", "round($1, 2)", 0},
    {EXPR_ROUND, 'n', "f", "round($1, 2)", 0},
    {EXPR_ROUND, 'z', "n", "round($1, 0)", 0},
    {EXPR_FLOOR, 'z', "n", "floor($1)", 0},
    {EXPR_FLOOR, 'z', "N", "floor($1)", 0},
    {EXPR_CEIL, 'z', "n", "ceil($1)", 0},
    {EXPR_TRUNC, 'z', "N", "trunc($1)", 0},
    {EXPR_FF_ADD, 'N', "NN", "ff_add($1, $2)", 0},
    {EXPR_FF_SUB, 'N', "NN", "ff_sub($1, $2)", 0},
    {EXPR_FF_MUL, 'N', "NN", "ff_mul($1, $2)", 0},
    {EXPR_FF_DIV, 'N', "NN", "ff_div($1, $2)", 0},
    {EXPR_FF_ADD, 'N', "wN", "ff_add($1, $2)", 0},
    {EXPR_FF_SUB, 'N', "wN", "ff_sub($1, $2)", 0},
    {EXPR_FF_MUL, 'N', "wN", "ff_mul($1, $2)", 0},
    {EXPR_FF_DIV, 'N', "ww", "ff_div($1, $2)", 0},
    {EXPR_PROPS_NUMBER, 'N', "xK", "ff_num($1, $2)", 0},
    {EXPR_CASE, 'n', "bnn", "(CASE WHEN $1 THEN $2 ELSE $3 END)", 0},
    {EXPR_COALESCE, 'N', "NN", "coalesce($1, $2)", 0},
    {EXPR_NULLIF, 'n', "nn", "nullif($1, $2)", 0},
    {EXPR_EXTRACT, 'z', "T", "extract(minute FROM $1)", FIELD_MINUTE},
    {EXPR_EXTRACT, 'z', "T", "extract(hour FROM $1)", FIELD_HOUR},
    {EXPR_EXTRACT, 'z', "T", "extract(dow FROM $1)", FIELD_DOW},
    {EXPR_EXTRACT, 'z', "T", "extract(isodow FROM $1)", FIELD_ISODOW},
    {EXPR_EXTRACT, 'z', "T", "extract(day FROM $1)", FIELD_DAY},
    {EXPR_EXTRACT, 'z', "T", "extract(doy FROM $1)", FIELD_DOY},
    {EXPR_EXTRACT, 'z', "T", "extract(week FROM $1)", FIELD_WEEK},
    {EXPR_EXTRACT, 'z', "T", "extract(month FROM $1)", FIELD_MONTH},
    {EXPR_EXTRACT, 'z', "T", "extract(quarter FROM $1)", FIELD_QUARTER},
    {EXPR_EXTRACT, 'z', "T", "extract(year FROM $1)", FIELD_YEAR},
    {EXPR_EXTRACT, 'z', "T", "extract(isoyear FROM $1)", FIELD_ISOYEAR},

    {EXPR_TO_TEXT, 't', "b", "($1::text)", 0},
    {EXPR_TO_TEXT, 't', "i", "($1::text)", 0},
    {EXPR_TO_TEXT, 't', "u", "($1::text)", 0},
    {EXPR_PROPS_TEXT, 't', "xK", "($1 ->> $2)", 0},
    {EXPR_LOWER, 't', "t", "lower($1)", 0},
    {EXPR_UPPER, 't', "t", "upper($1)", 0},
    {EXPR_CONCAT_OP, 't', "tt", "($1 || $2)", 0},
    {EXPR_CONCAT, 't', "ttt", "concat($1, $2, $3)", 0},
    {EXPR_SUBSTRING, 't', "ts", "substring($1, $2::int)", 0},
    {EXPR_SUBSTRING, 't', "tsL", "substring($1, $2::int, $3::int)", 0},
    {EXPR_LEFT, 't', "ts", "\"left\"($1, $2::int)", 0},
    {EXPR_LEFT, 't', "tM", "\"left\"($1, $2::int)", 0},
    {EXPR_RIGHT, 't', "ts", "\"right\"($1, $2::int)", 0},
    {EXPR_RIGHT, 't', "tM", "\"right\"($1, $2::int)", 0},
    {EXPR_REPLACE, 't', "tCC", "replace($1, $2, $3)", 0},
    {EXPR_REPLACE, 't', "ttt", "replace($1, $2, $3)", 0},
    {EXPR_SPLIT_PART, 't', "tCD", "split_part($1, $2, $3::int)", 0},
    {EXPR_SPLIT_PART, 't', "ttD", "split_part($1, $2, $3::int)", 0},
    {EXPR_TRIM, 't', "tS", "btrim($1, $2)", 0},
    {EXPR_LTRIM, 't', "tS", "ltrim($1, $2)", 0},
    {EXPR_RTRIM, 't', "tS", "rtrim($1, $2)", 0},
    {EXPR_CASE, 't', "btt", "(CASE WHEN $1 THEN $2 ELSE $3 END)", 0},
    {EXPR_CASE, 't', "btbtt", "(CASE WHEN $1 THEN $2 WHEN $3 THEN $4 ELSE $5 END)", 0},
    {EXPR_COALESCE, 't', "ttt", "coalesce($1, $2, $3)", 0},
    {EXPR_NULLIF, 't', "tt", "nullif($1, $2)", 0},

    {EXPR_CASE, 'T', "bTT", "(CASE WHEN $1 THEN $2 ELSE $3 END)", 0},
    {EXPR_COALESCE, 'T', "TT", "coalesce($1, $2)", 0},
    {EXPR_NULLIF, 'T', "TT", "nullif($1, $2)", 0},
    {EXPR_CASE, 'u', "buu", "(CASE WHEN $1 THEN $2 ELSE $3 END)", 0},
    {EXPR_COALESCE, 'u', "uu", "coalesce($1, $2)", 0},
};

enum { N_PRODUCTIONS = sizeof(productions) / sizeof(productions[0]), MAX_ARGS = 10, DEPTH = 4 };

struct making {
    uint64_t *seed;
    struct arena *memory;
};

static const char *printed(struct arena *memory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *printed(struct arena *memory, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    assert(n >= 0);
    struct span kept = arena_copy(memory, (struct span){text, (size_t)n + 1});
    free(text);
    return kept.p;
}

const char *eval_pairs_quoted(struct span text, struct arena *memory)
{
    char *out = arena_alloc(memory, 2 * text.n + 3), *at = out;
    *at++ = '\'';
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            *at++ = '\'';
        *at++ = text.p[i];
    }
    *at++ = '\'';
    *at = '\0';
    return out;
}

/* ---- constants ---- */

static const char *const pieces[] = {"",
                                     "a",
                                     "A",
                                     "b",
                                     "ab",
                                     "B",
                                     "%",
                                     "_",
                                     "\\",
                                     "'",
                                     "\"",
                                     ",",
                                     ",,",
                                     " ",
                                     "  ",
                                     "\t",
                                     "\n",
                                     "1",
                                     "-12",
                                     "é",
                                     "É",
                                     "e\xcc\x81",
                                     "ß",
                                     "İ",
                                     "日本語",
                                     "🙂",
                                     "👩‍👩‍👧",
                                     "~",
                                     "\x7f",
                                     "aa",
                                     "aab",
                                     "z\xef\xbf\xbd",
                                     "n",
                                     "s",
                                     "true",
                                     "Z"};

static const char *piece(const struct making *m)
{
    return pieces[random_below(m->seed, sizeof(pieces) / sizeof(pieces[0]))];
}

/* So many pieces, fewer the more. */
static struct span pieced(const struct making *m, uint32_t most)
{
    struct span text = {"", 0};
    for (uint32_t n = random_below(m->seed, most + 1); n > 0; n--) {
        const char *more = piece(m);
        text = span_of(printed(m->memory, "%.*s%s", SPAN_ARGS(text), more));
    }
    return text;
}

struct span eval_pairs_text(uint64_t *seed, struct arena *memory)
{
    struct making m = {seed, memory};
    return pieced(&m, random_below(seed, 20) == 0 ? 200 : 6);
}

/* A pattern, whole: it does not end with an escape. */
static struct span pattern(const struct making *m)
{
    static const char *const parts[] = {"%", "_", "%%", "\\%", "\\_", "\\\\", "\\a", "%a", "a%"};
    struct span text = {"", 0};
    for (uint32_t n = random_below(m->seed, 6); n > 0; n--) {
        const char *more =
            random_below(m->seed, 2) == 0 ? parts[random_below(m->seed, 9)] : piece(m);
        if (strcmp(more, "\\") != 0)
            text = span_of(printed(m->memory, "%.*s%s", SPAN_ARGS(text), more));
    }
    return text;
}

static struct span key(const struct making *m)
{
    static const char *const keys[] = {"n", "s", "", "k\"e\\y\n", "é", "missing", "o", "\x01"};
    return span_of(keys[random_below(m->seed, 8)]);
}

struct named_value {
    const char *sql;
    int64_t value;
};

static const struct named_value ints[] = {{"0", 0},
                                          {"1", 1},
                                          {"(-1)", -1},
                                          {"2", 2},
                                          {"(-2)", -2},
                                          {"3", 3},
                                          {"7", 7},
                                          {"(-7)", -7},
                                          {"100", 100},
                                          {"5", 5},
                                          {"(-3)", -3},
                                          {"4", 4},
                                          {"(-9223372036854775808)", INT64_MIN},
                                          {"9223372036854775807", INT64_MAX}};
enum { N_SMALL_INTS = 12, N_INTS = 14 };
static const struct named_value least = {"(-2147483648)", INT32_MIN};

static const struct named_value times[] = {{"'1969-12-31 23:59:59.999999+00'", -1},
                                           {"'2000-01-01 00:00:00+00'", 946684800000000},
                                           {"'2020-12-31 12:34:56.789012+00'", 1609418096789012},
                                           {"'2024-02-29 00:00:00+00'", 1709164800000000},
                                           {"'0001-01-01 00:00:00+00'", -62135596800000000}};

static const char *const uuids[] = {"00000000-0000-0000-0000-000000000000",
                                    "ffffffff-ffff-4fff-bfff-ffffffffffff",
                                    "0190b7e4-7d3a-7c11-8a00-0123456789ab"};

struct span eval_pairs_uuid(const char *text, struct arena *memory)
{
    char *out = arena_alloc(memory, 16), *to = out;
    for (; *text != '\0'; text += 2) {
        if (*text == '-')
            text++;
        unsigned byte;
        sscanf(text, "%2x", &byte);
        *to++ = (char)byte;
    }
    return (struct span){out, 16};
}

static enum value_type type_of(char kind)
{
    return strchr("bc", kind) != NULL       ? VALUE_BOOL
           : strchr("isDLM", kind) != NULL  ? VALUE_INT
           : strchr("znfNow", kind) != NULL ? VALUE_NUMBER
           : kind == 'T'                    ? VALUE_TIME
           : strchr("uv", kind) != NULL     ? VALUE_UUID
           : kind == 'x'                    ? VALUE_JSON
                                            : VALUE_TEXT;
}

static uint8_t scale_of(char kind)
{
    return strchr("no", kind) != NULL ? 2 : kind == 'f' ? 4 : strchr("Nw", kind) != NULL ? 9 : 0;
}

static struct expr *node(const struct making *m, char kind, enum expr_op op)
{
    struct expr *x = arena_alloc(m->memory, sizeof(*x));
    *x = (struct expr){.op = op, .type = type_of(kind), .scale = scale_of(kind)};
    return x;
}

static const char *number_text(const struct making *m, struct expr *x)
{
    static const int64_t values[] = {
        0,          1,         -1,         5,           -5,          50,         -150,
        1234567890, 333333333, 999999999,  1000000000,  -1000000000, 499999999,  -500000000,
        500000000,  250,       1500000000, 31415926535, -2500000000, 70000000000};
    int64_t value = values[random_below(m->seed, 20)];
    if (x->scale == 9 && random_below(m->seed, 6) == 0) {
        x->number = (EXPR_NUMBER_LIMIT - 1) * (value < 0 ? -1 : 1);
        return value < 0 ? "(-99999999999999999.999999999)" : "99999999999999999.999999999";
    }
    x->number = value;
    return printed(m->memory, "((%lld)::numeric * 1e-%u)", (long long)value, x->scale);
}

static const char *int_text(const struct making *m, struct expr *x, char kind)
{
    uint32_t n = kind == 'i' ? N_INTS : N_SMALL_INTS;
    const struct named_value *v = kind == 'M' ? &least : &ints[random_below(m->seed, n)];
    if (kind == 'D' && v->value == 0)
        v = &ints[1];
    x->integer = kind == 'L' && v->value < 0 ? -v->value : v->value;
    return kind == 'L' && v->value < 0 ? printed(m->memory, "(- %s)::bigint", v->sql)
                                       : printed(m->memory, "%s::bigint", v->sql);
}

static struct eval_pair constant(const struct making *m, char kind)
{
    struct expr *x = node(m, kind, EXPR_CONST);
    static const char *const names[] = {"boolean",     "bigint", "numeric", "text",
                                        "timestamptz", "uuid",   "jsonb"};
    if (random_below(m->seed, 12) == 0) {
        x->null = true;
        return (struct eval_pair){x, printed(m->memory, "NULL::%s", names[x->type])};
    }
    if (x->type == VALUE_BOOL) {
        x->truth = random_below(m->seed, 2) != 0;
        return (struct eval_pair){x, x->truth ? "true" : "false"};
    }
    if (x->type == VALUE_INT)
        return (struct eval_pair){x, int_text(m, x, kind)};
    if (x->type == VALUE_NUMBER)
        return (struct eval_pair){x, number_text(m, x)};
    if (x->type == VALUE_TIME) {
        const struct named_value *v = &times[random_below(m->seed, 5)];
        x->integer = v->value;
        return (struct eval_pair){x, printed(m->memory, "%s::timestamptz", v->sql)};
    }
    if (x->type == VALUE_UUID) {
        const char *text = uuids[random_below(m->seed, 3)];
        x->text = eval_pairs_uuid(text, m->memory);
        return (struct eval_pair){x, printed(m->memory, "'%s'::uuid", text)};
    }
    x->text = kind == 'P' ? pattern(m) : kind == 'K' ? key(m) : pieced(m, kind == 't' ? 4 : 2);
    return (struct eval_pair){
        x, printed(m->memory, "%s::text", eval_pairs_quoted(x->text, m->memory))};
}

/* ---- trees ---- */

static struct eval_pair column(const struct making *m, unsigned which, char kind)
{
    struct expr *x = node(m, kind, EXPR_COLUMN);
    x->column = which;
    return (struct eval_pair){x, columns[which].name};
}

static struct eval_pair leaf(const struct making *m, char kind)
{
    unsigned other = random_below(m->seed, 2);
    if (kind == 'x')
        return column(m, PAIRS_X, kind);
    if (strchr("tibTuno", kind) == NULL || random_below(m->seed, 3) == 0)
        return constant(m, kind);
    switch (kind) {
    case 't':
        return column(m, PAIRS_A + other, kind);
    case 'i':
        return column(m, PAIRS_I + other, kind);
    case 'b':
        return column(m, PAIRS_P + other, kind);
    case 'T':
        return column(m, PAIRS_T, kind);
    case 'u':
        return column(m, PAIRS_U, kind);
    default:
        return column(m, PAIRS_M, kind);
    }
}

static struct eval_pair any(const struct making *m, char kind, unsigned depth);

/* The template with the arguments in place of $1 ... $9, $A. */
static const char *filled(const struct making *m, const char *sql, const char *const *args)
{
    const char *text = "";
    for (; *sql != '\0'; sql++) {
        if (*sql != '$') {
            text = printed(m->memory, "%s%c", text, *sql);
            continue;
        }
        sql++;
        text = printed(m->memory, "%s%s", text, args[*sql == 'A' ? 9 : *sql - '1']);
    }
    return text;
}

static struct eval_pair made(const struct making *m, const struct production *p, unsigned depth)
{
    struct expr *x = node(m, p->gives, p->op);
    const struct expr **args = arena_alloc(m->memory, MAX_ARGS * sizeof(struct expr *));
    const char *texts[MAX_ARGS];
    x->field = p->field;
    x->args = args;
    for (const char *kind = p->takes; *kind != '\0'; kind++) {
        struct eval_pair arg = any(m, *kind, depth - 1);
        texts[x->n_args] = arg.sql;
        args[x->n_args++] = arg.x;
    }
    return (struct eval_pair){x, filled(m, p->sql, texts)};
}

static struct eval_pair any(const struct making *m, char kind, unsigned depth)
{
    const struct production *fitting[N_PRODUCTIONS];
    uint32_t n = 0;
    for (size_t i = 0; i < N_PRODUCTIONS; i++)
        if (productions[i].gives == kind)
            fitting[n++] = &productions[i];
    if (strchr("PSKDLMCcv", kind) != NULL)
        return constant(m, kind);
    if (n == 0 || depth == 0 || random_below(m->seed, 5) == 0)
        return leaf(m, kind);
    return made(m, fitting[random_below(m->seed, n)], depth);
}

struct eval_pair eval_pairs_any(uint64_t *seed, struct arena *memory)
{
    struct making m = {seed, memory};
    const struct production *p = &productions[random_below(seed, N_PRODUCTIONS)];
    return made(&m, p, 1 + random_below(seed, DEPTH));
}
