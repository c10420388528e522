/* SPDX-License-Identifier: Apache-2.0 */
/* Who may show the dashboard in a frame: option api.embed_origins -> frame-ancestors. The origins
 * go into a header, so nothing but scheme://host[:port] is let in. */
#include "api/pages.h"

#include <ctype.h>
#include <strings.h>

#include "base/buf.h"

enum { MAX_ORIGINS = 32, MAX_HOST_BYTES = 253, MAX_PORT = 65535 };

static bool skip(struct span *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (text->n < n || strncasecmp(text->p, prefix, n) != 0)
        return false;
    *text = (struct span){text->p + n, text->n - n};
    return true;
}

/* Letters, digits, and between them dots and hyphens: a name or an IPv4 address. Policies have no
 * form for IPv6 addresses. */
static bool is_host(struct span host)
{
    bool after_word = false;
    for (size_t i = 0; i < host.n; i++) {
        bool word = isalnum((unsigned char)host.p[i]) != 0;
        if (!word && host.p[i] != '-' && (host.p[i] != '.' || !after_word))
            return false;
        if (!word && !after_word && i == 0)
            return false;
        after_word = word;
    }
    return after_word && host.n <= MAX_HOST_BYTES;
}

static bool is_port(struct span port)
{
    unsigned number = 0;
    if (port.n == 0 || port.n > 5)
        return false;
    for (size_t i = 0; i < port.n; i++) {
        if (port.p[i] < '0' || port.p[i] > '9')
            return false;
        number = number * 10 + (unsigned)(port.p[i] - '0');
    }
    return number >= 1 && number <= MAX_PORT;
}

static bool is_origin(struct span origin)
{
    if (!skip(&origin, "https://") && !skip(&origin, "http://"))
        return false;
    const char *colon = origin.n == 0 ? NULL : memchr(origin.p, ':', origin.n);
    struct span host = {origin.p, colon == NULL ? origin.n : (size_t)(colon - origin.p)};
    struct span port = {origin.p + host.n + 1, origin.n - host.n - 1};
    return is_host(host) && (colon == NULL || is_port(port));
}

/* The part before the first comma, trimmed; list becomes what follows, absent at the end. */
static struct span cut(struct span *list)
{
    const char *comma = list->n == 0 ? NULL : memchr(list->p, ',', list->n);
    struct span first = {list->p, comma == NULL ? list->n : (size_t)(comma - list->p)};
    *list = comma == NULL ? SPAN_ABSENT : (struct span){comma + 1, list->n - first.n - 1};
    return span_trim(first);
}

static int put_origins(struct buf *out, struct span list, struct err *e)
{
    for (unsigned n = 0; !span_absent(list); n++) {
        struct span origin = cut(&list);
        if (!is_origin(origin))
            return err_set(e, ERR_INPUT,
                           "api.embed_origins: \"%.*s\" is no origin like https://intranet.example "
                           "or http://127.0.0.1:3000",
                           (int)(origin.n < 100 ? origin.n : 100), origin.p);
        if (n == MAX_ORIGINS)
            return err_set(e, ERR_INPUT, "api.embed_origins: at most %d origins", MAX_ORIGINS);
        buf_put_byte(out, ' ');
        buf_put(out, origin.p, origin.n);
    }
    return 0;
}

int pages_policy(struct span *out, const char *embed_origins, struct err *e)
{
    struct span list = span_trim(span_of(embed_origins));
    struct buf policy = {0};
    buf_put_text(&policy, PAGES_POLICY "frame-ancestors");
    if (list.n == 0)
        buf_put_text(&policy, " 'none'");
    else if (put_origins(&policy, list, e) != 0) {
        buf_clear(&policy);
        return -1;
    }
    *out = buf_span(&policy);
    return 0;
}
