/* SPDX-License-Identifier: Apache-2.0 */
/* HAVING, ORDER BY and LIMIT: properties of reading, over the rows of the answer. */
#include "views/definition_internal.h"

/* The answer as a relation: dimensions, then measures. */
static int check_having(struct definition *d, const struct tree *t)
{
    const struct plan *p = d->plan;
    struct relation_column columns[PLAN_MAX_DIMENSIONS + PLAN_MAX_MEASURES] = {{0}};
    struct relation answer = {"the answer", p->n_dimensions + p->n_measures, columns, 0, 0};
    struct err e = {0};
    for (unsigned i = 0; i < p->n_dimensions; i++)
        columns[i] =
            (struct relation_column){p->dimensions[i].name, p->dimensions[i].value->type, true, 0};
    for (unsigned i = 0; i < p->n_measures; i++)
        columns[p->n_dimensions + i] = (struct relation_column){
            p->measures[i].name,
            p->measures[i].kind <= AGGREGATE_COUNT_DISTINCT ? VALUE_INT : VALUE_NUMBER, true, 0};
    return expr_check(p->having, &answer, &e) == 0
               ? 0
               : definition_refuse(d, t, "write a simpler condition", "%s", e.text);
}

static int make_having(struct definition *d)
{
    const struct tree *t = tree_get(d->canonical.select, "havingClause");
    if (t == NULL)
        return 0;
    d->of_answer = true;
    int result = definition_condition(d, t, "HAVING", &d->plan->having);
    d->of_answer = false;
    return result == 0 ? check_having(d, t) : -1;
}

/* ---- ORDER BY ---- */

static int order_dimension(struct definition *d, const struct tree *t, const struct tree *value,
                           struct plan_order *out)
{
    for (unsigned i = 0; i < d->plan->n_dimensions; i++) {
        if (!tree_equal(d->dimension_trees[i], value))
            continue;
        if (d->dimension_by_locale[i])
            return definition_refuse(d, t, "list it with COLLATE \"C\", the order of bytes",
                                     "the order of this text depends on the database's locale");
        *out = (struct plan_order){.column = PLAN_DIMENSION, .index = i};
        return 0;
    }
    return definition_refuse(d, t, "order by columns that the SELECT lists, or by aggregates",
                             "ORDER BY names what the SELECT does not list");
}

static int order_column(struct definition *d, const struct tree *t, struct plan_order *out)
{
    int item = definition_list_item(d, t, NAMES_OF_LIST);
    const struct tree *value =
        item < 0 ? t : tree_get(tree_at(d->canonical.select, "targetList", (uint32_t)item), "val");
    if (d->bucket_tree != NULL && tree_equal(value, d->bucket_tree)) {
        *out = (struct plan_order){.column = PLAN_TIME};
        return 0;
    }
    if (!definition_is_aggregate(value))
        return order_dimension(d, t, value, out);
    *out = (struct plan_order){.column = PLAN_MEASURE};
    return definition_measure_of(d, value, &out->index);
}

static int order_by(struct definition *d, const struct tree *sort)
{
    struct plan *p = d->plan;
    const struct tree *t = tree_get(sort, "node");
    struct span direction = tree_text(sort, "sortby_dir"), nulls = tree_text(sort, "sortby_nulls");
    int item = definition_list_item(d, t, NAMES_OF_LIST);
    if (item == 0 && d->use == USE_VIEW)
        return 0; /* an answer is of one site */
    if (span_is(direction, "SORTBY_USING"))
        return definition_refuse(d, t, "write ASC or DESC",
                                 "ORDER BY … USING is not known to views");
    if (p->n_order == PLAN_MAX_ORDER)
        return definition_refuse(d, t, "order by fewer columns", "ORDER BY is too long");
    struct plan_order *o = &p->order[p->n_order];
    if (order_column(d, t, o) != 0)
        return -1;
    o->descending = span_is(direction, "SORTBY_DESC");
    o->nulls_first = span_is(nulls, "SORTBY_NULLS_FIRST") ||
                     (!span_is(nulls, "SORTBY_NULLS_LAST") && o->descending);
    p->n_order++;
    return 0;
}

/* ---- LIMIT ---- */

static int make_limit(struct definition *d)
{
    const struct tree *t = tree_get(d->canonical.select, "limitCount");
    struct typed v;
    d->plan->limit = -1;
    if (t == NULL || tree_flag(t, "isnull"))
        return 0;
    if (definition_type(d, t, &v) != 0 ||
        (v.type == SQL_UNKNOWN && typed_become(d, t, &v, SQL_INT8) != 0))
        return -1;
    if (v.x->op == EXPR_CONST && v.x->null)
        return 0;
    if (!is_int(v.type) || v.x->op != EXPR_CONST || v.x->integer < 0)
        return definition_refuse(d, t, "write LIMIT 10", "LIMIT needs a constant number of rows");
    d->plan->limit = v.x->integer;
    return 0;
}

int definition_make_reading(struct definition *d)
{
    if (make_having(d) != 0)
        return -1;
    for (uint32_t i = 0; i < tree_count(d->canonical.select, "sortClause"); i++)
        if (order_by(d, tree_at(d->canonical.select, "sortClause", i)) != 0)
            return -1;
    return make_limit(d);
}
