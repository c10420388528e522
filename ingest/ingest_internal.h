/* SPDX-License-Identifier: Apache-2.0 */
/* What ingest's endpoints share. */
#ifndef INGEST_INGEST_INTERNAL_H
#define INGEST_INGEST_INTERNAL_H

#include "ingest/collect.h"
#include "ingest/ingest.h"
#include "ingest/intake.h"

/* A loop's own. */
struct ingest_loop {
    struct intake *intake;
    struct collect *collect;
    struct buf answer; /* scratch */
};

struct ingest {
    struct ingest_log log;
    struct enrich_sources sources;
    bool open_sites;
    struct ingest_loop loops[INGEST_MAX_LOOPS];
};

static inline struct ingest_loop *ingest_loop_of(struct ingest *g, const struct http_request *r)
{
    return &g->loops[http_loop_index(http_loop_of(r))];
}

/* Who sends, from the request's identity, address and headers. false: answered (a read token). */
bool ingest_sender(struct http_request *r, struct sender *s);

/* A request that waits for its commit; in the memory of the append. */
struct waiting {
    struct http_ticket *ticket;
    struct intake_tally tally;
    uint32_t received;
    bool pixel;
};

/* Ends reading: hands the events to the append or, if nothing is to be appended, answers.
 * request: its part as far as it is known (first event, key, source), borrowed from the request. */
struct submission {
    struct append *append;
    struct append_request request;
    struct intake_tally tally;
    uint32_t received;
    bool atomic, pixel;
};
void ingest_submit(struct http_request *r, struct submission *s);

collect_answer ingest_answer; /* context: the struct ingest_loop */

/* The pixel's bytes with a status, and why it was not taken (or NULL). */
void pixel_send(struct http_request *r, int status, const char *rejected);

/* 1 to 255 visible ASCII characters. */
bool ingest_key_fits(struct span key);

/* The name of a source. false: answered with 400. */
bool ingest_source_ok(struct http_request *r, struct span name);

http_handler events_handle, pixel_handle, sources_handle;
extern const struct http_param_doc events_params[], pixel_params[], sources_params[];
extern const struct http_answer_doc events_answers[], pixel_answers[], sources_answers[];
extern const char events_request_types[];

#endif
