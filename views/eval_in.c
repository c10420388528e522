/* SPDX-License-Identifier: Apache-2.0 */
/* IN of constants: a few are tried one after the other, more are sorted once a slice. */
#include <assert.h>
#include <stdlib.h>

#include "views/eval_internal.h"

enum { FEW = 8 };

/* The constants without NULLs. */
struct set {
    const struct expr **members;
    unsigned n;
    bool has_null;
};

static struct set set_of(const struct run *r, const struct expr *x)
{
    struct set s = {arena_alloc(r->memory, x->n_args * sizeof(*s.members)), 0, false};
    for (unsigned k = 1; k < x->n_args; k++) {
        if (x->args[k]->null)
            s.has_null = true;
        else
            s.members[s.n++] = x->args[k];
    }
    return s;
}

static enum truth outcome(const struct set *s, bool found)
{
    return found ? TRUTH_TRUE : s->has_null ? TRUTH_NULL : TRUTH_FALSE;
}

/* ---- texts and uuids: in the order of length, then bytes ---- */

static int order_spans(struct span a, struct span b)
{
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return a.n == 0 ? 0 : memcmp(a.p, b.p, a.n);
}

static int order_texts(const void *a, const void *b)
{
    const struct expr *const *left = a, *const *right = b;
    return order_spans((*left)->text, (*right)->text);
}

static int find_text(const void *key, const void *member)
{
    const struct span *text = key;
    const struct expr *const *m = member;
    return order_spans(*text, (*m)->text);
}

static enum truth text_in(const struct set *s, struct span text)
{
    bool found = false;
    if (span_absent(text))
        return TRUTH_NULL;
    if (s->n > FEW)
        return outcome(s, bsearch(&text, s->members, s->n, sizeof(*s->members), find_text) != NULL);
    for (unsigned k = 0; k < s->n && !found; k++)
        found = span_equal(text, s->members[k]->text);
    return outcome(s, found);
}

static struct truths texts_in(const struct run *r, const struct texts *t, const struct set *s)
{
    if (!t->varies)
        return truths_all(text_in(s, t->all));
    struct text_cursor c = text_cursor_of(t);
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = (uint8_t)text_in(s, text_next(&c));
    return (struct truths){.of_row = out};
}

/* ---- ints, times and numbers ---- */

static int128 value_of(const struct expr *constant)
{
    return constant->type == VALUE_NUMBER ? constant->number : constant->integer;
}

static int order_numbers(const void *a, const void *b)
{
    const struct expr *const *left = a, *const *right = b;
    return (value_of(*left) > value_of(*right)) - (value_of(*left) < value_of(*right));
}

static int find_number(const void *key, const void *member)
{
    const struct number *n = key;
    const struct expr *const *m = member;
    return (n->value > value_of(*m)) - (n->value < value_of(*m));
}

static enum truth number_in(const struct set *s, struct number n)
{
    bool found = false;
    if (n.null)
        return TRUTH_NULL;
    if (s->n > FEW)
        return outcome(s, bsearch(&n, s->members, s->n, sizeof(*s->members), find_number) != NULL);
    for (unsigned k = 0; k < s->n && !found; k++)
        found = n.value == value_of(s->members[k]);
    return outcome(s, found);
}

static struct truths numbers_in(const struct run *r, const struct numbers *n, const struct set *s)
{
    if (n->of_row == NULL)
        return truths_all(number_in(s, numbers_at(n, 0)));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = (uint8_t)number_in(s, numbers_at(n, i));
    return (struct truths){.of_row = out};
}

/* ---- bools ---- */

static enum truth truth_in(const struct set *s, enum truth t)
{
    bool found = false;
    for (unsigned k = 0; k < s->n; k++)
        found |= truth_of(s->members[k]->truth) == t;
    return t == TRUTH_NULL ? TRUTH_NULL : outcome(s, found);
}

static struct truths bools_in(const struct run *r, const struct truths *t, const struct set *s)
{
    if (t->of_row == NULL)
        return truths_all(truth_in(s, t->all));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = (uint8_t)truth_in(s, truths_at(t, i));
    return (struct truths){.of_row = out};
}

struct truths in_truths(const struct run *r, const struct expr *x)
{
    struct values v = values_of(r, x->args[0]);
    struct set s = set_of(r, x);
    if (s.n > FEW && v.family != FAMILY_TRUTHS)
        qsort(s.members, s.n, sizeof(*s.members),
              v.family == FAMILY_TEXTS ? order_texts : order_numbers);
    return v.family == FAMILY_TEXTS     ? texts_in(r, &v.texts, &s)
           : v.family == FAMILY_NUMBERS ? numbers_in(r, &v.numbers, &s)
                                        : bools_in(r, &v.truths, &s);
}
