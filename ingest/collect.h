/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit, a loop's side: the requests of a turn are collected in one append, which goes to
 * the writer at the end of the turn when none of the loop's is there; meanwhile the next one is
 * filled. One message brings an append back with all its answers. Everything here runs on the loop,
 * but for the hand-over. */
#ifndef INGEST_COLLECT_H
#define INGEST_COLLECT_H

#include "base/http.h"
#include "log/log.h"

struct collect;

enum { COLLECT_SLOTS = 8, COLLECT_MAX_BYTES = 4 << 20 };

/* Called for each request of an append that came back (or could not be handed over: then the
 * outcome is APPEND_UNAVAILABLE). The request's owner is what collect_add was given; its memory, of
 * the append's arena, ends with the call. */
typedef void collect_answer(void *context, struct append_request *r);

struct collect *collect_new(struct http_loop *l, struct log_writer *w, collect_answer *answer,
                            void *context);
void collect_free(struct collect *c); /* when no append is with the writer */

/* The append being filled, with room for n more events; NULL: all are with the writer (busy). */
struct append *collect_room(struct collect *c, uint32_t n);

#endif
