/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that views know, as a table: their arguments, and what makes each. What is not in
 * it is refused; what can't be in it is, with the reason. */
#include <stdio.h>

#include "views/definition_internal.h"

enum { MOST_ARGS = 64 };

struct call {
    struct definition *d;
    const struct tree *t;
    struct typed *args;
    unsigned n;
    enum expr_op op;
};

static int refuse(const struct call *c, const char *hint, const char *why)
{
    return definition_refuse(c->d, c->t, hint, "%s", why);
}

static const struct expr *made(const struct call *c, enum value_type type)
{
    const struct expr *args[MOST_ARGS];
    for (unsigned i = 0; i < c->n; i++)
        args[i] = c->args[i].x;
    return expr_make(c->d, c->op, type, c->n, args);
}

static enum collation collation_of(const struct call *c)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->args[i].type == SQL_TEXT && c->args[i].collation == COLLATION_C)
            return COLLATION_C;
    return COLLATION_DEFAULT;
}

/* ---- text ---- */

static int text_no_longer(const struct call *c, struct typed *out)
{
    *out = typed_text(made(c, VALUE_TEXT), c->args[0].max_bytes, collation_of(c));
    return 0;
}

static int by_locale(const struct call *c, struct typed *out)
{
    if (c->args[0].collation != COLLATION_C)
        return refuse(c, "write lower(x COLLATE \"C\"): ASCII letters",
                      "lower and upper of this text depend on the database's locale");
    return text_no_longer(c, out);
}

static int replaced(const struct call *c, struct typed *out)
{
    const struct typed *text = &c->args[0], *from = &c->args[1], *to = &c->args[2];
    uint64_t piece = typed_is_constant(from) && from->x->text.n > 0 ? from->x->text.n : 1;
    uint64_t bytes = text->max_bytes + (uint64_t)text->max_bytes / piece * to->max_bytes;
    *out =
        typed_text(made(c, VALUE_TEXT),
                   bytes > TEXT_MAX_BYTES ? TEXT_MAX_BYTES + 1 : (uint32_t)bytes, collation_of(c));
    return 0;
}

static int part(const struct call *c, struct typed *out)
{
    if (!typed_is_constant(&c->args[2]) || c->args[2].x->integer == 0)
        return refuse(c, "split_part(path, '/', 2)",
                      "the field's number has to be a constant other than 0, else it may fail");
    return text_no_longer(c, out);
}

static int substring(const struct call *c, struct typed *out)
{
    if (c->n == 3 && c->args[2].low < 0)
        return refuse(c, "use a constant, or greatest(n, 0)",
                      "the length can be negative, and this would then fail");
    return text_no_longer(c, out);
}

static int side(const struct call *c, struct typed *out)
{
    if (c->args[1].low <= INT32_MIN)
        return refuse(c, "use a constant", "the number of characters can be out of range");
    return text_no_longer(c, out);
}

static int trimmed(const struct call *c, struct typed *out)
{
    struct call with_blank = *c;
    struct typed args[2] = {c->args[0]};
    args[1] = c->n == 2 ? c->args[1] : typed_text_constant(c->d, SPAN_LITERAL(" "));
    with_blank.args = args;
    with_blank.n = 2;
    if (!typed_is_constant(&args[1]))
        return refuse(c, "write trim(both '/' from path)", "the characters have to be a constant");
    return text_no_longer(&with_blank, out);
}

/* concat writes a boolean as t or f, where a cast writes true or false. */
static int bool_to_letter(const struct call *c, struct typed *v)
{
    const struct expr *args[] = {v->x, typed_text_constant(c->d, SPAN_LITERAL("t")).x,
                                 expr_make1(c->d, EXPR_IS_FALSE, VALUE_BOOL, v->x),
                                 typed_text_constant(c->d, SPAN_LITERAL("f")).x,
                                 typed_null(c->d, SQL_TEXT).x};
    *v = typed_text(expr_make(c->d, EXPR_CASE, VALUE_TEXT, 5, args), 1, COLLATION_DEFAULT);
    return 0;
}

static uint32_t bytes_of_all(const struct call *c)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < c->n; i++)
        bytes += c->args[i].max_bytes;
    return bytes > TEXT_MAX_BYTES ? TEXT_MAX_BYTES + 1 : (uint32_t)bytes;
}

static int concat(const struct call *c, struct typed *out)
{
    for (unsigned i = 0; i < c->n; i++) {
        int result = c->args[i].type == SQL_BOOL ? bool_to_letter(c, &c->args[i])
                                                 : typed_to_text(c->d, c->t, &c->args[i]);
        if (result != 0)
            return -1;
    }
    *out = typed_text(made(c, VALUE_TEXT), bytes_of_all(c), collation_of(c));
    return 0;
}

int definition_concat(struct definition *d, const struct tree *t, struct typed *args,
                      struct typed *out)
{
    struct call c = {d, t, args, 2, EXPR_CONCAT_OP};
    if (typed_to_text(d, t, &args[0]) != 0 || typed_to_text(d, t, &args[1]) != 0)
        return -1;
    *out = typed_text(made(&c, VALUE_TEXT), bytes_of_all(&c), collation_of(&c));
    return 0;
}

/* ---- of text ---- */

static int characters(const struct call *c, struct typed *out)
{
    *out = typed_int(SQL_INT4, made(c, VALUE_INT), 0, c->args[0].max_bytes);
    return 0;
}

static int truth(const struct call *c, struct typed *out)
{
    *out = typed_bool(made(c, VALUE_BOOL));
    return 0;
}

/* ---- numbers ---- */

static int absolute(const struct call *c, struct typed *out)
{
    *out = c->args[0];
    int128 low = out->low < 0 ? -out->low : out->low, high = out->high < 0 ? -out->high : out->high;
    bool across = out->low < 0 && out->high > 0;
    *out = (struct typed){.type = out->type, .x = made(c, value_type_of(out->type))};
    ((struct expr *)out->x)->scale = c->args[0].x->scale;
    out->low = across ? 0 : low < high ? low : high;
    out->high = low < high ? high : low;
    return typed_fits(c->d, c->t, out);
}

static int remainder_of(const struct call *c, struct typed *out)
{
    return definition_arithmetic(c->d, c->t, '%', c->args, out);
}

/* round, floor, ceil, trunc: to an integral number, or round to some decimals. */
static int rounded(const struct call *c, struct typed *out)
{
    const struct typed *v = &c->args[0];
    int64_t places = 0;
    if (c->n == 2) {
        if (!typed_is_constant(&c->args[1]) || c->args[1].x->integer < 0 || c->op != EXPR_ROUND)
            return refuse(c, "write round(x, 2)",
                          "the number of decimals has to be a constant from 0");
        places = c->args[1].x->integer;
    }
    *out = *v;
    if (places >= v->x->scale)
        return 0;
    int128 by = int128_power_of_ten(v->x->scale - (unsigned)places);
    struct expr *x = (struct expr *)expr_make1(c->d, c->op, VALUE_NUMBER, v->x);
    x->scale = (uint8_t)places;
    *out = (struct typed){
        .type = SQL_NUMERIC, .x = x, .low = v->low / by - 1, .high = v->high / by + 1};
    return 0;
}

static int total(const struct call *c, struct typed *out)
{
    struct expr *x = (struct expr *)made(c, VALUE_NUMBER);
    x->scale = EXPR_MAX_SCALE;
    *out = (struct typed){
        .type = SQL_NUMERIC, .x = x, .low = -EXPR_NUMBER_LIMIT + 1, .high = EXPR_NUMBER_LIMIT - 1};
    return 0;
}

static int property_int(const struct call *c, struct typed *out)
{
    *out = typed_int(SQL_INT8, made(c, VALUE_INT), INT64_MIN, INT64_MAX);
    return 0;
}

/* ---- times ---- */

static const struct {
    const char *name;
    enum expr_field field;
    int low, high;
} fields[] = {
    {"minute", FIELD_MINUTE, 0, 59},
    {"hour", FIELD_HOUR, 0, 23},
    {"dow", FIELD_DOW, 0, 6},
    {"isodow", FIELD_ISODOW, 1, 7},
    {"day", FIELD_DAY, 1, 31},
    {"doy", FIELD_DOY, 1, 366},
    {"week", FIELD_WEEK, 1, 53},
    {"month", FIELD_MONTH, 1, 12},
    {"quarter", FIELD_QUARTER, 1, 4},
    {"year", FIELD_YEAR, -4714, 294277},
    {"isoyear", FIELD_ISOYEAR, -4714, 294277},
};

static int extracted(const struct call *c, struct typed *out)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (span_is(c->args[0].x->text, fields[i].name)) {
            struct expr *x =
                (struct expr *)expr_make1(c->d, EXPR_EXTRACT, VALUE_NUMBER, c->args[1].x);
            x->field = fields[i].field;
            *out = (struct typed){
                .type = SQL_NUMERIC, .x = x, .low = fields[i].low, .high = fields[i].high};
            return 0;
        }
    return refuse(c, "minute hour dow isodow day doy week month quarter year isoyear are",
                  "this part of a time is not known to views");
}

static int bucket_elsewhere(const struct call *c, struct typed *out)
{
    (void)out;
    return refuse(c, "list it once, and take other parts by extract(hour FROM …)",
                  "date_bin and date_trunc make the time bucket and nothing else");
}

/* ---- the table ---- */

/* Arguments, a letter each: t text, k constant text, i integer, n number (numeric), N number of 9
 * decimals, m number or integer, j props, d time, * any; behind | they may be left out, + any
 * number.
 */
static const struct function {
    const char *name, *args;
    enum expr_op op;
    int (*make)(const struct call *c, struct typed *out);
} functions[] = {
    {"lower", "t", EXPR_LOWER, by_locale},
    {"upper", "t", EXPR_UPPER, by_locale},
    {"length", "t", EXPR_LENGTH, characters},
    {"char_length", "t", EXPR_LENGTH, characters},
    {"character_length", "t", EXPR_LENGTH, characters},
    {"strpos", "tt", EXPR_STRPOS, characters},
    {"position", "tt", EXPR_STRPOS, characters},
    {"starts_with", "tt", EXPR_STARTS_WITH, truth},
    {"split_part", "tti", EXPR_SPLIT_PART, part},
    {"substring", "ti|i", EXPR_SUBSTRING, substring},
    {"substr", "ti|i", EXPR_SUBSTRING, substring},
    {"left", "ti", EXPR_LEFT, side},
    {"right", "ti", EXPR_RIGHT, side},
    {"replace", "ttt", EXPR_REPLACE, replaced},
    {"btrim", "t|t", EXPR_TRIM, trimmed},
    {"ltrim", "t|t", EXPR_LTRIM, trimmed},
    {"rtrim", "t|t", EXPR_RTRIM, trimmed},
    {"concat", "*+", EXPR_CONCAT, concat},
    {"abs", "m", EXPR_ABS, absolute},
    {"mod", "mm", EXPR_MODULO, remainder_of},
    {"round", "n|i", EXPR_ROUND, rounded},
    {"floor", "n", EXPR_FLOOR, rounded},
    {"ceil", "n", EXPR_CEIL, rounded},
    {"ceiling", "n", EXPR_CEIL, rounded},
    {"trunc", "n|i", EXPR_TRUNC, rounded},
    {"ff_add", "NN", EXPR_FF_ADD, total},
    {"ff_sub", "NN", EXPR_FF_SUB, total},
    {"ff_mul", "NN", EXPR_FF_MUL, total},
    {"ff_div", "NN", EXPR_FF_DIV, total},
    {"ff_num", "jk", EXPR_PROPS_NUMBER, total},
    {"ff_int", "jk", EXPR_PROPS_INT, property_int},
    {"extract", "kd", EXPR_EXTRACT, extracted},
    {"date_bin", "***", EXPR_EXTRACT, bucket_elsewhere},
    {"date_trunc", "**|*", EXPR_EXTRACT, bucket_elsewhere},
};

/* Functions that are asked for often and can't be had: why, and what would do. */
static const struct {
    const char *name, *why, *hint;
} refused[] = {
    {"now", "a view may not depend on the clock", "ask for a time range when reading: from, to"},
    {"clock_timestamp", "a view may not depend on the clock",
     "ask for a time range when reading: from, to"},
    {"random", "a view has to be the same on every replay", "leave it out"},
    {"date_part", "date_part gives floating point numbers", "use extract(hour FROM …)"},
    {"regexp_replace", "regular expressions are not known to views",
     "use LIKE, replace, split_part, strpos"},
    {"regexp_match", "regular expressions are not known to views",
     "use LIKE, replace, split_part, strpos"},
    {"similar_to_escape", "regular expressions are not known to views",
     "use LIKE, replace, split_part, strpos"},
    {"initcap", "initcap depends on the database's locale", "use lower(x COLLATE \"C\")"},
    {"to_char", "to_char depends on the database's locale", "use extract(hour FROM …)"},
    {"string_agg", "texts are not put together", "make the text a dimension"},
    {"array_agg", "values are not put together", "make the value a dimension"},
    {"bool_or", "this aggregate is not kept", "use count(*) FILTER (WHERE …)"},
    {"bool_and", "this aggregate is not kept", "use count(*) FILTER (WHERE NOT …)"},
    {"every", "this aggregate is not kept", "use count(*) FILTER (WHERE NOT …)"},
    {"jsonb_extract_path_text", "props is flat", "use props ->> 'key'"},
};

static int take_number(const struct call *c, struct typed *v, char letter)
{
    if (letter == 'm' && is_numeric(v->type))
        return 0;
    if (typed_become(c->d, c->t, v, SQL_NUMERIC) != 0)
        return -1;
    return letter == 'N' ? typed_scale(c->d, c->t, v, EXPR_MAX_SCALE) : 0;
}

/* In what ff_div makes of them there is room for 128 bits. */
#define TOTAL_MOST ((int128)INT64_C(10000000000) * INT64_C(1000000000000000000))

static int take_argument(const struct call *c, struct typed *v, char letter)
{
    switch (letter) {
    case 't':
        return typed_become(c->d, c->t, v, SQL_TEXT);
    case 'k':
        if (typed_become(c->d, c->t, v, SQL_TEXT) != 0)
            return -1;
        return typed_is_constant(v)
                   ? 0
                   : refuse(c, "write it out: 'key'", "this has to be a constant text");
    case 'i':
        return typed_become(c->d, c->t, v, SQL_INT4);
    case 'n':
    case 'm':
        return take_number(c, v, letter);
    case 'N':
        if (take_number(c, v, letter) != 0)
            return -1;
        return v->low >= -TOTAL_MOST && v->high <= TOTAL_MOST
                   ? 0
                   : refuse(c, "round(x, n) it first", "this number can become too large");
    case 'j':
        return typed_become(c->d, c->t, v, SQL_JSON);
    case 'd':
        return typed_become(c->d, c->t, v, SQL_TIME);
    default:
        return 0;
    }
}

static int take_arguments(const struct call *c, const struct function *f)
{
    unsigned i = 0;
    bool optional = false;
    for (const char *p = f->args; *p != '\0'; p++) {
        if (*p == '|')
            optional = true;
        else if (*p == '+')
            i = c->n;
        else if (i < c->n && take_argument(c, &c->args[i], *p) != 0)
            return -1;
        else if (i < c->n || !optional)
            i++;
    }
    return i == c->n
               ? 0
               : definition_refuse(c->d, c->t, "README, \"Views\", shows it",
                                   "%s with %u arguments is not known to views", f->name, c->n);
}

static int call(struct definition *d, const struct tree *t, const struct function *f,
                struct typed *out)
{
    struct typed args[MOST_ARGS];
    struct call c = {d, t, args, tree_count(t, "args"), f->op};
    if (c.n > MOST_ARGS)
        return refuse(&c, "use ||", "a function has too many arguments");
    if (f->make == bucket_elsewhere)
        return bucket_elsewhere(&c, out);
    for (unsigned i = 0; i < c.n; i++)
        if (definition_type(d, tree_at(t, "args", i), &args[i]) != 0)
            return -1;
    if (take_arguments(&c, f) != 0)
        return -1;
    return f->make(&c, out);
}

static int refuse_function(struct definition *d, const struct tree *t, struct span name)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (span_is(name, refused[i].name))
            return definition_refuse(d, t, refused[i].hint, "%s", refused[i].why);
    return definition_refuse(d, t, "README, \"Views\", lists those it has",
                             "the function %.*s is not known to views", SPAN_ARGS(name));
}

int definition_function(struct definition *d, const struct tree *t, struct typed *out)
{
    struct span name = tree_last_name(t, "funcname");
    if (tree_get(t, "over") != NULL)
        return definition_refuse(d, t, "hopping windows are made when reading: window=…",
                                 "window functions cannot be streamed");
    if (definition_is_aggregate(t)) {
        if (d->of_answer)
            return definition_answer_column(d, t, out);
        return definition_refuse(d, t,
                                 "list the aggregates alone, and compute with them when reading",
                                 "an aggregate stands within an expression");
    }
    if (tree_count(t, "funcname") > 1 && !span_is(tree_name(t, "funcname", 0), "pg_catalog"))
        return refuse_function(d, t, name);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (span_is(name, functions[i].name))
            return call(d, t, &functions[i], out);
    return refuse_function(d, t, name);
}
