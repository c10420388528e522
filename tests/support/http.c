/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests for tests, on libcurl. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "tests/support/support.h"

static size_t on_bytes(char *bytes, size_t size, size_t n, void *to)
{
    buf_put(to, bytes, size * n);
    return size * n;
}

static struct curl_slist *headers_of(const struct support_http *h)
{
    struct curl_slist *list = curl_slist_append(NULL, "expect:");
    bool typed = false;
    for (int i = 0; i < 8 && h->headers[i] != NULL; i++) {
        list = curl_slist_append(list, h->headers[i]);
        typed = typed || strncasecmp(h->headers[i], "content-type", 12) == 0;
    }
    if (!typed)
        list = curl_slist_append(list, "content-type:"); /* not curl's own */
    if (h->token != NULL) {
        char *line = mem_format("authorization: Bearer %s", h->token);
        list = curl_slist_append(list, line);
        free(line);
    }
    return list;
}

static void set_request(CURL *c, const struct support_http *h)
{
    const char *method = h->method == NULL ? (span_absent(h->body) ? "GET" : "POST") : h->method;
    curl_easy_setopt(c, CURLOPT_URL, h->url);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, h->timeout_ms == 0 ? 30000L : h->timeout_ms);
    if (!span_absent(h->body)) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->body.n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, h->body.p);
    }
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
}

struct support_answer support_http(const struct support_http *h)
{
    struct support_answer a = {0};
    CURL *c = curl_easy_init();
    struct curl_slist *headers = headers_of(h);
    set_request(c, h);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &a.body);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &a.headers);
    long status = 0;
    if (curl_easy_perform(c) == CURLE_OK)
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    a.status = (int)status;
    buf_put_byte(&a.body, '\0');
    a.body.n--;
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return a;
}

struct span support_header(const struct support_answer *a, const char *name)
{
    struct span rest = buf_span(&a->headers);
    size_t n = strlen(name);
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t line = end == NULL ? rest.n : (size_t)(end - rest.p) + 1;
        if (line > n && strncasecmp(rest.p, name, n) == 0 && rest.p[n] == ':') {
            struct span value = {rest.p + n + 1, line - n - 1};
            while (value.n > 0 && strchr("\r\n ", value.p[value.n - 1]) != NULL)
                value.n--;
            while (value.n > 0 && value.p[0] == ' ')
                value.p++, value.n--;
            return value;
        }
        rest.p += line;
        rest.n -= line;
    }
    return SPAN_ABSENT;
}

void support_answer_clear(struct support_answer *a)
{
    buf_clear(&a->headers);
    buf_clear(&a->body);
}
