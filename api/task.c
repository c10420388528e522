/* SPDX-License-Identifier: Apache-2.0 */
#include "api/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ a worker's connections */

void *task_thread_open(void *context)
{
    struct task_thread *t = mem_alloc(sizeof *t);
    t->postgres_uri = ((const struct api *)context)->parts.postgres_uri;
    return t;
}

void task_thread_close(void *thread)
{
    struct task_thread *t = thread;
    sql_close(t->sql);
    if (t->reader != NULL)
        log_reader_close(t->reader);
    if (t->json != NULL)
        json_free(t->json);
    free(t);
}

int task_sql(struct task_thread *t, struct sql **out, struct err *e)
{
    if (t->sql != NULL && sql_is_down(t->sql)) {
        sql_close(t->sql);
        t->sql = NULL;
    }
    if (t->sql == NULL && sql_open(&t->sql, t->postgres_uri, e) != 0) {
        t->sql = NULL;
        return -1;
    }
    *out = t->sql;
    return 0;
}

int task_reader(struct task_thread *t, struct log_reader **out, struct err *e)
{
    if (t->reader == NULL && log_reader_open(&t->reader, t->postgres_uri, e) != 0) {
        t->reader = NULL;
        return -1;
    }
    *out = t->reader;
    return 0;
}

/* ------------------------------------------------------------------ JSON bodies */

enum { MAX_JSON_BYTES = 256 * 1024, MAX_JSON_DEPTH = 8 };

int task_json(struct task_thread *t, struct span text, struct json_value *root, struct refusal *e)
{
    if (t->json == NULL)
        t->json = json_new(MAX_JSON_BYTES, MAX_JSON_DEPTH);
    if (json_parse(t->json, text, root, &e->err) != 0)
        return err_context(&e->err, "the body");
    return root->type == JSON_OBJECT ? 0 : refuse(e, "", "the body is not a JSON object");
}

int task_member(struct task_thread *t, const struct json_value *root, const char *name,
                enum json_type type, struct json_value *out, struct refusal *e)
{
    static const char *const types[] = {[JSON_BOOL] = "true or false",
                                        [JSON_INT] = "a whole number",
                                        [JSON_STRING] = "a text",
                                        [JSON_ARRAY] = "an array"};
    int found = json_get(t->json, root, name, out, NULL);
    if (found < 0)
        return refuse(e, name, "%s: is there twice", name);
    if (found == 0 || out->type == JSON_NULL)
        return 0;
    return out->type == type ? 1 : refuse(e, name, "%s: is not %s", name, types[type]);
}

int task_only_members(struct task_thread *t, const struct json_value *root,
                      const char *const *names, struct refusal *e)
{
    struct json_walk walk = json_enter(t->json, root);
    for (struct json_member m; json_next(&walk, &m);) {
        int i = 0;
        while (names[i] != NULL && !span_is(m.key, names[i]))
            i++;
        if (names[i] == NULL)
            return refuse_span(e, m.key, "\"%.*s\" is no member of this request",
                               SPAN_ARGS(refusal_excerpt(m.key)));
    }
    return 0;
}

/* ------------------------------------------------------------------ the task */

static struct task *task_of_message(struct http_message *m)
{
    return (struct task *)(void *)((char *)m - offsetof(struct task, message));
}

static void on_arrive(struct http_message *m)
{
    struct task *t = task_of_message(m);
    if (t->on_done != NULL)
        t->on_done(t);
    else
        task_answer(t);
}

static void run(struct worker_job *job, void *thread)
{
    struct task *t = (struct task *)job;
    (void)(t->work(t, thread) == 0); /* what failed stands in the refusal */
    http_post(t->loop, &t->message);
}

struct task *task_new(struct http_request *r, struct api *a,
                      int (*work)(struct task *t, struct task_thread *thread), size_t data_bytes)
{
    struct task *t = mem_alloc(sizeof *t);
    t->job.run = run;
    t->message.on_arrive = on_arrive;
    t->api = a;
    t->loop = http_loop_of(r);
    t->work = work;
    t->status = 200;
    t->data = mem_alloc(data_bytes);
    return t;
}

void task_free(struct task *t)
{
    buf_clear(&t->body);
    buf_clear(&t->input);
    free(t->data);
    free(t);
}

void task_start(struct task *t)
{
    t->message = (struct http_message){.on_arrive = on_arrive};
    t->refusal = (struct refusal){0};
    buf_reset(&t->body);
    if (workers_submit(t->api->workers, &t->job, &t->refusal.err) != 0)
        task_answer(t);
}

void task_submit(struct task *t, struct http_request *r)
{
    t->ticket = http_defer(r);
    task_start(t);
}

void task_keep_body(struct task *t, const struct http_request *r)
{
    buf_reset(&t->input);
    buf_put_span(&t->input, http_body(r));
}

int task_refuse(struct task *t, const char *slug, const char *format, ...)
{
    char text[sizeof t->refusal.err.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->slug = slug;
    return err_set(&t->refusal.err, ERR_INPUT, "%s", text);
}

static void send_failure(struct task *t, struct http_request *r)
{
    if (t->slug == NULL) {
        api_send_refusal(r, &t->refusal);
        return;
    }
    const char *field = t->refusal.field[0] == '\0' ? NULL : t->refusal.field;
    struct http_problem problem = {.slug = t->slug, .field = field, .members = span_of(t->members)};
    http_send_problem(r, &problem, "%s", t->refusal.err.text);
}

void task_answer(struct task *t)
{
    struct http_request *r = http_ticket_request(t->ticket);
    if (r != NULL && t->refusal.err.kind != ERR_NONE)
        send_failure(t, r);
    else if (r != NULL)
        http_send(r, &(struct http_answer){.status = t->status,
                                           .content_type = t->content_type,
                                           .body = buf_span(&t->body),
                                           .headers = {t->headers[0], t->headers[1]}});
    http_ticket_free(t->ticket);
    task_free(t);
}
