/* SPDX-License-Identifier: Apache-2.0 */
/* A small blocking HTTP client for the command line and the tests (never on a loop). One client
 * keeps its connection; one thread at a time. */
#ifndef BASE_HTTP_CLIENT_H
#define BASE_HTTP_CLIENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct http_client;

/* base_url: "http://127.0.0.1:8080", "https://stats.example"; a slash at its end is dropped.
 * token: sent as Authorization: Bearer; NULL: none. Both are copied. */
struct http_client *http_client_new(const char *base_url, const char *token);
void http_client_free(struct http_client *c);

struct http_call {
    const char *method;         /* NULL: GET */
    const char *path;           /* with its query, percent-encoded: "/v1/views?site=a" */
    const char *content_type;   /* of the body; NULL: none is sent */
    struct span body;           /* absent: no body */
    const char *const *headers; /* more: "Name: value", ended by NULL; or NULL */
    int64_t timeout_ms;         /* for the whole call; 0: 60 s; -1: none (to follow a stream) */
    size_t max_bytes;           /* of http_reply.body; 0: HTTP_REPLY_MAX_BYTES */
    /* Gets a 2xx body in pieces instead of http_reply.body; not 0 ends the call (as a success). */
    int (*on_bytes)(struct span piece, void *context);
    void *context;
};

enum { HTTP_REPLY_MAX_BYTES = 64 << 20 };

/* Zero it first; use it again for the next call; http_reply_clear at last. */
struct http_reply {
    int status;
    struct buf headers; /* as they came, a line each */
    struct buf body;
};

/* Any status is a success here. Fails with ERR_DOWN when there is no answer (refused, timed out,
 * cut), ERR_INPUT for a bad URL, ERR_DATA for an answer that is too large. */
int http_client_call(struct http_client *c, const struct http_call *call, struct http_reply *reply,
                     struct err *e) MUST_CHECK;

/* The first header of that name in the last answer, or absent. */
struct span http_reply_header(const struct http_reply *r, const char *name);

/* Turns an answer that is not 2xx into an error with the problem's detail: 4xx ERR_INPUT, 429 and
 * 503 ERR_BUSY, other 5xx ERR_DOWN. 0 if the answer is 2xx. */
int http_reply_check(const struct http_reply *r, struct err *e) MUST_CHECK;

void http_reply_clear(struct http_reply *r);

/* Percent-encodes text as one path segment or query value. */
void http_put_encoded(struct buf *out, struct span text);

#endif
