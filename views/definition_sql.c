/* SPDX-License-Identifier: Apache-2.0 */
/* The tree says what there is and where it begins, the tokens where it ends: the pieces are
 * PostgreSQL's own text, put together again. */
#include "views/definition_sql.h"

#include "views/definition_internal.h"
#include "views/definition_token.h"

/* The clauses of a canonical SELECT. */
struct pieces {
    struct span list; /* between SELECT and FROM */
    struct span from; /* FROM ... WHERE ... */
};

static bool ends_where(const struct token *t)
{
    static const char *const words[] = {"group", "having", "order", "limit", "fetch"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (t->depth == 0 && token_is_word(t, words[i]))
            return true;
    return false;
}

static struct span between(const char *from, const char *to)
{
    return (struct span){from, (size_t)(to - from)};
}

/* relation_at: the relation's name, which the last FROM before it belongs to. */
static struct pieces cut(struct span text, size_t relation_at)
{
    struct token_walk w = token_walk_of(text);
    struct token t;
    const char *list = text.p, *from = NULL, *end = text.p + text.n;
    bool first = true;
    while (token_next(&w, &t)) {
        bool before = t.text.p < text.p + relation_at;
        if (first)
            list = t.text.p + t.text.n;
        first = false;
        if (before && t.depth == 0 && token_is_word(&t, "from"))
            from = t.text.p;
        if (!before && ends_where(&t)) {
            end = t.text.p;
            break;
        }
    }
    return from == NULL ? (struct pieces){SPAN_ABSENT, SPAN_ABSENT}
                        : (struct pieces){between(list, from), between(from, end)};
}

static const char *end_of(const struct token *t)
{
    return t->text.p + t->text.n;
}

static struct pieces cut_canonical(const struct definition *d)
{
    const struct tree *from = tree_at(d->canonical.select, "fromClause", 0);
    return cut(d->canonical.text, (size_t)tree_location(from));
}

/* The n-th item of the list, without its alias. */
static struct span item_of(struct span list, uint32_t n, bool named)
{
    struct token_walk w = token_walk_of(list);
    struct token t;
    const char *start = NULL, *last = NULL, *before_last = NULL, *before_as = NULL;
    while (token_next(&w, &t)) {
        if (t.depth == 0 && token_is_mark(&t, ',')) {
            if (n-- == 0)
                break;
            continue;
        }
        if (n != 0)
            continue;
        start = start == NULL ? t.text.p : start;
        if (t.depth == 0 && token_is_word(&t, "as"))
            before_as = last;
        before_last = last;
        last = end_of(&t);
    }
    if (before_as != NULL)
        return between(start, before_as);
    return start == NULL ? SPAN_ABSENT
                         : between(start, named && before_last != NULL ? before_last : last);
}

/* ---- aggregates ---- */

struct call {
    struct span whole, args, filter; /* filter: FILTER (...), may be empty */
};

/* Through the bracket that closes the one to come; inside: what is between them. */
static const char *bracket_end(struct token_walk *w, struct span *inside)
{
    struct token t;
    const char *open = NULL;
    while (token_next(w, &t)) {
        if (open == NULL && token_is_mark(&t, '('))
            open = t.text.p + 1;
        else if (open != NULL && t.depth == 0 && token_is_mark(&t, ')')) {
            *inside = between(open, t.text.p);
            return t.text.p + 1;
        }
    }
    return NULL;
}

static int call_at(struct span text, int32_t at, struct call *out, struct err *e)
{
    struct span rest = {text.p + at, text.n - (size_t)at}, ignored;
    struct token_walk w = token_walk_of(rest);
    struct token t;
    const char *end = at < 0 ? NULL : bracket_end(&w, &out->args), *behind = end;
    if (end == NULL)
        return err_set(e, ERR_DATA, "the canonical SELECT has an aggregate without brackets");
    struct token_walk ahead = w;
    if (token_next(&ahead, &t) && token_is_word(&t, "filter"))
        behind = bracket_end(&ahead, &ignored);
    if (behind == NULL)
        return err_set(e, ERR_DATA, "the canonical SELECT has a FILTER without brackets");
    out->whole = between(rest.p, behind);
    out->filter = between(end, behind);
    struct token_walk within = token_walk_of(out->args);
    if (token_next(&within, &t) && token_is_word(&t, "distinct") && token_next(&within, &t))
        out->args = between(t.text.p, out->args.p + out->args.n);
    return 0;
}

/* The bytes of a value, as the log has them. */
static const char *const send_functions[] = {
    [VALUE_BOOL] = "boolsend((%.*s))",       [VALUE_INT] = "int8send((%.*s)::bigint)",
    [VALUE_TEXT] = "textsend((%.*s)::text)", [VALUE_TIME] = "timestamptz_send((%.*s))",
    [VALUE_UUID] = "uuid_send((%.*s))",      [VALUE_JSON] = NULL,
};

static void put_send(struct buf *out, enum value_type type, struct span args)
{
    for (const char *p = send_functions[type]; *p != '\0'; p++)
        if (strncmp(p, "%.*s", 4) == 0) {
            buf_put_span(out, args);
            p += 3;
        } else {
            buf_put_byte(out, (uint8_t)*p);
        }
}

static void put_number(struct buf *out, const struct plan_measure *m, const struct call *c)
{
    static const char *const functions[] = {[AGGREGATE_SUM] = "sum",
                                            [AGGREGATE_AVG] = "sum",
                                            [AGGREGATE_MIN] = "min",
                                            [AGGREGATE_MAX] = "max"};
    buf_printf(out, ", %s(%.*s)%.*s AS \"%s\", count(%.*s)%.*s AS \"footfall_n_%s\"",
               functions[m->kind], SPAN_ARGS(c->args), SPAN_ARGS(c->filter), m->name,
               SPAN_ARGS(c->args), SPAN_ARGS(c->filter), m->name);
}

static int put_measure(struct buf *out, const struct definition *d, unsigned i, struct err *e)
{
    const struct plan_measure *m = &d->plan->measures[i];
    struct call c;
    if (call_at(d->canonical.text, tree_location(d->measure_trees[i]), &c, e) != 0)
        return -1;
    if (m->kind == AGGREGATE_COUNT) {
        buf_printf(out, ", %.*s AS \"%s\"", SPAN_ARGS(c.whole), m->name);
    } else if (m->kind == AGGREGATE_COUNT_DISTINCT) {
        buf_put_text(out, ", array_agg(DISTINCT ");
        put_send(out, m->value->type, c.args);
        buf_printf(out, ")%.*s AS \"%s\"", SPAN_ARGS(c.filter), m->name);
    } else {
        put_number(out, m, &c);
    }
    return 0;
}

/* ---- all ---- */

/* An item of the list that is grouped by. form: where it goes, and its name; integers are written
 * as such, whatever decimals PostgreSQL's numeric would show. */
static int put_item(struct buf *out, const struct definition *d, const struct tree *value,
                    const char *form, const char *name)
{
    for (uint32_t i = 0; i < tree_count(d->canonical.select, "targetList"); i++) {
        const struct tree *target = tree_at(d->canonical.select, "targetList", i);
        if (tree_get(target, "val") != value)
            continue;
        struct span list = cut_canonical(d).list;
        struct span text = item_of(list, i, !span_absent(tree_text(target, "name")));
        buf_put_text(out, out->n == 0 ? "SELECT " : ", ");
        for (const char *p = form; *p != '\0'; p++)
            if (*p == '$')
                buf_put_span(out, text);
            else
                buf_put_byte(out, (uint8_t)*p);
        buf_printf(out, " AS \"%s\"", name);
        return 1;
    }
    return 0;
}

int definition_put_sql(struct definition *d, struct buf *out)
{
    struct pieces pieces = cut_canonical(d);
    struct buf text = {0};
    int groups = 0, result = 0;
    if (span_absent(pieces.list))
        return err_set(d->e, ERR_DATA, "the canonical SELECT has no FROM");
    if (d->site_tree != NULL)
        groups += put_item(&text, d, d->site_tree, "$", "site");
    if (d->bucket_tree != NULL)
        groups += put_item(&text, d, d->bucket_tree, "$", "time");
    for (unsigned i = 0; i < d->plan->n_dimensions; i++)
        groups += put_item(&text, d, d->dimension_trees[i],
                           d->plan->dimensions[i].value->type == VALUE_INT ? "($)::bigint" : "$",
                           d->plan->dimensions[i].name);
    if (groups == 0)
        buf_put_text(&text, "SELECT NULL");
    for (unsigned i = 0; i < d->plan->n_measures && result == 0; i++)
        result = put_measure(&text, d, i, d->e);
    buf_printf(&text, ", count(*) AS footfall_rows %.*s", SPAN_ARGS(pieces.from));
    for (int i = 1; i <= groups; i++)
        buf_printf(&text, "%s%d", i == 1 ? "GROUP BY " : ", ", i);
    if (result == 0)
        buf_put_span(out, buf_span(&text));
    buf_clear(&text);
    return result;
}
