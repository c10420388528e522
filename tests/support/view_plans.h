/* SPDX-License-Identifier: Apache-2.0 */
/* A plan that has everything: two dimensions with NULLs, filters, distinct counts, short retention.
 */
#ifndef TESTS_VIEW_PLANS_H
#define TESTS_VIEW_PLANS_H

#include "base/clock.h"
#include "views/plan.h"

static const struct expr test_type = {.op = EXPR_COLUMN, .column = EVENT_TYPE};
static const struct expr test_page_view = {.op = EXPR_TEXT, .text = "PageViewEvent"};
static const struct expr test_filter = {.op = EXPR_EQUAL, .args = {&test_type, &test_page_view}};
static const struct expr test_os = {.op = EXPR_COLUMN, .column = EVENT_OS};
static const struct expr test_firefox = {.op = EXPR_TEXT, .text = "Firefox"};
static const struct expr test_os_is_firefox = {.op = EXPR_EQUAL, .args = {&test_os, &test_firefox}};
static const struct expr test_bot = {.op = EXPR_COLUMN, .column = EVENT_BOT};

static const struct plan test_plan = {
    .name = "everything",
    .sql = "CREATE MATERIALIZED VIEW everything AS SELECT",
    .filter = &test_filter,
    .n_tiers = 3,
    .tiers = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS},
    .retention_us = {2 * US_PER_HOUR, 3 * US_PER_DAY, 40 * US_PER_DAY},
    .n_dimensions = 2,
    .dimensions = {{"browser", EVENT_BROWSER}, {"region", EVENT_REGION}},
    .n_measures = 4,
    .measures = {{"views", AGGREGATE_COUNT, 0, NULL},
                 {"visitors", AGGREGATE_COUNT_DISTINCT, EVENT_VISITOR, NULL},
                 {"firefox", AGGREGATE_COUNT, 0, &test_os_is_firefox},
                 {"bot_systems", AGGREGATE_COUNT_DISTINCT, EVENT_OS, &test_bot}},
};

#endif
