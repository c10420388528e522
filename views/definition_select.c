/* SPDX-License-Identifier: Apache-2.0 */
/* The SELECT's list and GROUP BY: site, time bucket, dimensions, measures. */
#include <stdlib.h>

#include "views/definition_internal.h"

/* What can stand behind FROM. */
static const struct relation *const relations[] = {&RELATION_EVENTS, &RELATION_SESSIONS};

static int find_relation(struct definition *d)
{
    const struct tree *from = tree_at(d->canonical.select, "fromClause", 0);
    struct span name = tree_text(from, "relname");
    d->relation_alias = tree_text(tree_get(from, "alias"), "aliasname");
    if (span_absent(d->relation_alias))
        d->relation_alias = name;
    for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
        if (span_is(name, relations[i]->name) && span_absent(tree_text(from, "schemaname"))) {
            d->plan->relation = relations[i];
            return 0;
        }
    return definition_refuse(d, from, "write FROM events, or FROM sessions",
                             "\"%.*s\" is no relation that views are made of", SPAN_ARGS(name));
}

/* ---- names ---- */

struct span definition_item_name(const struct tree *target)
{
    struct span name = tree_text(target, "name");
    const struct tree *value = tree_get(target, "val");
    if (!span_absent(name))
        return name;
    while (tree_is(value, "TypeCast") || tree_is(value, "CollateClause"))
        value = tree_get(value, "arg");
    if (tree_is(value, "ColumnRef"))
        return tree_last_name(value, "fields");
    return tree_is(value, "FuncCall") ? tree_last_name(value, "funcname") : SPAN_LITERAL("case");
}

enum { NAME_MAX_BYTES = 63 };

bool definition_is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
              (i > 0 && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))))
            return false;
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

static int check_name(struct definition *d, const struct tree *target, uint32_t index,
                      struct span name)
{
    const struct tree *list = tree_get(d->canonical.select, "targetList");
    if (!definition_is_name(name))
        return definition_refuse(d, target, "name it by AS: small letters, digits and _",
                                 "\"%.*s\" is no name for a column of a view",
                                 (int)(name.n < 80 ? name.n : 80), name.p);
    if (name.n >= 9 && memcmp(name.p, "footfall_", 9) == 0)
        return definition_refuse(d, target, "name it otherwise", "names of footfall_ are our own");
    for (uint32_t i = 0; i < index; i++)
        if (span_equal(definition_item_name(list->items[i]), name))
            return definition_refuse(d, target, "name one of them otherwise by AS",
                                     "two columns are named %.*s", SPAN_ARGS(name));
    return 0;
}

/* ---- GROUP BY ---- */

static int by_ordinal(const struct definition *d, const struct tree *t)
{
    const struct tree *number = tree_is(t, "A_Const") ? tree_get(t, "ival") : NULL;
    int64_t n = tree_int(number, "ival");
    return number != NULL && n >= 1 && n <= tree_count(d->canonical.select, "targetList")
               ? (int)n - 1
               : -1;
}

static bool is_column(const struct definition *d, struct span name)
{
    const struct relation *r = d->plan->relation;
    for (unsigned i = 0; i < r->n_columns; i++)
        if (r->columns[i].name != NULL && span_is(name, r->columns[i].name))
            return true;
    return false;
}

static int by_name(const struct definition *d, const struct tree *t, enum definition_names names)
{
    struct span name = tree_last_name(t, "fields");
    if (!tree_is(t, "ColumnRef") || tree_count(t, "fields") != 1 ||
        (names == NAMES_OF_COLUMNS && is_column(d, name)))
        return -1;
    for (uint32_t i = 0; i < tree_count(d->canonical.select, "targetList"); i++)
        if (span_equal(definition_item_name(tree_at(d->canonical.select, "targetList", i)), name))
            return (int)i;
    return -1;
}

int definition_list_item(const struct definition *d, const struct tree *t,
                         enum definition_names names)
{
    int index = by_ordinal(d, t);
    if (index < 0)
        index = by_name(d, t, names);
    for (uint32_t i = 0; index < 0 && i < tree_count(d->canonical.select, "targetList"); i++)
        if (tree_equal(t, tree_get(tree_at(d->canonical.select, "targetList", i), "val")))
            index = (int)i;
    return index;
}

/* What is wrong with it may be more than that it is not grouped by: count(*) * 2. */
static int check_ungrouped(struct definition *d, const struct tree *value)
{
    struct typed ignored;
    int64_t stride_us;
    if (definition_bucket_stride(d, value, &stride_us) != 0)
        return -1;
    return stride_us != 0 ? 0 : definition_type(d, value, &ignored);
}

/* Parts nothing, and PostgreSQL's form of it in GROUP BY has another cast than in the list. */
static bool is_constant(const struct tree *t)
{
    while (tree_is(t, "TypeCast") || tree_is(t, "CollateClause"))
        t = tree_get(t, "arg");
    return tree_is(t, "A_Const");
}

/* The groups are what the list shows, no more and no less; constants do not count. */
static int check_groups(struct definition *d)
{
    const struct tree *select = d->canonical.select;
    uint32_t n = tree_count(select, "targetList");
    bool *grouped = arena_alloc(&d->scratch, n);
    memset(grouped, 0, n);
    for (uint32_t i = 0; i < tree_count(select, "groupClause"); i++) {
        const struct tree *t = tree_at(select, "groupClause", i);
        int item = definition_list_item(d, t, NAMES_OF_COLUMNS);
        if (item < 0 && is_constant(t))
            continue;
        if (item < 0)
            return definition_refuse(d, t, "list it, or leave it out of GROUP BY",
                                     "GROUP BY names what the SELECT does not list");
        const struct tree *value = tree_get(tree_at(select, "targetList", (uint32_t)item), "val");
        for (uint32_t j = 0; j < n; j++) /* the same may be listed twice */
            if (tree_equal(value, tree_get(tree_at(select, "targetList", j), "val")))
                grouped[j] = true;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct tree *target = tree_at(select, "targetList", i);
        bool aggregate = definition_is_aggregate(tree_get(target, "val"));
        grouped[i] = grouped[i] || is_constant(tree_get(target, "val"));
        if (!aggregate && !grouped[i] && check_ungrouped(d, tree_get(target, "val")) != 0)
            return -1;
        if (!aggregate && !grouped[i])
            return definition_refuse(d, target,
                                     "group by all that is no aggregate: GROUP BY 1, 2 …",
                                     "this is neither in GROUP BY nor an aggregate");
        if (aggregate && grouped[i])
            return definition_refuse(d, target, "group by the other columns",
                                     "an aggregate cannot be grouped by");
    }
    return 0;
}

/* ---- the list ---- */

static int add_dimension(struct definition *d, const struct tree *target, struct span name)
{
    struct plan *p = d->plan;
    struct typed v;
    const struct tree *value = tree_get(target, "val");
    if (p->n_dimensions == PLAN_MAX_DIMENSIONS)
        return definition_refuse(d, target, "make two views", "at most %d dimensions are possible",
                                 PLAN_MAX_DIMENSIONS);
    if (definition_type(d, value, &v) != 0)
        return -1;
    if (v.type == SQL_UNKNOWN && typed_become(d, value, &v, SQL_TEXT) != 0)
        return -1;
    if (v.type == SQL_NUMERIC && v.x->scale == 0 && v.low >= INT64_MIN && v.high <= INT64_MAX)
        v = typed_int(SQL_INT8, expr_make1(d, EXPR_TO_INT, VALUE_INT, v.x), v.low, v.high);
    if (v.type != SQL_TEXT && v.type != SQL_BOOL && !is_int(v.type))
        return definition_refuse(d, value,
                                 v.type == SQL_TIME   ? "take its parts: extract(hour FROM …)"
                                 : v.type == SQL_JSON ? "take a key: props ->> 'key'"
                                 : v.type == SQL_UUID ? "count(DISTINCT event_id), or ::text"
                                                      : "round it to an integer: round(x)::bigint",
                                 "a %s cannot be grouped by", sql_type_name(v.type));
    unsigned i = p->n_dimensions++;
    d->dimension_trees[i] = value;
    d->dimension_by_locale[i] = v.type == SQL_TEXT && v.collation != COLLATION_C;
    p->dimensions[i] = (struct plan_dimension){definition_keep(d, name), v.x};
    return 0;
}

static bool is_site(const struct definition *d, const struct tree *value)
{
    const struct relation *r = d->plan->relation;
    return tree_is(value, "ColumnRef") &&
           span_is(tree_last_name(value, "fields"), r->columns[r->site].name);
}

static int take_site(struct definition *d, const struct tree *target, struct span name)
{
    const char *site = d->plan->relation->columns[d->plan->relation->site].name;
    if (!is_site(d, tree_get(target, "val")) || !span_is(name, site))
        return definition_refuse(d, target, "write SELECT site, …",
                                 "the first column of a view is %s", site);
    d->site_tree = tree_get(target, "val");
    return 0;
}

static int take_bucket(struct definition *d, const struct tree *target, struct span name,
                       int64_t stride_us)
{
    if (d->bucket_tree != NULL)
        return definition_refuse(d, target, "make another view of it",
                                 "a view has one time bucket, this is another");
    d->bucket_tree = tree_get(target, "val");
    d->plan->bucket_us = stride_us;
    d->plan->bucket_name = definition_keep(d, name);
    return 0;
}

static int take_target(struct definition *d, uint32_t i)
{
    const struct tree *target = tree_at(d->canonical.select, "targetList", i);
    const struct tree *value = tree_get(target, "val");
    struct span name = definition_item_name(target);
    int64_t stride_us;
    unsigned index;
    if (check_name(d, target, i, name) != 0 || definition_bucket_stride(d, value, &stride_us) != 0)
        return -1;
    if (i == 0 && d->use == USE_VIEW)
        return take_site(d, target, name);
    if (stride_us != 0)
        return take_bucket(d, target, name, stride_us);
    if (span_is(name, "time") || (span_is(name, "site") && d->use == USE_VIEW))
        return definition_refuse(d, target, "name it otherwise by AS",
                                 "the name %.*s is taken by another column of the answer",
                                 SPAN_ARGS(name));
    if (definition_is_aggregate(value))
        return definition_add_measure(d, value, name, &index);
    return add_dimension(d, target, name);
}

static int check_complete(struct definition *d)
{
    const struct tree *select = d->canonical.select;
    if (d->use == USE_VIEW && d->bucket_tree == NULL)
        return definition_refuse(d, select,
                                 "list date_bin('1 minute', event_time, 'epoch') AS time",
                                 "the SELECT has no time bucket");
    if (d->plan->n_measures == 0)
        return definition_refuse(d, select, "list count(*) AS n",
                                 "the SELECT has no aggregate: count, sum, avg, min or max");
    return 0;
}

int definition_make_select(struct definition *d)
{
    const struct tree *select = d->canonical.select;
    const struct tree *where = tree_get(select, "whereClause");
    if (definition_check_shape(d, select) != 0 || find_relation(d) != 0 || check_groups(d) != 0)
        return -1;
    if (where != NULL && definition_condition(d, where, "WHERE", &d->plan->filter) != 0)
        return -1;
    for (uint32_t i = 0; i < tree_count(select, "targetList"); i++)
        if (take_target(d, i) != 0)
            return -1;
    return check_complete(d);
}
