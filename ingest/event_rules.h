/* SPDX-License-Identifier: Apache-2.0 */
/* From the fields of a submission to a valid event: the rules of the event, one sender at a time.
 * No I/O, no clock: the time of receipt is the sender's. Any thread. */
#ifndef INGEST_EVENT_RULES_H
#define INGEST_EVENT_RULES_H

#include "base/address.h"
#include "base/clock.h"
#include "ingest/fields.h"
#include "ingest/url.h"
#include "log/event.h"

#define EVENT_OLDEST_US INT64_C(631152000000000) /* 1990-01-01 */
#define EVENT_AHEAD_US (5 * US_PER_MINUTE)
#define EVENT_OPEN_AGE_US (5 * US_PER_MINUTE) /* oldest timestamp without an ingest token */

/* Who sent the request: the same for all its events. */
struct sender {
    bool trusted;           /* carries an ingest (or admin) token */
    int64_t scope_id;       /* of the event ids it gives: http_identity's */
    struct span site;       /* the token's only site; absent: any */
    struct address address; /* the client's */
    bool has_address;
    struct span user_agent; /* the request's; absent when trusted */
    int64_t received_us;
};

enum { EVENT_TEXT_BYTES = 4096 * 4 + 3 * HOST_MAX_BYTES };

/* A valid event before enrichment, with what enrichment needs. */
struct draft {
    struct event event;     /* all but visitor, os, device, bot, country, and what a lookup gives */
    struct address address; /* the visitor's */
    bool has_address;
    struct span user_agent;      /* the visitor's; absent when unknown */
    char text[EVENT_TEXT_BYTES]; /* backs lower-cased and decoded spans */
};

/* 0, or -1 with the rejection. The draft borrows what the fields and the sender borrow. */
int event_rules_apply(const struct fields *f, const struct sender *s, struct draft *d,
                      struct rejection *r);

#endif
