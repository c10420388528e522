/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of expressions, short to write, and plans: one with two dimensions with NULLs, filters,
 * distinct counts and short retention; one with every kind of measure; one whose rows can be taken
 * back. */
#ifndef TESTS_VIEW_PLANS_H
#define TESTS_VIEW_PLANS_H

#include "base/clock.h"
#include "views/plan.h"

#define TEST_ARGS(...)                                                                             \
    .n_args = sizeof((const struct expr *const[]){__VA_ARGS__}) / sizeof(const struct expr *),     \
    .args = (const struct expr *const[])                                                           \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define TEST_COLUMN(column_, type_)                                                                \
    {                                                                                              \
        .op = EXPR_COLUMN, .type = type_, .column = column_                                        \
    }
#define TEST_TEXT(text_)                                                                           \
    {                                                                                              \
        .op = EXPR_CONST, .type = VALUE_TEXT, .text = { text_, sizeof(text_) - 1 }                 \
    }
#define TEST_OF(op_, ...)                                                                          \
    {                                                                                              \
        .op = op_, .type = VALUE_BOOL, TEST_ARGS(__VA_ARGS__)                                      \
    }

__attribute__((unused)) static const struct expr test_type = TEST_COLUMN(EVENT_TYPE, VALUE_TEXT);
__attribute__((unused)) static const struct expr test_page_view = TEST_TEXT("PageViewEvent");
__attribute__((unused)) static const struct expr test_filter =
    TEST_OF(EXPR_EQUAL, &test_type, &test_page_view);
__attribute__((unused)) static const struct expr test_os = TEST_COLUMN(EVENT_OS, VALUE_TEXT);
__attribute__((unused)) static const struct expr test_firefox = TEST_TEXT("Firefox");
__attribute__((unused)) static const struct expr test_os_is_firefox =
    TEST_OF(EXPR_EQUAL, &test_os, &test_firefox);
__attribute__((unused)) static const struct expr test_bot = TEST_COLUMN(EVENT_BOT, VALUE_BOOL);
__attribute__((unused)) static const struct expr test_visitor =
    TEST_COLUMN(EVENT_VISITOR, VALUE_INT);
__attribute__((unused)) static const struct expr test_browser =
    TEST_COLUMN(EVENT_BROWSER, VALUE_TEXT);
__attribute__((unused)) static const struct expr test_region =
    TEST_COLUMN(EVENT_REGION, VALUE_TEXT);

/* clang-format off */
#define TEST_MEASURES                                                                              \
    {.name = "views", .kind = AGGREGATE_COUNT},                                                    \
     {.name = "visitors", .kind = AGGREGATE_COUNT_DISTINCT, .value = &test_visitor, .at = 1},      \
     {.name = "firefox", .kind = AGGREGATE_COUNT, .filter = &test_os_is_firefox, .at = 2},         \
     {.name = "bot_systems", .kind = AGGREGATE_COUNT_DISTINCT, .value = &test_os,                  \
      .filter = &test_bot, .at = 3}
/* clang-format on */

__attribute__((unused)) static const struct plan test_plan = {
    .name = "everything",
    .sql = "CREATE MATERIALIZED VIEW everything AS SELECT",
    .canonical = "SELECT",
    .relation = &RELATION_EVENTS,
    .filter = &test_filter,
    .bucket_us = US_PER_MINUTE,
    .bucket_name = "time",
    .limit = -1,
    .n_tiers = 3,
    .tiers = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS},
    .retention_us = {2 * US_PER_HOUR, 3 * US_PER_DAY, 40 * US_PER_DAY},
    .n_dimensions = 2,
    .dimensions = {{"browser", &test_browser}, {"region", &test_region}},
    .n_measures = 4,
    .n_words = 4,
    .measures = {TEST_MEASURES},
};

/* Every kind of measure; nothing expires. */
__attribute__((unused)) static const struct plan test_kinds_plan = {
    .name = "kinds",
    .sql = "CREATE MATERIALIZED VIEW kinds AS SELECT",
    .canonical = "SELECT",
    .relation = &RELATION_EVENTS,
    .bucket_us = US_PER_MINUTE,
    .bucket_name = "time",
    .limit = -1,
    .n_tiers = 3,
    .tiers = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS},
    .n_dimensions = 2,
    .dimensions = {{"bot", &test_bot}, {"region", &test_region}},
    .n_measures = 6,
    .n_words = 14,
    .measures = {{.name = "systems", .kind = AGGREGATE_COUNT, .value = &test_os},
                 {.name = "total", .kind = AGGREGATE_SUM, .value = &test_visitor, .at = 1},
                 {.name = "average",
                  .kind = AGGREGATE_AVG,
                  .value = &test_visitor,
                  .filter = &test_os_is_firefox,
                  .at = 4},
                 {.name = "least", .kind = AGGREGATE_MIN, .value = &test_visitor, .at = 7},
                 {.name = "most",
                  .kind = AGGREGATE_MAX,
                  .value = &test_visitor,
                  .filter = &test_os_is_firefox,
                  .at = 10},
                 {.name = "bots", .kind = AGGREGATE_COUNT_DISTINCT, .value = &test_bot, .at = 13}},
};

/* Rows can be taken back. */
__attribute__((unused)) static const struct plan test_signed_plan = {
    .name = "signed",
    .sql = "CREATE MATERIALIZED VIEW signed AS SELECT",
    .canonical = "SELECT",
    .relation = &RELATION_EVENTS,
    .bucket_us = US_PER_MINUTE,
    .bucket_name = "time",
    .limit = -1,
    .n_tiers = 2,
    .tiers = {&TIER_MINUTES, &TIER_DAYS},
    .n_dimensions = 2,
    .dimensions = {{"visitor", &test_visitor}, {"os", &test_os}},
    .n_measures = 3,
    .n_words = 7,
    .measures = {{.name = "systems", .kind = AGGREGATE_COUNT, .value = &test_os},
                 {.name = "total", .kind = AGGREGATE_SUM, .value = &test_visitor, .at = 1},
                 {.name = "average",
                  .kind = AGGREGATE_AVG,
                  .value = &test_visitor,
                  .filter = &test_bot,
                  .at = 4}},
};

#endif
