/* SPDX-License-Identifier: Apache-2.0 */
/* GET /: the plain page of web/index.html, built in. Its one script and one style are allowed by
 * their hashes, nothing else is. */
#include "api/home.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "api/api_internal.h"
#include "base/embed.h"

EMBED(web_index);

/* What stands between two marks of the page; absent when they are not there. */
static struct span between(struct span page, const char *from, const char *to)
{
    const char *start = memmem(page.p, page.n, from, strlen(from));
    if (start == NULL)
        return SPAN_ABSENT;
    start += strlen(from);
    const char *end = memmem(start, page.n - (size_t)(start - page.p), to, strlen(to));
    return end == NULL ? SPAN_ABSENT : (struct span){start, (size_t)(end - start)};
}

static void put_hash(struct buf *out, const char *directive, struct span text)
{
    unsigned char hash[EVP_MAX_MD_SIZE], encoded[64];
    EVP_Digest(text.p, text.n, hash, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock(encoded, hash, 32);
    buf_printf(out, "; %s 'sha256-%s'", directive, (const char *)encoded);
}

void home_put_policy(struct buf *out)
{
    struct span page = EMBED_SPAN(web_index);
    buf_put_text(out,
                 "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                 "frame-ancestors 'none'");
    put_hash(out, "script-src", between(page, "<script>", "</script>"));
    put_hash(out, "style-src", between(page, "<style>", "</style>"));
}

static void home_get(struct http_request *r, void *context)
{
    const struct api *a = context;
    http_send(r,
              &(struct http_answer){.status = 200,
                                    .content_type = "text/html; charset=utf-8",
                                    .body = EMBED_SPAN(web_index),
                                    .owner = BODY_STATIC,
                                    .headers = {{"content-security-policy", a->home_policy},
                                                {"x-content-type-options", SPAN_LITERAL("nosniff")},
                                                {"referrer-policy", SPAN_LITERAL("no-referrer")},
                                                {"cache-control", SPAN_LITERAL("no-cache")}}});
}

static const struct http_answer_doc answers[] = {
    {200, "text/html", "A page that shows the counts of each site.", NULL}, {0}};

const struct http_route home_routes[] = {
    {.method = "GET",
     .pattern = "/",
     .scope = SCOPE_OPEN,
     .handler = home_get,
     .operation = "getHome",
     .summary = "A plain page with the counts",
     .answers = answers},
    {0},
};
