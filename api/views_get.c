/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/views. */
#include <stdlib.h>

#include "api/overview.h"

struct listing {
    struct http_ticket *ticket;
    enum writer_form form;
};

static void on_overview(void *context, const struct overview *o)
{
    struct listing *l = context;
    struct http_request *r = http_ticket_request(l->ticket);
    struct buf body = {0};
    struct writer w = writer_to(&body, l->form);
    struct err down = {.kind = ERR_NONE};
    if (!o->redis_reachable)
        err_set(&down, ERR_DOWN, "%s", o->redis_error);
    writer_map(&w, 1);
    writer_key(&w, "views");
    overview_put_views(o, &w);
    writer_end(&w);
    if (r != NULL && down.kind != ERR_NONE)
        http_send_error(r, &down);
    else if (r != NULL)
        http_send(r, &(struct http_answer){.status = 200,
                                           .content_type = api_content_type(l->form),
                                           .body = buf_span(&body)});
    buf_clear(&body);
    http_ticket_free(l->ticket);
    free(l);
}

static void views_get(struct http_request *r, void *context)
{
    enum writer_form form;
    if (!api_choose_form(r, &form))
        return;
    struct listing *l = mem_alloc(sizeof *l);
    *l = (struct listing){http_defer(r), form};
    overview_ask(api_loop_of(context, r), on_overview, l);
}

static const char schema[] =
    "{\"type\":\"object\",\"required\":[\"views\"],\"properties\":{\"views\":{\"type\":\"array\","
    "\"items\":{\"type\":\"object\",\"required\":[\"name\",\"sql\",\"relation\",\"dimensions\","
    "\"measures\",\"step\","
    "\"state\",\"changing\",\"error\",\"generation\",\"offset\",\"head\",\"lag\",\"digest\","
    "\"watermark\"],\"properties\":"
    "{"
    "\"name\":{\"type\":\"string\"},\"sql\":{\"type\":\"string\"},"
    "\"relation\":{\"enum\":[\"events\",\"sessions\",null]},"
    "\"dimensions\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"measures\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"step\":{\"type\":[\"string\",\"null\"]},"
    "\"state\":{\"enum\":[\"ready\",\"building\",\"failed\",\"unknown\"]},"
    "\"changing\":{\"type\":\"boolean\"},\"error\":{\"type\":[\"string\",\"null\"]},"
    "\"generation\":{\"type\":[\"integer\",\"null\"]},\"offset\":{\"type\":\"integer\"},"
    "\"head\":{\"type\":\"integer\"},"
    "\"lag\":{\"type\":\"object\",\"required\":[\"events\",\"seconds\"],\"properties\":{"
    "\"events\":{\"type\":\"integer\"},\"seconds\":{\"type\":\"number\"}}},"
    "\"digest\":{\"type\":[\"string\",\"null\"]},"
    "\"watermark\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}}}}}}";

static const struct http_answer_doc answers[] = {
    {200, "application/json",
     "Each view with its definition, the offset it has reached, how far it is behind the log, and "
     "the "
     "digest of its contents. `building`: it is new, or is built anew, and not readable yet; "
     "`changing`: another definition is being built to take its place; `failed`: `error` says why; "
     "`unknown` (in the status only): Redis cannot be asked.",
     schema},
    {200, "application/msgpack", "The same as MessagePack.", NULL},
    {0},
};

const struct http_route views_routes[] = {
    {.method = "GET",
     .pattern = "/v1/views",
     .scope = SCOPE_READ,
     .handler = views_get,
     .operation = "listViews",
     .summary = "The views",
     .answers = answers},
    {0},
};
