/* SPDX-License-Identifier: Apache-2.0 */
/* A job of the service (a replay, a verification): asked for, watched, its result printed. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "cli/command.h"
#include "base/buf.h"
#include "base/json.h"

struct job_kind_of_command {
    const char *path;  /* "/v1/admin/replays" */
    const char *doing; /* "replaying", for the progress bar */
    /* Adds what else the job is told to the body, each member with a comma before it; or NULL. */
    void (*put_more)(const struct command_run *r, struct buf *body);
    /* The exit status that one view's part of the result calls for. */
    int (*judge)(const struct json *j, const struct json_value *view);
    void (*print)(const struct json *j, const struct json_value *view); /* a line of it */
};

/* Runs it over the views that are the command's arguments (none: all) to its end. Exit status: the
 * worst of the views; or -1. */
int job_run_to_end(struct command_run *r, const struct job_kind_of_command *k, struct err *e);

/* The same of a job that was made already; path: of the job. Borrows the service. */
struct service;
int job_await(struct command_run *r, struct service *s, const char *path,
              const struct job_kind_of_command *k, struct err *e);

/* Members of a view's part of a result; fallbacks when it is not there. */
struct span job_text(const struct json *j, const struct json_value *object, const char *name);
double job_number(const struct json *j, const struct json_value *object, const char *name);
bool job_flag(const struct json *j, const struct json_value *object, const char *name);

#endif
