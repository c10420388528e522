/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of GET /v1/live: page views and visitors of each of the last minutes, and the
 * different visitors of the last few together. Pure: no I/O, now is an argument. */
#ifndef API_LIVE_TOTALS_H
#define API_LIVE_TOTALS_H

#include "api/rows.h"

enum { LIVE_MINUTES = 30, LIVE_VISITOR_MINUTES = 5 }; /* the running one included */

/* What is read for them of a view that has pageviews and visitors by the minute, or finer. */
struct live_need {
    struct rows_query query;
    struct range range;
    unsigned pageviews, visitors; /* measures of the plan */
};
/* Everything lives in the arena. ERR_INPUT: the view is none such. */
int live_need_init(struct live_need *n, const struct plan *p, int64_t now_us, struct arena *a,
                   struct err *e) MUST_CHECK;

struct live_totals {
    int64_t first_us; /* the first minute */
    int64_t visitors; /* of the last minutes, each counted once */
    struct {
        int64_t pageviews, visitors;
    } minutes[LIVE_MINUTES];
};

/* rows: of the need, all pages added, not finished. */
void live_totals_take(struct live_totals *t, const struct live_need *n, struct rows *rows);
bool live_totals_equal(const struct live_totals *a, const struct live_totals *b);

struct live_as_of {
    struct span site;
    uint64_t offset, generation;
    bool has_watermark;
    int64_t watermark_us;
};
/* Puts the event of the stream. */
void live_totals_put(const struct live_totals *t, const struct live_as_of *at, struct buf *out);

#endif
