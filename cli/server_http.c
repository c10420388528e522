/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side of the running service: the modules that have endpoints, one table of routes, the
 * loops. */
#include <stdio.h>
#include <string.h>

#include "cli/server_internal.h"

/* ------------------------------------------------------------------ the modules */

static int start_ingest(struct server *s, struct err *e)
{
    if ((s->roles & ROLE_INGEST) == 0)
        return 0;
    struct ingest_log log = {
        .writer = s->writer, .salts = s->salts, .sites = s->sites, .sources = s->sources};
    return ingest_new(&s->ingest, &log, s->config, e);
}

static int start_api(struct server *s, struct err *e)
{
    struct api_parts parts = {.postgres_uri = s->postgres,
                              .redis_uri = s->redis,
                              .redis_prefix = config_text(s->config, "redis.prefix"),
                              .views = s->views,
                              .tokens = s->tokens,
                              .sites = s->sites,
                              .live = s->live,
                              .jobs = s->jobs,
                              .writer = s->writer,
                              .takes_events_only = s->roles == ROLE_INGEST};
    return api_new(&s->api, &parts, s->config, e);
}

/* A process without the role api still says how it is. */
static void collect_routes(struct server *s)
{
    struct http_route *out = s->routes;
    size_t n = 0;
    if (s->ingest != NULL)
        n += ingest_routes(s->ingest, out, SERVER_MAX_ROUTES);
    if (s->ingest != NULL)
        n += api_tracker_routes(s->api, &out[n], SERVER_MAX_ROUTES - n);
    if ((s->roles & ROLE_API) != 0)
        n += api_routes(s->api, &out[n], SERVER_MAX_ROUTES - n);
    n += api_operations_routes(s->api, &out[n], SERVER_MAX_ROUTES - n);
    s->n_routes = n;
    api_describe(s->api, s->routes, s->n_routes);
}

/* ------------------------------------------------------------------ the loops */

static void on_loop_start(struct http_loop *l, void *context)
{
    struct server *s = context;
    if (s->ingest != NULL)
        ingest_on_loop_start(s->ingest, l);
    api_on_loop_start(s->api, l);
}

static void on_loop_stop(struct http_loop *l, void *context)
{
    struct server *s = context;
    if (s->ingest != NULL)
        ingest_on_loop_stop(s->ingest, l);
    api_on_loop_stop(s->api, l);
}

/* The server knows one context: the server's; the authorizer wants its own. */
static bool authorize(struct http_request *r, enum http_scope needed, void *context)
{
    const struct server *s = context;
    return api_authorize(r, needed, s->api);
}

static int listen_for_all(struct server *s, struct err *e)
{
    struct http_options o = {.listen = config_text(s->config, "listen"),
                             .trusted_proxies = config_text(s->config, "ingest.trusted_proxies"),
                             .routes = s->routes,
                             .n_routes = s->n_routes,
                             .authorize = authorize,
                             .on_loop_start = on_loop_start,
                             .on_loop_stop = on_loop_stop,
                             .context = s};
    http_options_read(&o, s->config);
    if (http_server_start(&s->http, &o, e) != 0)
        return err_context(e, "choose another address with --listen");
    snprintf(s->url, sizeof(s->url), "http://%s", http_server_address(s->http));
    api_watch(s->api, s->http);
    return 0;
}

/* /metrics without a token, on an address of its own. */
static bool allow(struct http_request *r, enum http_scope needed, void *context)
{
    (void)r;
    (void)needed;
    (void)context;
    return true;
}

static void on_metrics_loop_start(struct http_loop *l, void *context)
{
    api_on_loop_start(((struct server *)context)->api, l);
}

static void on_metrics_loop_stop(struct http_loop *l, void *context)
{
    api_on_loop_stop(((struct server *)context)->api, l);
}

static int listen_for_metrics(struct server *s, struct err *e)
{
    const char *address = config_text(s->config, "metrics_listen");
    if (address == NULL)
        return 0;
    struct http_options o = {.listen = address,
                             .routes = s->metrics_routes,
                             .n_routes =
                                 api_metrics_routes(s->api, s->metrics_routes, SERVER_MAX_ROUTES),
                             .authorize = allow,
                             .on_loop_start = on_metrics_loop_start,
                             .on_loop_stop = on_metrics_loop_stop,
                             .context = s};
    http_options_read(&o, s->config);
    o.n_loops = 1;
    return http_server_start(&s->metrics_http, &o, e) == 0 ? 0 : err_context(e, "metrics_listen");
}

/* ------------------------------------------------------------------ start and stop */

int server_start_http(struct server *s, struct err *e)
{
    if (start_ingest(s, e) != 0 || start_api(s, e) != 0)
        return -1;
    collect_routes(s);
    return listen_for_all(s, e) != 0 ? -1 : listen_for_metrics(s, e);
}

/* The writer goes on while requests are drained: they wait for their commits. */
void server_stop_http(struct server *s)
{
    if (s->api != NULL)
        api_prepare_stop(s->api);
    if (s->metrics_http != NULL)
        http_server_stop(s->metrics_http);
    if (s->http != NULL)
        http_server_stop(s->http);
}

/* Once the writer has answered everything: until then it may post to the loops. */
void server_free_modules(struct server *s)
{
    if (s->api != NULL)
        api_stop(s->api);
    http_server_free(s->metrics_http);
    http_server_free(s->http);
    api_free(s->api);
    if (s->ingest != NULL)
        ingest_free(s->ingest);
    if (s->sources != NULL)
        sources_close(s->sources);
}
