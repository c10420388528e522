/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIEWS_VERIFY_INTERNAL_H
#define VIEWS_VERIFY_INTERNAL_H

#include "views/page.h"
#include "views/verify.h"

/* Where a difference is; group absent: the whole page. */
struct verify_place {
    const struct plan *plan;
    struct span site, group;
    unsigned tier;
    int64_t time_us;
};

/* Counts it, and keeps it while there is room. expected and stored are copied. */
void verify_differ(struct verify_result *r, const struct verify_place *at, const char *what,
                   const char *expected, const char *stored);

/* Compares two pages of the same place, row by row. */
void verify_compare_pages(struct verify_result *r, const struct plan *p,
                          const struct page *expected, const struct page *stored);

#endif
