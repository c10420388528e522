/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/admin/tokens. A token is shown once, when it is made. */
#include <stdlib.h>

#include "api/task.h"

/* ------------------------------------------------------------------ list */

struct listing {
    struct buf tokens;
    uint32_t n;
};

static void put_token(void *context, const struct token_row *row)
{
    struct listing *l = context;
    if (l->n++ > 0)
        buf_put_byte(&l->tokens, ',');
    struct writer w = writer_to(&l->tokens, WRITE_JSON);
    const char *site = row->token.site[0] == '\0' ? NULL : row->token.site;
    writer_map(&w, 4);
    writer_put_int(&w, "id", row->token.id);
    writer_put_text(&w, "scope", span_of(token_scope_names[row->token.scope]));
    writer_put_text(&w, "site", span_of(site));
    api_put_time(&w, "created_at", row->created_us);
    writer_end(&w);
}

static int work_list(struct task *t, struct task_thread *thread)
{
    struct listing l = {.n = 0};
    struct sql *sql;
    int result = task_sql(thread, &sql, &t->refusal.err);
    if (result == 0)
        result = tokens_list(sql, put_token, &l, &t->refusal.err);
    buf_put_text(&t->body, "{\"tokens\":[");
    buf_put_span(&t->body, buf_span(&l.tokens));
    buf_put_text(&t->body, "]}");
    buf_clear(&l.tokens);
    t->content_type = "application/json";
    return result;
}

/* ------------------------------------------------------------------ make */

struct wanted {
    enum token_scope scope;
    struct span site;
};

static int read_wanted(struct task *t, struct task_thread *thread, struct wanted *out)
{
    static const char *const members[] = {"scope", "site", NULL};
    struct refusal *e = &t->refusal;
    struct json_value root, scope, site;
    if (task_json(thread, buf_span(&t->input), &root, e) != 0 ||
        task_only_members(thread, &root, members, e) != 0)
        return -1;
    int has_scope = task_member(thread, &root, "scope", JSON_STRING, &scope, e);
    int has_site = task_member(thread, &root, "site", JSON_STRING, &site, e);
    if (has_scope < 0 || has_site < 0)
        return -1;
    if (has_site == 1 && !site_name_valid(site.text))
        return refuse(e, "site", "site: \"%.*s\" is no name of a site",
                      SPAN_ARGS(refusal_excerpt(site.text)));
    out->site = has_site == 1 ? site.text : SPAN_ABSENT;
    for (int i = 0; has_scope == 1 && i < 3; i++)
        if (span_is(scope.text, token_scope_names[i])) {
            out->scope = (enum token_scope)i;
            return 0;
        }
    return refuse(e, "scope", "scope: is needed: ingest, read or admin");
}

static int work_create(struct task *t, struct task_thread *thread)
{
    struct wanted wanted = {0};
    struct sql *sql;
    char secret[TOKEN_SECRET_BYTES];
    struct err *e = &t->refusal.err;
    if (read_wanted(t, thread, &wanted) != 0 || task_sql(thread, &sql, e) != 0 ||
        tokens_create(sql, wanted.scope, wanted.site, secret, e) != 0 ||
        tokens_refresh(t->api->parts.tokens, sql, e) != 0) /* so that it can be used at once */
        return -1;
    struct token_info made = {0};
    (void)tokens_find(t->api->parts.tokens, span_of(secret), &made);
    struct writer w = writer_to(&t->body, WRITE_JSON);
    writer_map(&w, 4);
    writer_put_int(&w, "id", made.id);
    writer_put_text(&w, "token", span_of(secret));
    writer_put_text(&w, "scope", span_of(token_scope_names[wanted.scope]));
    writer_put_text(&w, "site", wanted.site);
    writer_end(&w);
    t->status = 201;
    t->content_type = "application/json";
    return 0;
}

/* ------------------------------------------------------------------ revoke */

static int work_revoke(struct task *t, struct task_thread *thread)
{
    int64_t id = *(const int64_t *)t->data;
    struct sql *sql;
    struct err *e = &t->refusal.err;
    if (task_sql(thread, &sql, e) != 0)
        return -1;
    if (tokens_revoke(sql, id, e) != 0) {
        if (e->kind == ERR_INPUT)
            t->slug = "not-found";
        return -1;
    }
    t->status = 204;
    return tokens_refresh(t->api->parts.tokens, sql, e);
}

/* ------------------------------------------------------------------ handlers, routes */

static void tokens_get(struct http_request *r, void *context)
{
    if (api_allow_all_sites(r))
        task_submit(task_new(r, context, work_list, 0), r);
}

static void tokens_post(struct http_request *r, void *context)
{
    if (!api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work_create, 0);
    t->headers[0] = (struct http_header_line){"cache-control", SPAN_LITERAL("no-store")};
    task_keep_body(t, r);
    task_submit(t, r);
}

static void token_delete(struct http_request *r, void *context)
{
    int64_t id;
    if (!api_take_id(r, "token", &id) || !api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work_revoke, sizeof id);
    *(int64_t *)t->data = id;
    task_submit(t, r);
}

static const struct http_answer_doc listed[] = {
    {200, "application/json", "The tokens that are valid, without their secrets.",
     "{\"type\":\"object\",\"required\":[\"tokens\"],\"properties\":{\"tokens\":{\"type\":"
     "\"array\","
     "\"items\":{\"type\":\"object\",\"required\":[\"id\",\"scope\",\"site\",\"created_at\"],"
     "\"properties\":{\"id\":{\"type\":\"integer\"},\"scope\":{\"enum\":[\"ingest\",\"read\","
     "\"admin\"]},\"site\":{\"type\":[\"string\",\"null\"]},\"created_at\":{\"type\":\"string\","
     "\"format\":\"date-time\"}}}}}}"},
    {0},
};

static const struct http_answer_doc made[] = {
    {201, "application/json", "The new token. It is shown this once and stored hashed.",
     "{\"type\":\"object\",\"required\":[\"id\",\"token\",\"scope\",\"site\"],\"properties\":{"
     "\"id\":{\"type\":\"integer\"},\"token\":{\"type\":\"string\"},\"scope\":{\"type\":\"string\"}"
     ","
     "\"site\":{\"type\":[\"string\",\"null\"]}}}"},
    {0},
};

static const struct http_answer_doc revoked[] = {
    {204, NULL, "The token is not valid any more.", NULL},
    {404, "application/problem+json", "There is no such token.", NULL},
    {0},
};

static const struct http_param_doc id_param[] = {
    {"id", "path", "{\"type\":\"integer\"}", "The token's id."}, {0}};

const struct http_route admin_tokens_routes[] = {
    {.method = "GET",
     .pattern = "/v1/admin/tokens",
     .scope = SCOPE_ADMIN,
     .handler = tokens_get,
     .operation = "listTokens",
     .summary = "Tokens",
     .answers = listed},
    {.method = "POST",
     .pattern = "/v1/admin/tokens",
     .scope = SCOPE_ADMIN,
     .handler = tokens_post,
     .max_body = 4096,
     .operation = "createToken",
     .summary = "Make a token",
     .answers = made,
     .request_types =
         "{\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":[\"scope\"],"
         "\"properties\":{\"scope\":{\"enum\":[\"ingest\",\"read\",\"admin\"]},\"site\":{\"type\":"
         "\"string\",\"description\":\"The only site it is "
         "for.\"}},\"additionalProperties\":false}}}"},
    {.method = "DELETE",
     .pattern = "/v1/admin/tokens/{id}",
     .scope = SCOPE_ADMIN,
     .handler = token_delete,
     .operation = "revokeToken",
     .summary = "Revoke a token",
     .params = id_param,
     .answers = revoked},
    {0},
};
