/* SPDX-License-Identifier: Apache-2.0 */
/* Three-valued logic over truths. */
#include <assert.h>

#include "views/eval_internal.h"

/* out[i] = table[truth of row i] */
static struct truths mapped(const struct run *r, struct truths t, const enum truth table[3])
{
    if (t.of_row == NULL)
        return truths_all(table[t.all]);
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = (uint8_t)table[t.of_row[i]];
    return (struct truths){.of_row = out};
}

static const enum truth negation[] = {TRUTH_TRUE, TRUTH_NULL, TRUTH_FALSE};
static const enum truth is_true[] = {TRUTH_FALSE, TRUTH_FALSE, TRUTH_TRUE};
static const enum truth is_false[] = {TRUTH_TRUE, TRUTH_FALSE, TRUTH_FALSE};
static const enum truth is_null[] = {TRUTH_FALSE, TRUTH_TRUE, TRUTH_FALSE};

/* AND takes the smaller, OR the greater. out: room for the rows, which may be those of a. */
static struct truths both(const struct run *r, struct truths a, struct truths b, enum expr_op op,
                          uint8_t *out)
{
    enum truth decides = op == EXPR_AND ? TRUTH_FALSE : TRUTH_TRUE;
    if (a.of_row == NULL) {
        struct truths swap = a;
        a = b;
        b = swap;
    }
    if (b.of_row == NULL && b.all == decides)
        return b;
    if (b.of_row == NULL && b.all != TRUTH_NULL)
        return a;
    if (a.of_row == NULL)
        return a.all == decides ? a : b; /* b is NULL */
    for (uint32_t i = 0; i < r->rows->count; i++) {
        uint8_t other = b.of_row == NULL ? TRUTH_NULL : b.of_row[i];
        bool smaller = a.of_row[i] < other;
        out[i] = smaller == (op == EXPR_AND) ? a.of_row[i] : other;
    }
    return (struct truths){.of_row = out};
}

/* What one condition decides for all rows spares the others. */
static struct truths joined(const struct run *r, const struct expr *x)
{
    enum truth decides = x->op == EXPR_AND ? TRUTH_FALSE : TRUTH_TRUE;
    struct truths t = truths_of(r, x->args[0]);
    uint8_t *out = NULL;
    for (unsigned k = 1; k < x->n_args; k++) {
        if (t.of_row == NULL && t.all == decides)
            break;
        struct truths other = truths_of(r, x->args[k]);
        if (out == NULL && (t.of_row != NULL || other.of_row != NULL))
            out = truths_new(r);
        t = both(r, t, other, x->op, out);
    }
    return t;
}

static struct truths texts_are_null(const struct run *r, const struct texts *t)
{
    if (!t->varies)
        return truths_all(truth_of(span_absent(t->all)));
    if (t->of_row == NULL && !t->plain.has_nulls)
        return truths_all(TRUTH_FALSE);
    struct text_cursor c = text_cursor_of(t);
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = truth_of(span_absent(text_next(&c)));
    return (struct truths){.of_row = out};
}

static struct truths numbers_are_null(const struct run *r, const struct numbers *n)
{
    if (n->of_row == NULL || n->null == NULL)
        return truths_all(truth_of(n->of_row == NULL && n->all_null));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = truth_of(n->null[i] != 0);
    return (struct truths){.of_row = out};
}

struct truths values_are_null(const struct run *r, const struct values *v)
{
    return v->family == FAMILY_TRUTHS    ? mapped(r, v->truths, is_null)
           : v->family == FAMILY_NUMBERS ? numbers_are_null(r, &v->numbers)
                                         : texts_are_null(r, &v->texts);
}

/* A column's bytes need no look at what they mean. */
static struct truths is_null_of(const struct run *r, const struct expr *arg)
{
    if (expr_is_column(arg)) {
        struct texts bytes = texts_of_column(r, arg);
        return texts_are_null(r, &bytes);
    }
    struct values v = values_of(r, arg);
    return values_are_null(r, &v);
}

struct truths logic_truths(const struct run *r, const struct expr *x)
{
    switch (x->op) {
    case EXPR_NOT:
        return mapped(r, truths_of(r, x->args[0]), negation);
    case EXPR_IS_TRUE:
        return mapped(r, truths_of(r, x->args[0]), is_true);
    case EXPR_IS_FALSE:
        return mapped(r, truths_of(r, x->args[0]), is_false);
    case EXPR_IS_NULL:
        return is_null_of(r, x->args[0]);
    case EXPR_AND:
    case EXPR_OR:
        return joined(r, x);
    default:
        assert(!"no condition: expr_check was not asked");
        return truths_all(TRUTH_NULL);
    }
}
