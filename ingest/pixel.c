/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/pixel.gif: a page view for where no script runs. What was not taken is an error status
 * with the picture all the same, so that no page shows a broken image. */
#include <openssl/sha.h>

#include "ingest/ingest_internal.h"

/* A transparent GIF of 1×1. */
static const unsigned char gif[] = {'G', 'I', 'F',  '8',  '9',  'a', 1,    0, 1,   0,    0x80,
                                    0,   0,   0xff, 0xff, 0xff, 0,   0,    0, '!', 0xf9, 4,
                                    1,   0,   0,    0,    0,    ',', 0,    0, 0,   0,    1,
                                    0,   1,   0,    0,    2,    2,   0x44, 1, 0,   ';'};

const struct http_param_doc pixel_params[] = {
    {"u", "query", "{\"type\": \"string\"}", "URL of the page (default: the header Referer)"},
    {"r", "query", "{\"type\": \"string\"}", "the page's referrer"},
    {"s", "query", "{\"type\": \"string\"}", "the site (default: the host of the page)"},
    {"k", "query", "{\"type\": \"string\"}", "idempotency key: a repeat within 24 h adds nothing"},
    {0},
};

const struct http_answer_doc pixel_answers[] = {
    {200, "image/gif", "the page view is durable", NULL},
    {400, "image/gif", "not taken, the header footfall-rejected says why", NULL},
    {403, "image/gif", "the site is not known", NULL},
    {503, "image/gif", "not taken now", NULL},
    {0},
};

void pixel_send(struct http_request *r, int status, const char *rejected)
{
    struct http_answer a = {
        .status = status,
        .content_type = "image/gif",
        .body = {(const char *)gif, sizeof(gif)},
        .owner = BODY_STATIC,
        .headers = {{"cache-control", SPAN_LITERAL("no-store")},
                    {"cross-origin-resource-policy", SPAN_LITERAL("cross-origin")}},
    };
    if (rejected != NULL)
        a.headers[2] = (struct http_header_line){"footfall-rejected", span_of(rejected)};
    http_send(r, &a);
}

/* The parameters; false: answered. */
static bool take_params(struct http_request *r, struct intake_page *page, struct span *key)
{
    struct err e = {0};
    page->url = http_param(r, "u", 0, &e);
    page->referrer = http_param(r, "r", 0, &e);
    page->site = http_param(r, "s", 0, &e);
    *key = http_param(r, "k", 0, &e);
    if (e.kind != ERR_NONE) {
        pixel_send(r, 400, e.text);
        return false;
    }
    if (span_absent(page->url))
        page->url = http_header(r, "referer");
    if (span_absent(*key) || ingest_key_fits(*key))
        return true;
    pixel_send(r, 400, "k is 1 to 255 visible ASCII characters");
    return false;
}

void pixel_handle(struct http_request *r, void *context)
{
    struct ingest *g = context;
    struct ingest_loop *l = ingest_loop_of(g, r);
    struct sender sender;
    struct intake_page page;
    struct span key;
    if (span_is(http_method(r), "HEAD")) { /* looks, and leaves no trace */
        pixel_send(r, 200, NULL);
        return;
    }
    if (!ingest_sender(r, &sender) || !take_params(r, &page, &key))
        return;
    struct submission s = {.append = collect_room(l->collect, 1), .pixel = true, .received = 1};
    if (s.append == NULL) {
        pixel_send(r, 503, "busy");
        return;
    }
    s.request = (struct append_request){.first = s.append->batch->count, .key = key};
    if (!span_absent(key)) {
        struct span query = http_query(r);
        SHA256((const unsigned char *)query.p, query.n, s.request.body_hash);
    }
    intake_page_view(l->intake, &sender, &page, s.append->batch, &s.tally);
    ingest_submit(r, &s);
}
