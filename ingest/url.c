/* SPDX-License-Identifier: Apache-2.0 */
/* Not a browser's URL parser: it takes what servers and browsers report as the current page, keeps
 * the bytes, and refuses what has no host and is no path. */
#include "ingest/url.h"

#include <stdint.h>

#include "base/address.h"
#include "base/query.h"
#include "base/utf8.h"

/* What a byte may be part of. */
enum { IN_HOST = 1, IN_SCHEME = 2, ALPHA = 4, DIGIT = 8, ENDS_AUTHORITY = 16 };

#define LETTER (IN_HOST | IN_SCHEME | ALPHA)

/* Bytes of a host: those of other scripts are left as they come (browsers send punycode). */
static const uint8_t classes[256] = {
    ['0' ... '9'] = IN_HOST | IN_SCHEME | DIGIT,
    ['A' ... 'Z'] = LETTER,
    ['a' ... 'z'] = LETTER,
    ['-'] = IN_HOST | IN_SCHEME,
    ['.'] = IN_HOST | IN_SCHEME,
    ['_'] = IN_HOST,
    ['+'] = IN_SCHEME,
    ['/'] = ENDS_AUTHORITY,
    ['?'] = ENDS_AUTHORITY,
    ['#'] = ENDS_AUTHORITY,
    ['\\'] = ENDS_AUTHORITY,
    [0x80 ... 0xff] = IN_HOST,
};

static bool is(char c, unsigned class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static struct span tail(struct span s, size_t from)
{
    return (struct span){s.p + from, s.n - from};
}

static struct span before(struct span s, const char *end)
{
    return end == NULL ? s : (struct span){s.p, (size_t)(end - s.p)};
}

/* Length of "scheme://", 0 if the text does not start with one. */
static size_t scheme_length(struct span s)
{
    if (s.n == 0 || !is(s.p[0], ALPHA))
        return 0;
    size_t n = 1;
    while (n < s.n && is(s.p[n], IN_SCHEME))
        n++;
    return s.n - n >= 3 && memcmp(s.p + n, "://", 3) == 0 ? n + 3 : 0;
}

static bool port_ok(struct span port) /* ":8080" or ":" or nothing */
{
    if (port.n == 0)
        return true;
    if (port.p[0] != ':' || port.n > 6)
        return false;
    for (size_t i = 1; i < port.n; i++)
        if (!is(port.p[i], DIGIT))
            return false;
    return true;
}

static struct span host_v6(struct span authority, char *room)
{
    const char *close = memchr(authority.p, ']', authority.n);
    size_t n = close == NULL ? 0 : (size_t)(close - authority.p) + 1;
    struct address a;
    if (n < 3 || n > HOST_MAX_BYTES || !port_ok(tail(authority, n)) ||
        address_parse((struct span){authority.p + 1, n - 2}, &a) != 0)
        return SPAN_ABSENT;
    for (size_t i = 0; i < n; i++)
        room[i] = lower(authority.p[i]);
    return (struct span){room, n};
}

/* Labels between single dots; the final dot of a fully qualified name is dropped. */
static struct span dotted_name(struct span s, char *room)
{
    if (s.n > 1 && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0 || s.n > HOST_MAX_BYTES || s.p[0] == '.')
        return SPAN_ABSENT;
    for (size_t i = 0; i < s.n; i++) {
        if (!is(s.p[i], IN_HOST) || (s.p[i] == '.' && (i + 1 == s.n || s.p[i + 1] == '.')))
            return SPAN_ABSENT;
        room[i] = lower(s.p[i]);
    }
    return (struct span){room, s.n};
}

static struct span host_of_authority(struct span authority, char *room)
{
    struct span plain = dotted_name(authority, room); /* nearly always there is nothing else */
    if (!span_absent(plain))
        return plain;
    const char *at = authority.n == 0 ? NULL : memrchr(authority.p, '@', authority.n);
    if (at != NULL)
        authority = tail(authority, (size_t)(at + 1 - authority.p));
    if (authority.n == 0)
        return SPAN_ABSENT;
    if (authority.p[0] == '[')
        return host_v6(authority, room);
    struct span name = before(authority, memchr(authority.p, ':', authority.n));
    return port_ok(tail(authority, name.n)) ? dotted_name(name, room) : SPAN_ABSENT;
}

/* The part between "//" and the path, query or fragment. */
static struct span authority_of(struct span text, size_t scheme)
{
    size_t end = scheme;
    while (end < text.n && !is(text.p[end], ENDS_AUTHORITY))
        end++;
    return (struct span){text.p + scheme, end - scheme};
}

struct span url_host(struct span text, char *room)
{
    size_t scheme = scheme_length(text);
    return scheme == 0 ? SPAN_ABSENT : host_of_authority(authority_of(text, scheme), room);
}

static bool is_ascii(struct span s)
{
    unsigned char bits = 0;
    for (size_t i = 0; i < s.n; i++)
        bits |= (unsigned char)s.p[i];
    return bits < 0x80;
}

bool url_host_is_site(struct span host)
{
    return host.n != 0 && host.p[0] != '[' && is_ascii(host);
}

struct span url_site_name(struct span text, char *room)
{
    if (!is_ascii(text))
        return SPAN_ABSENT;
    struct span name = before(text, text.n == 0 ? NULL : memchr(text.p, ':', text.n));
    struct span port = tail(text, name.n);
    struct span site = dotted_name(name, room);
    if (port.n == 0 || span_absent(site))
        return site;
    if (port.n == 1 || !port_ok(port) || site.n + port.n > HOST_MAX_BYTES)
        return SPAN_ABSENT;
    memcpy(room + site.n, port.p, port.n);
    return (struct span){room, site.n + port.n};
}

bool url_has_control(struct span text)
{
    bool found = false;
    for (size_t i = 0; i < text.n; i++)
        found |= (unsigned char)text.p[i] < 0x20;
    return found;
}

/* The decoded value; as sent when its encoding is broken or hides other bytes than text. */
static struct span decoded(struct span raw, char **room)
{
    size_t n;
    struct span text = {*room, 0};
    if (query_decode(raw, PLUS_IS_SPACE, *room, &n) != 0)
        return raw;
    text.n = n;
    if (!utf8_text(text))
        return raw;
    *room += n;
    return text;
}

static void take_campaign(struct url *u, char *room)
{
    const struct {
        struct span name; /* after "utm_", with the equals sign */
        struct span *to;
    } wanted[] = {{SPAN_LITERAL("source="), &u->utm_source},
                  {SPAN_LITERAL("medium="), &u->utm_medium},
                  {SPAN_LITERAL("campaign="), &u->utm_campaign}};
    const char *p = u->query.p, *end = p + u->query.n;
    while (p < end) {
        struct span part =
            before((struct span){p, (size_t)(end - p)}, memchr(p, '&', (size_t)(end - p)));
        p += part.n + 1;
        if (part.n < 4 || memcmp(part.p, "utm_", 4) != 0)
            continue;
        part = tail(part, 4);
        for (unsigned i = 0; i < 3; i++)
            if (span_absent(*wanted[i].to) && part.n > wanted[i].name.n &&
                memcmp(part.p, wanted[i].name.p, wanted[i].name.n) == 0)
                *wanted[i].to = decoded(tail(part, wanted[i].name.n), &room);
    }
}

const char *url_split(struct span text, char *room, struct url *out)
{
    *out = (struct url){0};
    size_t scheme = scheme_length(text), at = 0;
    if (scheme != 0) {
        struct span authority = authority_of(text, scheme);
        out->host = host_of_authority(authority, room);
        if (span_absent(out->host))
            return "has no valid host name";
        at = scheme + authority.n;
        room += out->host.n;
    } else if (text.n == 0 || text.p[0] != '/') {
        return "is not an absolute URL or an absolute path";
    }
    struct span rest = tail(text, at);
    rest = before(rest, rest.n == 0 ? NULL : memchr(rest.p, '#', rest.n));
    const char *mark = rest.n == 0 ? NULL : memchr(rest.p, '?', rest.n);
    out->path = before(rest, mark);
    if (mark != NULL && out->path.n + 1 < rest.n)
        out->query = tail(rest, out->path.n + 1);
    if (out->path.n == 0)
        out->path = SPAN_LITERAL("/");
    if (!span_absent(out->query))
        take_campaign(out, room);
    return NULL;
}
