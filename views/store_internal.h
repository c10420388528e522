/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's files share: commands going out, replies coming in. */
#ifndef VIEWS_STORE_INTERNAL_H
#define VIEWS_STORE_INTERNAL_H

#include <hiredis/hiredis.h>

#include "views/store.h"

struct store {
    redisContext *context;
    struct buf out;       /* commands collected, in Redis' protocol */
    struct buf args, key; /* of the command being made */
    unsigned n_args;
    size_t unread;      /* replies to come to what was sent */
    size_t unsent;      /* commands in out */
    struct err failure; /* sticky: the first that went wrong in a transaction */
};

/* One command: name and arguments, then it is collected. A piece is sent when it is big enough. */
void store_command(struct store *s, const char *name);
void store_arg(struct store *s, struct span bytes);
void store_arg_text(struct store *s, const char *text);
void store_arg_number(struct store *s, int64_t number);
void store_arg_unsigned(struct store *s, uint64_t number);
void store_end_command(struct store *s);

int store_send(struct store *s, struct err *e) MUST_CHECK;
/* The next reply, of any type but an error; free it with freeReplyObject. */
int store_reply(struct store *s, redisReply **out, struct err *e) MUST_CHECK;
/* The same, error replies given as they are. */
int store_raw_reply(struct store *s, redisReply **out, struct err *e) MUST_CHECK;
/* Replies that only have to be no errors. */
int store_skip_replies(struct store *s, size_t n, struct err *e) MUST_CHECK;

int store_reply_error(const redisReply *r, struct err *e);

static inline struct span reply_span(const redisReply *r)
{
    return (struct span){r->str, r->len};
}

/* Fields and values one after another, as HGETALL gives them. */
static inline bool reply_is_pairs(const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements % 2 != 0)
        return false;
    for (size_t i = 0; i < r->elements; i++)
        if (r->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return true;
}

/* Decimal text as Redis stores numbers; -1 when it is none. */
int store_number(struct span text, int64_t *out);

/* The key in s->key, valid until the next. */

struct span store_key(struct store *s, const struct view_ref *v,
                      void (*make)(const struct view_ref *, struct buf *));
struct span store_page_key(struct store *s, const struct view_ref *v, struct span site,
                           const struct tier *t, int64_t start_us, unsigned sub_page);
/* The page as the index names it. */
struct span store_page_name(struct store *s, const struct tier *t, const struct page *p);

enum state_field {
    STATE_FORMAT,
    STATE_LOG_ID,
    STATE_EPOCH,
    STATE_OFFSET,
    STATE_LAST_ID,
    STATE_DEFINITION,
    STATE_DIGEST,
    STATE_WATERMARK,
    N_STATE_FIELDS
};
extern const char *const store_state_fields[N_STATE_FIELDS];

/* From the reply to HMGET of these fields. A state with a field missing or malformed is found, and
 * unreadable: format 0. The epoch is taken if it can be, so that an owner is recognised in any
 * case. */
void store_read_state(const redisReply *r, struct view_state *s);

static inline unsigned store_sub_pages(size_t rows) /* beyond the first */
{
    return rows == 0 ? 0 : (unsigned)((rows - 1) / SUB_PAGE_GROUPS);
}

#endif
