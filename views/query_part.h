/* SPDX-License-Identifier: Apache-2.0 */
/* A question that is asked once: a plan over the events of one site in [from, to), or over its
 * sessions that start then. Slices of the log go into parts, in any order and any split, one part a
 * thread; parts are merged into pages, in the form in which views store theirs. Pure computation:
 * no I/O, no clock.
 *
 * Sessions: whether an event counts depends on the site's watermark before it, and a session that
 * starts before `to` may go on for long. So they are collected, in order, from all events from the
 * gap before `from` on. */
#ifndef VIEWS_QUERY_PART_H
#define VIEWS_QUERY_PART_H

#include "views/aggregate.h"
#include "views/page.h"

/* What is asked. */
struct query_scope {
    struct plan plan;  /* the question's, with the one tier below, nothing of which expires */
    struct tier slots; /* of the plan's bucket; without one a single slot for all times */
    struct span site;  /* borrowed */
    int64_t from_us, to_us;
    int64_t read_us[2]; /* the times that have to be read: for sessions more than these */
    bool in_order;      /* one part gets all slices, in their order: for sessions */
};

enum { QUERY_MAX_SLOTS = 100000 };

/* The plan's expressions are borrowed. ERR_INPUT: more slots than are possible. The scope stays
 * where it is: its plan points into it. */
int query_scope_init(struct query_scope *s, const struct plan *p, struct span site,
                     const int64_t range_us[2], struct err *e) MUST_CHECK;
/* The first slot's page, and how many there are up to the last slot's. */
int64_t query_scope_first_page(const struct query_scope *s);
uint32_t query_scope_pages(const struct query_scope *s);

/* ---- one thread's share */

struct query_part;

struct query_part *query_part_new(const struct query_scope *s, struct aggregate_limits limits);
void query_part_free(struct query_part *p); /* NULL is fine */

/* False: the limits are reached, not all of the slice was taken. */
bool query_part_add(struct query_part *p, const struct log_slice *slice);
/* After the last slice; false: the limits are reached. */
bool query_part_finish(struct query_part *p) MUST_CHECK;

struct query_counts {
    uint64_t events;   /* of the site and the time, whether the plan's filter wants them or not */
    int64_t latest_us; /* the greatest of their times; INT64_MIN: none */
};
struct query_counts query_part_counts(const struct query_part *p);

/* ---- the whole */

struct query_pages {
    const struct query_scope *scope;
    struct page **pages; /* query_scope_pages; NULL: nothing there */
};
void query_pages_init(struct query_pages *p, const struct query_scope *s);
void query_pages_clear(struct query_pages *p);
void query_pages_merge(struct query_pages *p, struct query_part *from);

/* Every group of every page, as it would be stored (page.h). Stops with -1 when the callback does.
 */
int query_pages_each(const struct query_pages *p,
                     int (*each)(void *context, int64_t page_start_us, struct span group,
                                 struct span value),
                     void *context);

#endif
