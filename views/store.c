/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: opening, commands in Redis' protocol (RESP2), replies. */
#include "views/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "views/redis_address.h"
#include "views/store_internal.h"

enum { PIECE_BYTES = 1 << 20 };

/* ---- commands out */

void store_command(struct store *s, const char *name)
{
    s->n_args = 0;
    buf_reset(&s->args);
    store_arg_text(s, name);
}

void store_arg(struct store *s, struct span bytes)
{
    char head[24];
    int n = snprintf(head, sizeof(head), "$%zu\r\n", bytes.n);
    buf_put(&s->args, head, (size_t)n);
    buf_put_span(&s->args, bytes);
    buf_put(&s->args, "\r\n", 2);
    s->n_args++;
}

void store_arg_text(struct store *s, const char *text)
{
    store_arg(s, span_of(text));
}

void store_arg_number(struct store *s, int64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, number);
    store_arg(s, (struct span){text, (size_t)n});
}

void store_arg_unsigned(struct store *s, uint64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRIu64, number);
    store_arg(s, (struct span){text, (size_t)n});
}

/* Sends the piece, then reads the replies to the ones before: Redis works on this piece meanwhile,
 * and neither side ever waits for the other with full buffers. */
static int send_piece(struct store *s, struct err *e)
{
    size_t before = s->unread;
    if (store_send(s, e) != 0)
        return -1;
    return store_skip_replies(s, before, e);
}

void store_end_command(struct store *s)
{
    buf_printf(&s->out, "*%u\r\n", s->n_args);
    buf_put_span(&s->out, buf_span(&s->args));
    s->unsent++;
    if (s->out.n >= PIECE_BYTES && s->failure.kind == ERR_NONE)
        (void)(send_piece(s, &s->failure) == 0); /* kept in s->failure */
    if (s->failure.kind != ERR_NONE) {
        buf_reset(&s->out);
        s->unsent = 0;
    }
}

static int broken(struct store *s, struct err *e)
{
    return err_set(e, ERR_DOWN, "redis: %s", s->context->err != 0 ? s->context->errstr : "closed");
}

int store_send(struct store *s, struct err *e)
{
    if (s->context->err != 0 ||
        redisAppendFormattedCommand(s->context, (const char *)s->out.p, s->out.n) != REDIS_OK)
        return broken(s, e);
    buf_reset(&s->out);
    s->unread += s->unsent;
    s->unsent = 0;
    for (int done = 0; !done;)
        if (redisBufferWrite(s->context, &done) != REDIS_OK)
            return broken(s, e);
    return 0;
}

/* ---- replies in */

int store_raw_reply(struct store *s, redisReply **out, struct err *e)
{
    void *reply = NULL;
    *out = NULL;
    if (s->failure.kind != ERR_NONE)
        return err_set(e, s->failure.kind, "%s", s->failure.text);
    if (s->unsent > 0 && store_send(s, e) != 0)
        return -1;
    if (redisGetReply(s->context, &reply) != REDIS_OK || reply == NULL)
        return broken(s, e);
    s->unread--;
    *out = reply;
    return 0;
}

int store_reply_error(const redisReply *r, struct err *e)
{
    /* A wrong type is spoilt data; whatever else Redis refuses may be different later. */
    bool wrong_type = strncmp(r->str, "WRONGTYPE", 9) == 0;
    return err_set(e, wrong_type ? ERR_DATA : ERR_DOWN, "redis: %.200s", r->str);
}

int store_reply(struct store *s, redisReply **out, struct err *e)
{
    if (store_raw_reply(s, out, e) != 0)
        return -1;
    if ((*out)->type != REDIS_REPLY_ERROR)
        return 0;
    store_reply_error(*out, e);
    freeReplyObject(*out);
    *out = NULL;
    return -1;
}

int store_skip_replies(struct store *s, size_t n, struct err *e)
{
    redisReply *r;
    int result = 0;
    for (; n > 0; n--) {
        if (store_raw_reply(s, &r, e) != 0)
            return -1;
        if (r->type == REDIS_REPLY_ERROR)
            result = store_reply_error(r, e); /* the first is kept; go on, to stay in step */
        freeReplyObject(r);
    }
    return result;
}

int store_number(struct span text, int64_t *out)
{
    char copy[24], *end;
    if (text.n == 0 || text.n >= sizeof(copy))
        return -1;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *out = strtoll(copy, &end, 10);
    return end == copy + text.n ? 0 : -1;
}

/* ---- keys */

struct span store_key(struct store *s, const struct view_ref *v,
                      void (*make)(const struct view_ref *, struct buf *))
{
    buf_reset(&s->key);
    make(v, &s->key);
    return buf_span(&s->key);
}

struct span store_page_key(struct store *s, const struct view_ref *v, struct span site,
                           const struct tier *t, int64_t start_us, unsigned sub_page)
{
    buf_reset(&s->key);
    layout_page_key(v, site, t, start_us, sub_page, &s->key);
    return buf_span(&s->key);
}

/* ---- opening */

static int sign_in(struct store *s, const struct redis_address *a, struct err *e)
{
    size_t n = 0;
    if (a->password[0] != '\0') {
        store_command(s, "AUTH");
        if (a->user[0] != '\0')
            store_arg_text(s, a->user);
        store_arg_text(s, a->password);
        store_end_command(s);
        n++;
    }
    if (a->db != 0) {
        store_command(s, "SELECT");
        store_arg_number(s, a->db);
        store_end_command(s);
        n++;
    }
    return store_skip_replies(s, n, e);
}

/* By INFO, which managed services allow where they refuse CONFIG. */
static int check_policy(struct store *s, struct err *e)
{
    redisReply *r;
    store_command(s, "INFO");
    store_arg_text(s, "memory");
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    const char *at = r->type == REDIS_REPLY_STRING ? strstr(r->str, "maxmemory_policy:") : NULL;
    const char *policy = at == NULL ? "unknown" : strchr(at, ':') + 1;
    int result = 0;
    if (strncmp(policy, "noeviction", 10) != 0)
        result = err_set(
            e, ERR_DOWN,
            "redis: maxmemory-policy is %.*s, which drops views silently; set it to noeviction",
            (int)strcspn(policy, "\r\n"), policy);
    freeReplyObject(r);
    return result;
}

static redisContext *connect_to(const struct redis_address *a, int timeout_ms)
{
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisContext *c = a->socket_path[0] != '\0'
                          ? redisConnectUnixWithTimeout(a->socket_path, timeout)
                          : redisConnectWithTimeout(a->host, a->port, timeout);
    if (c != NULL && c->err == 0 && redisSetTimeout(c, timeout) == REDIS_OK &&
        a->socket_path[0] == '\0')
        (void)redisEnableKeepAlive(c); /* a lost peer is then noticed without it, only later */
    return c;
}

int store_open(struct store **out, const struct store_options *o, struct err *e)
{
    struct redis_address a;
    *out = NULL;
    if (redis_address_parse(o->uri, &a, e) != 0)
        return -1;
    redisContext *c = connect_to(&a, o->timeout_ms);
    if (c == NULL || c->err != 0) {
        err_set(e, ERR_DOWN, "redis: cannot connect to %s: %s",
                a.socket_path[0] != '\0' ? a.socket_path : a.host,
                c == NULL ? "out of memory" : c->errstr);
        if (c != NULL)
            redisFree(c);
        return -1;
    }
    struct store *s = mem_alloc(sizeof(*s));
    s->context = c;
    if (sign_in(s, &a, e) != 0 || check_policy(s, e) != 0) {
        store_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    redisFree(s->context);
    buf_clear(&s->out);
    buf_clear(&s->args);
    buf_clear(&s->key);
    free(s);
}
