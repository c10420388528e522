/* SPDX-License-Identifier: Apache-2.0 */
/* Places in the text that was given. What PostgreSQL gives back says the same with other words:
 * casts and names of the relation added, IN and BETWEEN spelled out. A node came from the first
 * node not yet taken that says the same, within what its parent came from; so a wrong guess stays
 * within the clause. */
#include "base/utf8.h"
#include "views/definition_internal.h"

struct definition_place definition_place_of(struct span text, size_t at)
{
    struct definition_place place = {1, 1};
    for (size_t i = 0; i < at && i < text.n;) {
        size_t n = utf8_character(text.p + i, text.n - i);
        place.column++;
        if (text.p[i] == '\n')
            place = (struct definition_place){place.line + 1, 1};
        i += n == 0 ? 1 : n;
    }
    return place;
}

size_t definition_byte_of(struct span text, size_t character)
{
    size_t i = 0;
    while (character > 1 && i < text.n) {
        size_t n = utf8_character(text.p + i, text.n - i);
        i += n == 0 ? 1 : n;
        character--;
    }
    return i;
}

void definition_pair_self(struct tree *t)
{
    t->twin = t;
    for (uint32_t i = 0; i < t->n; i++)
        definition_pair_self(t->items[i]);
}

/* A constant under casts, as which it counts. */
static struct tree *bare(struct tree *t)
{
    struct tree *inner = t;
    while (tree_is(inner, "TypeCast") || tree_is(inner, "CollateClause"))
        inner = tree_get(inner, "arg");
    return tree_is(inner, "A_Const") ? inner : t;
}

static struct span type_of_cast(const struct tree *t)
{
    return tree_last_name(tree_get(t, "typeName"), "names");
}

/* Whether two nodes say the same of themselves, whatever is below them. */
static bool is_like(const struct tree *a, const struct tree *b)
{
    static const struct {
        const char *type, *list;
    } named[] = {{"ColumnRef", "fields"}, {"FuncCall", "funcname"}, {"A_Expr", "name"}};
    if (a->kind != TREE_NODE || b->kind != TREE_NODE || a->type.n == 0 || tree_is(a, "String") ||
        !span_equal(a->type, b->type))
        return false;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (tree_is(a, named[i].type))
            return span_equal(tree_last_name(a, named[i].list), tree_last_name(b, named[i].list));
    if (tree_is(a, "A_Const"))
        return tree_equal(a, b);
    if (tree_is(a, "TypeCast"))
        return span_equal(type_of_cast(a), type_of_cast(b));
    return !tree_is(a, "BoolExpr") || span_equal(tree_text(a, "boolop"), tree_text(b, "boolop"));
}

static struct tree *find_like(struct tree *a, struct tree *within)
{
    if (!within->taken && is_like(a, within))
        return within;
    for (uint32_t i = 0; i < within->n; i++) {
        struct tree *found = find_like(a, within->items[i]);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static void pair(struct tree *canonical, struct tree *scope)
{
    struct tree *found = NULL, *like = bare(canonical);
    if (canonical->kind == TREE_NODE)
        found = find_like(like, scope);
    if (found != NULL)
        found->taken = true;
    canonical->twin = like->twin = found == NULL ? scope : found;
    for (uint32_t i = 0; i < canonical->n; i++)
        pair(canonical->items[i], found == NULL ? scope : found);
}

static void pair_lists(struct tree *canonical, struct tree *given, const char *field)
{
    for (uint32_t i = 0; i < tree_count(canonical, field); i++) {
        struct tree *from = tree_at(given, field, i);
        pair(tree_at(canonical, field, i), from == NULL ? given : from);
    }
}

void definition_pair(struct tree *canonical, struct tree *given)
{
    static const char *const lists[] = {"targetList", "fromClause", "groupClause", "sortClause"};
    static const char *const clauses[] = {"whereClause", "havingClause", "limitCount"};
    canonical->twin = given;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        pair_lists(canonical, given, lists[i]);
    for (size_t i = 0; i < sizeof(clauses) / sizeof(clauses[0]); i++) {
        struct tree *to = tree_get(canonical, clauses[i]), *from = tree_get(given, clauses[i]);
        if (to != NULL)
            pair(to, from == NULL ? given : from);
    }
}
