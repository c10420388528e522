/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the API and how they start and stop. */
#include "api/api.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/accept.h"
#include "api/api_internal.h"
#include "api/live_feed.h"
#include "api/log_wait.h"
#include "api/origin.h"
#include "api/pages.h"
#include "api/query.h"
#include "api/sign_in_code.h"
#include "api/sign_in_rate.h"
#include "api/task.h"
#include "base/openapi.h"
#include "base/parallel.h"

enum { REDIS_TIMEOUT_MS = 5000, REDIS_WAITING = 256, REDIS_ANSWER_BYTES = 256 << 20 };
enum { MAX_JOBS_WAITING = 64 };
enum { MOST_QUERY_THREADS = 8 }; /* unless more are asked for: each has a connection */

const struct option api_options[] = {
    {.name = "api.workers",
     .type = OPTION_INT,
     .fallback = "4",
     .min = 1,
     .max = 64,
     .about = "threads for requests that need PostgreSQL: /v1/log and administration"},
    {.name = "api.ready_max_lag_s",
     .type = OPTION_INT,
     .fallback = "60",
     .min = 1,
     .max = 86400,
     .about = "/readyz fails when a view is further behind the log than that"},
    {.name = "api.query_threads",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = PARALLEL_MAX_THREADS,
     .about =
         "threads that answer a query of POST /v1/query; 0: one for each processor, 8 at most"},
    {.name = "api.query_timeout_ms",
     .type = OPTION_INT,
     .fallback = "10000",
     .min = 100,
     .max = 600000,
     .about = "a query that takes longer ends with the problem query-timeout"},
    {.name = "api.embed_origins",
     .type = OPTION_TEXT,
     .about = "origins whose pages may show the dashboard in a frame, comma-separated"},
    {.name = "api.hosts",
     .type = OPTION_TEXT,
     .about =
         "names by which browsers reach the service, comma-separated; addresses, localhost and "
         "the machine's name are known",
     .reloads = true},
    {0},
};

/* ------------------------------------------------------------------ start and stop */

static void on_growth(void *context)
{
    struct api *a = context;
    for (unsigned i = 0; i < API_MAX_LOOPS; i++) {
        struct api_loop *l = atomic_load(&a->loops[i]);
        if (l != NULL)
            log_wait_wake(l->waits);
    }
}

void api_prepare_stop(struct api *a)
{
    atomic_store(&a->stopping, true);
    on_growth(a);
}

static unsigned query_threads(const struct config *c)
{
    long wanted = (long)config_int(c, "api.query_threads"), processors;
    if (wanted > 0)
        return (unsigned)wanted;
    processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1                    ? 1
           : processors > MOST_QUERY_THREADS ? MOST_QUERY_THREADS
                                             : (unsigned)processors;
}

static int start_query_threads(struct api *a, const struct config *c, struct err *e)
{
    struct workers_options workers = {.n_threads = QUERY_THREADS,
                                      .max_waiting = QUERY_MAX_WAITING,
                                      .open = query_thread_open,
                                      .close = query_thread_close,
                                      .context = a};
    a->query_threads = query_threads(c);
    a->query_timeout_ms = config_int(c, "api.query_timeout_ms");
    query_register_metrics();
    return workers_start(&a->query_workers, &workers, e);
}

static int start_threads(struct api *a, const struct config *c, struct err *e)
{
    struct workers_options workers = {.n_threads = (unsigned)config_int(c, "api.workers"),
                                      .max_waiting = MAX_JOBS_WAITING,
                                      .open = task_thread_open,
                                      .close = task_thread_close,
                                      .context = a};
    struct heads_options heads = {a->parts.postgres_uri, on_growth, a};
    return workers_start(&a->workers, &workers, e) == 0 ? heads_start(&a->heads, &heads, e) : -1;
}

static int start_sessions(struct api *a, const struct config *c, struct err *e)
{
    char machine[256] = "";
    bool named = gethostname(machine, sizeof machine - 1) == 0 && machine[0] != '\0';
    a->hosts = host_names_new(named ? machine : NULL);
    a->sign_in_code = sign_in_code_new();
    a->sign_in_rate = sign_in_rate_new();
    return api_reload(a, c, e);
}

int api_reload(struct api *a, const struct config *c, struct err *e)
{
    return host_names_set(a->hosts, config_text(c, "api.hosts"), e);
}

int api_sign_in_code(struct api *a, int64_t token_id, char out[API_CODE_BYTES], struct err *e)
{
    _Static_assert((int)API_CODE_BYTES >= (int)SIGN_IN_CODE_BYTES, "it fits");
    return sign_in_code_make(a->sign_in_code, token_id, clock_monotonic_us(), out, e);
}

static int find_redis(struct api *a, struct err *e)
{
    a->redis = (struct redis_async_options){.timeout_ms = REDIS_TIMEOUT_MS,
                                            .max_waiting = REDIS_WAITING,
                                            .max_answer_bytes = REDIS_ANSWER_BYTES};
    return redis_address_parse(a->parts.redis_uri, &a->redis.address, e) == 0
               ? redis_async_resolve(&a->redis.address, e)
               : -1;
}

int api_new(struct api **out, const struct api_parts *parts, const struct config *c, struct err *e)
{
    struct api *a = mem_alloc(sizeof *a);
    a->parts = *parts;
    pthread_mutex_init(&a->lag_mutex, NULL);
    a->ready_max_lag_us = config_int(c, "api.ready_max_lag_s") * US_PER_SECOND;
    a->started_us = clock_now_us();
    a->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const char *embed_origins = config_text(c, "api.embed_origins");
    a->is_embeddable = span_trim(span_of(embed_origins)).n > 0;
    if (pages_policy(&a->dashboard_policy, embed_origins, e) != 0 || start_sessions(a, c, e) != 0 ||
        find_redis(a, e) != 0 || zones_load(&a->zones, ZONES_FOLDER, e) != 0 ||
        start_query_threads(a, c, e) != 0 || start_threads(a, c, e) != 0) {
        api_free(a);
        return -1;
    }
    *out = a;
    return 0;
}

void api_stop(struct api *a)
{
    heads_stop(a->heads);
    workers_stop(a->workers);
    workers_stop(a->query_workers);
    a->heads = NULL;
    a->workers = a->query_workers = NULL;
}

void api_free(struct api *a)
{
    if (a == NULL)
        return;
    api_stop(a);
    for (unsigned i = 0; i < API_MAX_LOOPS; i++) {
        struct api_loop *l = atomic_load(&a->loops[i]);
        if (l != NULL)
            log_wait_free(l->waits);
        free(l);
    }
    zones_free(a->zones);
    pthread_mutex_destroy(&a->lag_mutex);
    if (a->statm_fd >= 0)
        close(a->statm_fd);
    free((void *)(uintptr_t)a->openapi.p);
    free((void *)(uintptr_t)a->dashboard_policy.p);
    host_names_free(a->hosts);
    sign_in_code_free(a->sign_in_code);
    sign_in_rate_free(a->sign_in_rate);
    free(a);
}

/* ------------------------------------------------------------------ loops */

static struct api_loop *find_loop(struct api *a, const struct http_loop *l)
{
    for (unsigned i = 0; i < API_MAX_LOOPS; i++) {
        struct api_loop *own = atomic_load(&a->loops[i]);
        if (own != NULL && own->loop == l)
            return own;
    }
    assert(!"a loop that was not started with api_on_loop_start");
    return NULL;
}

struct api_loop *api_loop_of(struct api *a, const struct http_request *r)
{
    return find_loop(a, http_loop_of(r));
}

void api_on_loop_start(struct api *a, struct http_loop *l)
{
    struct api_loop *own = mem_alloc(sizeof *own);
    *own = (struct api_loop){.api = a,
                             .loop = l,
                             .reader = view_reader_new(l, &a->redis, a->parts.redis_prefix),
                             .waits = log_wait_new(l, a)};
    own->live = live_feed_new(l, a, own->reader);
    for (unsigned i = 0; i < API_MAX_LOOPS; i++) {
        struct api_loop *none = NULL;
        if (atomic_compare_exchange_strong(&a->loops[i], &none, own))
            return;
    }
    assert(!"more loops than API_MAX_LOOPS");
}

/* What other threads post to lives until api_free. */
void api_on_loop_stop(struct api *a, struct http_loop *l)
{
    struct api_loop *own = find_loop(a, l);
    log_wait_stop(own->waits);
    live_feed_stop(own->live);
    view_reader_free(own->reader);
    live_feed_free(own->live);
    own->reader = NULL;
    own->live = NULL;
}

/* ------------------------------------------------------------------ routes */

static size_t add_route(struct api *a, const struct http_route *route, struct http_route *out)
{
    *out = *route;
    out->context = a;
    return 1;
}

static size_t add_table(struct api *a, const struct http_route *table, struct http_route *out,
                        size_t max)
{
    size_t n = 0;
    for (const struct http_route *r = table; r->method != NULL && n < max; r++)
        n += add_route(a, r, &out[n]);
    return n;
}

size_t api_routes(struct api *a, struct http_route *out, size_t max)
{
    const struct http_route *const tables[] = {
        rows_routes,        live_routes,         query_routes,        views_routes,
        sites_routes,       log_routes,          admin_jobs_routes,   admin_views_routes,
        admin_sites_routes, admin_tokens_routes, admin_status_routes, session_routes,
        pages_routes};
    size_t n = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        n += add_table(a, tables[i], &out[n], max - n);
    return n;
}

size_t api_operations_routes(struct api *a, struct http_route *out, size_t max)
{
    return add_table(a, operations_routes, out, max);
}

size_t api_tracker_routes(struct api *a, struct http_route *out, size_t max)
{
    return add_table(a, tracker_routes, out, max);
}

size_t api_metrics_routes(struct api *a, struct http_route *out, size_t max)
{
    if (max == 0)
        return 0;
    add_route(a, &metrics_route, out);
    out->scope = SCOPE_OPEN;
    return 1;
}

void api_describe(struct api *a, const struct http_route *routes, size_t n)
{
    struct buf text = {0};
    openapi_print(&text, routes, n);
    free((void *)(uintptr_t)a->openapi.p);
    a->openapi = buf_span(&text);
}

void api_watch(struct api *a, const struct http_server *server)
{
    atomic_store(&a->server, server);
}
