/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "api/range.h"
#include "views/catalog.h"

static struct zones *database;
static struct arena arena;

static int load(void **state)
{
    (void)state;
    struct err e = {0};
    return zones_load(&database, ZONES_FOLDER, &e);
}

static int unload(void **state)
{
    (void)state;
    zones_free(database);
    arena_clear(&arena);
    return 0;
}

static int64_t time_of(const char *text)
{
    int64_t t_us = 0;
    assert_int_equal(clock_parse(text, strlen(text), &t_us), 0);
    return t_us;
}

static struct range_request request(const char *view)
{
    return (struct range_request){.now_us = time_of("2026-11-23T10:20:30Z"),
                                  .plan = plan_find(span_of(view)),
                                  .zones = database};
}

static struct range make(const struct range_request *q)
{
    struct range g;
    struct refusal r = {0};
    arena_reset(&arena);
    if (range_make(&g, q, &arena, &r) != 0)
        fail_msg("%s: %s", r.field, r.err.text);
    return g;
}

struct unit {
    int64_t from_us, to_us;
    int32_t slot;
};

static int by_time(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

/* Everything that is read, in order of time. */
static size_t list_units(const struct range *g, const struct plan *p, struct unit **out)
{
    struct unit *units = mem_alloc(g->n_pages * 96u * sizeof *units + 1);
    size_t n = 0;
    for (uint32_t i = 0; i < g->n_pages; i++) {
        const struct range_page *page = &g->pages[i];
        const struct tier *t = p->tiers[page->tier];
        for (unsigned s = 0; s < t->max_slots; s++) {
            if (page->slot[s] < 0)
                continue;
            int64_t at = tier_slot_time(t, (struct tier_slot){page->start_us, s});
            units[n++] = (struct unit){at, at + t->slot_us, page->slot[s]};
        }
    }
    qsort(units, n, sizeof *units, by_time);
    *out = units;
    return n;
}

static void assert_covered(const struct range *g, const struct plan *p)
{
    struct unit *units;
    size_t n = list_units(g, p, &units);
    int64_t at_us = g->from_us;
    for (size_t i = 0; i < n; i++) {
        int32_t slot = units[i].slot;
        int64_t end_us = slot + 1 < (int32_t)g->n_read ? g->slot_us[slot + 1] : g->read_to_us;
        assert_int_equal(units[i].from_us, at_us);
        assert_true(units[i].from_us >= g->slot_us[slot] && units[i].to_us <= end_us);
        at_us = units[i].to_us;
    }
    assert_int_equal(at_us, g->read_to_us);
    free(units);
}

struct edges {
    char from[32], to[32];
};

/* Up to 2^bits seconds, in any zone. */
static void set_random_range(struct range_request *q, struct edges *e, int bits)
{
    int64_t start = 631152000 + random() % 1120000000;
    snprintf(e->from, sizeof e->from, "%lld", (long long)start);
    snprintf(e->to, sizeof e->to, "%lld", (long long)(start + 1 + random() % (1 << bits)));
    q->from = span_of(e->from);
    q->to = span_of(e->to);
    q->tz = span_of(zone_name(zones_at(database, (size_t)random() % zones_count(database))));
}

static void slots_cover_the_range_without_gap_or_overlap(void **state)
{
    (void)state;
    static const char *const views[] = {"pageviews", "pageviews_by_page"};
    static const char *const steps[] = {"minute", "15m", "hour", "day", "week", "month",
                                        "all",    "5m",  "6h",   "45m", "7h",   "24h"};
    srandom(11);
    for (int k = 0; k < 3000; k++) {
        struct range_request q = request(views[k % 2]);
        struct edges edges;
        set_random_range(&q, &edges, 5 + k % 22);
        q.step = span_of(steps[random() % 12]);
        struct range g;
        struct refusal r = {0};
        arena_reset(&arena);
        if (range_make(&g, &q, &arena, &r) != 0) {
            assert_string_equal(r.field, "step");
            continue;
        }
        for (uint32_t i = 1; i < g.n_slots; i++)
            assert_true(g.slot_us[i] > g.slot_us[i - 1]);
        assert_true(g.slot_us[0] <= g.from_us && g.slot_us[g.n_slots - 1] < g.to_us);
        assert_covered(&g, q.plan);
    }
}

static unsigned units_of_tier(const struct range *g, const struct plan *p, unsigned tier)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < g->n_pages; i++)
        for (unsigned s = 0; g->pages[i].tier == tier && s < p->tiers[tier]->max_slots; s++)
            n += g->pages[i].slot[s] >= 0;
    return n;
}

static void days_are_read_in_the_middle_and_finer_units_at_the_edges(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-01-01T23:40:00Z");
    q.to = span_of("2026-02-05T00:16:00Z");
    q.step = span_of("all");
    struct range g = make(&q);
    assert_int_equal(units_of_tier(&g, q.plan, 2), 34);
    assert_int_equal(units_of_tier(&g, q.plan, 1), 2);
    assert_int_equal(units_of_tier(&g, q.plan, 0), 6);
    assert_int_equal(g.n_slots, 1);
}

static void days_of_another_zone_are_read_by_quarter_hours(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-03-28T23:00:00Z");
    q.to = span_of("2026-03-30T22:00:00Z");
    q.step = span_of("day");
    q.tz = span_of("Europe/Berlin");
    struct range g = make(&q);
    assert_int_equal(g.n_slots, 2);
    assert_int_equal(g.slot_us[1], time_of("2026-03-29T22:00:00Z")); /* 23 hours later */
    assert_int_equal(units_of_tier(&g, q.plan, 1), 4 * 47);
    assert_int_equal(g.n_pages, 3);
}

static void weeks_start_on_monday_and_months_on_the_first(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-11-20T00:00:00Z");
    q.to = span_of("2026-12-02T00:00:00Z");
    q.step = span_of("week");
    struct range g = make(&q);
    assert_int_equal(g.n_slots, 3);
    assert_int_equal(g.slot_us[0], time_of("2026-11-16T00:00:00Z"));
    q.step = span_of("month");
    g = make(&q);
    assert_int_equal(g.n_slots, 2);
    assert_int_equal(g.slot_us[0], time_of("2026-11-01T00:00:00Z"));
    assert_int_equal(g.slot_us[1], time_of("2026-12-01T00:00:00Z"));
}

static void steps_under_a_day_start_at_local_midnight(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-06-10T18:15:00Z"); /* midnight in Kathmandu */
    q.to = span_of("2026-06-11T18:15:00Z");
    q.step = span_of("7h");
    q.tz = span_of("Asia/Kathmandu");
    struct range g = make(&q);
    assert_int_equal(g.n_slots, 4);
    assert_int_equal(g.slot_us[0], time_of("2026-06-10T18:15:00Z"));
    assert_int_equal(g.slot_us[3], time_of("2026-06-11T15:15:00Z"));
    q.to = span_of("2026-06-12T18:15:00Z");
    g = make(&q);
    assert_int_equal(g.n_slots, 8);
    assert_int_equal(g.slot_us[4], time_of("2026-06-11T18:15:00Z"));
}

static void windows_begin_at_every_step_and_read_beyond_the_range(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-06-10T10:07:00Z");
    q.to = span_of("2026-06-10T10:50:00Z");
    q.step = span_of("15m");
    q.window = span_of("1h");
    struct range g = make(&q);
    assert_int_equal(g.from_us, time_of("2026-06-10T10:00:00Z"));
    assert_int_equal(g.to_us, time_of("2026-06-10T11:00:00Z"));
    assert_int_equal(g.read_to_us, time_of("2026-06-10T11:45:00Z"));
    assert_int_equal(g.n_slots, 4);
    assert_int_equal(g.n_read, 7);
    assert_int_equal(g.window_slots, 4);
    assert_covered(&g, q.plan);
}

static void windows_of_days_are_days_of_the_zone(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-03-26T23:00:00Z");
    q.to = span_of("2026-03-27T23:00:00Z");
    q.step = span_of("day");
    q.window = span_of("week");
    q.tz = span_of("Europe/Berlin");
    struct range g = make(&q);
    assert_int_equal(g.n_slots, 1);
    assert_int_equal(g.read_to_us, time_of("2026-04-02T22:00:00Z")); /* with the lost hour */
    assert_covered(&g, q.plan);
}

static void windows_cover_what_they_say_in_any_zone(void **state)
{
    (void)state;
    static const char *const steps[] = {"minute", "15m", "hour", "7h", "day"};
    static const char *const windows[] = {"90m", "6h", "21h", "3d", "week"};
    unsigned taken = 0;
    for (int k = 0; k < 2000; k++) {
        struct range_request q = request("pageviews");
        struct edges edges;
        set_random_range(&q, &edges, 5 + k % 15);
        q.step = span_of(steps[random() % 5]);
        q.window = span_of(windows[random() % 5]);
        struct range g;
        struct refusal r = {0};
        arena_reset(&arena);
        if (range_make(&g, &q, &arena, &r) != 0)
            continue;
        taken++;
        assert_int_equal(g.n_read, g.n_slots + g.window_slots - 1);
        assert_int_equal(g.slot_us[0], g.from_us);
        for (uint32_t i = 1; i <= g.n_read; i++)
            assert_true(g.slot_us[i] > g.slot_us[i - 1]);
        assert_covered(&g, q.plan);
    }
    assert_true(taken > 500);
}

static void windows_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *step, *window, *field;
    } cases[] = {
        {NULL, "1h", "step"},       {"week", "7d", "step"},
        {"month", "30d", "step"},   {"all", "1h", "step"},
        {"hour", "90m", "window"},  {"hour", "0h", "window"},
        {"hour", "", "window"},     {"hour", "h", "window"},
        {"hour", "-1h", "window"},  {"hour", "second", "window"},
        {"day", "36h", "window"},   {"minute", "1001m", "window"},
        {"day", "1001d", "window"}, {"hour", "99999999d", "window"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct range_request q = request("pageviews");
        q.step = span_of(cases[i].step);
        q.window = span_of(cases[i].window);
        struct range g;
        struct refusal r = {0};
        arena_reset(&arena);
        if (range_make(&g, &q, &arena, &r) == 0)
            fail_msg("case %zu was taken", i);
        assert_string_equal(r.field, cases[i].field);
    }
}

static void without_parameters_the_last_24_hours_come_by_the_hour(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    struct range g = make(&q);
    assert_int_equal(g.from_us, time_of("2026-11-22T10:20:00Z"));
    assert_int_equal(g.to_us, time_of("2026-11-23T10:21:00Z"));
    assert_string_equal(g.step.name, "hour");
    assert_int_equal(g.n_slots, 25);
}

static void the_default_step_fits_range_and_view(void **state)
{
    (void)state;
    static const struct {
        const char *view, *from, *to, *step;
    } cases[] = {
        {"pageviews", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "minute"},
        {"pageviews_by_page", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "15m"},
        {"pageviews", "2026-01-01T00:00:00Z", "2026-01-01T10:00:00Z", "15m"},
        {"pageviews", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z", "hour"},
        {"pageviews", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "day"},
        {"pageviews", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "week"},
        {"pageviews", "1990-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "month"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct range_request q = request(cases[i].view);
        q.from = span_of(cases[i].from);
        q.to = span_of(cases[i].to);
        assert_string_equal(make(&q).step.name, cases[i].step);
    }
}

/* ------------------------------------------------------------------ views of any bucket */

static const struct tier half_minutes = {"30s", 30 * US_PER_SECOND, TIER_FIXED,
                                         1800 * US_PER_SECOND, 60};
static const struct tier odd_seconds = {"45s", 45 * US_PER_SECOND, TIER_FIXED, 2700 * US_PER_SECOND,
                                        60};
static const struct tier two_minutes = {"2m", 2 * US_PER_MINUTE, TIER_FIXED, 2 * US_PER_HOUR, 60};
static const struct tier hours = {"1h", US_PER_HOUR, TIER_FIXED, US_PER_DAY, 24};
static const struct tier thirds = {"8h", 8 * US_PER_HOUR, TIER_FIXED, US_PER_DAY, 3};

enum { HALF_MINUTES, ODD_SECONDS, TWO_MINUTES, HOURS, THIRDS, DAYS, N_BUCKET_PLANS };
static const struct plan bucket_plans[] = {
    [HALF_MINUTES] = {.n_tiers = 4,
                      .tiers = {&half_minutes, &TIER_MINUTES, &TIER_QUARTERS, &TIER_DAYS}},
    [ODD_SECONDS] = {.n_tiers = 3, .tiers = {&odd_seconds, &TIER_QUARTERS, &TIER_DAYS}},
    [TWO_MINUTES] = {.n_tiers = 2, .tiers = {&two_minutes, &TIER_DAYS}},
    [HOURS] = {.name = "of_hours", .n_tiers = 2, .tiers = {&hours, &TIER_DAYS}},
    [THIRDS] = {.n_tiers = 2, .tiers = {&thirds, &TIER_DAYS}},
    [DAYS] = {.n_tiers = 1, .tiers = {&TIER_DAYS}},
};

static void views_of_any_bucket_are_covered_or_refused(void **state)
{
    (void)state;
    static const char *const steps[] = {NULL,  NULL,   NULL, "30s", "90s",  "45s", "minute",
                                        "15m", "hour", "8h", "day", "week", "all"};
    static const char *const windows[] = {NULL, NULL, NULL, NULL, "3m", "24h", "7d"};
    unsigned taken = 0;
    for (int k = 0; k < 6000; k++) {
        struct range_request q = request("pageviews");
        struct edges edges;
        set_random_range(&q, &edges, 5 + k % 22);
        q.plan = &bucket_plans[random() % N_BUCKET_PLANS];
        q.finest = (unsigned)random() % q.plan->n_tiers;
        if (random() % 2 == 0)
            q.tz = SPAN_ABSENT;
        q.step = span_of(steps[random() % 13]);
        q.window = span_of(windows[random() % 7]);
        struct range g;
        struct refusal r = {0};
        arena_reset(&arena);
        if (range_make(&g, &q, &arena, &r) != 0) {
            assert_true(strcmp(r.field, "step") == 0 || strcmp(r.field, "window") == 0 ||
                        (strcmp(r.field, "tz") == 0 && !span_absent(q.tz)));
            continue;
        }
        assert_covered(&g, q.plan);
        taken++;
    }
    assert_true(taken > 1000);
}

static void the_default_step_is_a_multiple_of_any_bucket(void **state)
{
    (void)state;
    static const char *const steps[] = {"minute", "15m", "hour", "hour", "day", "day"};
    for (size_t i = 0; i < N_BUCKET_PLANS; i++) {
        struct range_request q = request("pageviews");
        q.plan = &bucket_plans[i];
        q.from = span_of("2026-01-01T00:00:00Z");
        q.to = span_of("2026-01-01T01:00:00Z");
        assert_string_equal(make(&q).step.name, steps[i]);
    }
}

static void steps_and_windows_may_be_seconds(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.plan = &bucket_plans[HALF_MINUTES];
    q.from = span_of("2026-01-01T00:00:10Z");
    q.to = span_of("2026-01-01T00:02:00Z");
    q.step = span_of("30s");
    q.window = span_of("90s");
    struct range g = make(&q);
    assert_string_equal(g.step.name, "30s");
    assert_int_equal(g.from_us, time_of("2026-01-01T00:00:00Z"));
    assert_int_equal(g.n_slots, 4);
    assert_int_equal(g.window_slots, 3);
    assert_int_equal(g.read_to_us, time_of("2026-01-01T00:03:00Z"));
    q.window = SPAN_ABSENT;
    q.step = span_of("86400s");
    assert_int_equal(make(&q).step.kind, STEP_DAY);
}

static void days_that_the_buckets_do_not_make_up_are_refused(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.plan = &bucket_plans[HOURS];
    q.from = span_of("2026-06-10T00:00:00Z");
    q.to = span_of("2026-06-12T00:00:00Z");
    q.step = span_of("day");
    q.tz = span_of("Europe/Berlin");
    assert_int_equal(make(&q).n_slots, 3);
    q.tz = span_of("Asia/Kathmandu"); /* midnight is at 18:15 UTC */
    struct range g;
    struct refusal r = {0};
    assert_int_equal(range_make(&g, &q, &arena, &r), -1);
    assert_string_equal(r.field, "tz");
    assert_non_null(strstr(r.err.text, "1h"));
}

static void times_may_be_unix_seconds_and_keep_an_unencoded_plus(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("1767225600");
    q.to = span_of("2026-01-01T02:00:00 01:00"); /* as "+01:00" arrives */
    struct range g = make(&q);
    assert_int_equal(g.from_us, time_of("2026-01-01T00:00:00Z"));
    assert_int_equal(g.to_us, time_of("2026-01-01T01:00:00Z"));
}

static void bad_parameters_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *step, *tz, *field;
    } cases[] = {
        {"yesterday", NULL, NULL, NULL, "from"},
        {NULL, "2026-13-01T00:00:00Z", NULL, NULL, "to"},
        {"", NULL, NULL, NULL, "from"},
        {"-5", NULL, NULL, NULL, "from"},
        {"99999999999999999999", NULL, NULL, NULL, "from"},
        {"253402300800", NULL, NULL, NULL, "from"},
        {"1969-12-31T00:00:00Z", NULL, NULL, NULL, "from"},
        {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NULL, NULL, "from"},
        {"2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", NULL, NULL, "from"},
        {NULL, NULL, "", NULL, "step"},
        {NULL, NULL, "m", NULL, "step"},
        {NULL, NULL, "0m", NULL, "step"},
        {NULL, NULL, "-1m", NULL, "step"},
        {NULL, NULL, "25h", NULL, "step"},
        {NULL, NULL, "99999999m", NULL, "step"},
        {NULL, NULL, "second", NULL, "step"},
        {NULL, NULL, "30s", NULL, "step"}, /* kept by minutes */
        {NULL, NULL, "86401s", NULL, "step"},
        {NULL, NULL, "0s", NULL, "step"},
        {NULL, NULL, NULL, "Mars/Olympus", "tz"},
        {NULL, NULL, NULL, "", "tz"},
        {"2020-01-01T00:00:00Z", NULL, "minute", NULL, "step"}, /* too many slots */
        {"0", NULL, "day", NULL, "step"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct range_request q = request("pageviews");
        q.from = span_of(cases[i].from);
        q.to = span_of(cases[i].to);
        q.step = span_of(cases[i].step);
        q.tz = span_of(cases[i].tz);
        struct range g;
        struct refusal r = {0};
        arena_reset(&arena);
        if (range_make(&g, &q, &arena, &r) == 0)
            fail_msg("case %zu was taken", i);
        assert_string_equal(r.field, cases[i].field);
        assert_non_null(strstr(r.err.text, cases[i].field));
    }
}

static void a_step_finer_than_the_view_keeps_is_refused(void **state)
{
    (void)state;
    static const char *const steps[] = {"minute", "5m", "20m"};
    for (size_t i = 0; i < 3; i++) {
        struct range_request q = request("pageviews_by_page");
        q.step = span_of(steps[i]);
        struct range g;
        struct refusal r = {0};
        assert_int_equal(range_make(&g, &q, &arena, &r), -1);
        assert_string_equal(r.field, "step");
        assert_non_null(strstr(r.err.text, "15m"));
    }
}

static void ten_thousand_slots_are_the_limit(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("2026-01-01T00:00:00Z");
    q.to = span_of("2026-01-07T22:40:00Z"); /* 10,000 minutes */
    q.step = span_of("minute");
    assert_int_equal(make(&q).n_slots, 10000);
    q.to = span_of("2026-01-07T22:41:00Z");
    struct range g;
    struct refusal r = {0};
    assert_int_equal(range_make(&g, &q, &arena, &r), -1);
    assert_string_equal(r.field, "step");
}

static void nothing_is_read_where_no_event_can_be(void **state)
{
    (void)state;
    struct range_request q = request("pageviews");
    q.from = span_of("0");
    q.to = span_of("9999-12-31T00:00:00Z");
    q.step = span_of("all");
    struct range g = make(&q);
    assert_int_equal(g.n_pages, 37 * 12 - 1); /* months from January 1990 to November 2026 */
    q.from = span_of("2100-01-01T00:00:00Z");
    q.step = span_of("month");
    q.to = span_of("2101-01-01T00:00:00Z");
    g = make(&q);
    assert_int_equal(g.n_pages, 0);
    assert_int_equal(g.n_slots, 12);
}

static void expired_slots_are_refused_with_what_to_ask_instead(void **state)
{
    (void)state;
    struct range_request q = request("visitors"); /* minutes are kept for 2 days */
    q.from = span_of("2026-11-10T10:05:00Z");
    q.to = span_of("2026-11-10T12:00:00Z");
    q.step = span_of("minute");
    struct range g = make(&q);
    struct refusal r = {0};
    assert_int_equal(range_check_kept(&g, q.plan, q.now_us, &r), -1);
    assert_string_equal(r.field, "step");
    q.step = span_of("hour");
    g = make(&q);
    r = (struct refusal){0};
    assert_int_equal(range_check_kept(&g, q.plan, q.now_us, &r), -1);
    assert_string_equal(r.field, "from");
    q.from = span_of("2026-11-10T10:00:00Z");
    g = make(&q);
    r = (struct refusal){0};
    assert_int_equal(range_check_kept(&g, q.plan, q.now_us, &r), 0);
    q.finest = 1; /* what is asked when the step was ours */
    q.from = span_of("2026-11-10T10:05:00Z");
    q.step = SPAN_ABSENT;
    g = make(&q);
    assert_string_equal(g.step.name, "15m");
    assert_int_equal(g.from_us, time_of("2026-11-10T10:00:00Z"));
    assert_int_equal(range_check_kept(&g, q.plan, q.now_us, &r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_cover_the_range_without_gap_or_overlap),
        cmocka_unit_test(days_are_read_in_the_middle_and_finer_units_at_the_edges),
        cmocka_unit_test(days_of_another_zone_are_read_by_quarter_hours),
        cmocka_unit_test(weeks_start_on_monday_and_months_on_the_first),
        cmocka_unit_test(steps_under_a_day_start_at_local_midnight),
        cmocka_unit_test(windows_begin_at_every_step_and_read_beyond_the_range),
        cmocka_unit_test(windows_of_days_are_days_of_the_zone),
        cmocka_unit_test(windows_cover_what_they_say_in_any_zone),
        cmocka_unit_test(windows_that_make_no_sense_are_refused),
        cmocka_unit_test(without_parameters_the_last_24_hours_come_by_the_hour),
        cmocka_unit_test(the_default_step_fits_range_and_view),
        cmocka_unit_test(views_of_any_bucket_are_covered_or_refused),
        cmocka_unit_test(the_default_step_is_a_multiple_of_any_bucket),
        cmocka_unit_test(steps_and_windows_may_be_seconds),
        cmocka_unit_test(days_that_the_buckets_do_not_make_up_are_refused),
        cmocka_unit_test(times_may_be_unix_seconds_and_keep_an_unencoded_plus),
        cmocka_unit_test(bad_parameters_are_refused_by_name),
        cmocka_unit_test(a_step_finer_than_the_view_keeps_is_refused),
        cmocka_unit_test(ten_thousand_slots_are_the_limit),
        cmocka_unit_test(nothing_is_read_where_no_event_can_be),
        cmocka_unit_test(expired_slots_are_refused_with_what_to_ask_instead),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
