/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy: a thread per connection, bytes both ways, and one look at what the client sends: the
 * name of the writer's prepared statement stands in its Bind message. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/support/log.h"

enum { MAX_LINKS = 256 };

struct link {
    struct log_proxy *proxy;
    int client, server;
    pthread_t thread;
};

struct log_proxy {
    char *uri, *folder;
    struct sockaddr_un here, there;
    int listener;
    pthread_t thread;
    struct link links[MAX_LINKS];
    int n_links;
    _Atomic int mode, cuts;
    _Atomic bool allow, stopping;
};

static bool forward(int from, int to, char *bytes, size_t room, ssize_t *n)
{
    *n = read(from, bytes, room);
    if (*n <= 0)
        return false;
    for (ssize_t done = 0, wrote; to >= 0 && done < *n; done += wrote)
        if ((wrote = send(to, bytes + done, (size_t)(*n - done), MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

static bool is_append(const char *bytes, ssize_t n)
{
    return memmem(bytes, (size_t)n, "\0append", 7) != NULL;
}

/* false: the connection is to be cut. */
static bool from_client(struct link *l, char *bytes, size_t room)
{
    ssize_t n;
    int mode = atomic_load(&l->proxy->mode);
    if (mode == PROXY_PASS)
        return forward(l->client, l->server, bytes, room, &n);
    if (!forward(l->client, -1, bytes, room, &n))
        return false;
    bool every = mode == PROXY_LOSE_EVERY_STATEMENT;
    bool cut = is_append(bytes, n) &&
               (every || atomic_compare_exchange_strong(&l->proxy->mode, &mode, PROXY_PASS));
    if (cut && (every || mode == PROXY_LOSE_STATEMENT)) {
        atomic_fetch_add(&l->proxy->cuts, 1);
        return false;
    }
    if (send(l->server, bytes, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    if (!cut)
        return true;
    struct pollfd answer = {.fd = l->server, .events = POLLIN};
    poll(&answer, 1, -1);
    atomic_fetch_add(&l->proxy->cuts, 1);
    return false;
}

static void *run_link(void *context)
{
    struct link *l = context;
    char bytes[65536];
    ssize_t n;
    for (;;) {
        struct pollfd fds[] = {{.fd = l->client, .events = POLLIN},
                               {.fd = l->server, .events = POLLIN}};
        poll(fds, 2, 200);
        if (atomic_load(&l->proxy->stopping) ||
            (fds[1].revents != 0 && !forward(l->server, l->client, bytes, sizeof(bytes), &n)) ||
            (fds[0].revents != 0 && !from_client(l, bytes, sizeof(bytes))))
            break;
    }
    close(l->client);
    close(l->server);
    return NULL;
}

static void *run(void *context)
{
    struct log_proxy *p = context;
    while (!atomic_load(&p->stopping) && p->n_links < MAX_LINKS) {
        struct pollfd fd = {.fd = p->listener, .events = POLLIN};
        if (poll(&fd, 1, 100) <= 0)
            continue;
        struct link *l = &p->links[p->n_links];
        *l = (struct link){p, accept(p->listener, NULL, NULL), socket(AF_UNIX, SOCK_STREAM, 0), 0};
        bool linked = atomic_load(&p->allow) &&
                      connect(l->server, (struct sockaddr *)&p->there, sizeof(p->there)) == 0;
        if (linked && pthread_create(&l->thread, NULL, run_link, l) == 0) {
            p->n_links++;
            continue;
        }
        close(l->client);
        close(l->server);
    }
    return NULL;
}

/* The folder of the socket in a URI: host=..., percent-encoded. */
static void socket_path(char *out, size_t room, const char *host)
{
    size_t n = 0;
    for (unsigned byte; *host != '\0' && *host != '&' && n + 16 < room; out[n++] = (char)byte) {
        bool encoded = *host == '%' && sscanf(host + 1, "%2x", &byte) == 1;
        if (!encoded)
            byte = (unsigned char)*host;
        host += encoded ? 3 : 1;
    }
    snprintf(out + n, room - n, "/.s.PGSQL.5432");
}

struct log_proxy *log_proxy_start(const char *uri)
{
    struct log_proxy *p = mem_alloc(sizeof(*p));
    const char *host = strstr(uri, "host=");
    assert_non_null(host);
    p->folder = support_folder();
    p->here.sun_family = p->there.sun_family = AF_UNIX;
    socket_path(p->there.sun_path, sizeof(p->there.sun_path), host + 5);
    socket_path(p->here.sun_path, sizeof(p->here.sun_path), p->folder);
    p->uri = mem_format("%.*shost=%s", (int)(host - uri), uri, p->folder);
    atomic_store(&p->allow, true);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&p->here, sizeof(p->here)), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
    return p;
}

const char *log_proxy_uri(const struct log_proxy *p)
{
    return p->uri;
}

void log_proxy_set(struct log_proxy *p, enum proxy_mode mode)
{
    atomic_store(&p->mode, mode);
}

void log_proxy_allow(struct log_proxy *p, bool allow)
{
    atomic_store(&p->allow, allow);
}

int log_proxy_cuts(const struct log_proxy *p)
{
    return atomic_load(&p->cuts);
}

void log_proxy_stop(struct log_proxy *p)
{
    atomic_store(&p->stopping, true);
    pthread_join(p->thread, NULL);
    for (int i = 0; i < p->n_links; i++)
        pthread_join(p->links[i].thread, NULL);
    close(p->listener);
    free(p->folder);
    free(p->uri);
    free(p);
}
