/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic in 128 bits and the casts to int and number. The plain operations are used where they
 * cannot leave 64 bits (ints) or EXPR_NUMBER_LIMIT (numbers), which who makes the tree sees to;
 * they wrap all the same. The ff_ functions check themselves. */
#include <assert.h>

#include "views/eval_internal.h"

typedef unsigned __int128 uint128;

int128 power_of_ten(unsigned exponent)
{
    int64_t power = 1;
    for (unsigned i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

/* ---- columns and constants ---- */

/* A number in a column is 16 bytes big-endian. */
static int128 number_of_element(struct span bytes)
{
    struct span high = {bytes.p, 8}, low = {bytes.p + 8, 8};
    return (int128)((uint128)(uint64_t)element_int8(high) << 64 | (uint64_t)element_int8(low));
}

static struct number value_of_element(struct span bytes, enum value_type type)
{
    if (span_absent(bytes))
        return NUMBER_NULL;
    if (type == VALUE_NUMBER)
        return (struct number){.value = number_of_element(bytes)};
    int128 value = element_int8(bytes);
    return (struct number){.value = type == VALUE_TIME ? value + PG_EPOCH_US : value};
}

static struct numbers decoded(const struct run *r, const struct expr *x)
{
    struct texts bytes = texts_of_column(r, x);
    struct text_cursor c = text_cursor_of(&bytes);
    if (!bytes.varies)
        return numbers_all(value_of_element(bytes.all, x->type));
    struct number_rows out = number_rows_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        number_rows_put(&out, i, value_of_element(text_next(&c), x->type));
    return number_rows_done(&out);
}

static struct numbers of_column(const struct run *r, const struct expr *x)
{
    uint32_t bit = UINT32_C(1) << x->column;
    if ((r->decoded->known & bit) == 0) {
        r->decoded->columns[x->column] = decoded(r, x);
        r->decoded->known |= bit;
    }
    return r->decoded->columns[x->column];
}

static struct numbers of_const(const struct expr *x)
{
    if (x->null)
        return numbers_all(NUMBER_NULL);
    return numbers_all(
        (struct number){.value = x->type == VALUE_NUMBER ? x->number : (int128)x->integer});
}

/* ---- one row ---- */

static struct number some(int128 value)
{
    return (struct number){.value = value};
}

static struct number negate(const struct arg *args, const void *context)
{
    (void)context;
    return some((int128)(-(uint128)args[0].number));
}

static struct number absolute(const struct arg *args, const void *context)
{
    return args[0].number < 0 ? negate(args, context) : some(args[0].number);
}

static struct number add(const struct arg *args, const void *context)
{
    (void)context;
    return some((int128)((uint128)args[0].number + (uint128)args[1].number));
}

static struct number subtract(const struct arg *args, const void *context)
{
    (void)context;
    return some((int128)((uint128)args[0].number - (uint128)args[1].number));
}

static struct number multiply(const struct arg *args, const void *context)
{
    (void)context;
    return some((int128)((uint128)args[0].number * (uint128)args[1].number));
}

static struct number divide(const struct arg *args, const void *context)
{
    return args[1].number == -1 ? negate(args, context) : some(args[0].number / args[1].number);
}

static struct number modulo(const struct arg *args, const void *context)
{
    (void)context;
    return some(args[1].number == -1 ? 0 : args[0].number % args[1].number);
}

/* context: the power of ten between the scales */

static struct number scale_up(const struct arg *args, const void *context)
{
    const int128 *factor = context;
    return some((int128)((uint128)args[0].number * (uint128)*factor));
}

static struct number scale_down(const struct arg *args, const void *context)
{
    const int128 *factor = context;
    return some(divide_rounded(args[0].number, *factor));
}

static struct number truncated(const struct arg *args, const void *context)
{
    const int128 *factor = context;
    return some(args[0].number / *factor);
}

static struct number floor_of(const struct arg *args, const void *context)
{
    const int128 *factor = context;
    return some(args[0].number / *factor - (args[0].number % *factor < 0));
}

static struct number ceil_of(const struct arg *args, const void *context)
{
    const int128 *factor = context;
    return some(args[0].number / *factor + (args[0].number % *factor > 0));
}

/* ---- total functions, at scale 9 ---- */

static const int128 ONE = 1000000000;

static struct number limited(int128 value)
{
    return value > -EXPR_NUMBER_LIMIT && value < EXPR_NUMBER_LIMIT ? some(value) : NUMBER_NULL;
}

static struct number ff_add(const struct arg *args, const void *context)
{
    (void)context;
    int128 sum;
    return __builtin_add_overflow(args[0].number, args[1].number, &sum) ? NUMBER_NULL
                                                                        : limited(sum);
}

static struct number ff_sub(const struct arg *args, const void *context)
{
    (void)context;
    int128 difference;
    return __builtin_sub_overflow(args[0].number, args[1].number, &difference)
               ? NUMBER_NULL
               : limited(difference);
}

/* A product beyond 128 bits is beyond the limit, too. */
static struct number ff_mul(const struct arg *args, const void *context)
{
    (void)context;
    int128 product;
    return __builtin_mul_overflow(args[0].number, args[1].number, &product)
               ? NUMBER_NULL
               : limited(divide_rounded(product, ONE));
}

/* Arguments are below 10^29 (expr.h), so that this product fits. */
static struct number ff_div(const struct arg *args, const void *context)
{
    (void)context;
    int128 dividend, divisor = args[1].number;
    if (divisor == 0 || __builtin_mul_overflow(args[0].number, ONE, &dividend))
        return NUMBER_NULL;
    if (divisor < 0) {
        dividend = (int128)(-(uint128)dividend);
        divisor = (int128)(-(uint128)divisor);
    }
    return divisor < 0 ? NUMBER_NULL : limited(divide_rounded(dividend, divisor));
}

/* ---- dispatch ---- */

static struct numbers of_bool(const struct run *r, const struct expr *arg)
{
    static const struct number values[] = {
        [TRUTH_FALSE] = {0, false}, [TRUTH_NULL] = {0, true}, [TRUTH_TRUE] = {1, false}};
    struct truths t = truths_of(r, arg);
    if (t.of_row == NULL)
        return numbers_all(values[t.all]);
    struct number_rows out = number_rows_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        number_rows_put(&out, i, values[t.of_row[i]]);
    return number_rows_done(&out);
}

static unsigned scale_of(const struct expr *x)
{
    return x->type == VALUE_NUMBER ? x->scale : 0;
}

static struct numbers rescaled(const struct run *r, const struct expr *x,
                               struct number (*f)(const struct arg *, const void *))
{
    unsigned from = scale_of(x->args[0]), to = scale_of(x);
    int128 factor = power_of_ten(from > to ? from - to : to - from);
    struct row_function map = {.number = f, .context = &factor};
    return factor == 1 ? numbers_of(r, x->args[0]) : map_numbers(r, x, &map);
}

/* Of one or two numbers; NULL: another operation. */
static struct number (*function_of(enum expr_op op))(const struct arg *, const void *)
{
    switch (op) {
    case EXPR_NEGATE:
        return negate;
    case EXPR_ABS:
        return absolute;
    case EXPR_ADD:
        return add;
    case EXPR_SUBTRACT:
        return subtract;
    case EXPR_MULTIPLY:
        return multiply;
    case EXPR_DIVIDE:
        return divide;
    case EXPR_MODULO:
        return modulo;
    case EXPR_FF_ADD:
        return ff_add;
    case EXPR_FF_SUB:
        return ff_sub;
    case EXPR_FF_MUL:
        return ff_mul;
    case EXPR_FF_DIV:
        return ff_div;
    default:
        return NULL;
    }
}

struct numbers number_numbers(const struct run *r, const struct expr *x)
{
    struct row_function f = {.number = function_of(x->op)};
    if (f.number != NULL)
        return map_numbers(r, x, &f);
    switch (x->op) {
    case EXPR_COLUMN:
        return of_column(r, x);
    case EXPR_CONST:
        return of_const(x);
    case EXPR_TO_NUMBER:
        return rescaled(r, x, scale_up);
    case EXPR_TO_INT:
        return x->args[0]->type == VALUE_BOOL ? of_bool(r, x->args[0]) : rescaled(r, x, scale_down);
    case EXPR_ROUND:
        return rescaled(r, x, scale_down);
    case EXPR_FLOOR:
        return rescaled(r, x, floor_of);
    case EXPR_CEIL:
        return rescaled(r, x, ceil_of);
    case EXPR_TRUNC:
        return rescaled(r, x, truncated);
    default:
        assert(!"no number: expr_check was not asked");
        return numbers_all(NUMBER_NULL);
    }
}
