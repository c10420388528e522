/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of expressions, and what is known of them. */
#include "views/definition_internal.h"

char *definition_keep(struct definition *d, struct span text)
{
    char *copy = arena_alloc(d->memory, text.n + 1);
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}

const struct expr *expr_make(struct definition *d, enum expr_op op, enum value_type type,
                             unsigned n, const struct expr *const *args)
{
    struct expr *x = arena_alloc(d->memory, sizeof(*x));
    const struct expr **copy = arena_alloc(d->memory, n * sizeof(*copy) + 1);
    for (unsigned i = 0; i < n; i++)
        copy[i] = args[i];
    *x = (struct expr){.op = op, .type = type, .n_args = n, .args = copy};
    return x;
}

enum { MOST_CONDITIONS = 64 }; /* expr_check */

const struct expr *expr_logic(struct definition *d, enum expr_op op, unsigned n,
                              const struct expr *const *args)
{
    if (n == 1)
        return args[0];
    if (n <= MOST_CONDITIONS)
        return expr_make(d, op, VALUE_BOOL, n, args);
    return expr_make2(d, op, VALUE_BOOL, expr_logic(d, op, n / 2, args),
                      expr_logic(d, op, n - n / 2, args + n / 2));
}

static struct expr *new_leaf(struct definition *d, enum expr_op op, enum value_type type)
{
    struct expr *x = arena_alloc(d->memory, sizeof(*x));
    *x = (struct expr){.op = op, .type = type};
    return x;
}

static const struct {
    enum value_type value;
    const char *name;
} types[] = {
    [SQL_UNKNOWN] = {VALUE_TEXT, "unknown"},   [SQL_BOOL] = {VALUE_BOOL, "boolean"},
    [SQL_INT4] = {VALUE_INT, "integer"},       [SQL_INT8] = {VALUE_INT, "bigint"},
    [SQL_NUMERIC] = {VALUE_NUMBER, "numeric"}, [SQL_TEXT] = {VALUE_TEXT, "text"},
    [SQL_TIME] = {VALUE_TIME, "timestamptz"},  [SQL_UUID] = {VALUE_UUID, "uuid"},
    [SQL_JSON] = {VALUE_JSON, "jsonb"},
};

enum value_type value_type_of(enum sql_type type)
{
    return types[type].value;
}

const char *sql_type_name(enum sql_type type)
{
    return types[type].name;
}

struct typed typed_bool(const struct expr *x)
{
    return (struct typed){.type = SQL_BOOL, .x = x};
}

struct typed typed_int(enum sql_type type, const struct expr *x, int128 low, int128 high)
{
    return (struct typed){.type = type, .x = x, .low = low, .high = high};
}

struct typed typed_text(const struct expr *x, uint32_t max_bytes, enum collation c)
{
    return (struct typed){.type = SQL_TEXT, .x = x, .max_bytes = max_bytes, .collation = c};
}

struct typed typed_int_constant(struct definition *d, int64_t value)
{
    struct expr *x = new_leaf(d, EXPR_CONST, VALUE_INT);
    x->integer = value;
    bool small = value >= INT32_MIN && value <= INT32_MAX;
    return typed_int(small ? SQL_INT4 : SQL_INT8, x, value, value);
}

struct typed typed_text_constant(struct definition *d, struct span text)
{
    struct expr *x = new_leaf(d, EXPR_CONST, VALUE_TEXT);
    x->text = arena_copy(d->memory, text);
    return typed_text(x, (uint32_t)text.n, COLLATION_DEFAULT);
}

struct typed typed_null(struct definition *d, enum sql_type type)
{
    struct expr *x = new_leaf(d, EXPR_CONST, value_type_of(type));
    x->null = true;
    return (struct typed){.type = type, .x = x};
}

bool typed_is_constant(const struct typed *v)
{
    return v->x != NULL && v->x->op == EXPR_CONST && !v->x->null;
}

/* Texts are bounded in characters, of up to four bytes each. */
enum { CHARACTER_BYTES = 4 };

struct typed typed_column(struct definition *d, unsigned column, enum sql_type type)
{
    const struct relation_column *c = &d->plan->relation->columns[column];
    struct expr *x = new_leaf(d, EXPR_COLUMN, c->type);
    x->column = column;
    struct typed v = {.type = type, .x = x};
    if (type == SQL_TEXT) {
        v.max_bytes = CHARACTER_BYTES * c->max_bytes;
        v.collation = COLLATION_C;
    } else if (type == SQL_INT8) {
        v.low = INT64_MIN;
        v.high = INT64_MAX;
    }
    return v;
}
