/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query_ask.h"

#include "base/json.h"

enum { MAX_DEPTH = 4 };

enum member { SQL, SITE, FROM, TO, STEP, TZ, ORDER, LIMIT, OFFSET, N_MEMBERS };

enum shape { A_TEXT, A_NUMBER, A_TIME };

static const struct {
    const char *name;
    enum shape shape;
} members[N_MEMBERS] = {
    [SQL] = {"sql", A_TEXT},     [SITE] = {"site", A_TEXT},     [FROM] = {"from", A_TIME},
    [TO] = {"to", A_TIME},       [STEP] = {"step", A_TEXT},     [TZ] = {"tz", A_TEXT},
    [ORDER] = {"order", A_TEXT}, [LIMIT] = {"limit", A_NUMBER}, [OFFSET] = {"offset", A_NUMBER},
};

static const char *const shapes[] = {
    [A_TEXT] = "a text", [A_NUMBER] = "a whole number", [A_TIME] = "a text or Unix seconds"};

/* A member's text, a number's as it was written; absent when it is of another type. */
static struct span text_of(const struct json *j, enum shape shape, const struct json_value *v)
{
    if (v->type == JSON_STRING)
        return shape == A_NUMBER ? SPAN_ABSENT : v->text;
    return v->type == JSON_INT && shape != A_TEXT ? json_number_text(j, v) : SPAN_ABSENT;
}

struct given {
    struct span texts[N_MEMBERS]; /* absent: not given, or null */
    bool seen[N_MEMBERS];
};

static int take_member(const struct json *j, const struct json_member *m, struct given *g,
                       struct refusal *e)
{
    int i = 0;
    while (i < N_MEMBERS && !span_is(m->key, members[i].name))
        i++;
    if (i == N_MEMBERS)
        return refuse_span(e, m->key,
                           "\"%.*s\" is no member of a query; it has sql, site, from, to, "
                           "step, tz, order, limit, offset",
                           SPAN_ARGS(refusal_excerpt(m->key)));
    if (g->seen[i])
        return refuse(e, members[i].name, "%s: is there twice", members[i].name);
    g->seen[i] = true;
    if (m->value.type == JSON_NULL)
        return 0;
    g->texts[i] = text_of(j, members[i].shape, &m->value);
    return !span_absent(g->texts[i]) ? 0
                                     : refuse(e, members[i].name, "%s: is not %s", members[i].name,
                                              shapes[members[i].shape]);
}

static int take_members(const struct json *j, const struct json_value *root, struct given *g,
                        struct refusal *e)
{
    *g = (struct given){0};
    if (root->type != JSON_OBJECT)
        return refuse(e, "", "the body is not a JSON object");
    struct json_walk walk = json_enter(j, root);
    for (struct json_member m; json_next(&walk, &m);)
        if (take_member(j, &m, g, e) != 0)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------ what they mean */

static int copy(char *out, size_t room, const char *name, struct span text, struct refusal *e)
{
    if (span_absent(text))
        return 0;
    if (text.n >= room)
        return refuse(e, name, "%s: is longer than %zu bytes", name, room - 1);
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return 0;
}

static int take_range(struct query_ask *out, const struct span texts[N_MEMBERS], int64_t now_us,
                      struct refusal *e)
{
    out->range_us[1] = now_us;
    if (range_take_time(texts[TO], "to", &out->range_us[1], e) != 0)
        return -1;
    out->range_us[0] = out->range_us[1] > US_PER_DAY ? out->range_us[1] - US_PER_DAY : 0;
    if (range_take_time(texts[FROM], "from", &out->range_us[0], e) != 0)
        return -1;
    return out->range_us[0] < out->range_us[1]
               ? 0
               : refuse(e, "from", "from: the range is empty, from must lie before to");
}

static int take_step(struct query_ask *out, struct span text, struct refusal *e)
{
    out->has_step = !span_absent(text);
    return out->has_step ? range_take_step(text, &out->step, e) : 0;
}

static int take_zone(struct query_ask *out, struct span name, const struct zones *zones,
                     struct refusal *e)
{
    out->zone = span_absent(name) ? zone_utc() : zones_find(zones, name);
    return out->zone != NULL
               ? 0
               : refuse(e, "tz",
                        "tz: \"%.*s\" is no IANA time zone; give one such as Europe/Berlin",
                        SPAN_ARGS(refusal_excerpt(name)));
}

static int take_texts(struct query_ask *out, const struct span texts[N_MEMBERS], struct refusal *e)
{
    if (span_absent(texts[SQL]) || texts[SQL].n == 0)
        return refuse(e, "sql", "sql: is needed: a SELECT over events or sessions");
    return copy(out->site, sizeof out->site, "site", texts[SITE], e) == 0 &&
                   copy(out->order, sizeof out->order, "order", texts[ORDER], e) == 0 &&
                   copy(out->limit, sizeof out->limit, "limit", texts[LIMIT], e) == 0
               ? copy(out->offset, sizeof out->offset, "offset", texts[OFFSET], e)
               : -1;
}

static int parse(struct query_ask *out, struct json *j, struct span body, struct given *g,
                 struct refusal *e)
{
    struct json_value root;
    if (json_parse(j, body, &root, &e->err) != 0)
        return err_context(&e->err, "the body");
    return take_members(j, &root, g, e) == 0 ? take_texts(out, g->texts, e) : -1;
}

int query_ask_parse(struct query_ask *out, struct buf *sql, struct span body,
                    const struct query_ask_context *c, struct refusal *e)
{
    struct json *j = json_new(QUERY_MAX_BODY, MAX_DEPTH);
    struct given g;
    *out = (struct query_ask){0};
    int result = parse(out, j, body, &g, e);
    if (result == 0)
        result = take_range(out, g.texts, c->now_us, e);
    if (result == 0)
        result = take_step(out, g.texts[STEP], e);
    if (result == 0)
        result = take_zone(out, g.texts[TZ], c->zones, e);
    if (result == 0)
        buf_put_span(sql, g.texts[SQL]);
    json_free(j);
    return result;
}
