/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/query. Pure. */
#ifndef API_QUERY_ASK_H
#define API_QUERY_ASK_H

#include "api/range.h"
#include "base/buf.h"
#include "base/zone.h"
#include "log/sites.h"

enum { QUERY_MAX_BODY = 64 * 1024, QUERY_ORDER_BYTES = 512, QUERY_NUMBER_BYTES = 24 };

struct query_ask {
    char site[SITE_BYTES];   /* as given; "": not */
    int64_t range_us[2];     /* [from, to) */
    const struct zone *zone; /* of the times in the answer, and of the days of step */
    bool has_step;
    struct range_step step;        /* without: the SELECT's own time bucket */
    char order[QUERY_ORDER_BYTES]; /* as parameters of rows; "": not given */
    char limit[QUERY_NUMBER_BYTES], offset[QUERY_NUMBER_BYTES];
};

struct query_ask_context {
    const struct zones *zones;
    int64_t now_us;
};

/* The SELECT goes into sql. Refuses unknown members and those given twice, too. */
int query_ask_parse(struct query_ask *out, struct buf *sql, struct span body,
                    const struct query_ask_context *c, struct refusal *e) MUST_CHECK;

#endif
