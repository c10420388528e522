/* SPDX-License-Identifier: Apache-2.0 */
/* What the service answers while Redis or PostgreSQL is away, and that it comes back by itself. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/servers.h"

enum { DEADLINE_MS = 60000 };

struct kept_server {
    char *folder;
    bool is_postgres;
    struct servers *servers;
};

static void start(struct kept_server *k)
{
    struct err e = {0};
    struct servers_options o = {.data_dir = k->folder,
                                .user = support_user(),
                                .postgres = k->is_postgres,
                                .redis = !k->is_postgres};
    support_ok(servers_start(&k->servers, &o, &e), &e);
}

static void stop(struct kept_server *k)
{
    servers_stop(k->servers);
    k->servers = NULL;
}

struct answer_wanted {
    const struct support_footfall *footfall;
    const char *path, *text; /* text: NULL, or what the body must hold */
    int status;
};

static bool answers(void *arg)
{
    const struct answer_wanted *w = arg;
    char *url = mem_format("%s%s", w->footfall->url, w->path);
    struct support_http request = {.url = url, .token = w->footfall->admin_token};
    struct support_answer a = support_http(&request);
    bool good =
        a.status == w->status &&
        (w->text == NULL || (a.body.p != NULL && strstr((char *)a.body.p, w->text) != NULL));
    support_answer_clear(&a);
    free(url);
    return good;
}

static void expect(const struct support_footfall *f, const char *path, int status, const char *text)
{
    struct answer_wanted w = {f, path, text, status};
    char *what = mem_format("%d %s from %s", status, text == NULL ? "" : text, path);
    wait_until(DEADLINE_MS, what, answers, &w);
    free(what);
}

static const char rows[] = "/v1/views/pageviews/rows?site=a.example";

static void without_redis(const struct support_footfall *f, struct kept_server *redis)
{
    stop(redis);
    expect(f, "/readyz", 503, "redis");
    expect(f, "/healthz", 200, NULL);
    expect(f, rows, 503, "redis");
    expect(f, "/v1/views", 503, "redis");
    expect(f, "/metrics", 200, "footfall_redis_up 0");
    expect(f, "/v1/log", 200, NULL); /* needs none */
    expect(f, "/v1/admin/status", 200, "\"level\":\"warning\"");
    expect(f, "/v1/admin/status", 200, "\"state\":\"unknown\"");
    start(redis);
    expect(f, "/readyz", 200, NULL);
    expect(f, rows, 200, NULL);
}

static void without_postgres(const struct support_footfall *f, struct kept_server *postgres)
{
    stop(postgres);
    expect(f, "/readyz", 503, "log");
    expect(f, "/healthz", 200, NULL);
    expect(f, rows, 200, NULL); /* reads of views never touch PostgreSQL */
    expect(f, "/v1/views", 200, NULL);
    expect(f, "/v1/log", 503, NULL);
    expect(f, "/v1/admin/sites", 503, NULL);
    expect(f, "/metrics", 200, "footfall_postgres_up 0");
    start(postgres);
    expect(f, "/readyz", 200, NULL);
    expect(f, "/v1/log", 200, NULL);
}

static void readiness_follows_redis_and_postgres(void **state)
{
    (void)state;
    struct kept_server postgres = {support_folder(), true, NULL},
                       redis = {support_folder(), false, NULL};
    struct support_footfall f = {0};
    start(&postgres);
    start(&redis);
    char *postgres_uri = mem_copy_text(servers_postgres_uri(postgres.servers));
    char *redis_uri = mem_copy_text(servers_redis_uri(redis.servers));
    support_footfall_start(
        &f, NULL, (const char *const[]){"--postgres", postgres_uri, "--redis", redis_uri, NULL});
    expect(&f, "/readyz", 200, "ready");
    without_redis(&f, &redis);
    without_postgres(&f, &postgres);
    assert_int_equal(support_footfall_stop(&f), 0);
    support_footfall_clear(&f);
    stop(&postgres);
    stop(&redis);
    free(postgres_uri);
    free(redis_uri);
    free(postgres.folder);
    free(redis.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(readiness_follows_redis_and_postgres)};
    return support_run("health over HTTP", tests, sizeof(tests) / sizeof(tests[0]));
}
