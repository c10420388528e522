/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped views: the text of views/sql/NAME.sql, and beside it the plan that it means. The law
 * (tests/integration) holds the two together: PostgreSQL runs the text, we run the plan. */
#include "views/catalog.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/mem.h"

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
#define COLUMN(name_, column_, type_)                                                              \
    static const struct expr name_ = {.op = EXPR_COLUMN, .type = type_, .column = column_}
#define ARGS(...)                                                                                  \
    .n_args = sizeof((const struct expr *const[]){__VA_ARGS__}) / sizeof(const struct expr *),     \
    .args = (const struct expr *const[])                                                           \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
COLUMN(event_type, EVENT_TYPE, VALUE_TEXT);
COLUMN(bot, EVENT_BOT, VALUE_BOOL);
COLUMN(visitor, EVENT_VISITOR, VALUE_INT);
COLUMN(region, EVENT_REGION, VALUE_TEXT);
COLUMN(country, EVENT_COUNTRY, VALUE_TEXT);
COLUMN(path, EVENT_PATH, VALUE_TEXT);
COLUMN(referrer_host, EVENT_REFERRER_HOST, VALUE_TEXT);
COLUMN(browser, EVENT_BROWSER, VALUE_TEXT);
COLUMN(os, EVENT_OS, VALUE_TEXT);
COLUMN(device, EVENT_DEVICE, VALUE_TEXT);
COLUMN(utm_source, EVENT_UTM_SOURCE, VALUE_TEXT);
COLUMN(utm_medium, EVENT_UTM_MEDIUM, VALUE_TEXT);
COLUMN(utm_campaign, EVENT_UTM_CAMPAIGN, VALUE_TEXT);
static const struct expr page_view_event = {
    .op = EXPR_CONST, .type = VALUE_TEXT, .text = {"PageViewEvent", 13}};
static const struct expr is_page_view = {.op = EXPR_EQUAL, ARGS(&event_type, &page_view_event)};
static const struct expr not_bot = {.op = EXPR_NOT, ARGS(&bot)};
static const struct expr page_views_of_people = {.op = EXPR_AND, ARGS(&is_page_view, &not_bot)};

/* clang-format off */
#define PAGEVIEWS {.name = "pageviews", .kind = AGGREGATE_COUNT}
#define VISITORS {.name = "visitors", .kind = AGGREGATE_COUNT_DISTINCT, .value = &visitor, .at = 1}
/* clang-format on */
#define FROM_MINUTES                                                                               \
    .relation = &RELATION_EVENTS, .bucket_us = US_PER_MINUTE, .bucket_name = "time", .limit = -1,  \
    .n_tiers = 3, .tiers = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS}
#define FROM_QUARTERS                                                                              \
    .relation = &RELATION_EVENTS, .bucket_us = 15 * US_PER_MINUTE, .bucket_name = "time",          \
    .limit = -1, .n_tiers = 2, .tiers = {&TIER_QUARTERS, &TIER_DAYS}

static const struct plan pageviews = {
    .name = "pageviews",
    .sql = embed_view_pageviews,
    .canonical = embed_view_pageviews,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .n_measures = 1,
    .n_words = 1,
    .measures = {PAGEVIEWS},
};

static const struct plan pageviews_by_region = {
    .name = "pageviews_by_region",
    .sql = embed_view_pageviews_by_region,
    .canonical = embed_view_pageviews_by_region,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .n_dimensions = 1,
    .dimensions = {{"region", &region}},
    .n_measures = 1,
    .n_words = 1,
    .measures = {PAGEVIEWS},
};

static const struct plan pageviews_by_country = {
    .name = "pageviews_by_country",
    .sql = embed_view_pageviews_by_country,
    .canonical = embed_view_pageviews_by_country,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .n_dimensions = 1,
    .dimensions = {{"country", &country}},
    .n_measures = 1,
    .n_words = 1,
    .measures = {PAGEVIEWS},
};

static const struct plan visitors = {
    .name = "visitors",
    .sql = embed_view_visitors,
    .canonical = embed_view_visitors,
    .filter = &page_views_of_people,
    FROM_MINUTES,
    .retention_us = {2 * US_PER_DAY},
    .n_measures = 2,
    .n_words = 2,
    .measures = {PAGEVIEWS, VISITORS},
};

/* The wide views differ in their dimensions only. */
#define WIDE_VIEW(suffix, n, ...)                                                                  \
    static const struct plan pageviews_by_##suffix = {                                             \
        .name = "pageviews_by_" #suffix,                                                           \
        .sql = embed_view_pageviews_by_##suffix,                                                   \
        .canonical = embed_view_pageviews_by_##suffix,                                             \
        .filter = &page_views_of_people,                                                           \
        FROM_QUARTERS,                                                                             \
        .n_dimensions = n,                                                                         \
        .dimensions = {__VA_ARGS__},                                                               \
        .n_measures = 2,                                                                           \
        .n_words = 2,                                                                              \
        .measures = {PAGEVIEWS, VISITORS},                                                         \
    }

WIDE_VIEW(page, 1, {"path", &path});
WIDE_VIEW(referrer, 1, {"referrer_host", &referrer_host});
WIDE_VIEW(browser, 1, {"browser", &browser});
WIDE_VIEW(os, 1, {"os", &os});
WIDE_VIEW(device, 1, {"device", &device});
WIDE_VIEW(campaign, 3, {"utm_source", &utm_source}, {"utm_medium", &utm_medium},
          {"utm_campaign", &utm_campaign});

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

/* ---- every plan of the process ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const struct plan **kept;
static size_t n_kept;

static bool same_definition(const struct plan *a, const struct plan *b)
{
    char x[65], y[65];
    plan_hash(a, x);
    plan_hash(b, y);
    return strcmp(x, y) == 0;
}

const struct plan *catalog_keep(const struct plan *p)
{
    pthread_mutex_lock(&mutex);
    const struct plan *found = NULL;
    for (size_t i = 0; i < n_kept && found == NULL; i++)
        if (same_definition(kept[i], p))
            found = kept[i];
    if (found == NULL) {
        kept = mem_resize(kept, (n_kept + 1) * sizeof(const struct plan *));
        kept[n_kept++] = found = p;
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

static const struct plan *find_text(const struct catalog_text *text)
{
    for (size_t i = 0; shipped_plans[i] != NULL; i++)
        if (strcmp(shipped_plans[i]->name, text->name) == 0 &&
            strcmp(shipped_plans[i]->sql, text->sql) == 0)
            return shipped_plans[i];
    const struct plan *found = NULL;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < n_kept && found == NULL; i++)
        if (strcmp(kept[i]->name, text->name) == 0 && strcmp(kept[i]->sql, text->sql) == 0)
            found = kept[i];
    pthread_mutex_unlock(&mutex);
    return found;
}

int catalog_plan(const struct catalog_text *text, const struct plan **out, struct err *e)
{
    *out = find_text(text);
    return *out != NULL ? 0
                        : err_set(e, ERR_INPUT, "view %s is none that can be streamed", text->name);
}

const struct shipped_view shipped_views[] = {
#define SHIPPED(name_)                                                                             \
    {                                                                                              \
#name_, embed_view_##name_                                                                 \
    }
    SHIPPED(pageviews),
    SHIPPED(pageviews_by_region),
    SHIPPED(pageviews_by_country),
    SHIPPED(visitors),
    SHIPPED(pageviews_by_page),
    SHIPPED(pageviews_by_referrer),
    SHIPPED(pageviews_by_browser),
    SHIPPED(pageviews_by_os),
    SHIPPED(pageviews_by_device),
    SHIPPED(pageviews_by_campaign),
    {NULL, NULL},
};
