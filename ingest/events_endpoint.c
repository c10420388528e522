/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/events: what the headers and parameters ask for, then the body into the loop's append.
 */
#include <openssl/sha.h>
#include <strings.h>

#include "ingest/ingest_internal.h"

enum { OPEN_MAX_EVENTS = 100 };

const struct http_param_doc events_params[] = {
    {"atomic", "query", "{\"type\": \"boolean\"}", "all or nothing: one bad event refuses all"},
    {"Idempotency-Key", "header", "{\"type\": \"string\", \"maxLength\": 255}",
     "the same key within 24 h is answered as the first time, and nothing is appended"},
    {"Footfall-Source", "header", "{\"type\": \"string\", \"maxLength\": 200}",
     "name of a source with positions (scope ingest)"},
    {"Footfall-Position", "header", "{\"type\": \"string\", \"pattern\": \"^[0-9]+-[0-9]+$\"}",
     "START-END, half-open: what of the source this request holds"},
    {0},
};

#define ANSWER_SCHEMA                                                                              \
    "{\"type\": \"object\", \"required\": [\"accepted\", \"duplicates\", \"rejected\", "           \
    "\"partition\", \"first_seq\", \"last_seq\"], \"properties\": {"                               \
    "\"accepted\": {\"type\": \"integer\"}, \"duplicates\": {\"type\": \"integer\"}, "             \
    "\"rejected\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {"      \
    "\"index\": {\"type\": \"integer\"}, \"field\": {\"type\": [\"string\", \"null\"]}, "          \
    "\"reason\": {\"type\": \"string\"}}}}, \"partition\": {\"type\": \"integer\"}, "              \
    "\"first_seq\": {\"type\": [\"integer\", \"null\"]}, "                                         \
    "\"last_seq\": {\"type\": [\"integer\", \"null\"]}}}"

#define PROBLEM "application/problem+json"

const struct http_answer_doc events_answers[] = {
    {202, "application/json", "durable; rejected events by index", ANSWER_SCHEMA},
    {400, PROBLEM, "every event is bad, or the body is not parseable: nothing was stored", NULL},
    {401, PROBLEM, "unknown token, or more than 100 events without one", NULL},
    {403, PROBLEM, "the token's scope or site, or an unknown site", NULL},
    {409, PROBLEM, "the source is at another position, or the key's first request still runs",
     NULL},
    {413, PROBLEM, "more than 8 MiB or 10,000 events", NULL},
    {415, PROBLEM, "another Content-Type or Content-Encoding", NULL},
    {422, PROBLEM, "the key was used with another body", NULL},
    {429, PROBLEM, "too many idempotency keys", NULL},
    {503, PROBLEM, "not now; or outcome-unknown: repeat with the same ids", NULL},
    {0},
};

#define EVENT_SCHEMA                                                                               \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"                    \
    "\"eventType\": {\"type\": \"string\", \"maxLength\": 120}, "                                  \
    "\"timestamp\": {\"type\": [\"number\", \"string\"]}, \"age\": {\"type\": \"number\"}, "       \
    "\"ipAddress\": {\"type\": \"string\"}, \"sessionId\": {\"type\": \"string\", \"maxLength\": " \
    "128}, "                                                                                       \
    "\"userId\": {\"type\": \"string\", \"maxLength\": 128}, "                                     \
    "\"pageUrl\": {\"type\": \"string\", \"maxLength\": 4096}, "                                   \
    "\"referrer\": {\"type\": \"string\", \"maxLength\": 4096}, "                                  \
    "\"userAgent\": {\"type\": \"string\", \"maxLength\": 1024}, "                                 \
    "\"browser\": {\"type\": \"string\", \"maxLength\": 64}, "                                     \
    "\"eventId\": {\"type\": \"string\", \"format\": \"uuid\"}, "                                  \
    "\"site\": {\"type\": \"string\", \"maxLength\": 253}, \"region\": {\"type\": \"string\"}, "   \
    "\"props\": {\"type\": \"object\", \"maxProperties\": 30}}}"
#define EVENTS_SCHEMA                                                                              \
    "{\"schema\": {\"oneOf\": [" EVENT_SCHEMA ", {\"type\": \"array\", \"items\": {\"type\": "     \
    "\"object\"}}]}}"

const char events_request_types[] =
    "{\"application/json\": " EVENTS_SCHEMA ", \"text/plain\": {\"schema\": {\"type\": \"string\"}}"
    ", \"application/x-ndjson\": {\"schema\": {\"type\": \"string\"}}"
    ", \"application/msgpack\": {\"schema\": {\"type\": \"string\", "
    "\"contentEncoding\": \"binary\"}}}";

/* ---- headers ---- */

struct wanted {
    enum payload_form form;
    enum body_encoding encoding;
    bool atomic;
    struct span key, source; /* or absent */
    int64_t start, end;      /* with a source */
};

static bool is_name(struct span s, const char *name)
{
    return s.n == strlen(name) && strncasecmp(s.p, name, s.n) == 0;
}

static struct span media_type(struct span header)
{
    const char *end = header.n == 0 ? NULL : memchr(header.p, ';', header.n);
    size_t n = end == NULL ? header.n : (size_t)(end - header.p);
    while (n > 0 && (header.p[n - 1] == ' ' || header.p[n - 1] == '\t'))
        n--;
    return (struct span){header.p, n};
}

static bool take_type(struct http_request *r, struct wanted *w)
{
    static const struct {
        const char *name;
        enum payload_form form;
    } types[] = {
        {"application/json", PAYLOAD_JSON},           {"text/plain", PAYLOAD_JSON},
        {"application/x-ndjson", PAYLOAD_NDJSON},     {"application/ndjson", PAYLOAD_NDJSON},
        {"application/msgpack", PAYLOAD_MSGPACK},     {"application/x-msgpack", PAYLOAD_MSGPACK},
        {"application/vnd.msgpack", PAYLOAD_MSGPACK},
    };
    static const struct http_problem problem = {.slug = "unsupported-media-type",
                                                .field = "Content-Type"};
    struct span type = media_type(http_header(r, "content-type"));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (is_name(type, types[i].name)) {
            w->form = types[i].form;
            return true;
        }
    http_send_problem(r, &problem,
                      "events come as application/json, text/plain, application/x-ndjson or "
                      "application/msgpack, not as '%.*s'",
                      (int)(type.n < 80 ? type.n : 80), type.n == 0 ? "" : type.p);
    return false;
}

static bool take_encoding(struct http_request *r, struct wanted *w)
{
    static const struct http_problem problem = {.slug = "unsupported-media-type",
                                                .field = "Content-Encoding"};
    struct span encoding = http_header(r, "content-encoding");
    bool gzip = is_name(encoding, "gzip") || is_name(encoding, "x-gzip");
    w->encoding = gzip ? BODY_GZIP : BODY_PLAIN;
    if (gzip || encoding.n == 0 || is_name(encoding, "identity"))
        return true;
    http_send_problem(r, &problem, "a body may be compressed with gzip only, not with '%.*s'",
                      (int)(encoding.n < 80 ? encoding.n : 80), encoding.p);
    return false;
}

static bool take_atomic(struct http_request *r, struct wanted *w)
{
    static const struct http_problem problem = {.slug = "bad-request", .field = "atomic"};
    struct err e = {0};
    struct span value = http_query(r).n == 0 ? SPAN_ABSENT : http_param(r, "atomic", 0, &e);
    w->atomic = span_is(value, "true") || span_is(value, "1");
    if (e.kind != ERR_NONE) {
        http_send_error(r, &e);
        return false;
    }
    if (w->atomic || span_absent(value) || span_is(value, "false") || span_is(value, "0"))
        return true;
    http_send_problem(r, &problem, "atomic is true or false");
    return false;
}

static bool take_number(const char **p, const char *end, int64_t *out)
{
    const char *start = *p;
    for (*out = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, **p - '0', out))
            return false;
    return *p > start;
}

static bool parse_position(struct span s, struct wanted *w)
{
    const char *p = s.p, *end = s.p + s.n;
    return s.n != 0 && take_number(&p, end, &w->start) && p < end && *p++ == '-' &&
           take_number(&p, end, &w->end) && p == end && w->start <= w->end;
}

static bool take_source(struct http_request *r, const struct sender *sender, struct wanted *w)
{
    static const struct http_problem bad_position = {.slug = "bad-source",
                                                     .field = "Footfall-Position"};
    static const struct http_problem no_token = {.slug = "unauthorized",
                                                 .field = "Footfall-Source"};
    struct span position = http_header(r, "footfall-position");
    w->source = http_header(r, "footfall-source");
    if (span_absent(w->source) && span_absent(position))
        return true;
    if (!sender->trusted)
        http_send_problem(r, &no_token, "sources need an ingest token");
    else if (!ingest_source_ok(r, w->source))
        return false;
    else if (!parse_position(position, w))
        http_send_problem(r, &bad_position,
                          "a position is START-END, integers below 2^63, START not above END");
    else
        return true;
    return false;
}

static bool take_key(struct http_request *r, struct wanted *w)
{
    static const struct http_problem bad = {.slug = "bad-key", .field = "Idempotency-Key"};
    w->key = http_header(r, "idempotency-key");
    if (span_absent(w->key) || ingest_key_fits(w->key))
        return true;
    http_send_problem(r, &bad, "an idempotency key is 1 to 255 visible ASCII characters");
    return false;
}

static bool take_wanted(struct http_request *r, const struct sender *sender, struct wanted *w)
{
    *w = (struct wanted){.form = PAYLOAD_NDJSON};
    if (!take_source(r, sender, w) || !take_atomic(r, w) || !take_key(r, w))
        return false;
    if (!span_absent(w->source) && http_body(r).n == 0)
        return true; /* only the position moves: NDJSON without a line */
    return take_type(r, w) && take_encoding(r, w);
}

/* ---- body ---- */

static bool take_body(struct http_request *r, struct intake *in, const struct wanted *w,
                      const struct sender *sender)
{
    static const struct http_problem problems[] = {
        [INTAKE_OK] = {.slug = "unauthorized"}, /* too many for no token */
        [INTAKE_BAD] = {.slug = "bad-body"},
        [INTAKE_TOO_LARGE] = {.slug = "too-large"},
    };
    struct err e = {0};
    enum intake_result result = intake_open(in, http_body(r), w->encoding, w->form, &e);
    bool too_many = !sender->trusted && intake_count(in) > OPEN_MAX_EVENTS;
    if (result == INTAKE_OK && !too_many)
        return true;
    if (result == INTAKE_OK)
        err_set(&e, ERR_INPUT, "more than %d events need an ingest token", OPEN_MAX_EVENTS);
    http_send_problem(r, &problems[result], "%s", e.text);
    return false;
}

static void describe(struct http_request *r, const struct wanted *w, struct submission *s)
{
    struct append_request *q = &s->request;
    *q = (struct append_request){
        .first = s->append->batch->count,
        .key = w->key,
        .source = w->source,
        .source_start = w->start,
        .source_end = w->end,
    };
    s->atomic = w->atomic;
    if (!span_absent(w->key))
        SHA256((const unsigned char *)http_body(r).p, http_body(r).n, q->body_hash);
}

void events_handle(struct http_request *r, void *context)
{
    static const struct http_problem busy = {.slug = "busy", .retry_after_s = 1};
    struct ingest *g = context;
    struct ingest_loop *l = ingest_loop_of(g, r);
    struct sender sender;
    struct wanted w;
    if (!ingest_sender(r, &sender) || !take_wanted(r, &sender, &w) ||
        !take_body(r, l->intake, &w, &sender))
        return;
    struct submission s = {.received = intake_count(l->intake)};
    s.append = collect_room(l->collect, s.received);
    if (s.append == NULL) {
        http_send_problem(r, &busy, "the writer is behind: repeat later");
        return;
    }
    describe(r, &w, &s);
    intake_read(l->intake, &sender, s.append->batch, &s.tally);
    ingest_submit(r, &s);
}
