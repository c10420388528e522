/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "tests/support/view_plans.h"
#include "views/catalog.h"
#include "views/plan.h"

static const struct tier *const tiers[] = {&TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS};

static int64_t time_of(const char *text)
{
    int64_t t;
    assert_int_equal(clock_parse(text, strlen(text), &t), 0);
    return t;
}

static void a_time_lies_in_its_slot_and_page(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct tier_spot spot = {0};
    for (int i = 0; i < 100000; i++) {
        const struct tier *t = tiers[i % 3];
        int64_t at = (int64_t)(random_next(&seed) >> 10) - (INT64_C(1) << 53);
        struct tier_slot slot = tier_slot_of(t, at);
        int64_t from = tier_slot_time(t, slot), end = tier_page_end(t, slot.page_start_us);
        assert_true(from <= at && at < from + t->slot_us);
        assert_true(from % t->slot_us == 0 && slot.slot < t->max_slots);
        assert_true(slot.page_start_us <= at && at < end);
        assert_true(tier_slot_of(t, end - 1).page_start_us == slot.page_start_us);
        assert_true(tier_slot_of(t, end).page_start_us == end);
        struct tier_slot quick = tier_spot_at(&spot, t, at);
        assert_true(quick.page_start_us == slot.page_start_us && quick.slot == slot.slot);
        quick = tier_spot_at(&spot, t, from + t->slot_us);
        assert_true(tier_slot_time(t, quick) == from + t->slot_us);
    }
}

static void pages_of_days_are_the_months_of_the_calendar(void **state)
{
    (void)state;
    for (time_t day = -30000; day < 60000; day++) {
        time_t seconds = day * 86400;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        struct tier_slot at = tier_slot_of(&TIER_DAYS, (int64_t)day * US_PER_DAY + 12345);
        assert_int_equal(at.slot, tm.tm_mday - 1);
        assert_true(at.page_start_us == (int64_t)(day - tm.tm_mday + 1) * US_PER_DAY);
    }
    assert_true(tier_page_end(&TIER_DAYS, time_of("2024-02-01T00:00:00Z")) ==
                time_of("2024-03-01T00:00:00Z"));
    assert_true(tier_page_end(&TIER_DAYS, time_of("2023-12-01T00:00:00Z")) ==
                time_of("2024-01-01T00:00:00Z"));
}

static void times_before_1970_round_down(void **state)
{
    (void)state;
    struct tier_slot at = tier_slot_of(&TIER_MINUTES, -1);
    assert_true(at.page_start_us == -US_PER_HOUR && at.slot == 59);
    at = tier_slot_of(&TIER_QUARTERS, -1);
    assert_true(at.page_start_us == -US_PER_DAY && at.slot == 95);
    at = tier_slot_of(&TIER_DAYS, -1);
    assert_true(at.page_start_us == -31 * US_PER_DAY && at.slot == 30);
}

static void a_page_expires_when_its_end_lies_retention_behind(void **state)
{
    (void)state;
    const struct plan *visitors = plan_find(SPAN_LITERAL("visitors"));
    int64_t page = time_of("2026-11-23T04:00:00Z"), end = page + US_PER_HOUR;
    assert_false(plan_page_expired(visitors, 0, page, end + 2 * US_PER_DAY - 1));
    assert_true(plan_page_expired(visitors, 0, page, end + 2 * US_PER_DAY));
    assert_false(plan_page_expired(visitors, 1, page, INT64_MAX));
}

static void every_shipped_view_is_sound(void **state)
{
    (void)state;
    static const char *const names[] = {"pageviews",
                                        "pageviews_by_region",
                                        "pageviews_by_country",
                                        "visitors",
                                        "pageviews_by_page",
                                        "pageviews_by_referrer",
                                        "pageviews_by_browser",
                                        "pageviews_by_os",
                                        "pageviews_by_device",
                                        "pageviews_by_campaign",
                                        "visits",
                                        "entry_pages",
                                        "exit_pages",
                                        NULL};
    for (int i = 0; names[i] != NULL || shipped_plans()[i] != NULL; i++) {
        struct err e = {0};
        assert_non_null(shipped_plans()[i]);
        assert_string_equal(shipped_plans()[i]->name, names[i]);
        assert_int_equal(plan_check(shipped_plans()[i], &e), 0);
        assert_ptr_equal(plan_find(span_of(names[i])), shipped_plans()[i]);
    }
    assert_null(plan_find(SPAN_LITERAL("pageview")));
}

static void assert_measure_is_named(const struct plan_measure *m, const char *select)
{
    char text[300];
    if (m->kind == AGGREGATE_SUM)
        snprintf(text, sizeof(text), "sum(%s) AS %s", m->name, m->name);
    else
        snprintf(text, sizeof(text), "count(%s)%s AS %s",
                 m->kind == AGGREGATE_COUNT ? "*" : "DISTINCT visitor",
                 m->filter == NULL ? "" : " FILTER (WHERE bounce)", m->name);
    assert_non_null(strstr(select, text));
}

/* What the plan says must stand in the SQL; that it also means the same is the law's matter. */
static void the_sql_of_a_shipped_view_names_what_its_plan_has(void **state)
{
    (void)state;
    for (int i = 0; shipped_plans()[i] != NULL; i++) {
        const struct plan *p = shipped_plans()[i];
        char text[300];
        snprintf(text, sizeof(text), "CREATE MATERIALIZED VIEW %s ", p->name);
        assert_non_null(strstr(p->sql, text));
        snprintf(text, sizeof(text), "SELECT site, date_bin('%s', %s, 'epoch') AS time",
                 p->tiers[0] == &TIER_MINUTES ? "1 minute" : "15 minutes",
                 p->relation->columns[p->relation->time].name);
        struct span select = span_of(p->canonical);
        assert_true(select.n > strlen(text) && memcmp(select.p, text, strlen(text)) == 0);
        assert_int_not_equal(select.p[select.n - 1], ';');
        for (unsigned d = 0; d < p->n_dimensions; d++) {
            assert_string_equal(p->dimensions[d].name,
                                p->relation->columns[p->dimensions[d].value->column].name);
            assert_non_null(strstr(select.p, p->dimensions[d].name));
        }
        for (unsigned m = 0; m < p->n_measures; m++)
            assert_measure_is_named(&p->measures[m], select.p);
        bool two_days = p->retention_us[0] == 2 * US_PER_DAY;
        assert_true(two_days == (strstr(p->sql, "WITH (minute_retention = '2 days')") != NULL));
        assert_true(two_days || p->retention_us[0] == 0);
    }
}

static void a_plan_reads_the_columns_it_needs_only(void **state)
{
    (void)state;
    column_set base = COLUMN_BIT(EVENT_SITE) | COLUMN_BIT(EVENT_TIME) | COLUMN_BIT(EVENT_TYPE) |
                      COLUMN_BIT(EVENT_BOT);
    assert_int_equal(plan_columns(plan_find(SPAN_LITERAL("pageviews"))), base);
    assert_int_equal(plan_columns(plan_find(SPAN_LITERAL("pageviews_by_region"))),
                     base | COLUMN_BIT(EVENT_REGION));
    assert_int_equal(plan_columns(plan_find(SPAN_LITERAL("pageviews_by_page"))),
                     base | COLUMN_BIT(EVENT_PATH) | COLUMN_BIT(EVENT_VISITOR));
}

static void the_hash_changes_with_name_sql_and_retention(void **state)
{
    (void)state;
    struct plan p = *plan_find(SPAN_LITERAL("visitors"));
    char first[65], again[65], other[65];
    plan_hash(&p, first);
    plan_hash(&p, again);
    assert_string_equal(first, again);
    assert_int_equal(strlen(first), 64);
    p.retention_us[0]++;
    plan_hash(&p, other);
    assert_string_not_equal(first, other);
    p.retention_us[0]--;
    p.canonical = "SELECT";
    plan_hash(&p, other);
    assert_string_not_equal(first, other);
}

static void unsound_plans_are_refused(void **state)
{
    (void)state;
    const struct plan *good = plan_find(SPAN_LITERAL("visitors"));
    static const struct expr text = TEST_TEXT("x");
    static const struct expr site = TEST_COLUMN(EVENT_SITE, VALUE_TEXT);
    static const struct expr time = TEST_COLUMN(EVENT_TIME, VALUE_TIME);
    static const struct expr props = TEST_COLUMN(EVENT_PROPS, VALUE_JSON);
    struct plan bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = *good;
    bad[0].n_tiers = 0;
    bad[1].retention_us[1] = US_PER_DAY; /* shorter than that of the finer tier */
    bad[2].tiers[0] = &TIER_DAYS;
    bad[3].n_dimensions = 1;
    bad[3].dimensions[0] = (struct plan_dimension){"time", &time};
    bad[4].filter = &text;
    bad[5].measures[1].filter = &site;
    bad[6].measures[1].value = &props;
    bad[7].measures[1].at = 2;
    for (int i = 0; i < 8; i++) {
        struct err e = {0};
        assert_int_equal(plan_check(&bad[i], &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_lies_in_its_slot_and_page),
        cmocka_unit_test(pages_of_days_are_the_months_of_the_calendar),
        cmocka_unit_test(times_before_1970_round_down),
        cmocka_unit_test(a_page_expires_when_its_end_lies_retention_behind),
        cmocka_unit_test(every_shipped_view_is_sound),
        cmocka_unit_test(the_sql_of_a_shipped_view_names_what_its_plan_has),
        cmocka_unit_test(a_plan_reads_the_columns_it_needs_only),
        cmocka_unit_test(the_hash_changes_with_name_sql_and_retention),
        cmocka_unit_test(unsound_plans_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
