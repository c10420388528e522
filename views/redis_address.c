/* SPDX-License-Identifier: Apache-2.0 */
#include "views/redis_address.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"

static const char *const FORMS = "give redis://[:PASSWORD@]HOST[:PORT][/DB] or unix:/PATH";

static bool take_prefix(struct span *s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (s->n < n || memcmp(s->p, prefix, n) != 0)
        return false;
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

/* The part of s before the first c (s becomes what follows), or false when there is no c. */
static bool split(struct span *s, char c, struct span *before)
{
    const char *at = memchr(s->p, c, s->n);
    if (at == NULL)
        return false;
    *before = (struct span){s->p, (size_t)(at - s->p)};
    *s = (struct span){at + 1, s->n - before->n - 1};
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int copy(char *to, size_t size, struct span s)
{
    if (s.n >= size || memchr(s.p, '\0', s.n) != NULL)
        return -1;
    memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return 0;
}

static int copy_unescaped(char *to, size_t size, struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '%' && s.n - i > 2 && hex_digit(s.p[i + 1]) >= 0 &&
                      hex_digit(s.p[i + 2]) >= 0;
        char c = escape ? (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2])) : s.p[i];
        i += escape ? 2 : 0;
        if (c == '\0' || n + 1 >= size)
            return -1;
        to[n++] = c;
    }
    to[n] = '\0';
    return 0;
}

static int take_number(struct span s, int max, int *out)
{
    int value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || value > max)
            return -1;
        value = value * 10 + (s.p[i] - '0');
    }
    *out = value;
    return s.n == 0 || value > max ? -1 : 0;
}

static int parse_socket(struct span rest, struct redis_address *out)
{
    struct span path = rest;
    if (split(&rest, '?', &path) &&
        (!take_prefix(&rest, "db=") || take_number(rest, 1023, &out->db) != 0))
        return -1;
    return path.n > 0 && path.p[0] == '/' ? copy(out->socket_path, sizeof(out->socket_path), path)
                                          : -1;
}

static int parse_authority(struct span rest, struct redis_address *out)
{
    struct span login, user, host, db = {rest.p, 0};
    out->port = 6379;
    if (split(&rest, '@', &login)) {
        if (!split(&login, ':', &user) || copy_unescaped(out->user, sizeof(out->user), user) != 0 ||
            copy_unescaped(out->password, sizeof(out->password), login) != 0)
            return -1;
    }
    if (split(&rest, '/', &host)) {
        db = rest;
        rest = host;
    }
    if (rest.n > 0 && rest.p[0] == '[') { /* an IPv6 address */
        rest = (struct span){rest.p + 1, rest.n - 1};
        if (!split(&rest, ']', &host) || (rest.n > 0 && !take_prefix(&rest, ":")))
            return -1;
    } else if (!split(&rest, ':', &host)) {
        host = rest;
        rest.n = 0;
    }
    return host.n == 0 || copy(out->host, sizeof(out->host), host) != 0 ||
                   (rest.n > 0 && (take_number(rest, 65535, &out->port) != 0 || out->port == 0)) ||
                   (db.n > 0 && take_number(db, 1023, &out->db) != 0)
               ? -1
               : 0;
}

int redis_address_parse(const char *uri, struct redis_address *out, struct err *e)
{
    *out = (struct redis_address){0};
    struct span rest = span_of(uri);
    int result;
    if (take_prefix(&rest, "redis://"))
        result = parse_authority(rest, out);
    else if (take_prefix(&rest, "unix://") || take_prefix(&rest, "unix:") || rest.p[0] == '/')
        result = parse_socket(rest, out);
    else
        result = -1;
    /* The text is not repeated: it may hold a password. */
    return result == 0 ? 0 : err_set(e, ERR_INPUT, "redis: not an address; %s", FORMS);
}
