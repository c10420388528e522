/* SPDX-License-Identifier: Apache-2.0 */
/* footfall view: the definitions of views, and how they change. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/excerpt.h"
#include "cli/job.h"
#include "cli/service.h"

enum { VIEW_FILE_BYTES = 64 * 1024, SEEN_MS = 30000, ASK_EVERY_MS = 100 };

const struct option view_command_options[] = {
    {.name = "no_wait",
     .type = OPTION_BOOL,
     .fallback = "false",
     .about = "add: does not wait until the view is built"},
    {0},
};

/* ------------------------------------------------------------------ list */

static int list(struct command_run *r, struct err *e)
{
    static const struct column columns[] = {
        {"VIEW", "name", false},
        {"STATE", "state", false},
        {"STEP", "step", false},
        {"DIMENSIONS", "dimensions", false},
        {"MEASURES", "measures", false},
        {"GENERATION", "generation", true},
        {"OFFSET", "offset", true},
        {"LAG", "lag.events", true},
        {0},
    };
    const struct ask a = {.path = "/v1/views", .rows = "views", .columns = columns};
    return ask_and_print(r, &a, e);
}

/* ------------------------------------------------------------------ show */

static void print_text(struct span text)
{
    printf("%.*s%s", SPAN_ARGS(text), text.n > 0 && text.p[text.n - 1] == '\n' ? "" : "\n");
}

static void print_past(const struct json *j, const struct json_value *history)
{
    struct json_walk walk = json_enter(j, history);
    for (struct json_member m; json_next(&walk, &m);) {
        if (span_is(job_text(j, &m.value, "state"), "current"))
            continue;
        printf("\n-- version %.0f, %.*s\n", job_number(j, &m.value, "version"),
               SPAN_ARGS(job_text(j, &m.value, "state")));
        print_text(job_text(j, &m.value, "sql"));
    }
}

/* Its SQL; what it was made of when; the SQL of then. */
static int print_view(const struct service_json *answer, struct err *e)
{
    static const struct column columns[] = {
        {"VERSION", "version", true},     {"STATE", "state", false},
        {"ADDED", "added_at", false},     {"READ SINCE", "switched_at", false},
        {"UNTIL", "ended_at", false},     {"OFFSET", "last_offset", true},
        {"DIGEST", "last_digest", false}, {0},
    };
    struct json_value history;
    const struct json *j = answer->parser;
    if (answer->root.type != JSON_OBJECT ||
        json_get(j, &answer->root, "history", &history, NULL) != 1 || history.type != JSON_ARRAY)
        return err_set(e, ERR_DATA, "the service's answer has no \"history\"");
    print_text(job_text(j, &answer->root, "sql"));
    printf("\n");
    columns_print(columns, j, &history);
    print_past(j, &history);
    return EXIT_DONE;
}

static int show(struct command_run *r, struct err *e)
{
    struct service *service;
    struct service_json answer = {0};
    char *path = ask_path("/v1/admin/views/", r->arguments[1]);
    struct http_call call = {.path = path};
    int status = service_open(&service, r->config, e);
    if (status == 0) {
        status = service_ask(service, &call, &answer, e);
        if (status == 0 && config_bool(r->config, "json"))
            print_text(buf_span(&answer.reply.body));
        else if (status == 0)
            status = print_view(&answer, e);
        service_json_clear(&answer);
        service_close(service);
    }
    free(path);
    return status;
}

/* ------------------------------------------------------------------ add */

static int judge(const struct json *j, const struct json_value *view)
{
    (void)j;
    (void)view;
    return EXIT_DONE;
}

static void print_built(const struct json *j, const struct json_value *view)
{
    printf("%.*s: ready, generation %.0f, %.1f s\n", SPAN_ARGS(job_text(j, view, "view")),
           job_number(j, view, "generation"), job_number(j, view, "seconds"));
}

/* The service that is asked may learn of it a moment after the one that built it. */
static int wait_until_read(struct service *s, const char *name, struct err *e)
{
    const struct timespec pause = {.tv_nsec = ASK_EVERY_MS * 1000000L};
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * SEEN_MS;
    char *path = ask_path("/v1/admin/views/", name);
    struct http_call call = {.path = path};
    int status;
    for (bool read = false; !read;) {
        struct service_json answer;
        status = service_ask(s, &call, &answer, e);
        if (status == 0)
            read = span_is(job_text(answer.parser, &answer.root, "state"), "ready") &&
                   !job_flag(answer.parser, &answer.root, "changing");
        service_json_clear(&answer);
        if (status == 0 && !read && clock_monotonic_us() > deadline_us)
            status = err_set(e, ERR_DOWN, "view %s is built, but not read yet", name);
        if (status != 0)
            break;
        if (!read)
            nanosleep(&pause, NULL);
    }
    free(path);
    return status;
}

static int wait_until_built(struct command_run *r, struct service *s,
                            const struct service_json *added, struct err *e)
{
    static const struct job_kind_of_command kind = {
        .path = "/v1/admin/replays", .doing = "building", .judge = judge, .print = print_built};
    char *name = mem_copy_span(job_text(added->parser, &added->root, "name"));
    char *job = mem_format("%s/%" PRId64, kind.path,
                           (int64_t)job_number(added->parser, &added->root, "job"));
    int status = job_await(r, s, job, &kind, e);
    if (status == EXIT_DONE)
        status = wait_until_read(s, name, e);
    free(name);
    free(job);
    return status;
}

static int print_added(const struct command_run *r, const struct service_json *added)
{
    if (config_bool(r->config, "json"))
        print_text(buf_span(&added->reply.body));
    else
        printf("%.*s: %.*s\n", SPAN_ARGS(job_text(added->parser, &added->root, "name")),
               SPAN_ARGS(job_text(added->parser, &added->root, "state")));
    return EXIT_DONE;
}

static int add_text(struct command_run *r, struct span sql, struct err *e)
{
    struct service *s;
    struct service_json added = {0};
    struct http_call call = {.method = "POST",
                             .path = "/v1/admin/views",
                             .content_type = "application/sql",
                             .body = sql};
    if (service_open(&s, r->config, e) != 0)
        return -1;
    int status = service_ask(s, &call, &added, e);
    if (status == 0) {
        bool builds = span_is(job_text(added.parser, &added.root, "state"), "building");
        status = builds && !config_bool(r->config, "no_wait") ? wait_until_built(r, s, &added, e)
                                                              : print_added(r, &added);
    } else if (excerpt_show(&added.reply, sql)) {
        (void)err_context(e, "%s", r->arguments[1]);
    }
    service_json_clear(&added);
    service_close(s);
    return status;
}

static int add(struct command_run *r, struct err *e)
{
    struct buf sql = {0};
    int status = file_read(&sql, r->arguments[1], VIEW_FILE_BYTES, e);
    if (status == 0)
        status = add_text(r, buf_span(&sql), e);
    buf_clear(&sql);
    return status;
}

/* ------------------------------------------------------------------ drop */

static int drop(struct command_run *r, struct err *e)
{
    char *path = ask_path("/v1/admin/views/", r->arguments[1]);
    const struct ask a = {.method = "DELETE", .path = path};
    int status = ask_and_print(r, &a, e);
    free(path);
    return status;
}

int view_main(struct command_run *r, struct err *e)
{
    static const struct subcommand table[] = {
        {"list", 0, list}, {"show", 1, show}, {"add", 1, add}, {"drop", 1, drop}, {0}};
    return subcommand_run(table, r, e);
}
