/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a live stream from stored pages, against counting them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "api/live_totals.h"
#include "base/mem.h"
#include "base/random.h"
#include "tests/support/view_plans.h"
#include "views/catalog.h"
#include "views/page.h"

/* Seven minutes past an hour: the half hour lies in two pages. */
#define NOW_US (INT64_C(1764158820) * US_PER_SECOND + 123456)

static const struct rows_limits limits = {
    .max_groups = 1, .max_cells = LIVE_MINUTES, .max_sketch_bytes = 1 << 20};

/* ------------------------------------------------------------------ events */

enum { N_EVENTS = 3000, N_VISITORS = 60 };

struct seen {
    int64_t minute; /* before now's: 0 to 39 */
    uint64_t visitor;
};

static struct seen events[N_EVENTS];

static void make_events(void)
{
    uint64_t seed = 9;
    for (int i = 0; i < N_EVENTS; i++) {
        events[i].minute = random_below(&seed, 40);
        events[i].visitor = random_below(&seed, N_VISITORS) + (uint64_t)events[i].minute * 10;
    }
}

/* Page views and different visitors of the minutes [from, to] before now's. */
static int64_t count(int64_t from, int64_t to, int64_t *visitors)
{
    bool known[N_VISITORS + 400] = {false};
    int64_t n = 0;
    *visitors = 0;
    for (int i = 0; i < N_EVENTS; i++) {
        if (events[i].minute < from || events[i].minute > to)
            continue;
        n++;
        *visitors += !known[events[i].visitor];
        known[events[i].visitor] = true;
    }
    return n;
}

/* ------------------------------------------------------------------ pages */

/* The event's delta into the page, as an aggregate gives it. */
static void apply(struct page *p, const struct plan *plan, const struct seen *e, int64_t start_us)
{
    union measure_value values[PLAN_MAX_WORDS] = {{0}};
    struct sketch *s = sketch_new();
    sketch_add(s, sketch_hash(&e->visitor, sizeof e->visitor), NULL);
    for (unsigned m = 0; m < plan->n_measures; m++)
        if (measure_is_sketch(&plan->measures[m]))
            values[plan->measures[m].at].sketch = s;
        else
            values[plan->measures[m].at].count = 1;
    const struct delta d = {.group = SPAN_LITERAL("\x90"),
                            .at = tier_slot_of(plan->tiers[0], start_us),
                            .rows = 1,
                            .values = values};
    page_apply(p, &d, NULL);
    sketch_free(s);
}

struct adding {
    struct rows *rows;
    const struct range_page *of;
    const struct page *page;
};

static int add_row(void *context, const struct page_row *row)
{
    struct adding *a = context;
    struct refusal e = {0};
    struct buf value = {0};
    page_row_encode(a->page, row, &value);
    assert_int_equal(rows_add(a->rows, a->of, page_row_group(row), buf_span(&value), &e), 0);
    buf_clear(&value);
    return 0;
}

static void add_page(struct rows *rows, const struct plan *plan, const struct range_page *of)
{
    struct page *page = page_new(plan, of->tier, SPAN_LITERAL("a.example"), of->start_us);
    for (int i = 0; i < N_EVENTS; i++) {
        int64_t t_us = NOW_US - events[i].minute * US_PER_MINUTE;
        if (tier_slot_of(plan->tiers[of->tier], t_us).page_start_us == of->start_us)
            apply(page, plan, &events[i], t_us);
    }
    (void)page_each_row(page, add_row, &(struct adding){rows, of, page});
    page_free(page);
}

static struct live_totals totals_of(const struct plan *plan, int with_events)
{
    struct arena arena = {0};
    struct live_need need;
    struct live_totals t;
    struct rows rows;
    struct err e = {0};
    assert_int_equal(live_need_init(&need, plan, NOW_US, &arena, &e), 0);
    rows_init(&rows, &need.query, &need.range, limits);
    for (uint32_t i = 0; with_events && i < need.range.n_pages; i++)
        add_page(&rows, plan, &need.range.pages[i]);
    live_totals_take(&t, &need, &rows);
    rows_clear(&rows);
    arena_clear(&arena);
    return t;
}

static const struct plan *shipped(void)
{
    return plan_find(SPAN_LITERAL("visitors"));
}

/* ------------------------------------------------------------------ tests */

static void minutes_and_visitors_are_counted(void **state)
{
    (void)state;
    make_events();
    struct live_totals t = totals_of(shipped(), 1);
    int64_t visitors;
    assert_int_equal(t.first_us,
                     clock_floor(NOW_US, US_PER_MINUTE) - (LIVE_MINUTES - 1) * US_PER_MINUTE);
    for (int i = 0; i < LIVE_MINUTES; i++) {
        int64_t minute = LIVE_MINUTES - 1 - i;
        assert_int_equal(t.minutes[i].pageviews, count(minute, minute, &visitors));
        assert_int_equal(t.minutes[i].visitors, visitors);
    }
    (void)count(0, LIVE_VISITOR_MINUTES - 1, &visitors);
    assert_int_equal(t.visitors, visitors);
}

static void without_events_all_is_zero(void **state)
{
    (void)state;
    struct live_totals none = totals_of(shipped(), 0), zero = {.first_us = none.first_us};
    assert_true(live_totals_equal(&none, &zero));
    make_events();
    struct live_totals some = totals_of(shipped(), 1);
    assert_false(live_totals_equal(&none, &some));
}

static void other_views_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"pageviews", "pageviews_by_page", "visits"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct arena arena = {0};
        struct live_need need;
        struct err e = {0};
        assert_int_equal(live_need_init(&need, plan_find(span_of(names[i])), NOW_US, &arena, &e),
                         -1);
        assert_int_equal(e.kind, ERR_INPUT);
        arena_clear(&arena);
    }
}

static void the_event_is_of_one_line(void **state)
{
    (void)state;
    struct live_totals t = {.first_us = INT64_C(1764158400) * US_PER_SECOND, .visitors = 12};
    t.minutes[0].pageviews = 8;
    t.minutes[0].visitors = 5;
    struct live_as_of at = {.site = SPAN_LITERAL("a.example"), .offset = 1043, .generation = 3};
    struct buf out = {0};
    live_totals_put(&t, &at, &out);
    buf_put_byte(&out, 0);
    const char *text = (const char *)out.p;
    static const char begin[] =
        "id: 1043\nevent: totals\ndata: {\"site\":\"a.example\",\"visitors\":12,\"minutes\":"
        "[[\"2025-11-26T12:00:00Z\",8,5],[\"2025-11-26T12:01:00Z\",0,0],";
    assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
    assert_non_null(strstr(text, "[\"2025-11-26T12:29:00Z\",0,0]],\"as_of\":{\"offset\":1043,"
                                 "\"watermark\":null,\"generation\":3}}\n\n"));
    assert_ptr_equal(strstr(text, "\n\n") + 2, text + out.n - 1);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_and_visitors_are_counted),
        cmocka_unit_test(without_events_all_is_zero),
        cmocka_unit_test(other_views_are_refused),
        cmocka_unit_test(the_event_is_of_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
