/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/live: the request; what follows is live_feed's. */
#include "api/live_get.h"

#include "api/accept.h"
#include "api/live_feed.h"

/* site is the only parameter; false: refused. */
static bool take_site(struct http_request *r, struct span *out, struct refusal *e)
{
    struct span name, value;
    *out = SPAN_ABSENT;
    for (unsigned i = 0; http_param_at(r, i, &name, &value, &e->err); i++) {
        if (!span_is(name, "site"))
            return refuse_span(e, name, "\"%.*s\" is no parameter of this; it has site",
                               SPAN_ARGS(refusal_excerpt(name))) == 0;
        if (!span_absent(*out))
            return refuse(e, "site", "site: is there twice") == 0;
        *out = value;
    }
    return e->err.kind == ERR_NONE;
}

void live_get(struct http_request *r, void *context)
{
    static const char *const types[] = {"text/event-stream", NULL};
    struct api *a = context;
    struct refusal e = {0};
    struct span asked;
    char site[SITE_BYTES];
    if (accept_choose(http_header(r, "accept"), types) < 0)
        http_send_problem(r, &(struct http_problem){.slug = "not-acceptable", .field = "accept"},
                          "give text/event-stream");
    else if (!take_site(r, &asked, &e) ||
             api_find_site(a, asked, http_identity_of(r)->site, site, &e) != 0)
        api_send_refusal(r, &e);
    else if (api_allow_site(r, span_of(site)))
        live_feed_join(api_loop_of(a, r)->live, r, site);
}

/* ------------------------------------------------------------------ the route */

static const struct http_param_doc params[] = {
    {"site", "query", "{\"type\":\"string\"}", "Required unless the token is for one site."},
    {0},
};

static const struct http_answer_doc answers[] = {
    {200, "text/event-stream",
     "Server-sent events. `totals`, at once and whenever the numbers change, four a second at "
     "most: {site, visitors, minutes, as_of}. `visitors` are the different ones of the last 5 "
     "minutes; `minutes` are the last 30, [time, pageviews, visitors] each, oldest first, the last "
     "one still running. `id` is the offset. `state`, when there are no numbers for now: {state, "
     "detail}, where state is not-found, not-ready, unsuitable, unavailable or internal; `totals` "
     "follows when there are some again. A comment every 15 seconds. The stream ends when its "
     "token is revoked, its reader signs out, or the site is no longer public.",
     NULL},
    {503, "application/problem+json", "Too many streams are open, or the service is stopping.",
     NULL},
    {0},
};

const struct http_route live_routes[] = {
    {.method = "GET",
     .pattern = "/v1/live",
     .scope = SCOPE_READ,
     .handler = live_get,
     .operation = "readLive",
     .summary = "A site's last minutes, pushed as they change",
     .params = params,
     .answers = answers},
    {0},
};
