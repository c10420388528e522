/* SPDX-License-Identifier: Apache-2.0 */
/* Measures of every kind from events to stored pages, and rows that are taken back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pack.h"
#include "tests/support/view_log.h"
#include "tests/support/view_plans.h"
#include "tests/support/view_world.h"
#include "views/verify_internal.h"

static const struct aggregate_limits ample = {1 << 20, 1 << 28};

enum { N_EVENTS = 1200 };

struct stage {
    struct aggregate *a;
    struct batch *b;
    struct world w;
};

static struct stage stage_of(const struct plan *p)
{
    return (struct stage){aggregate_new(p, ample), batch_new(), {.plan = p}};
}

static void stage_clear(struct stage *s)
{
    aggregate_free(s->a);
    batch_free(s->b);
    world_clear(&s->w);
}

/* Numbers of both signs, so large that a few of them fill more than 64 bits. */
static struct event event_of(struct view_log *log)
{
    struct event e = view_log_next(log);
    e.visitor = e.visitor % 7 * UINT64_C(1844674407370955161) * (e.visitor % 2 ? 1 : UINT64_MAX);
    return e;
}

static struct view_log log_of(uint64_t seed)
{
    return (struct view_log){.seed = seed,
                             .now_us = INT64_C(1790000000) * US_PER_SECOND,
                             .sites = 2,
                             .step_us = 20 * US_PER_SECOND,
                             .groups = 3,
                             .visitors = 40,
                             .late_percent = 10,
                             .late_us = US_PER_DAY,
                             .other_percent = 30};
}

static void add_batch(struct stage *s)
{
    struct log_slice slice;
    batch_slice(s->b, &slice);
    assert_int_equal(aggregate_add(s->a, &slice, 0), slice.count);
    batch_reset(s->b);
}

static void assert_same(const struct world *a, const struct world *b)
{
    struct buf x = {0}, y = {0};
    world_dump(a, &x);
    world_dump(b, &y);
    assert_true(x.n > 0 && span_equal(buf_span(&x), buf_span(&y)));
    assert_true(digest_equal(a->digest, b->digest));
    assert_true(digest_equal(a->digest, world_digest(a)));
    buf_clear(&x);
    buf_clear(&y);
}

/* ---- every kind ---- */

static struct stage run_kinds(uint64_t seed, uint32_t batch, uint32_t flush_every)
{
    struct stage s = stage_of(&test_kinds_plan);
    struct view_log log = log_of(seed);
    for (uint32_t i = 1; i <= N_EVENTS; i++) {
        struct event e = event_of(&log);
        batch_add(s.b, &e);
        if (i % batch == 0 || i == N_EVENTS)
            add_batch(&s);
        if (i % (batch * flush_every) == 0 || i == N_EVENTS)
            world_flush(&s.w, s.a);
    }
    return s;
}

static void any_split_gives_the_same_pages_and_digest(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct stage whole = run_kinds(seed, N_EVENTS, 1), single = run_kinds(seed, 1, 1),
                     parts = run_kinds(seed, 13, 3);
        assert_same(&whole.w, &single.w);
        assert_same(&whole.w, &parts.w);
        stage_clear(&whole);
        stage_clear(&single);
        stage_clear(&parts);
    }
}

struct total {
    int64_t rows;
    union measure_value values[14]; /* of test_kinds_plan */
};

static int add_slot(void *context, const struct page_slot *slot)
{
    struct total *t = context;
    t->rows += slot->rows;
    for (unsigned i = 0; i < test_kinds_plan.n_measures; i++) {
        const struct plan_measure *m = &test_kinds_plan.measures[i];
        if (!measure_is_sketch(m))
            measure_merge(m->kind, &t->values[m->at], &slot->values[m->at]);
    }
    return 0;
}

static int add_row(void *context, const struct page_row *row)
{
    return page_row_each_slot(row, add_slot, context);
}

/* What the log says, event by event. */
struct said {
    int64_t systems, firefox;
    int128 total, firefox_total, least, firefox_most;
};

static struct said said_by(uint64_t seed)
{
    struct said s = {0};
    struct view_log log = log_of(seed);
    for (int i = 0; i < N_EVENTS; i++) {
        struct event e = event_of(&log);
        int64_t x = (int64_t)e.visitor;
        s.systems += !span_absent(e.os);
        s.total += x;
        s.least = i == 0 || x < s.least ? x : s.least;
        if (span_absent(e.os) || !span_is(e.os, "Firefox"))
            continue;
        s.firefox_most = s.firefox++ == 0 || x > s.firefox_most ? x : s.firefox_most;
        s.firefox_total += x;
    }
    return s;
}

static void each_tier_sums_up_to_what_the_events_say(void **state)
{
    (void)state;
    struct stage s = run_kinds(3, 50, 2);
    struct said said = said_by(3);
    assert_true(said.firefox > 0 && said.total != (int64_t)said.total);
    for (unsigned tier = 0; tier < 3; tier++) {
        struct total t = {0};
        for (size_t i = 0; i < s.w.n; i++)
            if (page_tier(s.w.pages[i]) == tier)
                (void)page_each_row(s.w.pages[i], add_row, &t);
        assert_int_equal(t.rows, N_EVENTS);
        assert_int_equal(t.values[0].count, said.systems);
        assert_int_equal(t.values[1].count, N_EVENTS);
        assert_true(measure_number(&t.values[1]) == said.total);
        assert_int_equal(t.values[4].count, said.firefox);
        assert_true(measure_number(&t.values[4]) == said.firefox_total);
        assert_true(measure_number(&t.values[7]) == said.least);
        assert_int_equal(t.values[10].count, said.firefox);
        assert_true(measure_number(&t.values[10]) == said.firefox_most);
    }
    stage_clear(&s);
}

static int reload(void *context, const struct page_row *row)
{
    struct page *const *pages = context;
    struct buf value = {0};
    struct err e = {0};
    page_row_encode(pages[0], row, &value);
    assert_int_equal(page_load(pages[1], page_row_group(row), buf_span(&value), &e), 0);
    buf_clear(&value);
    return 0;
}

static void every_kind_is_stored_and_loaded_back(void **state)
{
    (void)state;
    struct stage s = run_kinds(2, 50, 2);
    struct world copy = {.plan = s.w.plan, .digest = s.w.digest};
    for (size_t i = 0; i < s.w.n; i++) {
        struct page *p = s.w.pages[i];
        struct page *pages[2] = {p, world_page(&copy, page_site(p), page_tier(p), page_start(p))};
        (void)page_each_row(p, reload, pages);
        assert_int_equal(page_bytes(pages[1]) > 0, 1);
    }
    assert_same(&s.w, &copy);
    world_clear(&copy);
    stage_clear(&s);
}

/* ---- the stored form ---- */

static const struct expr test_number = {
    .op = EXPR_COLUMN, .type = VALUE_NUMBER, .scale = 9, .column = EVENT_VISITOR};

static const struct plan sum_plan = {
    .name = "sum",
    .sql = "CREATE MATERIALIZED VIEW sum AS SELECT",
    .canonical = "SELECT",
    .relation = &RELATION_EVENTS,
    .n_tiers = 1,
    .tiers = {&TIER_MINUTES},
    .n_measures = 1,
    .n_words = 3,
    .measures = {{.name = "total", .kind = AGGREGATE_SUM, .value = &test_number, .scale = 9}},
};

static void apply_sum(struct page *p, unsigned slot, int64_t rows, int128 number)
{
    union measure_value values[3] = {{.count = rows}};
    struct delta d = {.site = page_site(p),
                      .group = SPAN_LITERAL("\x90"),
                      .at = {page_start(p), slot},
                      .rows = rows,
                      .values = values};
    measure_set_number(values, number);
    page_apply(p, &d, NULL);
}

static struct page *sum_page(void)
{
    return page_new(&sum_plan, 0, SPAN_LITERAL("a.example"), 0);
}

static int encode(void *context, const struct page_row *row)
{
    struct {
        const struct page *page;
        struct buf out;
    } *to = context;
    page_row_encode(to->page, row, &to->out);
    return 0;
}

static void a_number_is_an_int_or_sixteen_bytes(void **state)
{
    (void)state;
    struct {
        struct page *page;
        struct buf out;
    } to = {sum_page(), {0}};
    apply_sum(to.page, 0, 1, 5);
    apply_sum(to.page, 1, 1, INT64_MIN);
    apply_sum(to.page, 2, 1, (int128)INT64_MAX + 1);
    apply_sum(to.page, 3, 1, (int128)INT64_MIN - 1);
    (void)page_each_row(to.page, encode, &to);
    /* clang-format off */
    static const uint8_t expected[] = {
        0xdc, 0, 17, 2,
        0, 1, 1, 5,
        1, 1, 1, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0,
        2, 1, 1, 0xc4, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0,
        3, 1, 1, 0xc4, 16, 255, 255, 255, 255, 255, 255, 255, 255,
        0x7f, 255, 255, 255, 255, 255, 255, 255};
    /* clang-format on */
    assert_int_equal(to.out.n, sizeof expected);
    assert_memory_equal(to.out.p, expected, sizeof expected);
    buf_clear(&to.out);
    page_free(to.page);
}

static void numbers_that_are_not_the_format_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } bad[] = {
#define BAD(bytes, why) {bytes, sizeof(bytes) - 1, why}
        BAD("\x95\x02\x00\x01\x02\x05", "more values than rows"),
        BAD("\x95\x02\x00\x01\xff\x05", "values below 0"),
        BAD("\x95\x02\x00\x01\x00\x05", "a sum of nothing that is not 0"),
        BAD("\x95\x02\x00\x01\x01\xc0", "no number"),
        BAD("\x94\x02\x00\x01\x01", "no number at all"),
        BAD("\x95\x02\x00\x01\x01\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05", "5 in 16 bytes"),
        BAD("\x95\x02\x00\x01\x01\xc4\x10\0\x52\xb7\xd2\xdc\xc8\x0c\xd2\xe4\0\0\0\0\0\0\1",
            "more than a row can have"),
        BAD("\x95\x02\x00\x01\x01\xc4\x0f\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x05", "15 bytes"),
        BAD("\x95\x02\x00\x01\x01\xc4\x10\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
            "the greatest number there is"),
    };
    static const char limit[] = "\x95\x02\x00\x01\x01\xc4\x10\0\0\0\0\0\x52\xb7\xd2\xdc\xc8\x0c"
                                "\xd2\xe4\0\0\0"; /* EXPR_NUMBER_LIMIT */
    struct err e = {0};
    struct page *p = sum_page();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct span value = {bad[i].bytes, bad[i].n};
        if (page_load(p, SPAN_LITERAL("\x90"), value, &e) == 0)
            fail_msg("taken: %s", bad[i].why);
        assert_int_equal(e.kind, ERR_DATA);
    }
    assert_int_equal(
        page_load(p, SPAN_LITERAL("\x90"), ((struct span){limit, sizeof limit - 1}), &e), 0);
    page_free(p);
}

/* The first row of a page, in its stored form; to be cleared. */
static struct buf first_row(const struct page *p)
{
    struct {
        const struct page *page;
        struct buf out;
    } to = {p, {0}};
    struct world_rows rows = {.page = p};
    (void)page_each_row(p, world_add_row, &rows);
    encode(&to, rows.rows[0].row);
    free(rows.rows);
    return to.out;
}

static void spoilt_bytes_are_refused_or_are_the_whole_truth(void **state)
{
    (void)state;
    struct stage s = run_kinds(5, 50, 2);
    struct buf b = first_row(s.w.pages[0]);
    uint64_t seed = 3;
    struct err e = {0};
    for (int i = 0; i < 20000; i++) {
        size_t at = random_below(&seed, (uint32_t)b.n);
        uint8_t before = b.p[at];
        b.p[at] = (uint8_t)random_next(&seed);
        struct page *other = page_new(&test_kinds_plan, page_tier(s.w.pages[0]),
                                      SPAN_LITERAL("a.example"), page_start(s.w.pages[0]));
        if (page_load(other, SPAN_LITERAL("\x92\xc2\xc0"), buf_span(&b), &e) == 0) {
            struct buf again = first_row(other);
            assert_true(span_equal(buf_span(&b), buf_span(&again)));
            buf_clear(&again);
        } else {
            assert_int_equal(e.kind, ERR_DATA);
        }
        b.p[at] = before;
        page_free(other);
    }
    buf_clear(&b);
    stage_clear(&s);
}

static void verify_says_what_a_number_is_and_should_be(void **state)
{
    (void)state;
    struct verify_result *r = mem_alloc(sizeof *r);
    struct page *expected = sum_page(), *stored = sum_page();
    apply_sum(expected, 3, 2, 1500000000);
    apply_sum(stored, 3, 2, 1500000000);
    verify_compare_pages(r, &sum_plan, expected, stored);
    assert_int_equal(r->n_differences, 0);
    apply_sum(stored, 3, 1, (int128)INT64_MAX * 2);
    apply_sum(expected, 4, 1, -1);
    verify_compare_pages(r, &sum_plan, expected, stored);
    assert_int_equal(r->n_differences, 2);
    assert_string_equal(r->differences[0].what, "total");
    assert_string_equal(r->differences[0].expected, "1.5 of 2");
    assert_string_equal(r->differences[0].stored, "18446744075.209551614 of 3");
    assert_string_equal(r->differences[1].expected, "-0.000000001 of 1");
    assert_string_equal(r->differences[1].stored, "NULL of 0");
    page_free(expected);
    page_free(stored);
    free(r);
}

static void groups_are_of_the_types_of_the_dimensions(void **state)
{
    (void)state;
    struct group_value d[PLAN_MAX_DIMENSIONS];
    struct err e = {0};
    assert_int_equal(page_read_group(SPAN_LITERAL("\x92\xc3\xa1x"), &test_kinds_plan, d, &e), 0);
    assert_true(d[0].type == VALUE_BOOL && d[0].integer == 1 && span_is(d[1].text, "x"));
    assert_int_equal(page_read_group(SPAN_LITERAL("\x92\xc0\xc0"), &test_kinds_plan, d, &e), 0);
    assert_true(d[0].null && d[1].null);
    assert_int_equal(page_read_group(SPAN_LITERAL("\x92\x01\xa1x"), &test_kinds_plan, d, &e), -1);
    assert_int_equal(page_read_group(SPAN_LITERAL("\x92\xc3\xc3"), &test_kinds_plan, d, &e), -1);
    assert_int_equal(page_read_group(SPAN_LITERAL("\x92\xff\xa1x"), &test_signed_plan, d, &e), 0);
    assert_true(d[0].integer == -1);
}

/* ---- rows that are taken back ---- */

struct signed_rows {
    struct batch *b;
    int8_t signs[2 * N_EVENTS];
    uint32_t n;
};

static void add_signed(struct signed_rows *rows, const struct event *e, int8_t sign)
{
    batch_add(rows->b, e);
    rows->signs[rows->n++] = sign;
}

static void flush_signed(struct stage *s, struct signed_rows *rows)
{
    struct log_slice slice;
    struct row_slice all;
    batch_slice(rows->b, &slice);
    all = rows_of_log(&slice);
    aggregate_add_signed(s->a, &all, rows->signs);
    world_flush(&s->w, s->a);
    batch_reset(rows->b);
    rows->n = 0;
}

enum taken_back { NOTHING, EVERY_THIRD, EVERYTHING };

static bool is_taken_back(enum taken_back what, int i)
{
    return what == EVERYTHING || (what == EVERY_THIRD && i % 3 == 0);
}

/* Everything is added, `what` is taken back in flushes of that many rows; or it never comes. */
static struct stage run_signed(enum taken_back what, bool never_came, uint32_t flush)
{
    struct stage s = stage_of(&test_signed_plan);
    struct signed_rows *rows = mem_alloc(sizeof *rows);
    rows->b = batch_new();
    for (int8_t sign = 1; sign >= -1; sign -= 2) {
        struct view_log log = log_of(7);
        for (int i = 0; i < N_EVENTS; i++) {
            struct event e = event_of(&log);
            if (never_came ? sign < 0 || is_taken_back(what, i)
                           : sign < 0 && !is_taken_back(what, i))
                continue;
            add_signed(rows, &e, sign);
            if (rows->n == flush)
                flush_signed(&s, rows);
        }
        if (flush < N_EVENTS)
            flush_signed(&s, rows);
    }
    flush_signed(&s, rows);
    batch_free(rows->b);
    free(rows);
    return s;
}

static void what_is_taken_back_was_never_there(void **state)
{
    (void)state;
    static const uint32_t flushes[] = {1, 17, 500, 2 * N_EVENTS};
    struct stage expected = run_signed(EVERY_THIRD, true, 100);
    for (size_t i = 0; i < sizeof flushes / sizeof *flushes; i++) {
        struct stage s = run_signed(EVERY_THIRD, false, flushes[i]);
        assert_same(&expected.w, &s.w);
        stage_clear(&s);
    }
    stage_clear(&expected);
}

static void when_all_is_taken_back_nothing_is_left(void **state)
{
    (void)state;
    struct stage s = run_signed(EVERYTHING, false, 90);
    assert_true(s.w.n > 0);
    for (size_t i = 0; i < s.w.n; i++)
        assert_int_equal(page_rows(s.w.pages[i]), 0);
    assert_true(digest_equal(s.w.digest, (struct digest){0}));
    stage_clear(&s);
}

static void more_taken_back_than_there_was_spoils_the_page(void **state)
{
    (void)state;
    struct err e = {0};
    struct page *p = sum_page();
    apply_sum(p, 0, -1, -5); /* in a flush any order is fine */
    apply_sum(p, 0, 2, 11);
    assert_int_equal(page_finish(p, &e), 0);
    assert_int_equal(page_rows(p), 1);
    apply_sum(p, 0, -1, -5); /* a row is gone, but not what it had */
    assert_int_equal(page_finish(p, &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
    page_free(p);
    p = sum_page();
    apply_sum(p, 0, -1, -5);
    assert_int_equal(page_finish(p, &e), -1);
    page_free(p);
}

static void apply_group(struct page *p, int group, int64_t rows)
{
    union measure_value values[3] = {{.count = rows}};
    struct buf packed = {0};
    pack_array(&packed, 2);
    pack_int(&packed, group);
    pack_text(&packed, SPAN_ABSENT);
    union measure_value all[7] = {{0}};
    struct delta d = {.site = page_site(p),
                      .group = buf_span(&packed),
                      .at = {page_start(p), 0},
                      .rows = rows,
                      .values = all};
    memcpy(&all[1], values, sizeof values);
    page_apply(p, &d, NULL);
    buf_clear(&packed);
}

struct places {
    int n, of[100]; /* the group at an ordinal */
};

static int note_place(void *context, const struct page_row *row)
{
    struct places *places = context;
    struct group_value d[PLAN_MAX_DIMENSIONS];
    struct err e = {0};
    assert_int_equal(page_row_ordinal(row), places->n);
    assert_int_equal(page_read_group(page_row_group(row), &test_signed_plan, d, &e), 0);
    places->of[places->n++] = (int)d[0].integer;
    return 0;
}

static int note_vanished(void *context, const struct page_row *row)
{
    struct places *places = context;
    places->of[places->n++] = (int)page_row_stored(row);
    return 0;
}

static void the_last_row_takes_the_place_of_one_that_vanishes(void **state)
{
    (void)state;
    struct err e = {0};
    struct places places = {0}, vanished = {0};
    struct page *p = page_new(&test_signed_plan, 0, SPAN_LITERAL("a.example"), 0);
    for (int i = 0; i < 6; i++)
        apply_group(p, i, 1);
    assert_int_equal(page_finish(p, &e), 0);
    page_clean(p);
    size_t bytes = page_bytes(p);
    apply_group(p, 1, -1);
    apply_group(p, 5, -1); /* the last itself */
    apply_group(p, 9, 1);  /* new, and not stored */
    apply_group(p, 8, -1);
    apply_group(p, 8, 1);
    assert_int_equal(page_finish(p, &e), 0);
    (void)page_each_row(p, note_place, &places);
    assert_int_equal(places.n, 5);
    static const int expected[] = {0, 9, 2, 3, 4};
    for (int i = 0; i < 5; i++)
        if (places.of[i] != expected[i])
            fail_msg("at %d is %d", i, places.of[i]);
    (void)page_each_vanished(p, note_vanished, &vanished);
    assert_true(vanished.n == 2 && vanished.of[0] == 1 && vanished.of[1] == 5);
    page_clean(p);
    apply_group(p, 1, 1); /* again */
    assert_int_equal(page_finish(p, &e), 0);
    assert_int_equal(page_rows(p), 6);
    assert_int_equal(page_bytes(p), bytes);
    page_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_gives_the_same_pages_and_digest),
        cmocka_unit_test(each_tier_sums_up_to_what_the_events_say),
        cmocka_unit_test(every_kind_is_stored_and_loaded_back),
        cmocka_unit_test(a_number_is_an_int_or_sixteen_bytes),
        cmocka_unit_test(numbers_that_are_not_the_format_are_refused),
        cmocka_unit_test(spoilt_bytes_are_refused_or_are_the_whole_truth),
        cmocka_unit_test(verify_says_what_a_number_is_and_should_be),
        cmocka_unit_test(groups_are_of_the_types_of_the_dimensions),
        cmocka_unit_test(what_is_taken_back_was_never_there),
        cmocka_unit_test(when_all_is_taken_back_nothing_is_left),
        cmocka_unit_test(more_taken_back_than_there_was_spoils_the_page),
        cmocka_unit_test(the_last_row_takes_the_place_of_one_that_vanishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
