/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree of an expression to one that runs, bottom up, with what is known of its values. */
#include <stdarg.h>
#include <stdio.h>

#include "views/definition_internal.h"

int definition_refuse(struct definition *d, const struct tree *where, const char *hint,
                      const char *format, ...)
{
    char why[300];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    const struct tree *given = where == NULL ? NULL : where->twin;
    int32_t at = tree_location(given);
    if (at == TREE_NOWHERE)
        return err_set(d->e, ERR_INPUT, "%s; %s", why, hint);
    d->place = definition_place_of(d->given.text, (size_t)at);
    return err_set(d->e, ERR_INPUT, "line %u, column %u: %s; %s", d->place.line, d->place.column,
                   why, hint);
}

/* ---- columns ---- */

static const struct {
    const char *name, *hint;
} no_columns[] = {
    {"seq", "count events, or bucket them by time"},
    {"partition", "leave it out: all partitions are counted together"},
    {"ip", "addresses are not kept in views"},
    {"token", "use the other columns"},
};

static int find_column(struct definition *d, const struct tree *t, struct span name, unsigned *out)
{
    const struct relation *r = d->plan->relation;
    for (unsigned i = 0; i < r->n_columns; i++)
        if (r->columns[i].name != NULL && span_is(name, r->columns[i].name)) {
            *out = i;
            return 0;
        }
    for (size_t i = 0; i < sizeof(no_columns) / sizeof(no_columns[0]); i++)
        if (span_is(name, no_columns[i].name))
            return definition_refuse(d, t, no_columns[i].hint,
                                     "the column %s is not one that views read",
                                     no_columns[i].name);
    return definition_refuse(d, t, "README, \"Views\", lists the columns",
                             "%s has no column \"%.*s\"", r->name, SPAN_ARGS(name));
}

static enum sql_type type_of_column(enum value_type type)
{
    static const enum sql_type types[] = {
        [VALUE_BOOL] = SQL_BOOL, [VALUE_INT] = SQL_INT8,  [VALUE_NUMBER] = SQL_NUMERIC,
        [VALUE_TEXT] = SQL_TEXT, [VALUE_TIME] = SQL_TIME, [VALUE_UUID] = SQL_UUID,
        [VALUE_JSON] = SQL_JSON,
    };
    return types[type];
}

static int column(struct definition *d, const struct tree *t, struct typed *out)
{
    uint32_t n = tree_count(t, "fields");
    unsigned index = 0;
    if (d->of_answer)
        return definition_refuse(d, t, "name a dimension as the SELECT has it, or an aggregate",
                                 "HAVING is about the rows of the answer");
    if (tree_is(tree_at(t, "fields", n - 1), "A_Star"))
        return definition_refuse(d, t, "name the columns", "* stands for all columns");
    if (n > 2 || (n == 2 && !span_equal(tree_name(t, "fields", 0), d->relation_alias)))
        return definition_refuse(d, t, "name the column alone", "this names another relation");
    if (find_column(d, t, tree_last_name(t, "fields"), &index) != 0)
        return -1;
    *out = typed_column(d, index, type_of_column(d->plan->relation->columns[index].type));
    return 0;
}

static int collate(struct definition *d, const struct tree *t, struct typed *out)
{
    struct span name = tree_last_name(t, "collname");
    if (!span_is(name, "C") && !span_is(name, "POSIX"))
        return definition_refuse(d, t, "write COLLATE \"C\"",
                                 "views order text by its bytes, not by \"%.*s\"", SPAN_ARGS(name));
    if (definition_type(d, tree_get(t, "arg"), out) != 0 || typed_become(d, t, out, SQL_TEXT) != 0)
        return -1;
    out->collation = COLLATION_C;
    return 0;
}

/* ---- conditions ---- */

int definition_condition(struct definition *d, const struct tree *t, const char *what,
                         const struct expr **out)
{
    struct typed v;
    if (definition_type(d, t, &v) != 0)
        return -1;
    if (v.type == SQL_UNKNOWN && typed_become(d, t, &v, SQL_BOOL) != 0)
        return -1;
    if (v.type != SQL_BOOL)
        return definition_refuse(d, t, "compare it with something",
                                 "%s needs a condition, not a %s", what, sql_type_name(v.type));
    *out = v.x;
    return 0;
}

static int logic(struct definition *d, const struct tree *t, struct typed *out)
{
    struct span op = tree_text(t, "boolop");
    uint32_t n = tree_count(t, "args");
    const struct expr **args = arena_alloc(&d->scratch, n * sizeof(*args) + 1);
    for (uint32_t i = 0; i < n; i++)
        if (definition_condition(d, tree_at(t, "args", i), "AND, OR, NOT", &args[i]) != 0)
            return -1;
    if (span_is(op, "NOT_EXPR"))
        *out = typed_bool(expr_make1(d, EXPR_NOT, VALUE_BOOL, args[0]));
    else
        *out = typed_bool(expr_logic(d, span_is(op, "AND_EXPR") ? EXPR_AND : EXPR_OR, n, args));
    return 0;
}

static const struct expr *negated(struct definition *d, const struct expr *x)
{
    return expr_make1(d, EXPR_NOT, VALUE_BOOL, x);
}

static int null_test(struct definition *d, const struct tree *t, struct typed *out)
{
    struct typed v;
    if (definition_type(d, tree_get(t, "arg"), &v) != 0 ||
        (v.type == SQL_UNKNOWN && typed_become(d, t, &v, SQL_TEXT) != 0))
        return -1;
    const struct expr *x = expr_make1(d, EXPR_IS_NULL, VALUE_BOOL, v.x);
    *out = typed_bool(span_is(tree_text(t, "nulltesttype"), "IS_NOT_NULL") ? negated(d, x) : x);
    return 0;
}

static int truth_test(struct definition *d, const struct tree *t, struct typed *out)
{
    static const struct {
        const char *name;
        enum expr_op op;
        bool negated;
    } tests[] = {
        {"IS_TRUE", EXPR_IS_TRUE, false},    {"IS_NOT_TRUE", EXPR_IS_TRUE, true},
        {"IS_FALSE", EXPR_IS_FALSE, false},  {"IS_NOT_FALSE", EXPR_IS_FALSE, true},
        {"IS_UNKNOWN", EXPR_IS_NULL, false}, {"IS_NOT_UNKNOWN", EXPR_IS_NULL, true},
    };
    const struct expr *arg;
    struct span name = tree_text(t, "booltesttype");
    if (definition_condition(d, tree_get(t, "arg"), "IS TRUE, IS FALSE, IS UNKNOWN", &arg) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        if (span_is(name, tests[i].name)) {
            const struct expr *x = expr_make1(d, tests[i].op, VALUE_BOOL, arg);
            *out = typed_bool(tests[i].negated ? negated(d, x) : x);
            return 0;
        }
    return definition_refuse(d, t, "use IS TRUE, IS FALSE, IS NULL", "this test is not known");
}

/* ---- all of them ---- */

static int refuse_subselect(struct definition *d, const struct tree *t, struct typed *out)
{
    (void)out;
    return definition_refuse(d, t, "write the condition out, as x IN ('a', 'b') or CASE",
                             "a SELECT within the SELECT cannot be streamed");
}

static int refuse_clock(struct definition *d, const struct tree *t, struct typed *out)
{
    (void)out;
    return definition_refuse(d, t, "ask for a time range when reading: from, to",
                             "a view may not depend on the clock or on who asks");
}

static int refuse_array(struct definition *d, const struct tree *t, struct typed *out)
{
    (void)out;
    return definition_refuse(d, t, "write x IN ('a', 'b')",
                             "arrays and rows are not known to views");
}

static const struct {
    const char *type;
    int (*make)(struct definition *d, const struct tree *t, struct typed *out);
} nodes[] = {
    {"ColumnRef", column},
    {"A_Const", definition_constant},
    {"TypeCast", definition_cast},
    {"CollateClause", collate},
    {"A_Expr", definition_operator},
    {"BoolExpr", logic},
    {"NullTest", null_test},
    {"BooleanTest", truth_test},
    {"FuncCall", definition_function},
    {"CaseExpr", definition_branch},
    {"CoalesceExpr", definition_branch},
    {"MinMaxExpr", definition_branch},
    {"SubLink", refuse_subselect},
    {"SQLValueFunction", refuse_clock},
    {"A_ArrayExpr", refuse_array},
    {"RowExpr", refuse_array},
    {"A_Indirection", refuse_array},
};

/* In HAVING, what the SELECT groups by or aggregates is a column of the answer. */
static bool find_in_answer(struct definition *d, const struct tree *t, struct typed *out)
{
    for (unsigned i = 0; i < d->plan->n_dimensions; i++) {
        const struct expr *x = d->plan->dimensions[i].value;
        if (!tree_equal(t, d->dimension_trees[i]))
            continue;
        struct expr *column_of = arena_alloc(d->memory, sizeof(*column_of));
        *column_of =
            (struct expr){.op = EXPR_COLUMN, .type = x->type, .scale = x->scale, .column = i};
        bool of_answer = d->of_answer;
        d->of_answer = false; /* its own type is that of the expression over the relation */
        bool good = definition_type(d, t, out) == 0;
        d->of_answer = of_answer;
        if (x->type == VALUE_INT && out->type == SQL_NUMERIC) /* it is kept as an integer */
            out->type = SQL_INT8;
        out->x = column_of;
        return good;
    }
    return false;
}

int definition_type(struct definition *d, const struct tree *t, struct typed *out)
{
    enum { MOST_WORK = 200000 }; /* CASE x WHEN ... makes x anew for each */
    *out = (struct typed){0};
    if (++d->work > MOST_WORK)
        return definition_refuse(d, t, "write it shorter", "this expression is too large");
    if (d->of_answer && find_in_answer(d, t, out))
        return 0;
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        if (tree_is(t, nodes[i].type)) {
            int result = nodes[i].make(d, t, out);
            if (result == 0 && out->type == SQL_TEXT && out->max_bytes > TEXT_MAX_BYTES)
                return definition_refuse(d, t, "cut the parts with left(x, n)",
                                         "this text can become longer than 1 MiB");
            return result;
        }
    return definition_refuse(d, t, "README, \"Views\", lists what views know",
                             "\"%.*s\" is not known to views",
                             SPAN_ARGS(t == NULL ? SPAN_ABSENT : t->type));
}
