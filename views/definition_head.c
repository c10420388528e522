/* SPDX-License-Identifier: Apache-2.0 */
/* Around the SELECT: CREATE MATERIALIZED VIEW name WITH (...) AS. */
#include "views/definition_internal.h"
#include "views/definition_token.h"

static const char *const form = "write CREATE MATERIALIZED VIEW name AS SELECT …";

static int check_into(struct definition *d, const struct tree *into)
{
    const struct tree *rel = tree_get(into, "rel");
    if (!span_absent(tree_text(rel, "schemaname")))
        return definition_refuse(d, rel, "name it alone", "a view is in no schema");
    if (!span_is(tree_text(rel, "relpersistence"), "p"))
        return definition_refuse(d, rel, form, "a view is neither temporary nor unlogged");
    if (tree_count(into, "colNames") > 0)
        return definition_refuse(d, rel, "name columns within the SELECT, by AS",
                                 "a list of columns behind the view's name is not known");
    if (!span_absent(tree_text(into, "accessMethod")) ||
        !span_absent(tree_text(into, "tableSpaceName")))
        return definition_refuse(d, rel, "leave USING and TABLESPACE out",
                                 "a view is not kept in PostgreSQL");
    if (tree_flag(into, "skipData"))
        return definition_refuse(d, rel, "leave WITH NO DATA out", "a view is built at once");
    return 0;
}

int definition_head(struct definition *d, struct span *name)
{
    const struct tree *s = d->given.statement, *into = tree_get(s, "into");
    if (tree_is(s, "SelectStmt"))
        return definition_refuse(d, s, form, "the view has no name");
    if (tree_is(s, "ViewStmt"))
        return definition_refuse(d, s, form, "the view is not called materialized");
    if (!tree_is(s, "CreateTableAsStmt") || !span_is(tree_text(s, "objtype"), "OBJECT_MATVIEW"))
        return definition_refuse(d, s, form, "this defines no view");
    if (tree_flag(s, "if_not_exists"))
        return definition_refuse(d, tree_get(into, "rel"),
                                 "leave IF NOT EXISTS out: adding a view again changes it",
                                 "whether it exists is not asked");
    if (!tree_is(tree_get(s, "query"), "SelectStmt"))
        return definition_refuse(d, s, form, "a view is a SELECT");
    *name = tree_text(tree_get(into, "rel"), "relname");
    if (!definition_is_name(*name))
        return definition_refuse(d, tree_get(into, "rel"), "use small letters, digits and _",
                                 "\"%.*s\" is no name for a view",
                                 (int)(name->n < 80 ? name->n : 80), name->p);
    return check_into(d, into);
}

/* From the first token behind AS (or the first at all) to the semicolon or the end. */
static struct span find_select(struct span text, bool within)
{
    struct token_walk w = token_walk_of(text);
    struct token t;
    struct span select = SPAN_ABSENT;
    while (token_next(&w, &t)) {
        bool ends = t.depth == 0 && token_is_mark(&t, ';');
        if (within && ends && !span_absent(select))
            break;
        if (within && !ends) {
            const char *from = span_absent(select) ? t.text.p : select.p;
            select = (struct span){from, (size_t)(t.text.p + t.text.n - from)};
        }
        within = within || (t.depth == 0 && token_is_word(&t, "as"));
    }
    return select;
}

struct span definition_select(const char *sql)
{
    return find_select(span_of(sql), false);
}

int definition_find_select(struct definition *d, struct span *select)
{
    *select = find_select(d->given.text, tree_is(d->given.statement, "SelectStmt"));
    if (span_absent(*select))
        return definition_refuse(d, d->given.statement, form, "the SELECT is not found");
    d->given.select_at = (size_t)(select->p - d->given.text.p);
    return 0;
}
