/* SPDX-License-Identifier: Apache-2.0 */
#include "views/store_sessions.h"

#include <assert.h>
#include <endian.h>

#include "views/store_internal.h"

enum {
    LOAD_WINDOW = 64, /* queries sent at a time: in one piece, so that no reply is taken for old */
    COMMAND_BYTES = 256 * 1024,
    DELETE_STEP = 100 /* days a call */
};

static struct span day_key(struct store *s, const struct view_ref *v,
                           const struct store_sessions_day *of)
{
    buf_reset(&s->key);
    layout_sessions_key(v, of->site, of->day, &s->key);
    return buf_span(&s->key);
}

static void arg_visitor(struct store *s, uint64_t visitor)
{
    uint64_t word = htobe64(visitor);
    store_arg(s, (struct span){(const char *)&word, sizeof(word)});
}

/* ---- loading */

static void ask(struct store *s, const struct view_ref *v, const struct store_sessions_query *q)
{
    assert(q->n > 0 && q->n <= STORE_SESSIONS_VISITORS);
    store_command(s, "HMGET");
    store_arg(s, day_key(s, v, &q->of));
    for (size_t i = 0; i < q->n; i++)
        arg_visitor(s, q->visitors[i]);
    store_end_command(s);
}

static int take(struct store *s, const struct store_sessions_query *q, size_t query,
                const struct store_sessions_each *each, struct err *e)
{
    redisReply *r;
    if (store_reply(s, &r, e) != 0)
        return -1;
    int result = r->type == REDIS_REPLY_ARRAY && r->elements == q->n
                     ? 0
                     : err_set(e, ERR_DATA, "redis: HMGET of %zu fields gave something else", q->n);
    for (size_t i = 0; result == 0 && i < r->elements; i++)
        if (r->element[i]->type == REDIS_REPLY_STRING)
            result = each->each(each->context, query, i, reply_span(r->element[i]), e);
    freeReplyObject(r);
    return result;
}

int store_load_sessions(struct store *s, const struct view_ref *v,
                        const struct store_sessions_queries *q,
                        const struct store_sessions_each *each, struct err *e)
{
    for (size_t from = 0, end; from < q->n; from = end) {
        end = q->n - from < LOAD_WINDOW ? q->n : from + LOAD_WINDOW;
        for (size_t i = from; i < end; i++)
            ask(s, v, &q->queries[i]);
        for (size_t i = from; i < end; i++)
            if (take(s, &q->queries[i], i, each, e) != 0)
                return err_context(e, "sessions of %.*s on day %lld",
                                   SPAN_ARGS(q->queries[i].of.site),
                                   (long long)q->queries[i].of.day);
    }
    return 0;
}

/* ---- writing */

static bool same_day(const struct store_sessions_day *a, const struct store_sessions_day *b)
{
    return a->day == b->day && span_equal(a->site, b->site);
}

static void put_in_index(struct store *s, const struct view_ref *v,
                         const struct store_sessions_day *of, const char *command)
{
    store_command(s, command);
    store_arg(s, store_key(s, v, layout_session_days_key));
    if (strcmp(command, "ZADD") == 0)
        store_arg_number(s, of->day);
    buf_reset(&s->key);
    layout_sessions_suffix(of->site, of->day, &s->key);
    store_arg(s, buf_span(&s->key));
    store_end_command(s);
}

/* Those of the puts from the first on that are of its day and, as it, put or taken away; as many as
 * one command should have. Returns how many. */
static size_t put_run(struct store *s, const struct view_ref *v,
                      const struct store_sessions_put *puts, size_t n)
{
    bool gone = span_absent(puts[0].stored);
    size_t i = 0;
    store_command(s, gone ? "HDEL" : "HSET");
    store_arg(s, day_key(s, v, &puts[0].of));
    for (; i < n && same_day(&puts[i].of, &puts[0].of) && span_absent(puts[i].stored) == gone &&
           s->args.n < COMMAND_BYTES;
         i++) {
        arg_visitor(s, puts[i].visitor);
        if (!gone)
            store_arg(s, puts[i].stored);
    }
    store_end_command(s);
    return i;
}

void store_put_sessions(struct store *s, const struct view_ref *v,
                        const struct store_sessions_put *puts, size_t n)
{
    for (size_t i = 0; i < n; i += put_run(s, v, puts + i, n - i))
        if (i == 0 || !same_day(&puts[i].of, &puts[i - 1].of))
            put_in_index(s, v, &puts[i].of, "ZADD");
}

void store_drop_sessions(struct store *s, const struct view_ref *v,
                         const struct store_sessions_day *of)
{
    store_command(s, "UNLINK");
    store_arg(s, day_key(s, v, of));
    store_end_command(s);
    put_in_index(s, v, of, "ZREM");
}

/* ---- deleting */

static int delete_days(struct store *s, const struct view_ref *v, const redisReply *names,
                       struct err *e)
{
    for (size_t i = 0; i < names->elements; i++) {
        store_command(s, "UNLINK");
        buf_reset(&s->key);
        layout_prefix(v, &s->key);
        buf_put_span(&s->key, reply_span(names->element[i]));
        store_arg(s, buf_span(&s->key));
        store_end_command(s);
        store_command(s, "ZREM");
        store_arg(s, store_key(s, v, layout_session_days_key));
        store_arg(s, reply_span(names->element[i]));
        store_end_command(s);
    }
    return store_skip_replies(s, 2 * names->elements, e);
}

int store_delete_sessions_step(struct store *s, const struct view_ref *v, bool *done, struct err *e)
{
    redisReply *r;
    store_command(s, "ZRANGE");
    store_arg(s, store_key(s, v, layout_session_days_key));
    store_arg_number(s, 0);
    store_arg_number(s, DELETE_STEP - 1);
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    *done = r->type != REDIS_REPLY_ARRAY || r->elements == 0;
    int result = *done ? 0 : delete_days(s, v, r, e);
    freeReplyObject(r);
    return result;
}
