/* SPDX-License-Identifier: Apache-2.0 */
/* Constants, and what changes the type of a value: asked for by ::, or done by PostgreSQL unasked.
 * A cast that may fail is refused. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/civil.h"
#include "base/clock.h"
#include "views/definition_internal.h"

static struct expr *constant(struct definition *d, enum value_type type)
{
    struct expr *x = arena_alloc(d->memory, sizeof(*x));
    *x = (struct expr){.op = EXPR_CONST, .type = type};
    return x;
}

/* ---- literals ---- */

/* [-]digits[.digits][e[+-]digits], with at most 9 decimals and below the limit. */
static bool parse_number(struct span text, int128 *number, uint8_t *scale)
{
    size_t i = 0, digits = 0;
    int128 value = 0;
    int places = 0;
    bool negative = false, dot = false;
    if (i < text.n && (text.p[i] == '-' || text.p[i] == '+'))
        negative = text.p[i++] == '-';
    for (; i < text.n && (text.p[i] == '.' || (text.p[i] >= '0' && text.p[i] <= '9')); i++) {
        if (text.p[i] == '.') {
            if (dot)
                return false;
            dot = true;
            continue;
        }
        if (value > NUMBER_MOST / 10 || places > 60)
            return false;
        value = value * 10 + (text.p[i] - '0');
        places += dot;
        digits++;
    }
    if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
        char exponent[8], *end;
        if (text.n - i - 1 == 0 || text.n - i - 1 >= sizeof(exponent))
            return false;
        memcpy(exponent, text.p + i + 1, text.n - i - 1);
        exponent[text.n - i - 1] = '\0';
        places -= (int)strtol(exponent, &end, 10);
        if (*end != '\0')
            return false;
        i = text.n;
    }
    for (; places > 0 && value % 10 == 0; places--)
        value /= 10;
    for (; places < 0 && value != 0 && value <= NUMBER_MOST / 10; places++)
        value *= 10;
    places = value == 0 ? 0 : places;
    *number = negative ? -value : value;
    *scale = (uint8_t)places;
    return i == text.n && digits > 0 && places >= 0 && places <= EXPR_MAX_SCALE;
}

static bool is_whole(struct span text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((text.p[i] < '0' || text.p[i] > '9') &&
            (i > 0 || (text.p[i] != '-' && text.p[i] != '+')))
            return false;
    return text.n > 0;
}

static int number_constant(struct definition *d, const struct tree *where, struct span text,
                           struct typed *out)
{
    struct expr *x = constant(d, VALUE_NUMBER);
    if (!parse_number(span_trim(text), &x->number, &x->scale))
        return definition_refuse(d, where, "write a decimal number of at most 9 decimals",
                                 "\"%.*s\" is no number that views can keep",
                                 (int)(text.n < 60 ? text.n : 60), text.p);
    *out = (struct typed){.type = SQL_NUMERIC, .x = x, .low = x->number, .high = x->number};
    return 0;
}

static int int_constant(struct definition *d, const struct tree *where, struct span text,
                        enum sql_type type, struct typed *out)
{
    int128 value;
    uint8_t scale;
    text = span_trim(text);
    bool good = is_whole(text) && parse_number(text, &value, &scale);
    int128 low = type == SQL_INT4 ? INT32_MIN : INT64_MIN;
    int128 high = type == SQL_INT4 ? INT32_MAX : INT64_MAX;
    if (!good || value < low || value > high)
        return definition_refuse(d, where, "write a whole number that fits it", "\"%.*s\" is no %s",
                                 (int)(text.n < 60 ? text.n : 60), text.p, sql_type_name(type));
    *out = typed_int_constant(d, (int64_t)value);
    out->type = type;
    return 0;
}

static bool take_digits(struct span *s, unsigned n, int *value)
{
    *value = 0;
    if (s->n < n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *value = *value * 10 + (s->p[i] - '0');
    }
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

static bool take_mark(struct span *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = (struct span){s->p + 1, s->n - 1};
    return true;
}

static bool take_date(struct span *s, int64_t *us)
{
    struct civil c;
    if (!take_digits(s, 4, &c.year) || !take_mark(s, '-') || !take_digits(s, 2, &c.month) ||
        !take_mark(s, '-') || !take_digits(s, 2, &c.day))
        return false;
    int64_t days = civil_days(c);
    struct civil again = civil_of_days(days);
    *us = days * US_PER_DAY;
    return c.month <= 12 && again.day == c.day && again.month == c.month;
}

bool definition_time(struct span text, int64_t *us)
{
    char room[64];
    struct span rest = text = span_trim(text);
    if (span_is(text, "epoch")) {
        *us = 0;
        return true;
    }
    if (!take_date(&rest, us))
        return false;
    if (rest.n == 0)
        return true;
    if (text.n + 8 > sizeof(room))
        return false;
    /* 2026-11-23 04:00:00+00 -> 2026-11-23T04:00:00+00:00 */
    int n = snprintf(room, sizeof(room), "%.*s", SPAN_ARGS(text));
    room[10] = 'T';
    if (n > 3 && (room[n - 3] == '+' || room[n - 3] == '-') && room[n - 3 + 1] != ':')
        n += snprintf(room + n, sizeof(room) - (size_t)n, ":00");
    else if (memchr(rest.p, '+', rest.n) == NULL && memchr(rest.p, '-', rest.n) == NULL &&
             room[n - 1] != 'Z')
        n += snprintf(room + n, sizeof(room) - (size_t)n, "Z");
    return clock_parse(room, (unsigned long)n, us) == 0;
}

static int time_constant(struct definition *d, const struct tree *where, struct span text,
                         struct typed *out)
{
    struct expr *x = constant(d, VALUE_TIME);
    if (!definition_time(text, &x->integer))
        return definition_refuse(d, where, "write it like '2026-11-23 04:00:00+00'",
                                 "\"%.*s\" is no time", (int)(text.n < 60 ? text.n : 60), text.p);
    *out = (struct typed){.type = SQL_TIME, .x = x};
    return 0;
}

static int bool_constant(struct definition *d, const struct tree *where, struct span text,
                         struct typed *out)
{
    static const char *const words[2][3] = {{"f", "false", "0"}, {"t", "true", "1"}};
    struct expr *x = constant(d, VALUE_BOOL);
    for (unsigned truth = 0; truth < 2; truth++)
        for (unsigned i = 0; i < 3; i++)
            if (span_is(text, words[truth][i])) {
                x->truth = truth;
                *out = typed_bool(x);
                return 0;
            }
    return definition_refuse(d, where, "write true or false", "this text is no boolean");
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int uuid_constant(struct definition *d, const struct tree *where, struct span text,
                         struct typed *out)
{
    enum { BYTES = 16 };
    char *bytes = arena_alloc(d->memory, BYTES);
    unsigned digits = 0;
    for (size_t i = 0; i < text.n && digits <= 2 * BYTES; i++) {
        int digit = hex(text.p[i]);
        if (digit < 0 && text.p[i] == '-')
            continue;
        if (digit < 0 || digits == 2 * BYTES)
            digits = 2 * BYTES + 1;
        else if (digits++ % 2 == 0)
            bytes[(digits - 1) / 2] = (char)(digit << 4);
        else
            bytes[(digits - 1) / 2] |= (char)digit;
    }
    if (digits != 2 * BYTES)
        return definition_refuse(d, where, "write it like 018bcfe5-6800-7000-8000-000000000000",
                                 "this text is no uuid");
    struct expr *x = constant(d, VALUE_UUID);
    x->text = (struct span){bytes, BYTES};
    *out = (struct typed){.type = SQL_UUID, .x = x};
    return 0;
}

static int literal_as(struct definition *d, const struct tree *where, struct span text,
                      enum sql_type type, struct typed *out)
{
    if (span_absent(text)) {
        *out = typed_null(d, type);
        return 0;
    }
    switch (type) {
    case SQL_BOOL:
        return bool_constant(d, where, text, out);
    case SQL_INT4:
    case SQL_INT8:
        return int_constant(d, where, text, type, out);
    case SQL_NUMERIC:
        return number_constant(d, where, text, out);
    case SQL_TIME:
        return time_constant(d, where, text, out);
    case SQL_UUID:
        return uuid_constant(d, where, text, out);
    case SQL_UNKNOWN:
    case SQL_TEXT:
        *out = typed_text_constant(d, text);
        return 0;
    default:
        return definition_refuse(d, where, "ask for a key: props ->> 'key'",
                                 "views know no constant of type %s", sql_type_name(type));
    }
}

int definition_constant(struct definition *d, const struct tree *t, struct typed *out)
{
    const struct tree *value;
    if ((value = tree_get(t, "ival")) != NULL) {
        *out = typed_int_constant(d, tree_int(value, "ival"));
        return 0;
    }
    if ((value = tree_get(t, "boolval")) != NULL) {
        struct expr *x = constant(d, VALUE_BOOL);
        x->truth = tree_flag(value, "boolval");
        *out = typed_bool(x);
        return 0;
    }
    if ((value = tree_get(t, "fval")) != NULL) { /* an int that is large, or a decimal */
        struct span text = tree_text(value, "fval");
        int128 number;
        uint8_t scale;
        if (!is_whole(text) || !parse_number(text, &number, &scale) || number < INT64_MIN ||
            number > INT64_MAX)
            return number_constant(d, t, text, out);
        *out = typed_int_constant(d, (int64_t)number);
        return 0;
    }
    if ((value = tree_get(t, "sval")) != NULL || tree_flag(t, "isnull")) {
        struct span text = value == NULL ? SPAN_ABSENT : tree_text(value, "sval");
        *out = (struct typed){.type = SQL_UNKNOWN,
                              .literal =
                                  value != NULL && span_absent(text) ? (struct span){"", 0} : text};
        return 0;
    }
    return definition_refuse(d, t, "use text, numbers, true, false", "views know no such constant");
}

/* A cast that leaves a constant's text as it stands: one with a length or a precision may not. */
bool definition_cast_is_plain(const struct tree *t)
{
    static const char *const names[] = {"text", "varchar", "unknown", "interval", "timestamptz"};
    const struct tree *type = tree_get(t, "typeName");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_is(tree_last_name(type, "names"), names[i]))
            return tree_get(type, "typmods") == NULL;
    return false;
}

struct span definition_constant_text(const struct tree *t)
{
    while ((tree_is(t, "TypeCast") && definition_cast_is_plain(t)) || tree_is(t, "CollateClause"))
        t = tree_get(t, "arg");
    const struct tree *value = tree_is(t, "A_Const") ? tree_get(t, "sval") : NULL;
    if (value == NULL)
        return SPAN_ABSENT;
    struct span text = tree_text(value, "sval");
    return span_absent(text) ? (struct span){"", 0} : text;
}

/* ---- numbers ---- */

int typed_scale(struct definition *d, const struct tree *where, struct typed *v, uint8_t scale)
{
    uint8_t has = v->type == SQL_NUMERIC ? v->x->scale : 0;
    if (v->type == SQL_NUMERIC && has == scale)
        return 0;
    assert(has <= scale);
    int128 factor = int128_power_of_ten(scale - has);
    struct expr *x;
    if (v->x->op == EXPR_CONST) {
        x = constant(d, VALUE_NUMBER);
        x->null = v->x->null;
        x->number = v->type == SQL_NUMERIC ? v->x->number : v->x->integer;
        x->number = int128_multiply(x->number, factor);
    } else {
        x = (struct expr *)expr_make1(d, EXPR_TO_NUMBER, VALUE_NUMBER, v->x);
    }
    x->scale = scale;
    *v = (struct typed){.type = SQL_NUMERIC,
                        .x = x,
                        .low = int128_multiply(v->low, factor),
                        .high = int128_multiply(v->high, factor)};
    return typed_fits(d, where, v);
}

int typed_become(struct definition *d, const struct tree *where, struct typed *v,
                 enum sql_type type)
{
    if (v->type == type)
        return 0;
    if (v->type == SQL_UNKNOWN)
        return literal_as(d, where, v->literal, type, v);
    if (v->type == SQL_INT4 && type == SQL_INT8) {
        v->type = SQL_INT8;
        return 0;
    }
    if (is_int(v->type) && type == SQL_NUMERIC)
        return typed_scale(d, where, v, 0);
    return definition_refuse(d, where, "make both sides of one type",
                             "a %s stands where a %s is needed", sql_type_name(v->type),
                             sql_type_name(type));
}

int typed_unify(struct definition *d, const struct tree *where, struct typed *values, unsigned n)
{
    enum sql_type type = SQL_UNKNOWN;
    uint8_t scale = 0;
    for (unsigned i = 0; i < n; i++)
        if (type == SQL_UNKNOWN || (is_numeric(type) && is_numeric(values[i].type)))
            type = values[i].type > type ? values[i].type : type;
    if (type == SQL_UNKNOWN)
        type = SQL_TEXT;
    for (unsigned i = 0; i < n; i++) {
        if (typed_become(d, where, &values[i], type) != 0)
            return -1;
        scale = values[i].x->scale > scale ? values[i].x->scale : scale;
    }
    for (unsigned i = 0; type == SQL_NUMERIC && i < n; i++)
        if (typed_scale(d, where, &values[i], scale) != 0)
            return -1;
    return 0;
}

/* ---- casts that are asked for ---- */

/* Half away from zero. */
static int128 rounded(int128 number, int128 by)
{
    int128 half = by / 2;
    return (number + (number < 0 ? -half : half)) / by;
}

static int to_int(struct definition *d, const struct tree *t, struct typed *v, enum sql_type type)
{
    struct typed out = {.type = type};
    if (is_int(v->type)) {
        out = *v;
        out.type = type;
    } else if (v->type == SQL_BOOL && type == SQL_INT4) {
        out = typed_int(type, expr_make1(d, EXPR_TO_INT, VALUE_INT, v->x), 0, 1);
    } else if (v->type == SQL_NUMERIC) {
        int128 by = int128_power_of_ten(v->x->scale);
        out.low = rounded(v->low, by);
        out.high = rounded(v->high, by);
        out.x = expr_make1(d, EXPR_TO_INT, VALUE_INT, v->x);
    } else {
        return definition_refuse(d, t,
                                 v->type == SQL_TEXT ? "ff_int(props, 'key') gives NULL where a "
                                                       "property is no integer"
                                                     : "leave the cast out",
                                 "a cast of %s to %s may fail", sql_type_name(v->type),
                                 sql_type_name(type));
    }
    int128 low = type == SQL_INT4 ? INT32_MIN : INT64_MIN;
    int128 high = type == SQL_INT4 ? INT32_MAX : INT64_MAX;
    if (out.low < low || out.high > high)
        return definition_refuse(d, t, "leave the cast out",
                                 "a cast to %s may fail: the value can "
                                 "be too large",
                                 sql_type_name(type));
    *v = out;
    return 0;
}

/* numeric(precision, scale) */
static int to_precision(struct definition *d, const struct tree *t, const struct tree *type,
                        struct typed *v)
{
    struct typed limits[2] = {{0}, {0}};
    unsigned n = tree_count(type, "typmods");
    for (unsigned i = 0; i < n && i < 2; i++)
        if (definition_type(d, tree_at(type, "typmods", i), &limits[i]) != 0)
            return -1;
    int64_t precision = limits[0].x->integer, scale = n > 1 ? limits[1].x->integer : 0;
    if (scale < 0 || scale > EXPR_MAX_SCALE || precision < scale || precision > 36)
        return definition_refuse(d, t, "use numeric(p, s) with s from 0 to 9",
                                 "views cannot keep numbers of this precision");
    if (v->x->scale > scale) {
        int128 by = int128_power_of_ten(v->x->scale - (unsigned)scale);
        struct expr *x = (struct expr *)expr_make1(d, EXPR_ROUND, VALUE_NUMBER, v->x);
        x->scale = (uint8_t)scale;
        *v = (struct typed){
            .type = SQL_NUMERIC, .x = x, .low = rounded(v->low, by), .high = rounded(v->high, by)};
    } else if (typed_scale(d, t, v, (uint8_t)scale) != 0) {
        return -1;
    }
    int128 limit = int128_power_of_ten((unsigned)precision);
    if (v->low > -limit && v->high < limit)
        return 0;
    return definition_refuse(d, t, "use round(x, n), which has no limit",
                             "a cast to numeric(%d, %d) may fail: the value can be too large",
                             (int)precision, (int)scale);
}

static int to_numeric(struct definition *d, const struct tree *t, const struct tree *type,
                      struct typed *v)
{
    if (!is_numeric(v->type))
        return definition_refuse(d, t,
                                 v->type == SQL_TEXT ? "ff_num(props, 'key') gives NULL where a "
                                                       "property is no number"
                                                     : "leave the cast out",
                                 "a cast of %s to numeric may fail", sql_type_name(v->type));
    if (typed_become(d, t, v, SQL_NUMERIC) != 0)
        return -1;
    return tree_count(type, "typmods") == 0 ? 0 : to_precision(d, t, type, v);
}

int typed_to_text(struct definition *d, const struct tree *where, struct typed *v)
{
    enum { INT_BYTES = 20, UUID_BYTES = 36, BOOL_BYTES = 5 };
    if (v->type == SQL_UNKNOWN)
        return typed_become(d, where, v, SQL_TEXT);
    if (v->type == SQL_TEXT)
        return 0;
    if (!is_int(v->type) && v->type != SQL_BOOL && v->type != SQL_UUID)
        return definition_refuse(d, where,
                                 v->type == SQL_NUMERIC ? "make it an integer first"
                                 : v->type == SQL_TIME  ? "use extract(… FROM …)::int"
                                                        : "ask for a key: props ->> 'key'",
                                 "views do not write a %s as text", sql_type_name(v->type));
    uint32_t bytes = v->type == SQL_BOOL   ? BOOL_BYTES
                     : v->type == SQL_UUID ? UUID_BYTES
                                           : INT_BYTES;
    *v = typed_text(expr_make1(d, EXPR_TO_TEXT, VALUE_TEXT, v->x), bytes, COLLATION_DEFAULT);
    return 0;
}

static int to_bool(struct definition *d, const struct tree *t, struct typed *v)
{
    if (v->type == SQL_BOOL)
        return 0;
    if (v->type != SQL_INT4)
        return definition_refuse(d, t, "compare: x = 'true'", "a cast of %s to boolean may fail",
                                 sql_type_name(v->type));
    struct typed zero = typed_int_constant(d, 0);
    *v = typed_bool(
        expr_make1(d, EXPR_NOT, VALUE_BOOL, expr_make2(d, EXPR_EQUAL, VALUE_BOOL, v->x, zero.x)));
    return 0;
}

static int cast_to(struct definition *d, const struct tree *t, const struct tree *type,
                   enum sql_type to, struct typed *v)
{
    if (v->type == SQL_UNKNOWN) {
        if (to != SQL_UNKNOWN && typed_become(d, t, v, to) != 0)
            return -1;
        return to == SQL_NUMERIC && tree_count(type, "typmods") > 0 ? to_precision(d, t, type, v)
                                                                    : 0;
    }
    switch (to) {
    case SQL_INT4:
    case SQL_INT8:
        return to_int(d, t, v, to);
    case SQL_NUMERIC:
        return to_numeric(d, t, type, v);
    case SQL_TEXT:
        return typed_to_text(d, t, v);
    case SQL_BOOL:
        return to_bool(d, t, v);
    default:
        return v->type == to ? 0
                             : definition_refuse(d, t, "compare text with text",
                                                 "a cast of %s to %s may fail",
                                                 sql_type_name(v->type), sql_type_name(to));
    }
}

static const struct {
    const char *name;
    enum sql_type type;
} cast_types[] = {{"text", SQL_TEXT},        {"varchar", SQL_TEXT},    {"int4", SQL_INT4},
                  {"int8", SQL_INT8},        {"numeric", SQL_NUMERIC}, {"bool", SQL_BOOL},
                  {"timestamptz", SQL_TIME}, {"uuid", SQL_UUID},       {"jsonb", SQL_JSON},
                  {"unknown", SQL_UNKNOWN}};

static const char *hint_for_type(struct span name)
{
    if (span_is(name, "float4") || span_is(name, "float8"))
        return "use numeric: sums of floating point numbers depend on their order";
    if (span_is(name, "date") || span_is(name, "timestamp") || span_is(name, "time"))
        return "the time bucket is date_bin or date_trunc of the time; its parts are "
               "extract(hour FROM …)";
    if (span_is(name, "interval"))
        return "compare times with constants";
    if (span_is(name, "int2"))
        return "use integer";
    return "the types are text, integer, bigint, numeric, boolean, timestamptz";
}

int definition_cast(struct definition *d, const struct tree *t, struct typed *out)
{
    const struct tree *type = tree_get(t, "typeName");
    struct span name = tree_last_name(type, "names");
    bool plain = tree_get(type, "arrayBounds") == NULL && !tree_flag(type, "setof");
    for (size_t i = 0; plain && i < sizeof(cast_types) / sizeof(cast_types[0]); i++) {
        if (!span_is(name, cast_types[i].name))
            continue;
        if (cast_types[i].type != SQL_NUMERIC && tree_count(type, "typmods") > 0)
            return definition_refuse(d, t,
                                     cast_types[i].type == SQL_TEXT
                                         ? "use left(x, n)"
                                         : "use extract(… FROM …) or the bucket for less of a time",
                                     "views know no %s of a given length or precision",
                                     sql_type_name(cast_types[i].type));
        if (definition_type(d, tree_get(t, "arg"), out) != 0)
            return -1;
        return cast_to(d, t, type, cast_types[i].type, out);
    }
    return definition_refuse(d, t, plain ? hint_for_type(name) : "write x IN ('a', 'b')",
                             "views know no type %.*s%s", SPAN_ARGS(name), plain ? "" : "[]");
}
