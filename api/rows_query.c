/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rows_query.h"

#include <stdio.h>

struct parsing {
    struct rows_query *q;
    const struct plan *plan;
    struct span by, order, limit, offset, fill; /* as given */
    struct refusal *r;
};

/* ------------------------------------------------------------------ names */

static int find_dimension(const struct plan *p, struct span name)
{
    for (unsigned i = 0; i < p->n_dimensions; i++)
        if (span_is(name, p->dimensions[i].name))
            return (int)i;
    return -1;
}

static int find_measure(const struct plan *p, struct span name)
{
    for (unsigned i = 0; i < p->n_measures; i++)
        if (!p->measures[i].hidden && span_is(name, p->measures[i].name))
            return (int)i;
    return -1;
}

/* "region, country" or "none", for texts. */
static const char *list_dimensions(const struct plan *p, char *out, size_t size)
{
    size_t n = 0;
    snprintf(out, size, "none");
    for (unsigned i = 0; i < p->n_dimensions && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i == 0 ? "" : ", ", p->dimensions[i].name);
    return out;
}

static int refuse_dimension(struct parsing *g, struct span field, struct span name)
{
    char list[160];
    return refuse_span(g->r, field, "%.*s: \"%.*s\" is no dimension of %s; it has: %s",
                       SPAN_ARGS(refusal_excerpt(field)), SPAN_ARGS(refusal_excerpt(name)),
                       g->plan->name, list_dimensions(g->plan, list, sizeof list));
}

/* The next of a comma-separated list; false at its end. */
static bool next_word(struct span *rest, struct span *word)
{
    if (span_absent(*rest))
        return false;
    const char *comma = rest->n == 0 ? NULL : memchr(rest->p, ',', rest->n);
    *word = (struct span){rest->p, comma == NULL ? rest->n : (size_t)(comma - rest->p)};
    *rest = comma == NULL ? SPAN_ABSENT : (struct span){comma + 1, rest->n - word->n - 1};
    return true;
}

/* ------------------------------------------------------------------ conditions */

enum condition_kind { CONDITION_ANY_OF, CONDITION_NOT, CONDITION_NULL };

struct condition_name {
    const char *prefix, *suffix;
};

static const struct condition_name condition_names[] = {
    [CONDITION_ANY_OF] = {"filter[", "]"},
    [CONDITION_NOT] = {"filter[", "]!"},
    [CONDITION_NULL] = {"null[", "]"},
};

/* Cuts "filter[" and "]" off; false when name is not of that form. */
static bool inner_name(struct span name, const struct condition_name *form, struct span *inner)
{
    size_t before = strlen(form->prefix), behind = strlen(form->suffix);
    if (name.n < before + behind || memcmp(name.p, form->prefix, before) != 0 ||
        memcmp(name.p + name.n - behind, form->suffix, behind) != 0)
        return false;
    *inner = (struct span){name.p + before, name.n - before - behind};
    return true;
}

static int take_value(struct parsing *g, struct query_param param, enum value_type type,
                      struct group_value *out)
{
    if (group_parse(type, param.value, out))
        return 0;
    return refuse_span(g->r, param.name, "%.*s: \"%.*s\" is %s", SPAN_ARGS(param.name),
                       SPAN_ARGS(refusal_excerpt(param.value)),
                       type == VALUE_BOOL ? "neither true nor false"
                                          : "no whole number of 64 bits in decimal digits");
}

static int add_condition(struct parsing *g, enum condition_kind kind, struct query_param param,
                         struct span name)
{
    struct rows_condition c = {.excludes = kind == CONDITION_NOT};
    int dimension = find_dimension(g->plan, name);
    if (dimension < 0)
        return refuse_dimension(g, param.name, name);
    if (g->q->n_conditions == ROWS_MAX_CONDITIONS)
        return refuse_span(g->r, param.name, "more than %d conditions", ROWS_MAX_CONDITIONS);
    enum value_type type = g->plan->dimensions[dimension].value->type;
    if (take_value(g, param, kind == CONDITION_NULL ? VALUE_BOOL : type, &c.value) != 0)
        return -1;
    if (kind == CONDITION_NULL) {
        c.excludes = c.value.integer == 0;
        c.value = (struct group_value){.type = type, .null = true, .text = SPAN_ABSENT};
    }
    c.dimension = (unsigned)dimension;
    g->q->conditions[g->q->n_conditions++] = c;
    return 0;
}

bool rows_query_wants(const struct rows_query *q, const struct group_value *dimensions)
{
    uint32_t asked = 0, met = 0; /* bits of dimensions with an "any of" */
    for (unsigned i = 0; i < q->n_conditions; i++) {
        const struct rows_condition *c = &q->conditions[i];
        bool equal = group_compare(&c->value, &dimensions[c->dimension]) == 0;
        if (c->excludes && equal)
            return false;
        if (!c->excludes) {
            asked |= 1u << c->dimension;
            met |= equal ? 1u << c->dimension : 0;
        }
    }
    return asked == met;
}

/* ------------------------------------------------------------------ by, order, numbers */

static int take_by(struct parsing *g)
{
    struct rows_query *q = g->q;
    struct span rest = g->by, word;
    if (span_absent(rest)) {
        for (q->n_by = 0; q->n_by < g->plan->n_dimensions; q->n_by++)
            q->by[q->n_by] = q->n_by;
        return 0;
    }
    if (rest.n == 0)
        return 0;
    while (next_word(&rest, &word)) {
        int dimension = find_dimension(g->plan, word);
        if (dimension < 0)
            return refuse_dimension(g, span_of("by"), word);
        for (unsigned i = 0; i < q->n_by; i++)
            if (q->by[i] == (unsigned)dimension)
                return refuse(g->r, "by", "by: %.*s stands there twice", SPAN_ARGS(word));
        q->by[q->n_by++] = (unsigned)dimension;
    }
    return 0;
}

/* Where `by` keeps the dimension. */
static bool find_kept(const struct rows_query *q, unsigned dimension, unsigned *index)
{
    for (unsigned i = 0; i < q->n_by; i++)
        if (q->by[i] == dimension) {
            *index = i;
            return true;
        }
    return false;
}

/* A view's time is called that whatever its SELECT says. */
static bool is_time(const struct plan *p, struct span name)
{
    return span_is(name, "time") || (p->bucket_name != NULL && span_is(name, p->bucket_name));
}

static bool find_column(const struct rows_query *q, struct span name, struct rows_order *out)
{
    int dimension = find_dimension(q->plan, name), measure = find_measure(q->plan, name);
    bool descending = out->descending;
    if (measure >= 0)
        *out = (struct rows_order){ROWS_MEASURE, (unsigned)measure, descending, false};
    else
        *out = (struct rows_order){ROWS_TIME, 0, descending, false};
    if (measure >= 0 || is_time(q->plan, name))
        return true;
    /* NULL is the greatest of a dimension's values, as in PostgreSQL */
    *out = (struct rows_order){ROWS_DIMENSION, 0, descending, descending};
    return dimension >= 0 && find_kept(q, (unsigned)dimension, &out->index);
}

/* The order of the view's definition, as far as the answer has its columns. */
static void take_own_order(struct rows_query *q)
{
    static const enum rows_column columns[] = {
        [PLAN_TIME] = ROWS_TIME, [PLAN_DIMENSION] = ROWS_DIMENSION, [PLAN_MEASURE] = ROWS_MEASURE};
    for (unsigned i = 0; i < q->plan->n_order; i++) {
        const struct plan_order *own = &q->plan->order[i];
        struct rows_order o = {columns[own->column], own->index, own->descending, own->nulls_first};
        if (o.column != ROWS_DIMENSION || find_kept(q, own->index, &o.index))
            q->order[q->n_order++] = o;
    }
}

static void take_usual_order(struct rows_query *q)
{
    unsigned first = 0;
    while (first < q->plan->n_measures && q->plan->measures[first].hidden)
        first++;
    q->order[q->n_order++] = (struct rows_order){.column = ROWS_TIME};
    if (first < q->plan->n_measures)
        q->order[q->n_order++] = (struct rows_order){ROWS_MEASURE, first, true, false};
}

static int take_order(struct parsing *g)
{
    struct rows_query *q = g->q;
    struct span rest = g->order, word;
    if (span_absent(rest)) {
        take_own_order(q);
        if (q->n_order == 0)
            take_usual_order(q);
        return 0;
    }
    while (next_word(&rest, &word)) {
        struct rows_order o = {.descending = word.n > 0 && word.p[0] == '-'};
        if (o.descending)
            word = (struct span){word.p + 1, word.n - 1};
        if (q->n_order == ROWS_MAX_ORDER || !find_column(q, word, &o))
            return refuse(g->r, "order",
                          "order: \"%.*s\" is no column of this answer; give time, a dimension in "
                          "by or a measure, with - for descending",
                          SPAN_ARGS(refusal_excerpt(word)));
        q->order[q->n_order++] = o;
    }
    return 0;
}

static int take_number(struct parsing *g, const char *field, struct span text, uint32_t max,
                       uint32_t *out)
{
    uint32_t value = 0;
    bool good = text.n > 0 && text.n <= 8;
    if (span_absent(text))
        return 0;
    for (size_t i = 0; good && i < text.n; i++) {
        good = text.p[i] >= '0' && text.p[i] <= '9';
        value = value * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (!good || value > max)
        return refuse(g->r, field, "%s: \"%.*s\" is no number from 0 to %u", field,
                      SPAN_ARGS(refusal_excerpt(text)), max);
    *out = value;
    return 0;
}

static int take_fill(struct parsing *g)
{
    if (span_absent(g->fill))
        return 0;
    if (!span_is(g->fill, "0"))
        return refuse(g->r, "fill", "fill: \"%.*s\" is not 0, the only value it takes",
                      SPAN_ARGS(refusal_excerpt(g->fill)));
    g->q->fill = true;
    return 0;
}

/* ------------------------------------------------------------------ all of them */

static int take_single(struct parsing *g, struct span name, struct span value)
{
    const struct {
        const char *name;
        struct span *to;
    } known[] = {
        {"site", &g->q->site},  {"from", &g->q->from},     {"to", &g->q->to},
        {"step", &g->q->step},  {"window", &g->q->window}, {"tz", &g->q->tz},
        {"by", &g->by},         {"order", &g->order},      {"limit", &g->limit},
        {"offset", &g->offset}, {"fill", &g->fill},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!span_is(name, known[i].name))
            continue;
        if (!span_absent(*known[i].to))
            return refuse(g->r, known[i].name, "%s: is given twice", known[i].name);
        *known[i].to = value;
        return 0;
    }
    return refuse_span(g->r, name, "\"%.*s\" is no parameter of this request",
                       SPAN_ARGS(refusal_excerpt(name)));
}

static int take_param(struct parsing *g, struct query_param param)
{
    struct span inner;
    for (unsigned kind = 0; kind <= CONDITION_NULL; kind++)
        if (inner_name(param.name, &condition_names[kind], &inner))
            return add_condition(g, (enum condition_kind)kind, param, inner);
    return take_single(g, param.name, param.value);
}

int rows_query_parse(struct rows_query *out, const struct plan *p, const struct query_param *params,
                     size_t n, struct refusal *r)
{
    struct parsing g = {.q = out, .plan = p, .r = r};
    *out = (struct rows_query){.plan = p, .limit = ROWS_DEFAULT_LIMIT};
    if (p->limit >= 0)
        out->limit = p->limit < ROWS_MAX_LIMIT ? (uint32_t)p->limit : ROWS_MAX_LIMIT;
    for (size_t i = 0; i < n; i++)
        if (take_param(&g, params[i]) != 0)
            return -1;
    if (take_by(&g) != 0 || take_order(&g) != 0 || take_fill(&g) != 0 ||
        take_number(&g, "limit", g.limit, ROWS_MAX_LIMIT, &out->limit) != 0)
        return -1;
    return take_number(&g, "offset", g.offset, ROWS_MAX_OFFSET, &out->offset);
}
