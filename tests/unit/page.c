/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pack.h"
#include "tests/support/view_log.h"
#include "tests/support/view_plans.h"
#include "tests/support/view_world.h"

static int64_t time_of(const char *text)
{
    int64_t t;
    assert_int_equal(clock_parse(text, strlen(text), &t), 0);
    return t;
}

/* ---- building ---- */

static const struct span one_group = {"\x92\xc0\xa2"
                                      "DE",
                                      5};

/* A view by one visitor in the minute of that time. */
static void view_page(struct page *p, const char *time, uint64_t visitor, struct digest *digest)
{
    union measure_value values[4] = {{.count = 1}, {.sketch = sketch_new()}, {0}, {0}};
    struct delta d = {.site = page_site(p),
                      .group = one_group,
                      .rows = 1,
                      .values = values,
                      .at = tier_slot_of(&TIER_MINUTES, time_of(time))};
    sketch_add(values[1].sketch, visitor, NULL);
    page_apply(p, &d, digest);
    sketch_free(values[1].sketch);
}

static struct page *page_of(unsigned tier, const char *start)
{
    return page_new(&test_plan, tier, SPAN_LITERAL("a.example"), time_of(start));
}

static int encode_row(void *context, const struct page_row *row)
{
    struct {
        const struct page *page;
        struct buf bytes;
    } *to = context;
    page_row_encode(to->page, row, &to->bytes);
    return 0;
}

/* The stored values of all rows, one after the other; to be cleared. */
static struct buf encoded(const struct page *p)
{
    struct {
        const struct page *page;
        struct buf bytes;
    } to = {p, {0}};
    assert_int_equal(page_each_row(p, encode_row, &to), 0);
    return to.bytes;
}

/* A world of one random log under the plan. */
static struct world world_of(const struct plan *plan, uint64_t seed, int events)
{
    struct view_log log = {.seed = seed,
                           .now_us = time_of("2026-01-30T20:00:00Z"),
                           .sites = 2,
                           .step_us = US_PER_MINUTE,
                           .groups = 8,
                           .visitors = 3000,
                           .late_percent = 10,
                           .late_us = US_PER_DAY,
                           .other_percent = 20};
    struct world w = {.plan = plan};
    struct aggregate *a = aggregate_new(plan, (struct aggregate_limits){1 << 20, 1 << 28});
    struct batch *b = batch_new();
    struct log_slice slice;
    for (int i = 0; i < events; i++) {
        struct event e = view_log_next(&log);
        batch_add(b, &e);
    }
    batch_slice(b, &slice);
    assert_int_equal(aggregate_add(a, &slice, 0), events);
    world_flush(&w, a);
    aggregate_free(a);
    batch_free(b);
    return w;
}

/* ---- tests ---- */

static void a_row_is_stored_as_documented(void **state)
{
    (void)state;
    struct page *p = page_of(0, "2026-03-01T10:00:00Z");
    view_page(p, "2026-03-01T10:59:00Z", 0x0102030405060708, NULL);
    view_page(p, "2026-03-01T10:02:00Z", 0x0102030405060708, NULL);
    view_page(p, "2026-03-01T10:02:59Z", 0x0102030405060708, NULL);
    /* clang-format off */
    static const uint8_t expected[] = {
        0x9d, 2,
        2, 2, 2, 0xc4, 9, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0xc4, 0,
        59, 1, 1, 0xc4, 9, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0xc4, 0};
    /* clang-format on */
    struct buf b = encoded(p);
    assert_int_equal(b.n, sizeof(expected));
    assert_memory_equal(b.p, expected, sizeof(expected));
    buf_clear(&b);
    page_free(p);
}

static int note_slot(void *context, const struct page_slot *slot)
{
    struct page_slot *last = context;
    last->slot = last->slot * 100 + slot->slot; /* all slots, as decimal digits */
    last->rows += slot->rows;
    return 0;
}

static int note_row(void *context, const struct page_row *row)
{
    return page_row_each_slot(row, note_slot, context);
}

static void deltas_roll_up_into_quarters_and_months_of_days(void **state)
{
    (void)state;
    struct page *quarters = page_of(1, "2024-02-29T00:00:00Z"),
                *days = page_of(2, "2024-02-01T00:00:00Z");
    static const char *const times[] = {"2024-02-29T00:14:59Z", "2024-02-29T00:15:00Z",
                                        "2024-02-29T23:59:59Z"};
    struct page_slot seen = {0};
    for (int i = 0; i < 3; i++) {
        view_page(quarters, times[i], 1, NULL);
        view_page(days, times[i], 1, NULL);
    }
    (void)page_each_row(quarters, note_row, &seen);
    assert_int_equal(seen.slot, 195); /* 00, 01, 95 */
    assert_int_equal(seen.rows, 3);
    seen = (struct page_slot){0};
    (void)page_each_row(days, note_row, &seen);
    assert_int_equal(seen.slot, 28);
    assert_int_equal(seen.rows, 3);
    page_free(quarters);
    page_free(days);
}

static void pages_before_1970_hold_their_slots(void **state)
{
    (void)state;
    struct page *days = page_of(2, "1969-12-01T00:00:00Z");
    struct page_slot seen = {0};
    view_page(days, "1969-12-31T23:59:59Z", 1, NULL);
    (void)page_each_row(days, note_row, &seen);
    assert_int_equal(seen.slot, 30);
    page_free(days);
}

static void the_digest_recomputed_is_the_digest_accumulated(void **state)
{
    (void)state;
    struct page *p = page_of(0, "2026-03-01T10:00:00Z");
    struct digest d = {0};
    char time[] = "2026-03-01T10:00:00Z";
    uint64_t seed = 4;
    for (int i = 0; i < 6000; i++) { /* enough visitors in a slot for registers */
        time[15] = (char)('0' + random_below(&seed, 3));
        view_page(p, time, random_next(&seed), &d);
    }
    assert_true(digest_equal(d, page_digest(p)));
    page_free(p);
}

static int reload(void *context, const struct page_row *row)
{
    struct {
        const struct page *from;
        struct page *to;
    } *pages = context;
    struct buf value = {0};
    struct err e = {0};
    page_row_encode(pages->from, row, &value);
    assert_int_equal(page_load(pages->to, page_row_group(row), buf_span(&value), &e), 0);
    assert_int_equal(page_load(pages->to, page_row_group(row), buf_span(&value), &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
    buf_clear(&value);
    return 0;
}

static void what_is_stored_is_loaded_back(void **state)
{
    (void)state;
    struct world w = world_of(&test_plan, 3, 6000);
    assert_true(w.n > 10);
    for (size_t i = 0; i < w.n; i++) {
        const struct page *p = w.pages[i];
        struct page *copy = page_new(&test_plan, page_tier(p), page_site(p), page_start(p));
        struct {
            const struct page *from;
            struct page *to;
        } pages = {p, copy};
        assert_int_equal(page_each_row(p, reload, &pages), 0);
        struct buf x = encoded(p), y = encoded(copy);
        assert_true(span_equal(buf_span(&x), buf_span(&y)));
        assert_int_equal(page_rows(p), page_rows(copy));
        assert_true(digest_equal(page_digest(p), page_digest(copy)));
        buf_clear(&x);
        buf_clear(&y);
        page_free(copy);
    }
    world_clear(&w);
}

static int count_row(void *context, const struct page_row *row)
{
    (void)row;
    ++*(int *)context;
    return 0;
}

static int changed_rows(const struct page *p)
{
    int n = 0;
    (void)page_each_changed(p, count_row, &n);
    return n;
}

static void only_rows_with_deltas_are_changed(void **state)
{
    (void)state;
    struct page *p = page_of(0, "2026-03-01T10:00:00Z");
    struct err e = {0};
    struct span value = SPAN_LITERAL("\x97\x02\x00\x01\x01\xc4\x00\x00\xc4\x00");
    assert_int_equal(page_load(p, SPAN_LITERAL("\x92\xa1x\xc0"), value, &e), 0);
    assert_int_equal(page_load(p, one_group, value, &e), 0);
    assert_int_equal(changed_rows(p), 0);
    view_page(p, "2026-03-01T10:00:00Z", 1, NULL);
    assert_int_equal(changed_rows(p), 1);
    page_clean(p);
    assert_int_equal(changed_rows(p), 0);
    assert_int_equal(page_rows(p), 2);
    page_free(p);
}

static int check_ordinal(void *context, const struct page_row *row)
{
    uint32_t *n = context;
    char group[16] = "\x92\xcd";
    assert_int_equal(page_row_ordinal(row), *n);
    snprintf(group, sizeof(group), "%u", *n);
    assert_non_null(memmem(page_row_group(row).p, page_row_group(row).n, group, strlen(group)));
    ++*n;
    return 0;
}

static void rows_keep_their_order_of_arrival(void **state)
{
    (void)state;
    struct page *p = page_of(0, "2026-03-01T10:00:00Z");
    union measure_value values[4] = {{.count = 1}};
    uint32_t n = 0;
    for (uint32_t i = 0; i < 12000; i++) {
        struct buf group = {0};
        char name[16];
        snprintf(name, sizeof(name), "%u", i);
        pack_array(&group, 2);
        pack_text(&group, span_of(name));
        pack_text(&group, SPAN_ABSENT);
        struct delta d = {
            .group = buf_span(&group), .rows = 1, .values = values, .at = {page_start(p), 0}};
        page_apply(p, &d, NULL);
        buf_clear(&group);
    }
    assert_int_equal(page_each_row(p, check_ordinal, &n), 0);
    assert_int_equal(n, 12000);
    assert_true(page_bytes(p) > 12000 * 50);
    page_free(p);
}

/* ---- hostile bytes ---- */

static int ignore_slot(void *context, const struct stored_slot *slot)
{
    (void)context;
    (void)slot;
    return 0;
}

static void values_that_are_not_the_format_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } bad[] = {
#define BAD(bytes, why) {bytes, sizeof(bytes) - 1, why}
        BAD("", "nothing"),
        BAD("\x90", "empty array"),
        BAD("\x91\x02", "no slots"),
        BAD("\xc0", "no array"),
        BAD("\x97\x03\x00\x01\x01\xc4\x00\x00\xc4\x00", "another format"),
        BAD("\x96\x02\x00\x01\x01\xc4\x00\x00", "part of a slot"),
        BAD("\x97\x02\x3c\x01\x01\xc4\x00\x00\xc4\x00", "slot 60 of an hour"),
        BAD("\x97\x02\xff\x01\x01\xc4\x00\x00\xc4\x00", "slot -1"),
        BAD("\x97\x02\x00\x00\x00\xc4\x00\x00\xc4\x00", "no rows"),
        BAD("\x97\x02\x00\xff\x00\xc4\x00\x00\xc4\x00", "rows below 0"),
        BAD("\x97\x02\x00\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\x01\xc4\x00\x00\xc4\x00",
            "rows that overflow when one is added"),
        BAD("\x97\x02\x00\x01\xff\xc4\x00\x00\xc4\x00", "a count below 0"),
        BAD("\x97\x02\x00\x01\x02\xc4\x00\x00\xc4\x00", "a count above the rows"),
        BAD("\x97\x02\x00\x01\x01\x00\x00\xc4\x00", "a count for a sketch"),
        BAD("\x97\x02\x00\x01\x01\xc4\x09\x00\xc4\x00", "a sketch cut short"),
        BAD("\x97\x02\x00\x01\x01\xc4\x01\x07\x00\xc4\x00", "a sketch of unknown form"),
        BAD("\x97\x02\x00\x01\x01\xc4\x00\x00\xc4\x00\x00", "bytes behind"),
        BAD("\x9d\x02\x05\x01\x01\xc4\x00\x00\xc4\x00\x05\x01\x01\xc4\x00\x00\xc4\x00",
            "a slot twice"),
        BAD("\x9d\x02\x05\x01\x01\xc4\x00\x00\xc4\x00\x04\x01\x01\xc4\x00\x00\xc4\x00",
            "slots descend"),
        BAD("\x97\x02\xcc\x05\x01\x01\xc4\x00\x00\xc4\x00", "a longer form of 5"),
        BAD("\xdd\xff\xff\xff\xfe\x02", "a promise of four billion"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct page *p = page_of(0, "2026-03-01T10:00:00Z");
        struct err e = {0};
        if (page_load(p, one_group, (struct span){bad[i].bytes, bad[i].n}, &e) == 0)
            fail_msg("taken: %s", bad[i].why);
        assert_int_equal(e.kind, ERR_DATA);
        assert_int_equal(page_rows(p), 0);
        page_free(p);
    }
}

static void groups_that_are_not_the_format_are_refused(void **state)
{
    (void)state;
    static const struct span bad[] = {{"", 0},
                                      {"\x91\xc0", 2},
                                      {"\x93\xc0\xc0\xc0", 4},
                                      {"\x92\xc0", 2},
                                      {"\x92\xc0\x01", 3},
                                      {"\x92\xc0\xc0\xc0", 4},
                                      {"\x92\xc0\xa2x", 4},
                                      {"\x92\xd9\x01x\xc0", 5},
                                      {"\xc0", 1}};
    struct group_value d[PLAN_MAX_DIMENSIONS];
    struct err e = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(page_read_group(bad[i], &test_plan, d, &e), -1);
        assert_int_equal(e.kind, ERR_DATA);
    }
    assert_int_equal(page_read_group(one_group, &test_plan, d, &e), 0);
    assert_true(d[0].null && span_is(d[1].text, "DE"));
    assert_int_equal(page_read_group(SPAN_LITERAL("\x92\xa0\xc0"), &test_plan, d, &e), 0);
    assert_true(!d[0].null && d[0].text.n == 0 && d[1].null);
}

static void a_slot_behind_the_end_of_a_short_month_is_refused(void **state)
{
    (void)state;
    struct page *p = page_of(2, "2026-02-01T00:00:00Z");
    struct err e = {0};
    struct span day_28 = SPAN_LITERAL("\x97\x02\x1c\x01\x01\xc4\x00\x00\xc4\x00");
    struct span day_27 = SPAN_LITERAL("\x97\x02\x1b\x01\x01\xc4\x00\x00\xc4\x00");
    assert_int_equal(page_load(p, one_group, day_28, &e), -1);
    assert_int_equal(page_load(p, one_group, day_27, &e), 0);
    page_free(p);
}

static void a_value_cut_short_or_spoilt_never_passes_for_another_length(void **state)
{
    (void)state;
    struct page *p = page_of(0, "2026-03-01T10:00:00Z");
    uint64_t seed = 1;
    char time[] = "2026-03-01T10:00:00Z";
    for (int i = 0; i < 300; i++) {
        time[14] = (char)('0' + random_below(&seed, 6));
        view_page(p, time, random_next(&seed), NULL);
    }
    struct buf b = encoded(p);
    struct err e = {0};
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(
            page_read_value(&test_plan, 0, (struct span){(char *)b.p, n}, ignore_slot, NULL, &e),
            -1);
    for (int i = 0; i < 20000; i++) {
        size_t at = random_below(&seed, (uint32_t)b.n);
        uint8_t before = b.p[at];
        b.p[at] = (uint8_t)random_next(&seed);
        struct page *other = page_of(0, "2026-03-01T10:00:00Z");
        if (page_load(other, one_group, buf_span(&b), &e) == 0) { /* then it is the whole truth */
            struct buf again = encoded(other);
            assert_true(span_equal(buf_span(&b), buf_span(&again)));
            buf_clear(&again);
        }
        b.p[at] = before;
        page_free(other);
    }
    buf_clear(&b);
    page_free(p);
}

static int stop_at_second(void *context, const struct stored_slot *slot)
{
    assert_int_equal(slot->rows, 1);
    assert_int_equal(slot->values[0].count, 1);
    assert_int_equal(slot->sketches[1].n, 9);
    return ++*(int *)context == 2 ? -1 : 0;
}

static void the_reader_of_values_stops_when_told(void **state)
{
    (void)state;
    struct page *p = page_of(0, "2026-03-01T10:00:00Z");
    struct err e = {0};
    int calls = 0;
    view_page(p, "2026-03-01T10:01:00Z", 1, NULL);
    view_page(p, "2026-03-01T10:02:00Z", 1, NULL);
    view_page(p, "2026-03-01T10:03:00Z", 1, NULL);
    struct buf b = encoded(p);
    assert_int_equal(page_read_value(&test_plan, 0, buf_span(&b), stop_at_second, &calls, &e), -1);
    assert_int_equal(calls, 2);
    assert_int_equal(e.kind, ERR_NONE);
    buf_clear(&b);
    page_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_stored_as_documented),
        cmocka_unit_test(deltas_roll_up_into_quarters_and_months_of_days),
        cmocka_unit_test(pages_before_1970_hold_their_slots),
        cmocka_unit_test(the_digest_recomputed_is_the_digest_accumulated),
        cmocka_unit_test(what_is_stored_is_loaded_back),
        cmocka_unit_test(only_rows_with_deltas_are_changed),
        cmocka_unit_test(rows_keep_their_order_of_arrival),
        cmocka_unit_test(values_that_are_not_the_format_are_refused),
        cmocka_unit_test(groups_that_are_not_the_format_are_refused),
        cmocka_unit_test(a_slot_behind_the_end_of_a_short_month_is_refused),
        cmocka_unit_test(a_value_cut_short_or_spoilt_never_passes_for_another_length),
        cmocka_unit_test(the_reader_of_values_stops_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
