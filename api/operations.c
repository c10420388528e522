/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz, /readyz, /metrics, /v1/openapi.json. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/overview.h"
#include "base/metrics.h"

/* ------------------------------------------------------------------ health */

static void healthz_get(struct http_request *r, void *context)
{
    (void)context;
    api_send_json(r, 200, SPAN_LITERAL("{\"status\":\"ok\"}"));
}

struct readiness {
    struct api *api;
    struct http_ticket *ticket;
};

/* Appends a reason. */
static void put_reason(struct buf *out, const char *what, const char *why)
{
    buf_printf(out, "%s%s%s%s", out->n == 0 ? "" : "; ", what, why[0] == '\0' ? "" : ": ", why);
}

static void judge_view(const struct api *a, const struct view_overview *v, struct buf *out)
{
    if (v->view->state != VIEW_READY)
        return; /* the others are as ready as ever */
    if (!v->built)
        put_reason(out, v->view->name, v->reason);
    else if (v->lag_us > a->ready_max_lag_us)
        buf_printf(out, "%s%s is %llu events and %lld s behind the log", out->n == 0 ? "" : "; ",
                   v->view->name, (unsigned long long)v->lag_events,
                   (long long)(v->lag_us / US_PER_SECOND));
}

/* Why the service is not ready; nothing when it is. */
static void judge(struct api *a, const struct overview *o, struct buf *out)
{
    if (atomic_load(&a->stopping))
        put_reason(out, "the service is stopping", "");
    if (!o->log.reachable)
        put_reason(out, "the log", o->log.error);
    if (a->parts.writer != NULL && !log_writer_ready(a->parts.writer))
        put_reason(out, "the log",
                   "events can't be appended: PostgreSQL is away, or another process "
                   "has taken over");
    if (a->parts.takes_events_only)
        return;
    if (!o->redis_reachable) {
        put_reason(out, "the views", o->redis_error);
        return;
    }
    for (unsigned i = 0; i < o->n && out->n < 400; i++)
        judge_view(a, &o->views[i], out);
}

static void on_readiness(void *context, const struct overview *o)
{
    struct readiness *ready = context;
    struct http_request *r = http_ticket_request(ready->ticket);
    struct buf reasons = {.max = 4096};
    judge(ready->api, o, &reasons);
    if (r != NULL && reasons.n == 0)
        api_send_json(r, 200, SPAN_LITERAL("{\"status\":\"ready\"}"));
    else if (r != NULL)
        http_send_problem(r, &(struct http_problem){.slug = "not-ready", .retry_after_s = 1},
                          "%.*s", SPAN_ARGS(buf_span(&reasons)));
    buf_clear(&reasons);
    http_ticket_free(ready->ticket);
    free(ready);
}

static void readyz_get(struct http_request *r, void *context)
{
    struct readiness *ready = mem_alloc(sizeof *ready);
    *ready = (struct readiness){context, http_defer(r)};
    overview_ask(api_loop_of(context, r), on_readiness, ready);
}

/* ------------------------------------------------------------------ metrics */

struct scrape {
    struct api *api;
    struct http_ticket *ticket;
};

enum { MAX_COUNTS = 2000 };

static void put_requests(const struct http_server *server, struct buf *out)
{
    struct http_route_count *counts = mem_alloc(MAX_COUNTS * sizeof *counts);
    size_t n = http_server_counts(server, counts, MAX_COUNTS);
    metrics_put_head(out, "footfall_http_requests_total", "counter",
                     "Requests answered, by route and status.");
    for (size_t i = 0; i < n; i++) {
        const struct http_route *route = counts[i].route;
        char labels[256];
        snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",status=\"%d\"",
                 route == NULL ? "" : route->method, route == NULL ? "" : route->pattern,
                 counts[i].status);
        metrics_put_value(out, "footfall_http_requests_total", labels, (double)counts[i].count);
    }
    metrics_put_head(out, "footfall_http_connections", "gauge", "Open connections.");
    metrics_put_value(out, "footfall_http_connections", NULL, http_server_connections(server));
    metrics_put_head(out, "footfall_live_streams", "gauge", "Open streams of GET /v1/live.");
    metrics_put_value(out, "footfall_live_streams", NULL, http_server_streams(server));
    free(counts);
}

enum view_number {
    VIEW_OFFSET,
    VIEW_LAG_EVENTS,
    VIEW_LAG_SECONDS,
    VIEW_GENERATION,
    N_VIEW_NUMBERS
};

static const struct {
    const char *name, *help;
} view_numbers[N_VIEW_NUMBERS] = {
    [VIEW_OFFSET] = {"footfall_view_offset", "Next seq each view will read."},
    [VIEW_LAG_EVENTS] = {"footfall_view_lag_events", "Events each view is behind the log."},
    [VIEW_LAG_SECONDS] = {"footfall_view_lag_seconds",
                          "How long each view has been behind the log."},
    [VIEW_GENERATION] = {"footfall_view_generation", "Generation that is read; 0: none yet."},
};

static double view_number(const struct view_overview *v, enum view_number number)
{
    switch (number) {
    case VIEW_OFFSET:
        return (double)v->offset;
    case VIEW_LAG_EVENTS:
        return (double)v->lag_events;
    case VIEW_LAG_SECONDS:
        return (double)v->lag_us / US_PER_SECOND;
    default:
        return (double)v->generation;
    }
}

static void put_views(const struct overview *o, struct buf *out)
{
    for (int k = 0; k < N_VIEW_NUMBERS; k++) {
        metrics_put_head(out, view_numbers[k].name, "gauge", view_numbers[k].help);
        for (unsigned i = 0; i < o->n; i++) {
            char labels[128];
            snprintf(labels, sizeof labels, "view=\"%.*s\"", VIEW_NAME_BYTES,
                     o->views[i].view->name);
            metrics_put_value(out, view_numbers[k].name, labels,
                              view_number(&o->views[i], (enum view_number)k));
        }
    }
}

static void put_late(struct live *live, struct buf *out)
{
    struct live_view_status status[64];
    unsigned n = live_status(live, status, 64);
    metrics_put_head(out, "footfall_view_late_events_total", "counter",
                     "Events older than the finest slots their view still keeps.");
    for (unsigned i = 0; i < n && i < 64; i++) {
        char labels[128];
        snprintf(labels, sizeof labels, "view=\"%.*s\"", VIEW_NAME_BYTES, status[i].name);
        metrics_put_value(out, "footfall_view_late_events_total", labels, (double)status[i].late);
    }
}

static void put_gauge(struct buf *out, const char *name, const char *help, double value)
{
    metrics_put_head(out, name, "gauge", help);
    metrics_put_value(out, name, NULL, value);
}

/* Resident memory, from /proc: no disk is read, so that it may be done on a loop. */
static double resident_bytes(const struct api *a)
{
    char text[128] = "";
    unsigned long long total = 0, resident = 0;
    ssize_t n = a->statm_fd < 0 ? -1 : pread(a->statm_fd, text, sizeof text - 1, 0);
    if (n <= 0 || sscanf(text, "%llu %llu", &total, &resident) != 2)
        return 0;
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void put_process(const struct api *a, const struct overview *o, struct buf *out)
{
    put_gauge(out, "footfall_log_head", "Next seq of the log.", (double)o->log.next_seq);
    put_gauge(out, "footfall_postgres_up", "1: PostgreSQL answers.", o->log.reachable);
    put_gauge(out, "footfall_redis_up", "1: Redis answers.", o->redis_reachable);
    put_gauge(out, "footfall_worker_queue", "Requests that wait for a worker thread.",
              workers_waiting(a->workers));
    put_gauge(out, "footfall_log_waiting", "Requests that wait for the log to grow.",
              atomic_load(&a->log_waiting));
    put_gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes(a));
    put_gauge(out, "process_start_time_seconds", "When the process started, Unix time.",
              (double)a->started_us / US_PER_SECOND);
    if (a->parts.writer == NULL)
        return;
    struct log_writer_stats writer;
    log_writer_stats(a->parts.writer, &writer);
    put_gauge(out, "footfall_writer_queue", "Appends that wait for the log writer.",
              (double)writer.queue_depth);
    metrics_put_head(out, "footfall_commits_total", "counter", "Commits of the log writer.");
    metrics_put_value(out, "footfall_commits_total", NULL, (double)writer.commits);
}

static void on_scrape(void *context, const struct overview *o)
{
    struct scrape *s = context;
    struct http_request *r = http_ticket_request(s->ticket);
    const struct http_server *server = atomic_load(&s->api->server);
    struct buf out = {0};
    metrics_print(&out);
    put_process(s->api, o, &out);
    put_views(o, &out);
    if (s->api->parts.live != NULL)
        put_late(s->api->parts.live, &out);
    if (server != NULL)
        put_requests(server, &out);
    if (r != NULL)
        http_send(r,
                  &(struct http_answer){.status = 200,
                                        .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                        .body = buf_span(&out)});
    buf_clear(&out);
    http_ticket_free(s->ticket);
    free(s);
}

static void metrics_get(struct http_request *r, void *context)
{
    if (!api_allow_all_sites(r))
        return;
    struct scrape *s = mem_alloc(sizeof *s);
    *s = (struct scrape){context, http_defer(r)};
    overview_ask(api_loop_of(context, r), on_scrape, s);
}

/* ------------------------------------------------------------------ OpenAPI */

static void openapi_get(struct http_request *r, void *context)
{
    const struct api *a = context;
    http_send(r, &(struct http_answer){.status = 200,
                                       .content_type = "application/json",
                                       .body = a->openapi,
                                       .owner = BODY_STATIC});
}

/* ------------------------------------------------------------------ the routes */

#define STATUS_SCHEMA                                                                              \
    "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{\"type\":"         \
    "\"string\"}}}"

static const struct http_answer_doc healthy[] = {
    {200, "application/json", "The process lives.", STATUS_SCHEMA}, {0}};
static const struct http_answer_doc ready[] = {
    {200, "application/json", "Log and views answer and are up to date.", STATUS_SCHEMA},
    {503, "application/problem+json", "They do not; the detail says what and why.", NULL},
    {0},
};
static const struct http_answer_doc metrics[] = {{200, "text/plain", "Prometheus text.", NULL},
                                                 {0}};
static const struct http_answer_doc openapi[] = {
    {200, "application/json", "This document.", "{\"type\":\"object\"}"}, {0}};

#define METRICS_ROUTE                                                                              \
    {                                                                                              \
        .method = "GET", .pattern = "/metrics", .scope = SCOPE_ADMIN, .handler = metrics_get,      \
        .operation = "getMetrics", .summary = "Metrics", .answers = metrics                        \
    }

const struct http_route metrics_route = METRICS_ROUTE;

const struct http_route operations_routes[] = {
    {.method = "GET",
     .pattern = "/healthz",
     .scope = SCOPE_OPEN,
     .handler = healthz_get,
     .operation = "getHealth",
     .summary = "Whether the process lives",
     .answers = healthy},
    {.method = "GET",
     .pattern = "/readyz",
     .scope = SCOPE_OPEN,
     .handler = readyz_get,
     .operation = "getReadiness",
     .summary = "Whether it can do its work",
     .answers = ready},
    METRICS_ROUTE,
    {.method = "GET",
     .pattern = "/v1/openapi.json",
     .scope = SCOPE_OPEN,
     .handler = openapi_get,
     .operation = "getOpenapi",
     .summary = "The description of this interface",
     .answers = openapi},
    {0},
};
