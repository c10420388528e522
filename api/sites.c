/* SPDX-License-Identifier: Apache-2.0 */
/* Sites: GET /v1/sites for readers, /v1/admin/sites for administrators. */
#include <stdlib.h>

#include "api/task.h"

struct listing {
    struct span own; /* the token's site; absent: all are listed */
    bool whole;      /* for administrators */
    struct buf sites;
    uint32_t n;
};

/* ------------------------------------------------------------------ lists */

static void put_aliases(struct writer *w, struct span list)
{
    uint32_t n = list.n > 0;
    for (size_t i = 0; i < list.n; i++)
        n += list.p[i] == ',';
    writer_key(w, "aliases");
    writer_array(w, n);
    for (; n > 0; n--) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t length = comma == NULL ? list.n : (size_t)(comma - list.p);
        writer_text(w, (struct span){list.p, length});
        list = (struct span){list.p + length + (comma != NULL), list.n - length - (comma != NULL)};
    }
}

static void put_site(void *context, const struct site_row *row)
{
    struct listing *l = context;
    if (!span_absent(l->own) && !span_equal(l->own, row->name))
        return;
    if (l->n++ > 0)
        buf_put_byte(&l->sites, ',');
    struct writer w = writer_to(&l->sites, WRITE_JSON);
    writer_map(&w, l->whole ? 4 : 2);
    writer_put_text(&w, "name", row->name);
    writer_put_bool(&w, "public", row->info.is_public);
    if (l->whole) {
        writer_put_bool(&w, "learned", row->info.learned);
        put_aliases(&w, row->aliases);
    }
    writer_end(&w);
}

struct sites_request {
    char own[SITE_BYTES]; /* "": any */
    bool whole;
};

static int work_list(struct task *t, struct task_thread *thread)
{
    const struct sites_request *q = t->data;
    struct listing l = {.own = q->own[0] == '\0' ? SPAN_ABSENT : span_of(q->own),
                        .whole = q->whole};
    struct sql *sql;
    int result = task_sql(thread, &sql, &t->refusal.err);
    if (result == 0) /* stores what has just been learned */
        result = sites_refresh(t->api->parts.sites, sql, &t->refusal.err);
    if (result == 0)
        result = sites_list(sql, put_site, &l, &t->refusal.err);
    buf_put_text(&t->body, "{\"sites\":[");
    buf_put_span(&t->body, buf_span(&l.sites));
    buf_put_text(&t->body, "]}");
    buf_clear(&l.sites);
    t->content_type = "application/json";
    return result;
}

static void sites_get(struct http_request *r, void *context)
{
    struct span own = http_identity_of(r)->site;
    struct task *t = task_new(r, context, work_list, sizeof(struct sites_request));
    struct sites_request *q = t->data;
    if (!span_absent(own) && own.n < sizeof q->own)
        memcpy(q->own, own.p, own.n);
    task_submit(t, r);
}

static void admin_get(struct http_request *r, void *context)
{
    if (!api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work_list, sizeof(struct sites_request));
    ((struct sites_request *)t->data)->whole = true;
    task_submit(t, r);
}

/* ------------------------------------------------------------------ adding, changing */

struct change {
    struct json_value name, is_public, alias;
    bool has_public, has_alias;
};

static int read_change(struct task *t, struct task_thread *thread, struct change *out)
{
    struct json_value root;
    struct refusal *e = &t->refusal;
    static const char *const members[] = {"name", "public", "alias", NULL};
    if (task_json(thread, buf_span(&t->input), &root, e) != 0 ||
        task_only_members(thread, &root, members, e) != 0)
        return -1;
    int name = task_member(thread, &root, "name", JSON_STRING, &out->name, e);
    int is_public = task_member(thread, &root, "public", JSON_BOOL, &out->is_public, e);
    int alias = task_member(thread, &root, "alias", JSON_STRING, &out->alias, e);
    if (name < 0 || is_public < 0 || alias < 0)
        return -1;
    if (name == 0 || !site_name_valid(out->name.text))
        return refuse(e, "name",
                      "name: is needed: a name like example.com, of lower-case letters, digits, "
                      "- . _ and a port");
    out->has_public = is_public == 1;
    out->has_alias = alias == 1;
    return 0;
}

/* Only to name a site adds it; what is changed of a known one does not let more be sent to it. */
static int change_site(struct sql *sql, const struct change *c, struct err *e)
{
    bool only_named = !c->has_public && !c->has_alias;
    struct span name = c->name.text;
    if ((only_named ? sites_add(sql, name, e) : sites_add_unknown(sql, name, e)) != 0)
        return -1;
    if (c->has_public && sites_set_public(sql, name, c->is_public.boolean, e) != 0)
        return -1;
    return c->has_alias ? sites_add_alias(sql, name, c->alias.text, e) : 0;
}

static int work_change(struct task *t, struct task_thread *thread)
{
    struct change c = {0};
    struct sql *sql;
    struct err *e = &t->refusal.err;
    if (read_change(t, thread, &c) != 0 || task_sql(thread, &sql, e) != 0 ||
        change_site(sql, &c, e) != 0 || sites_refresh(t->api->parts.sites, sql, e) != 0)
        return -1;
    struct writer w = writer_to(&t->body, WRITE_JSON);
    writer_map(&w, 1);
    writer_put_text(&w, "name", c.name.text);
    writer_end(&w);
    t->content_type = "application/json";
    return 0;
}

static void admin_post(struct http_request *r, void *context)
{
    if (!api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work_change, 0);
    task_keep_body(t, r);
    task_submit(t, r);
}

/* ------------------------------------------------------------------ the routes */

static const struct http_answer_doc names[] = {
    {200, "application/json", "The sites whose views the token may read.",
     "{\"type\":\"object\",\"required\":[\"sites\"],\"properties\":{\"sites\":{\"type\":\"array\","
     "\"items\":{\"type\":\"object\",\"required\":[\"name\",\"public\"],\"properties\":{"
     "\"name\":{\"type\":\"string\"},\"public\":{\"type\":\"boolean\"}}}}}}"},
    {0},
};

static const struct http_answer_doc listed[] = {
    {200, "application/json",
     "The known sites. `learned`: by the use of an ingest token, not added by an administrator.",
     "{\"type\":\"object\",\"required\":[\"sites\"],\"properties\":{\"sites\":{\"type\":\"array\","
     "\"items\":{\"type\":\"object\",\"required\":[\"name\",\"public\",\"learned\",\"aliases\"],"
     "\"properties\":{\"name\":{\"type\":\"string\"},\"public\":{\"type\":\"boolean\"},"
     "\"learned\":{\"type\":\"boolean\"},\"aliases\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"string\"}}}}}}}"},
    {0},
};

static const struct http_answer_doc changed[] = {
    {200, "application/json", "The site is known from now on.",
     "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"}}"
     "}"},
    {0},
};

const struct http_route sites_routes[] = {
    {.method = "GET",
     .pattern = "/v1/sites",
     .scope = SCOPE_READ,
     .handler = sites_get,
     .operation = "listSites",
     .summary = "Sites that can be read",
     .answers = names},
    {0},
};

const struct http_route admin_sites_routes[] = {
    {.method = "GET",
     .pattern = "/v1/admin/sites",
     .scope = SCOPE_ADMIN,
     .handler = admin_get,
     .operation = "administerSites",
     .summary = "Known sites",
     .answers = listed},
    {.method = "POST",
     .pattern = "/v1/admin/sites",
     .scope = SCOPE_ADMIN,
     .handler = admin_post,
     .max_body = 4096,
     .operation = "addSite",
     .summary = "Make a site known, its views public or not, or a foreign id stand for it",
     .answers = changed,
     .request_types =
         "{\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":[\"name\"],"
         "\"properties\":{\"name\":{\"type\":\"string\"},\"public\":{\"type\":\"boolean\"},"
         "\"alias\":{\"type\":\"string\"}},\"additionalProperties\":false}}}"},
    {0},
};
