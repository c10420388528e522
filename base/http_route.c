/* SPDX-License-Identifier: Apache-2.0 */
/* Matching paths to routes. Patterns and paths are cut at their slashes and compared segment by
 * segment, literal patterns first; a literal path without encodings is one comparison. */
#include "base/http_internal.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_param(struct span segment)
{
    return segment.n > 2 && segment.p[0] == '{' && segment.p[segment.n - 1] == '}';
}

struct span http_route_param_name(const struct http_route_entry *e, unsigned segment)
{
    struct span s = e->pattern.segments[segment];
    return is_param(s) ? (struct span){s.p + 1, s.n - 2} : SPAN_ABSENT;
}

/* -1: not a path, or too many segments. */
static int cut(struct http_path_text *out, struct span raw)
{
    *out = (struct http_path_text){.whole = raw};
    if (raw.n == 0 || raw.p[0] != '/')
        return -1;
    const char *p = raw.p + 1, *end = raw.p + raw.n;
    for (;;) {
        if (out->n_segments == HTTP_MAX_SEGMENTS)
            return -1;
        const char *slash = p == end ? NULL : memchr(p, '/', (size_t)(end - p));
        const char *stop = slash == NULL ? end : slash;
        out->segments[out->n_segments++] = (struct span){p, (size_t)(stop - p)};
        if (slash == NULL)
            return 0;
        p = slash + 1;
    }
}

/* "http://host/path" is a request target too (RFC 9112, 3.2.2). */
static struct span without_authority(struct span raw)
{
    static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < 2; i++) {
        if (raw.n < schemes[i].n || memcmp(raw.p, schemes[i].p, schemes[i].n) != 0)
            continue;
        struct span rest = {raw.p + schemes[i].n, raw.n - schemes[i].n};
        const char *slash = rest.n == 0 ? NULL : memchr(rest.p, '/', rest.n);
        return slash == NULL ? SPAN_LITERAL("/")
                             : (struct span){slash, rest.n - (size_t)(slash - rest.p)};
    }
    return raw;
}

int http_path_cut(struct http_path_text *out, struct span raw, char *decoded, struct err *e)
{
    struct span path = without_authority(raw);
    bool encoded = path.n != 0 && memchr(path.p, '%', path.n) != NULL;
    if (cut(out, path) != 0)
        out->n_segments = 0; /* matches nothing */
    if (!encoded)
        return 0;
    out->whole = SPAN_ABSENT; /* decided by its segments */
    for (unsigned i = 0; i < out->n_segments; i++) {
        struct span *segment = &out->segments[i];
        size_t n;
        if (query_decode(*segment, PLUS_IS_PLUS, decoded, &n) != 0 ||
            (n != 0 && memchr(decoded, '\0', n) != NULL))
            return err_set(e, ERR_INPUT, "the path has a broken percent-encoding");
        *segment = (struct span){decoded, n};
        decoded += n;
    }
    return 0;
}

static int add(struct http_routes *out, const struct http_route *route, struct err *e)
{
    struct http_route_entry entry = {.route = route, .literal = true};
    unsigned params = 0;
    if (cut(&entry.pattern, span_of(route->pattern)) != 0)
        return err_set(e, ERR_DATA, "route %s: not a path of at most %d segments", route->pattern,
                       HTTP_MAX_SEGMENTS);
    for (unsigned i = 0; i < entry.pattern.n_segments; i++)
        params += is_param(entry.pattern.segments[i]);
    if (params > HTTP_MAX_PATH_PARAMS)
        return err_set(e, ERR_DATA, "route %s: more than %d parameters", route->pattern,
                       HTTP_MAX_PATH_PARAMS);
    entry.literal = params == 0;
    out->entries[out->n++] = entry;
    return 0;
}

int http_routes_compile(struct http_routes *out, const struct http_route *routes, size_t n,
                        struct err *e)
{
    *out = (struct http_routes){.entries = mem_alloc(n * sizeof(*out->entries))};
    for (int literal = 1; literal >= 0; literal--)
        for (size_t i = 0; i < n; i++) {
            bool has_params = strchr(routes[i].pattern, '{') != NULL;
            if (has_params != (literal == 1) && add(out, &routes[i], e) != 0) {
                http_routes_clear(out);
                return -1;
            }
        }
    return 0;
}

void http_routes_clear(struct http_routes *r)
{
    free(r->entries);
    *r = (struct http_routes){0};
}

static bool same_path(const struct http_route_entry *e, const struct http_path_text *path)
{
    if (e->literal && !span_absent(path->whole))
        return span_equal(e->pattern.whole, path->whole);
    if (e->pattern.n_segments != path->n_segments)
        return false;
    for (unsigned i = 0; i < path->n_segments; i++) {
        struct span want = e->pattern.segments[i], got = path->segments[i];
        if (is_param(want) ? got.n == 0 : !span_equal(want, got))
            return false;
    }
    return true;
}

static bool serves(const struct http_route *route, struct span method)
{
    return span_is(method, route->method) ||
           (span_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

struct http_match http_routes_match(const struct http_routes *routes,
                                    const struct http_path_text *path, struct span method)
{
    struct http_match m = {0};
    for (size_t i = 0; i < routes->n; i++) {
        const struct http_route_entry *e = &routes->entries[i];
        if (!same_path(e, path))
            continue;
        m.path_known = true;
        if (serves(e->route, method)) {
            m.entry = e;
            return m;
        }
    }
    return m;
}

size_t http_routes_allow(const struct http_routes *routes, const struct http_path_text *path,
                         enum http_allow_what what, char out[128])
{
    size_t n = 0;
    for (size_t i = 0; i < routes->n; i++) {
        const struct http_route *route = routes->entries[i].route;
        if (!same_path(&routes->entries[i], path) || (what == ALLOW_CORS && !route->cors))
            continue;
        bool get = strcmp(route->method, "GET") == 0;
        n += (size_t)snprintf(out + n, 128 - n, "%s%s, ", route->method, get ? ", HEAD" : "");
        if (n > 96)
            break; /* room for OPTIONS */
    }
    if (n != 0)
        n += (size_t)snprintf(out + n, 128 - n, "OPTIONS");
    return n;
}
