/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "cli/options.h"
#include "cli/service_file.h"

enum {
    TOKEN_BYTES = 4096,
    START_MS = 120 * 1000,
    STOP_MS = 60 * 1000,
    ALIVE_MS = 10 * 1000,
    OWNED_MS = 60 * 1000,
    REPEAT_MS = 60 * 1000,
    JSON_DEPTH = 64,
    MAX_FLAGS = 256
};

struct service {
    struct http_client *client;
    pid_t child;   /* started for this command; 0: none */
    int child_out; /* its stdout, kept open for it */
    char *log;     /* what the child says; removed when all went well */
};

/* ------------------------------------------------------------------ tokens */

/* The token in a file, without its line end. */
static int read_token(const char *path, char **token, struct err *e)
{
    struct buf text = {0};
    if (file_read(&text, path, TOKEN_BYTES, e) != 0) {
        buf_clear(&text);
        return err_context(e,
                           "the service's token (run this as the service's user, or give --token)");
    }
    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    *token = mem_copy_span(buf_span(&text));
    buf_clear(&text);
    return 0;
}

/* A relative name was relative to where the service was started: it lies in the data folder. */
static char *token_path(const char *data_dir, const char *token_file)
{
    const char *slash = strrchr(token_file, '/');
    return token_file[0] == '/'
               ? mem_copy_text(token_file)
               : mem_format("%s/%s", data_dir, slash == NULL ? token_file : slash + 1);
}

static int connect_to(struct service *s, const struct config *c, const struct service_file *f,
                      struct err *e)
{
    const char *token = config_text(c, "token");
    char *read = NULL;
    int failed = 0;
    if (token == NULL && f->token_file != NULL) {
        char *path = token_path(config_text(c, "data_dir"), f->token_file);
        failed = read_token(path, &read, e);
        free(path);
    }
    if (failed == 0)
        s->client = http_client_new(f->url, token == NULL ? read : token);
    free(read);
    return failed;
}

/* ------------------------------------------------------------------ finding */

static bool answers(struct service *s)
{
    struct http_reply reply = {0};
    struct http_call call = {.path = "/healthz", .timeout_ms = ALIVE_MS};
    bool alive = http_client_call(s->client, &call, &reply, NULL) == 0 && reply.status == 200;
    http_reply_clear(&reply);
    return alive;
}

/* 1 found, 0 none is running, -1 there is one that cannot be used. */
static int find_running(struct service *s, const struct config *c, struct err *e)
{
    struct service_file f;
    const char *data_dir = config_text(c, "data_dir");
    int found = service_file_read(data_dir, &f, e);
    if (found <= 0)
        return found;
    bool runs = f.pid > 0 && (kill((pid_t)f.pid, 0) == 0 || errno == EPERM);
    if (runs && connect_to(s, c, &f, e) != 0)
        found = -1;
    else if (!runs || !answers(s)) {
        /* Killed outright: the file is a leftover. The lock on the folder decides. */
        http_client_free(s->client);
        s->client = NULL;
        found = 0;
    }
    service_file_clear(&f);
    return found;
}

/* ------------------------------------------------------------------ starting */

struct flags {
    const struct config *config;
    const char *words[MAX_FLAGS];
    size_t n;
};

static void add_flag(struct flags *f, char *word)
{
    if (f->n + 1 < MAX_FLAGS)
        f->words[f->n++] = word;
}

/* What was chosen for this command is chosen for its service; but it listens where it likes. */
static void add_option(const struct option *o, void *context)
{
    struct flags *f = context;
    const char *value = config_text(f->config, o->name);
    bool differs = value != NULL && (o->fallback == NULL || strcmp(value, o->fallback) != 0);
    if (differs && strcmp(o->name, "listen") != 0 && strcmp(o->name, "metrics_listen") != 0)
        add_flag(f, mem_format("--%s=%s", o->name, value));
}

/* Reads until the line "footfall ready URL"; the URL, or NULL when the child ends or takes too
 * long. */
static char *wait_ready(int fd)
{
    static const char ready[] = "footfall ready ";
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * START_MS;
    char line[512];
    for (size_t n = 0;;) {
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0 || read(fd, line + n, 1) != 1)
            return NULL;
        if (line[n] != '\n') {
            n += n + 1 < sizeof(line);
            continue;
        }
        line[n] = '\0';
        n = 0;
        if (strncmp(line, ready, strlen(ready)) == 0)
            return mem_copy_text(line + strlen(ready));
    }
}

static int spawn_child(struct service *s, const struct config *c, int out_fd, struct err *e)
{
    struct flags f = {.config = c};
    add_flag(&f, mem_copy_text("/proc/self/exe"));
    add_flag(&f, mem_copy_text("serve"));
    config_each(options_of_service, add_option, &f);
    add_flag(&f, mem_copy_text("--listen=127.0.0.1:0"));
    struct process_options o = {
        .argv = f.words, .output = s->log, .stdout_fd = out_fd, .death_signal = SIGTERM};
    int failed = process_spawn(&s->child, &o, e);
    for (size_t i = 0; i < f.n; i++)
        free((char *)f.words[i]);
    return failed;
}

static int explain_child(struct service *s, struct err *e)
{
    struct buf tail = {0};
    file_tail(&tail, s->log, 0, 300);
    err_set(e, ERR_DOWN, "cannot start the service for this command: %.*s", (int)tail.n,
            tail.n == 0 ? "" : (char *)tail.p);
    buf_clear(&tail);
    return -1;
}

static int make_log(struct service *s, struct err *e)
{
    const char *folder = getenv("TMPDIR");
    s->log = mem_format("%s/footfall-XXXXXX", folder == NULL ? "/tmp" : folder);
    int fd = mkstemp(s->log);
    if (fd < 0)
        return err_set(e, ERR_DOWN, "cannot make %s: %s", s->log, strerror(errno));
    close(fd);
    return 0;
}

/* Its service.json is there before it is ready. */
static int start_own(struct service *s, const struct config *c, struct err *e)
{
    int ends[2];
    struct service_file f = {0};
    if (make_log(s, e) != 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(e, ERR_DOWN, "cannot make a pipe: %s", strerror(errno));
    int failed = spawn_child(s, c, ends[1], e);
    close(ends[1]);
    s->child_out = ends[0];
    char *url = failed == 0 ? wait_ready(ends[0]) : NULL;
    if (failed == 0 && url == NULL)
        failed = explain_child(s, e);
    free(url);
    if (failed == 0 && service_file_read(config_text(c, "data_dir"), &f, e) != 1)
        failed = err_set(e, ERR_DATA, "the service that was started left no service.json in %s",
                         config_text(c, "data_dir"));
    if (failed == 0)
        failed = connect_to(s, c, &f, e);
    service_file_clear(&f);
    return failed;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Whether some service has the data folder: also one that is only starting, or already stopping,
 * and has no service.json. *e says which. */
static bool is_owned(const char *data_dir, struct err *e)
{
    char *path = mem_format("%s/footfall.lock", data_dir);
    int fd = -1;
    bool owned = file_exists(path) && process_lock(path, &fd, e) != 0 && e->kind == ERR_BUSY;
    if (fd >= 0)
        close(fd);
    free(path);
    return owned;
}

/* The running service, or one of our own as soon as the folder is free. */
static int find_or_start(struct service *s, const struct config *c, struct err *e)
{
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * OWNED_MS;
    for (;;) {
        struct err owner = {0};
        int found = find_running(s, c, e);
        if (found != 0)
            return found < 0 ? -1 : 0;
        if (!is_owned(config_text(c, "data_dir"), &owner))
            return start_own(s, c, e);
        if (clock_monotonic_us() > deadline_us)
            return err_set(e, ERR_BUSY, "%s", owner.text);
        pause_ms(200);
    }
}

int service_open(struct service **out, const struct config *c, struct err *e)
{
    struct service *s = mem_alloc(sizeof(*s));
    int failed = 0;
    s->child_out = -1;
    signal(SIGPIPE, SIG_IGN); /* a reader or a service that goes away is an error, not our end */
    if (config_text(c, "url") != NULL)
        s->client = http_client_new(config_text(c, "url"), config_text(c, "token"));
    else
        failed = find_or_start(s, c, e);
    if (failed != 0) {
        service_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void service_close(struct service *s)
{
    if (s == NULL)
        return;
    http_client_free(s->client);
    if (s->child > 0)
        process_end(s->child, SIGTERM, STOP_MS);
    if (s->child_out >= 0)
        close(s->child_out);
    if (s->log != NULL)
        unlink(s->log);
    free(s->log);
    free(s);
}

/* ------------------------------------------------------------------ calling */

static int64_t retry_after_ms(const struct http_reply *reply)
{
    struct span s = http_reply_header(reply, "retry-after");
    int64_t seconds = 0;
    for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && seconds < 60; i++)
        seconds = seconds * 10 + (s.p[i] - '0');
    return seconds == 0 ? 250 : seconds * 1000;
}

int service_call(struct service *s, const struct http_call *call, enum service_repeat repeat,
                 struct http_reply *reply, struct err *e)
{
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * REPEAT_MS;
    for (;;) {
        struct err failure = {0};
        int failed = http_client_call(s->client, call, reply, &failure);
        bool busy = failed == 0 && (reply->status == 503 || reply->status == 429);
        bool again = busy || (failed != 0 && repeat == CALL_MAY_REPEAT && s->child == 0 &&
                              failure.kind == ERR_DOWN);
        int64_t wait_ms = failed == 0 ? retry_after_ms(reply) : 500;
        if (!again || clock_monotonic_us() + wait_ms * 1000 > deadline_us)
            return failed == 0 ? 0 : err_set(e, failure.kind, "%s", failure.text);
        pause_ms(wait_ms);
    }
}

int service_ask(struct service *s, const struct http_call *call, struct service_json *out,
                struct err *e)
{
    *out = (struct service_json){0};
    bool get = call->method == NULL || strcmp(call->method, "GET") == 0;
    struct err failure = {0};
    if (service_call(s, call, get ? CALL_MAY_REPEAT : CALL_ONCE, &out->reply, e) != 0)
        return -1;
    if (http_reply_check(&out->reply, &failure) != 0)
        return err_set(e, failure.kind == ERR_INPUT ? ERR_DATA : failure.kind, "%s", failure.text);
    if (out->reply.body.n == 0)
        return 0;
    out->parser = json_new(HTTP_REPLY_MAX_BYTES, JSON_DEPTH);
    if (json_parse(out->parser, buf_span(&out->reply.body), &out->root, &failure) != 0)
        return err_set(e, ERR_DATA, "the answer to %s is not JSON: %s", call->path, failure.text);
    return 0;
}

void service_json_clear(struct service_json *j)
{
    http_reply_clear(&j->reply);
    json_free(j->parser);
    *j = (struct service_json){0};
}
