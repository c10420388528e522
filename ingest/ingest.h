/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: events in over HTTP, valid, enriched and durable in the log before they are acknowledged.
 *
 *   events_endpoint  headers and body of POST /v1/events  \
 *   pixel            GET /v1/pixel.gif                      > intake > collect > log writer
 *   events_answer    what the writer decided, as HTTP     <
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "base/config.h"
#include "base/http.h"
#include "ingest/conservation.h"
#include "log/log.h"
#include "log/salts.h"
#include "log/sites.h"
#include "log/sources.h"

struct ingest;

extern const struct option ingest_options[];

/* Borrowed until ingest_free. */
struct ingest_log {
    struct log_writer *writer;
    struct salts *salts;
    struct sites *sites;
    struct sources *sources;
};

/* Reads the user agents' rules and the geo database that the options name. Without a database or
 * without rules it says so once and goes on. */
int ingest_new(struct ingest **out, const struct ingest_log *log, const struct config *c,
               struct err *e) MUST_CHECK;
void ingest_free(struct ingest *g); /* after the HTTP server and the writer */

/* SIGHUP: reads the geo database again. */
int ingest_reload(struct ingest *g, const struct config *c, struct err *e) MUST_CHECK;

/* POST /v1/events, GET /v1/pixel.gif, GET /v1/sources/{name}; returns how many. */
size_t ingest_routes(struct ingest *g, struct http_route *out, size_t max);

/* On each loop: from http_options.on_loop_start and on_loop_stop. */
enum { INGEST_MAX_LOOPS = 64 };
void ingest_on_loop_start(struct ingest *g, struct http_loop *l);
void ingest_on_loop_stop(struct ingest *g, struct http_loop *l);

#endif
