/* SPDX-License-Identifier: Apache-2.0 */
/* Where the log ends: a thread with a reader of its own follows the heads of the partitions, so
 * that the HTTP loops can ask without I/O, and tells them when they move. Works in any process,
 * also without the writer. */
#ifndef API_HEADS_H
#define API_HEADS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct heads;

struct heads_options {
    const char *postgres_uri; /* borrowed until heads_stop */
    void (*on_growth)(
        void *context); /* on the thread, at most some 50 times a second; may be NULL */
    void *context;
};

int heads_start(struct heads **out, const struct heads_options *o, struct err *e) MUST_CHECK;
void heads_stop(struct heads *h); /* NULL is fine */

/* Any thread. */
struct heads_state {
    bool known;     /* it was read at least once */
    bool reachable; /* PostgreSQL answered last time */
    uint64_t next_seq;
    char error[256]; /* when not reachable */
};
void heads_get(struct heads *h, struct heads_state *out);

#endif
