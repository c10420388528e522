/* SPDX-License-Identifier: Apache-2.0 */
/* footfall import: files to the service, with what became of their lines. */
#include "ingest/import.h"
#include "ingest/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/service.h"

enum { MAX_REJECTED_SHOWN = 20 };

const struct option import_command_options[] = {
    {.name = "site", .type = OPTION_TEXT, .about = "site of lines that do not name their host"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .fallback = "auto",
     .choices = "auto|combined|common|vhost_combined|json|ndjson",
     .about = "of all files; auto looks at each"},
    {0},
};

struct import_run {
    struct service *service;
    char site[HOST_MAX_BYTES + 1]; /* "": none given */
    struct progress progress;
    uint64_t n_rejected; /* listed or not */
};

/* ------------------------------------------------------------------ the service's side */

static int position_of_answer(const struct http_reply *reply, int64_t *position, struct err *e)
{
    struct json *j = json_new(1 << 16, 8);
    struct json_value root, v;
    int failed = 0;
    if (json_parse(j, buf_span(&reply->body), &root, NULL) == 0 && root.type == JSON_OBJECT &&
        json_get(j, &root, "position", &v, NULL) == 1 && v.type == JSON_INT)
        *position = v.integer;
    else
        failed = err_set(e, ERR_DATA, "the service's answer about a source has no position");
    json_free(j);
    return failed;
}

/* A refusal of the service is no wrong usage of this command. */
static int refused(const struct http_reply *reply, struct err *e)
{
    struct err failure = {0};
    if (http_reply_check(reply, &failure) == 0)
        return 0;
    return err_set(e, failure.kind == ERR_INPUT ? ERR_DATA : failure.kind, "%s", failure.text);
}

static int get_position(void *context, const char *source, int64_t *position, struct err *e)
{
    struct import_run *r = context;
    struct buf path = {0};
    struct http_reply reply = {0};
    buf_put_text(&path, "/v1/sources/");
    http_put_encoded(&path, span_of(source));
    buf_put_byte(&path, '\0');
    struct http_call call = {.path = (char *)path.p};
    int failed = service_call(r->service, &call, CALL_MAY_REPEAT, &reply, e);
    *position = 0;
    if (failed == 0 && reply.status != 404) {
        failed = refused(&reply, e);
        if (failed == 0)
            failed = position_of_answer(&reply, position, e);
    }
    http_reply_clear(&reply);
    buf_clear(&path);
    return failed;
}

/* Repeating is safe: the position is stored by the commit of the events. */
static int post(void *context, const struct import_post *p, int *status, struct buf *answer,
                struct err *e)
{
    struct import_run *r = context;
    char source[200], position[80];
    struct http_reply reply = {0};
    snprintf(source, sizeof(source), "Footfall-Source: %s", p->source);
    snprintf(position, sizeof(position), "Footfall-Position: %" PRId64 "-%" PRId64, p->start,
             p->end);
    const char *const headers[] = {source, position, NULL};
    struct http_call call = {.method = "POST",
                             .path = "/v1/events",
                             .content_type = "application/x-ndjson",
                             .body = p->body,
                             .headers = headers};
    int failed = service_call(r->service, &call, CALL_MAY_REPEAT, &reply, e);
    if (failed == 0 && reply.status != 409)
        failed = refused(&reply, e);
    *status = reply.status;
    if (failed == 0)
        buf_put_span(answer, buf_span(&reply.body));
    http_reply_clear(&reply);
    return failed;
}

/* ------------------------------------------------------------------ the terminal's side */

static void on_rejected(void *context, const char *path, uint64_t line, const char *reason)
{
    struct import_run *r = context;
    if (r->n_rejected++ >= MAX_REJECTED_SHOWN)
        return;
    progress_hide(&r->progress);
    fprintf(stderr, "%s:%" PRIu64 ": %s\n", path, line, reason);
}

static void on_note(void *context, const char *path, const char *text)
{
    struct import_run *r = context;
    progress_hide(&r->progress);
    fprintf(stderr, "%s: %s\n", path, text);
}

static void on_progress(void *context, const struct import_progress *p)
{
    struct import_run *r = context;
    const char *slash = strrchr(p->path, '/');
    progress_show(&r->progress, slash == NULL ? p->path : slash + 1, p->done, p->total,
                  "%" PRIu64 " lines, %" PRIu64 " events", p->counts->read, p->counts->accepted);
}

static void print_counts(const struct import_counts *c, bool as_json)
{
    printf(as_json ? "{\"read\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"duplicate\":%" PRIu64
                     ",\"skipped\":%" PRIu64 ",\"rejected\":%" PRIu64 "}\n"
                   : "read=%" PRIu64 " accepted=%" PRIu64 " duplicate=%" PRIu64 " skipped=%" PRIu64
                     " rejected=%" PRIu64 "\n",
           c->read, c->accepted, c->duplicate, c->skipped, c->rejected);
}

/* ------------------------------------------------------------------ the command */

/* All files, also behind one that fails: the first failure is told at the end. */
static int import_files(struct command_run *r, struct import_run *run, struct import_counts *counts,
                        struct err *e)
{
    struct import_service service = {get_position, post, run};
    struct import_options o = {.site = run->site[0] == '\0' ? NULL : run->site,
                               .format = config_text(r->config, "format"),
                               .service = &service,
                               .on_rejected = on_rejected,
                               .on_note = on_note,
                               .on_progress = on_progress,
                               .context = run};
    int failed = 0;
    for (int i = 0; i < r->n_arguments; i++)
        if (import_file(&o, r->arguments[i], counts, e) != 0)
            failed = -1;
    return failed;
}

/* Whoever writes it in capitals means the same site, and the same place in the file. */
static int take_site(const struct command_run *r, char room[HOST_MAX_BYTES + 1], struct err *e)
{
    const char *text = config_text(r->config, "site");
    struct span name = text == NULL ? SPAN_LITERAL("") : url_site_name(span_of(text), room);
    if (span_absent(name))
        return err_set(e, ERR_INPUT,
                       "--site: \"%s\" is no name of a site; give one like example.com", text);
    room[name.n] = '\0';
    return 0;
}

int import_main(struct command_run *r, struct err *e)
{
    struct import_run run = {0};
    struct import_counts counts = {0};
    if (take_site(r, run.site, e) != 0 || service_open(&run.service, r->config, e) != 0)
        return -1;
    int failed = import_files(r, &run, &counts, e);
    service_close(run.service);
    progress_hide(&run.progress);
    if (run.n_rejected > MAX_REJECTED_SHOWN)
        fprintf(stderr, "... and %" PRIu64 " more lines were rejected\n",
                run.n_rejected - MAX_REJECTED_SHOWN);
    print_counts(&counts, config_bool(r->config, "json"));
    return failed;
}
