/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of a query: its bounds hold exactly, its units are the SELECT's buckets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "api/range.h"

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

static struct range_step step_of(const char *text)
{
    struct range_step step;
    struct refusal r = {0};
    assert_int_equal(range_take_step(span_of(text), &step, &r), 0);
    return step;
}

static int64_t unit_us(const char *text)
{
    struct range_step step = step_of(text);
    return step.kind == STEP_DAY ? US_PER_DAY : step.us; /* all: 0 */
}

static struct range_exact request(const char *step, const char *unit, const char *zone)
{
    return (struct range_exact){.from_us = time_of("2026-10-23T10:20:30Z") + 1,
                                .to_us = time_of("2026-10-26T07:00:00Z"),
                                .zone = zones_find(database, span_of(zone)),
                                .step = step_of(step),
                                .unit_us = unit_us(unit),
                                .unit_name = unit};
}

static struct range make(const struct range_exact *q)
{
    struct range g;
    struct refusal r = {0};
    arena_reset(&arena);
    if (range_make_exact(&g, q, &arena, &r) != 0)
        fail_msg("%s: %s", r.field, r.err.text);
    return g;
}

static void slots_are_days_of_the_zone_and_bounds_stay_exact(void **state)
{
    (void)state;
    struct range_exact q = request("day", "hour", "Europe/Berlin");
    struct range g = make(&q);
    assert_int_equal(g.from_us, q.from_us);
    assert_int_equal(g.to_us, q.to_us);
    assert_int_equal(g.n_slots, 4);
    assert_int_equal(g.slot_us[0], time_of("2026-10-22T22:00:00Z"));
    assert_int_equal(g.slot_us[2], time_of("2026-10-24T22:00:00Z"));
    assert_int_equal(g.slot_us[3], time_of("2026-10-25T23:00:00Z")); /* the day has 25 hours */
    assert_string_equal(g.step.name, "day");
}

static void a_time_is_in_the_last_slot_that_has_begun(void **state)
{
    (void)state;
    srandom(5);
    static const char *const steps[] = {"hour", "6h", "day", "week", "all"};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct range_exact q = request(steps[i], "15m", "Europe/Berlin");
        struct range g = make(&q);
        for (int k = 0; k < 500; k++) {
            int64_t t_us = q.from_us + random() % (q.to_us - q.from_us);
            uint32_t at = range_slot_at(&g, t_us);
            assert_true(at < g.n_slots && g.slot_us[at] <= t_us);
            assert_true(at + 1 == g.n_slots || g.slot_us[at + 1] > t_us);
        }
    }
}

/* All that is known of a unit is when it starts: the first may have before the first slot did. */
static void the_unit_that_from_cuts_is_in_the_first_slot(void **state)
{
    (void)state;
    struct range_exact q = request("all", "day", "UTC");
    struct range g = make(&q);
    assert_int_equal(g.n_slots, 1);
    assert_int_equal(range_slot_at(&g, time_of("2026-10-23T00:00:00Z")), 0);
    q = request("hour", "hour", "Asia/Kathmandu");
    q.to_us = time_of("2026-10-23T11:00:00Z"); /* one slot, from 10:15 on */
    g = make(&q);
    assert_int_equal(g.n_slots, 1);
    assert_int_equal(range_slot_at(&g, time_of("2026-10-23T10:00:00Z")), 0);
}

static void what_buckets_do_not_make_up_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *step, *unit, *zone, *field;
    } cases[] = {
        {"minute", "hour", "UTC", "step"},      {"90m", "hour", "UTC", "step"},
        {"45m", "30m", "UTC", "step"},          {"hour", "all", "UTC", "step"},
        {"month", "all", "UTC", "step"},        {"day", "hour", "Asia/Kathmandu", "tz"},
        {"hour", "hour", "Asia/Kolkata", "tz"}, {"day", "day", "Europe/Berlin", "tz"},
        {"10s", "5s", "UTC", "step"}, /* more than 10,000 slots */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct range_exact q = request(cases[i].step, cases[i].unit, cases[i].zone);
        struct range g;
        struct refusal r = {0};
        arena_reset(&arena);
        if (range_make_exact(&g, &q, &arena, &r) == 0)
            fail_msg("step %s of %s in %s is taken", cases[i].step, cases[i].unit, cases[i].zone);
        assert_string_equal(r.field, cases[i].field);
        assert_int_equal(r.err.kind, ERR_INPUT);
    }
}

static void without_a_bucket_there_is_one_slot_for_all(void **state)
{
    (void)state;
    struct range_exact q = request("all", "all", "Asia/Kathmandu");
    struct range g = make(&q);
    assert_int_equal(g.n_slots, 1);
    assert_int_equal(range_slot_at(&g, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_days_of_the_zone_and_bounds_stay_exact),
        cmocka_unit_test(a_time_is_in_the_last_slot_that_has_begun),
        cmocka_unit_test(the_unit_that_from_cuts_is_in_the_first_slot),
        cmocka_unit_test(what_buckets_do_not_make_up_is_refused),
        cmocka_unit_test(without_a_bucket_there_is_one_slot_for_all),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
