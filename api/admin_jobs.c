/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/admin/replays and /v1/admin/verifications: jobs in PostgreSQL that the owner of the views
 * runs. */
#include <stdlib.h>

#include "api/range.h"
#include "api/task.h"
#include "log/jobs.h"

/* What the two families of endpoints differ in. */
struct job_family {
    enum job_kind kind;
    const char *list;           /* member of the list's answer */
    const char *const *members; /* of the request's body; NULL-ended */
};
static const struct job_family replays = {JOB_REPLAY, "replays",
                                          (const char *const[]){"views", "threads", "rate", NULL}};
static const struct job_family verifications = {
    JOB_VERIFY, "verifications", (const char *const[]){"views", "site", "from", "to", NULL}};

struct job_request {
    const struct job_family *family;
    int64_t id;
};

/* ------------------------------------------------------------------ a job as JSON */

static void put_names(const struct job *j, struct writer *w)
{
    writer_key(w, "views");
    writer_array(w, j->n_views);
    for (unsigned i = 0; i < j->n_views; i++)
        writer_text(w, span_of(j->views[i]));
}

/* What a replay was told of its speed; null: it goes as the service is configured. */
static void put_speed(const struct job *j, struct writer *w)
{
    writer_key(w, "threads");
    if (j->speed.threads != 0)
        writer_int(w, j->speed.threads);
    else
        writer_null(w);
    writer_key(w, "rate");
    if (j->speed.rate_given)
        writer_int(w, j->speed.rate);
    else
        writer_null(w);
}

static void put_job(const struct job *j, struct writer *w)
{
    const struct job_progress *p = &j->progress;
    writer_map(w, j->kind == JOB_REPLAY ? 14 : 12);
    writer_put_int(w, "id", j->id);
    writer_put_text(w, "kind", span_of(job_kind_name(j->kind)));
    writer_put_text(w, "state", span_of(job_state_name(j->state)));
    put_names(j, w);
    if (j->kind == JOB_REPLAY)
        put_speed(j, w);
    writer_put_int(w, "events_done", (int64_t)p->events_done);
    writer_put_int(w, "events_total", (int64_t)p->events_total);
    writer_key(w, "events_per_second");
    writer_double(w, p->events_per_second);
    writer_key(w, "seconds_left");
    if (p->seconds_left < 0 || j->state != JOB_RUNNING)
        writer_null(w);
    else
        writer_double(w, p->seconds_left);
    api_put_time(w, "created_at", j->created_us);
    api_put_time(w, "started_at", j->started_us);
    api_put_time(w, "finished_at", j->finished_us);
    writer_key(w, "result");
    writer_json(w, j->result == NULL ? span_of("null") : span_of(j->result));
}

static int answer_job(struct task *t, struct sql *sql, int64_t id)
{
    const struct job_request *q = t->data;
    struct job j;
    bool found;
    if (jobs_get(sql, id, &j, &found, &t->refusal.err) != 0)
        return -1;
    if (!found || j.kind != q->family->kind) {
        if (found)
            job_clear(&j);
        return task_refuse(t, "not-found", "there is no %s job %lld",
                           job_kind_name(q->family->kind), (long long)id);
    }
    struct writer w = writer_to(&t->body, WRITE_JSON);
    put_job(&j, &w);
    writer_end(&w);
    job_clear(&j);
    t->content_type = "application/json";
    return 0;
}

/* ------------------------------------------------------------------ starting one */

static bool is_view(const struct task *t, struct span name)
{
    struct view_entry ignored;
    return view_set_find(t->api->parts.views, name, &ignored);
}

struct names {
    struct span list[JOB_MAX_VIEWS];
    char kept[JOB_MAX_VIEWS][VIEW_NAME_BYTES]; /* of those that were not named */
    unsigned n;
};

static int add_name(struct task *t, struct names *names, const struct json_value *name)
{
    if (name->type != JSON_STRING)
        return refuse(&t->refusal, "views", "views: holds something that is no text");
    if (!is_view(t, name->text))
        return refuse(&t->refusal, "views", "views: \"%.*s\" is no view",
                      SPAN_ARGS(refusal_excerpt(name->text)));
    for (unsigned i = 0; i < names->n; i++)
        if (span_equal(names->list[i], name->text))
            return refuse(&t->refusal, "views", "views: %.*s stands there twice",
                          SPAN_ARGS(name->text));
    if (names->n == JOB_MAX_VIEWS)
        return refuse(&t->refusal, "views", "views: more than %d", JOB_MAX_VIEWS);
    names->list[names->n++] = name->text;
    return 0;
}

/* All there are that the job can do something with. */
static void add_all(const struct task *t, struct names *names)
{
    enum job_kind kind = ((const struct job_request *)t->data)->family->kind;
    const struct view_picture *p = view_set_take(t->api->parts.views);
    for (unsigned i = 0; i < p->n; i++) {
        if (p->views[i].state == VIEW_FAILED ||
            (p->views[i].state == VIEW_BUILDING && kind != JOB_REPLAY))
            continue;
        memcpy(names->kept[names->n], p->views[i].name, VIEW_NAME_BYTES);
        names->list[names->n] = span_of(names->kept[names->n]);
        names->n++;
    }
    view_set_give_back(t->api->parts.views, p);
}

/* Without "views" all are meant. */
static int read_names(struct task *t, struct task_thread *thread, const struct json_value *root,
                      struct names *out)
{
    struct json_value views;
    int found = task_member(thread, root, "views", JSON_ARRAY, &views, &t->refusal);
    if (found < 0)
        return -1;
    if (found == 0)
        add_all(t, out);
    struct json_walk walk = json_enter(thread->json, found == 1 ? &views : root);
    for (struct json_member m; found == 1 && json_next(&walk, &m);)
        if (add_name(t, out, &m.value) != 0)
            return -1;
    return out->n > 0 ? 0
                      : refuse(&t->refusal, "views",
                               found == 0 ? "views: there are none"
                                          : "views: is empty; name some or leave it out");
}

struct bounds {
    int64_t min, max;
};

/* As task_member. */
static int read_number(struct task *t, struct task_thread *thread, const struct json_value *root,
                       const char *name, struct bounds bounds, uint32_t *out)
{
    struct json_value value;
    int found = task_member(thread, root, name, JSON_INT, &value, &t->refusal);
    if (found == 1 && (value.integer < bounds.min || value.integer > bounds.max))
        return refuse(&t->refusal, name, "%s: is not from %lld to %lld", name,
                      (long long)bounds.min, (long long)bounds.max);
    if (found == 1)
        *out = (uint32_t)value.integer;
    return found;
}

static int read_speed(struct task *t, struct task_thread *thread, const struct json_value *root,
                      struct job_speed *out)
{
    const struct bounds threads = {1, JOB_MAX_THREADS}, rates = {0, JOB_MAX_RATE};
    if (read_number(t, thread, root, "threads", threads, &out->threads) < 0)
        return -1;
    int found = read_number(t, thread, root, "rate", rates, &out->rate);
    out->rate_given = found == 1;
    return found < 0 ? -1 : 0;
}

/* A text, or a number of seconds. */
static int read_time(struct task *t, struct task_thread *thread, const struct json_value *root,
                     const char *name, int64_t *out_us)
{
    struct json_value v;
    int found = json_get(thread->json, root, name, &v, NULL);
    if (found < 0)
        return refuse(&t->refusal, name, "%s: is there twice", name);
    if (found == 0 || v.type == JSON_NULL)
        return 0;
    if (v.type == JSON_STRING)
        return range_take_time(v.text, name, out_us, &t->refusal);
    if (v.type == JSON_INT)
        return range_take_time(json_number_text(thread->json, &v), name, out_us, &t->refusal);
    return refuse(&t->refusal, name, "%s: is no time; give RFC 3339 or Unix seconds", name);
}

static int read_scope(struct task *t, struct task_thread *thread, const struct json_value *root,
                      struct events_scope *out)
{
    struct json_value site;
    int found = task_member(thread, root, "site", JSON_STRING, &site, &t->refusal);
    if (found < 0)
        return -1;
    if (found == 1 && !site_name_valid(site.text))
        return refuse(&t->refusal, "site", "site: \"%.*s\" is no site's name",
                      SPAN_ARGS(refusal_excerpt(site.text)));
    out->site = found == 1 ? site.text : SPAN_ABSENT;
    if (read_time(t, thread, root, "from", &out->from_us) != 0 ||
        read_time(t, thread, root, "to", &out->to_us) != 0)
        return -1;
    return out->from_us < out->to_us
               ? 0
               : refuse(&t->refusal, "from", "from: the range is empty, from must lie before to");
}

/* What of a request goes into the job, by its kind. */
struct job_request_body {
    struct names names;
    struct job_speed speed;
    struct events_scope scope;
};

/* No body at all is as good as an empty object. */
static int read_request(struct task *t, struct task_thread *thread, struct job_request_body *out)
{
    const struct job_request *q = t->data;
    struct json_value root;
    if (t->input.n == 0) {
        add_all(t, &out->names);
        return out->names.n > 0 ? 0 : refuse(&t->refusal, "views", "views: there are none");
    }
    if (task_json(thread, buf_span(&t->input), &root, &t->refusal) != 0 ||
        task_only_members(thread, &root, q->family->members, &t->refusal) != 0 ||
        read_names(t, thread, &root, &out->names) != 0)
        return -1;
    return q->family->kind == JOB_REPLAY ? read_speed(t, thread, &root, &out->speed)
                                         : read_scope(t, thread, &root, &out->scope);
}

static int work_add(struct task *t, struct task_thread *thread)
{
    const struct job_request *q = t->data;
    struct job_request_body body = {.scope = {SPAN_ABSENT, INT64_MIN, INT64_MAX}};
    struct sql *sql;
    int64_t id, running;
    if (read_request(t, thread, &body) != 0 || task_sql(thread, &sql, &t->refusal.err) != 0 ||
        jobs_add(sql, q->family->kind,
                 (struct job_views){.names = body.names.list,
                                    .n = body.names.n,
                                    .speed = body.speed,
                                    .scope = &body.scope},
                 &id, &running, &t->refusal.err) != 0)
        return -1;
    if (id == 0)
        return task_refuse(t, "conflict", "one of these views is being replayed by job %lld",
                           (long long)running);
    t->status = 202;
    return answer_job(t, sql, id);
}

/* ------------------------------------------------------------------ asking, cancelling */

static int work_get(struct task *t, struct task_thread *thread)
{
    struct sql *sql;
    if (task_sql(thread, &sql, &t->refusal.err) != 0)
        return -1;
    return answer_job(t, sql, ((const struct job_request *)t->data)->id);
}

static int work_cancel(struct task *t, struct task_thread *thread)
{
    int64_t id = ((const struct job_request *)t->data)->id;
    struct sql *sql;
    bool found;
    if (work_get(t, thread) != 0) /* not another family's */
        return -1;
    buf_reset(&t->body);
    if (task_sql(thread, &sql, &t->refusal.err) != 0 ||
        jobs_cancel(sql, id, &found, &t->refusal.err) != 0)
        return -1;
    return answer_job(t, sql, id);
}

struct listing {
    struct buf jobs;
    uint32_t n;
};

static void list_job(void *context, const struct job *j)
{
    struct listing *l = context;
    if (l->n++ > 0)
        buf_put_byte(&l->jobs, ',');
    struct writer w = writer_to(&l->jobs, WRITE_JSON);
    put_job(j, &w);
    writer_end(&w);
}

static int work_list(struct task *t, struct task_thread *thread)
{
    const struct job_request *q = t->data;
    struct listing l = {.n = 0};
    struct sql *sql;
    int result = task_sql(thread, &sql, &t->refusal.err);
    if (result == 0)
        result = jobs_each(sql, q->family->kind, list_job, &l, &t->refusal.err);
    buf_printf(&t->body, "{\"%s\":[", q->family->list);
    buf_put_span(&t->body, buf_span(&l.jobs));
    buf_put_text(&t->body, "]}");
    buf_clear(&l.jobs);
    t->content_type = "application/json";
    return result;
}

/* ------------------------------------------------------------------ handlers */

typedef int task_work(struct task *t, struct task_thread *thread);

static void submit(struct http_request *r, void *context, const struct job_family *family,
                   task_work *work)
{
    if (!api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work, sizeof(struct job_request));
    ((struct job_request *)t->data)->family = family;
    task_keep_body(t, r);
    task_submit(t, r);
}

static void submit_for_id(struct http_request *r, void *context, const struct job_family *family,
                          task_work *work)
{
    int64_t id;
    if (!api_take_id(r, job_kind_name(family->kind), &id) || !api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work, sizeof(struct job_request));
    *(struct job_request *)t->data = (struct job_request){family, id};
    task_submit(t, r);
}

static void replays_post(struct http_request *r, void *context)
{
    submit(r, context, &replays, work_add);
}

static void replays_get(struct http_request *r, void *context)
{
    submit(r, context, &replays, work_list);
}

static void replay_get(struct http_request *r, void *context)
{
    submit_for_id(r, context, &replays, work_get);
}

static void replay_delete(struct http_request *r, void *context)
{
    submit_for_id(r, context, &replays, work_cancel);
}

static void verifications_post(struct http_request *r, void *context)
{
    submit(r, context, &verifications, work_add);
}

static void verifications_get(struct http_request *r, void *context)
{
    submit(r, context, &verifications, work_list);
}

static void verification_get(struct http_request *r, void *context)
{
    submit_for_id(r, context, &verifications, work_get);
}

static void verification_delete(struct http_request *r, void *context)
{
    submit_for_id(r, context, &verifications, work_cancel);
}

/* ------------------------------------------------------------------ the routes */

#define JOB_SCHEMA                                                                                 \
    "{\"type\":\"object\",\"required\":[\"id\",\"kind\",\"state\",\"views\",\"events_done\","      \
    "\"events_total\",\"events_per_second\",\"seconds_left\",\"created_at\",\"started_at\","       \
    "\"finished_at\",\"result\"],\"properties\":{\"id\":{\"type\":\"integer\"},"                   \
    "\"kind\":{\"enum\":[\"replay\",\"verify\"]},"                                                 \
    "\"state\":{\"enum\":[\"waiting\",\"running\",\"cancelling\",\"done\",\"failed\","             \
    "\"cancelled\"]},\"views\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"              \
    "\"threads\":{\"type\":[\"integer\",\"null\"]},\"rate\":{\"type\":[\"integer\",\"null\"]},"    \
    "\"events_done\":{\"type\":\"integer\"},\"events_total\":{\"type\":\"integer\"},"              \
    "\"events_per_second\":{\"type\":\"number\"},\"seconds_left\":{\"type\":[\"number\","          \
    "\"null\"]},\"created_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"         \
    "\"started_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"                    \
    "\"finished_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"                   \
    "\"result\":{\"type\":[\"object\",\"null\"]}}}"

#define VIEWS_MEMBER                                                                               \
    "\"views\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"Default: "    \
    "all "                                                                                         \
    "views.\"}"

static const char replay_body[] =
    "{\"application/json\":{\"schema\":{\"type\":\"object\",\"properties\":{" VIEWS_MEMBER
    ",\"threads\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"description\":\"Over which "
    "the "
    "views are spread. Default: views.replay_threads.\"},"
    "\"rate\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100000000,\"description\":\"Events a "
    "second "
    "at most; 0: no limit. Default: views.replay_rate.\"}},"
    "\"additionalProperties\":false}}}";

#define TIME_SCHEMA "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}],\"description\":"
static const char verification_body[] =
    "{\"application/json\":{\"schema\":{\"type\":\"object\",\"properties\":{" VIEWS_MEMBER
    ",\"site\":{\"type\":\"string\",\"description\":\"Only this site's pages.\"},"
    "\"from\":" TIME_SCHEMA "\"Only pages that begin at or after this time, rounded down to a UTC "
    "day. RFC 3339 or Unix seconds.\"},\"to\":" TIME_SCHEMA "\"Only pages that end by this time, "
    "rounded up to a UTC day.\"}},\"additionalProperties\":false}}}";

static const struct http_answer_doc added[] = {
    {202, "application/json", "The job; its id is asked for its progress.", JOB_SCHEMA},
    {409, "application/problem+json", "One of the views is being replayed already.", NULL},
    {0},
};
static const struct http_answer_doc verification_added[] = {
    {202, "application/json", "The job; its id is asked for its progress.", JOB_SCHEMA}, {0}};
static const struct http_answer_doc one[] = {
    {200, "application/json",
     "The job: its state, its progress and, when it has ended, its result.", JOB_SCHEMA},
    {404, "application/problem+json", "There is no such job.", NULL},
    {0},
};
static const struct http_answer_doc list_of_replays[] = {
    {200, "application/json", "The newest 100, newest first.",
     "{\"type\":\"object\",\"required\":[\"replays\"],\"properties\":{\"replays\":{\"type\":"
     "\"array\",\"items\":" JOB_SCHEMA "}}}"},
    {0},
};
static const struct http_answer_doc list_of_verifications[] = {
    {200, "application/json", "The newest 100, newest first.",
     "{\"type\":\"object\",\"required\":[\"verifications\"],\"properties\":{\"verifications\":{"
     "\"type\":\"array\",\"items\":" JOB_SCHEMA "}}}"},
    {0},
};
static const struct http_param_doc id_param[] = {
    {"id", "path", "{\"type\":\"integer\"}", "The job's id."}, {0}};

enum { MAX_BODY = 64 * 1024 };

const struct http_route admin_jobs_routes[] = {
    {.method = "POST",
     .pattern = "/v1/admin/replays",
     .scope = SCOPE_ADMIN,
     .handler = replays_post,
     .max_body = MAX_BODY,
     .operation = "startReplay",
     .summary = "Build views again from the log, beside what is read",
     .answers = added,
     .request_types = replay_body},
    {.method = "GET",
     .pattern = "/v1/admin/replays",
     .scope = SCOPE_ADMIN,
     .handler = replays_get,
     .operation = "listReplays",
     .summary = "Replays",
     .answers = list_of_replays},
    {.method = "GET",
     .pattern = "/v1/admin/replays/{id}",
     .scope = SCOPE_ADMIN,
     .handler = replay_get,
     .operation = "getReplay",
     .summary = "A replay",
     .params = id_param,
     .answers = one},
    {.method = "DELETE",
     .pattern = "/v1/admin/replays/{id}",
     .scope = SCOPE_ADMIN,
     .handler = replay_delete,
     .operation = "cancelReplay",
     .summary = "Cancel a replay",
     .params = id_param,
     .answers = one},
    {.method = "POST",
     .pattern = "/v1/admin/verifications",
     .scope = SCOPE_ADMIN,
     .handler = verifications_post,
     .max_body = MAX_BODY,
     .operation = "startVerification",
     .summary = "Compare views with the same SQL run by PostgreSQL",
     .answers = verification_added,
     .request_types = verification_body},
    {.method = "GET",
     .pattern = "/v1/admin/verifications",
     .scope = SCOPE_ADMIN,
     .handler = verifications_get,
     .operation = "listVerifications",
     .summary = "Verifications",
     .answers = list_of_verifications},
    {.method = "GET",
     .pattern = "/v1/admin/verifications/{id}",
     .scope = SCOPE_ADMIN,
     .handler = verification_get,
     .operation = "getVerification",
     .summary = "A verification",
     .params = id_param,
     .answers = one},
    {.method = "DELETE",
     .pattern = "/v1/admin/verifications/{id}",
     .scope = SCOPE_ADMIN,
     .handler = verification_delete,
     .operation = "cancelVerification",
     .summary = "Cancel a verification",
     .params = id_param,
     .answers = one},
    {0},
};
