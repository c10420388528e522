/* SPDX-License-Identifier: Apache-2.0 */
/* What is added to a valid event before it is appended, so that it is part of the fact: its id, the
 * region, browser, system, device and bot flag, the visitor. */
#ifndef INGEST_ENRICH_H
#define INGEST_ENRICH_H

#include "ingest/event_rules.h"
#include "ingest/geo.h"
#include "ingest/user_agent.h"
#include "ingest/uuid.h"
#include "ingest/visitor.h"

enum store_ip { STORE_IP_NONE, STORE_IP_TRUNCATED, STORE_IP_FULL };

/* Shared by all threads; borrowed by the enrichers. */
struct enrich_sources {
    struct user_agent_rules *user_agents; /* or NULL */
    struct geo *geo;
    struct recent_visitors *recent;
    visitor_salt *salt;
    void *salt_context;
    enum store_ip store_ip;
};

struct enricher; /* one per thread */

struct enricher *enricher_new(const struct enrich_sources *sources);
void enricher_free(struct enricher *n);

/* Completes d->event. Its spans stay valid until the next call. */
void enrich(struct enricher *n, struct draft *d);

#endif
