/* SPDX-License-Identifier: Apache-2.0 */
/* A view's plan: the intermediate form between its SQL definition and the streaming execution.
 *
 *   relation -> filter -> group by site, time bucket, dimensions -> measures
 *
 * A plan is immutable, shared by threads, and lives as long as the process (catalog.h). It says
 * nothing about where results are kept. */
#ifndef VIEWS_PLAN_H
#define VIEWS_PLAN_H

#include "base/err.h"
#include "views/expr.h"

/* ---- time tiers ---- */

/* Results are kept per slot; the slots of one unit are stored together as a page. */
enum tier_unit { TIER_FIXED, TIER_MONTH };

struct tier {
    const char *name;    /* "1m", "15m", "1d": part of the Redis key and of the parameters */
    int64_t slot_us;     /* width of a slot; divides a day; origin is the epoch */
    enum tier_unit unit; /* TIER_FIXED: pages of page_us from the epoch; TIER_MONTH: UTC months */
    int64_t page_us;
    unsigned max_slots; /* 60, 96, 31 */
};

enum { PLAN_MAX_TIERS = 4, PLAN_MAX_DIMENSIONS = 8, PLAN_MAX_MEASURES = 16, PLAN_MAX_WORDS = 48 };

extern const struct tier TIER_MINUTES;  /* an hour of minutes */
extern const struct tier TIER_QUARTERS; /* a day of quarter hours */
extern const struct tier TIER_DAYS;     /* a month of days */

struct tier_slot {
    int64_t page_start_us;
    unsigned slot;
};
struct tier_slot tier_slot_of(const struct tier *t, int64_t time_us);
int64_t tier_slot_time(const struct tier *t, struct tier_slot at); /* start of the slot */
int64_t tier_page_end(const struct tier *t, int64_t page_start_us);
/* Page and slot for a run of times: divides only when the slot changes. Zeroed: nothing known. */
struct tier_spot {
    const struct tier *tier;
    struct tier_slot at;
    int64_t from_us, to_us; /* the slot */
};
void tier_spot_move(struct tier_spot *s, const struct tier *t, int64_t time_us);
static inline struct tier_slot tier_spot_at(struct tier_spot *s, const struct tier *t,
                                            int64_t time_us)
{
    if (time_us < s->from_us || time_us >= s->to_us || s->tier != t)
        tier_spot_move(s, t, time_us);
    return s->at;
}

/* ---- the plan ---- */

struct plan_dimension {
    const char *name;
    const struct expr *value; /* a text, an int or a bool */
};

enum aggregate_kind {
    AGGREGATE_COUNT,          /* rows with a value that is not NULL; without a value: rows */
    AGGREGATE_COUNT_DISTINCT, /* of a text, int, bool, time or uuid: a sketch */
    AGGREGATE_SUM,            /* of an int or a number, as all below */
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX
};

/* A measure's state in the cells of a view is one word, or three: how many values it is of (NULL
 * when none), and a 128-bit number, its low word first: the sum, the least or the greatest, times
 * 10^scale. */
struct plan_measure {
    const char *name;
    enum aggregate_kind kind;
    const struct expr *value;  /* NULL: count(*) */
    const struct expr *filter; /* FILTER (WHERE ...), or NULL */
    unsigned at;               /* its first word */
    uint8_t scale;
    bool hidden; /* not in the SELECT's list: only HAVING or ORDER BY ask for it */
};

static inline unsigned aggregate_words(enum aggregate_kind kind)
{
    return kind <= AGGREGATE_COUNT_DISTINCT ? 1 : 3;
}

/* Whether what was added can be taken back: rows of sessions change as page views come. */
static inline bool plan_can_take_back(enum aggregate_kind kind)
{
    return kind == AGGREGATE_COUNT || kind == AGGREGATE_SUM || kind == AGGREGATE_AVG;
}

/* A column of what a view gives: its time, a dimension or a measure. */
enum plan_column { PLAN_TIME, PLAN_DIMENSION, PLAN_MEASURE };
struct plan_order {
    enum plan_column column;
    unsigned index;
    bool descending, nulls_first;
};
enum { PLAN_MAX_ORDER = PLAN_MAX_DIMENSIONS + PLAN_MAX_MEASURES + 1 };

struct plan {
    const char *name;
    const char *sql;       /* the definition as it was given, comments and all */
    const char *canonical; /* its SELECT as PostgreSQL gives it back (pg_get_viewdef) */
    const struct relation *relation;
    const struct expr *filter; /* WHERE, or NULL */
    int64_t bucket_us;         /* width of the time bucket: the finest tier's slots */
    const char *bucket_name;   /* the column of the time bucket */
    unsigned n_tiers, n_dimensions, n_measures, n_words;
    const struct tier *tiers[PLAN_MAX_TIERS]; /* finest first; the finest is the SQL's bucket */
    int64_t retention_us[PLAN_MAX_TIERS];     /* against the site's watermark; 0: keep */
    struct plan_dimension dimensions[PLAN_MAX_DIMENSIONS];
    struct plan_measure measures[PLAN_MAX_MEASURES];

    /* Properties of reading: they change nothing of what is kept. */
    const struct expr *having; /* over a row of the answer: column i is dimension i, then measures;
                                * NULL: all */
    unsigned n_order;
    struct plan_order order[PLAN_MAX_ORDER];
    int64_t limit; /* -1: none */
};

/* Whether a page has expired at this watermark of its site: its end lies retention behind. A page
 * that has expired stays so; with finer tiers expiring first (plan_check), a page that lives has
 * its coarser pages alive. */
bool plan_page_expired(const struct plan *p, unsigned tier, int64_t page_start_us,
                       int64_t watermark_us);

/* The columns of its relation a plan reads, site and time included: bit 1 << column. */
uint32_t plan_reads(const struct plan *p);
/* The columns of the log a plan needs (site and time included): what a replay has to fetch. */
column_set plan_columns(const struct plan *p);
/* Identifies a definition: SHA-256 of name, canonical SELECT and retention, hex. Stored with a
 * generation. */
void plan_hash(const struct plan *p, char out[65]);
/* What every plan must keep to, from wherever it comes: names, limits, types, tiers that nest. */
int plan_check(const struct plan *p, struct err *e) MUST_CHECK;

#endif
