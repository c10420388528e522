/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped views: the text of views/sql/NAME.sql, and beside it the plan that it means. The law
 * (tests/integration) holds the two together: PostgreSQL runs the text, we run the plan. */
#include "base/clock.h"
#include "base/embed.h"
#include "views/plan.h"

EMBED(view_pageviews);
EMBED(view_pageviews_by_region);
EMBED(view_pageviews_by_country);
EMBED(view_visitors);
EMBED(view_pageviews_by_page);
EMBED(view_pageviews_by_referrer);
EMBED(view_pageviews_by_browser);
EMBED(view_pageviews_by_os);
EMBED(view_pageviews_by_device);
EMBED(view_pageviews_by_campaign);

/* WHERE event_type = 'PageViewEvent' AND NOT bot */
static const struct expr event_type = {.op = EXPR_COLUMN, .column = EVENT_TYPE};
static const struct expr page_view_event = {.op = EXPR_TEXT, .text = "PageViewEvent"};
static const struct expr is_page_view = {.op = EXPR_EQUAL, .args = {&event_type, &page_view_event}};
static const struct expr bot = {.op = EXPR_COLUMN, .column = EVENT_BOT};
static const struct expr not_bot = {.op = EXPR_NOT, .args = {&bot}};
static const struct expr page_views_of_people = {.op = EXPR_AND, .args = {&is_page_view, &not_bot}};

/* clang-format off */
#define PAGEVIEWS {"pageviews", AGGREGATE_COUNT, 0, NULL}
#define VISITORS {"visitors", AGGREGATE_COUNT_DISTINCT, EVENT_VISITOR, NULL}
/* clang-format on */
#define FROM_MINUTES .n_tiers = 3, .tiers = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS}
#define FROM_QUARTERS .n_tiers = 2, .tiers = {&TIER_QUARTERS, &TIER_DAYS}

static const struct plan pageviews = {
    .name = "pageviews",
    .sql = embed_view_pageviews,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .n_measures = 1,
    .measures = {PAGEVIEWS},
};

static const struct plan pageviews_by_region = {
    .name = "pageviews_by_region",
    .sql = embed_view_pageviews_by_region,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .n_dimensions = 1,
    .dimensions = {{"region", EVENT_REGION}},
    .n_measures = 1,
    .measures = {PAGEVIEWS},
};

static const struct plan pageviews_by_country = {
    .name = "pageviews_by_country",
    .sql = embed_view_pageviews_by_country,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .n_dimensions = 1,
    .dimensions = {{"country", EVENT_COUNTRY}},
    .n_measures = 1,
    .measures = {PAGEVIEWS},
};

static const struct plan visitors = {
    .name = "visitors",
    .sql = embed_view_visitors,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .retention_us = {2 * US_PER_DAY},
    .n_measures = 2,
    .measures = {PAGEVIEWS, VISITORS},
};

/* The wide views differ in their dimensions only. */
#define WIDE_VIEW(suffix, n, ...)                                                                  \
    static const struct plan pageviews_by_##suffix = {                                             \
        .name = "pageviews_by_" #suffix,                                                           \
        .sql = embed_view_pageviews_by_##suffix,                                                   \
        .filter = &page_views_of_people,                                                           \
        FROM_QUARTERS,                                                                             \
        .n_dimensions = n,                                                                         \
        .dimensions = {__VA_ARGS__},                                                               \
        .n_measures = 2,                                                                           \
        .measures = {PAGEVIEWS, VISITORS},                                                         \
    }

WIDE_VIEW(page, 1, {"path", EVENT_PATH});
WIDE_VIEW(referrer, 1, {"referrer_host", EVENT_REFERRER_HOST});
WIDE_VIEW(browser, 1, {"browser", EVENT_BROWSER});
WIDE_VIEW(os, 1, {"os", EVENT_OS});
WIDE_VIEW(device, 1, {"device", EVENT_DEVICE});
WIDE_VIEW(campaign, 3, {"utm_source", EVENT_UTM_SOURCE}, {"utm_medium", EVENT_UTM_MEDIUM},
          {"utm_campaign", EVENT_UTM_CAMPAIGN});

const struct plan *const shipped_plans[] = {
    &pageviews,
    &pageviews_by_region,
    &pageviews_by_country,
    &visitors,
    &pageviews_by_page,
    &pageviews_by_referrer,
    &pageviews_by_browser,
    &pageviews_by_os,
    &pageviews_by_device,
    &pageviews_by_campaign,
    NULL,
};

const struct plan *plan_find(struct span name)
{
    for (size_t i = 0; shipped_plans[i] != NULL; i++)
        if (span_is(name, shipped_plans[i]->name))
            return shipped_plans[i];
    return NULL;
}
