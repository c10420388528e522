/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a definition, from text to plan. */
#include "views/definition.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "views/definition_internal.h"

/* A plan and the memory it is in. */
struct owned {
    struct arena memory;
    struct plan plan;
};

void definition_free(struct plan *p)
{
    if (p == NULL)
        return;
    struct owned *o = (struct owned *)((char *)p - offsetof(struct owned, plan));
    arena_clear(&o->memory);
    free(o);
}

static void begin(struct definition *d, enum definition_use use, struct span given, struct err *e)
{
    struct owned *o = mem_alloc(sizeof(*o));
    *d = (struct definition){.use = use, .memory = &o->memory, .plan = &o->plan, .e = e};
    d->given.text = given;
    d->plan->limit = -1;
}

/* Gives the plan out, or nothing. */
static int end(struct definition *d, int result, struct plan **out)
{
    arena_clear(&d->scratch);
    if (result != 0)
        definition_free(d->plan);
    *out = result == 0 ? d->plan : NULL;
    return result;
}

/* ---- the given text ---- */

static int refuse_text(struct definition *d, int32_t at, const struct err *why)
{
    if (at == TREE_NOWHERE || why->kind != ERR_INPUT)
        return err_set(d->e, why->kind, "%s", why->text);
    d->place = definition_place_of(d->given.text, (size_t)at);
    return err_set(d->e, ERR_INPUT, "line %u, column %u: %s", d->place.line, d->place.column,
                   why->text);
}

static int parse_given(struct definition *d)
{
    struct err why = {0};
    int32_t at;
    if (definition_parse(d->given.text, &d->scratch, &d->given.statement, &at, &why) != 0)
        return refuse_text(d, at, &why);
    definition_pair_self(d->given.statement);
    d->given.select = tree_is(d->given.statement, "SelectStmt")
                          ? d->given.statement
                          : tree_get(d->given.statement, "query");
    return 0;
}

/* ---- the plan ---- */

/* The canonical text's tree; what is wrong in it is shown in the given text. */
static int parse_canonical(struct definition *d, struct span canonical)
{
    struct err why = {0};
    int32_t at;
    d->canonical.text = canonical;
    if (definition_parse(canonical, &d->scratch, &d->canonical.statement, &at, &why) != 0)
        return err_set(d->e, why.kind, "PostgreSQL's form of the SELECT: %s", why.text);
    if (!tree_is(d->canonical.statement, "SelectStmt"))
        return err_set(d->e, ERR_INPUT, "the definition is no SELECT");
    d->canonical.select = d->canonical.statement;
    definition_pair(d->canonical.statement, (struct tree *)d->given.select);
    return 0;
}

static int check_plan(struct definition *d)
{
    struct err why = {0};
    if (d->use == USE_VIEW && plan_check(d->plan, &why) != 0)
        return err_set(d->e, why.kind, "%s", why.text);
    return 0;
}

static int make_plan(struct definition *d, struct span name, struct span canonical)
{
    d->plan->name = definition_keep(d, name);
    d->plan->sql = definition_keep(d, d->given.text);
    d->plan->canonical = definition_keep(d, canonical);
    if (parse_canonical(d, canonical) != 0 || definition_make_select(d) != 0 ||
        definition_make_reading(d) != 0)
        return -1;
    if (d->use == USE_VIEW && definition_make_tiers(d) != 0)
        return -1;
    return check_plan(d);
}

static int plan_of_texts(struct definition *d, const char *name, const char *canonical)
{
    struct span given_name;
    if (parse_given(d) != 0 || definition_head(d, &given_name) != 0)
        return -1;
    if (!span_is(given_name, name))
        return err_set(d->e, ERR_INPUT, "the definition of view %s names another, %.*s", name,
                       SPAN_ARGS(given_name));
    return make_plan(d, given_name, span_of(canonical));
}

int definition_plan(const char *name, const char *sql, const char *canonical, struct plan **out,
                    struct err *e)
{
    struct definition d;
    begin(&d, USE_VIEW, span_of(sql), e);
    return end(&d, plan_of_texts(&d, name, canonical), out);
}
