/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/sources/{name}: the position a shipper goes on from. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ingest/ingest_internal.h"

const struct http_param_doc sources_params[] = {
    {"name", "path", "{\"type\": \"string\", \"maxLength\": 200}", "the source's name"},
    {0},
};

const struct http_answer_doc sources_answers[] = {
    {200, "application/json", "the stored position; 0 for a new source",
     "{\"type\": \"object\", \"required\": [\"name\", \"position\"], \"properties\": {\"name\": "
     "{\"type\": \"string\"}, \"position\": {\"type\": \"integer\"}}}"},
    {400, "application/problem+json", "no name of a source", NULL},
    {401, "application/problem+json", "no ingest token", NULL},
    {403, "application/problem+json", "the token's scope", NULL},
    {503, "application/problem+json", "PostgreSQL cannot be reached", NULL},
    {0},
};

/* One question on its way: to the sources' thread and back to the loop. */
struct question {
    struct http_message message; /* first: on_arrive gets it */
    struct source_query query;
    struct http_loop *loop;
    struct http_ticket *ticket;
    char *name, *site;
};

static void question_free(struct question *q)
{
    http_ticket_free(q->ticket);
    free(q->name);
    free(q->site);
    free(q);
}

static void on_answer(struct http_message *m)
{
    struct question *q = (struct question *)(void *)m;
    struct http_request *r = http_ticket_request(q->ticket);
    if (r != NULL && q->query.err.kind != ERR_NONE) {
        http_send_error(r, &q->query.err);
    } else if (r != NULL) {
        struct buf body = {0};
        buf_put_text(&body, "{\"name\": ");
        buf_put_json(&body, q->query.name);
        buf_printf(&body, ", \"position\": %" PRId64 "}", q->query.position);
        const struct http_answer a = {
            .status = 200, .content_type = "application/json", .body = buf_span(&body)};
        http_send(r, &a);
        buf_clear(&body);
    }
    question_free(q);
}

static void on_done(struct source_query *query) /* on the sources' thread */
{
    struct question *q = query->owner;
    http_post(q->loop, &q->message);
}

void sources_handle(struct http_request *r, void *context)
{
    struct ingest *g = context;
    const struct http_identity *who = http_identity_of(r);
    if (!ingest_source_ok(r, http_path_param(r, "name")))
        return;
    struct question *q = mem_alloc(sizeof(*q));
    struct err e = {0};
    q->message.on_arrive = on_answer;
    q->loop = http_loop_of(r);
    q->name = mem_copy_span(http_path_param(r, "name"));
    q->site = mem_copy_span(who->site);
    q->query = (struct source_query){.scope = who->scope_id,
                                     .site = span_of(q->site),
                                     .name = span_of(q->name),
                                     .on_done = on_done,
                                     .owner = q};
    q->ticket = http_defer(r);
    if (sources_ask(g->log.sources, &q->query, &e) == 0)
        return;
    http_send_error(r, &e);
    question_free(q);
}
