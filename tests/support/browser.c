/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/browser.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

enum { DEADLINE_MS = 60000 };

static struct browser the_browser;

struct browser *browser(void)
{
    return &the_browser;
}

/* ------------------------------------------------------------------ asking */

/* One request; headers ended by NULL, four at most. */
struct support_answer browser_ask(const struct support_footfall *f, const char *method,
                                  const char *path, const char *const *headers, const char *body)
{
    char *url = mem_format("%s%s", f->url, path);
    char *client = mem_format("x-forwarded-for: 192.0.2.%u", browser()->n_clients++ % 250);
    struct support_http q = {
        .method = method, .url = url, .headers = {client}, .body = span_of(body)};
    for (int i = 0; headers != NULL && headers[i] != NULL; i++)
        q.headers[i + 1] = headers[i];
    struct support_answer a = support_http(&q);
    free(client);
    free(url);
    return a;
}

int browser_status(const struct support_footfall *f, const char *method, const char *path,
                   const char *const *headers, const char *body)
{
    struct support_answer a = browser_ask(f, method, path, headers, body);
    int status = a.status;
    support_answer_clear(&a);
    return status;
}

int browser_get(const char *path, const char *cookie)
{
    return browser_status(&browser()->footfall, "GET", path, HEADERS(cookie), NULL);
}

void browser_expect(const struct support_answer *a, int status, const char *text)
{
    if (a->status != status || (text != NULL && strstr((char *)a->body.p, text) == NULL))
        fail_msg("%d, not %d with %s: %s", a->status, status, text == NULL ? "" : text,
                 (char *)a->body.p);
}

void browser_expect_problem(struct support_answer a, int status, const char *slug)
{
    char *type = mem_format("https://footfall.dev/problems/%s\"", slug);
    browser_expect(&a, status, type);
    free(type);
    support_answer_clear(&a);
}

/* "cookie: footfall_session=SECRET", as a browser sends back what it was given. Free it. */
char *browser_cookie(const struct support_answer *a)
{
    struct span set = support_header(a, "set-cookie");
    assert_true(set.n > sizeof BROWSER_COOKIE &&
                memcmp(set.p, BROWSER_COOKIE "=", sizeof BROWSER_COOKIE) == 0);
    const char *end = memchr(set.p, ';', set.n);
    assert_non_null(end);
    return mem_format("cookie: %.*s", (int)(end - set.p), set.p);
}

struct support_answer browser_try(const struct support_footfall *f, const char *member,
                                  const char *secret)
{
    char *body = mem_format("{\"%s\": \"%s\"}", member, secret);
    struct support_answer a = browser_ask(f, "POST", "/v1/session", HEADERS(BROWSER_JSON), body);
    free(body);
    return a;
}

char *browser_sign_in(const struct support_footfall *f, const char *token)
{
    struct support_answer a = browser_try(f, "token", token);
    browser_expect(&a, 200, "\"signed_in\":true");
    char *cookie = browser_cookie(&a);
    support_answer_clear(&a);
    return cookie;
}

char *browser_sign_in_admin(void)
{
    return browser_sign_in(&browser()->footfall, browser()->footfall.admin_token);
}

/* A token of that scope; its id to *id (may be NULL). */
char *browser_make_token(const char *options, int64_t *id)
{
    char *auth = mem_format("authorization: Bearer %s", browser()->footfall.admin_token);
    struct support_answer a = browser_ask(&browser()->footfall, "POST", "/v1/admin/tokens",
                                          HEADERS(auth, BROWSER_JSON), options);
    browser_expect(&a, 201, "\"token\":\"");
    const char *secret = strstr((char *)a.body.p, "\"token\":\"") + 9;
    if (id != NULL)
        *id = strtoll(strstr((char *)a.body.p, "\"id\":") + 5, NULL, 10);
    char *token = mem_copy_span((struct span){secret, strcspn(secret, "\"")});
    free(auth);
    support_answer_clear(&a);
    return token;
}

/* ------------------------------------------------------------------ the world */

/* What follows its ready line on stdout, up to that mark; to the end of the line. */
char *browser_read_code(const struct support_footfall *f)
{
    char line[512];
    size_t n = 0;
    struct pollfd p = {.fd = f->out_fd, .events = POLLIN};
    while (n + 1 < sizeof line && poll(&p, 1, DEADLINE_MS) == 1 &&
           read(f->out_fd, line + n, 1) == 1)
        if (line[n++] == '\n')
            break;
    assert_true(n > 0 && line[n - 1] == '\n');
    line[n - 1] = '\0';
    char *start = mem_format("footfall sign-in %s/sign-in#code=", f->url);
    if (strncmp(line, start, strlen(start)) != 0)
        fail_msg("%s", line);
    char *code = mem_copy_text(line + strlen(start));
    free(start);
    return code;
}

void browser_start(struct support_footfall *f, const char *data_dir, const char *roles)
{
    support_footfall_start(f, data_dir,
                           HEADERS("--postgres", browser()->postgres, "--redis", browser()->redis,
                                   "--roles", roles, "--ingest.trusted_proxies", "127.0.0.1",
                                   "--api.hosts", "stats.example.com"));
}

int browser_set_up(void **state)
{
    (void)state;
    browser()->postgres = support_postgres();
    browser()->redis = support_redis();
    browser_start(&browser()->footfall, NULL, "ingest,views,api");
    browser()->code = browser_read_code(&browser()->footfall);
    browser()->origin = mem_format("origin: %s", browser()->footfall.url);
    return 0;
}

int browser_tear_down(void **state)
{
    (void)state;
    assert_int_equal(support_footfall_stop(&browser()->footfall), 0);
    support_footfall_clear(&browser()->footfall);
    free(browser()->postgres);
    free(browser()->code);
    free(browser()->origin);
    return 0;
}
