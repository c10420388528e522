/* SPDX-License-Identifier: Apache-2.0 */
/* Repeats by source position and idempotency key: what the log knows of the sources and keys of the
 * requests about to be appended, and what this commit will add. The writer's thread only. */
#ifndef LOG_REPEATS_H
#define LOG_REPEATS_H

#include "log/array.h"
#include "log/log.h"
#include "log/sql.h"

struct repeats;
struct repeats *repeats_new(uint32_t partition, uint32_t max_keys_per_scope);
void repeats_free(struct repeats *r);

/* Starts a plan: forgets the one before. */
void repeats_begin(struct repeats *r);
/* Announces a request; those without source and key cost nothing. */
void repeats_announce(struct repeats *r, const struct append_request *q);
/* Looks up what was announced: no statement when there was nothing. */
int repeats_look_up(struct repeats *r, struct sql *sql, struct err *e) MUST_CHECK;

/* Decides one request, in order: APPEND_DONE (go on), or why not; sets its position and answer. */
enum append_outcome repeats_decide(struct repeats *r, struct append_request *q,
                                   struct arena *answers);
/* After the request's counts and seqs are known: its key and position go into the commit. */
void repeats_store(struct repeats *r, const struct append_request *q);
bool repeats_has_news(const struct repeats *r); /* something to store */

/* The nine parameters of the commit: keys (scope, site, key, body hash, answer), sources (scope,
 * site, name, position). Borrowed until the next plan. */
enum { REPEATS_PARAMS = 9 };
void repeats_params(struct repeats *r, struct span params[REPEATS_PARAMS]);

#endif
