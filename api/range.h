/* SPDX-License-Identifier: Apache-2.0 */
/* A time range of a view: from the parameters from, to, step, window and tz to the slots of the
 * answer, and to what has to be read for them: each slot is covered by the coarsest units that fit
 * (days in the middle, quarter hours and minutes at its edges). Pure: no I/O, now is an argument.
 */
#ifndef API_RANGE_H
#define API_RANGE_H

#include "api/refusal.h"
#include "base/mem.h"
#include "base/zone.h"
#include "views/plan.h"

enum { RANGE_MAX_SLOTS = 10000, RANGE_MAX_WINDOW_SLOTS = 1000 };

struct range_request {
    struct span from, to, step, window, tz; /* as given; absent: the default */
    int64_t now_us;
    const struct plan *plan;
    const struct zones *zones;
    unsigned
        finest; /* index of the finest tier to read: more than 0 when those before have expired */
};

enum step_kind { STEP_FIXED, STEP_DAY, STEP_WEEK, STEP_MONTH, STEP_ALL };

struct range_step {
    enum step_kind kind;
    int64_t us; /* STEP_FIXED: less than a day */
    char name[16];
};

/* One page of one tier: slot[i] is the answer's slot that the page's slot i counts for, or -1. */
struct range_page {
    unsigned tier;
    int64_t start_us;
    int32_t *slot; /* tier->max_slots; below n_read */
};

/* Everything lives in the arena given to range_make. */
struct range {
    const struct zone *zone;
    int64_t from_us, to_us; /* rounded outwards to whole units of the finest tier */
    struct range_step step;
    bool step_given;
    uint32_t n_slots;
    int64_t *slot_us; /* start of each slot of the answer; the first may lie before from_us */
    /* Hopping windows: each begins with a slot of the answer and is so many slots long, so that
     * those after the last one are read, too. from and to are slots then. Without: 1, and n_slots.
     */
    uint32_t window_slots, n_read;
    char window[16];    /* as it was asked for; empty: it was not */
    int64_t read_to_us; /* end of the last slot that is read */
    uint32_t n_pages;
    struct range_page *pages; /* ascending within a tier */
};

static inline bool range_has_window(const struct range *g)
{
    return g->window[0] != '\0';
}

/* A step as a parameter gives it: minute, hour, day, week, month, all, 30s, 15m, 6h. */
int range_take_step(struct span text, struct range_step *out, struct refusal *r) MUST_CHECK;

/* A time as a parameter gives it: RFC 3339 or Unix seconds; absent: *out_us stays. */
int range_take_time(struct span text, const char *name, int64_t *out_us,
                    struct refusal *r) MUST_CHECK;

int range_make(struct range *out, const struct range_request *q, struct arena *a,
               struct refusal *r) MUST_CHECK;

/* The slots of a query, whose bounds hold exactly: nothing is read by pages. Its units are the
 * SELECT's own buckets, from the epoch on. */
struct range_exact {
    int64_t from_us, to_us;
    const struct zone *zone;
    struct range_step step;
    int64_t unit_us; /* 0: the SELECT has no bucket */
    const char *unit_name;
};
int range_make_exact(struct range *out, const struct range_exact *q, struct arena *a,
                     struct refusal *r) MUST_CHECK;
/* The slot of the answer that counts what a unit holds that starts then. The first one's unit may
 * start before it. */
uint32_t range_slot_at(const struct range *g, int64_t t_us);

/* Once the site's watermark is known: refuses when a page that is needed has expired, naming what
 * to ask for instead. */
int range_check_kept(const struct range *g, const struct plan *p, int64_t watermark_us,
                     struct refusal *r) MUST_CHECK;

#endif
