/* SPDX-License-Identifier: Apache-2.0 */
/* The window of event ids: the last N ids clients gave, to tell repeats. Pure memory. Ids added
 * are pending until window_commit (their events are durable) or window_rollback. */
#ifndef LOG_WINDOW_H
#define LOG_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"

struct window_id {
    uint64_t a, b;
};

struct window;
struct window *window_new(uint32_t capacity); /* grown as filled: about 24 bytes an id */
void window_free(struct window *w);

/* An id in its scope: a keyed hash, so that no sender can make ids of other scopes collide. */
struct window_id window_id_of(const struct window *w, int64_t scope, struct span site,
                              struct span id);
/* false: it is known, or pending already. The caller keeps pending ids <= BATCH_MAX_EVENTS. */
bool window_add(struct window *w, struct window_id id);
void window_commit(struct window *w);          /* the oldest leave */
void window_rollback(struct window *w);        /* the pending ones never were */
void window_forget(struct window *w);          /* empty again */
uint32_t window_count(const struct window *w); /* without pending ones */

#endif
