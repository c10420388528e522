/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind an event, without knowing who: a keyed hash whose key is destroyed after two days.
 *
 *   visitor = SipHash-2-4(salt of the event's UTC day,
 *                         'u' site 0 userId            if there is a userId, else
 *                         's' site 0 sessionId         if there is a sessionId, else
 *                         'a' site 0 address userAgent (16 bytes, IPv4 mapped into IPv6))
 *
 * Visits must not break at midnight UTC: in the first 30 minutes of a day, a visitor seen under the
 * salt of the day before within the last 30 minutes keeps that hash. Days whose salt is derived
 * (imports) leave that out, so that two imports agree whatever was imported before. */
#ifndef INGEST_VISITOR_H
#define INGEST_VISITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/siphash.h"
#include "base/span.h"

/* Visitors seen around midnight, shared by all threads without locks: bounded, an entry lost to a
 * race or for room only means a visit that breaks. */
struct recent_visitors;

struct recent_visitors *recent_visitors_new(void);
void recent_visitors_free(struct recent_visitors *r);

/* Where the keys come from: salts_for_day of the log, or a test's. true: a live salt. */
typedef bool visitor_salt(void *context, int64_t day, struct siphash_key *out);

struct visitors { /* one per thread */
    struct recent_visitors *recent;
    visitor_salt *salt;
    void *context;
    struct {
        int64_t day, until_us;
        struct siphash_key key;
        bool live;
    } known[2]; /* the salts last asked for, kept for a second */
};

struct visitor_of {
    struct span site;
    struct span user_id, session_id; /* or absent */
    const struct address *address;   /* or NULL */
    struct span user_agent;          /* or absent; cut at 4,096 bytes */
    int64_t time_us, now_us;
};

uint64_t visitor_hash(struct visitors *v, const struct visitor_of *of);

#endif
