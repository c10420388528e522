/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/admin/views, DELETE /v1/admin/views/{name}. The plans of this version are built in: a
 * definition can be given again, but not changed, added or dropped; whoever asks is told why. */
#include "api/api_internal.h"

static struct span trim(struct span s)
{
    while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL)
        s = (struct span){s.p + 1, s.n - 1};
    while (s.n > 0 && strchr(" \t\r\n;", s.p[s.n - 1]) != NULL)
        s.n--;
    return s;
}

static const struct plan *find_definition(const struct api *a, struct span sql)
{
    for (const struct plan *const *p = a->parts.plans; *p != NULL; p++)
        if (span_equal(trim(span_of((*p)->sql)), trim(sql)))
            return *p;
    return NULL;
}

static void views_post(struct http_request *r, void *context)
{
    if (!api_allow_all_sites(r))
        return;
    const struct plan *p = find_definition(context, http_body(r));
    if (p == NULL) {
        http_send_problem(r, &(struct http_problem){.slug = "bad-request", .field = "sql"},
                          "sql: this is the definition of none of the built-in views, and this "
                          "version builds no others; GET /v1/views lists them");
        return;
    }
    struct buf body = {0};
    struct writer w = writer_to(&body, WRITE_JSON);
    writer_map(&w, 2);
    writer_put_text(&w, "name", span_of(p->name));
    writer_put_text(&w, "state", SPAN_LITERAL("ready"));
    writer_end(&w);
    api_send_json(r, 200, buf_span(&body));
    buf_clear(&body);
}

static void view_delete(struct http_request *r, void *context)
{
    struct span name = http_path_param(r, "name");
    const struct api *a = context;
    if (!api_allow_all_sites(r))
        return;
    for (const struct plan *const *p = a->parts.plans; *p != NULL; p++)
        if (span_is(name, (*p)->name)) {
            http_send_problem(r, &(struct http_problem){.slug = "conflict"},
                              "%s is built in and can't be dropped", (*p)->name);
            return;
        }
    api_send_not_found(r, "view", name);
}

static const struct http_answer_doc added[] = {
    {200, "application/json", "The view is there.",
     "{\"type\":\"object\",\"required\":[\"name\",\"state\"],\"properties\":{\"name\":{\"type\":"
     "\"string\"},\"state\":{\"type\":\"string\"}}}"},
    {400, "application/problem+json", "The definition is none of a built-in view.", NULL},
    {0},
};

static const struct http_answer_doc dropped[] = {
    {404, "application/problem+json", "There is no such view.", NULL},
    {409, "application/problem+json", "The view is built in.", NULL},
    {0},
};

static const struct http_param_doc name_param[] = {
    {"name", "path", "{\"type\":\"string\"}", "The view's name."}, {0}};

const struct http_route admin_views_routes[] = {
    {.method = "POST",
     .pattern = "/v1/admin/views",
     .scope = SCOPE_ADMIN,
     .handler = views_post,
     .max_body = 64 * 1024,
     .operation = "addView",
     .summary = "Add a view",
     .answers = added,
     .request_types = "{\"application/sql\":{\"schema\":{\"type\":\"string\"}}}"},
    {.method = "DELETE",
     .pattern = "/v1/admin/views/{name}",
     .scope = SCOPE_ADMIN,
     .handler = view_delete,
     .operation = "dropView",
     .summary = "Drop a view",
     .params = name_param,
     .answers = dropped},
    {0},
};
