/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of web/, their assets and the tracker, as web/build.sh made them (assets.h): nothing is
 * read, compressed or put together here. */
#include "api/pages.h"

#include "api/accept.h"
#include "api/api_internal.h"
#include "api/assets.h"

#define PAGE_CACHE "no-cache"
#define ASSET_CACHE "public, max-age=31536000, immutable" /* its name changes with its bytes */
#define ICON_CACHE "public, max-age=86400"
#define TRACKER_CACHE "public, max-age=3600"

/* Of an asset: what a worker of it may do. */
#define ASSET_POLICY "default-src 'none'; connect-src 'self'"

static const struct asset *find_asset(const char *name)
{
    const struct asset *a = assets;
    while (a->name != NULL && strcmp(a->name, name) != 0)
        a++;
    assert(a->name != NULL);
    return a;
}

/* Adds the lines to those of the answer. */
static void add_headers(struct http_answer *answer, const struct http_header_line *lines, size_t n)
{
    size_t at = 0, most = sizeof answer->headers / sizeof answer->headers[0];
    while (at < most && answer->headers[at].name != NULL)
        at++;
    assert(at + n <= most);
    memcpy(&answer->headers[at], lines, n * sizeof *lines);
}

/* Plain or compressed, or 304. */
static void send_asset(struct http_request *r, const struct asset *asset,
                       const struct http_header_line *lines, size_t n)
{
    bool packed = !span_absent(asset->gzip) && accept_gzip(http_header(r, "accept-encoding"));
    const struct http_header_line always[] = {
        {"etag", span_of(asset->tag)},
        {"vary", SPAN_LITERAL("accept-encoding")},
        {"x-content-type-options", SPAN_LITERAL("nosniff")},
    };
    const struct http_header_line encoding = {"content-encoding", SPAN_LITERAL("gzip")};
    struct http_answer answer = {.status = 304};
    add_headers(&answer, always, sizeof always / sizeof *always);
    add_headers(&answer, lines, n);
    if (!accept_has_tag(http_header(r, "if-none-match"), span_of(asset->tag + 2))) {
        answer.status = 200;
        answer.content_type = asset->content_type;
        answer.body = packed ? asset->gzip : asset->plain;
        answer.owner = BODY_STATIC;
        add_headers(&answer, &encoding, packed ? 1 : 0);
    }
    http_send(r, &answer);
}

/* ------------------------------------------------------------------ pages */

static void send_page(struct http_request *r, const char *name, struct span policy,
                      struct span resource_policy)
{
    const struct http_header_line lines[] = {
        {"content-security-policy", policy},
        {"referrer-policy", SPAN_LITERAL("no-referrer")},
        {"cross-origin-opener-policy", SPAN_LITERAL("same-origin")},
        {"cross-origin-resource-policy", resource_policy},
        {"permissions-policy",
         SPAN_LITERAL("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), "
                      "usb=()")},
        {"cache-control", SPAN_LITERAL(PAGE_CACHE)},
    };
    send_asset(r, find_asset(name), lines, sizeof lines / sizeof *lines);
}

/* A page that embeds it may itself demand that what it embeds allows that. */
static void dashboard_get(struct http_request *r, void *context)
{
    const struct api *a = context;
    send_page(r, "dashboard.html", a->dashboard_policy,
              a->is_embeddable ? SPAN_LITERAL("cross-origin") : SPAN_LITERAL("same-origin"));
}

static void send_own_page(struct http_request *r, const char *name)
{
    send_page(r, name, SPAN_LITERAL(PAGES_POLICY "frame-ancestors 'none'"),
              SPAN_LITERAL("same-origin"));
}

static void system_get(struct http_request *r, void *context)
{
    (void)context;
    send_own_page(r, "system.html");
}

static void sign_in_get(struct http_request *r, void *context)
{
    (void)context;
    send_own_page(r, "sign-in.html");
}

/* ------------------------------------------------------------------ assets */

static void send_file(struct http_request *r, const struct asset *asset, struct span cache)
{
    const struct http_header_line lines[] = {
        {"content-security-policy", SPAN_LITERAL(ASSET_POLICY)},
        {"cross-origin-resource-policy", SPAN_LITERAL("same-origin")},
        {"cache-control", cache},
    };
    send_asset(r, asset, lines, sizeof lines / sizeof *lines);
}

static void asset_get(struct http_request *r, void *context)
{
    (void)context;
    struct span file = http_path_param(r, "file");
    for (const struct asset *a = assets; a->name != NULL; a++)
        if (span_is(file, a->file) && strcmp(a->file, a->name) != 0) {
            send_file(r, a, SPAN_LITERAL(ASSET_CACHE));
            return;
        }
    api_send_not_found(r, "asset", file);
}

/* Browsers ask for it where a page names no icon. */
static void icon_get(struct http_request *r, void *context)
{
    (void)context;
    send_file(r, find_asset("icon.svg"), SPAN_LITERAL(ICON_CACHE));
}

/* Any site may load it. */
static void tracker_get(struct http_request *r, void *context)
{
    (void)context;
    const struct http_header_line lines[] = {
        {"cross-origin-resource-policy", SPAN_LITERAL("cross-origin")},
        {"cache-control", SPAN_LITERAL(TRACKER_CACHE)},
    };
    send_asset(r, find_asset("track.js"), lines, sizeof lines / sizeof *lines);
}

/* ------------------------------------------------------------------ the routes */

#define KNOWN                                                                                      \
    {                                                                                              \
        304, NULL, "The client has it already (If-None-Match).", NULL                              \
    }

static const struct http_answer_doc page_answers[] = {
    {200, "text/html", "The page.", NULL}, KNOWN, {0}};
static const struct http_answer_doc asset_answers[] = {
    {200, "*/*", "The file.", NULL},
    KNOWN,
    {404, "application/problem+json", "There is no such asset.", NULL},
    {0}};
static const struct http_answer_doc icon_answers[] = {
    {200, "image/svg+xml", "The icon.", NULL}, KNOWN, {0}};
static const struct http_answer_doc tracker_answers[] = {
    {200, "text/javascript", "The script.", NULL}, KNOWN, {0}};
static const struct http_param_doc asset_params[] = {
    {"file", "path", "{\"type\":\"string\"}", "Its name, with the hash of its content."}, {0}};

const struct http_route pages_routes[] = {
    {.method = "GET",
     .pattern = "/",
     .scope = SCOPE_OPEN,
     .handler = dashboard_get,
     .operation = "getDashboard",
     .summary = "The dashboard: a site's numbers, as a page",
     .answers = page_answers},
    {.method = "GET",
     .pattern = "/system",
     .scope = SCOPE_OPEN,
     .handler = system_get,
     .operation = "getSystemPage",
     .summary = "The system page: log, views, replays, sites and tokens",
     .answers = page_answers},
    {.method = "GET",
     .pattern = "/sign-in",
     .scope = SCOPE_OPEN,
     .handler = sign_in_get,
     .operation = "getSignInPage",
     .summary = "The page to sign in at",
     .answers = page_answers},
    {.method = "GET",
     .pattern = "/assets/{file}",
     .scope = SCOPE_OPEN,
     .handler = asset_get,
     .operation = "getAsset",
     .summary = "A script, a style, the icon or the licences of the pages",
     .params = asset_params,
     .answers = asset_answers},
    {.method = "GET",
     .pattern = "/favicon.ico",
     .scope = SCOPE_OPEN,
     .handler = icon_get,
     .operation = "getIcon",
     .summary = "The icon of the pages",
     .answers = icon_answers},
    {0},
};

const struct http_route tracker_routes[] = {
    {.method = "GET",
     .pattern = "/track.js",
     .scope = SCOPE_OPEN,
     .handler = tracker_get,
     .cors = true,
     .operation = "getTracker",
     .summary = "The tracker: the script that sites load to be counted",
     .answers = tracker_answers},
    {0},
};
