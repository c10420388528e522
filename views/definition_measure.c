/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates: what is kept of a group's rows. */
#include <stdio.h>

#include "views/definition_internal.h"

static const struct {
    const char *name;
    enum aggregate_kind kind;
} aggregates[] = {
    {"count", AGGREGATE_COUNT}, {"sum", AGGREGATE_SUM}, {"avg", AGGREGATE_AVG},
    {"min", AGGREGATE_MIN},     {"max", AGGREGATE_MAX},
};

static bool find_kind(const struct tree *t, enum aggregate_kind *kind)
{
    if (!tree_is(t, "FuncCall"))
        return false;
    for (size_t i = 0; i < sizeof(aggregates) / sizeof(aggregates[0]); i++)
        if (span_is(tree_last_name(t, "funcname"), aggregates[i].name)) {
            *kind = aggregates[i].kind;
            return true;
        }
    return false;
}

bool definition_is_aggregate(const struct tree *t)
{
    enum aggregate_kind kind;
    return find_kind(t, &kind);
}

static int check_call(struct definition *d, const struct tree *call, enum aggregate_kind kind)
{
    if (tree_get(call, "over") != NULL)
        return definition_refuse(d, call, "hopping windows are made when reading: window=…",
                                 "window functions cannot be streamed");
    if (tree_get(call, "agg_order") != NULL)
        return definition_refuse(d, call, "leave ORDER BY out: it changes nothing of the result",
                                 "an aggregate with ORDER BY is not kept");
    if (tree_flag(call, "agg_distinct") && kind != AGGREGATE_COUNT)
        return definition_refuse(d, call, "use count(DISTINCT x)",
                                 "of DISTINCT values only their number is kept");
    if (tree_flag(call, "agg_star") || tree_count(call, "args") == 1)
        return 0;
    return definition_refuse(d, call, "put several into one text: x || ' ' || y",
                             "an aggregate has one argument");
}

/* Whether what is kept holds for values of this type. */
static int check_value(struct definition *d, const struct tree *call, enum aggregate_kind kind,
                       const struct typed *v)
{
    if (kind == AGGREGATE_COUNT)
        return 0;
    if (kind == AGGREGATE_COUNT_DISTINCT)
        return v->type != SQL_JSON && v->type != SQL_NUMERIC
                   ? 0
                   : definition_refuse(
                         d, call,
                         v->type == SQL_JSON ? "take a key: props ->> 'key'"
                                             : "make it an integer: ff_int(…), ::bigint",
                         "distinct values of a %s are not counted", sql_type_name(v->type));
    if (!is_numeric(v->type))
        return definition_refuse(
            d, call,
            v->type == SQL_TEXT ? "ff_num(props, 'key') is the number in a "
                                  "property; make a text a dimension"
                                : "use numbers; count(*) FILTER (WHERE …) counts",
            "sum, avg, min and max are kept of numbers, not of a %s", sql_type_name(v->type));
    if (v->type == SQL_NUMERIC && (v->low <= -EXPR_NUMBER_LIMIT || v->high >= EXPR_NUMBER_LIMIT))
        return definition_refuse(d, call,
                                 "use ff_num, ff_add, ff_sub, ff_mul, ff_div, which stay "
                                 "below 10^17",
                                 "these numbers can become too large to be summed");
    return 0;
}

static int take_value(struct definition *d, const struct tree *call, struct plan_measure *m)
{
    struct typed v;
    if (m->kind == AGGREGATE_COUNT && tree_flag(call, "agg_distinct"))
        m->kind = AGGREGATE_COUNT_DISTINCT;
    if (tree_flag(call, "agg_star"))
        return m->kind == AGGREGATE_COUNT
                   ? 0
                   : definition_refuse(d, call, "name what to aggregate", "* is for count alone");
    if (definition_type(d, tree_at(call, "args", 0), &v) != 0)
        return -1;
    if (v.type == SQL_UNKNOWN && typed_become(d, call, &v, SQL_TEXT) != 0)
        return -1;
    m->value = v.x;
    m->scale = m->kind <= AGGREGATE_COUNT_DISTINCT ? 0 : v.x->scale;
    return check_value(d, call, m->kind, &v);
}

/* Sessions change as page views come: the least, the greatest, what was seen can't be taken back.
 */
static int check_relation(struct definition *d, const struct tree *call, enum aggregate_kind kind)
{
    if (d->plan->relation != &RELATION_SESSIONS || plan_can_take_back(kind))
        return 0;
    return definition_refuse(d, call, "count(*), count(x), sum and avg are kept of sessions",
                             "sessions change as late events come, and this could not follow");
}

static int make_measure(struct definition *d, const struct tree *call, struct plan_measure *m)
{
    bool of_answer = d->of_answer; /* its arguments are of the relation, also in HAVING */
    d->of_answer = false;
    int result = take_value(d, call, m);
    if (result == 0)
        result = check_relation(d, call, m->kind);
    const struct tree *filter = tree_get(call, "agg_filter");
    if (result == 0 && filter != NULL)
        result = definition_condition(d, filter, "FILTER", &m->filter);
    d->of_answer = of_answer;
    return result;
}

int definition_add_measure(struct definition *d, const struct tree *call, struct span name,
                           unsigned *index)
{
    struct plan *p = d->plan;
    struct plan_measure m = {.at = p->n_words, .hidden = span_absent(name)};
    char hidden[32];
    if (!find_kind(call, &m.kind) || check_call(d, call, m.kind) != 0 ||
        make_measure(d, call, &m) != 0)
        return -1;
    if (p->n_measures == PLAN_MAX_MEASURES || p->n_words + aggregate_words(m.kind) > PLAN_MAX_WORDS)
        return definition_refuse(d, call, "make two views", "at most %d aggregates are possible",
                                 PLAN_MAX_MEASURES);
    snprintf(hidden, sizeof(hidden), "footfall_%u", p->n_measures);
    m.name = definition_keep(d, m.hidden ? span_of(hidden) : name);
    p->n_words += aggregate_words(m.kind);
    *index = p->n_measures++;
    d->measure_trees[*index] = call;
    p->measures[*index] = m;
    return 0;
}

int definition_measure_of(struct definition *d, const struct tree *call, unsigned *index)
{
    for (*index = 0; *index < d->plan->n_measures; ++*index)
        if (tree_equal(d->measure_trees[*index], call))
            return 0;
    return definition_add_measure(d, call, SPAN_ABSENT, index);
}

/* Counts are ints; the others numbers of the measure's scale, averages of 9 decimals. */
int definition_answer_column(struct definition *d, const struct tree *call, struct typed *out)
{
    unsigned index;
    if (definition_measure_of(d, call, &index) != 0)
        return -1;
    const struct plan_measure *m = &d->plan->measures[index];
    bool count = m->kind <= AGGREGATE_COUNT_DISTINCT;
    struct expr *x = arena_alloc(d->memory, sizeof(*x));
    *x = (struct expr){.op = EXPR_COLUMN,
                       .type = count ? VALUE_INT : VALUE_NUMBER,
                       .scale = m->kind == AGGREGATE_AVG ? EXPR_MAX_SCALE : m->scale,
                       .column = d->plan->n_dimensions + index};
    *out =
        count
            ? typed_int(SQL_INT8, x, 0, INT64_MAX)
            : (struct typed){.type = SQL_NUMERIC, .x = x, .low = -NUMBER_MOST, .high = NUMBER_MOST};
    return 0;
}
