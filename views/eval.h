/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates expressions over slices of a relation, a column at a time. What is the same for all
 * rows (columns with one value for all, NULL columns, constants) is folded: a filter over such
 * columns costs one comparison a slice. Results live in the arena until that is reset. */
#ifndef VIEWS_EVAL_H
#define VIEWS_EVAL_H

#include "base/mem.h"
#include "views/expr.h"

/* In this order AND is the minimum, OR the maximum and NOT x is TRUTH_TRUE - x. */
enum truth { TRUTH_FALSE, TRUTH_NULL, TRUTH_TRUE };

/* The truth of a condition for each row. */
struct truths {
    const uint8_t *of_row; /* enum truth per row; NULL: `all` is that of every row */
    enum truth all;
};

/* Of a bool expression; NULL is true. */
struct truths eval_truths(const struct expr *x, const struct row_slice *rows, struct arena *memory);

static inline bool truths_hold(const struct truths *t, uint32_t i)
{
    return (t->of_row == NULL ? (uint8_t)t->all : t->of_row[i]) == TRUTH_TRUE;
}

/* Of an int or a number. */
struct numbers {
    const int128 *of_row; /* NULL: `all` is that of every row */
    const uint8_t *null;  /* 1 per NULL row; NULL: none, or see all_null */
    int128 all;
    bool all_null; /* every row is NULL */
};
struct numbers eval_numbers(const struct expr *x, const struct row_slice *rows,
                            struct arena *memory);

/* Of any type but number and json, as a column of the log's bytes: text, bool 1 byte, int 8 bytes,
 * time as PostgreSQL counts it, uuid 16. A plain column is given as it is. */
struct column_slice eval_column(const struct expr *x, const struct row_slice *rows,
                                struct arena *memory);

#endif
