/* SPDX-License-Identifier: Apache-2.0 */
/* An expression becomes a vector of truths bottom up. Operands of a comparison are columns, walked
 * in place, or texts; everything above them is truths. */
#include "views/expr.h"

#include <assert.h>

enum { MAX_DEPTH = 32 };

struct run {
    const struct log_slice *slice;
    uint32_t count;
    struct arena *memory;
};

static struct truths constant(enum truth t)
{
    return (struct truths){.all = t};
}

static enum truth truth_of(bool b)
{
    return b ? TRUTH_TRUE : TRUTH_FALSE;
}

static struct column_cursor cursor_of(const struct run *r, enum event_column column)
{
    return column_cursor_of(&r->slice->columns[column]);
}

static bool is_plain(const struct run *r, enum event_column column)
{
    return r->slice->columns[column].form == FORM_PLAIN;
}

/* ---- leaves ---- */

static enum truth truth_of_element(struct span element)
{
    return span_absent(element) ? TRUTH_NULL : truth_of(element_bool(element));
}

static struct truths of_column(const struct run *r, const struct expr *x)
{
    struct column_cursor c = cursor_of(r, x->column);
    if (!is_plain(r, x->column))
        return constant(truth_of_element(column_next(&c)));
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        out[i] = truth_of_element(column_next(&c));
    return (struct truths){.of_event = out};
}

/* One side of a comparison. */
struct operand {
    struct column_cursor cursor; /* of a column, FORM_PLAIN or not */
    struct span text;            /* of a text */
    bool is_text, varies;
};

static struct operand operand_of(const struct run *r, const struct expr *x)
{
    assert(x->op == EXPR_COLUMN || x->op == EXPR_TEXT);
    if (x->op == EXPR_TEXT)
        return (struct operand){.is_text = true, .text = span_of(x->text)};
    return (struct operand){.cursor = cursor_of(r, x->column), .varies = is_plain(r, x->column)};
}

static struct span operand_next(struct operand *o)
{
    return o->is_text ? o->text : column_next(&o->cursor);
}

static enum truth compare(struct span a, struct span b)
{
    return span_absent(a) || span_absent(b) ? TRUTH_NULL : truth_of(span_equal(a, b));
}

/* The usual case, column = 'text': one value to compare with, kept in registers. */
static void compare_with(struct column_cursor *c, struct span text, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = compare(column_next(c), text);
}

static struct truths of_equal(const struct run *r, const struct expr *x)
{
    struct operand a = operand_of(r, x->args[0]), b = operand_of(r, x->args[1]);
    if (!a.varies && !b.varies)
        return constant(compare(operand_next(&a), operand_next(&b)));
    uint8_t *out = arena_alloc(r->memory, r->count);
    if (a.varies && !b.varies)
        compare_with(&a.cursor, operand_next(&b), out, r->count);
    else if (b.varies && !a.varies)
        compare_with(&b.cursor, operand_next(&a), out, r->count);
    else
        for (uint32_t i = 0; i < r->count; i++)
            out[i] = compare(operand_next(&a), operand_next(&b));
    return (struct truths){.of_event = out};
}

static struct truths of_null(const struct run *r, const struct expr *x)
{
    struct operand o = operand_of(r, x->args[0]);
    if (!o.varies)
        return constant(truth_of(span_absent(operand_next(&o))));
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        out[i] = truth_of(span_absent(operand_next(&o)));
    return (struct truths){.of_event = out};
}

/* ---- logic ---- */

static struct truths negated(const struct run *r, struct truths t)
{
    if (t.of_event == NULL)
        return constant(TRUTH_TRUE - t.all);
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        out[i] = TRUTH_TRUE - t.of_event[i];
    return (struct truths){.of_event = out};
}

static struct truths minimum(const struct run *r, struct truths a, struct truths b)
{
    if (a.of_event == NULL) {
        struct truths swap = a;
        a = b;
        b = swap;
    }
    if (a.of_event == NULL)
        return constant(a.all < b.all ? a.all : b.all);
    if (b.of_event == NULL && b.all != TRUTH_NULL)
        return b.all == TRUTH_TRUE ? a : b;
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++) {
        uint8_t other = b.of_event == NULL ? TRUTH_NULL : b.of_event[i];
        out[i] = a.of_event[i] < other ? a.of_event[i] : other;
    }
    return (struct truths){.of_event = out};
}

static struct truths evaluate(const struct run *r, const struct expr *x)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return of_column(r, x);
    case EXPR_BOOL:
        return constant(truth_of(x->truth));
    case EXPR_EQUAL:
        return of_equal(r, x);
    case EXPR_IS_NULL:
        return of_null(r, x);
    case EXPR_NOT:
        return negated(r, evaluate(r, x->args[0]));
    case EXPR_AND:
        return minimum(r, evaluate(r, x->args[0]), evaluate(r, x->args[1]));
    case EXPR_OR: /* by De Morgan, which holds in three-valued logic too */
        return negated(r, minimum(r, negated(r, evaluate(r, x->args[0])),
                                  negated(r, evaluate(r, x->args[1]))));
    case EXPR_TEXT:
        break;
    }
    assert(!"a text has no truth: expr_check was not asked");
    return constant(TRUTH_NULL);
}

struct truths expr_evaluate(const struct expr *x, const struct log_slice *slice,
                            struct arena *memory)
{
    struct run r = {slice, slice->count, memory};
    return x == NULL ? constant(TRUTH_TRUE) : evaluate(&r, x);
}

column_set expr_columns(const struct expr *x)
{
    if (x == NULL)
        return 0;
    if (x->op == EXPR_COLUMN)
        return COLUMN_BIT(x->column);
    return expr_columns(x->args[0]) | expr_columns(x->args[1]);
}

/* ---- soundness ---- */

static const unsigned arguments[] = {
    [EXPR_COLUMN] = 0, [EXPR_TEXT] = 0, [EXPR_BOOL] = 0, [EXPR_EQUAL] = 2,
    [EXPR_NOT] = 1,    [EXPR_AND] = 2,  [EXPR_OR] = 2,   [EXPR_IS_NULL] = 1};

static int check_comparison(const struct expr *x, struct err *e)
{
    enum column_type types[2];
    for (unsigned i = 0; i < arguments[x->op]; i++) {
        const struct expr *arg = x->args[i];
        if (arg == NULL || (arg->op != EXPR_COLUMN && (arg->op != EXPR_TEXT || arg->text == NULL)))
            return err_set(e, ERR_INPUT, "only columns and texts can be compared");
        types[i] = arg->op == EXPR_TEXT ? COLUMN_TEXT : event_columns[arg->column].type;
    }
    if (x->op == EXPR_EQUAL && (types[0] != types[1] || types[0] == COLUMN_JSON))
        return err_set(e, ERR_INPUT, "the two sides of = are of types that cannot be compared");
    return 0;
}

static int check_truth(const struct expr *x, unsigned depth, struct err *e)
{
    if (x == NULL || x->op == EXPR_TEXT)
        return err_set(e, ERR_INPUT, "a condition is needed where %s stands",
                       x == NULL ? "nothing" : "a text");
    if (depth == MAX_DEPTH)
        return err_set(e, ERR_INPUT, "a condition is nested deeper than %d", MAX_DEPTH);
    if (x->op == EXPR_COLUMN && event_columns[x->column].type != COLUMN_BOOL)
        return err_set(e, ERR_INPUT, "the column %s is not a condition",
                       event_columns[x->column].sql_name);
    if (x->op == EXPR_EQUAL || x->op == EXPR_IS_NULL)
        return check_comparison(x, e);
    for (unsigned i = 0; i < arguments[x->op]; i++)
        if (check_truth(x->args[i], depth + 1, e) != 0)
            return -1;
    return 0;
}

int expr_check(const struct expr *x, struct err *e)
{
    return check_truth(x, 0, e);
}
