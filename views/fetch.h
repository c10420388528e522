/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the log on a thread of its own, one chunk ahead: PostgreSQL stops when a socket's buffer is
 * full, so somebody has to take the next chunk from it while this one is aggregated. */
#ifndef VIEWS_FETCH_H
#define VIEWS_FETCH_H

#include "log/log.h"

struct fetch;

int fetch_open(struct fetch **out, const char *postgres_uri, struct err *e) MUST_CHECK;
void fetch_close(struct fetch *f); /* waits for a chunk that is under way; NULL is fine */

/* One may be under way. */
void fetch_start(struct fetch *f, const struct log_range *range);
int fetch_finish(struct fetch *f, struct log_chunk *out, struct err *e) MUST_CHECK;

/* Its reader, to wait with while nothing is under way, and to wake. */
struct log_reader *fetch_reader(struct fetch *f);

#endif
