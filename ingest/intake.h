/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of one request to rows of a batch: parse, check, enrich, add; and the list of what
 * was rejected. Knows no HTTP and no PostgreSQL. One per loop, reused; nothing is allocated per
 * event. */
#ifndef INGEST_INTAKE_H
#define INGEST_INTAKE_H

#include "ingest/enrich.h"
#include "ingest/payload.h"
#include "log/batch.h"

/* Whether a site may be sent to; NULL: yes, else the reason why not. */
typedef const char *site_gate(void *context, const struct sender *s, struct span site);

struct intake;

struct intake *intake_new(const struct enrich_sources *sources, site_gate *gate, void *context);
void intake_free(struct intake *in);

enum body_encoding { BODY_PLAIN, BODY_GZIP };

enum intake_result {
    INTAKE_OK,
    INTAKE_BAD,       /* not parseable, err says why */
    INTAKE_TOO_LARGE, /* more than PAYLOAD_MAX_BYTES or PAYLOAD_MAX_EVENTS, err says which */
};

/* Takes a body in: its structure and number of events. */
enum intake_result intake_open(struct intake *in, struct span body, enum body_encoding encoding,
                               enum payload_form form, struct err *e);
uint32_t intake_count(const struct intake *in);

/* What became of the events of a request. */
struct intake_tally {
    uint32_t valid;                      /* added to the batch */
    uint32_t rejected[N_REJECT_CLASSES]; /* by reason */
    struct span rejected_json;           /* the array of an answer; until the next intake_read */
};

/* Adds the valid events to the batch (which has room for intake_count more) and closes the body. */
void intake_read(struct intake *in, const struct sender *s, struct batch *to,
                 struct intake_tally *tally);

/* The same for a single page view that came without a body (the pixel): what is absent is not
 * given. */
struct intake_page {
    struct span url, referrer, site;
};
void intake_page_view(struct intake *in, const struct sender *s, const struct intake_page *page,
                      struct batch *to, struct intake_tally *tally);

uint32_t intake_rejected(const struct intake_tally *tally); /* all of them */

#endif
