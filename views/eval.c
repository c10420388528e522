/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator's entries: an expression becomes a vector bottom up, and a vector a column. Which
 * file knows which operation is decided here. */
#include "views/eval.h"

#include <assert.h>

#include "views/eval_internal.h"

enum family family_of(enum value_type type)
{
    static const enum family families[] = {
        [VALUE_BOOL] = FAMILY_TRUTHS,    [VALUE_INT] = FAMILY_NUMBERS,
        [VALUE_NUMBER] = FAMILY_NUMBERS, [VALUE_TEXT] = FAMILY_TEXTS,
        [VALUE_TIME] = FAMILY_NUMBERS,   [VALUE_UUID] = FAMILY_TEXTS,
        [VALUE_JSON] = FAMILY_TEXTS};
    return families[type];
}

/* ---- columns and constants ---- */

static const struct column_slice *column_of(const struct run *r, const struct expr *x)
{
    return &r->rows->columns[x->column];
}

struct texts texts_of_column(const struct run *r, const struct expr *x)
{
    const struct column_slice *c = column_of(r, x);
    struct column_cursor cursor = column_cursor_of(c);
    if (c->form == FORM_PLAIN)
        return (struct texts){.varies = true, .plain = *c};
    return texts_all(column_next(&cursor));
}

static enum truth truth_of_element(struct span element)
{
    return span_absent(element) ? TRUTH_NULL : truth_of(element_bool(element));
}

static struct truths truths_of_column(const struct run *r, const struct expr *x)
{
    struct column_cursor c = column_cursor_of(column_of(r, x));
    if (c.form != FORM_PLAIN)
        return truths_all(truth_of_element(column_next(&c)));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = truth_of_element(column_next(&c));
    return (struct truths){.of_row = out};
}

static struct truths truths_of_const(const struct expr *x)
{
    return truths_all(x->null ? TRUTH_NULL : truth_of(x->truth));
}

static struct texts texts_of_const(const struct expr *x)
{
    return texts_all(x->null ? SPAN_ABSENT : x->text);
}

/* ---- dispatch ---- */

struct truths truths_of(const struct run *r, const struct expr *x)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return truths_of_column(r, x);
    case EXPR_CONST:
        return truths_of_const(x);
    case EXPR_EQUAL:
    case EXPR_LESS:
    case EXPR_LESS_EQUAL:
    case EXPR_DISTINCT:
        return compare_truths(r, x);
    case EXPR_IN:
        return in_truths(r, x);
    case EXPR_LIKE:
    case EXPR_ILIKE:
        return like_truths(r, x);
    case EXPR_STARTS_WITH:
        return text_starts_with(r, x);
    case EXPR_PROPS_HAS:
        return props_has(r, x);
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
        return choice_values(r, x).truths;
    default:
        return logic_truths(r, x);
    }
}

struct numbers numbers_of(const struct run *r, const struct expr *x)
{
    switch (x->op) {
    case EXPR_PROPS_NUMBER:
    case EXPR_PROPS_INT:
        return props_numbers(r, x);
    case EXPR_LENGTH:
    case EXPR_STRPOS:
        return text_numbers(r, x);
    case EXPR_EXTRACT:
        return time_extract(r, x);
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
        return choice_values(r, x).numbers;
    default:
        return number_numbers(r, x);
    }
}

struct texts texts_of(const struct run *r, const struct expr *x)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return texts_of_column(r, x);
    case EXPR_CONST:
        return texts_of_const(x);
    case EXPR_TO_TEXT:
        return text_cast(r, x);
    case EXPR_PROPS_TEXT:
        return props_texts(r, x);
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
        return choice_values(r, x).texts;
    default:
        return text_texts(r, x);
    }
}

struct values values_of(const struct run *r, const struct expr *x)
{
    struct values v = {.family = family_of(x->type)};
    if (v.family == FAMILY_TRUTHS)
        v.truths = truths_of(r, x);
    else if (v.family == FAMILY_NUMBERS)
        v.numbers = numbers_of(r, x);
    else
        v.texts = texts_of(r, x);
    return v;
}

bool values_vary(const struct values *v)
{
    return v->family == FAMILY_TRUTHS    ? v->truths.of_row != NULL
           : v->family == FAMILY_NUMBERS ? v->numbers.of_row != NULL
                                         : v->texts.varies;
}

/* ---- functions of a row's arguments ---- */

struct arg_walk {
    struct values args[MAX_ROW_ARGS];
    struct text_cursor cursors[MAX_ROW_ARGS];
    unsigned n;
    bool vary;
};

static void arg_walk_start(struct arg_walk *w, const struct run *r, const struct expr *x)
{
    assert(x->n_args <= MAX_ROW_ARGS);
    *w = (struct arg_walk){.n = x->n_args};
    for (unsigned k = 0; k < w->n; k++) {
        w->args[k] = values_of(r, x->args[k]);
        assert(w->args[k].family != FAMILY_TRUTHS);
        w->cursors[k] = text_cursor_of(&w->args[k].texts);
        w->vary |= values_vary(&w->args[k]);
    }
}

/* The arguments of row i, which is the next one; false: one of them is NULL. */
static bool arg_walk_next(struct arg_walk *w, uint32_t i, struct arg *args)
{
    bool whole = true;
    for (unsigned k = 0; k < w->n; k++) {
        if (w->args[k].family == FAMILY_TEXTS) {
            args[k].text = text_next(&w->cursors[k]);
            whole &= !span_absent(args[k].text);
        } else {
            struct number n = numbers_at(&w->args[k].numbers, i);
            args[k].number = n.value;
            whole &= !n.null;
        }
    }
    return whole;
}

struct texts map_texts(const struct run *r, const struct expr *x, const struct row_function *f)
{
    struct arg_walk w;
    struct arg args[MAX_ROW_ARGS] = {{.number = 0}};
    arg_walk_start(&w, r, x);
    if (!w.vary)
        return texts_all(arg_walk_next(&w, 0, args) ? f->text(r, args, f->context) : SPAN_ABSENT);
    struct span *out = texts_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = arg_walk_next(&w, i, args) ? f->text(r, args, f->context) : SPAN_ABSENT;
    return texts_rows(out);
}

struct numbers map_numbers(const struct run *r, const struct expr *x, const struct row_function *f)
{
    struct arg_walk w;
    struct arg args[MAX_ROW_ARGS] = {{.number = 0}};
    arg_walk_start(&w, r, x);
    if (!w.vary)
        return numbers_all(arg_walk_next(&w, 0, args) ? f->number(args, f->context) : NUMBER_NULL);
    struct number_rows out = number_rows_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        number_rows_put(&out, i,
                        arg_walk_next(&w, i, args) ? f->number(args, f->context) : NUMBER_NULL);
    return number_rows_done(&out);
}

static enum truth truth_of_row(struct arg_walk *w, uint32_t i, const struct row_function *f)
{
    struct arg args[MAX_ROW_ARGS] = {{.number = 0}};
    return arg_walk_next(w, i, args) ? truth_of(f->truth(args, f->context)) : TRUTH_NULL;
}

struct truths map_truths(const struct run *r, const struct expr *x, const struct row_function *f)
{
    struct arg_walk w;
    arg_walk_start(&w, r, x);
    if (!w.vary)
        return truths_all(truth_of_row(&w, 0, f));
    uint8_t *out = truths_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = truth_of_row(&w, i, f);
    return (struct truths){.of_row = out};
}

/* ---- columns of the results ---- */

/* A column's elements being written. */
struct elements {
    uint8_t *start, *at;
    bool has_nulls;
};

static void put_element(struct elements *to, struct span bytes)
{
    uint32_t word = htobe32(span_absent(bytes) ? UINT32_MAX : (uint32_t)bytes.n);
    memcpy(to->at, &word, sizeof(word));
    if (bytes.n != 0)
        memcpy(to->at + sizeof(word), bytes.p, bytes.n);
    to->at += sizeof(word) + bytes.n;
    to->has_nulls |= span_absent(bytes);
}

static struct elements elements_new(const struct run *r, size_t bytes)
{
    uint8_t *start = arena_alloc(r->memory, bytes);
    return (struct elements){.start = start, .at = start};
}

static struct column_slice finish(const struct elements *made, enum column_form form)
{
    return (struct column_slice){made->start, made->at, form, made->has_nulls};
}

static struct column_slice column_of_all(const struct run *r, struct span bytes)
{
    if (span_absent(bytes))
        return (struct column_slice){.form = FORM_NULL, .has_nulls = true};
    struct elements made = elements_new(r, sizeof(uint32_t) + bytes.n);
    put_element(&made, bytes);
    return finish(&made, FORM_CONSTANT);
}

static struct column_slice column_of_texts(const struct run *r, const struct texts *t)
{
    if (!t->varies)
        return column_of_all(r, t->all);
    if (t->of_row == NULL)
        return t->plain;
    size_t bytes = 0;
    for (uint32_t i = 0; i < r->rows->count; i++)
        bytes += sizeof(uint32_t) + t->of_row[i].n;
    struct elements made = elements_new(r, bytes);
    for (uint32_t i = 0; i < r->rows->count; i++)
        put_element(&made, t->of_row[i]);
    return finish(&made, FORM_PLAIN);
}

static struct column_slice column_of_truths(const struct run *r, const struct truths *t)
{
    static const struct span bytes[] = {
        [TRUTH_FALSE] = {"\0", 1}, [TRUTH_NULL] = {NULL, 0}, [TRUTH_TRUE] = {"\1", 1}};
    if (t->of_row == NULL)
        return column_of_all(r, bytes[t->all]);
    struct elements made = elements_new(r, (size_t)r->rows->count * (sizeof(uint32_t) + 1));
    for (uint32_t i = 0; i < r->rows->count; i++)
        put_element(&made, bytes[t->of_row[i]]);
    return finish(&made, FORM_PLAIN);
}

/* The eight bytes of an int, or of a time, which PostgreSQL counts from elsewhere. */
static struct span word_of(struct number n, enum value_type type, uint64_t *room)
{
    if (n.null)
        return SPAN_ABSENT;
    *room = htobe64((uint64_t)(type == VALUE_TIME ? n.value - PG_EPOCH_US : n.value));
    return (struct span){(const char *)room, sizeof(*room)};
}

static struct column_slice column_of_numbers(const struct run *r, const struct numbers *n,
                                             enum value_type type)
{
    uint64_t room;
    if (n->of_row == NULL)
        return column_of_all(r, word_of(numbers_at(n, 0), type, &room));
    struct elements made = elements_new(r, r->rows->count * (sizeof(uint32_t) + sizeof(uint64_t)));
    for (uint32_t i = 0; i < r->rows->count; i++)
        put_element(&made, word_of(numbers_at(n, i), type, &room));
    return finish(&made, FORM_PLAIN);
}

/* ---- entries ---- */

struct truths eval_truths(const struct expr *x, const struct row_slice *rows, struct arena *memory)
{
    struct decoded decoded;
    decoded.known = 0;
    struct run r = {rows, memory, &decoded};
    return x == NULL ? truths_all(TRUTH_TRUE) : truths_of(&r, x);
}

struct numbers eval_numbers(const struct expr *x, const struct row_slice *rows,
                            struct arena *memory)
{
    struct decoded decoded;
    decoded.known = 0;
    struct run r = {rows, memory, &decoded};
    assert(x->type == VALUE_INT || x->type == VALUE_NUMBER);
    return numbers_of(&r, x);
}

struct column_slice eval_column(const struct expr *x, const struct row_slice *rows,
                                struct arena *memory)
{
    struct decoded decoded;
    decoded.known = 0;
    struct run r = {rows, memory, &decoded};
    assert(x->type != VALUE_NUMBER && x->type != VALUE_JSON);
    if (x->op == EXPR_COLUMN)
        return rows->columns[x->column];
    struct values v = values_of(&r, x);
    return v.family == FAMILY_TRUTHS    ? column_of_truths(&r, &v.truths)
           : v.family == FAMILY_NUMBERS ? column_of_numbers(&r, &v.numbers, x->type)
                                        : column_of_texts(&r, &v.texts);
}
