/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic that cannot fail: every expression carries the least and the greatest value it can
 * have, and what may leave its type is refused. */
#include <inttypes.h>
#include <stdio.h>

#include "views/definition_internal.h"

#define INT128_MAX ((int128)(~(unsigned __int128)0 >> 1))

int128 int128_multiply(int128 a, int128 b)
{
    int128 product;
    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) == (b < 0) ? INT128_MAX : -INT128_MAX;
}

static int128 add(int128 a, int128 b)
{
    int128 sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return a > 0 ? INT128_MAX : -INT128_MAX;
}

int128 int128_power_of_ten(unsigned n)
{
    int128 power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

int typed_fits(struct definition *d, const struct tree *where, const struct typed *v)
{
    int128 low = v->type == SQL_INT4 ? INT32_MIN : v->type == SQL_INT8 ? INT64_MIN : -NUMBER_MOST;
    int128 high = v->type == SQL_INT4 ? INT32_MAX : v->type == SQL_INT8 ? INT64_MAX : NUMBER_MOST;
    if (v->low >= low && v->high <= high)
        return 0;
    return definition_refuse(
        d, where,
        v->type == SQL_INT4   ? "make one side a bigint (x::bigint)"
        : v->type == SQL_INT8 ? "make one side a numeric (x::numeric), or use ff_add, ff_sub, "
                                "ff_mul, which give NULL then"
                              : "use ff_add, ff_sub, ff_mul, which give NULL then",
        "this can become too large for %s, and would then fail", sql_type_name(v->type));
}

/* ---- the ends of what an operation gives ---- */

static void least_and_most(const int128 *values, unsigned n, struct typed *out)
{
    out->low = out->high = values[0];
    for (unsigned i = 1; i < n; i++) {
        out->low = values[i] < out->low ? values[i] : out->low;
        out->high = values[i] > out->high ? values[i] : out->high;
    }
}

static void bound_sum(const struct typed *a, const struct typed *b, struct typed *out)
{
    out->low = add(a->low, b->low);
    out->high = add(a->high, b->high);
}

static void bound_difference(const struct typed *a, const struct typed *b, struct typed *out)
{
    out->low = add(a->low, -b->high);
    out->high = add(a->high, -b->low);
}

static void bound_product(const struct typed *a, const struct typed *b, struct typed *out)
{
    const int128 corners[] = {int128_multiply(a->low, b->low), int128_multiply(a->low, b->high),
                              int128_multiply(a->high, b->low), int128_multiply(a->high, b->high)};
    least_and_most(corners, 4, out);
}

static void bound_quotient(const struct typed *a, int64_t by, struct typed *out)
{
    const int128 corners[] = {a->low / by, a->high / by};
    least_and_most(corners, 2, out);
}

static void bound_remainder(const struct typed *a, int64_t by, struct typed *out)
{
    int128 most = by < 0 ? -((int128)by + 1) : by - 1;
    out->low = a->low >= 0 ? 0 : a->low > -most ? a->low : -most;
    out->high = a->high <= 0 ? 0 : a->high < most ? a->high : most;
}

/* ---- operations ---- */

static int divide(struct definition *d, const struct tree *t, char op, struct typed *args,
                  struct typed *out)
{
    const char *hint = op == '/' ? "use ff_div(a, b), which gives NULL then"
                                 : "take the remainder of an integer by a constant other than 0";
    if (args[0].type == SQL_NUMERIC)
        return definition_refuse(d, t, op == '/' ? "use ff_div(a, b), rounded to 9 decimals" : hint,
                                 "numeric %c has no fixed number of decimals", op);
    if (!typed_is_constant(&args[1]))
        return definition_refuse(d, t, hint, "the divisor can be 0, and this would then fail");
    int64_t by = args[1].x->integer;
    if (by == 0)
        return definition_refuse(d, t, hint, "division by zero");
    if (op == '/')
        bound_quotient(&args[0], by, out);
    else
        bound_remainder(&args[0], by, out);
    out->x = expr_make2(d, op == '/' ? EXPR_DIVIDE : EXPR_MODULO, VALUE_INT, args[0].x, args[1].x);
    return typed_fits(d, t, out);
}

static int multiply(struct definition *d, const struct tree *t, const struct typed *args,
                    struct typed *out)
{
    unsigned scale = args[0].x->scale + args[1].x->scale;
    if (scale > EXPR_MAX_SCALE)
        return definition_refuse(
            d, t, "use ff_mul(a, b), rounded to 9 decimals, or round(x, n) one of them first",
            "the product has %u decimals; at most %d are kept", scale, EXPR_MAX_SCALE);
    bound_product(&args[0], &args[1], out);
    struct expr *x =
        (struct expr *)expr_make2(d, EXPR_MULTIPLY, value_type_of(out->type), args[0].x, args[1].x);
    x->scale = (uint8_t)scale;
    out->x = x;
    return typed_fits(d, t, out);
}

int definition_arithmetic(struct definition *d, const struct tree *t, char op, struct typed *args,
                          struct typed *out)
{
    enum sql_type type = args[0].type > args[1].type ? args[0].type : args[1].type;
    if (typed_become(d, t, &args[0], type) != 0 || typed_become(d, t, &args[1], type) != 0)
        return -1;
    if (!is_numeric(type))
        return definition_refuse(d, t, "use numbers, as ff_num(props, 'key') gives them",
                                 "%c of a %s is not known to views", op, sql_type_name(type));
    *out = (struct typed){.type = type};
    if (op == '/' || op == '%')
        return divide(d, t, op, args, out);
    if (op == '*')
        return multiply(d, t, args, out);
    if (typed_unify(d, t, args, 2) != 0)
        return -1;
    if (op == '+')
        bound_sum(&args[0], &args[1], out);
    else
        bound_difference(&args[0], &args[1], out);
    struct expr *x = (struct expr *)expr_make2(d, op == '+' ? EXPR_ADD : EXPR_SUBTRACT,
                                               value_type_of(type), args[0].x, args[1].x);
    x->scale = args[0].x->scale;
    out->x = x;
    return typed_fits(d, t, out);
}

static const struct expr *negated_constant(struct definition *d, const struct expr *c)
{
    struct expr *x = arena_alloc(d->memory, sizeof(*x));
    *x = *c;
    if (c->type == VALUE_INT)
        x->integer = -c->integer;
    else
        x->number = -c->number;
    return x;
}

int definition_negate(struct definition *d, const struct tree *t, struct typed *v)
{
    if (!is_numeric(v->type))
        return definition_refuse(d, t, "use a number", "- of a %s is not known to views",
                                 sql_type_name(v->type));
    int128 low = v->low;
    v->low = -v->high;
    v->high = -low;
    if (typed_fits(d, t, v) != 0)
        return -1;
    if (typed_is_constant(v)) {
        v->x = negated_constant(d, v->x);
        return 0;
    }
    struct expr *x = (struct expr *)expr_make1(d, EXPR_NEGATE, value_type_of(v->type), v->x);
    x->scale = v->x->scale;
    v->x = x;
    return 0;
}
