/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of GET /v1/views/{name}/rows, but for the range (range.h). Pure. */
#ifndef API_ROWS_QUERY_H
#define API_ROWS_QUERY_H

#include "api/refusal.h"
#include "base/query.h"
#include "views/group.h"
#include "views/plan.h"

enum { ROWS_MAX_LIMIT = 10000, ROWS_DEFAULT_LIMIT = 1000, ROWS_MAX_OFFSET = 1000000 };
enum { ROWS_MAX_CONDITIONS = 100, ROWS_MAX_ORDER = PLAN_MAX_DIMENSIONS + PLAN_MAX_MEASURES + 1 };

/* One value of filter[dim], filter[dim]! or null[dim], of the dimension's type. A dimension passes
 * when it has no "any of" or equals one of them, and equals none of the excluded. */
struct rows_condition {
    unsigned dimension;
    bool excludes;
    struct group_value value;
};

enum rows_column { ROWS_TIME, ROWS_DIMENSION, ROWS_MEASURE };

struct rows_order {
    enum rows_column column;
    unsigned index; /* ROWS_DIMENSION: in by; ROWS_MEASURE: in the plan */
    bool descending, nulls_first;
};

struct rows_query {
    const struct plan *plan;
    struct span site; /* as given; absent: not */
    struct span from, to, step, window, tz;
    unsigned n_by,
        by[PLAN_MAX_DIMENSIONS]; /* indexes of the plan's dimensions, in order of output */
    unsigned n_conditions;
    struct rows_condition conditions[ROWS_MAX_CONDITIONS];
    unsigned n_order;
    struct rows_order order[ROWS_MAX_ORDER];
    uint32_t limit, offset;
    bool fill;
};

/* Spans point into the parameters. order and limit are the view's own when they are not given.
 * Refuses unknown and repeated parameters, too. */
int rows_query_parse(struct rows_query *out, const struct plan *p, const struct query_param *params,
                     size_t n, struct refusal *r) MUST_CHECK;

/* Whether a group with these dimensions (the plan's, in order) is wanted. */
bool rows_query_wants(const struct rows_query *q, const struct group_value *dimensions);

#endif
