/* SPDX-License-Identifier: Apache-2.0 */
#include "api/origin.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/address.h"
#include "base/mem.h"

enum { MAX_HOST_BYTES = 255, NO_PORT = -1 };

/* ------------------------------------------------------------------ host and port */

struct authority {
    struct span host; /* of an IPv6 address without its brackets */
    bool brackets;
    int32_t port; /* NO_PORT: not said */
};

static bool same_text(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !is_digit(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return s.n > 0 && s.n <= MAX_HOST_BYTES;
}

/* ":443" after a host. */
static bool read_port(struct span s, int32_t *out)
{
    int32_t port = 0;
    *out = NO_PORT;
    if (s.n == 0)
        return true;
    if (s.p[0] != ':' || s.n < 2 || s.n > 6)
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
        port = port * 10 + (s.p[i] - '0');
    }
    *out = port;
    return port <= UINT16_MAX;
}

static bool read_authority(struct span s, struct authority *out)
{
    out->brackets = s.n > 0 && s.p[0] == '[';
    const char *end = s.n == 0 ? NULL : memchr(s.p, out->brackets ? ']' : ':', s.n);
    if (out->brackets) {
        struct address address;
        if (end == NULL)
            return false;
        out->host = (struct span){s.p + 1, (size_t)(end - s.p) - 1};
        end++;
        return memchr(out->host.p, ':', out->host.n) != NULL &&
               address_parse(out->host, &address) == 0 &&
               read_port((struct span){end, s.n - (size_t)(end - s.p)}, &out->port);
    }
    if (end == NULL)
        end = s.p + s.n;
    out->host = (struct span){s.p, (size_t)(end - s.p)};
    return is_name(out->host) &&
           read_port((struct span){end, s.n - (size_t)(end - s.p)}, &out->port);
}

/* ------------------------------------------------------------------ Origin */

static bool cut_scheme(struct span *s, const char *scheme)
{
    size_t n = strlen(scheme);
    if (s->n < n || strncasecmp(s->p, scheme, n) != 0)
        return false;
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

bool origin_is_https(struct span origin)
{
    return cut_scheme(&origin, "https://");
}

enum origin_kind origin_compare(struct span origin, struct span host)
{
    struct authority from, to;
    if (span_absent(origin))
        return ORIGIN_NONE;
    int32_t usual = origin_is_https(origin) ? 443 : 80;
    if (!cut_scheme(&origin, "https://") && !cut_scheme(&origin, "http://"))
        return ORIGIN_OTHER;
    if (!read_authority(origin, &from) || !read_authority(host, &to))
        return ORIGIN_OTHER;
    int32_t from_port = from.port == NO_PORT ? usual : from.port;
    int32_t to_port = to.port == NO_PORT ? usual : to.port;
    return from.brackets == to.brackets && same_text(from.host, to.host) && from_port == to_port
               ? ORIGIN_SAME
               : ORIGIN_OTHER;
}

/* ------------------------------------------------------------------ names */

struct host_names {
    pthread_rwlock_t lock;
    char *machine; /* NULL: none */
    char *list;    /* comma-separated; NULL: none */
};

struct host_names *host_names_new(const char *machine)
{
    struct host_names *h = mem_alloc(sizeof(*h));
    pthread_rwlock_init(&h->lock, NULL);
    h->machine = mem_copy_text(machine);
    return h;
}

void host_names_free(struct host_names *h)
{
    if (h == NULL)
        return;
    pthread_rwlock_destroy(&h->lock);
    free(h->machine);
    free(h->list);
    free(h);
}

/* Takes the next name off the list; false at its end. */
static bool next_name(struct span *list, struct span *name)
{
    if (list->n == 0)
        return false;
    const char *comma = memchr(list->p, ',', list->n);
    size_t n = comma == NULL ? list->n : (size_t)(comma - list->p);
    size_t taken = comma == NULL ? n : n + 1;
    *name = span_trim((struct span){list->p, n});
    *list = (struct span){list->p + taken, list->n - taken};
    return true;
}

int host_names_set(struct host_names *h, const char *list, struct err *e)
{
    struct span rest = span_of(list), name;
    while (next_name(&rest, &name))
        if (!is_name(name))
            return err_set(e, ERR_INPUT,
                           "api.hosts: \"%.*s\" is no name of a host, like stats.example.com",
                           SPAN_ARGS(name));
    char *copy = mem_copy_text(list);
    pthread_rwlock_wrlock(&h->lock);
    char *old = h->list;
    h->list = copy;
    pthread_rwlock_unlock(&h->lock);
    free(old);
    return 0;
}

/* "a.example." is a.example too. */
static struct span without_dot(struct span name)
{
    return name.n > 1 && name.p[name.n - 1] == '.' ? (struct span){name.p, name.n - 1} : name;
}

static bool is_local(struct span name)
{
    static const char dot[] = ".localhost";
    const size_t n = sizeof dot - 1;
    return same_text(name, SPAN_LITERAL("localhost")) ||
           (name.n > n && strncasecmp(name.p + name.n - n, dot, n) == 0);
}

static bool is_listed(struct host_names *h, struct span wanted)
{
    struct span name;
    pthread_rwlock_rdlock(&h->lock);
    struct span rest = span_of(h->list);
    bool found = false;
    while (!found && next_name(&rest, &name))
        found = same_text(without_dot(name), wanted);
    pthread_rwlock_unlock(&h->lock);
    return found;
}

bool host_names_have(struct host_names *h, struct span host)
{
    struct authority a;
    struct address address;
    if (!read_authority(host, &a))
        return false;
    struct span name = without_dot(a.host);
    return a.brackets || address_parse(name, &address) == 0 || is_local(name) ||
           same_text(name, span_of(h->machine)) || is_listed(h, name);
}
