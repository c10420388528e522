/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the front end (definition*.c) share: the work on one definition, from its trees
 * to the plan. Not for others. */
#ifndef VIEWS_DEFINITION_INTERNAL_H
#define VIEWS_DEFINITION_INTERNAL_H

#include "views/definition.h"
#include "views/definition_tree.h"

struct typed;

/* One text with its tree. */
struct definition_text {
    struct span text;
    size_t select_at;       /* where its SELECT begins */
    struct tree *statement; /* CreateTableAsStmt or SelectStmt */
    const struct tree *select;
};

/* Who a SELECT is for: a view has site and time bucket, a query need not. */
enum definition_use { USE_VIEW, USE_QUERY };

struct definition {
    enum definition_use use;
    struct arena *memory; /* of what the plan keeps */
    struct arena scratch; /* the trees */
    struct definition_text given, canonical;
    struct plan *plan;
    struct span relation_alias;
    /* Where each column came from, in the canonical tree. */
    const struct tree *site_tree, *bucket_tree;
    const struct tree *dimension_trees[PLAN_MAX_DIMENSIONS];
    const struct tree *measure_trees[PLAN_MAX_MEASURES];
    bool dimension_by_locale[PLAN_MAX_DIMENSIONS]; /* a text whose order is the locale's */
    bool of_answer; /* names and aggregates stand for columns of the answer (HAVING) */
    unsigned work;  /* expressions made, by definition_type */
    struct definition_place place;
    struct err *e;
};

/* Refuses, saying where: "line 3, column 8: WHY; HINT". A node without a twin in the given text is
 * said without a place. Returns -1. */
int definition_refuse(struct definition *d, const struct tree *where, const char *hint,
                      const char *format, ...) PRINTF_LIKE(4, 5);

/* A copy that lives with the plan. */
char *definition_keep(struct definition *d, struct span text);

/* ---- definition_parse.c: the only user of libpg_query ---- */

enum { DEFINITION_MAX_BYTES = 64 * 1024 };
/* The one statement of a text. at: the byte where the text is wrong, TREE_NOWHERE when it is not
 * one place. */
int definition_parse(struct span text, struct arena *memory, struct tree **statement, int32_t *at,
                     struct err *e) MUST_CHECK;

/* ---- definition_place.c ---- */

struct definition_place definition_place_of(struct span text, size_t at);
/* The byte of the n-th character, from 1. */
size_t definition_byte_of(struct span text, size_t character);
/* Every node is its own twin. */
void definition_pair_self(struct tree *t);
/* Finds for every node of the canonical SELECT the one of the given SELECT that it came from, or
 * the nearest around it. */
void definition_pair(struct tree *canonical, struct tree *given);

/* ---- definition_head.c: around the SELECT ---- */

int definition_head(struct definition *d, struct span *name) MUST_CHECK;
/* Sets given.select_at, and *select to the text. */
int definition_find_select(struct definition *d, struct span *select) MUST_CHECK;

/* ---- definition_ask.c: PostgreSQL's opinion ---- */

/* The SELECT as PostgreSQL gives it back, without semicolon. Refusals have the place in the given
 * text. */
int definition_ask(struct definition *d, struct sql *s, struct span select,
                   struct buf *canonical) MUST_CHECK;

/* ---- definition_shape.c: a SELECT that a view can have, by its clauses ---- */

int definition_check_shape(struct definition *d, const struct tree *select) MUST_CHECK;

/* ---- definition_select.c, definition_measure.c, definition_reading.c, definition_bucket.c ---- */

int definition_make_select(struct definition *d) MUST_CHECK;
/* Which item of the SELECT's list is meant by one of GROUP BY or ORDER BY; -1: none. Names are
 * those of the list (ORDER BY) or first those of columns (GROUP BY). */
enum definition_names { NAMES_OF_LIST, NAMES_OF_COLUMNS };
int definition_list_item(const struct definition *d, const struct tree *t,
                         enum definition_names names);
/* [a-z][a-z0-9_]{0,62} */
bool definition_is_name(struct span s);
/* The name of an item as PostgreSQL gives it. */
struct span definition_item_name(const struct tree *target);
bool definition_is_aggregate(const struct tree *t); /* a call of one */
/* name absent: hidden */
int definition_add_measure(struct definition *d, const struct tree *call, struct span name,
                           unsigned *index) MUST_CHECK;
/* The measure that is this call; it becomes a hidden one unless there is one. */
int definition_measure_of(struct definition *d, const struct tree *call,
                          unsigned *index) MUST_CHECK;
/* HAVING: the column of the answer that an aggregate is. */
int definition_answer_column(struct definition *d, const struct tree *call,
                             struct typed *out) MUST_CHECK;
int definition_make_reading(struct definition *d) MUST_CHECK; /* HAVING, ORDER BY, LIMIT */
/* The stride of a call of date_bin or date_trunc over the relation's time; 0: it is no such call */
int definition_bucket_stride(struct definition *d, const struct tree *t, int64_t *us) MUST_CHECK;
int definition_make_tiers(struct definition *d) MUST_CHECK;

/* ---- definition_sql.c ---- */

int definition_put_sql(struct definition *d, struct buf *out) MUST_CHECK;

/* ---- expressions: definition_expr.c and around ---- */

enum sql_type {
    SQL_UNKNOWN, /* a literal that takes the type of what is around it */
    SQL_BOOL,
    SQL_INT4,
    SQL_INT8,
    SQL_NUMERIC,
    SQL_TEXT,
    SQL_TIME,
    SQL_UUID,
    SQL_JSON
};

enum collation { COLLATION_DEFAULT, COLLATION_C };

/* An expression and what is known of its values. */
struct typed {
    enum sql_type type;
    const struct expr *x;     /* NULL of SQL_UNKNOWN */
    int128 low, high;         /* of ints and numbers, in units of 10^-scale */
    uint32_t max_bytes;       /* of a text */
    enum collation collation; /* of a text */
    struct span literal;      /* SQL_UNKNOWN; absent: NULL */
};

enum { TEXT_MAX_BYTES = 1 << 20 };

int definition_type(struct definition *d, const struct tree *t, struct typed *out) MUST_CHECK;
/* The same, refusing what is of another type. what: "WHERE" ... */
int definition_condition(struct definition *d, const struct tree *t, const char *what,
                         const struct expr **out) MUST_CHECK;

/* definition_make.c: nodes */
const struct expr *expr_make(struct definition *d, enum expr_op op, enum value_type type,
                             unsigned n, const struct expr *const *args);
static inline const struct expr *expr_make1(struct definition *d, enum expr_op op,
                                            enum value_type type, const struct expr *a)
{
    return expr_make(d, op, type, 1, &a);
}
static inline const struct expr *expr_make2(struct definition *d, enum expr_op op,
                                            enum value_type type, const struct expr *a,
                                            const struct expr *b)
{
    return expr_make(d, op, type, 2, (const struct expr *const[]){a, b});
}
/* AND or OR of any number of conditions, one among them. */
const struct expr *expr_logic(struct definition *d, enum expr_op op, unsigned n,
                              const struct expr *const *args);
struct typed typed_bool(const struct expr *x);
struct typed typed_int(enum sql_type type, const struct expr *x, int128 low, int128 high);
struct typed typed_text(const struct expr *x, uint32_t max_bytes, enum collation c);
struct typed typed_int_constant(struct definition *d, int64_t value);
struct typed typed_text_constant(struct definition *d, struct span text);
struct typed typed_null(struct definition *d, enum sql_type type);
struct typed typed_column(struct definition *d, unsigned column, enum sql_type type);
bool typed_is_constant(const struct typed *v); /* and not NULL */
enum value_type value_type_of(enum sql_type type);
const char *sql_type_name(enum sql_type type);
static inline bool is_int(enum sql_type type)
{
    return type == SQL_INT4 || type == SQL_INT8;
}
static inline bool is_numeric(enum sql_type type)
{
    return is_int(type) || type == SQL_NUMERIC;
}

/* definition_cast.c */
int definition_cast(struct definition *d, const struct tree *t, struct typed *out) MUST_CHECK;
int definition_constant(struct definition *d, const struct tree *t, struct typed *out) MUST_CHECK;
/* What PostgreSQL does unasked: literals take a type, ints become larger ints or numeric. */
int typed_become(struct definition *d, const struct tree *where, struct typed *v,
                 enum sql_type type) MUST_CHECK;
/* All of one type (numbers: of one scale), as CASE, COALESCE, IN and comparisons need it. */
int typed_unify(struct definition *d, const struct tree *where, struct typed *values,
                unsigned n) MUST_CHECK;
int typed_scale(struct definition *d, const struct tree *where, struct typed *v,
                uint8_t scale) MUST_CHECK; /* to a higher or the same one */
int typed_to_text(struct definition *d, const struct tree *where, struct typed *v) MUST_CHECK;
/* A constant's text, through casts that leave it as it is; absent: it is none. */
struct span definition_constant_text(const struct tree *t);
bool definition_cast_is_plain(const struct tree *t); /* leaves a constant's text as it is */
/* Times as PostgreSQL writes them, RFC 3339, a date alone, "epoch". */
bool definition_time(struct span text, int64_t *us);

/* definition_number.c: what cannot overflow */
#define NUMBER_MOST ((int128)INT64_C(1000000000000000000) * INT64_C(1000000000000000000))
int128 int128_multiply(int128 a, int128 b); /* stays at the ends */
int128 int128_power_of_ten(unsigned n);
/* Refuses a value that may not fit its type. */
int typed_fits(struct definition *d, const struct tree *where, const struct typed *v) MUST_CHECK;
int definition_arithmetic(struct definition *d, const struct tree *t, char op, struct typed *args,
                          struct typed *out) MUST_CHECK; /* + - * / % of two */
int definition_negate(struct definition *d, const struct tree *t, struct typed *v) MUST_CHECK;

/* definition_operator.c, definition_branch.c, definition_function.c */
int definition_operator(struct definition *d, const struct tree *t, struct typed *out) MUST_CHECK;
int definition_compare(struct definition *d, const struct tree *where, const char *op,
                       struct typed *sides, struct typed *out) MUST_CHECK;
int definition_branch(struct definition *d, const struct tree *t, struct typed *out) MUST_CHECK;
int definition_function(struct definition *d, const struct tree *t, struct typed *out) MUST_CHECK;
int definition_concat(struct definition *d, const struct tree *t, struct typed *args,
                      struct typed *out) MUST_CHECK; /* a || b */

#endif
