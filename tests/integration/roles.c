/* SPDX-License-Identifier: Apache-2.0 */
/* One process takes events, one builds the views, one answers: --roles. */
#include "tests/support/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/service.h"
#include "tests/support/wire.h"

enum { DEADLINE_MS = 120000, FOR_EVER_MS = 3600 * 1000 };

struct trio {
    char *postgres;
    const char *redis;
    struct service ingest, views, api;
};

static void start(struct trio *t, struct service *s, const char *role, const char *data_dir)
{
    const char *words[] = {"--roles",
                           role,
                           "--postgres",
                           t->postgres,
                           "--redis",
                           t->redis,
                           "--http.loops",
                           "1",
                           "--api.ready_max_lag_s",
                           "1",
                           NULL};
    *s = (struct service){.postgres = t->postgres, .redis = (char *)(uintptr_t)t->redis};
    support_footfall_start(&s->footfall, data_dir, words);
}

static void start_trio(struct trio *t)
{
    *t = (struct trio){.postgres = support_postgres(), .redis = support_redis()};
    start(t, &t->ingest, "ingest", NULL);
    start(t, &t->views, "views", NULL);
    start(t, &t->api, "api", NULL);
}

static void end_trio(struct trio *t)
{
    support_footfall_clear(&t->ingest.footfall);
    support_footfall_clear(&t->views.footfall);
    support_footfall_clear(&t->api.footfall);
    free(t->postgres);
}

static int status_of(struct service *s, const char *path)
{
    struct support_answer a = service_get(s, path, NULL);
    int status = a.status;
    support_answer_clear(&a);
    return status;
}

static bool is_ready(void *arg)
{
    return status_of(arg, "/readyz") == 200;
}

static bool is_not_ready(void *arg)
{
    return status_of(arg, "/readyz") == 503;
}

static void wait_ready(struct service *s)
{
    wait_until(DEADLINE_MS, "a process to be ready", is_ready, s);
}

static struct support_answer post(struct service *s, const char *path, const char *type,
                                  const char *body)
{
    char *url = mem_format("%s%s", s->footfall.url, path);
    char *header = mem_format("content-type: %s", type);
    struct support_answer a = support_http(&(struct support_http){
        .url = url, .token = s->footfall.admin_token, .headers = {header}, .body = span_of(body)});
    free(header);
    free(url);
    return a;
}

static void one_event(struct service *s, int status)
{
    struct support_answer a =
        post(s, "/v1/events", "application/json", "{\"pageUrl\":\"https://a.example/x\"}");
    if (a.status != status)
        fail_msg("%d %s", a.status, a.body.n > 0 ? (char *)a.body.p : "");
    support_answer_clear(&a);
}

static void rows_count(struct service *s, const char *total)
{
    struct support_answer a =
        service_get(s, "/v1/views/pageviews/rows?site=a.example&step=all&by=", NULL);
    char *wanted = mem_format("\"totals\":{\"pageviews\":%s", total);
    if (a.status != 200 || strstr((char *)a.body.p, wanted) == NULL)
        fail_msg("no %s in: %d %s", wanted, a.status, a.body.n > 0 ? (char *)a.body.p : "");
    free(wanted);
    support_answer_clear(&a);
}

static int listen_to_site(const struct service *s)
{
    struct wire_answer head;
    int fd = wire_connect(s->footfall.url);
    char *request = mem_format("GET /v1/live?site=a.example HTTP/1.0\r\nAuthorization: Bearer "
                               "%s\r\n\r\n",
                               s->footfall.admin_token);
    wire_put(fd, request);
    assert_int_equal(wire_read_head(fd, &head), 200);
    free(request);
    return fd;
}

/* Until the stream has that in it. */
static void wait_for_text(int fd, const char *wanted)
{
    struct buf text = {.max = 1 << 20};
    char piece[4096];
    do {
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        assert_true(n > 0 && !text.failed);
        buf_put(&text, piece, (size_t)n);
    } while (memmem(text.p, text.n, wanted, strlen(wanted)) == NULL);
    buf_clear(&text);
    close(fd);
}

/* ------------------------------------------------------------------ tests */

static void what_one_process_takes_another_builds_and_a_third_answers(void **state)
{
    (void)state;
    struct trio t;
    start_trio(&t);
    int stream = listen_to_site(&t.api);
    one_event(&t.ingest, 202);
    one_event(&t.api, 404);
    wait_for_text(stream, "\"visitors\":1,");
    service_wait_caught_up(&t.api, DEADLINE_MS);
    rows_count(&t.api, "1");
    assert_int_equal(status_of(&t.ingest, "/v1/views"), 404);
    assert_int_equal(status_of(&t.ingest, "/track.js"), 200);
    assert_int_equal(status_of(&t.ingest, "/"), 404);
    assert_int_equal(status_of(&t.api, "/"), 200);
    assert_int_equal(status_of(&t.api, "/track.js"), 404);
    assert_int_equal(status_of(&t.views, "/v1/views"), 404);
    wait_ready(&t.ingest);
    wait_ready(&t.views);
    wait_ready(&t.api);
    end_trio(&t);
}

struct waiting {
    struct log_reader *reader;
    pthread_t thread;
    int result;
};

static void *wait_for_event(void *context)
{
    struct waiting *w = context;
    struct err e = {0};
    w->result = log_reader_wait(w->reader, 0, 0, FOR_EVER_MS, &e);
    return NULL;
}

/* It would wait for an hour without the NOTIFY. */
static void who_follows_the_log_in_another_process_is_woken(void **state)
{
    (void)state;
    struct trio t;
    struct err e = {0};
    struct waiting w = {0};
    start_trio(&t);
    support_ok(log_reader_open(&w.reader, t.postgres, &e), &e);
    assert_int_equal(pthread_create(&w.thread, NULL, wait_for_event, &w), 0);
    one_event(&t.ingest, 202);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.result, 1);
    log_reader_close(w.reader);
    end_trio(&t);
}

static void each_role_is_ready_when_what_it_needs_is_there(void **state)
{
    (void)state;
    struct trio t;
    start_trio(&t);
    one_event(&t.ingest, 202);
    service_wait_caught_up(&t.api, DEADLINE_MS);
    char *views_dir = mem_copy_text(t.views.footfall.data_dir);
    support_footfall_kill9(&t.views.footfall);
    support_footfall_clear(&t.views.footfall);
    one_event(&t.ingest, 202);
    wait_until(DEADLINE_MS, "the api to say that views lag", is_not_ready, &t.api);
    assert_true(is_ready(&t.ingest));
    start(&t, &t.views, "views", views_dir);
    wait_ready(&t.api);
    rows_count(&t.api, "2");
    support_footfall_kill9(&t.ingest.footfall);
    assert_true(is_ready(&t.api));
    wait_ready(&t.views);
    free(views_dir);
    end_trio(&t);
}

static void jobs_that_one_process_takes_are_done_by_the_one_that_builds(void **state)
{
    (void)state;
    struct trio t;
    struct buf out = {0}, err_out = {0};
    start_trio(&t);
    for (int i = 0; i < 3; i++)
        one_event(&t.ingest, 202);
    service_wait_caught_up(&t.api, DEADLINE_MS);
    const char *replay[] = {"replay", "--data-dir", t.api.footfall.data_dir, NULL};
    const char *verify[] = {"verify", "--data-dir", t.api.footfall.data_dir, NULL};
    assert_int_equal(support_footfall_run(&out, &err_out, replay), 0);
    assert_non_null(strstr((char *)out.p, "same"));
    assert_int_equal(support_footfall_run(&out, &err_out, verify), 0);
    rows_count(&t.api, "3");
    buf_clear(&out);
    buf_clear(&err_out);
    end_trio(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_process_takes_another_builds_and_a_third_answers,
                                        support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(who_follows_the_log_in_another_process_is_woken,
                                        support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(each_role_is_ready_when_what_it_needs_is_there,
                                        support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(jobs_that_one_process_takes_are_done_by_the_one_that_builds,
                                        support_setup, support_teardown),
    };
    return support_run("roles", tests, sizeof(tests) / sizeof(tests[0]));
}
