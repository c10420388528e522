/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum { DEADLINE_MS = 60000, FILE_BYTES = 65536 };

/* A text member of DIR/service.json. */
static char *service_json_text(const struct service *s, const char *name)
{
    struct err e = {0};
    struct buf text = {0};
    char *path = mem_format("%s/service.json", s->footfall.data_dir);
    support_ok(file_read(&text, path, FILE_BYTES, &e), &e);
    struct json *j = json_new(FILE_BYTES, 4);
    struct json_value root, value;
    support_ok(json_parse(j, buf_span(&text), &root, &e), &e);
    assert_int_equal(json_get(j, &root, name, &value, &e), 1);
    char *found = mem_copy_span(value.text);
    json_free(j);
    buf_clear(&text);
    free(path);
    return found;
}

void service_find_servers(struct service *s)
{
    free(s->postgres);
    free(s->redis);
    s->postgres = service_json_text(s, "postgres");
    s->redis = service_json_text(s, "redis");
}

void service_start(struct service *s)
{
    *s = (struct service){0};
    support_footfall_start(&s->footfall, NULL, NULL);
    service_find_servers(s);
}

void service_stop(struct service *s)
{
    assert_int_equal(support_footfall_stop(&s->footfall), 0);
    support_footfall_clear(&s->footfall);
    free(s->postgres);
    free(s->redis);
}

void service_kill9(struct service *s)
{
    support_footfall_kill9(&s->footfall);
}

void service_restart(struct service *s)
{
    char *data_dir = mem_copy_text(s->footfall.data_dir);
    support_footfall_clear(&s->footfall);
    support_footfall_start(&s->footfall, data_dir, NULL);
    free(data_dir);
    service_find_servers(s);
}

static pid_t postgres_pid(const struct service *s)
{
    struct err e = {0};
    struct buf text = {0};
    char *path = mem_format("%s/postgres/postmaster.pid", s->footfall.data_dir);
    support_ok(file_read(&text, path, FILE_BYTES, &e), &e);
    buf_put_byte(&text, 0);
    pid_t pid = (pid_t)strtol((char *)text.p, NULL, 10);
    assert_true(pid > 1);
    buf_clear(&text);
    free(path);
    return pid;
}

static pid_t redis_pid(const struct service *s)
{
    char *info = support_redis_command(s->redis, "INFO", "server", NULL);
    const char *line = strstr(info, "process_id:");
    assert_non_null(line);
    pid_t pid = (pid_t)strtol(line + strlen("process_id:"), NULL, 10);
    assert_true(pid > 1);
    free(info);
    return pid;
}

void service_kill_postgres(struct service *s)
{
    assert_int_equal(kill(postgres_pid(s), SIGKILL), 0);
}

void service_kill_redis(struct service *s)
{
    assert_int_equal(kill(redis_pid(s), SIGKILL), 0);
}

/* Redis' files, with the shell's cp: the copy must keep owner and mode. */
static void copy_redis_files(const struct service *s, const char *from, const char *to)
{
    char *command = mem_format("rm -rf '%s/%s' && cp -a '%s/%s' '%s/%s'", s->footfall.data_dir, to,
                               s->footfall.data_dir, from, s->footfall.data_dir, to);
    assert_int_equal(system(command), 0);
    free(command);
}

/* WAITAOF is newer than Redis 7.0: appendfsync always, one write, is a flush that can be seen done.
 */
void service_save_redis(struct service *s)
{
    free(support_redis_command(s->redis, "CONFIG", "SET", "appendfsync", "always", NULL));
    copy_redis_files(s, "redis/appendonlydir", "saved-appendonlydir");
}

void service_restore_redis(struct service *s)
{
    /* The files are changed while the service is down, so that its restart of Redis meets them
     * whole. */
    assert_int_equal(support_footfall_stop(&s->footfall), 0);
    copy_redis_files(s, "saved-appendonlydir", "redis/appendonlydir");
    service_restart(s);
}

struct support_answer service_get(struct service *s, const char *path, const char *header)
{
    char *url = mem_format("%s%s", s->footfall.url, path);
    struct support_http request = {
        .url = url, .token = s->footfall.admin_token, .headers = {header}};
    struct support_answer a = support_http(&request);
    free(url);
    return a;
}

struct posting {
    struct service *service;
    struct span body;
};

static bool is_acknowledged(void *arg)
{
    struct posting *p = arg;
    char *url = mem_format("%s/v1/events", p->service->footfall.url);
    struct support_http request = {.url = url,
                                   .token = p->service->footfall.admin_token,
                                   .headers = {"content-type: application/x-ndjson"},
                                   .body = p->body};
    struct support_answer a = support_http(&request);
    int status = a.status;
    if (status != 202 && status != 503 && status != 0)
        print_message("POST /v1/events: %d %s\n", status, a.body.p == NULL ? "" : (char *)a.body.p);
    assert_true(status == 202 || status == 503 || status == 0);
    support_answer_clear(&a);
    free(url);
    return status == 202;
}

void service_post_all(struct service *s, struct traffic *t, unsigned n)
{
    struct buf body = {0};
    while (n > 0) {
        unsigned part = n < 500 ? n : 500;
        buf_reset(&body);
        traffic_put(t, &body, part);
        struct posting p = {s, buf_span(&body)};
        wait_until(DEADLINE_MS, "events to be acknowledged", is_acknowledged, &p);
        n -= part;
    }
    buf_clear(&body);
}

/* The log's head as PostgreSQL has it; -1 while it does not answer. */
static int64_t log_head(struct service *s, struct json *j)
{
    struct support_answer a = service_get(s, "/v1/admin/status", NULL);
    struct json_value root, log, head;
    struct err e = {0};
    bool known = a.status == 200 && json_parse(j, buf_span(&a.body), &root, &e) == 0 &&
                 json_get(j, &root, "log", &log, &e) == 1 &&
                 json_get(j, &log, "head", &head, &e) == 1;
    support_answer_clear(&a);
    return known ? head.integer : -1;
}

static bool offsets_are(struct json *j, struct span text, int64_t head)
{
    struct json_value root, views, offset;
    struct err e = {0};
    struct json_member m;
    if (json_parse(j, text, &root, &e) != 0 || json_get(j, &root, "views", &views, &e) != 1 ||
        json_count(j, &views) == 0)
        return false;
    for (struct json_walk w = json_enter(j, &views); json_next(&w, &m);)
        if (json_get(j, &m.value, "offset", &offset, &e) != 1 || offset.integer != head)
            return false;
    return true;
}

static bool has_caught_up(void *arg)
{
    struct service *s = arg;
    struct json *j = json_new(4 << 20, 16);
    int64_t head = log_head(s, j);
    struct support_answer a = service_get(s, "/v1/views", NULL);
    bool all = head >= 0 && a.status == 200 && offsets_are(j, buf_span(&a.body), head);
    json_free(j);
    support_answer_clear(&a);
    return all;
}

void service_wait_caught_up(struct service *s, int deadline_ms)
{
    wait_until(deadline_ms, "the views to catch up with the log", has_caught_up, s);
}

/* Runs a command on the service; it must end with 0. */
static void run_command(struct service *s, const char *command, struct buf *out)
{
    struct buf err_out = {0};
    const char *words[] = {command, "--data-dir", s->footfall.data_dir, NULL};
    int status = support_footfall_run(out, &err_out, words);
    if (status != 0)
        print_message("%s\n%s%s", command, (char *)out->p, (char *)err_out.p);
    assert_int_equal(status, 0);
    buf_clear(&err_out);
}

void service_verify_agrees(struct service *s)
{
    struct buf out = {0};
    run_command(s, "verify", &out);
    assert_non_null(strstr((char *)out.p, "agrees"));
    buf_clear(&out);
}

void service_replay_changes_nothing(struct service *s)
{
    struct buf out = {0};
    run_command(s, "replay", &out);
    if (strstr((char *)out.p, "changed") != NULL)
        print_message("%s", (char *)out.p);
    assert_null(strstr((char *)out.p, "changed"));
    assert_non_null(strstr((char *)out.p, "same"));
    buf_clear(&out);
}
