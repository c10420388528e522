/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cli/progress.h"
#include "cli/service.h"

enum { ASK_EVERY_MS = 200 };

/* ------------------------------------------------------------------ members */

struct span job_text(const struct json *j, const struct json_value *object, const char *name)
{
    struct json_value v;
    return object->type == JSON_OBJECT && json_get(j, object, name, &v, NULL) == 1 &&
                   v.type == JSON_STRING
               ? v.text
               : SPAN_LITERAL("");
}

double job_number(const struct json *j, const struct json_value *object, const char *name)
{
    struct json_value v;
    if (object->type != JSON_OBJECT || json_get(j, object, name, &v, NULL) != 1)
        return 0;
    return v.type == JSON_INT ? (double)v.integer : v.type == JSON_REAL ? v.real : 0;
}

bool job_flag(const struct json *j, const struct json_value *object, const char *name)
{
    struct json_value v;
    return object->type == JSON_OBJECT && json_get(j, object, name, &v, NULL) == 1 &&
           v.type == JSON_BOOL && v.boolean;
}

/* ------------------------------------------------------------------ asking for it */

/* {"views": ["a", "b"]}, or null for all. */
static void put_body(const struct command_run *r, const struct job_kind_of_command *k,
                     struct buf *body)
{
    buf_put_text(body, r->n_arguments == 0 ? "{\"views\":null" : "{\"views\":[");
    for (int i = 0; i < r->n_arguments; i++) {
        buf_put_text(body, i == 0 ? "" : ",");
        buf_put_json(body, span_of(r->arguments[i]));
    }
    buf_put_text(body, r->n_arguments == 0 ? "" : "]");
    if (k->put_more != NULL)
        k->put_more(r, body);
    buf_put_text(body, "}");
}

/* The path of the job that was made. */
static int start_job(struct service *s, const struct command_run *r,
                     const struct job_kind_of_command *k, char **job, struct err *e)
{
    struct buf body = {0};
    struct service_json answer = {0};
    put_body(r, k, &body);
    struct http_call call = {.method = "POST",
                             .path = k->path,
                             .content_type = "application/json",
                             .body = buf_span(&body)};
    int failed = service_ask(s, &call, &answer, e);
    if (failed == 0)
        *job = mem_format("%s/%" PRId64, k->path,
                          (int64_t)job_number(answer.parser, &answer.root, "id"));
    service_json_clear(&answer);
    buf_clear(&body);
    return failed;
}

/* ------------------------------------------------------------------ watching it */

static bool is_over(const struct service_json *job)
{
    struct span state = job_text(job->parser, &job->root, "state");
    return span_is(state, "done") || span_is(state, "failed") || span_is(state, "cancelled");
}

static void show(struct progress *p, const char *doing, const struct service_json *job)
{
    double left = job_number(job->parser, &job->root, "seconds_left");
    char time_left[40] = "";
    if (left > 0)
        snprintf(time_left, sizeof(time_left), ", %.0f s left", left);
    progress_show(p, doing, (int64_t)job_number(job->parser, &job->root, "events_done"),
                  (int64_t)job_number(job->parser, &job->root, "events_total"), "%.0f events/s%s",
                  job_number(job->parser, &job->root, "events_per_second"), time_left);
}

static int watch(struct service *s, const char *path, const char *doing, struct service_json *job,
                 struct err *e)
{
    const struct timespec pause = {.tv_nsec = ASK_EVERY_MS * 1000000L};
    struct progress progress = {0};
    struct http_call call = {.path = path};
    int failed;
    for (;;) {
        failed = service_ask(s, &call, job, e);
        if (failed != 0 || is_over(job))
            break;
        show(&progress, doing, job);
        service_json_clear(job);
        nanosleep(&pause, NULL);
    }
    progress_hide(&progress);
    return failed;
}

/* ------------------------------------------------------------------ its result */

/* With --json the job is printed as it came, and its views are only judged. */
static int finish(const struct command_run *r, const struct service_json *job,
                  const struct job_kind_of_command *k, struct err *e)
{
    struct json_value result = {0}, views;
    const struct json *j = job->parser;
    struct span state = job_text(j, &job->root, "state");
    bool has_result = json_get(j, &job->root, "result", &result, NULL) == 1;
    bool as_json = config_bool(r->config, "json");
    int status = EXIT_DONE;
    if (as_json)
        printf("%.*s\n", (int)job->reply.body.n, (char *)job->reply.body.p);
    if (!span_is(state, "done")) {
        struct span why = has_result ? job_text(j, &result, "error") : SPAN_LITERAL("");
        return err_set(e, ERR_DATA, "the job was %.*s%s%.*s", SPAN_ARGS(state),
                       why.n == 0 ? "" : ": ", SPAN_ARGS(why));
    }
    if (!has_result || result.type != JSON_OBJECT ||
        json_get(j, &result, "views", &views, NULL) != 1)
        return err_set(e, ERR_DATA, "the job's result names no views");
    struct json_walk walk = json_enter(j, &views);
    for (struct json_member m; json_next(&walk, &m);) {
        int of_view = k->judge(j, &m.value);
        status = of_view > status ? of_view : status;
        if (!as_json)
            k->print(j, &m.value);
    }
    return status;
}

int job_await(struct command_run *r, struct service *s, const char *path,
              const struct job_kind_of_command *k, struct err *e)
{
    struct service_json job = {0};
    int status = watch(s, path, k->doing, &job, e);
    if (status == 0)
        status = finish(r, &job, k, e);
    service_json_clear(&job);
    return status;
}

int job_run_to_end(struct command_run *r, const struct job_kind_of_command *k, struct err *e)
{
    struct service *s;
    char *path = NULL;
    if (service_open(&s, r->config, e) != 0)
        return -1;
    int status = start_job(s, r, k, &path, e);
    if (status == 0)
        status = job_await(r, s, path, k, e);
    free(path);
    service_close(s);
    return status;
}
