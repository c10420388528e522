/* SPDX-License-Identifier: Apache-2.0 */
/* Problems (RFC 9457): the catalogue and their JSON. */
#include "base/http_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/utf8.h"

static const struct http_problem_doc catalogue[] = {
    {"bad-request", 400, "Bad request",
     "The request, a parameter or the query string is not understood; `field` names the part."},
    {"bad-body", 400, "Body not understood",
     "The body is not what its Content-Type says. Nothing was stored."},
    {"bad-events", 400, "Events refused",
     "Every event is bad, or one is and `atomic` was asked for; `rejected` lists them by index. "
     "Nothing was stored."},
    {"bad-key", 400, "Idempotency key not understood",
     "Idempotency-Key must be 1 to 255 visible ASCII characters."},
    {"bad-source", 400, "Source position not understood",
     "Footfall-Source and Footfall-Position come together: a name and START-END."},
    {"unauthorized", 401, "Token needed",
     "No token, an unknown one, or the request holds what needs an ingest token. Send "
     "`Authorization: Bearer TOKEN`."},
    {"forbidden", 403, "Not allowed", "The token's scope or site does not cover this."},
    {"unknown-site", 403, "Unknown site",
     "Without a token only sites an admin has added may be sent to: `footfall site add NAME`."},
    {"csrf", 403, "Not from a page of this service",
     "With the cookie of one who is signed in, only pages of this service may change something, as "
     "`application/json`; signing in is for them and for scripts. A proxy in front has to pass the "
     "header Host on."},
    {"not-found", 404, "Not found", "There is nothing at this path, or no object of this name."},
    {"method-not-allowed", 405, "Method not allowed",
     "The header Allow lists what the path takes."},
    {"not-acceptable", 406, "Not acceptable",
     "None of the formats in Accept is offered; JSON always is."},
    {"conflict", 409, "Conflict", "The object is in a state that forbids this."},
    {"wrong-position", 409, "Wrong source position",
     "The source is elsewhere: go on from `position`."},
    {"key-in-use", 409, "Idempotency key in use",
     "The first request with this key still runs; repeat later."},
    {"too-large", 413, "Too large",
     "The body or the number of events is over the limit: send less."},
    {"unsupported-media-type", 415, "Unsupported media type",
     "Content-Type or Content-Encoding is none of the documented ones."},
    {"expectation-failed", 417, "Expectation failed", "Only `Expect: 100-continue` is understood."},
    {"unknown-host", 421, "Unknown host",
     "Signing in works at names that are known: put the one in the address bar into `api.hosts`."},
    {"key-reused", 422, "Idempotency key reused",
     "The key was used with another body; take a new key for a new request."},
    {"query-timeout", 422, "Query took too long",
     "The query did not end in time (`api.query_timeout_ms`): take a shorter range or fewer "
     "columns, or keep what it asks for as a view."},
    {"too-many-requests", 429, "Too many requests", "Slow down; Retry-After says how long."},
    {"internal", 500, "Internal error",
     "A fault of the server; its own messages say more. Repeating may help."},
    {"busy", 503, "Busy", "A queue is full. Nothing was stored; repeat after Retry-After."},
    {"unavailable", 503, "Unavailable",
     "PostgreSQL or Redis cannot be reached. Nothing was stored; repeat after Retry-After."},
    {"not-ready", 503, "Not ready", "The service is starting, stopping or too far behind."},
    {"outcome-unknown", 503, "Outcome unknown",
     "The connection to PostgreSQL was lost during the commit: the events may or may not be "
     "stored. "
     "Repeat with the same event ids, key or position."},
    {NULL, 0, NULL, NULL},
};

const struct http_problem_doc *http_problem_docs(void)
{
    return catalogue;
}

const struct http_problem_doc *http_problem_find(const char *slug)
{
    for (const struct http_problem_doc *d = catalogue; d->slug != NULL; d++)
        if (strcmp(d->slug, slug) == 0)
            return d;
    return NULL;
}

/* Fills in what the catalogue knows. */
static struct http_problem completed(const struct http_problem *p)
{
    struct http_problem whole = *p;
    const struct http_problem_doc *doc = http_problem_find(p->slug);
    if (whole.status == 0)
        whole.status = doc == NULL ? 500 : doc->status;
    if (whole.title == NULL)
        whole.title = doc == NULL ? http_status_reason(whole.status) : doc->title;
    return whole;
}

/* A detail may quote what the client sent, or be cut within a character. */
static void put_detail(struct buf *out, const char *detail)
{
    struct span text = span_of(detail);
    if (utf8_valid(text)) {
        buf_put_json(out, text);
        return;
    }
    char *ascii = mem_copy_span(text);
    for (char *c = ascii; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    buf_put_json(out, span_of(ascii));
    free(ascii);
}

void http_problem_put(struct buf *out, const struct http_problem *problem, const char *detail)
{
    struct http_problem p = completed(problem);
    buf_printf(out, "{\"type\":\"" HTTP_PROBLEM_TYPE "%s\",\"title\":", p.slug);
    buf_put_json(out, span_of(p.title));
    buf_printf(out, ",\"status\":%d,\"detail\":", p.status);
    put_detail(out, detail);
    if (p.field != NULL) {
        buf_put_text(out, ",\"field\":");
        buf_put_json(out, span_of(p.field));
    }
    if (p.members.n != 0) {
        buf_put_byte(out, ',');
        buf_put_span(out, p.members);
    }
    buf_put_byte(out, '}');
}

static void add_header(struct http_answer *a, unsigned *n, struct http_header_line line)
{
    if (line.name != NULL)
        a->headers[(*n)++] = line;
}

static void send_problem(struct http_request *r, const struct http_problem *problem,
                         const char *detail)
{
    struct http_problem p = completed(problem);
    struct buf body = {0};
    http_problem_put(&body, &p, detail);
    struct http_answer a = {.status = p.status,
                            .content_type = "application/problem+json",
                            .body = buf_span(&body),
                            .owner = BODY_COPY};
    unsigned n = 0;
    char seconds[16];
    if (p.retry_after_s > 0) {
        snprintf(seconds, sizeof(seconds), "%d", p.retry_after_s);
        add_header(&a, &n, (struct http_header_line){"retry-after", span_of(seconds)});
    }
    if (p.status == 401)
        add_header(&a, &n, (struct http_header_line){"www-authenticate", SPAN_LITERAL("Bearer")});
    add_header(&a, &n, p.header);
    http_send(r, &a);
    buf_clear(&body);
}

void http_send_problem(struct http_request *r, const struct http_problem *p, const char *format,
                       ...)
{
    char detail[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    send_problem(r, p, detail);
}

void http_send_error(struct http_request *r, const struct err *e)
{
    static const struct http_problem by_kind[] = {
        [ERR_NONE] = {.slug = "internal"},
        [ERR_INPUT] = {.slug = "bad-request"},
        [ERR_BUSY] = {.slug = "busy", .retry_after_s = 1},
        [ERR_DOWN] = {.slug = "unavailable", .retry_after_s = 5},
        [ERR_DATA] = {.slug = "internal"},
    };
    if (e->kind == ERR_DATA)
        diag(DIAG_ERROR, "http", "%s", e->text);
    bool told = e->kind == ERR_INPUT || e->kind == ERR_BUSY || e->kind == ERR_DOWN;
    send_problem(r, &by_kind[e->kind], told ? e->text : "see the server's messages");
}
