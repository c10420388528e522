/* SPDX-License-Identifier: Apache-2.0 */
/* A request that needs PostgreSQL: done on a worker thread, answered on its loop.
 *
 *   handler: task_new, fill data, task_submit      (loop)
 *   work:    reads data, fills body, status        (worker)
 *   answer:  sends body or the error, frees it     (loop)
 */
#ifndef API_TASK_H
#define API_TASK_H

#include "api/api_internal.h"
#include "base/json.h"
#include "log/sql.h"

/* A worker thread's connections, opened when first needed. */
struct task_thread {
    const char *postgres_uri;
    struct sql *sql;
    struct log_reader *reader;
    struct json *json;
};
int task_sql(struct task_thread *t, struct sql **out, struct err *e) MUST_CHECK;
int task_reader(struct task_thread *t, struct log_reader **out, struct err *e) MUST_CHECK;
/* Parses a JSON object (valid until the next). */
int task_json(struct task_thread *t, struct span text, struct json_value *root,
              struct refusal *e) MUST_CHECK;
/* A member of it: 1 there, 0 not (or null), -1 it is of another type or there twice. */
int task_member(struct task_thread *t, const struct json_value *root, const char *name,
                enum json_type type, struct json_value *out, struct refusal *e) MUST_CHECK;
/* Refuses members that are not among these names (NULL-ended). */
int task_only_members(struct task_thread *t, const struct json_value *root,
                      const char *const *names, struct refusal *e) MUST_CHECK;

struct task {
    struct worker_job job;
    struct http_message message;
    struct api *api;
    struct http_loop *loop;
    struct http_ticket *ticket;
    /* On a worker. -1: refusal says why. */
    int (*work)(struct task *t, struct task_thread *thread);
    /* On the loop, in place of the plain answer; owns t. NULL: the plain answer. */
    void (*on_done)(struct task *t);

    struct refusal refusal;
    const char *slug;         /* of the problem, when it is not the kind's own */
    char members[80];         /* more of the problem's JSON ("\"line\": 3"), or "" */
    int status;               /* 200 */
    const char *content_type; /* NULL: no body */
    struct buf body;
    struct http_header_line headers[2]; /* ended by name NULL */
    struct buf input;                   /* a copy of the request's body (task_keep_body) */
    void *data; /* zeroed memory of the size asked for; freed with the task */
};

struct task *task_new(struct http_request *r, struct api *a,
                      int (*work)(struct task *t, struct task_thread *thread), size_t data_bytes);
/* Takes the ticket and starts the task. */
void task_submit(struct task *t, struct http_request *r);
/* Sends it to the workers (again, from on_done); when too many wait it is answered with 503. */
void task_start(struct task *t);
void task_answer(struct task *t); /* the plain answer; frees t */
void task_free(struct task *t);

void task_keep_body(struct task *t, const struct http_request *r);
/* Why it failed, for a problem that is not the kind's own; returns -1. */
int task_refuse(struct task *t, const char *slug, const char *format, ...) PRINTF_LIKE(3, 4);

/* workers_options */
void *task_thread_open(void *context);
void task_thread_close(void *thread);

#endif
