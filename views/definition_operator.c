/* SPDX-License-Identifier: Apache-2.0 */
/* Operators: comparisons, IN, LIKE, arithmetic, properties. */
#include "views/definition_internal.h"

static const struct expr *negated(struct definition *d, const struct expr *x)
{
    return expr_make1(d, EXPR_NOT, VALUE_BOOL, x);
}

/* ---- comparisons ---- */

static bool is_ordering(const char *op)
{
    return strchr(op, '<') == op ? strcmp(op, "<>") != 0 : op[0] == '>';
}

static int check_comparable(struct definition *d, const struct tree *where, const char *op,
                            const struct typed *sides)
{
    if (sides[0].type == SQL_JSON)
        return definition_refuse(d, where, "compare a key: props ->> 'key' = '…'",
                                 "jsonb values are not compared");
    if (sides[0].type == SQL_TEXT && is_ordering(op) && sides[0].collation != COLLATION_C &&
        sides[1].collation != COLLATION_C)
        return definition_refuse(d, where, "write x COLLATE \"C\", the order of bytes",
                                 "the order of this text depends on the database's locale");
    return 0;
}

int definition_compare(struct definition *d, const struct tree *where, const char *op,
                       struct typed *sides, struct typed *out)
{
    if (typed_unify(d, where, sides, 2) != 0 || check_comparable(d, where, op, sides) != 0)
        return -1;
    const struct expr *a = sides[0].x, *b = sides[1].x;
    const struct {
        const char *op;
        enum expr_op expr;
        const struct expr *a, *b;
        bool negated;
    } all[] = {{"=", EXPR_EQUAL, a, b, false},       {"<>", EXPR_EQUAL, a, b, true},
               {"!=", EXPR_EQUAL, a, b, true},       {"<", EXPR_LESS, a, b, false},
               {">", EXPR_LESS, b, a, false},        {"<=", EXPR_LESS_EQUAL, a, b, false},
               {">=", EXPR_LESS_EQUAL, b, a, false}, {"DISTINCT", EXPR_DISTINCT, a, b, false}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(op, all[i].op) == 0) {
            const struct expr *x = expr_make2(d, all[i].expr, VALUE_BOOL, all[i].a, all[i].b);
            *out = typed_bool(all[i].negated ? negated(d, x) : x);
            return 0;
        }
    return definition_refuse(d, where,
                             "use = <> < > <= >=", "the operator %s is not known to views", op);
}

/* ---- LIKE ---- */

/* PostgreSQL's like_escape: the pattern with \ for the escape character. */
static bool put_escaped(struct buf *out, struct span pattern, struct span escape)
{
    bool after = false;
    if (escape.n == 1 && escape.p[0] == '\\') {
        buf_put_span(out, pattern);
        return true;
    }
    for (size_t i = 0; i < pattern.n;) {
        if (escape.n > 0 && !after && pattern.n - i >= escape.n &&
            memcmp(pattern.p + i, escape.p, escape.n) == 0) {
            buf_put_byte(out, '\\');
            after = true;
            i += escape.n;
            continue;
        }
        if (pattern.p[i] == '\\') {
            buf_put_byte(out, '\\');
            if (after) {
                after = false;
                i++;
                continue;
            }
        }
        buf_put_byte(out, (uint8_t)pattern.p[i++]);
        after = false;
    }
    return true;
}

static bool ends_with_escape(struct span pattern)
{
    bool open = false;
    for (size_t i = 0; i < pattern.n; i++)
        open = !open && pattern.p[i] == '\\';
    return open;
}

static bool is_one_character(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n <= 1;
}

static int pattern_of(struct definition *d, const struct tree *t, struct buf *out)
{
    bool escaped = tree_is(t, "FuncCall") && span_is(tree_last_name(t, "funcname"), "like_escape");
    struct span text = definition_constant_text(escaped ? tree_at(t, "args", 0) : t);
    struct span escape = escaped ? definition_constant_text(tree_at(t, "args", 1)) : SPAN_ABSENT;
    if (span_absent(text) || (escaped && span_absent(escape)))
        return definition_refuse(
            d, t,
            "write the pattern: x LIKE '/blog/%'; or use starts_with, "
            "strpos",
            "a pattern that is no constant may be a wrong one, and then fails");
    if (escaped && !is_one_character(escape))
        return definition_refuse(d, t, "use one character", "the ESCAPE is no single character");
    if (escaped)
        put_escaped(out, text, escape);
    else
        buf_put_span(out, text);
    if (ends_with_escape(buf_span(out)))
        return definition_refuse(d, t, "write \\\\ for a backslash",
                                 "the pattern ends with its escape character");
    return 0;
}

static int like(struct definition *d, const struct tree *t, struct typed *value,
                const struct tree *pattern, const char *op, struct typed *out)
{
    bool any_case = strchr(op, '*') != NULL;
    struct buf text = {0};
    if (typed_become(d, t, value, SQL_TEXT) != 0)
        return -1;
    if (any_case && value->collation != COLLATION_C)
        return definition_refuse(d, t,
                                 "write x COLLATE \"C\" ILIKE '…': ASCII letters in either case",
                                 "ILIKE of this text depends on the database's locale");
    int result = pattern_of(d, pattern, &text);
    if (result == 0) {
        struct typed constant = typed_text_constant(d, buf_span(&text));
        const struct expr *x =
            expr_make2(d, any_case ? EXPR_ILIKE : EXPR_LIKE, VALUE_BOOL, value->x, constant.x);
        *out = typed_bool(op[0] == '!' ? negated(d, x) : x);
    }
    buf_clear(&text);
    return result;
}

/* ---- one operator with two operands ---- */

static int property(struct definition *d, const struct tree *t, const char *op, struct typed *json,
                    const struct tree *key, struct typed *out)
{
    enum { PROPERTY_BYTES = 8192 }; /* ingest takes texts of 2048 characters */
    struct span name = definition_constant_text(key);
    if (strcmp(op, "->>") != 0 && strcmp(op, "?") != 0)
        return definition_refuse(d, t,
                                 "props is flat: use props ->> 'key', props ? 'key', "
                                 "ff_num(props, 'key')",
                                 "the operator %s of jsonb is not known to views", op);
    if (span_absent(name))
        return definition_refuse(d, t, "write props ->> 'key'", "the key is no constant text");
    struct typed constant = typed_text_constant(d, name);
    if (op[0] == '?')
        *out = typed_bool(expr_make2(d, EXPR_PROPS_HAS, VALUE_BOOL, json->x, constant.x));
    else
        *out = typed_text(expr_make2(d, EXPR_PROPS_TEXT, VALUE_TEXT, json->x, constant.x),
                          PROPERTY_BYTES, COLLATION_DEFAULT);
    return 0;
}

static int starts_with(struct definition *d, const struct tree *t, struct typed *sides,
                       struct typed *out)
{
    if (typed_become(d, t, &sides[0], SQL_TEXT) != 0 ||
        typed_become(d, t, &sides[1], SQL_TEXT) != 0)
        return -1;
    *out = typed_bool(expr_make2(d, EXPR_STARTS_WITH, VALUE_BOOL, sides[0].x, sides[1].x));
    return 0;
}

static bool is_like_operator(const char *op)
{
    return strcmp(op, "~~") == 0 || strcmp(op, "!~~") == 0 || strcmp(op, "~~*") == 0 ||
           strcmp(op, "!~~*") == 0;
}

/* left: made already. */
static int binary(struct definition *d, const struct tree *t, const char *op, struct typed left,
                  const struct tree *right, struct typed *out)
{
    struct typed sides[2] = {left, {0}};
    if (is_like_operator(op))
        return like(d, t, &sides[0], right, op, out);
    if (left.type == SQL_JSON && strchr("-?#@<|&", op[0]) != NULL)
        return property(d, t, op, &sides[0], right, out);
    if (definition_type(d, right, &sides[1]) != 0)
        return -1;
    if (strcmp(op, "||") == 0)
        return definition_concat(d, t, sides, out);
    if (strcmp(op, "^@") == 0)
        return starts_with(d, t, sides, out);
    if (op[0] == '~' || strcmp(op, "!~") == 0 || strcmp(op, "!~*") == 0)
        return definition_refuse(d, t, "use LIKE, starts_with, strpos, split_part",
                                 "regular expressions are not known to views");
    if (op[1] == '\0' && strchr("+-*/%", op[0]) != NULL)
        return definition_arithmetic(d, t, op[0], sides, out);
    return definition_compare(d, t, op, sides, out);
}

/* ---- IN, ANY, ALL, BETWEEN ---- */

static int constants_in(struct definition *d, const struct tree *t, struct typed *values,
                        uint32_t n, bool *all_constant)
{
    if (typed_unify(d, t, values, n) != 0)
        return -1;
    *all_constant = true;
    for (uint32_t i = 1; i < n; i++)
        *all_constant = *all_constant && values[i].x->op == EXPR_CONST;
    return values[0].type == SQL_JSON ? check_comparable(d, t, "=", values) : 0;
}

/* x = any of the elements; constants are searched, others compared one after the other. */
static int equal_to_any(struct definition *d, const struct tree *t, const struct tree *list,
                        struct typed left, const struct expr **out)
{
    uint32_t n = list->n + 1;
    struct typed *values = arena_alloc(&d->scratch, n * sizeof(*values));
    const struct expr **args = arena_alloc(&d->scratch, n * sizeof(*args));
    bool all_constant;
    values[0] = left;
    for (uint32_t i = 0; i < list->n; i++)
        if (definition_type(d, list->items[i], &values[i + 1]) != 0)
            return -1;
    if (constants_in(d, t, values, n, &all_constant) != 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        args[i] = values[i].x;
    if (all_constant) {
        *out = expr_make(d, EXPR_IN, VALUE_BOOL, n, args);
        return 0;
    }
    for (uint32_t i = 1; i < n; i++)
        args[i - 1] = expr_make2(d, EXPR_EQUAL, VALUE_BOOL, values[0].x, values[i].x);
    *out = expr_logic(d, EXPR_OR, n - 1, args);
    return 0;
}

static int any_or_all(struct definition *d, const struct tree *t, const char *op,
                      const struct tree *list, enum expr_op with, struct typed left,
                      struct typed *out)
{
    const struct expr **args = arena_alloc(&d->scratch, list->n * sizeof(*args) + 1);
    for (uint32_t i = 0; i < list->n; i++) {
        struct typed one;
        if (binary(d, t, op, left, list->items[i], &one) != 0)
            return -1;
        args[i] = one.x;
    }
    *out = typed_bool(expr_logic(d, with, list->n, args));
    return 0;
}

/* List: of IN (...) or of ARRAY[...]. */
static const struct tree *elements_of(const struct tree *right)
{
    while (tree_is(right, "TypeCast") && definition_cast_is_plain(right)) /* ARRAY[...]::text[] */
        right = tree_get(right, "arg");
    return tree_get(right, tree_is(right, "A_ArrayExpr") ? "elements" : "items");
}

static int in_list(struct definition *d, const struct tree *t, const char *op, struct span kind,
                   struct typed *out)
{
    const struct tree *list = elements_of(tree_get(t, "rexpr"));
    bool all = span_is(kind, "AEXPR_OP_ALL") || (span_is(kind, "AEXPR_IN") && op[0] == '<');
    struct typed left;
    if (definition_type(d, tree_get(t, "lexpr"), &left) != 0)
        return -1;
    if (list == NULL || list->kind != TREE_LIST || list->n == 0)
        return definition_refuse(d, t, "write x IN ('a', 'b')", "this is no list of values");
    bool equal = strcmp(op, "=") == 0 && !all, not_equal = strcmp(op, "<>") == 0 && all;
    if (!equal && !not_equal)
        return any_or_all(d, t, op, list, all ? EXPR_AND : EXPR_OR, left, out);
    const struct expr *x;
    if (equal_to_any(d, t, list, left, &x) != 0)
        return -1;
    *out = typed_bool(equal ? x : negated(d, x));
    return 0;
}

static int bounds(struct definition *d, const struct tree *t, const struct tree *low,
                  const struct tree *high, const struct expr **out)
{
    struct typed left, above, below;
    if (definition_type(d, tree_get(t, "lexpr"), &left) != 0 ||
        binary(d, t, ">=", left, low, &above) != 0 || binary(d, t, "<=", left, high, &below) != 0)
        return -1;
    *out = expr_make2(d, EXPR_AND, VALUE_BOOL, above.x, below.x);
    return 0;
}

static int between(struct definition *d, const struct tree *t, struct span kind, struct typed *out)
{
    const struct tree *pair = tree_get(tree_get(t, "rexpr"), "items");
    bool symmetric = span_is(kind, "AEXPR_BETWEEN_SYM") || span_is(kind, "AEXPR_NOT_BETWEEN_SYM");
    bool not_between = span_is(kind, "AEXPR_NOT_BETWEEN") || span_is(kind, "AEXPR_NOT_BETWEEN_SYM");
    const struct expr *x, *turned;
    if (bounds(d, t, pair->items[0], pair->items[1], &x) != 0)
        return -1;
    if (symmetric) {
        if (bounds(d, t, pair->items[1], pair->items[0], &turned) != 0)
            return -1;
        x = expr_make2(d, EXPR_OR, VALUE_BOOL, x, turned);
    }
    *out = typed_bool(not_between ? negated(d, x) : x);
    return 0;
}

/* ---- all ---- */

static int distinct(struct definition *d, const struct tree *t, bool negative, struct typed *out)
{
    struct typed sides[2];
    if (definition_type(d, tree_get(t, "lexpr"), &sides[0]) != 0 ||
        definition_type(d, tree_get(t, "rexpr"), &sides[1]) != 0 ||
        definition_compare(d, t, "DISTINCT", sides, out) != 0)
        return -1;
    if (negative)
        *out = typed_bool(negated(d, out->x));
    return 0;
}

/* The value of the first, or NULL when both are equal. */
static int nullif(struct definition *d, const struct tree *t, struct typed *out)
{
    struct typed sides[2], ignored;
    if (definition_type(d, tree_get(t, "lexpr"), &sides[0]) != 0 ||
        definition_type(d, tree_get(t, "rexpr"), &sides[1]) != 0)
        return -1;
    enum sql_type type = sides[0].type;
    if (definition_compare(d, t, "=", sides, &ignored) != 0)
        return -1;
    *out = sides[0];
    if (is_int(type) && is_int(out->type))
        out->type = type;
    struct expr *x =
        (struct expr *)expr_make2(d, EXPR_NULLIF, out->x->type, sides[0].x, sides[1].x);
    x->scale = out->x->scale;
    out->x = x;
    return 0;
}

static int unary(struct definition *d, const struct tree *t, const char *op, struct typed *out)
{
    if (definition_type(d, tree_get(t, "rexpr"), out) != 0)
        return -1;
    if (strcmp(op, "-") == 0)
        return definition_negate(d, t, out);
    if (strcmp(op, "+") == 0 && is_numeric(out->type))
        return 0;
    return definition_refuse(d, t, "use a function of the list in README, \"Views\"",
                             "the operator %s is not known to views", op);
}

int definition_operator(struct definition *d, const struct tree *t, struct typed *out)
{
    struct span kind = tree_text(t, "kind"), name = tree_last_name(t, "name");
    char op[24] = "";
    struct typed left;
    if (name.n < sizeof(op))
        memcpy(op, name.p, name.n);
    if (span_is(kind, "AEXPR_IN") || span_is(kind, "AEXPR_OP_ANY") || span_is(kind, "AEXPR_OP_ALL"))
        return in_list(d, t, op, kind, out);
    if (span_is(kind, "AEXPR_DISTINCT") || span_is(kind, "AEXPR_NOT_DISTINCT"))
        return distinct(d, t, span_is(kind, "AEXPR_NOT_DISTINCT"), out);
    if (span_is(kind, "AEXPR_NULLIF"))
        return nullif(d, t, out);
    if (strstr(op, "BETWEEN") != NULL)
        return between(d, t, kind, out);
    if (tree_get(t, "lexpr") == NULL)
        return unary(d, t, op, out);
    if (definition_type(d, tree_get(t, "lexpr"), &left) != 0)
        return -1;
    return binary(d, t, op, left, tree_get(t, "rexpr"), out);
}
