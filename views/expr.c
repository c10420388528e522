/* SPDX-License-Identifier: Apache-2.0 */
#include "views/expr.h"

uint32_t expr_columns(const struct expr *x)
{
    if (x == NULL)
        return 0;
    uint32_t columns = x->op == EXPR_COLUMN ? UINT32_C(1) << x->column : 0;
    for (unsigned i = 0; i < x->n_args; i++)
        columns |= expr_columns(x->args[i]);
    return columns;
}

/* ---- soundness ---- */

static int check_column(const struct expr *x, const struct relation *r, struct err *e)
{
    if (x->column >= r->n_columns || r->columns[x->column].name == NULL)
        return err_set(e, ERR_INPUT, "%s has no column %u", r->name, x->column);
    if (x->type != r->columns[x->column].type)
        return err_set(e, ERR_INPUT, "the column %s is of another type",
                       r->columns[x->column].name);
    return 0;
}

static int check_equal(const struct expr *x, struct err *e)
{
    const struct expr *a = x->args[0], *b = x->args[1];
    return a->type == b->type && a->scale == b->scale && a->type != VALUE_JSON
               ? 0
               : err_set(e, ERR_INPUT, "the two sides of = are of types that cannot be compared");
}

static int check_conditions(const struct expr *x, struct err *e)
{
    for (unsigned i = 0; i < x->n_args; i++)
        if (x->args[i]->type != VALUE_BOOL)
            return err_set(e, ERR_INPUT, "a condition is needed where a value stands");
    return 0;
}

/* How many arguments: from, to. */
static const struct {
    unsigned least, most;
} arguments[] = {
    [EXPR_COLUMN] = {0, 0}, [EXPR_CONST] = {0, 0}, [EXPR_EQUAL] = {2, 2},   [EXPR_NOT] = {1, 1},
    [EXPR_AND] = {2, 64},   [EXPR_OR] = {2, 64},   [EXPR_IS_NULL] = {1, 1},
};

static int check(const struct expr *x, const struct relation *r, unsigned depth, struct err *e)
{
    if (x == NULL)
        return err_set(e, ERR_INPUT, "an expression is needed where nothing stands");
    if (depth == EXPR_MAX_DEPTH)
        return err_set(e, ERR_INPUT, "an expression is nested deeper than %d", EXPR_MAX_DEPTH);
    if ((size_t)x->op >= sizeof(arguments) / sizeof(arguments[0]) ||
        x->n_args < arguments[x->op].least || x->n_args > arguments[x->op].most)
        return err_set(e, ERR_INPUT, "an expression has %u arguments", x->n_args);
    for (unsigned i = 0; i < x->n_args; i++)
        if (check(x->args[i], r, depth + 1, e) != 0)
            return -1;
    if (x->op == EXPR_COLUMN)
        return check_column(x, r, e);
    if (x->op == EXPR_EQUAL)
        return check_equal(x, e);
    return x->op == EXPR_NOT || x->op == EXPR_AND || x->op == EXPR_OR ? check_conditions(x, e) : 0;
}

int expr_check(const struct expr *x, const struct relation *r, struct err *e)
{
    return check(x, r, 0, e);
}
