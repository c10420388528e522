/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/query: a SELECT answered at once from the log. */
#include "api/query_post.h"

#include <stdio.h>

#include "api/accept.h"
#include "api/query.h"
#include "base/metrics.h"

/* ------------------------------------------------------------------ metrics */

#define QUERIES(label)                                                                             \
    {                                                                                              \
        .name = "footfall_queries_total", .labels = "outcome=\"" label "\"",                       \
        .help = "Queries, by how they ended.", .type = METRIC_COUNTER                              \
    }

static struct metric outcomes[N_QUERY_OUTCOMES] = {
    [QUERY_OUTCOME_ANSWERED] = QUERIES("answered"),
    [QUERY_OUTCOME_CACHED] = QUERIES("cached"),
    [QUERY_OUTCOME_REFUSED] = QUERIES("refused"),
    [QUERY_OUTCOME_TIMED_OUT] = QUERIES("timed_out"),
    [QUERY_OUTCOME_CANCELLED] = QUERIES("cancelled"),
    [QUERY_OUTCOME_BUSY] = QUERIES("busy"),
    [QUERY_OUTCOME_FAILED] = QUERIES("failed"),
};

static const int64_t second_bounds[] = {1000,    5000,    20000,   100000,   500000,
                                        1000000, 2000000, 5000000, 10000000, 0};
static struct metric seconds = {.name = "footfall_query_seconds",
                                .help =
                                    "From a query to its answer, the wait for a thread included.",
                                .type = METRIC_HISTOGRAM,
                                .scale = 1e-6,
                                .bounds = second_bounds};
static struct metric events = {.name = "footfall_query_events_total",
                               .help = "Events that queries have read from the log.",
                               .type = METRIC_COUNTER};

void query_register_metrics(void)
{
    for (int i = 0; i < N_QUERY_OUTCOMES; i++)
        metric_register(&outcomes[i]);
    metric_register(&seconds);
    metric_register(&events);
}

static void count(const struct query_task *d)
{
    metric_add(&outcomes[d->outcome], 1);
    metric_observe(&seconds, clock_monotonic_us() - d->started_us);
    metric_add(&events, (int64_t)d->read);
}

/* ------------------------------------------------------------------ the answer */

static void send_refused_select(struct http_request *r, const struct task *t)
{
    const struct query_task *d = t->data;
    char members[64];
    snprintf(members, sizeof members, "\"line\":%u,\"column\":%u", d->place.line, d->place.column);
    http_send_problem(
        r,
        &(struct http_problem){.slug = "bad-request", .field = "sql", .members = span_of(members)},
        "%s", t->refusal.err.text);
}

static void send_answer(struct http_request *r, const struct task *t)
{
    const struct query_task *d = t->data;
    const char *kept = d->outcome == QUERY_OUTCOME_CACHED ? "hit" : "miss";
    http_send(r, &(struct http_answer){.status = 200,
                                       .content_type = t->content_type,
                                       .body = buf_span(&t->body),
                                       .headers = {{"footfall-cache", span_of(kept)},
                                                   {"cache-control", SPAN_LITERAL("no-store")}}});
}

static void on_done(struct task *t)
{
    struct query_task *d = t->data;
    struct http_request *r = http_ticket_request(t->ticket);
    bool refused = t->refusal.err.kind != ERR_NONE;
    count(d);
    if (d->is_open)
        atomic_fetch_sub(&t->api->open_queries, 1);
    if (r != NULL && !refused)
        send_answer(r, t);
    else if (r != NULL && d->outcome == QUERY_OUTCOME_REFUSED && d->place.line != 0)
        send_refused_select(r, t);
    else if (r != NULL) {
        task_answer(t);
        return;
    }
    http_ticket_free(t->ticket);
    task_free(t);
}

static void on_gone(void *context)
{
    atomic_store(&((struct query_task *)context)->gone, true);
}

/* ------------------------------------------------------------------ who may ask */

static bool refuse_open(struct http_request *r)
{
    http_send_problem(r, &(struct http_problem){.slug = "unauthorized"},
                      "send Authorization: Bearer TOKEN");
    return false;
}

/* Without a token only public sites may be asked about, one query at a time. */
static bool allow_open(struct api *a, struct http_request *r, const char *site)
{
    struct site_info info;
    if (!sites_find(a->parts.sites, span_of(site), &info) || !info.is_public)
        return refuse_open(r);
    if (atomic_fetch_add(&a->open_queries, 1) == 0)
        return true;
    atomic_fetch_sub(&a->open_queries, 1);
    http_send_problem(r, &(struct http_problem){.slug = "too-many-requests", .retry_after_s = 1},
                      "a query without a token is being answered; there is one at a time");
    return false;
}

static bool allow(struct api *a, struct http_request *r, struct query_task *d)
{
    return d->is_open ? allow_open(a, r, d->site) : api_allow_site(r, span_of(d->site));
}

/* Takes everything out of the request; false: it is answered. */
static bool prepare(struct api *a, struct http_request *r, struct task *t)
{
    struct query_task *d = t->data;
    struct refusal e = {0};
    const struct query_ask_context context = {a->zones, http_loop_now_us(http_loop_of(r))};
    int form = accept_choose(http_header(r, "accept"), rows_media_types);
    if (form < 0) {
        http_send_problem(r, &(struct http_problem){.slug = "not-acceptable", .field = "accept"},
                          "give application/json, application/msgpack or text/csv");
        return false;
    }
    d->form = (enum rows_form)form;
    d->is_open = http_identity_of(r)->scope == SCOPE_OPEN;
    struct span own = http_identity_of(r)->site;
    if (query_ask_parse(&d->ask, &t->input, http_body(r), &context, &e) != 0 ||
        api_find_site(a, d->ask.site[0] == '\0' ? SPAN_ABSENT : span_of(d->ask.site), own, d->site,
                      &e) != 0) {
        if (d->is_open)
            return refuse_open(r);
        api_send_refusal(r, &e);
        return false;
    }
    return allow(a, r, d);
}

void query_post(struct http_request *r, void *context)
{
    struct api *a = context;
    struct task *t = task_new(r, a, query_work, sizeof(struct query_task));
    struct query_task *d = t->data;
    if (!prepare(a, r, t)) {
        task_free(t);
        return;
    }
    t->on_done = on_done;
    d->stopping = &a->stopping;
    d->started_us = clock_monotonic_us();
    d->deadline_us = d->started_us + a->query_timeout_ms * 1000;
    t->ticket = http_defer(r);
    http_ticket_on_gone(t->ticket, on_gone, d);
    if (workers_submit(a->query_workers, &t->job, &t->refusal.err) == 0)
        return;
    d->outcome = QUERY_OUTCOME_BUSY;
    on_done(t);
}

/* ------------------------------------------------------------------ the route */

static const char body_schema[] =
    "{\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":[\"sql\"],"
    "\"additionalProperties\":false,\"properties\":{"
    "\"sql\":{\"type\":\"string\",\"description\":\"A SELECT over events or sessions, in the "
    "language of views; site and time bucket may be left out.\"},"
    "\"site\":{\"type\":\"string\",\"description\":\"Required unless the token is for one site.\"},"
    "\"from\":{\"type\":[\"string\",\"integer\"],\"description\":\"RFC 3339 or Unix seconds, "
    "inclusive; default 24 hours before to.\"},"
    "\"to\":{\"type\":[\"string\",\"integer\"],\"description\":\"Exclusive; default now.\"},"
    "\"step\":{\"type\":\"string\",\"description\":\"minute, 15m, hour, day, week, month, all, or "
    "seconds, minutes or hours up to a day such as 6h: a multiple of the SELECT's time bucket, "
    "which is the default. Buckets are merged into slots of tz, distinct counts too.\"},"
    "\"tz\":{\"type\":\"string\",\"default\":\"UTC\",\"description\":\"IANA time zone of the times "
    "in the answer, and of the days of step.\"},"
    "\"order\":{\"type\":\"string\",\"description\":\"Columns of the answer, comma-separated, - "
    "for descending; in place of ORDER BY.\"},"
    "\"limit\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":10000,\"description\":\"In place of "
    "LIMIT.\"},"
    "\"offset\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000}}}}}";

static const char query_schema[] =
    "{\"type\":\"object\",\"required\":[\"view\",\"sql\",\"site\",\"from\",\"to\",\"step\",\"tz\","
    "\"columns\",\"rows\",\"total_rows\",\"totals\",\"as_of\"],\"properties\":{"
    "\"view\":{\"type\":\"null\"},\"sql\":{\"type\":\"string\"},\"site\":{\"type\":\"string\"},"
    "\"from\":{\"type\":\"string\",\"format\":\"date-time\"},"
    "\"to\":{\"type\":\"string\",\"format\":\"date-time\"},"
    "\"step\":{\"type\":\"string\"},\"tz\":{\"type\":\"string\"},"
    "\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"rows\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":[\"string\","
    "\"number\",\"boolean\",\"null\"]}}},"
    "\"total_rows\":{\"type\":\"integer\"},"
    "\"totals\":{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"number\",\"null\"]}},"
    "\"approximate\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}},"
    "\"as_of\":{\"type\":\"object\",\"required\":[\"offset\",\"watermark\",\"generation\"],"
    "\"properties\":{\"offset\":{\"type\":\"integer\"},"
    "\"watermark\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
    "\"generation\":{\"type\":\"null\"}}}}}";

static const struct http_answer_doc answers[] = {
    {200, "application/json",
     "The rows, as of the head of the log (`as_of.offset`). `from` and `to` hold exactly. The "
     "header footfall-cache says hit when the answer was kept from a query before.",
     query_schema},
    {200, "application/msgpack", "The same as MessagePack.", NULL},
    {200, "text/csv", "The rows, with a line of names.", NULL},
    {400, "application/problem+json",
     "The SELECT cannot be answered: `line` and `column` say where; or it asks for too much.",
     NULL},
    {422, "application/problem+json", "It took too long: `query-timeout`.", NULL},
    {429, "application/problem+json", "Without a token one query runs at a time.", NULL},
    {503, "application/problem+json", "Too many queries wait.", NULL},
    {0},
};

const struct http_route query_routes[] = {
    {.method = "POST",
     .pattern = "/v1/query",
     .scope = SCOPE_READ,
     .handler = query_post,
     .max_body = QUERY_MAX_BODY,
     .operation = "query",
     .summary = "A SELECT, answered at once from the log",
     .answers = answers,
     .request_types = body_schema},
    {0},
};
