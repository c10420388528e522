/* SPDX-License-Identifier: Apache-2.0 */
/* A SELECT by its clauses: one relation, plain grouping. Everything else has its own refusal. */
#include "views/definition_internal.h"

static const struct {
    const char *field, *why, *hint;
} refused[] = {
    {"withClause", "WITH queries cannot be streamed", "write one SELECT over one relation"},
    {"valuesLists", "VALUES has no events", "write SELECT … FROM events GROUP BY …"},
    {"distinctClause", "SELECT DISTINCT is not kept",
     "every group is one row already; use count(DISTINCT x) for how many"},
    {"intoClause", "SELECT INTO makes a table", "leave INTO out"},
    {"windowClause", "window functions cannot be streamed",
     "hopping windows are made when reading: window=…"},
    {"lockingClause", "a view locks nothing", "leave FOR UPDATE out"},
    {"limitOffset", "OFFSET is not a property of a view", "ask for it when reading: offset=…"},
};

static int check_clauses(struct definition *d, const struct tree *select)
{
    if (!span_is(tree_text(select, "op"), "SETOP_NONE"))
        return definition_refuse(d, select, "make a view of each, or one condition with OR",
                                 "UNION, INTERSECT and EXCEPT cannot be streamed");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const struct tree *clause = tree_get(select, refused[i].field);
        if (clause != NULL)
            return definition_refuse(d, tree_location(clause) == TREE_NOWHERE ? select : clause,
                                     refused[i].hint, "%s", refused[i].why);
    }
    if (span_is(tree_text(select, "limitOption"), "LIMIT_OPTION_WITH_TIES"))
        return definition_refuse(d, tree_get(select, "limitCount"), "write LIMIT n",
                                 "FETCH … WITH TIES is not known to views");
    return 0;
}

static int check_from(struct definition *d, const struct tree *select)
{
    const struct tree *from = tree_at(select, "fromClause", 0);
    const char *hint = "write FROM events";
    if (from == NULL)
        return definition_refuse(d, select, hint, "the SELECT has no FROM");
    if (tree_count(select, "fromClause") > 1 || tree_is(from, "JoinExpr"))
        return definition_refuse(
            d, tree_count(select, "fromClause") > 1 ? tree_at(select, "fromClause", 1) : from,
            "an event carries what is known of it: put the rest into props",
            "joins cannot be streamed");
    if (tree_is(from, "RangeSubselect"))
        return definition_refuse(d, from, "write one SELECT over one relation",
                                 "a SELECT within the SELECT cannot be streamed");
    if (!tree_is(from, "RangeVar"))
        return definition_refuse(d, from, hint, "this is no relation that can be streamed");
    if (tree_count(tree_get(from, "alias"), "colnames") > 0)
        return definition_refuse(d, from, "name the relation alone: events e",
                                 "columns cannot be renamed here");
    return 0;
}

static int check_groups(struct definition *d, const struct tree *select)
{
    for (uint32_t i = 0; i < tree_count(select, "groupClause"); i++)
        if (tree_is(tree_at(select, "groupClause", i), "GroupingSet"))
            return definition_refuse(d, tree_at(select, "groupClause", i),
                                     "list all dimensions; totals over some are made when reading: "
                                     "by=…",
                                     "GROUPING SETS, ROLLUP and CUBE are not kept");
    if (tree_flag(select, "groupDistinct"))
        return definition_refuse(d, select, "leave DISTINCT out", "GROUP BY DISTINCT is not known");
    return 0;
}

static int check_list(struct definition *d, const struct tree *select)
{
    if (tree_count(select, "targetList") == 0)
        return definition_refuse(d, select,
                                 "write SELECT site, … AS time, count(*) AS n FROM events",
                                 "the SELECT lists nothing");
    for (uint32_t i = 0; i < tree_count(select, "targetList"); i++) {
        const struct tree *value = tree_get(tree_at(select, "targetList", i), "val");
        uint32_t n = tree_count(value, "fields");
        if (tree_is(value, "ColumnRef") && tree_is(tree_at(value, "fields", n - 1), "A_Star"))
            return definition_refuse(d, value, "name the columns to group by",
                                     "* stands for all columns");
    }
    return 0;
}

/* ---- how much is made of it ---- */

enum { MOST_WEIGHT = 200000 };

/* PostgreSQL, too, writes x BETWEEN a AND b as two conditions of x (SYMMETRIC: as four, of a and b
 * two each), and x IN (a, b) as one of each that is no constant: nested, that doubles at every
 * level. field: which part of the operator. */
static uint64_t copies(const struct tree *t, struct span field)
{
    struct span kind = tree_text(t, "kind");
    bool left = span_is(field, "lexpr"), right = span_is(field, "rexpr");
    uint64_t n = 1;
    if (!tree_is(t, "A_Expr") || (!left && !right))
        return 1;
    if (span_is(kind, "AEXPR_BETWEEN") || span_is(kind, "AEXPR_NOT_BETWEEN"))
        return left ? 2 : 1;
    if (span_is(kind, "AEXPR_BETWEEN_SYM") || span_is(kind, "AEXPR_NOT_BETWEEN_SYM"))
        return left ? 4 : 2;
    const struct tree *items = tree_get(tree_get(t, "rexpr"), "items");
    for (uint32_t i = 0; left && span_is(kind, "AEXPR_IN") && items != NULL && i < items->n; i++)
        n += !tree_is(items->items[i], "A_Const");
    return n;
}

static uint64_t weight(const struct tree *t)
{
    uint64_t sum = 1;
    for (uint32_t i = 0; i < t->n && sum <= MOST_WEIGHT; i++)
        sum += weight(t->items[i]) * copies(t, t->keys[i]);
    return sum > MOST_WEIGHT ? MOST_WEIGHT + 1 : sum;
}

static int check_weight(struct definition *d, const struct tree *select)
{
    return weight(select) <= MOST_WEIGHT
               ? 0
               : definition_refuse(d, select, "write it shorter",
                                   "the SELECT grows too large when it is written out");
}

int definition_check_shape(struct definition *d, const struct tree *select)
{
    if (check_weight(d, select) != 0)
        return -1;
    if (check_clauses(d, select) != 0 || check_from(d, select) != 0 || check_groups(d, select) != 0)
        return -1;
    return check_list(d, select);
}
