/* SPDX-License-Identifier: Apache-2.0 */
/* Whole generations in Redis: which one is read, and taking one away in small steps. */
#include <stdlib.h>

#include "views/store_internal.h"
#include "views/store_sessions.h"

enum { DELETE_STEP = 100 }; /* pages a call */

int store_set_current(struct store *s, const char *prefix, const char *view, uint64_t generation,
                      struct err *e)
{
    store_command(s, "HSET");
    buf_reset(&s->key);
    layout_current_key(prefix, &s->key);
    store_arg(s, buf_span(&s->key));
    store_arg_text(s, view);
    store_arg_unsigned(s, generation);
    store_end_command(s);
    return store_skip_replies(s, 1, e);
}

int store_remove_current(struct store *s, const char *prefix, const char *view, struct err *e)
{
    store_command(s, "HDEL");
    buf_reset(&s->key);
    layout_current_key(prefix, &s->key);
    store_arg(s, buf_span(&s->key));
    store_arg_text(s, view);
    store_end_command(s);
    return store_skip_replies(s, 1, e);
}

int store_get_current(struct store *s, const char *prefix, const char *view, uint64_t *generation,
                      bool *found, struct err *e)
{
    redisReply *r;
    int64_t number = 0;
    store_command(s, "HGET");
    buf_reset(&s->key);
    layout_current_key(prefix, &s->key);
    store_arg(s, buf_span(&s->key));
    store_arg_text(s, view);
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    *found = r->type == REDIS_REPLY_STRING;
    int result =
        *found && (store_number(reply_span(r), &number) != 0 || number < 0)
            ? err_set(e, ERR_DATA, "redis: the generation of view %s is not a number", view)
            : 0;
    *generation = (uint64_t)number;
    freeReplyObject(r);
    return result;
}

static void put_keys(struct store *s, const struct view_ref *v, const char *command)
{
    store_command(s, command);
    store_arg(s, store_key(s, v, layout_state_key));
    store_arg(s, store_key(s, v, layout_sites_key));
    if (strcmp(command, "EXISTS") == 0) {
        store_arg(s, store_key(s, v, layout_index_key));
        store_arg(s, store_key(s, v, layout_session_days_key));
    }
    store_end_command(s);
}

int store_has_generation(struct store *s, const struct view_ref *v, bool *found, struct err *e)
{
    redisReply *r;
    put_keys(s, v, "EXISTS");
    if (store_reply(s, &r, e) != 0)
        return -1;
    *found = r->integer > 0;
    freeReplyObject(r);
    return 0;
}

/* ---- deleting */

static int64_t sub_pages_of(const redisReply *r)
{
    int64_t n = 0;
    if (r->type != REDIS_REPLY_STRING || store_number(reply_span(r), &n) != 0 || n < 0)
        return 0;
    return n < 1000000 ? n : 1000000;
}

static void put_name(struct store *s, const struct view_ref *v, struct span name, int64_t sub_page)
{
    buf_reset(&s->key);
    layout_prefix(v, &s->key);
    buf_put_span(&s->key, name);
    if (sub_page > 0)
        buf_printf(&s->key, ":%lld", (long long)sub_page);
    store_arg(s, buf_span(&s->key));
}

/* Whatever is stored there, spoilt pages too, goes with its sub-pages and its place in the index.
 */
static int delete_pages(struct store *s, const struct view_ref *v, const redisReply *names,
                        struct err *e)
{
    int64_t sub_pages[DELETE_STEP] = {0};
    for (size_t i = 0; i < names->elements; i++) {
        store_command(s, "HGET");
        put_name(s, v, reply_span(names->element[i]), 0);
        store_arg_text(s, "");
        store_end_command(s);
    }
    for (size_t i = 0; i < names->elements; i++) {
        redisReply *r;
        if (store_raw_reply(s, &r, e) != 0)
            return -1;
        sub_pages[i] = sub_pages_of(r);
        freeReplyObject(r);
    }
    for (size_t i = 0; i < names->elements; i++) {
        store_command(s, "UNLINK");
        for (int64_t n = 0; n <= sub_pages[i]; n++)
            put_name(s, v, reply_span(names->element[i]), n);
        store_end_command(s);
        store_command(s, "ZREM");
        store_arg(s, store_key(s, v, layout_index_key));
        store_arg(s, reply_span(names->element[i]));
        store_end_command(s);
    }
    return store_skip_replies(s, 2 * names->elements, e);
}

int store_delete_step(struct store *s, const struct view_ref *v, bool *done, struct err *e)
{
    redisReply *r;
    put_keys(s, v, "UNLINK");
    store_command(s, "ZRANGE");
    store_arg(s, store_key(s, v, layout_index_key));
    store_arg_number(s, 0);
    store_arg_number(s, DELETE_STEP - 1);
    store_end_command(s);
    if (store_skip_replies(s, 1, e) != 0 || store_reply(s, &r, e) != 0)
        return -1;
    bool no_pages = r->type != REDIS_REPLY_ARRAY || r->elements == 0;
    int result = no_pages ? 0 : delete_pages(s, v, r, e);
    freeReplyObject(r);
    *done = false;
    if (!no_pages)
        return result;
    result = store_delete_sessions_step(s, v, done, e);
    return result == 0 && *done ? store_delete_snapshots_step(s, v, done, e) : result;
}
