/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping. A server is one listening socket and n loops, a thread each.
 *
 * Stop: every loop takes the connections already queued and closes its listener, ends streams,
 * answers what waits with "Connection: close", lets idle connections go after half a second, cuts
 * what is left at the deadline, waits as long again for held tickets, and ends. */
#include "base/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/thread.h"

enum { IDLE_GRACE_MS = 500 };

#if defined(__SANITIZE_ADDRESS__)
/* h2o keeps freed chunks in lists of each thread and never gives them back. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* ------------------------------------------------------------------ listening */

/* "HOST:PORT", "[HOST]:PORT" or ":PORT" into host (empty: any address) and *port. */
static int split_listen(const char *listen_at, char host[256], const char **port, struct err *e)
{
    const char *colon = strrchr(listen_at, ':');
    size_t n = colon == NULL ? 0 : (size_t)(colon - listen_at);
    bool brackets = n >= 2 && listen_at[0] == '[' && listen_at[n - 1] == ']';
    if (colon == NULL || colon[1] == '\0' || n >= 256)
        return err_set(e, ERR_INPUT, "listen address '%s' is not HOST:PORT", listen_at);
    snprintf(host, 256, "%.*s", (int)(brackets ? n - 2 : n), listen_at + brackets);
    *port = colon + 1;
    return 0;
}

static int try_listen(const struct addrinfo *at, unsigned user_timeout_ms)
{
    int on = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* Accepted sockets inherit these: h2o has no timeout for a client that does not read. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, H2O_SOMAXCONN) == 0)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

static int open_listener(const struct http_options *o, struct err *e)
{
    char host[256];
    const char *port = NULL;
    struct addrinfo *found,
        hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    if (split_listen(o->listen, host, &port, e) != 0)
        return -1;
    int failed = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &found);
    if (failed != 0)
        return err_set(e, ERR_INPUT, "listen address '%s': %s", o->listen, gai_strerror(failed));
    int fd = -1;
    for (struct addrinfo *a = found; a != NULL && fd == -1; a = a->ai_next)
        fd = try_listen(a, (unsigned)o->request_timeout_ms);
    int cause = errno;
    freeaddrinfo(found);
    if (fd == -1)
        return err_set(e, ERR_BUSY, "cannot listen on %s: %s", o->listen, strerror(cause));
    return fd;
}

static void note_address(struct http_server *s)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);
    char host[64], port[16];
    getsockname(s->listen_fd, (struct sockaddr *)&sa, &n);
    getnameinfo((struct sockaddr *)&sa, n, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = sa.ss_family == AF_INET6;
    snprintf(s->address, sizeof(s->address), "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

/* ------------------------------------------------------------------ a loop's life */

static void on_stop(struct http_message *m)
{
    struct http_loop *l = H2O_STRUCT_FROM_MEMBER(struct http_loop, stop, m);
    int64_t limit_ms = l->server->options.drain_timeout_ms;
    l->draining = true;
    http_conn_stop_listening(l);
    http_stream_end_all(l);
    h2o_context_request_shutdown(&l->h2o);
    l->h2o.http1.req_timeout.timeout =
        (uint64_t)(limit_ms < IDLE_GRACE_MS ? limit_ms : IDLE_GRACE_MS);
}

static void wake(void *context)
{
    (void)context; /* the turn's end is what it is for */
}

/* Runs until no connection and no ticket is left. */
static void drain(struct http_loop *l)
{
    int64_t limit_us = l->server->options.drain_timeout_ms * 1000;
    int64_t cut_at = clock_monotonic_us() + limit_us, give_up_at = cut_at + limit_us;
    struct http_timer *deadline = http_timer_new(l, wake, NULL);
    http_timer_start(deadline, limit_us / 1000);
    while (atomic_load_explicit(&l->n_conns, memory_order_relaxed) != 0 ||
           (l->n_tickets != 0 && clock_monotonic_us() < give_up_at)) {
        http_loop_turn(l);
        if (l->cut || clock_monotonic_us() < cut_at)
            continue;
        http_conn_cut_all(l);
        http_timer_start(deadline, limit_us / 1000 + 1);
    }
    if (l->n_tickets != 0)
        diag(DIAG_WARNING, "http", "stopped with %u requests still held", l->n_tickets);
    http_timer_free(deadline);
    http_conn_end(l);
}

static void *run_loop(void *arg)
{
    struct http_loop *l = arg;
    const struct http_options *o = &l->server->options;
    l->thread = pthread_self();
    http_loop_open(l);
    if (o->on_loop_start != NULL)
        o->on_loop_start(l, o->context);
    http_conn_listen(l, fcntl(l->server->listen_fd, F_DUPFD_CLOEXEC, 0));
    pthread_barrier_wait(&l->server->ready);
    while (!l->draining)
        http_loop_turn(l);
    drain(l);
    if (o->on_loop_stop != NULL)
        o->on_loop_stop(l, o->context);
    http_loop_close(l);
    return NULL;
}

static void init_loop(struct http_server *s, unsigned index)
{
    const struct http_options *o = &s->options;
    struct http_loop *l = &s->loops[index];
    l->server = s;
    l->index = index;
    l->stop.on_arrive = on_stop;
    l->max_conns = o->max_connections / o->n_loops + (index < o->max_connections % o->n_loops);
    l->counts = mem_alloc((s->routes.n + 1) * HTTP_STATUS_SLOTS * sizeof(*l->counts));
    l->max_buffered = o->max_buffered_bytes / o->n_loops;
    pthread_mutex_init(&l->inbox.mutex, NULL);
}

static void clear_loop(struct http_loop *l)
{
    free((void *)(uintptr_t)l->counts);
    pthread_mutex_destroy(&l->inbox.mutex);
}

static void start_threads(struct http_server *s)
{
    struct err e = {0};
    for (unsigned i = 0; i < s->options.n_loops; i++) {
        char name[16];
        if (thread_start(&s->loops[i].joinable, run_loop, &s->loops[i], &e) != 0) {
            diag(DIAG_ERROR, "http", "%s", e.text);
            abort(); /* at start, for want of memory or threads */
        }
        snprintf(name, sizeof(name), "http-%u", i);
        pthread_setname_np(s->loops[i].joinable, name);
    }
    pthread_barrier_wait(&s->ready);
}

/* ------------------------------------------------------------------ the server */

static void init_config(struct http_server *s)
{
    size_t largest = 0;
    for (size_t i = 0; i < s->options.n_routes; i++)
        if (s->options.routes[i].max_body > largest)
            largest = s->options.routes[i].max_body;
    h2o_config_init(&s->config);
    s->config.server_name = h2o_iovec_init(H2O_STRLIT(""));
    s->config.max_request_entity_size =
        largest + 1; /* for chunked bodies h2o's limit is exclusive */
    s->config.http1.req_timeout = (uint64_t)s->options.request_timeout_ms;
    s->config.http1.upgrade_to_http2 = 0;
    http_dispatch_register(s);
}

static int prepare(struct http_server *s, struct err *e)
{
    const struct http_options *o = &s->options;
    if (network_list_parse(&s->trusted, o->trusted_proxies, e) != 0)
        return err_context(e, "trusted proxies");
    if (http_routes_compile(&s->routes, o->routes, o->n_routes, e) != 0)
        return -1;
    s->listen_fd = open_listener(o, e);
    return s->listen_fd == -1 ? -1 : 0;
}

int http_server_start(struct http_server **out, const struct http_options *o, struct err *e)
{
    assert(o->n_loops > 0 && o->request_timeout_ms > 0 && o->drain_timeout_ms > 0);
    struct http_server *s = mem_alloc(sizeof(*s));
    s->options = *o;
    s->listen_fd = -1;
    *out = NULL;
    if (prepare(s, e) != 0) {
        network_list_clear(&s->trusted);
        http_routes_clear(&s->routes);
        free(s);
        return -1;
    }
    note_address(s);
    s->options.listen = s->address;
    if (s->options.max_buffered_bytes == 0)
        s->options.max_buffered_bytes = HTTP_MAX_BUFFERED_BYTES;
    if (s->options.max_streams == 0)
        s->options.max_streams =
            o->max_connections / 2 < HTTP_MAX_STREAMS ? o->max_connections / 2 : HTTP_MAX_STREAMS;
    s->options.trusted_proxies = NULL;
    init_config(s);
    s->loops = mem_alloc(o->n_loops * sizeof(*s->loops));
    for (unsigned i = 0; i < o->n_loops; i++)
        init_loop(s, i);
    pthread_barrier_init(&s->ready, NULL, o->n_loops + 1);
    start_threads(s);
    *out = s;
    return 0;
}

const char *http_server_address(const struct http_server *s)
{
    return s->address;
}

void http_server_stop(struct http_server *s)
{
    if (s->stopped)
        return;
    s->stopped = true;
    close(s->listen_fd);
    for (unsigned i = 0; i < s->options.n_loops; i++)
        http_post(&s->loops[i], &s->loops[i].stop);
    for (unsigned i = 0; i < s->options.n_loops; i++)
        pthread_join(s->loops[i].joinable, NULL);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    http_server_stop(s);
    for (unsigned i = 0; i < s->options.n_loops; i++)
        clear_loop(&s->loops[i]);
    free(s->loops);
    h2o_config_dispose(&s->config);
    network_list_clear(&s->trusted);
    http_routes_clear(&s->routes);
    pthread_barrier_destroy(&s->ready);
    free(s);
}

/* ------------------------------------------------------------------ counters */

static uint64_t sum_count(const struct http_server *s, size_t at)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->options.n_loops; i++)
        sum += atomic_load_explicit(&s->loops[i].counts[at], memory_order_relaxed);
    return sum;
}

size_t http_server_counts(const struct http_server *s, struct http_route_count *out, size_t max)
{
    size_t n = 0;
    for (size_t at = 0; at < (s->routes.n + 1) * HTTP_STATUS_SLOTS && n < max; at++) {
        size_t route = at / HTTP_STATUS_SLOTS;
        struct http_route_count count = {
            .route = route == s->routes.n ? NULL : s->routes.entries[route].route,
            .status = http_status_of_slot((int)(at % HTTP_STATUS_SLOTS)),
            .count = sum_count(s, at)};
        if (count.count != 0)
            out[n++] = count;
    }
    return n;
}

unsigned http_server_connections(const struct http_server *s)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < s->options.n_loops; i++)
        sum += atomic_load_explicit(&s->loops[i].n_conns, memory_order_relaxed);
    return sum;
}
