/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a definition, from text to plan. */
#include "views/definition.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include "views/catalog.h"
#include "views/definition_internal.h"
#include "views/definition_sql.h"

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
    if (d->given.select != NULL)
        definition_pair(d->canonical.statement, (struct tree *)d->given.select);
    return 0;
}

/* All of them together; of a question there are no tiers to check. */
static int check_expressions(const struct plan *p, struct err *e)
{
    const struct expr *all[1 + PLAN_MAX_DIMENSIONS + 2 * PLAN_MAX_MEASURES];
    unsigned n = 0;
    all[n++] = p->filter;
    for (unsigned i = 0; i < p->n_dimensions; i++)
        all[n++] = p->dimensions[i].value;
    for (unsigned i = 0; i < p->n_measures; i++) {
        all[n++] = p->measures[i].value;
        all[n++] = p->measures[i].filter;
    }
    for (unsigned i = 0; i < n; i++)
        if (all[i] != NULL && expr_check(all[i], p->relation, e) != 0)
            return -1;
    return expr_check_work(all, n, e);
}

static int check_plan(struct definition *d)
{
    struct err why = {0};
    if (check_expressions(d->plan, &why) != 0 ||
        (d->use == USE_VIEW && plan_check(d->plan, &why) != 0))
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

/* ---- for verify ---- */

static int put_sql(struct definition *d, struct span canonical, struct buf *out)
{
    if (parse_canonical(d, canonical) != 0 || definition_make_select(d) != 0 ||
        definition_make_reading(d) != 0)
        return -1;
    return definition_put_sql(d, out);
}

int definition_sql(const struct plan *p, struct buf *out, struct err *e)
{
    struct definition d;
    struct plan *again;
    begin(&d, p->bucket_us != 0 && p->n_tiers > 0 ? USE_VIEW : USE_QUERY, SPAN_ABSENT, e);
    int result = end(&d, put_sql(&d, span_of(p->canonical), out), &again);
    definition_free(again);
    return result == 0 ? 0 : err_context(e, "view %s", p->name);
}

/* ---- asking PostgreSQL ---- */

/* Words that mean another day tomorrow: PostgreSQL has put that of today in their place. */
static bool has_date_word(struct span text)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i]);
        for (size_t at = 0; at + n <= text.n; at++) /* "04:05 today" is one, too */
            if (strncasecmp(text.p + at, words[i], n) == 0)
                return true;
    }
    return false;
}

static bool has_text(const struct tree *t, struct span text)
{
    if (tree_is(t, "A_Const") && span_equal(definition_constant_text(t), text))
        return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (has_text(t->items[i], text))
            return true;
    return false;
}

static int check_date_words(struct definition *d, const struct tree *given,
                            const struct tree *canonical)
{
    struct span text = definition_constant_text(given);
    if (tree_is(given, "A_Const") && has_date_word(text) && !has_text(canonical, text))
        return definition_refuse(d, given, "write the date",
                                 "\"%.*s\" would mean the day of this definition for ever",
                                 (int)(text.n < 40 ? text.n : 40), text.p);
    for (uint32_t i = 0; i < given->n; i++)
        if (check_date_words(d, given->items[i], canonical) != 0)
            return -1;
    return 0;
}

/* given: parsed. */
static int ask_and_plan(struct definition *d, struct sql *s, struct span name)
{
    struct span select;
    struct buf canonical = {0};
    int result = definition_check_shape(d, d->given.select);
    if (result == 0)
        result = definition_find_select(d, &select);
    if (result == 0)
        result = definition_ask(d, s, select, &canonical);
    if (result == 0)
        result = make_plan(d, name, buf_span(&canonical));
    buf_clear(&canonical);
    return result == 0 ? check_date_words(d, d->given.select, d->canonical.select) : -1;
}

static int check_view(struct definition *d, struct sql *s)
{
    struct span name;
    if (parse_given(d) != 0 || definition_head(d, &name) != 0)
        return -1;
    return ask_and_plan(d, s, name);
}

int definition_check(struct sql *s, struct span text, const struct plan **out,
                     struct definition_place *place, struct err *e)
{
    struct definition d;
    struct plan *made;
    begin(&d, USE_VIEW, text, e);
    int result = end(&d, check_view(&d, s), &made);
    *place = d.place;
    *out = NULL;
    if (result != 0)
        return -1;
    *out = catalog_keep(made);
    if (*out != made)
        definition_free(made);
    return 0;
}

static int check_query(struct definition *d, struct sql *s)
{
    if (parse_given(d) != 0)
        return -1;
    if (!tree_is(d->given.statement, "SelectStmt"))
        return definition_refuse(d, d->given.statement, "write SELECT … FROM events GROUP BY …",
                                 "this asks nothing");
    return ask_and_plan(d, s, SPAN_LITERAL("query"));
}

int definition_of_query(struct sql *s, struct span text, struct plan **out,
                        struct definition_place *place, struct err *e)
{
    struct definition d;
    begin(&d, USE_QUERY, text, e);
    int result = end(&d, check_query(&d, s), out);
    *place = d.place;
    return result;
}

int definition_plan(const char *name, const char *sql, const char *canonical, struct plan **out,
                    struct err *e)
{
    struct definition d;
    begin(&d, USE_VIEW, span_of(sql), e);
    return end(&d, plan_of_texts(&d, name, canonical), out);
}
