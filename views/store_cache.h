/* SPDX-License-Identifier: Apache-2.0 */
/* Answers kept beside the views for a while. There is a fixed number of places, so that they never
 * take more than so much of a Redis that holds the views and must not be full. */
#ifndef VIEWS_STORE_CACHE_H
#define VIEWS_STORE_CACHE_H

#include "views/store.h"

enum { STORE_CACHE_PLACES = 128, STORE_CACHE_BYTES = 1 << 20, STORE_CACHE_SECONDS = 600 };

/* What an answer is known by: of everything that its bytes depend on (SHA-256), but for the log's
 * events; and the head of the log that it is of. */
struct store_cache_key {
    const char *prefix; /* redis.prefix */
    uint8_t hash[32];
    uint64_t offset;
};

/* Puts the answer into out when there is one of this very head. */
int store_cache_get(struct store *s, const struct store_cache_key *key, struct buf *out,
                    bool *found, struct err *e) MUST_CHECK;
/* In place of what is in its place. One of more than STORE_CACHE_BYTES is not kept. */
int store_cache_put(struct store *s, const struct store_cache_key *key, struct span answer,
                    struct err *e) MUST_CHECK;

#endif
