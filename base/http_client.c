/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

enum { DEFAULT_TIMEOUT_MS = 60 * 1000, CONNECT_TIMEOUT_MS = 10 * 1000, MAX_HEADER_BYTES = 1 << 20 };

struct http_client {
    CURL *curl;
    char *base_url;
    char *authorization; /* "Authorization: Bearer ...", or NULL */
};

/* One call under way, for curl's callbacks. */
struct transfer {
    CURL *curl;
    const struct http_call *call;
    struct http_reply *reply;
    bool ended; /* on_bytes has had enough */
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(const char *base_url, const char *token)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct http_client *c = mem_alloc(sizeof(*c));
    c->base_url = mem_copy_text(base_url);
    size_t n = strlen(base_url);
    while (n > 0 && c->base_url[n - 1] == '/')
        c->base_url[--n] = '\0';
    if (token != NULL)
        c->authorization = mem_format("Authorization: Bearer %s", token);
    c->curl = curl_easy_init();
    if (c->curl == NULL)
        abort();
    return c;
}

void http_client_free(struct http_client *c)
{
    if (c == NULL)
        return;
    curl_easy_cleanup(c->curl);
    free(c->base_url);
    free(c->authorization);
    free(c);
}

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    struct transfer *t = context;
    if (n * size >= 5 && memcmp(line, "HTTP/", 5) == 0)
        buf_reset(&t->reply->headers); /* those before were of a 100 Continue */
    buf_put(&t->reply->headers, line, n * size);
    return t->reply->headers.failed ? 0 : n * size;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct transfer *t = context;
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->call->on_bytes != NULL && status / 100 == 2) {
        t->ended = t->call->on_bytes((struct span){bytes, n * size}, t->call->context) != 0;
        return t->ended ? 0 : n * size;
    }
    buf_put(&t->reply->body, bytes, n * size);
    return t->reply->body.failed ? 0 : n * size;
}

static struct curl_slist *headers_of(const struct http_client *c, const struct http_call *call)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (c->authorization != NULL)
        list = curl_slist_append(list, c->authorization);
    char *type = call->content_type == NULL ? mem_copy_text("Content-Type:")
                                            : mem_format("Content-Type: %s", call->content_type);
    list = curl_slist_append(list, type);
    free(type);
    for (const char *const *h = call->headers; h != NULL && *h != NULL; h++)
        list = curl_slist_append(list, *h);
    return list;
}

/* A proxy of the environment is for other machines. */
static bool is_local(const char *url)
{
    static const char *const hosts[] = {"http://127.", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < 3; i++)
        if (strncmp(url, hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

static void set_request(struct http_client *c, const struct http_call *call)
{
    const char *method = call->method == NULL ? "GET" : call->method;
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
    if (!span_absent(call->body)) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, call->body.p);
    }
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(struct http_client *c, const struct http_call *call)
{
    int64_t timeout_ms = call->timeout_ms == 0  ? DEFAULT_TIMEOUT_MS
                         : call->timeout_ms < 0 ? 0 /* none */
                                                : call->timeout_ms;
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (is_local(c->base_url))
        curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
}

static int explain(const struct http_client *c, const struct transfer *t, CURLcode code,
                   struct err *e)
{
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->ended))
        return 0;
    if (code == CURLE_WRITE_ERROR)
        return err_set(e, ERR_DATA, "the answer to %s is larger than %zu bytes", t->call->path,
                       t->reply->body.max);
    bool url = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
    return err_set(e, url ? ERR_INPUT : ERR_DOWN, "%s: %s", c->base_url, curl_easy_strerror(code));
}

/* A buffer may not hold more room than its maximum. */
static void prepare(struct buf *b, size_t max)
{
    if (b->cap > max)
        buf_clear(b);
    buf_reset(b);
    b->max = max;
}

int http_client_call(struct http_client *c, const struct http_call *call, struct http_reply *reply,
                     struct err *e)
{
    struct transfer t = {.curl = c->curl, .call = call, .reply = reply};
    prepare(&reply->headers, MAX_HEADER_BYTES);
    prepare(&reply->body, call->max_bytes == 0 ? HTTP_REPLY_MAX_BYTES : call->max_bytes);
    reply->status = 0;
    curl_easy_reset(c->curl); /* keeps the connection */
    char *url = mem_format("%s%s", c->base_url, call->path);
    struct curl_slist *headers = headers_of(c, call);
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &t);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &t);
    set_request(c, call);
    set_limits(c, call);
    CURLcode code = curl_easy_perform(c->curl);
    long status = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    curl_slist_free_all(headers);
    free(url);
    return explain(c, &t, code, e);
}

struct span http_reply_header(const struct http_reply *r, const char *name)
{
    struct span all = buf_span(&r->headers);
    size_t n = strlen(name);
    for (size_t at = 0; at < all.n;) {
        const char *line = all.p + at, *end = memchr(line, '\n', all.n - at);
        size_t length = end == NULL ? all.n - at : (size_t)(end - line);
        at += length + 1;
        if (length <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
            continue;
        struct span value = {line + n + 1, length - n - 1};
        while (value.n > 0 && value.p[0] == ' ')
            value = (struct span){value.p + 1, value.n - 1};
        while (value.n > 0 && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == ' '))
            value.n--;
        return value;
    }
    return SPAN_ABSENT;
}

/* "detail" of a problem, copied; NULL if the body is none. */
static char *detail_of(struct span body)
{
    struct json *json = json_new(1 << 20, 16);
    struct json_value root, detail;
    char *copy = NULL;
    if (json_parse(json, body, &root, NULL) == 0 && root.type == JSON_OBJECT &&
        json_get(json, &root, "detail", &detail, NULL) == 1 && detail.type == JSON_STRING)
        copy = mem_copy_span(detail.text);
    json_free(json);
    return copy;
}

int http_reply_check(const struct http_reply *r, struct err *e)
{
    if (r->status / 100 == 2)
        return 0;
    enum err_kind kind = r->status == 429 || r->status == 503 ? ERR_BUSY
                         : r->status / 100 == 4               ? ERR_INPUT
                                                              : ERR_DOWN;
    char *detail = detail_of(buf_span(&r->body));
    err_set(e, kind, "%s (status %d)", detail == NULL ? "the service refused" : detail, r->status);
    free(detail);
    return -1;
}

void http_reply_clear(struct http_reply *r)
{
    buf_clear(&r->headers);
    buf_clear(&r->body);
}

void http_put_encoded(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            buf_put_byte(out, c);
        else
            buf_printf(out, "%%%02X", c);
    }
}
