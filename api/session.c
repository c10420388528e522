/* SPDX-License-Identifier: Apache-2.0 */
/* The cookie as an identity, and its guard. Another page cannot use the cookie: it is
 * SameSite=Strict, what changes something has to come from a page of the same host (Origin) as
 * JSON, and no other origin may read an answer. */
#include "api/session.h"

#include <strings.h>

#include "api/cookie.h"
#include "api/origin.h"
#include "log/sign_ins.h"

static bool is_secret(struct span s)
{
    if (s.n != SIGN_IN_SECRET_BYTES - 1)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

struct span session_secret(struct http_request *r)
{
    struct span found = SPAN_ABSENT, header;
    for (unsigned i = 0; !span_absent(header = http_header_at(r, "cookie", i)); i++) {
        struct span one = cookie_find(header, SESSION_COOKIE, 0);
        if (span_absent(one))
            continue;
        if (!span_absent(found) || !span_absent(cookie_find(header, SESSION_COOKIE, 1)))
            return SPAN_ABSENT;
        found = one;
    }
    return is_secret(found) ? found : SPAN_ABSENT;
}

bool session_find(struct api *a, struct http_request *r, struct sign_in *out)
{
    struct span secret = session_secret(r);
    return !span_absent(secret) &&
           tokens_find_sign_in(a->parts.tokens, secret, http_loop_now_us(http_loop_of(r)), out);
}

bool session_is_at_known_name(struct api *a, struct http_request *r)
{
    struct span host = http_header(r, "host");
    if (host_names_have(a->hosts, host))
        return true;
    http_send_problem(r, &(struct http_problem){.slug = "unknown-host"},
                      "\"%.*s\" is no name of this service: put it into the option api.hosts",
                      SPAN_ARGS(refusal_excerpt(host)));
    return false;
}

static bool refuse_origin(struct http_request *r, struct span origin)
{
    struct span host = http_header(r, "host");
    http_send_problem(r, &(struct http_problem){.slug = "csrf"},
                      "the page is of %.*s, this is %.*s (a proxy in front must pass Host on)",
                      SPAN_ARGS(refusal_excerpt(origin)), SPAN_ARGS(refusal_excerpt(host)));
    return false;
}

/* Browsers of today also say so themselves, scheme and all; where they do not, Origin has to do. */
static bool is_of_other_site(struct http_request *r)
{
    struct span site = http_header(r, "sec-fetch-site");
    return !span_absent(site) && !span_is(site, "same-origin");
}

bool session_is_from_own_page(struct http_request *r, enum session_origin needed)
{
    struct span origin = http_header(r, "origin");
    enum origin_kind kind = origin_compare(origin, http_header(r, "host"));
    if (kind == ORIGIN_OTHER || !span_absent(http_header_at(r, "origin", 1)))
        return refuse_origin(r, origin);
    if (is_of_other_site(r))
        return refuse_origin(r, SPAN_LITERAL("another origin"));
    if (kind == ORIGIN_SAME || needed == ORIGIN_OPTIONAL)
        return true;
    http_send_problem(r, &(struct http_problem){.slug = "csrf"},
                      "with the cookie this is for pages of this service, which send Origin; "
                      "scripts send Authorization: Bearer TOKEN");
    return false;
}

bool session_sends_json(struct http_request *r)
{
    struct span type = http_header(r, "content-type");
    const char *end = type.n == 0 ? NULL : memchr(type.p, ';', type.n);
    if (end != NULL)
        type.n = (size_t)(end - type.p);
    type = span_trim(type);
    return type.n == 16 && strncasecmp(type.p, "application/json", 16) == 0;
}

bool session_allow(struct api *a, struct http_request *r)
{
    struct span method = http_method(r);
    if (!session_is_at_known_name(a, r))
        return false;
    if (span_is(method, "GET") || span_is(method, "HEAD"))
        return true;
    if (!session_is_from_own_page(r, ORIGIN_REQUIRED))
        return false;
    if (span_is(method, "DELETE") || session_sends_json(r))
        return true;
    http_send_problem(r, &(struct http_problem){.slug = "csrf", .field = "Content-Type"},
                      "with the cookie a body is sent as application/json");
    return false;
}
