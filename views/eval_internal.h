/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the evaluator (eval*.c) share. Values come in three families: truths (bool),
 * numbers (int, number, time as microseconds since 1970) and texts (text, uuid, json: bytes). Of
 * each, what is the same for all rows is kept once and computed once. */
#ifndef VIEWS_EVAL_INTERNAL_H
#define VIEWS_EVAL_INTERNAL_H

#include "views/eval.h"

/* The columns of numbers that an evaluation has read: each is turned into numbers once. */
struct decoded {
    uint32_t known; /* bit 1 << column */
    struct numbers columns[RELATION_MAX_COLUMNS];
};

/* What is evaluated over. */
struct run {
    const struct row_slice *rows;
    struct arena *memory;
    struct decoded *decoded;
};

/* ---- truths ---- */

static inline struct truths truths_all(enum truth t)
{
    return (struct truths){.all = t};
}

static inline enum truth truth_of(bool b)
{
    return b ? TRUTH_TRUE : TRUTH_FALSE;
}

static inline enum truth truths_at(const struct truths *t, uint32_t i)
{
    return t->of_row == NULL ? t->all : (enum truth)t->of_row[i];
}

static inline uint8_t *truths_new(const struct run *r)
{
    return arena_alloc(r->memory, r->rows->count);
}

/* ---- numbers ---- */

struct number {
    int128 value;
    bool null;
};
#define NUMBER_NULL ((struct number){.null = true})

static inline struct number numbers_at(const struct numbers *n, uint32_t i)
{
    if (n->of_row == NULL)
        return (struct number){n->all, n->all_null};
    return (struct number){n->of_row[i], n->null != NULL && n->null[i] != 0};
}

static inline struct numbers numbers_all(struct number n)
{
    return (struct numbers){.all = n.value, .all_null = n.null};
}

/* Numbers being made. */
struct number_rows {
    int128 *value;
    uint8_t *null;
    uint8_t any_null;
};

static inline struct number_rows number_rows_new(const struct run *r)
{
    return (struct number_rows){arena_alloc(r->memory, r->rows->count * sizeof(int128)),
                                arena_alloc(r->memory, r->rows->count), 0};
}

static inline void number_rows_put(struct number_rows *to, uint32_t i, struct number n)
{
    to->value[i] = n.value;
    to->null[i] = n.null;
    to->any_null |= n.null;
}

static inline struct numbers number_rows_done(const struct number_rows *rows)
{
    return (struct numbers){.of_row = rows->value, .null = rows->any_null ? rows->null : NULL};
}

/* ---- texts ---- */

/* Of the rows of a column in place, or of spans. */
struct texts {
    bool varies;               /* false: `all` is that of every row */
    struct span all;           /* absent: NULL */
    struct column_slice plain; /* varies, of_row == NULL: a column in its plain form */
    const struct span *of_row; /* absent: NULL */
};

struct text_cursor {
    struct column_cursor plain;
    const struct span *of_row;
    struct span all;
    bool varies;
};

static inline struct texts texts_all(struct span s)
{
    return (struct texts){.all = s};
}

static inline struct texts texts_rows(const struct span *of_row)
{
    return (struct texts){.varies = true, .of_row = of_row};
}

static inline struct span *texts_new(const struct run *r)
{
    return arena_alloc(r->memory, r->rows->count * sizeof(struct span));
}

static inline struct text_cursor text_cursor_of(const struct texts *t)
{
    return (struct text_cursor){column_cursor_of(&t->plain), t->of_row, t->all, t->varies};
}

static inline struct span text_next(struct text_cursor *c)
{
    if (!c->varies)
        return c->all;
    return c->of_row != NULL ? *c->of_row++ : column_next(&c->plain);
}

/* ---- values of whatever type ---- */

enum family { FAMILY_TRUTHS, FAMILY_NUMBERS, FAMILY_TEXTS };

struct values {
    enum family family;
    struct truths truths;
    struct numbers numbers;
    struct texts texts;
};

enum family family_of(enum value_type type);
struct values values_of(const struct run *r, const struct expr *x);
struct truths truths_of(const struct run *r, const struct expr *x);
struct numbers numbers_of(const struct run *r, const struct expr *x);
struct texts texts_of(const struct run *r, const struct expr *x);
bool values_vary(const struct values *v);
/* A column as bytes, whatever its type. */
struct texts texts_of_column(const struct run *r, const struct expr *x);
struct truths values_are_null(const struct run *r, const struct values *v);

/* ---- functions of the arguments of a row ---- */

enum { MAX_ROW_ARGS = 3 };

struct arg {
    struct span text;
    int128 number;
};

/* A function that is NULL when an argument is. context: what is prepared once a slice. */
struct row_function {
    struct span (*text)(const struct run *r, const struct arg *args, const void *context);
    struct number (*number)(const struct arg *args, const void *context);
    bool (*truth)(const struct arg *args, const void *context);
    const void *context;
};

/* Of the expression's arguments (texts, numbers: three at most), for each row. */
struct texts map_texts(const struct run *r, const struct expr *x, const struct row_function *f);
struct numbers map_numbers(const struct run *r, const struct expr *x, const struct row_function *f);
struct truths map_truths(const struct run *r, const struct expr *x, const struct row_function *f);

/* ---- by theme: each knows some of the operations ---- */

struct truths logic_truths(const struct run *r, const struct expr *x);   /* eval_logic.c */
struct truths compare_truths(const struct run *r, const struct expr *x); /* eval_compare.c */
struct truths compare_equal(const struct run *r, const struct values *a, /* = */
                            const struct values *b);
struct truths in_truths(const struct run *r, const struct expr *x);       /* eval_in.c */
struct truths like_truths(const struct run *r, const struct expr *x);     /* eval_like.c */
struct numbers number_numbers(const struct run *r, const struct expr *x); /* eval_number.c */
struct numbers time_extract(const struct run *r, const struct expr *x);   /* eval_time.c */
struct texts text_texts(const struct run *r, const struct expr *x);       /* eval_text.c */
struct numbers text_numbers(const struct run *r, const struct expr *x);
struct truths text_starts_with(const struct run *r, const struct expr *x);
struct span text_lower(const struct run *r, struct span s);         /* the same span if it is */
struct texts text_cast(const struct run *r, const struct expr *x);  /* eval_cast.c */
struct truths props_has(const struct run *r, const struct expr *x); /* eval_props.c */
struct texts props_texts(const struct run *r, const struct expr *x);
struct numbers props_numbers(const struct run *r, const struct expr *x);
struct values choice_values(const struct run *r, const struct expr *x); /* eval_choice.c */

/* Rounds half away from zero. divisor > 0. */
static inline int128 divide_rounded(int128 n, int128 divisor)
{
    int128 quotient = n / divisor, rest = n % divisor;
    if (rest < 0)
        return rest <= -(divisor - divisor / 2) ? quotient - 1 : quotient;
    return rest >= divisor - divisor / 2 ? quotient + 1 : quotient;
}

int128 power_of_ten(unsigned exponent); /* up to EXPR_MAX_SCALE */

#endif
