/* SPDX-License-Identifier: Apache-2.0 */
/* CASE, COALESCE and NULLIF of any type: which argument each row takes is found first; of those
 * that are taken somewhere the rows are gathered. */
#include "views/eval_internal.h"

enum { TAKE_NONE = UINT16_MAX }; /* NULL */

/* Which argument a row takes. */
struct choice {
    uint16_t *of_row; /* NULL: `all` for every row */
    uint16_t all;
};

/* The rows that take argument k get its values; the memory is of the family's kind. */
struct gathered {
    uint8_t *truths;
    struct number_rows numbers;
    struct span *texts;
};

static void gather(const struct run *r, struct gathered *to, const struct values *v,
                   const struct choice *c, uint16_t k)
{
    struct text_cursor texts = text_cursor_of(&v->texts);
    for (uint32_t i = 0; i < r->rows->count; i++) {
        struct span text = v->family == FAMILY_TEXTS ? text_next(&texts) : SPAN_ABSENT;
        if (c->of_row[i] != k)
            continue;
        if (v->family == FAMILY_TEXTS)
            to->texts[i] = text;
        else if (v->family == FAMILY_NUMBERS)
            number_rows_put(&to->numbers, i, numbers_at(&v->numbers, i));
        else
            to->truths[i] = (uint8_t)truths_at(&v->truths, i);
    }
}

static struct gathered gathered_new(const struct run *r, enum family family)
{
    struct gathered g = {0};
    if (family == FAMILY_TEXTS)
        g.texts = texts_new(r);
    else if (family == FAMILY_NUMBERS)
        g.numbers = number_rows_new(r);
    else
        g.truths = truths_new(r);
    return g;
}

static struct values gathered_done(const struct gathered *g, enum family family)
{
    struct values v = {.family = family};
    if (family == FAMILY_TEXTS)
        v.texts = texts_rows(g->texts);
    else if (family == FAMILY_NUMBERS)
        v.numbers = number_rows_done(&g->numbers);
    else
        v.truths.of_row = g->truths;
    return v;
}

static struct values null_values(enum family family)
{
    return (struct values){.family = family,
                           .truths = truths_all(TRUTH_NULL),
                           .numbers = numbers_all(NUMBER_NULL),
                           .texts = texts_all(SPAN_ABSENT)};
}

static bool is_taken(const struct run *r, const struct choice *c, uint16_t k)
{
    for (uint32_t i = 0; i < r->rows->count; i++)
        if (c->of_row[i] == k)
            return true;
    return false;
}

/* ---- CASE ---- */

/* Rows that have not chosen and whose condition holds take k; whether any has not chosen still. */
static bool choose(const struct run *r, struct choice *c, const struct truths *when, uint16_t k)
{
    bool open = false;
    if (c->of_row == NULL) {
        c->of_row = arena_alloc(r->memory, r->rows->count * sizeof(*c->of_row));
        for (uint32_t i = 0; i < r->rows->count; i++)
            c->of_row[i] = TAKE_NONE;
    }
    for (uint32_t i = 0; i < r->rows->count; i++) {
        if (c->of_row[i] == TAKE_NONE && truths_at(when, i) == TRUTH_TRUE)
            c->of_row[i] = k;
        open |= c->of_row[i] == TAKE_NONE;
    }
    return open;
}

/* The rows that have not chosen take k, whatever it is. */
static void choose_rest(const struct run *r, struct choice *c, uint16_t k)
{
    static const struct truths always = {.all = TRUTH_TRUE};
    if (c->of_row == NULL)
        c->all = k;
    else
        choose(r, c, &always, k);
}

static struct choice case_choice(const struct run *r, const struct expr *x)
{
    struct choice c = {.all = TAKE_NONE};
    unsigned k = 0;
    for (; k + 1 < x->n_args; k += 2) {
        struct truths when = truths_of(r, x->args[k]);
        if (when.of_row == NULL && when.all != TRUTH_TRUE)
            continue;
        if (when.of_row == NULL)
            break; /* args[k + 1] is what all others take */
        if (!choose(r, &c, &when, (uint16_t)(k + 1)))
            return c;
    }
    choose_rest(r, &c, (uint16_t)(k + 1 < x->n_args ? k + 1 : k));
    return c;
}

static struct values case_values(const struct run *r, const struct expr *x)
{
    struct choice c = case_choice(r, x);
    if (c.of_row == NULL)
        return values_of(r, x->args[c.all]);
    enum family family = family_of(x->type);
    struct gathered g = gathered_new(r, family);
    for (unsigned k = 0; k < x->n_args; k++) {
        bool is_value = k % 2 == 1 || k + 1 == x->n_args;
        if (!is_value || !is_taken(r, &c, (uint16_t)k))
            continue;
        struct values v = values_of(r, x->args[k]);
        gather(r, &g, &v, &c, (uint16_t)k);
    }
    return gathered_done(&g, family);
}

/* ---- COALESCE ---- */

static struct truths opposite(const struct run *r, struct truths t)
{
    if (t.of_row == NULL)
        return truths_all(TRUTH_TRUE - t.all);
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = TRUTH_TRUE - t.of_row[i];
    return (struct truths){.of_row = out};
}

static struct values coalesce_values(const struct run *r, const struct expr *x)
{
    enum family family = family_of(x->type);
    struct choice c = {.all = TAKE_NONE};
    struct gathered g = {0};
    bool open = true;
    for (unsigned k = 0; k < x->n_args && open; k++) {
        struct values v = values_of(r, x->args[k]);
        struct truths there = opposite(r, values_are_null(r, &v));
        if (there.of_row == NULL && there.all == TRUTH_FALSE)
            continue;
        if (c.of_row == NULL && there.of_row == NULL)
            return v; /* the first one that is something is it everywhere */
        if (c.of_row == NULL)
            g = gathered_new(r, family);
        open = choose(r, &c, &there, (uint16_t)k);
        gather(r, &g, &v, &c, (uint16_t)k);
    }
    if (c.of_row == NULL)
        return null_values(family);
    struct values none = null_values(family);
    gather(r, &g, &none, &c, TAKE_NONE);
    return gathered_done(&g, family);
}

/* ---- NULLIF ---- */

static struct values nullif_values(const struct run *r, const struct expr *x)
{
    struct values a = values_of(r, x->args[0]), b = values_of(r, x->args[1]);
    struct truths equal = compare_equal(r, &a, &b);
    if (equal.of_row == NULL)
        return equal.all == TRUTH_TRUE ? null_values(a.family) : a;
    struct choice c = {.all = TAKE_NONE};
    struct truths differ = {.of_row = NULL};
    uint8_t *kept = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        kept[i] = truth_of(equal.of_row[i] != TRUTH_TRUE);
    differ.of_row = kept;
    struct gathered g = gathered_new(r, a.family);
    struct values none = null_values(a.family);
    choose(r, &c, &differ, 0);
    gather(r, &g, &a, &c, 0);
    gather(r, &g, &none, &c, TAKE_NONE);
    return gathered_done(&g, a.family);
}

struct values choice_values(const struct run *r, const struct expr *x)
{
    return x->op == EXPR_CASE       ? case_values(r, x)
           : x->op == EXPR_COALESCE ? coalesce_values(r, x)
                                    : nullif_values(r, x);
}
