/* SPDX-License-Identifier: Apache-2.0 */
/* The pages a builder has in memory: found by site, tier and start; the least recently used go when
 * they take more than their bound, unless a budget has room. A page that was touched since the last
 * open_pages_settle is newer than Redis and stays. */
#ifndef VIEWS_OPEN_PAGES_H
#define VIEWS_OPEN_PAGES_H

#include <stdatomic.h>

#include "views/layout.h"
#include "views/page.h"

struct open_page {
    struct page *page;
    size_t stored_rows; /* in Redis */
    bool loaded;        /* what Redis has of it is in it */
    bool touched;
    uint64_t hash;
    struct open_page *next_in_bucket;
    struct open_page *newer, *older; /* by use */
};

struct open_pages;

/* Shared by several, on any threads: while all of them together keep less than max_bytes, one may
 * keep more than its own bound. Outlives them, or they are taken out of it by open_pages_bound. */
struct open_budget {
    size_t max_bytes;
    atomic_size_t used_bytes;
};

/* budget: may be NULL. */
struct open_pages *open_pages_new(const struct plan *p, size_t max_bytes,
                                  struct open_budget *budget);
/* Another bound, from the next settle on, and no budget. */
void open_pages_bound(struct open_pages *o, size_t max_bytes);
void open_pages_free(struct open_pages *o);
void open_pages_clear(struct open_pages *o); /* drops all */

/* The page, made empty and not loaded when it is not there. It becomes the most recently used. */
struct open_page *open_pages_get(struct open_pages *o, const struct page_address *at);
void open_pages_remove(struct open_pages *o, struct open_page *page);

/* Calls back for every touched page, in order of their first touch. */
void open_pages_each_touched(struct open_pages *o,
                             void (*each)(void *context, struct open_page *page), void *context);
void open_pages_touch(struct open_pages *o, struct open_page *page);
/* Redis has it all: touched pages are clean, what is too much goes. */
void open_pages_settle(struct open_pages *o);

#endif
