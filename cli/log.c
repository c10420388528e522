/* SPDX-License-Identifier: Apache-2.0 */
/* footfall log: the events as other consumers read them, by GET /v1/log. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/service.h"

enum { EVENTS_A_CALL = 5000, FOLLOW_WAIT_S = 30, TIMEOUT_MS = 120 * 1000 };

const struct option log_command_options[] = {
    {.name = "from",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = INT64_MAX / 16,
     .about = "first seq"},
    {.name = "to",
     .type = OPTION_INT,
     .min = 0,
     .max = INT64_MAX / 16,
     .about = "seq to stop before (default: the head; with --follow none)"},
    {.name = "partition",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 1023,
     .about = "which partition"},
    {.name = "follow",
     .type = OPTION_BOOL,
     .fallback = "no",
     .about = "wait for events to come, until Ctrl-C"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .fallback = "json",
     .choices = "json|msgpack",
     .about = "a line of JSON per event, or MessagePack maps one after another"},
    {0},
};

/* ------------------------------------------------------------------ head */

static int head(struct command_run *r, struct err *e)
{
    char *path =
        mem_format("/v1/log?limit=1&partition=%" PRId64, config_int(r->config, "partition"));
    const struct ask a = {.path = path, .text = "head"};
    int status = ask_and_print(r, &a, e);
    free(path);
    return status;
}

/* ------------------------------------------------------------------ cat */

struct reading {
    struct service *service;
    int64_t partition, next, to; /* to: INT64_MAX is none */
    bool follow;
    bool packed;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int ask_for_events(const struct reading *r, struct http_reply *reply, struct err *e)
{
    static const char *const lines[] = {"Accept: application/x-ndjson", NULL};
    static const char *const packed[] = {"Accept: application/msgpack", NULL};
    struct err failure = {0};
    char *path = mem_format(
        "/v1/log?from=%" PRId64 "&limit=%" PRId64 "&partition=%" PRId64 "&wait=%d", r->next,
        least(EVENTS_A_CALL, r->to - r->next), r->partition, r->follow ? FOLLOW_WAIT_S : 0);
    struct http_call call = {
        .path = path, .headers = r->packed ? packed : lines, .timeout_ms = TIMEOUT_MS};
    int failed = service_call(r->service, &call, CALL_MAY_REPEAT, reply, e);
    if (failed == 0 && http_reply_check(reply, &failure) != 0)
        failed =
            err_set(e, failure.kind == ERR_INPUT ? ERR_DATA : failure.kind, "%s", failure.text);
    free(path);
    return failed;
}

/* {"partition", "events": [...], "next", "head"}: the bytes of the events alone. */
static bool find_packed_events(struct span in, struct span *events)
{
    struct span key;
    uint32_t members, n;
    if (!pack_read_map(&in, &members))
        return false;
    for (; members > 0; members--) {
        if (!pack_read_text(&in, &key))
            return false;
        if (!span_is(key, "events")) {
            if (!pack_skip(&in))
                return false;
            continue;
        }
        if (!pack_read_array(&in, &n))
            return false;
        *events = (struct span){in.p, 0};
        while (n > 0 && pack_skip(&in))
            n--;
        events->n = (size_t)(in.p - events->p);
        return n == 0;
    }
    return false;
}

/* Prints the events; *next is where to go on: nowhere when nobody reads what is printed. */
static int print_events(const struct reading *r, const struct http_reply *reply, int64_t *next,
                        struct err *e)
{
    struct span events = buf_span(&reply->body);
    struct span text = http_reply_header(reply, "footfall-next");
    char *number = span_absent(text) ? NULL : mem_copy_span(text), *end = NULL;
    *next = number == NULL ? -1 : strtoll(number, &end, 10);
    bool good = number != NULL && end != number && *end == '\0' && *next >= r->next;
    free(number);
    if (!good || (r->packed && !find_packed_events(events, &events)))
        return err_set(e, ERR_DATA, "the service's answer to /v1/log makes no sense");
    if (fwrite(events.p, 1, events.n, stdout) == events.n && fflush(stdout) == 0)
        return 0;
    *next = r->to;
    return errno == EPIPE
               ? 0
               : err_set(e, ERR_DOWN, "cannot write to standard output: %s", strerror(errno));
}

/* The head now is where a reading that does not follow ends. */
static int find_end(struct reading *r, struct err *e)
{
    char *path =
        mem_format("/v1/log?limit=1&from=%" PRId64 "&partition=%" PRId64, r->next, r->partition);
    struct service_json answer = {0};
    struct json_value end;
    struct http_call call = {.path = path};
    int failed = service_ask(r->service, &call, &answer, e);
    if (failed == 0 &&
        (answer.root.type != JSON_OBJECT ||
         json_get(answer.parser, &answer.root, "head", &end, NULL) != 1 || end.type != JSON_INT))
        failed = err_set(e, ERR_DATA, "the service's answer to /v1/log has no \"head\"");
    if (failed == 0)
        r->to = least(r->to, end.integer);
    service_json_clear(&answer);
    free(path);
    return failed;
}

static int print_all(struct reading *r, struct err *e)
{
    struct http_reply reply = {0};
    int failed = r->follow ? 0 : find_end(r, e);
    while (failed == 0 && r->next < r->to) {
        int64_t next = r->next;
        failed = ask_for_events(r, &reply, e);
        if (failed == 0)
            failed = print_events(r, &reply, &next, e);
        if (failed == 0 && next == r->next && !r->follow)
            failed = err_set(e, ERR_DATA, "the log ends at %" PRId64 ", before its head", next);
        r->next = next;
    }
    http_reply_clear(&reply);
    return failed;
}

static int cat(struct command_run *run, struct err *e)
{
    const struct config *c = run->config;
    struct reading r = {.partition = config_int(c, "partition"),
                        .next = config_int(c, "from"),
                        .to = config_text(c, "to") == NULL ? INT64_MAX : config_int(c, "to"),
                        .follow = config_bool(c, "follow"),
                        .packed = strcmp(config_text(c, "format"), "msgpack") == 0};
    if (service_open(&r.service, c, e) != 0)
        return -1;
    int failed = print_all(&r, e);
    service_close(r.service);
    return failed;
}

int log_main(struct command_run *r, struct err *e)
{
    static const struct subcommand table[] = {{"head", 0, head}, {"cat", 0, cat}, {0}};
    return subcommand_run(table, r, e);
}
