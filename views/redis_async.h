/* SPDX-License-Identifier: Apache-2.0 */
/* Redis from an HTTP loop: one connection, commands answered later, nothing blocks. Connects when
 * first needed and again after a failure, with a growing pause (commands in between fail at once).
 * An answer that takes too long, or is too large, ends the connection: all that wait are told.
 * Everything on the loop. */
#ifndef VIEWS_REDIS_ASYNC_H
#define VIEWS_REDIS_ASYNC_H

#include "base/err.h"
#include "base/http.h"
#include "base/span.h"
#include "views/redis_address.h"

struct redis_async;
struct redisReply; /* hiredis' */

struct redis_async_options {
    struct redis_address address; /* host: an address, no name (see redis_async_resolve) */
    int64_t timeout_ms;           /* without any answer while some are awaited */
    unsigned max_waiting;         /* commands with on_answer; ERR_BUSY beyond */
    size_t max_answer_bytes;      /* of what arrives between two answers */
};

/* Puts the address of the host in place of its name. Blocks: call at start. */
int redis_async_resolve(struct redis_address *a, struct err *e) MUST_CHECK;

/* reply is borrowed for the call; NULL when e says why there is none (an error reply is ERR_DOWN,
 * the wrong type of key ERR_DATA). */
typedef void redis_async_answer(void *context, const struct redisReply *reply, const struct err *e);

struct redis_async *redis_async_new(struct http_loop *l, const struct redis_async_options *o);
void redis_async_free(struct redis_async *r); /* answers what waits with ERR_DOWN */

struct redis_async_command {
    const struct span *args;
    unsigned n_args;
    redis_async_answer *on_answer; /* NULL: the answer is of no interest */
    void *context;
};
/* On -1 on_answer is not called. On 0 it is called once, never before this returns. */
int redis_async_send(struct redis_async *r, const struct redis_async_command *c,
                     struct err *e) MUST_CHECK;

/* Whether n more answers may be awaited: ask before a transaction, which must not stop halfway. */
bool redis_async_has_room(const struct redis_async *r, unsigned n);

#endif
