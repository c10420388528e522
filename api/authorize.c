/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: the scope and site of the bearer token, or else of the session's token, become the
 * request's identity. */
#include <strings.h>

#include "api/api_internal.h"
#include "api/live_get.h"
#include "api/query_post.h"
#include "api/rows_get.h"
#include "api/session.h"

enum { MAX_SECRET_BYTES = 512 };

/* The credentials after "Bearer", empty when a script's variable was; absent when there are none of
 * that kind. */
static struct span bearer_of(struct span header)
{
    static const char scheme[] = "Bearer";
    const size_t n = sizeof scheme - 1;
    if (header.n < n || strncasecmp(header.p, scheme, n) != 0 ||
        (header.n > n && header.p[n] != ' '))
        return SPAN_ABSENT;
    struct span secret = {header.p + n, header.n - n};
    while (secret.n > 0 && secret.p[0] == ' ')
        secret = (struct span){secret.p + 1, secret.n - 1};
    while (secret.n > 0 && secret.p[secret.n - 1] == ' ')
        secret.n--;
    return secret;
}

static bool covers(enum token_scope have, enum http_scope needed)
{
    return needed == SCOPE_OPEN || have == TOKEN_ADMIN ||
           (needed == SCOPE_INGEST && have == TOKEN_INGEST) ||
           (needed == SCOPE_READ && have == TOKEN_READ);
}

static struct span keep(struct http_request *r, struct span text)
{
    char *copy = http_alloc(r, text.n + 1);
    memcpy(copy, text.p, text.n);
    return (struct span){copy, text.n};
}

static void identify(struct http_request *r, const struct token_info *token)
{
    static const enum http_scope scopes[] = {
        [TOKEN_INGEST] = SCOPE_INGEST, [TOKEN_READ] = SCOPE_READ, [TOKEN_ADMIN] = SCOPE_ADMIN};
    struct http_identity *who = http_identity_of(r);
    who->token_id = token->id;
    who->scope_id = token->scope == TOKEN_ADMIN ? HTTP_SCOPE_ID_ADMIN : token->id;
    who->scope = scopes[token->scope];
    who->site = token->site[0] == '\0' ? SPAN_ABSENT : keep(r, span_of(token->site));
}

/* Lets in whoever has that token, or answers 403. */
static bool let_in(struct http_request *r, const struct token_info *token, enum http_scope needed)
{
    static const char *const names[] = {"", "ingest", "read", "admin"};
    if (covers(token->scope, needed)) {
        identify(r, token);
        return true;
    }
    http_send_problem(r, &(struct http_problem){.slug = "forbidden"},
                      "a token of scope %s is needed; this one has scope %s", names[needed],
                      token_scope_names[token->scope]);
    return false;
}

static bool refuse_without_token(struct http_request *r, struct span header)
{
    http_send_problem(r, &(struct http_problem){.slug = "unauthorized"}, "%s",
                      header.n == 0 ? "send Authorization: Bearer TOKEN"
                                    : "Authorization is not of the form Bearer TOKEN");
    return false;
}

/* A public site's rows may be read by anyone: then the request is one for that site alone. */
static bool reads_public_site(struct api *a, struct http_request *r)
{
    struct site_info site;
    struct err e = {0};
    if (http_route_of(r)->handler == query_post)
        return true; /* its site is in the body: the handler decides */
    if (http_route_of(r)->handler != rows_get && http_route_of(r)->handler != live_get)
        return false;
    struct span name = http_param(r, "site", 0, &e);
    if (span_absent(name) || !sites_find(a->parts.sites, name, &site) || !site.is_public)
        return false;
    http_identity_of(r)->site = keep(r, name);
    return true;
}

static bool by_bearer(struct api *a, struct http_request *r, struct span secret,
                      enum http_scope needed)
{
    struct token_info token;
    if (secret.n > 0 && secret.n <= MAX_SECRET_BYTES &&
        tokens_find(a->parts.tokens, secret, &token))
        return let_in(r, &token, needed);
    http_send_problem(r, &(struct http_problem){.slug = "unauthorized"},
                      secret.n == 0 ? "there is no token after Bearer"
                                    : "the token is not known; it may have been revoked");
    return false;
}

bool api_authorize(struct http_request *r, enum http_scope needed, void *context)
{
    struct api *a = context;
    struct sign_in signed_in;
    struct span header = http_header(r, "authorization"), secret = bearer_of(header);
    bool cors = http_route_of(r)->cors;
    if (needed == SCOPE_OPEN && !cors)
        return true; /* the same for all; only who sends must know that the token is wrong */
    if (!span_absent(secret))
        return by_bearer(a, r, secret, needed);
    if (!cors && session_find(a, r, &signed_in)) /* what browsers send counts without a cookie */
        return session_allow(a, r) && let_in(r, &signed_in.token, needed);
    if (needed == SCOPE_OPEN || (needed == SCOPE_READ && reads_public_site(a, r)))
        return true;
    return refuse_without_token(r, header);
}

/* ------------------------------------------------------------------ while an answer goes on */

struct api_reader api_reader_of(struct http_request *r)
{
    struct api_reader who = {.is_open = http_identity_of(r)->scope == SCOPE_OPEN};
    struct span secret = bearer_of(http_header(r, "authorization"));
    if (!who.is_open)
        secret_hash(span_absent(secret) ? session_secret(r) : secret, who.secret_hash);
    return who;
}

bool api_may_still_read(struct api *a, const struct api_reader *who, struct span site)
{
    struct site_info info;
    struct token_info token;
    if (who->is_open)
        return sites_find(a->parts.sites, site, &info) && info.is_public;
    return tokens_find_hash(a->parts.tokens, who->secret_hash, clock_now_us(), &token) &&
           covers(token.scope, SCOPE_READ) && (token.site[0] == '\0' || span_is(site, token.site));
}
