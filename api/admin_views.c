/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/admin/views, GET and DELETE /v1/admin/views/{name}: views are added, changed, dropped
 * and shown with their history. What builds them follows PostgreSQL (views/live_catalog.c). */
#include <stdio.h>
#include <stdlib.h>

#include "api/overview.h"
#include "api/task.h"
#include "log/view_versions.h"
#include "views/definition.h"

struct view_request {
    bool is_json;
    char name[VIEW_NAME_BYTES];
    struct buf canonical, history; /* of GET: JSON */
    uint32_t n_versions;
};

/* Who reads and builds here sees it at once, others within a second or two. */
static int follow(struct task *t, struct sql *sql)
{
    if (view_set_refresh(t->api->parts.views, sql, &t->refusal.err) != 0)
        return -1;
    if (t->api->parts.live != NULL)
        live_reload(t->api->parts.live);
    return 0;
}

/* ------------------------------------------------------------------ adding */

static int take_sql(struct task *t, struct task_thread *thread, struct span *sql)
{
    struct json_value root, member;
    const struct view_request *q = t->data;
    *sql = buf_span(&t->input);
    if (!q->is_json)
        return 0;
    if (task_json(thread, buf_span(&t->input), &root, &t->refusal) != 0 ||
        task_only_members(thread, &root, (const char *const[]){"sql", NULL}, &t->refusal) != 0)
        return -1;
    int found = task_member(thread, &root, "sql", JSON_STRING, &member, &t->refusal);
    if (found < 0)
        return -1;
    *sql = found == 1 ? member.text : SPAN_LITERAL("");
    return 0;
}

static int check(struct task *t, struct sql *sql, struct span text, const struct plan **plan)
{
    struct definition_place place = {0};
    if (memchr(text.p, '\0', text.n) != NULL)
        return refuse(&t->refusal, "sql", "sql: has a NUL character");
    if (definition_check(sql, text, plan, &place, &t->refusal.err) == 0)
        return 0;
    if (t->refusal.err.kind != ERR_INPUT)
        return -1;
    t->slug = "bad-request";
    snprintf(t->refusal.field, sizeof t->refusal.field, "sql");
    if (place.line != 0)
        snprintf(t->members, sizeof t->members, "\"line\":%u,\"column\":%u", place.line,
                 place.column);
    return -1;
}

static void put_added(struct task *t, const struct plan *p, enum view_addition added, int64_t job)
{
    bool ready = added == VIEW_ADDED_READY;
    struct writer w = writer_to(&t->body, WRITE_JSON);
    writer_map(&w, ready ? 2 : 3);
    writer_put_text(&w, "name", span_of(p->name));
    writer_put_text(&w, "state", span_of(ready ? "ready" : "building"));
    if (!ready)
        writer_put_int(&w, "job", job);
    writer_end(&w);
    t->status = ready ? 200 : 202;
    t->content_type = "application/json";
}

static int add_plan(struct task *t, struct sql *sql, struct span text, const struct plan *p)
{
    char hash[65], *given = mem_copy_span(text);
    enum view_addition added;
    int64_t job;
    plan_hash(p, hash);
    int result = view_versions_add(sql, &(struct view_record){p->name, given, hash, p->canonical},
                                   VIEW_SET_MAX, &added, &job, &t->refusal.err);
    free(given);
    if (result != 0)
        return -1;
    if (added == VIEW_ADDED_NOT)
        return task_refuse(t, "conflict", "there are %d views already, which is the most; drop one",
                           VIEW_SET_MAX);
    put_added(t, p, added, job);
    return follow(t, sql);
}

static int work_add(struct task *t, struct task_thread *thread)
{
    const struct plan *plan;
    struct span text;
    struct sql *sql;
    if (take_sql(t, thread, &text) != 0 || task_sql(thread, &sql, &t->refusal.err) != 0 ||
        check(t, sql, text, &plan) != 0)
        return -1;
    return add_plan(t, sql, text, plan);
}

static void views_post(struct http_request *r, void *context)
{
    static const char json[] = "application/json";
    if (!api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work_add, sizeof(struct view_request));
    struct span type = http_header(r, "content-type");
    ((struct view_request *)t->data)->is_json =
        type.n >= sizeof json - 1 && memcmp(type.p, json, sizeof json - 1) == 0;
    task_keep_body(t, r);
    task_submit(t, r);
}

/* ------------------------------------------------------------------ dropping */

static int not_found(struct task *t)
{
    return task_refuse(t, "not-found", "there is no view \"%s\"",
                       ((const struct view_request *)t->data)->name);
}

static int work_drop(struct task *t, struct task_thread *thread)
{
    const struct view_request *q = t->data;
    struct sql *sql;
    bool found;
    if (task_sql(thread, &sql, &t->refusal.err) != 0 ||
        view_versions_drop(sql, span_of(q->name), &found, &t->refusal.err) != 0)
        return -1;
    if (!found)
        return not_found(t);
    t->status = 204;
    return follow(t, sql);
}

/* A task about the view of the path; NULL: it is answered. */
static struct task *task_for_view(struct http_request *r, struct api *a,
                                  int (*work)(struct task *t, struct task_thread *thread))
{
    struct span name = http_path_param(r, "name");
    if (!api_allow_all_sites(r))
        return NULL;
    if (name.n >= VIEW_NAME_BYTES || memchr(name.p, '\0', name.n) != NULL) {
        api_send_not_found(r, "view", name);
        return NULL;
    }
    struct task *t = task_new(r, a, work, sizeof(struct view_request));
    memcpy(((struct view_request *)t->data)->name, name.p, name.n);
    return t;
}

static void view_delete(struct http_request *r, void *context)
{
    struct task *t = task_for_view(r, context, work_drop);
    if (t != NULL)
        task_submit(t, r);
}

/* ------------------------------------------------------------------ showing */

static void put_version(void *context, const struct view_version *v)
{
    struct view_request *q = context;
    if (q->n_versions == 0 || span_is(v->state, "current")) { /* what is read, else the newest */
        buf_reset(&q->canonical);
        buf_put_span(&q->canonical, v->canonical);
    }
    if (q->n_versions++ > 0)
        buf_put_byte(&q->history, ',');
    struct writer w = writer_to(&q->history, WRITE_JSON);
    writer_map(&w, 8);
    writer_put_int(&w, "version", v->number);
    writer_put_text(&w, "state", v->state);
    writer_put_text(&w, "sql", v->sql);
    api_put_time(&w, "added_at", v->added_us);
    api_put_time(&w, "switched_at", v->switched_us);
    api_put_time(&w, "ended_at", v->ended_us);
    writer_key(&w, "last_offset");
    if (v->has_offset)
        writer_int(&w, (int64_t)v->offset);
    else
        writer_null(&w);
    writer_put_text(&w, "last_digest", v->digest);
    writer_end(&w);
}

static int work_show(struct task *t, struct task_thread *thread)
{
    struct view_request *q = t->data;
    struct sql *sql;
    if (task_sql(thread, &sql, &t->refusal.err) != 0)
        return -1;
    buf_put_byte(&q->history, '[');
    if (view_versions_of(sql, span_of(q->name), &(struct view_versions_each){put_version, q},
                         &t->refusal.err) != 0)
        return -1;
    buf_put_byte(&q->history, ']');
    return q->n_versions > 0 ? 0 : not_found(t);
}

static void answer_shown(struct task *t)
{
    struct view_request *q = t->data;
    buf_clear(&q->canonical);
    buf_clear(&q->history);
    task_answer(t);
}

static void on_overview(void *context, const struct overview *o)
{
    struct task *t = context;
    const struct view_request *q = t->data;
    const struct view_overview *v = NULL;
    for (unsigned i = 0; i < o->n && v == NULL; i++)
        if (strcmp(o->views[i].view->name, q->name) == 0)
            v = &o->views[i];
    if (v == NULL) { /* dropped in between, or this process has not seen it yet */
        (void)not_found(t);
    } else {
        struct writer w = writer_to(&t->body, WRITE_JSON);
        writer_map(&w, OVERVIEW_MEMBERS + 2);
        overview_put_view(o, v, &w);
        writer_put_text(&w, "canonical", buf_span(&q->canonical));
        writer_key(&w, "history");
        writer_json(&w, buf_span(&q->history));
        writer_end(&w);
        t->content_type = "application/json";
    }
    answer_shown(t);
}

/* The history is there; where it stands is asked on the loop. */
static void on_shown(struct task *t)
{
    struct http_request *r = http_ticket_request(t->ticket);
    if (r == NULL || t->refusal.err.kind != ERR_NONE)
        answer_shown(t);
    else
        overview_ask(api_loop_of(t->api, r), on_overview, t);
}

static void view_get(struct http_request *r, void *context)
{
    struct task *t = task_for_view(r, context, work_show);
    if (t == NULL)
        return;
    t->on_done = on_shown;
    task_submit(t, r);
}

/* ------------------------------------------------------------------ the routes */

static const struct http_answer_doc added[] = {
    {200, "application/json", "The view has this definition already.",
     "{\"type\":\"object\",\"required\":[\"name\",\"state\"],\"properties\":{\"name\":{\"type\":"
     "\"string\"},\"state\":{\"const\":\"ready\"}}}"},
    {202, "application/json",
     "It is new or changed: the replay `job` builds it from the log. A new view is readable when "
     "that is done; of a changed one the old definition is read until then.",
     "{\"type\":\"object\",\"required\":[\"name\",\"state\",\"job\"],\"properties\":{\"name\":{"
     "\"type\":\"string\"},\"state\":{\"const\":\"building\"},\"job\":{\"type\":\"integer\"}}}"},
    {400, "application/problem+json",
     "The definition cannot be kept as a view; `line` and `column` say where, `detail` why and "
     "what would work.",
     NULL},
    {409, "application/problem+json", "There are 64 views already.", NULL},
    {0},
};

static const struct http_answer_doc dropped[] = {
    {204, NULL, "The view is not there any more.", NULL},
    {404, "application/problem+json", "There is no such view.", NULL},
    {0},
};

static const struct http_answer_doc shown[] = {
    {200, "application/json",
     "The view as in GET /v1/views, its SELECT as PostgreSQL gives it back, and the definitions it "
     "has had, the newest first: `last_offset` and `last_digest` say where one that was read "
     "ended.",
     "{\"type\":\"object\",\"required\":[\"name\",\"sql\",\"canonical\",\"state\",\"changing\","
     "\"generation\",\"offset\",\"digest\",\"history\"],\"properties\":{\"name\":{\"type\":"
     "\"string\"},\"sql\":{\"type\":\"string\"},\"canonical\":{\"type\":\"string\"},\"history\":{"
     "\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"version\",\"state\","
     "\"sql\",\"added_at\",\"switched_at\",\"ended_at\",\"last_offset\",\"last_digest\"],"
     "\"properties\":{\"version\":{\"type\":\"integer\"},\"state\":{\"enum\":[\"pending\","
     "\"current\",\"past\"]},\"sql\":{\"type\":\"string\"},\"last_offset\":{\"type\":["
     "\"integer\",\"null\"]},\"last_digest\":{\"type\":[\"string\",\"null\"]}}}}}}"},
    {404, "application/problem+json", "There is no such view.", NULL},
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
     .summary = "Add a view, or change its definition",
     .answers = added,
     .request_types = "{\"application/sql\":{\"schema\":{\"type\":\"string\"}},"
                      "\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":["
                      "\"sql\"],\"properties\":{\"sql\":{\"type\":\"string\"}},"
                      "\"additionalProperties\":false}}}"},
    {.method = "GET",
     .pattern = "/v1/admin/views/{name}",
     .scope = SCOPE_ADMIN,
     .handler = view_get,
     .operation = "showView",
     .summary = "A view and its history",
     .params = name_param,
     .answers = shown},
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
