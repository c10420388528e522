/* SPDX-License-Identifier: Apache-2.0 */
/* The read, administration and operations endpoints, and who may use which.
 *
 *   rows_get      GET /v1/views/{name}/rows: range -> Redis -> rows -> JSON, MessagePack, CSV
 *   views_get     GET /v1/views              log_get    GET /v1/log
 *   admin_*       /v1/admin/…                operations /healthz, /readyz, /metrics, openapi
 *   pages         /, /system, /sign-in, /assets, /track.js
 *   authorize     tokens -> http_identity    task       what may block, on worker threads
 *   sign_in       /v1/session                session    cookies -> tokens
 */
#ifndef API_API_H
#define API_API_H

#include "base/config.h"
#include "base/http.h"
#include "log/log.h"
#include "log/sites.h"
#include "log/tokens.h"
#include "views/job_runner.h"

struct api;

extern const struct option api_options[]; /* api.* */

/* Everything is borrowed until api_free. */
struct api_parts {
    const char *postgres_uri, *redis_uri, *redis_prefix;
    struct view_set *views;
    struct tokens *tokens;
    struct sites *sites;
    struct live *live;         /* NULL: another process builds the views */
    struct job_runner *jobs;   /* the same */
    struct log_writer *writer; /* NULL: another process takes events */
    bool takes_events_only;    /* ready without views and Redis */
};

/* Reads the time zones and starts the threads; PostgreSQL and Redis need not answer yet. */
int api_new(struct api **out, const struct api_parts *parts, const struct config *c,
            struct err *e) MUST_CHECK;
/* Ends the threads, which post to the loops: after http_server_stop, before http_server_free. */
void api_stop(struct api *a);
void api_free(struct api *a); /* NULL is fine */

/* What the role api has: /v1 and the pages; returns how many. */
size_t api_routes(struct api *a, struct http_route *out, size_t max);
/* What every process has: health, readiness, metrics, the description. */
size_t api_operations_routes(struct api *a, struct http_route *out, size_t max);
/* /track.js: of who takes events. */
size_t api_tracker_routes(struct api *a, struct http_route *out, size_t max);
/* /metrics alone, without a token: for metrics_listen. */
size_t api_metrics_routes(struct api *a, struct http_route *out, size_t max);
/* What openapi.json describes: the whole table (borrowed). Before the server starts. */
void api_describe(struct api *a, const struct http_route *routes, size_t n);
/* Whose requests /metrics counts. Once the server has started. */
void api_watch(struct api *a, const struct http_server *server);

/* Takes over what can be, of a configuration that was read again. ERR_INPUT: nothing is. */
int api_reload(struct api *a, const struct config *c, struct err *e) MUST_CHECK;
/* Makes the one-time code with which a browser signs in as that token, in place of any before it:
 * for one use, within 24 hours. */
enum { API_CODE_BYTES = 48 };
int api_sign_in_code(struct api *a, int64_t token_id, char out[API_CODE_BYTES],
                     struct err *e) MUST_CHECK;

/* The service is about to stop: /readyz fails from now on, requests that wait for the log are
 * answered. Any thread; before http_server_stop. */
void api_prepare_stop(struct api *a);

/* http_options.authorize; context: the struct api. */
bool api_authorize(struct http_request *r, enum http_scope needed, void *context);
/* From on_loop_start and on_loop_stop. */
void api_on_loop_start(struct api *a, struct http_loop *l);
void api_on_loop_stop(struct api *a, struct http_loop *l);

#endif
