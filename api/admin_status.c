/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/admin/status: where everything stands, and whether the numbers add up. */
#include <stdlib.h>

#include "api/overview.h"
#include "api/task.h"
#include "base/diag.h"
#include "base/metrics.h"
#include "base/utf8.h"

struct status {
    struct buf views; /* as JSON */
};

/* What this process has counted since it started: received = accepted + duplicate + rejected. */
static void put_conservation(struct writer *w)
{
    int64_t received = metrics_total("footfall_events_received_total");
    int64_t accepted = metrics_total("footfall_events_accepted_total");
    int64_t duplicate = metrics_total("footfall_events_duplicate_total");
    int64_t rejected = metrics_total("footfall_events_rejected_total");
    writer_key(w, "conservation");
    writer_map(w, 5);
    writer_put_int(w, "received", received);
    writer_put_int(w, "accepted", accepted);
    writer_put_int(w, "duplicate", duplicate);
    writer_put_int(w, "rejected", rejected);
    writer_put_bool(w, "balanced", received == accepted + duplicate + rejected);
}

static void put_log(const struct sql_rows *rows, struct writer *w)
{
    int64_t events = sql_int(rows, 0, 0), head = sql_int(rows, 0, 1);
    writer_key(w, "log");
    writer_map(w, 5);
    writer_put_int(w, "head", head);
    writer_put_int(w, "events_in_batches", events);
    writer_put_bool(w, "dense", events == head);
    writer_put_int(w, "bytes", sql_int(rows, 0, 2));
    writer_put_int(w, "database_bytes", sql_int(rows, 0, 3));
}

/* Commits of the log writer since the start; null: none yet, or another process appends. */
static void put_appends(struct writer *w)
{
    struct metric_summary s = metrics_summary("footfall_append_seconds");
    writer_key(w, "append");
    if (s.count == 0) {
        writer_null(w);
        return;
    }
    writer_map(w, 4);
    writer_put_int(w, "commits", (int64_t)s.count);
    writer_key(w, "seconds");
    writer_double(w, s.sum);
    writer_key(w, "p50_seconds");
    writer_double(w, s.p50);
    writer_key(w, "p99_seconds");
    writer_double(w, s.p99);
}

/* A message may quote what others said: cut within a character, or no UTF-8 at all. */
static void make_readable(char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t n = utf8_character(text, left);
        if (n == 0) {
            *text = '?';
            n = 1;
        }
        text += n;
        left -= n;
    }
}

/* What this process last said to the operator, but infos. */
static void put_messages(struct writer *w)
{
    struct diag_message messages[DIAG_KEPT];
    unsigned n = diag_recent(messages);
    writer_key(w, "messages");
    writer_array(w, n);
    for (unsigned i = 0; i < n; i++) {
        make_readable(messages[i].text);
        writer_map(w, 4);
        api_put_time(w, "at", messages[i].at_us);
        writer_put_text(w, "level", span_of(diag_level_names[messages[i].level]));
        writer_put_text(w, "area", span_of(messages[i].area));
        writer_put_text(w, "text", span_of(messages[i].text));
    }
}

/* null: none yet, or another process builds the views. */
static void put_self_check(struct job_runner *jobs, struct writer *w)
{
    struct self_check_report r = {0};
    if (jobs != NULL)
        r = job_runner_self_check(jobs);
    writer_key(w, "self_check");
    if (r.at_us == 0) {
        writer_null(w);
        return;
    }
    writer_map(w, 8);
    writer_put_bool(w, "agrees", r.outcome == SELF_CHECK_AGREES);
    writer_put_text(w, "view", span_of(r.view));
    writer_put_text(w, "site", span_of(r.site));
    api_put_time(w, "from", r.from_us);
    api_put_time(w, "to", r.to_us);
    writer_put_int(w, "offset", (int64_t)r.offset);
    writer_put_int(w, "n_differences", (int64_t)r.n_differences);
    api_put_time(w, "at", r.at_us);
}

static int work(struct task *t, struct task_thread *thread)
{
    struct status *s = t->data;
    struct sql_rows rows = {0};
    struct sql *sql;
    /* One statement, one snapshot: the batches' counts must make the head. */
    static const char statement[] =
        "SELECT coalesce(sum(event_count), 0)::bigint, log_next_seq(0),"
        " (SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM "
        "pg_partition_tree('log_batch'))"
        " + pg_total_relation_size('log_tail'), pg_database_size(current_database())"
        " FROM (SELECT event_count FROM log_tail UNION ALL SELECT event_count FROM log_batch) b";
    if (task_sql(thread, &sql, &t->refusal.err) != 0 ||
        sql_run(sql, statement, SQL_NO_PARAMS, &rows, &t->refusal.err) != 0) {
        buf_clear(&s->views);
        return -1;
    }
    struct writer w = writer_to(&t->body, WRITE_JSON);
    writer_map(&w, 8);
    writer_put_text(&w, "version", span_of(FOOTFALL_VERSION));
    api_put_time(&w, "started_at", t->api->started_us);
    put_log(&rows, &w);
    put_appends(&w);
    put_conservation(&w);
    put_messages(&w);
    put_self_check(t->api->parts.jobs, &w);
    writer_key(&w, "views");
    writer_json(&w, buf_span(&s->views));
    writer_end(&w);
    sql_rows_clear(&rows);
    buf_clear(&s->views);
    t->content_type = "application/json";
    return 0;
}

static void on_overview(void *context, const struct overview *o)
{
    struct task *t = context;
    struct status *s = t->data;
    struct writer w = writer_to(&s->views, WRITE_JSON);
    overview_put_views(o, &w);
    writer_end(&w);
    task_start(t);
}

static void status_get(struct http_request *r, void *context)
{
    if (!api_allow_all_sites(r))
        return;
    struct task *t = task_new(r, context, work, sizeof(struct status));
    t->ticket = http_defer(r);
    overview_ask(api_loop_of(context, r), on_overview, t);
}

static const struct http_answer_doc answers[] = {
    {200, "application/json",
     "Head and size of the log, what this process has received and what became of it, and each "
     "view "
     "as in GET /v1/views; the last background check of a page of a view against SQL, if there was "
     "one. `dense`: the batches' counts make the head; `balanced`: received is "
     "accepted, duplicate and rejected together. `append`: the commits of this process's log "
     "writer since `started_at`, the seconds they took together, and the seconds that half and 99 "
     "of 100 did not exceed. `messages`: its last 20 errors and warnings, the newest first.",
     "{\"type\":\"object\",\"required\":[\"version\",\"started_at\",\"log\",\"append\","
     "\"conservation\",\"messages\",\"self_check\",\"views\"],\"properties\":{\"version\":{"
     "\"type\":\"string\"},\"started_at\":{"
     "\"type\":"
     "\"string\",\"format\":\"date-time\"},\"log\":{\"type\":\"object\",\"required\":[\"head\","
     "\"events_in_batches\",\"dense\",\"bytes\",\"database_bytes\"],\"properties\":{\"head\":{"
     "\"type\":\"integer\"},\"events_in_batches\":{\"type\":\"integer\"},\"dense\":{\"type\":"
     "\"boolean\"},\"bytes\":{\"type\":\"integer\"},\"database_bytes\":{\"type\":\"integer\"}}},"
     "\"append\":{\"type\":[\"object\",\"null\"],\"required\":[\"commits\",\"seconds\","
     "\"p50_seconds\",\"p99_seconds\"],\"properties\":{\"commits\":{\"type\":\"integer\"},"
     "\"seconds\":{\"type\":\"number\"},\"p50_seconds\":{\"type\":\"number\"},"
     "\"p99_seconds\":{\"type\":\"number\"}}},"
     "\"messages\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"at\","
     "\"level\",\"area\",\"text\"],\"properties\":{\"at\":{\"type\":\"string\",\"format\":"
     "\"date-time\"},\"level\":{\"enum\":[\"error\",\"warning\"]},\"area\":{\"type\":\"string\"},"
     "\"text\":{\"type\":\"string\"}}}},"
     "\"conservation\":{\"type\":\"object\",\"required\":[\"received\",\"accepted\",\"duplicate\","
     "\"rejected\",\"balanced\"],\"properties\":{\"received\":{\"type\":\"integer\"},\"accepted\":{"
     "\"type\":\"integer\"},\"duplicate\":{\"type\":\"integer\"},\"rejected\":{\"type\":"
     "\"integer\"},"
     "\"balanced\":{\"type\":\"boolean\"}}},\"self_check\":{\"type\":[\"object\",\"null\"],"
     "\"required\":[\"agrees\",\"view\",\"site\",\"from\",\"to\",\"offset\",\"n_differences\","
     "\"at\"],"
     "\"properties\":{\"agrees\":{\"type\":\"boolean\"},\"view\":{\"type\":\"string\"},\"site\":{"
     "\"type\":\"string\"},\"from\":{\"type\":\"string\",\"format\":\"date-time\"},\"to\":{"
     "\"type\":"
     "\"string\",\"format\":\"date-time\"},\"offset\":{\"type\":\"integer\"},\"n_differences\":{"
     "\"type\":\"integer\"},\"at\":{\"type\":\"string\",\"format\":\"date-time\"}}},\"views\":{"
     "\"type\":\"array\",\"items\":{\"type\":"
     "\"object\"}}}}"},
    {0},
};

const struct http_route admin_status_routes[] = {
    {.method = "GET",
     .pattern = "/v1/admin/status",
     .scope = SCOPE_ADMIN,
     .handler = status_get,
     .operation = "getStatus",
     .summary = "Where log and views stand",
     .answers = answers},
    {0},
};
