/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/log: events in log order, for other consumers. */
#include <stdio.h>
#include <stdlib.h>

#include "api/accept.h"
#include "api/log_wait.h"
#include "base/clock.h"
#include "base/pack.h"
#include "log/event_json.h"

enum { DEFAULT_LIMIT = 1000, MAX_LIMIT = 10000, MAX_WAIT_S = 30 };
enum { MAX_BODY_BYTES = 16 << 20, MAX_SCANNED = 100000 };

/* Not for other consumers: addresses, and which token sent it. */
#define SHOWN_COLUMNS (ALL_COLUMNS & ~COLUMN_BIT(EVENT_IP) & ~COLUMN_BIT(EVENT_TOKEN))

enum log_form { LOG_JSON, LOG_MSGPACK, LOG_NDJSON };
static const char *const media_types[] = {
    [LOG_JSON] = "application/json",
    [LOG_MSGPACK] = "application/msgpack",
    [LOG_NDJSON] = "application/x-ndjson",
    NULL,
};

struct log_query {
    uint64_t from;
    uint32_t limit;
    char site[SITE_BYTES];
    enum log_form form;
    int64_t deadline_us; /* monotonic; 0: does not wait */

    struct buf events; /* one after another */
    uint32_t count;
    uint64_t next, head;
    char next_text[24];
};

/* ------------------------------------------------------------------ on a worker */

static void put_event(struct log_query *q, const struct event_row *row)
{
    if (q->form == LOG_MSGPACK) {
        event_json_pack(&q->events, row);
    } else {
        if (q->form == LOG_JSON && q->count > 0)
            buf_put_byte(&q->events, ',');
        event_json_put(&q->events, row);
        if (q->form == LOG_NDJSON)
            buf_put_byte(&q->events, '\n');
    }
    q->count++;
}

static bool is_full(const struct log_query *q)
{
    return q->count >= q->limit || q->events.n >= MAX_BODY_BYTES;
}

static void put_slices(struct log_query *q, const struct log_chunk *chunk)
{
    struct event_row row;
    for (uint32_t i = 0; i < chunk->count; i++) {
        struct slice_cursor c = slice_cursor_of(&chunk->slices[i]);
        while (!is_full(q) && slice_next(&c, &row)) {
            q->next = row.seq + 1;
            if (q->site[0] == '\0' || span_is(row.columns[EVENT_SITE], q->site))
                put_event(q, &row);
        }
    }
    if (!is_full(q))
        q->next = chunk->next_seq;
}

/* Chunk by chunk, until there are enough, or there is nothing more, or it takes too long (events of
 * other sites): next says where to go on in any case. */
static int read_events(struct log_query *q, struct log_reader *reader, struct err *e)
{
    while (!is_full(q) && q->next < q->head && q->next - q->from < MAX_SCANNED) {
        const struct log_range range = {.from_seq = q->next,
                                        .to_seq = UINT64_MAX,
                                        .columns = SHOWN_COLUMNS,
                                        .max_events = q->limit};
        struct log_chunk chunk;
        if (log_read(reader, &range, &chunk, e) != 0)
            return -1;
        bool empty = chunk.count == 0;
        put_slices(q, &chunk);
        log_chunk_clear(&chunk);
        if (empty)
            break;
    }
    return 0;
}

static void put_body(struct task *t, struct log_query *q)
{
    struct span events = buf_span(&q->events);
    if (q->form == LOG_JSON) {
        buf_put_text(&t->body, "{\"partition\":0,\"events\":[");
        buf_put_span(&t->body, events);
        buf_printf(&t->body, "],\"next\":%llu,\"head\":%llu}", (unsigned long long)q->next,
                   (unsigned long long)q->head);
    } else if (q->form == LOG_MSGPACK) {
        pack_map(&t->body, 4);
        pack_text(&t->body, span_of("partition"));
        pack_int(&t->body, 0);
        pack_text(&t->body, span_of("events"));
        pack_array(&t->body, q->count);
        buf_put_span(&t->body, events);
        pack_text(&t->body, span_of("next"));
        pack_int(&t->body, (int64_t)q->next);
        pack_text(&t->body, span_of("head"));
        pack_int(&t->body, (int64_t)q->head);
    } else {
        buf_put_span(&t->body, events);
    }
    snprintf(q->next_text, sizeof q->next_text, "%llu", (unsigned long long)q->next);
    t->content_type = media_types[q->form];
    t->headers[0] = (struct http_header_line){"footfall-next", span_of(q->next_text)};
}

static int work(struct task *t, struct task_thread *thread)
{
    struct log_query *q = t->data;
    struct log_reader *reader;
    struct err *e = &t->refusal.err;
    q->next = q->from;
    q->count = 0;
    buf_reset(&q->events);
    if (task_reader(thread, &reader, e) == 0 && log_head(reader, 0, &q->head, e) == 0 &&
        read_events(q, reader, e) == 0)
        put_body(t, q);
    buf_clear(&q->events);
    return e->kind == ERR_NONE ? 0 : -1;
}

/* ------------------------------------------------------------------ on the loop */

static void on_done(struct task *t)
{
    struct log_query *q = t->data;
    struct heads_state log;
    bool waits = t->refusal.err.kind == ERR_NONE && q->count == 0 && q->deadline_us != 0 &&
                 clock_monotonic_us() < q->deadline_us && http_ticket_request(t->ticket) != NULL;
    if (!waits) {
        task_answer(t);
        return;
    }
    q->from = q->next; /* what was looked at is not looked at again */
    heads_get(t->api->heads, &log);
    if (log.next_seq > q->next && !atomic_load(&t->api->stopping))
        task_start(t); /* it grew meanwhile, or there is more to look at */
    else
        log_wait_add(api_loop_of(t->api, http_ticket_request(t->ticket))->waits, t, q->deadline_us);
}

struct number_param {
    const char *name;
    uint64_t min, max, fallback;
};

static int take_number(struct http_request *r, const struct number_param *p, uint64_t *out,
                       struct refusal *e)
{
    struct span text = http_param(r, p->name, 0, &e->err);
    uint64_t value = 0;
    *out = p->fallback;
    if (span_absent(text))
        return e->err.kind == ERR_NONE ? 0 : -1;
    bool good = text.n > 0 && text.n <= 18;
    for (size_t i = 0; good && i < text.n; i++) {
        good = text.p[i] >= '0' && text.p[i] <= '9';
        value = value * 10 + (uint64_t)(text.p[i] - '0');
    }
    if (!good || value < p->min || value > p->max)
        return refuse(e, p->name, "%s: \"%.*s\" is no number from %llu to %llu", p->name,
                      SPAN_ARGS(refusal_excerpt(text)), (unsigned long long)p->min,
                      (unsigned long long)p->max);
    *out = value;
    return 0;
}

static int take_site(struct http_request *r, struct log_query *q, struct refusal *e)
{
    struct span own = http_identity_of(r)->site;
    struct span site = http_param(r, "site", 0, &e->err);
    if (e->err.kind != ERR_NONE)
        return -1;
    if (!span_absent(site) && !site_name_valid(site))
        return refuse(e, "site", "site: \"%.*s\" is no name of a site",
                      SPAN_ARGS(refusal_excerpt(site)));
    struct span chosen = span_absent(site) ? own : site;
    snprintf(q->site, sizeof q->site, "%.*s", span_absent(chosen) ? 0 : (int)chosen.n,
             span_absent(chosen) ? "" : chosen.p);
    return 0;
}

static int take_query(struct http_request *r, struct log_query *q, struct refusal *e)
{
    static const struct number_param from = {"from", 0, INT64_MAX / 16, 0},
                                     limit = {"limit", 1, MAX_LIMIT, DEFAULT_LIMIT},
                                     partition = {"partition", 0, 0, 0},
                                     wait = {"wait", 0, MAX_WAIT_S, 0};
    uint64_t n_limit, number, wait_s;
    if (take_number(r, &from, &q->from, e) != 0 || take_number(r, &limit, &n_limit, e) != 0 ||
        take_number(r, &partition, &number, e) != 0 || take_number(r, &wait, &wait_s, e) != 0)
        return -1;
    q->limit = (uint32_t)n_limit;
    if (wait_s > 0)
        q->deadline_us = clock_monotonic_us() + (int64_t)wait_s * US_PER_SECOND;
    return take_site(r, q, e);
}

static void log_get(struct http_request *r, void *context)
{
    struct refusal e = {0};
    int form = accept_choose(http_header(r, "accept"), media_types);
    if (form < 0) {
        http_send_problem(r, &(struct http_problem){.slug = "not-acceptable", .field = "accept"},
                          "give application/json, application/x-ndjson or application/msgpack");
        return;
    }
    struct task *t = task_new(r, context, work, sizeof(struct log_query));
    struct log_query *q = t->data;
    q->form = (enum log_form)form;
    t->on_done = on_done;
    if (take_query(r, q, &e) != 0)
        api_send_refusal(r, &e);
    else if (api_allow_site(r, span_of(q->site))) {
        task_submit(t, r);
        return;
    }
    task_free(t);
}

/* ------------------------------------------------------------------ the route */

static const struct http_param_doc params[] = {
    {"from", "query", "{\"type\":\"integer\",\"minimum\":0,\"default\":0}", "First seq."},
    {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,\"default\":1000}",
     "Events at most; fewer when they are large: go on from next."},
    {"partition", "query", "{\"type\":\"integer\",\"default\":0}", "Which partition."},
    {"wait", "query", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":30,\"default\":0}",
     "Seconds to wait for an event when there is none yet."},
    {"site", "query", "{\"type\":\"string\"}", "Only events of this site."},
    {0},
};

static const char schema[] = "{\"type\":\"object\",\"required\":[\"partition\",\"events\",\"next\","
                             "\"head\"],\"properties\":{"
                             "\"partition\":{\"type\":\"integer\"},"
                             "\"events\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                             "\"required\":[\"partition\",\"seq\","
                             "\"eventId\",\"eventType\",\"timestamp\",\"receivedAt\",\"site\"]}},"
                             "\"next\":{\"type\":\"integer\"},\"head\":{\"type\":\"integer\"}}}";

static const struct http_answer_doc answers[] = {
    {200, "application/json",
     "Events in log order. `next` is the seq to go on from, `head` the next seq of the log.",
     schema},
    {200, "application/x-ndjson", "An event a line; `next` is in the header Footfall-Next.", NULL},
    {200, "application/msgpack", "The same as MessagePack.", NULL},
    {0},
};

const struct http_route log_routes[] = {
    {.method = "GET",
     .pattern = "/v1/log",
     .scope = SCOPE_ADMIN,
     .handler = log_get,
     .operation = "readLog",
     .summary = "Events in log order",
     .params = params,
     .answers = answers},
    {0},
};
