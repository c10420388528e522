/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates a plan's expressions over slices of the log, a column at a time, in SQL's three-valued
 * logic. Columns with one value for all events (and NULL columns) are folded: a filter over such
 * columns costs one comparison a slice. */
#ifndef VIEWS_EXPR_H
#define VIEWS_EXPR_H

#include "base/err.h"
#include "base/mem.h"
#include "log/batch.h"
#include "views/plan.h"

/* In this order AND is the minimum, OR the maximum and NOT x is TRUTH_TRUE - x. */
enum truth { TRUTH_FALSE, TRUTH_NULL, TRUTH_TRUE };

/* The truth of an expression for each event of a slice. */
struct truths {
    const uint8_t *of_event; /* enum truth per event; NULL: `all` is that of every event */
    enum truth all;
};

/* A NULL expression is true. The result lives in memory until that is reset. */
struct truths expr_evaluate(const struct expr *x, const struct log_slice *slice,
                            struct arena *memory);

static inline bool truths_hold(const struct truths *t, uint32_t i)
{
    return (t->of_event == NULL ? (uint8_t)t->all : t->of_event[i]) == TRUTH_TRUE;
}

column_set expr_columns(const struct expr *x); /* that it reads; none for NULL */

/* Refuses what expr_evaluate is not made for: types that don't fit, too deep a tree (ERR_INPUT). */
int expr_check(const struct expr *x, struct err *e) MUST_CHECK;

#endif
