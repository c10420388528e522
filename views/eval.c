/* SPDX-License-Identifier: Apache-2.0 */
/* A condition becomes a vector of truths bottom up. Operands of a comparison are columns, walked in
 * place, or texts; everything above them is truths. */
#include "views/eval.h"

#include <assert.h>

struct run {
    const struct row_slice *rows;
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

static struct column_cursor cursor_of(const struct run *r, unsigned column)
{
    return column_cursor_of(&r->rows->columns[column]);
}

static bool is_plain(const struct run *r, unsigned column)
{
    return r->rows->columns[column].form == FORM_PLAIN;
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
    return (struct truths){.of_row = out};
}

/* One side of a comparison. */
struct operand {
    struct column_cursor cursor; /* of a column, FORM_PLAIN or not */
    struct span text;            /* of a text */
    bool is_text, varies;
};

static struct operand operand_of(const struct run *r, const struct expr *x)
{
    assert(x->op == EXPR_COLUMN || (x->op == EXPR_CONST && x->type == VALUE_TEXT));
    if (x->op == EXPR_CONST)
        return (struct operand){.is_text = true, .text = x->null ? SPAN_ABSENT : x->text};
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
    return (struct truths){.of_row = out};
}

static struct truths of_null(const struct run *r, const struct expr *x)
{
    struct operand o = operand_of(r, x->args[0]);
    if (!o.varies)
        return constant(truth_of(span_absent(operand_next(&o))));
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        out[i] = truth_of(span_absent(operand_next(&o)));
    return (struct truths){.of_row = out};
}

/* ---- logic ---- */

static struct truths negated(const struct run *r, struct truths t)
{
    if (t.of_row == NULL)
        return constant(TRUTH_TRUE - t.all);
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        out[i] = TRUTH_TRUE - t.of_row[i];
    return (struct truths){.of_row = out};
}

static struct truths minimum(const struct run *r, struct truths a, struct truths b)
{
    if (a.of_row == NULL) {
        struct truths swap = a;
        a = b;
        b = swap;
    }
    if (a.of_row == NULL)
        return constant(a.all < b.all ? a.all : b.all);
    if (b.of_row == NULL && b.all != TRUTH_NULL)
        return b.all == TRUTH_TRUE ? a : b;
    uint8_t *out = arena_alloc(r->memory, r->count);
    for (uint32_t i = 0; i < r->count; i++) {
        uint8_t other = b.of_row == NULL ? TRUTH_NULL : b.of_row[i];
        out[i] = a.of_row[i] < other ? a.of_row[i] : other;
    }
    return (struct truths){.of_row = out};
}

static struct truths evaluate(const struct run *r, const struct expr *x);

/* AND; OR by De Morgan, which holds in three-valued logic too. */
static struct truths of_and(const struct run *r, const struct expr *x)
{
    struct truths t = evaluate(r, x->args[0]);
    for (unsigned i = 1; i < x->n_args; i++)
        t = minimum(r, t, evaluate(r, x->args[i]));
    return t;
}

static struct truths of_or(const struct run *r, const struct expr *x)
{
    struct truths t = negated(r, evaluate(r, x->args[0]));
    for (unsigned i = 1; i < x->n_args; i++)
        t = minimum(r, t, negated(r, evaluate(r, x->args[i])));
    return negated(r, t);
}

static struct truths evaluate(const struct run *r, const struct expr *x)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return of_column(r, x);
    case EXPR_CONST:
        return constant(x->null ? TRUTH_NULL : truth_of(x->truth));
    case EXPR_EQUAL:
        return of_equal(r, x);
    case EXPR_IS_NULL:
        return of_null(r, x);
    case EXPR_NOT:
        return negated(r, evaluate(r, x->args[0]));
    case EXPR_AND:
        return of_and(r, x);
    case EXPR_OR:
        return of_or(r, x);
    default:
        break;
    }
    assert(!"no condition: expr_check was not asked");
    return constant(TRUTH_NULL);
}

struct truths eval_truths(const struct expr *x, const struct row_slice *rows, struct arena *memory)
{
    struct run r = {rows, rows->count, memory};
    return x == NULL ? constant(TRUTH_TRUE) : evaluate(&r, x);
}

struct numbers eval_numbers(const struct expr *x, const struct row_slice *rows,
                            struct arena *memory)
{
    struct column_cursor c = column_cursor_of(&rows->columns[x->column]);
    int128 *of_row = arena_alloc(memory, rows->count * sizeof(*of_row));
    uint8_t *null = arena_alloc(memory, rows->count);
    assert(x->op == EXPR_COLUMN && x->type == VALUE_INT);
    for (uint32_t i = 0; i < rows->count; i++) {
        struct span element = column_next(&c);
        null[i] = span_absent(element);
        of_row[i] = null[i] ? 0 : element_int8(element);
    }
    return (struct numbers){.of_row = of_row, .null = null};
}

struct column_slice eval_column(const struct expr *x, const struct row_slice *rows,
                                struct arena *memory)
{
    (void)memory;
    assert(x->op == EXPR_COLUMN);
    return rows->columns[x->column];
}
