/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints share. */
#ifndef API_API_INTERNAL_H
#define API_API_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/heads.h"
#include "api/refusal.h"
#include "base/workers.h"
#include "base/writer.h"
#include "base/zone.h"
#include "log/jobs.h"
#include "log/secret.h"
#include "views/lag.h"
#include "views/redis_read.h"

enum { API_MAX_LOOPS = 80 };

struct host_names;
struct sign_in_code;
struct sign_in_rate;
struct live_feed; /* live_feed.c: streams */
struct log_wait;  /* log_wait.c: requests that wait for the log to grow */

/* What a loop has for itself. */
struct api_loop {
    struct api *api;
    struct http_loop *loop;
    struct view_reader *reader;
    struct log_wait *waits;
    struct live_feed *live;
};

struct api {
    struct api_parts parts;
    struct redis_async_options redis;
    struct zones *zones;
    struct workers *workers;
    struct workers *query_workers; /* for POST /v1/query: see query.h */
    unsigned query_threads;        /* of one query */
    int64_t query_timeout_ms;
    _Atomic unsigned open_queries; /* of those without a token */
    _Atomic unsigned open_streams; /* the same */
    struct heads *heads;
    pthread_mutex_t lag_mutex;
    struct {
        char view[VIEW_NAME_BYTES];
        struct lag lag;
    } lags[JOB_MAX_VIEWS]; /* of the views, where another process builds them */
    int64_t ready_max_lag_us;
    int statm_fd; /* /proc/self/statm */
    int64_t started_us;
    _Atomic bool stopping;
    _Atomic unsigned log_waiting; /* requests, over all loops */
    struct span openapi, dashboard_policy;
    bool is_embeddable;       /* the dashboard, by pages of other origins */
    struct host_names *hosts; /* by which browsers reach the service */
    struct sign_in_code *sign_in_code;
    struct sign_in_rate *sign_in_rate;
    const struct http_server *_Atomic server; /* NULL: not started yet */
    struct api_loop
        *_Atomic loops[API_MAX_LOOPS]; /* filled from the front; also of a second server */
};

struct api_loop *api_loop_of(struct api *a, const struct http_request *r);

/* Each file's routes, ended by method == NULL; the context is put in by api_routes. */
extern const struct http_route rows_routes[], live_routes[], query_routes[], views_routes[],
    sites_routes[], log_routes[], admin_jobs_routes[], admin_views_routes[], admin_sites_routes[],
    admin_tokens_routes[], session_routes[], admin_status_routes[], operations_routes[],
    pages_routes[], tracker_routes[];
extern const struct http_route metrics_route;

/* ---- answers */

/* 400 with the field, or what the kind of the error says. */
void api_send_refusal(struct http_request *r, const struct refusal *refused);
/* Names the view, site … that is not there. */
void api_send_not_found(struct http_request *r, const char *what, struct span name);
void api_send_json(struct http_request *r, int status, struct span body);
/* False when the token is for one site (403 is sent): what concerns all sites is not for it. */
bool api_allow_all_sites(struct http_request *r);
/* The same for one site ("": any). */
bool api_allow_site(struct http_request *r, struct span site);

/* Who was let in to read a site, to be asked about again while an answer goes on. */
struct api_reader {
    bool is_open; /* without a token: the site is public */
    uint8_t secret_hash[SECRET_HASH_BYTES];
};
struct api_reader api_reader_of(struct http_request *r);
bool api_may_still_read(struct api *a, const struct api_reader *who, struct span site);

/* The site that is asked for: a name or an alias, else (absent) the token's own, in lower case.
 * Refuses with the field site. */
int api_find_site(struct api *a, struct span asked, struct span own, char out[SITE_BYTES],
                  struct refusal *e) MUST_CHECK;

/* The number in the path ("{id}"); sends 404 and returns false when it is none. */
bool api_take_id(struct http_request *r, const char *what, int64_t *id);

/* JSON or MessagePack as Accept asks; sends 406 and returns false when neither. */
bool api_choose_form(struct http_request *r, enum writer_form *out);
const char *api_content_type(enum writer_form form);

void api_put_time(struct writer *w, const char *key, int64_t t_us); /* 0: null; UTC, microseconds */

#endif
