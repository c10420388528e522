/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a generation and the transaction that moves it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "views/store_internal.h"

/* ---- bytes as hex */

static void hex_of_id(const uint8_t id[16], char out[33])
{
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
}

static int id_of_hex(struct span text, uint8_t id[16])
{
    if (text.n != 32)
        return -1;
    for (int i = 0; i < 16; i++) {
        unsigned byte;
        char pair[3] = {text.p[2 * i], text.p[2 * i + 1], '\0'};
        if (strspn(pair, "0123456789abcdef") != 2)
            return -1;
        sscanf(pair, "%x", &byte);
        id[i] = (uint8_t)byte;
    }
    return 0;
}

static int read_text(struct span text, char *out, size_t size)
{
    if (text.n != size - 1)
        return -1;
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return 0;
}

static int read_unsigned(struct span text, uint64_t *out)
{
    int64_t number;
    if (store_number(text, &number) != 0 || number < 0)
        return -1;
    *out = (uint64_t)number;
    return 0;
}

/* ---- the fields */

const char *const store_state_fields[N_STATE_FIELDS] = {
    "format", "log_id", "epoch", "offset", "last_id", "definition", "digest", "watermark"};

static int read_field(struct view_state *s, enum state_field field, struct span text)
{
    uint64_t format;
    switch (field) {
    case STATE_FORMAT:
        if (read_unsigned(text, &format) != 0 || format > 1000)
            return -1;
        s->format = (unsigned)format;
        return 0;
    case STATE_LOG_ID:
        return read_text(text, s->log_id, sizeof(s->log_id));
    case STATE_EPOCH:
        return read_unsigned(text, &s->epoch);
    case STATE_OFFSET:
        return read_unsigned(text, &s->offset);
    case STATE_LAST_ID:
        return id_of_hex(text, s->last_id);
    case STATE_DEFINITION:
        return read_text(text, s->definition, sizeof(s->definition));
    case STATE_DIGEST:
        return digest_parse(text, &s->digest);
    default:
        return store_number(text, &s->watermark_us);
    }
}

void store_read_state(const redisReply *r, struct view_state *s)
{
    bool whole = true;
    *s = (struct view_state){.watermark_us = INT64_MIN};
    for (int i = 0; i < N_STATE_FIELDS; i++) {
        const redisReply *field = r->element[i];
        whole = field->type == REDIS_REPLY_STRING &&
                read_field(s, (enum state_field)i, reply_span(field)) == 0 && whole;
    }
    if (!whole)
        s->format = 0;
}

static bool states_equal(const struct view_state *a, const struct view_state *b)
{
    return a->format == b->format && a->epoch == b->epoch && a->offset == b->offset &&
           a->watermark_us == b->watermark_us && digest_equal(a->digest, b->digest) &&
           memcmp(a->last_id, b->last_id, sizeof(a->last_id)) == 0 &&
           strcmp(a->log_id, b->log_id) == 0 && strcmp(a->definition, b->definition) == 0;
}

/* What was watched before does not matter any more. */
static void ask_state(struct store *s, const struct view_ref *v)
{
    store_command(s, "UNWATCH");
    store_end_command(s);
    store_command(s, "WATCH");
    store_arg(s, store_key(s, v, layout_state_key));
    store_end_command(s);
    store_command(s, "HMGET");
    store_arg(s, store_key(s, v, layout_state_key));
    for (int i = 0; i < N_STATE_FIELDS; i++)
        store_arg_text(s, store_state_fields[i]);
    store_end_command(s);
}

enum { STATE_REPLIES = 3 }; /* to what ask_state sends */

static int take_state(struct store *s, struct view_state *out, bool *found, struct err *e)
{
    redisReply *r;
    if (store_skip_replies(s, 2, e) != 0 || store_reply(s, &r, e) != 0)
        return -1;
    int result = 0;
    *found = false;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != N_STATE_FIELDS)
        result = err_set(e, ERR_DATA, "redis: a state is not a hash");
    for (size_t i = 0; result == 0 && i < r->elements; i++)
        *found = *found || r->element[i]->type == REDIS_REPLY_STRING;
    if (result == 0)
        store_read_state(r, out);
    freeReplyObject(r);
    return result;
}

int store_watch_state(struct store *s, const struct view_ref *v, struct view_state *out,
                      bool *found, struct err *e)
{
    ask_state(s, v);
    return take_state(s, out, found, e);
}

int store_each_site(struct store *s, const struct view_ref *v,
                    void (*each)(void *context, struct span site, int64_t watermark_us),
                    void *context, struct err *e)
{
    redisReply *r;
    store_command(s, "HGETALL");
    store_arg(s, store_key(s, v, layout_sites_key));
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    int result = reply_is_pairs(r) ? 0 : err_set(e, ERR_DATA, "redis: the sites are not a hash");
    for (size_t i = 0; result == 0 && i < r->elements; i += 2) {
        int64_t watermark_us;
        if (store_number(reply_span(r->element[i + 1]), &watermark_us) != 0)
            result = err_set(e, ERR_DATA, "redis: the watermark of site %.*s is not a number",
                             SPAN_ARGS(reply_span(r->element[i])));
        else
            each(context, reply_span(r->element[i]), watermark_us);
    }
    freeReplyObject(r);
    return result;
}

/* ---- the transaction */

void store_begin(struct store *s)
{
    store_command(s, "MULTI");
    store_end_command(s);
}

void store_put_site(struct store *s, const struct view_ref *v, struct span site,
                    int64_t watermark_us)
{
    store_command(s, "HSET");
    store_arg(s, store_key(s, v, layout_sites_key));
    store_arg(s, site);
    store_arg_number(s, watermark_us);
    store_end_command(s);
}

static void put_state(struct store *s, const struct view_ref *v, const struct view_state *next)
{
    char last_id[33], digest[33];
    hex_of_id(next->last_id, last_id);
    digest_format(next->digest, digest);
    store_command(s, "HSET");
    store_arg(s, store_key(s, v, layout_state_key));
    store_arg_text(s, store_state_fields[STATE_FORMAT]);
    store_arg_unsigned(s, next->format);
    store_arg_text(s, store_state_fields[STATE_LOG_ID]);
    store_arg_text(s, next->log_id);
    store_arg_text(s, store_state_fields[STATE_EPOCH]);
    store_arg_unsigned(s, next->epoch);
    store_arg_text(s, store_state_fields[STATE_OFFSET]);
    store_arg_unsigned(s, next->offset);
    store_arg_text(s, store_state_fields[STATE_LAST_ID]);
    store_arg_text(s, last_id);
    store_arg_text(s, store_state_fields[STATE_DEFINITION]);
    store_arg_text(s, next->definition);
    store_arg_text(s, store_state_fields[STATE_DIGEST]);
    store_arg_text(s, digest);
    store_arg_text(s, store_state_fields[STATE_WATERMARK]);
    store_arg_number(s, next->watermark_us);
    store_end_command(s);
}

static int check_results(const redisReply *r, struct err *e)
{
    if (r->type == REDIS_REPLY_NIL)
        return err_set(e, ERR_BUSY, "redis: the state was written by somebody else");
    if (r->type == REDIS_REPLY_ERROR) /* EXECABORT: nothing was done */
        return store_reply_error(r, e);
    if (r->type != REDIS_REPLY_ARRAY)
        return err_set(e, ERR_DATA, "redis: EXEC answered with type %d", r->type);
    for (size_t i = 0; i < r->elements; i++)
        if (r->element[i]->type == REDIS_REPLY_ERROR)
            return err_set(e, ERR_DATA, "redis: inside EXEC: %.200s", r->element[i]->str);
    return 0;
}

/* The replies up to EXEC's; a command refused before EXEC is the cause of EXEC's own error. */
static int take_results(struct store *s, struct err *e)
{
    struct err refused = {0};
    redisReply *r;
    int queued = store_skip_replies(s, s->unread - STATE_REPLIES - 1, &refused);
    if (queued != 0 && s->context->err != 0)
        return err_set(e, ERR_DOWN, "%s", refused.text);
    if (store_raw_reply(s, &r, e) != 0)
        return -1;
    if (queued != 0)
        err_set(e, ERR_DOWN, "%s", refused.text);
    int result = check_results(r, e);
    freeReplyObject(r);
    return queued != 0 ? -1 : result;
}

int store_commit(struct store *s, const struct view_ref *v, const struct view_state *next,
                 struct err *e)
{
    struct view_state now;
    struct err later = {0};
    bool found;
    put_state(s, v, next);
    store_command(s, "EXEC");
    store_end_command(s);
    ask_state(s, v);
    if (s->failure.kind != ERR_NONE)
        return err_set(e, s->failure.kind, "%s", s->failure.text);
    if (store_send(s, e) != 0)
        return -1;
    int result = take_results(s, e);
    if (s->context->err != 0)
        return result != 0 ? result : err_set(e, ERR_DOWN, "redis: %s", s->context->errstr);
    if (take_state(s, &now, &found, &later) != 0)
        return result != 0 ? result : err_set(e, later.kind, "%s", later.text);
    if (result == 0 && (!found || !states_equal(&now, next)))
        return err_set(e, ERR_BUSY, "redis: the state was written by somebody else");
    return result;
}
