/* SPDX-License-Identifier: Apache-2.0 */
/* CASE, COALESCE, GREATEST and LEAST: values of one type, one of which is taken. */
#include "views/definition_internal.h"

/* What holds for each of the values. */
static void cover(const struct typed *values, unsigned n, struct typed *out)
{
    *out = values[0];
    for (unsigned i = 1; i < n; i++) {
        const struct typed *v = &values[i];
        out->low = v->low < out->low ? v->low : out->low;
        out->high = v->high > out->high ? v->high : out->high;
        out->max_bytes = v->max_bytes > out->max_bytes ? v->max_bytes : out->max_bytes;
        if (v->collation == COLLATION_C)
            out->collation = COLLATION_C;
    }
}

static void make(struct definition *d, enum expr_op op, unsigned n, const struct expr *const *args,
                 struct typed *out)
{
    struct expr *x = (struct expr *)expr_make(d, op, value_type_of(out->type), n, args);
    x->scale = out->x->scale;
    out->x = x;
}

static int check_type(struct definition *d, const struct tree *t, const struct typed *v)
{
    return v->type != SQL_JSON ? 0
                               : definition_refuse(d, t, "ask for a key: props ->> 'key'",
                                                   "a jsonb value is not chosen between");
}

static struct typed *room_for(struct definition *d, unsigned n)
{
    return arena_alloc(&d->scratch, n * sizeof(struct typed) + 1);
}

static int coalesce(struct definition *d, const struct tree *t, struct typed *out)
{
    uint32_t n = tree_count(t, "args");
    struct typed *values = room_for(d, n);
    const struct expr **args = arena_alloc(&d->scratch, n * sizeof(*args));
    for (uint32_t i = 0; i < n; i++)
        if (definition_type(d, tree_at(t, "args", i), &values[i]) != 0)
            return -1;
    if (typed_unify(d, t, values, n) != 0 || check_type(d, t, &values[0]) != 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        args[i] = values[i].x;
    cover(values, n, out);
    make(d, EXPR_COALESCE, n, args, out);
    return 0;
}

/* ---- CASE ---- */

/* WHEN condition, or of CASE value: WHEN what it equals. */
static int when(struct definition *d, const struct tree *t, const struct tree *branch,
                const struct expr **out)
{
    const struct tree *value = tree_get(t, "arg"), *condition = tree_get(branch, "expr");
    struct typed sides[2], equal;
    if (value == NULL)
        return definition_condition(d, condition, "WHEN", out);
    if (definition_type(d, value, &sides[0]) != 0 ||
        definition_type(d, condition, &sides[1]) != 0 ||
        definition_compare(d, branch, "=", sides, &equal) != 0)
        return -1;
    *out = equal.x;
    return 0;
}

static int result_of(struct definition *d, const struct tree *t, uint32_t i, struct typed *out)
{
    const struct tree *branch = tree_at(t, "args", i);
    const struct tree *value =
        branch == NULL ? tree_get(t, "defresult") : tree_get(branch, "result");
    if (value != NULL)
        return definition_type(d, value, out);
    *out = (struct typed){.type = SQL_UNKNOWN}; /* without ELSE: NULL */
    return 0;
}

static int choose(struct definition *d, const struct tree *t, struct typed *out)
{
    uint32_t n = tree_count(t, "args");
    struct typed *values = room_for(d, n + 1);
    const struct expr **args = arena_alloc(&d->scratch, (2 * n + 1) * sizeof(*args));
    for (uint32_t i = 0; i < n; i++)
        if (when(d, t, tree_at(t, "args", i), &args[2 * i]) != 0)
            return -1;
    for (uint32_t i = 0; i <= n; i++)
        if (result_of(d, t, i, &values[i]) != 0)
            return -1;
    if (typed_unify(d, t, values, n + 1) != 0 || check_type(d, t, &values[0]) != 0)
        return -1;
    for (uint32_t i = 0; i <= n; i++)
        args[i == n ? 2 * n : 2 * i + 1] = values[i].x;
    cover(values, n + 1, out);
    make(d, EXPR_CASE, 2 * n + 1, args, out);
    return 0;
}

/* ---- GREATEST, LEAST: they pass over NULL ---- */

/* CASE WHEN b IS NULL OR a >= b THEN a ELSE b END */
static int greater(struct definition *d, const struct tree *t, const char *op, struct typed *pair,
                   struct typed *out)
{
    struct typed ordered;
    if (definition_compare(d, t, op, pair, &ordered) != 0)
        return -1;
    const struct expr *alone = expr_make1(d, EXPR_IS_NULL, VALUE_BOOL, pair[1].x);
    const struct expr *args[] = {expr_make2(d, EXPR_OR, VALUE_BOOL, alone, ordered.x), pair[0].x,
                                 pair[1].x};
    cover(pair, 2, out);
    make(d, EXPR_CASE, 3, args, out);
    return 0;
}

static int greatest(struct definition *d, const struct tree *t, struct typed *out)
{
    enum { MOST = 8 }; /* each doubles the tree below */
    uint32_t n = tree_count(t, "args");
    struct typed values[MOST];
    const char *op = span_is(tree_text(t, "op"), "IS_LEAST") ? "<=" : ">=";
    if (n > MOST)
        return definition_refuse(d, t, "use CASE", "GREATEST and LEAST take up to %d values", MOST);
    for (uint32_t i = 0; i < n; i++)
        if (definition_type(d, tree_at(t, "args", i), &values[i]) != 0)
            return -1;
    if (typed_unify(d, t, values, n) != 0 || check_type(d, t, &values[0]) != 0)
        return -1;
    *out = values[0];
    for (uint32_t i = 1; i < n; i++) {
        struct typed pair[2] = {*out, values[i]};
        if (greater(d, t, op, pair, out) != 0)
            return -1;
    }
    return 0;
}

int definition_branch(struct definition *d, const struct tree *t, struct typed *out)
{
    if (tree_is(t, "CaseExpr"))
        return choose(d, t, out);
    return tree_is(t, "CoalesceExpr") ? coalesce(d, t, out) : greatest(d, t, out);
}
