/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis' asynchronous context on a loop's watch. Mind: hiredis frees the context by itself when a
 * connection fails, after it has answered everything with NULL; `context` is NULL from then on. */
#include "views/redis_async.h"

#include <netdb.h>
#include <stdlib.h>
#include <hiredis/async.h>

#include "base/clock.h"
#include "base/mem.h"
#include "views/store_internal.h"

enum { READ_BYTES = 16 * 1024 }; /* hiredis reads this much a turn */
enum { MAX_ARGS = 64, MIN_PAUSE_MS = 50, MAX_PAUSE_MS = 2000 };

struct redis_async {
    struct http_loop *loop;
    struct redis_async_options options;
    redisAsyncContext *context; /* NULL: not connected */
    struct http_timer *timer;   /* runs while answers are awaited */
    unsigned waiting;
    size_t arrived_bytes; /* since the last answer */
    struct err ending;    /* why the connection is being ended, if we end it */
    int64_t pause_ms;     /* before the next attempt to connect; 0: none */
    int64_t next_try_us;  /* monotonic */
};

/* A connection and its place on the loop; freed by hiredis' clean-up. */
struct link {
    struct redis_async *owner;
    redisAsyncContext *context;
    struct http_watch *watch;
};

/* A command whose answer somebody awaits. */
struct waiting {
    struct redis_async *owner;
    redis_async_answer *on_answer;
    void *context;
};

/* ------------------------------------------------------------------ the hooks of hiredis */

static void gone(struct redis_async *r)
{
    r->context = NULL;
    r->pause_ms = r->pause_ms == 0 ? MIN_PAUSE_MS : r->pause_ms * 2;
    if (r->pause_ms > MAX_PAUSE_MS)
        r->pause_ms = MAX_PAUSE_MS;
    r->next_try_us = clock_monotonic_us() + r->pause_ms * 1000;
}

static void end_connection(struct redis_async *r, enum err_kind kind, const char *why)
{
    redisAsyncContext *context = r->context;
    gone(r); /* so that what is sent by those who are told now fails */
    r->ending = (struct err){0};
    err_set(&r->ending, kind, "redis: %s", why);
    redisAsyncFree(context); /* answers all with NULL */
    r->ending = (struct err){0};
}

static void on_readable(void *data)
{
    struct link *l = data;
    struct redis_async *r = l->owner;
    r->arrived_bytes += READ_BYTES;
    if (r->options.max_answer_bytes != 0 && r->arrived_bytes > r->options.max_answer_bytes)
        end_connection(r, ERR_BUSY, "the answer is too large; take a shorter range");
    else
        redisAsyncHandleRead(l->context);
}

static void on_writable(void *data)
{
    redisAsyncHandleWrite(((struct link *)data)->context);
}

static void add_read(void *data)
{
    http_watch_read(((struct link *)data)->watch, true);
}

static void del_read(void *data)
{
    http_watch_read(((struct link *)data)->watch, false);
}

static void add_write(void *data)
{
    http_watch_write(((struct link *)data)->watch);
}

static void del_write(void *data)
{
    (void)data; /* one-shot */
}

static void cleanup(void *data)
{
    struct link *l = data;
    http_watch_free(l->watch); /* closes the descriptor */
    l->context->c.fd = -1;
    free(l);
}

/* ------------------------------------------------------------------ connecting */

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_async *r = context->data;
    if (status != REDIS_OK && r->context == context)
        gone(r);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_async *r = context->data;
    (void)status;
    if (r->context == context)
        gone(r);
}

int redis_async_resolve(struct redis_address *a, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (a->socket_path[0] != '\0')
        return 0;
    int result = getaddrinfo(a->host, NULL, &hints, &found);
    if (result != 0)
        return err_set(e, ERR_DOWN, "redis: the host %s is not found: %s", a->host,
                       gai_strerror(result));
    result = getnameinfo(found->ai_addr, found->ai_addrlen, a->host, sizeof a->host, NULL, 0,
                         NI_NUMERICHOST);
    freeaddrinfo(found);
    return result == 0 ? 0 : err_set(e, ERR_DOWN, "redis: %s", gai_strerror(result));
}

static int send_words(struct redis_async *r, const char *const *words, struct err *e)
{
    struct span args[3];
    unsigned n = 0;
    for (; words[n] != NULL; n++)
        args[n] = span_of(words[n]);
    return redis_async_send(r, &(struct redis_async_command){.args = args, .n_args = n}, e);
}

/* Their answers are not awaited: when one is an error, so are those of the commands that follow. */
static int sign_in(struct redis_async *r, struct err *e)
{
    const struct redis_address *a = &r->options.address;
    char db[16];
    snprintf(db, sizeof db, "%d", a->db);
    const char *user = a->user[0] == '\0' ? a->password : a->user;
    const char *password = a->user[0] == '\0' ? NULL : a->password;
    if (a->password[0] != '\0' &&
        send_words(r, (const char *const[]){"AUTH", user, password, NULL}, e) != 0)
        return -1;
    return a->db == 0 ? 0 : send_words(r, (const char *const[]){"SELECT", db, NULL}, e);
}

static void attach(struct redis_async *r, redisAsyncContext *context)
{
    struct link *l = mem_alloc(sizeof *l);
    *l = (struct link){r, context, NULL};
    l->watch = http_watch_new(r->loop, context->c.fd, on_readable, on_writable, l);
    context->data = r;
    context->ev.data = l;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    r->context = context;
    r->arrived_bytes = 0;
    redisAsyncSetConnectCallback(context, on_connect); /* asks for the first write */
    redisAsyncSetDisconnectCallback(context, on_disconnect);
}

static int connect_now(struct redis_async *r, struct err *e)
{
    const struct redis_address *a = &r->options.address;
    if (clock_monotonic_us() < r->next_try_us)
        return err_set(e, ERR_DOWN, "redis: not connected; trying again shortly");
    redisAsyncContext *context = a->socket_path[0] != '\0' ? redisAsyncConnectUnix(a->socket_path)
                                                           : redisAsyncConnect(a->host, a->port);
    if (context == NULL || context->err != 0) {
        err_set(e, ERR_DOWN, "redis: %s", context == NULL ? "no memory" : context->errstr);
        if (context != NULL)
            redisAsyncFree(context);
        gone(r);
        return -1;
    }
    attach(r, context);
    return sign_in(r, e);
}

/* ------------------------------------------------------------------ commands and answers */

static void on_timeout(void *context)
{
    struct redis_async *r = context;
    if (r->context != NULL && r->waiting > 0)
        end_connection(r, ERR_DOWN, "no answer in time");
}

static void explain(const struct redis_async *r, const redisAsyncContext *context, struct err *e)
{
    if (r->ending.kind != ERR_NONE)
        *e = r->ending;
    else
        err_set(e, ERR_DOWN, "redis: %s",
                context->err != 0 ? context->errstr : "the connection was closed");
}

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    struct waiting *w = data, copy = *w;
    struct redis_async *r = w->owner;
    struct err e = {0};
    redisReply *given = reply;
    free(w);
    r->waiting--;
    r->arrived_bytes = 0;
    if (given == NULL)
        explain(r, context, &e);
    else
        r->pause_ms = 0; /* it answers: the next failure is a new one */
    if (given != NULL && given->type == REDIS_REPLY_ERROR)
        store_reply_error(given, &e);
    if (r->waiting > 0)
        http_timer_start(r->timer, r->options.timeout_ms);
    else
        http_timer_stop(r->timer);
    copy.on_answer(copy.context, e.kind == ERR_NONE ? given : NULL, e.kind == ERR_NONE ? NULL : &e);
}

int redis_async_send(struct redis_async *r, const struct redis_async_command *c, struct err *e)
{
    const char *argv[MAX_ARGS];
    size_t lengths[MAX_ARGS];
    struct waiting *w = NULL;
    if (c->n_args > MAX_ARGS)
        return err_set(e, ERR_INPUT, "redis: a command of %u words", c->n_args);
    if (c->on_answer != NULL && r->waiting >= r->options.max_waiting)
        return err_set(e, ERR_BUSY, "redis: %u answers are awaited already", r->waiting);
    if (r->context == NULL && connect_now(r, e) != 0)
        return -1;
    for (unsigned i = 0; i < c->n_args; i++) {
        argv[i] = c->args[i].p;
        lengths[i] = c->args[i].n;
    }
    if (c->on_answer != NULL) {
        w = mem_alloc(sizeof *w);
        *w = (struct waiting){r, c->on_answer, c->context};
    }
    if (redisAsyncCommandArgv(r->context, w == NULL ? NULL : on_reply, w, (int)c->n_args, argv,
                              lengths) != REDIS_OK) {
        free(w);
        return err_set(e, ERR_DOWN, "redis: the connection is being closed");
    }
    if (w != NULL && r->waiting++ == 0)
        http_timer_start(r->timer, r->options.timeout_ms);
    return 0;
}

bool redis_async_has_room(const struct redis_async *r, unsigned n)
{
    return r->waiting + n <= r->options.max_waiting;
}

struct redis_async *redis_async_new(struct http_loop *l, const struct redis_async_options *o)
{
    struct redis_async *r = mem_alloc(sizeof *r);
    *r = (struct redis_async){.loop = l, .options = *o};
    r->timer = http_timer_new(l, on_timeout, r);
    return r;
}

void redis_async_free(struct redis_async *r)
{
    if (r == NULL)
        return;
    if (r->context != NULL)
        end_connection(r, ERR_DOWN, "the service is stopping");
    http_timer_free(r->timer);
    free(r);
}
