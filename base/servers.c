/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: starts servers, watches them, starts them again, stops them. What is special about
 * each is in servers_postgres.c and servers_redis.c, the folder in servers_folder.c. */
#include "base/servers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/servers_folder.h"
#include "base/servers_kind.h"

static const char area[] = "servers";

#define ORPHAN_MS INT64_C(3000)
#define HARD_STOP_MS INT64_C(10000)

const char *const servers_environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
                                           "TZ=UTC", NULL};

/* ------------------------------------------------------------------ one server */

static int64_t pause_us(unsigned failures)
{
    int64_t us = failures < 8 ? (INT64_C(250) * 1000) << failures : 30 * US_PER_SECOND;
    return us < 30 * US_PER_SECOND ? us : 30 * US_PER_SECOND;
}

/* It is down for this reason; when is it tried again? */
static void fall(const struct servers *s, struct server *v, const struct err *why)
{
    v->state = SERVER_DOWN;
    v->pid = -1;
    v->why = *why;
    v->next_start_us = clock_monotonic_us() + pause_us(v->failures++);
    if (s->started) /* until then the caller gets it */
        diag(DIAG_WARNING, area, "%s", why->text);
}

static void launch(struct servers *s, struct server *v)
{
    struct err e = {0};
    char *log = mem_format("%s/%s", s->data_dir, v->kind->log);
    v->log_from = file_size(log);
    v->started_us = clock_monotonic_us();
    if (v->kind->prepare(s, &e) == 0 && v->kind->spawn(s, v, &e) == 0)
        v->state = SERVER_STARTING;
    else
        fall(s, v, &e);
    free(log);
}

/* "PostgreSQL was killed by signal 9 (Killed); the end of DIR/postgres.log: ..." */
static void explain_end(const struct servers *s, const struct server *v, int status, struct err *e)
{
    char *log = mem_format("%s/%s", s->data_dir, v->kind->log);
    struct buf tail = {0};
    file_tail(&tail, log, v->log_from, 220);
    err_set(e, ERR_DOWN, "%s %s; the end of %s: %.*s", v->kind->name,
            process_status_text(status).text, log, SPAN_ARGS(buf_span(&tail)));
    buf_clear(&tail);
    free(log);
}

static void on_end(struct servers *s, struct server *v, int status)
{
    struct err why = {0};
    explain_end(s, v, status, &why);
    if (v->state == SERVER_STARTING && v->kind->mend(s, v, status)) {
        v->pid = -1;
        launch(s, v);
        return;
    }
    bool ran = v->state == SERVER_RUNNING;
    if (ran && clock_monotonic_us() - v->started_us > US_PER_MINUTE)
        v->failures = 0;
    fall(s, v, &why);
    if (ran && v->failures == 1)
        v->next_start_us = 0; /* at once the first time */
}

static void look_whether_ready(struct servers *s, struct server *v)
{
    if (v->kind->probe(s, v->pid) == SERVER_READY) {
        v->state = SERVER_RUNNING;
        return;
    }
    if (clock_monotonic_us() - v->started_us <= v->kind->start_ms * 1000)
        return;
    struct err why = {0};
    err_set(&why, ERR_DOWN, "%s did not become ready within %lld s: see %s/%s", v->kind->name,
            (long long)v->kind->start_ms / 1000, s->data_dir, v->kind->log);
    process_end(v->pid, v->kind->stop_signal, v->kind->stop_ms);
    fall(s, v, &why);
}

static void step(struct servers *s, struct server *v)
{
    int status = 0;
    if (v->pid > 0 && process_wait(v->pid, 0, &status))
        on_end(s, v, status);
    if (v->state == SERVER_DOWN && clock_monotonic_us() >= v->next_start_us)
        launch(s, v);
    if (v->state == SERVER_STARTING)
        look_whether_ready(s, v);
}

/* Asks it to end; end_wait waits for that. */
static void end_ask(struct server *v)
{
    if (v->kind != NULL && v->pid > 0)
        kill(v->pid, v->kind->stop_signal);
}

static void end_wait(struct servers *s, struct server *v)
{
    if (v->kind == NULL)
        return;
    int status = 0;
    if (v->pid > 0 &&
        !process_wait(v->pid, clock_monotonic_us() + v->kind->stop_ms * 1000, &status)) {
        diag(DIAG_WARNING, area, "%s did not stop within %lld s and is ended hard", v->kind->name,
             (long long)v->kind->stop_ms / 1000);
        process_end(v->pid, v->kind->hard_signal, HARD_STOP_MS);
    }
    v->pid = -1;
    struct err e = {0};
    if (servers_end_leftovers(s, v->kind, &e) != 0)
        diag(DIAG_WARNING, area, "%s", e.text);
}

/* ------------------------------------------------------------------ what a crash left */

int servers_end_leftovers(const struct servers *s, const struct server_kind *k, struct err *e)
{
    /* Once we run, what is left are orphans of a child of ours that has ended: nobody tells them to
     * finish in order, and whoever waits here does not look after the other server. */
    int64_t start = clock_monotonic_us(), grace = (s->started ? ORPHAN_MS : k->stop_ms) * 1000,
            last = grace + 10 * US_PER_SECOND;
    uid_t uid = s->user.uid;
    bool said = false;
    if (process_signal_marked(k->program, s->mark, uid, k->stop_signal) == 0)
        return 0;
    while (process_signal_marked(k->program, s->mark, uid, 0) > 0) {
        int64_t passed = clock_monotonic_us() - start;
        if (passed > last)
            return err_set(e, ERR_DOWN, "%s processes of an earlier run in %s can't be ended",
                           k->name, s->data_dir);
        if (passed > grace)
            process_signal_marked(k->program, s->mark, uid, SIGKILL);
        if (!said && passed > US_PER_SECOND)
            diag(DIAG_INFO, area, "waiting for %s of an earlier run to end", k->name);
        said = said || passed > US_PER_SECOND;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return 0;
}

/* ------------------------------------------------------------------ all of them */

static void set_kind(struct servers *s, int which, const struct server_kind *k)
{
    s->list[which] = (struct server){.kind = k, .pid = -1};
}

static int start_all(struct servers *s, bool (*give_up)(void), struct err *e)
{
    bool waiting = true;
    while (waiting) {
        if (give_up != NULL && give_up())
            return err_set(e, ERR_BUSY, "told to stop while the servers start");
        waiting = false;
        for (int i = 0; i < N_SERVERS; i++) {
            struct server *v = &s->list[i];
            if (v->kind == NULL)
                continue;
            step(s, v);
            if (v->state == SERVER_DOWN)
                return err_set(e, v->why.kind, "%s", v->why.text);
            waiting = waiting || v->state != SERVER_RUNNING;
        }
        if (waiting)
            nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    }
    return 0;
}

int servers_start(struct servers **out, const struct servers_options *o, struct err *e)
{
    struct servers *s = mem_alloc(sizeof(*s));
    *out = NULL;
    s->lock_fd = -1;
    int result = servers_folder_open(s, o, e);
    if (result == 0 && o->postgres) {
        set_kind(s, SERVERS_POSTGRES, &servers_postgres);
        result = servers_find_postgres(s, e);
    }
    if (result == 0 && o->redis) {
        set_kind(s, SERVERS_REDIS, &servers_redis);
        result = servers_find_redis(s, e);
    }
    if (result == 0)
        result = start_all(s, o->give_up, e);
    s->started = result == 0;
    if (result == 0)
        *out = s;
    else
        servers_stop(s);
    return result;
}

int servers_check(struct servers *s, struct err *e)
{
    int result = 0;
    for (int i = 0; i < N_SERVERS; i++) {
        struct server *v = &s->list[i];
        if (v->kind == NULL)
            continue;
        step(s, v);
        servers_folder_trim_log(s, v->kind->log);
        if (v->state == SERVER_STARTING)
            result = err_set(e, ERR_DOWN, "%s is starting", v->kind->name);
        else if (v->state == SERVER_DOWN)
            result = err_set(e, ERR_DOWN, "%s", v->why.text);
    }
    return result;
}

void servers_stop(struct servers *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < N_SERVERS; i++)
        end_ask(&s->list[i]);
    for (int i = 0; i < N_SERVERS; i++)
        end_wait(s, &s->list[i]);
    servers_folder_close(s);
    free(s->postgres_bin);
    free(s->redis_bin);
    free(s->postgres_uri);
    free(s->redis_uri);
    free(s);
}

const char *servers_postgres_uri(const struct servers *s)
{
    return s->postgres_uri;
}

const char *servers_redis_uri(const struct servers *s)
{
    return s->redis_uri;
}

pid_t servers_postgres_pid(const struct servers *s)
{
    return s->list[SERVERS_POSTGRES].kind == NULL ? -1 : s->list[SERVERS_POSTGRES].pid;
}

pid_t servers_redis_pid(const struct servers *s)
{
    return s->list[SERVERS_REDIS].kind == NULL ? -1 : s->list[SERVERS_REDIS].pid;
}
