/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/query of the rig's service (api_rig.h), beside the same asked of its PostgreSQL. */
#ifndef SUPPORT_QUERY_RIG_H
#define SUPPORT_QUERY_RIG_H

#include "tests/support/api_rig.h"

/* Posts n events, each a line of NDJSON that put_event adds, so many a request (n is a multiple of
 * it). Returns the URI of the service's PostgreSQL: free it. */
struct query_rig_events {
    void (*put_event)(struct buf *out, uint64_t *seed);
    uint64_t seed;
    int n, per_post;
};
char *query_rig_fill(const struct query_rig_events *events);

/* By an administrator. accept NULL: not given. */
struct support_answer query_rig_ask(const char *accept, const char *body);
/* The CSV's lines without the head, ended by \n. Free it. */
char *query_rig_lines(const char *body);

#endif
