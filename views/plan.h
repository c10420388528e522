/* SPDX-License-Identifier: Apache-2.0 */
/* A view's plan: the intermediate form between its SQL definition and the streaming execution.
 *
 *   events -> filter -> group by site, time bucket, dimensions -> measures
 *
 * A plan is immutable and may be shared by threads. It says nothing about where results are kept.
 */
#ifndef VIEWS_PLAN_H
#define VIEWS_PLAN_H

#include "base/err.h"
#include "log/event.h"

/* ---- expressions over one event: three-valued logic as in SQL ---- */

enum expr_op {
    EXPR_COLUMN, /* column */
    EXPR_TEXT,   /* text */
    EXPR_BOOL,   /* truth */
    EXPR_EQUAL,  /* args[0] = args[1] */
    EXPR_NOT,    /* args[0] */
    EXPR_AND,    /* args[0], args[1] */
    EXPR_OR,
    EXPR_IS_NULL /* args[0] */
};

struct expr {
    enum expr_op op;
    enum event_column column;
    const char *text;
    bool truth;
    const struct expr *args[2];
};

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

enum { PLAN_MAX_TIERS = 3, PLAN_MAX_DIMENSIONS = 8, PLAN_MAX_MEASURES = 8 };

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
    enum event_column column;
};

enum aggregate_kind { AGGREGATE_COUNT, AGGREGATE_COUNT_DISTINCT };

struct plan_measure {
    const char *name;
    enum aggregate_kind kind;
    enum event_column column;  /* of AGGREGATE_COUNT_DISTINCT */
    const struct expr *filter; /* FILTER (WHERE ...), or NULL */
};

struct plan {
    const char *name;
    const char *sql; /* the definition: plain PostgreSQL, the text of views/sql/NAME.sql */
    const struct expr *filter; /* WHERE, or NULL */
    unsigned n_tiers, n_dimensions, n_measures;
    const struct tier *tiers[PLAN_MAX_TIERS]; /* finest first; the finest is the SQL's bucket */
    int64_t retention_us[PLAN_MAX_TIERS];     /* against the site's watermark; 0: keep */
    struct plan_dimension dimensions[PLAN_MAX_DIMENSIONS];
    struct plan_measure measures[PLAN_MAX_MEASURES];
};

/* Whether a page has expired at this watermark of its site: its end lies retention behind. A page
 * that has expired stays so; with finer tiers expiring first (plan_check), a page that lives has
 * its coarser pages alive. */
bool plan_page_expired(const struct plan *p, unsigned tier, int64_t page_start_us,
                       int64_t watermark_us);

/* The columns a plan reads (site and time included): what a replay has to fetch. */
column_set plan_columns(const struct plan *p);
/* Identifies a definition: SHA-256 of name, SQL and retention, hex. Stored with a generation. */
void plan_hash(const struct plan *p, char out[65]);
/* The SELECT of the definition: what stands after AS, without the final semicolon. */
struct span plan_select(const struct plan *p);
/* What every plan must keep to, from wherever it comes: names, limits, types, tiers that nest. */
int plan_check(const struct plan *p, struct err *e) MUST_CHECK;

/* The shipped views, in the order of the contract; ended by NULL. */
extern const struct plan *const shipped_plans[];
const struct plan *plan_find(struct span name); /* among the shipped; or NULL */

#endif
