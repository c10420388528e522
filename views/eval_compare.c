/* SPDX-License-Identifier: Apache-2.0 */
/* = < <= and IS DISTINCT FROM. Texts by their bytes, the shorter first; false before true. */
#include <assert.h>

#include "views/eval_internal.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Of two values that are not NULL, by their order: < 0, 0, > 0. */
ALWAYS_INLINE enum truth of_order(enum expr_op op, int order)
{
    switch (op) {
    case EXPR_LESS:
        return truth_of(order < 0);
    case EXPR_LESS_EQUAL:
        return truth_of(order <= 0);
    case EXPR_DISTINCT:
        return truth_of(order != 0);
    default:
        return truth_of(order == 0);
    }
}

/* Where at least one is NULL. */
ALWAYS_INLINE enum truth of_nulls(enum expr_op op, bool a, bool b)
{
    return op == EXPR_DISTINCT ? truth_of(a != b) : TRUTH_NULL;
}

ALWAYS_INLINE enum truth of_texts(enum expr_op op, struct span a, struct span b)
{
    if (span_absent(a) || span_absent(b))
        return of_nulls(op, span_absent(a), span_absent(b));
    if (op == EXPR_EQUAL || op == EXPR_DISTINCT)
        return truth_of(span_equal(a, b) == (op == EXPR_EQUAL));
    size_t common = a.n < b.n ? a.n : b.n;
    int order = common == 0 ? 0 : memcmp(a.p, b.p, common);
    return of_order(op, order != 0 ? order : (a.n > b.n) - (a.n < b.n));
}

ALWAYS_INLINE enum truth of_numbers(enum expr_op op, struct number a, struct number b)
{
    if (a.null || b.null)
        return of_nulls(op, a.null, b.null);
    return of_order(op, (a.value > b.value) - (a.value < b.value));
}

ALWAYS_INLINE enum truth of_truths(enum expr_op op, enum truth a, enum truth b)
{
    if (a == TRUTH_NULL || b == TRUTH_NULL)
        return of_nulls(op, a == TRUTH_NULL, b == TRUTH_NULL);
    return of_order(op, (a > b) - (a < b));
}

/* ---- a slice of each family; op is known where they are made ---- */

/* The usual case, column = 'text': one value to compare with, kept in registers. */
static void equal_in_place(struct column_cursor c, struct span text, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint8_t)of_texts(EXPR_EQUAL, column_next(&c), text);
}

ALWAYS_INLINE struct truths slice_of_texts(const struct run *r, enum expr_op op,
                                           const struct texts *a, const struct texts *b)
{
    if (!a->varies && !b->varies)
        return truths_all(of_texts(op, a->all, b->all));
    uint8_t *out = truths_new(r);
    if (op == EXPR_EQUAL && a->varies && a->of_row == NULL && !b->varies) {
        equal_in_place(column_cursor_of(&a->plain), b->all, out, r->rows->count);
        return (struct truths){.of_row = out};
    }
    struct text_cursor of_a = text_cursor_of(a), of_b = text_cursor_of(b);
    for (uint32_t i = 0; i < r->rows->count; i++) {
        struct span left = text_next(&of_a);
        out[i] = (uint8_t)of_texts(op, left, text_next(&of_b));
    }
    return (struct truths){.of_row = out};
}

ALWAYS_INLINE struct truths slice_of_numbers(const struct run *r, enum expr_op op,
                                             const struct numbers *a, const struct numbers *b)
{
    if (a->of_row == NULL && b->of_row == NULL)
        return truths_all(of_numbers(op, numbers_at(a, 0), numbers_at(b, 0)));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = (uint8_t)of_numbers(op, numbers_at(a, i), numbers_at(b, i));
    return (struct truths){.of_row = out};
}

ALWAYS_INLINE struct truths slice_of_truths(const struct run *r, enum expr_op op,
                                            const struct truths *a, const struct truths *b)
{
    if (a->of_row == NULL && b->of_row == NULL)
        return truths_all(of_truths(op, a->all, b->all));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = (uint8_t)of_truths(op, truths_at(a, i), truths_at(b, i));
    return (struct truths){.of_row = out};
}

ALWAYS_INLINE struct truths slice_of(const struct run *r, enum expr_op op, const struct values *a,
                                     const struct values *b)
{
    return a->family == FAMILY_TEXTS     ? slice_of_texts(r, op, &a->texts, &b->texts)
           : a->family == FAMILY_NUMBERS ? slice_of_numbers(r, op, &a->numbers, &b->numbers)
                                         : slice_of_truths(r, op, &a->truths, &b->truths);
}

struct truths compare_equal(const struct run *r, const struct values *a, const struct values *b)
{
    bool swap = values_vary(b) && !values_vary(a); /* the one that varies first: the quick way */
    return slice_of(r, EXPR_EQUAL, swap ? b : a, swap ? a : b);
}

struct truths compare_truths(const struct run *r, const struct expr *x)
{
    struct values a = values_of(r, x->args[0]), b = values_of(r, x->args[1]);
    switch (x->op) {
    case EXPR_LESS:
        return slice_of(r, EXPR_LESS, &a, &b);
    case EXPR_LESS_EQUAL:
        return slice_of(r, EXPR_LESS_EQUAL, &a, &b);
    case EXPR_DISTINCT:
        return slice_of(r, EXPR_DISTINCT, &a, &b);
    default:
        return compare_equal(r, &a, &b);
    }
}
