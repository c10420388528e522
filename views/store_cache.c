/* SPDX-License-Identifier: Apache-2.0 */
/* The key PREFIX:query:PLACE holds: hash (32 bytes), offset (8, big-endian), the answer. */
#include "views/store_cache.h"

#include <endian.h>

#include "views/store_internal.h"

enum { HASH_BYTES = 32, HEAD_BYTES = HASH_BYTES + 8 };

static void put_head(const struct store_cache_key *key, uint8_t out[HEAD_BYTES])
{
    uint64_t offset = htobe64(key->offset);
    memcpy(out, key->hash, HASH_BYTES);
    memcpy(out + HASH_BYTES, &offset, sizeof(offset));
}

static void start_command(struct store *s, const char *name, const struct store_cache_key *key)
{
    buf_reset(&s->key);
    buf_printf(&s->key, "%s:query:%u", key->prefix, key->hash[0] % STORE_CACHE_PLACES);
    store_command(s, name);
    store_arg(s, buf_span(&s->key));
}

int store_cache_get(struct store *s, const struct store_cache_key *key, struct buf *out,
                    bool *found, struct err *e)
{
    redisReply *r;
    uint8_t head[HEAD_BYTES];
    *found = false;
    put_head(key, head);
    start_command(s, "GET", key);
    store_end_command(s);
    if (store_reply(s, &r, e) != 0)
        return -1;
    struct span value = r->type == REDIS_REPLY_STRING ? reply_span(r) : SPAN_ABSENT;
    *found = value.n >= HEAD_BYTES && memcmp(value.p, head, HEAD_BYTES) == 0;
    if (*found)
        buf_put(out, value.p + HEAD_BYTES, value.n - HEAD_BYTES);
    freeReplyObject(r);
    return 0;
}

int store_cache_put(struct store *s, const struct store_cache_key *key, struct span answer,
                    struct err *e)
{
    struct buf value = {0};
    uint8_t head[HEAD_BYTES];
    if (answer.n > STORE_CACHE_BYTES)
        return 0;
    put_head(key, head);
    buf_put(&value, head, HEAD_BYTES);
    buf_put_span(&value, answer);
    start_command(s, "SET", key);
    store_arg(s, buf_span(&value));
    store_arg_text(s, "EX");
    store_arg_number(s, STORE_CACHE_SECONDS);
    store_end_command(s);
    buf_clear(&value);
    return store_skip_replies(s, 1, e);
}
