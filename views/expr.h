/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over one row of a relation: typed trees that cannot fail. Whatever the row holds,
 * each has a value or NULL, the same as PostgreSQL's; what could raise an error there is refused
 * when a tree is made (definition.h), not when it is used. Immutable, shared by threads. */
#ifndef VIEWS_EXPR_H
#define VIEWS_EXPR_H

#include "base/err.h"
#include "views/relation.h"

__extension__ typedef __int128 int128;

/* A text may be so long by what its arguments may be (expr_check): an evaluation stays bounded. */
enum { EXPR_MAX_SCALE = 9, EXPR_MAX_DEPTH = 64, EXPR_MAX_TEXT_BYTES = 65536 };
/* Of all expressions of a plan, counted as often as they are evaluated: each has a value for every
 * row of a slice in memory. Constants have not. */
enum { EXPR_MAX_OPERATIONS = 3000 };
/* Numbers stay below it (design: decimals of 17 + 9 digits), so that sums of 2^40 of them fit. */
#define EXPR_NUMBER_LIMIT ((int128)INT64_C(100000000000000000) * 1000000000)

/* Behind each: the arguments and what it gives. NULL in gives NULL but where said. "same" means the
 * same type and, of numbers, the same scale as the expression's own. Constants may be NULL. */
enum expr_op {
    EXPR_COLUMN, /* column of the relation */
    EXPR_CONST,  /* null, else truth, integer, number or text by type (a time: integer) */

    /* bool; two arguments of one type (numbers: of one scale); texts by their bytes */
    EXPR_EQUAL,
    EXPR_LESS,
    EXPR_LESS_EQUAL,
    EXPR_DISTINCT, /* IS DISTINCT FROM: never NULL */

    /* bool of bools */
    EXPR_NOT,
    EXPR_AND, /* two or more; SQL's three-valued logic */
    EXPR_OR,
    EXPR_IS_TRUE,  /* never NULL */
    EXPR_IS_FALSE, /* never NULL */

    /* bool */
    EXPR_IS_NULL,     /* any type, never NULL */
    EXPR_IN,          /* args[0] = any of args[1..], constants of its type; NULLs as in SQL */
    EXPR_LIKE,        /* text, constant pattern with \ as escape, which it does not end with */
    EXPR_ILIKE,       /* the same; ASCII letters in either case */
    EXPR_STARTS_WITH, /* two texts */
    EXPR_PROPS_HAS,   /* json ? text */

    /* int of ints, or number of numbers (same) */
    EXPR_NEGATE,
    EXPR_ABS,
    EXPR_ADD,
    EXPR_SUBTRACT,
    EXPR_MULTIPLY, /* numbers: the scale is the sum of the scales */
    EXPR_DIVIDE,   /* ints: by a constant that is not 0, towards zero */
    EXPR_MODULO,   /* ints: by a constant that is not 0, with the sign of the first */

    /* casts */
    EXPR_TO_NUMBER, /* int or number of a lower or the same scale -> number */
    EXPR_TO_INT,    /* bool (0, 1) or number (rounded half away from zero) -> int */
    EXPR_TO_TEXT,   /* bool ("true"), int, uuid -> text */
    EXPR_ROUND,     /* number -> number of a lower or the same scale, half away from zero */
    EXPR_FLOOR,     /* number -> number of scale 0 */
    EXPR_CEIL,      /* the same, as TRUNC */
    EXPR_TRUNC,

    /* total functions on numbers of scale 9: rounded half away from zero, NULL instead of an error
     * and where the result reaches EXPR_NUMBER_LIMIT. Arguments may be beyond that (any int is
     * fine), up to 10^29. */
    EXPR_FF_ADD,
    EXPR_FF_SUB,
    EXPR_FF_MUL,
    EXPR_FF_DIV,       /* by 0: NULL */
    EXPR_PROPS_NUMBER, /* ff_num(json, constant text) -> number of scale 9 */
    EXPR_PROPS_INT,    /* ff_int(json, constant text) -> int */

    /* text */
    EXPR_PROPS_TEXT, /* json ->> constant text */
    EXPR_LOWER,      /* ASCII */
    EXPR_UPPER,
    EXPR_CONCAT_OP,  /* a || b: two texts */
    EXPR_CONCAT,     /* any number of texts, NULL as '' : never NULL */
    EXPR_SUBSTRING,  /* text, int start [, int length >= 0]; in characters, the first is 1 */
    EXPR_LEFT,       /* text, int; negative: all but the last */
    EXPR_RIGHT,      /* text, int; negative: all but the first */
    EXPR_REPLACE,    /* text, text, text */
    EXPR_SPLIT_PART, /* text, text, constant int other than 0; negative: from the end */
    EXPR_TRIM,       /* text, constant text: these characters, from both sides */
    EXPR_LTRIM,
    EXPR_RTRIM,

    /* int */
    EXPR_LENGTH, /* text: characters */
    EXPR_STRPOS, /* text, text: characters */

    EXPR_EXTRACT, /* field of a time (UTC) -> number of scale 0 */

    /* any one type (same) */
    EXPR_CASE,     /* condition, value, condition, value ..., else */
    EXPR_COALESCE, /* one or more */
    EXPR_NULLIF    /* two */
};

enum expr_field {
    FIELD_MINUTE,
    FIELD_HOUR,
    FIELD_DOW,    /* 0: Sunday */
    FIELD_ISODOW, /* 1: Monday */
    FIELD_DAY,
    FIELD_DOY,
    FIELD_WEEK,
    FIELD_MONTH,
    FIELD_QUARTER,
    FIELD_YEAR,
    FIELD_ISOYEAR
};

struct expr {
    enum expr_op op;
    enum value_type type;
    uint8_t scale; /* of VALUE_NUMBER: the value is number / 10^scale */
    bool null;     /* EXPR_CONST */
    unsigned column;
    enum expr_field field;
    unsigned n_args;
    const struct expr *const *args;
    union {
        bool truth;
        int64_t integer;
        int128 number;
        struct span text; /* not absent */
    };
};

/* The relation's columns it reads: bit 1 << column; none for NULL. */
uint32_t expr_columns(const struct expr *x);
/* Whether it is nothing but a column. */
static inline bool expr_is_column(const struct expr *x)
{
    return x->op == EXPR_COLUMN;
}

/* Refuses what eval is not made for: arguments that do not fit, too deep a tree (ERR_INPUT). */
int expr_check(const struct expr *x, const struct relation *r, struct err *e) MUST_CHECK;
/* Refuses expressions that are too much altogether; NULL among them is none. */
int expr_check_work(const struct expr *const *all, unsigned n, struct err *e) MUST_CHECK;
/* Memory that evaluating it takes for a row, at most; 0 for NULL. */
uint64_t expr_row_bytes(const struct expr *x, const struct relation *r);

#endif
