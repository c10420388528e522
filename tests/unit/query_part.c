/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/view_log.h"
#include "tests/support/view_plans.h"
#include "views/query_part.h"

#define NOON_US (INT64_C(1764158400) * US_PER_SECOND) /* 2025-11-26 12:00 UTC */

enum { BATCHES = 40, BATCH_EVENTS = 300 };

static const struct aggregate_limits no_limits = {SIZE_MAX, SIZE_MAX};

/* ------------------------------------------------------------------ a log */

struct log_of_batches {
    struct batch *batches[BATCHES];
    struct log_slice slices[BATCHES];
};

static void fill_log(struct log_of_batches *l, uint32_t sites)
{
    struct view_log events = {.seed = 7,
                              .now_us = NOON_US,
                              .step_us = 20 * US_PER_SECOND,
                              .sites = sites,
                              .groups = 5,
                              .visitors = 50,
                              .late_percent = 10,
                              .late_us = 5 * US_PER_HOUR,
                              .other_percent = 10};
    for (int b = 0; b < BATCHES; b++) {
        l->batches[b] = batch_new();
        for (int i = 0; i < BATCH_EVENTS; i++) {
            struct event e = view_log_next(&events);
            batch_add(l->batches[b], &e);
        }
        batch_slice(l->batches[b], &l->slices[b]);
    }
}

static void clear_log(struct log_of_batches *l)
{
    for (int b = 0; b < BATCHES; b++)
        batch_free(l->batches[b]);
}

/* ------------------------------------------------------------------ answers as bytes */

struct line {
    char *bytes;
    size_t n;
};

struct lines {
    struct line *lines;
    size_t n;
};

static int add_line(void *context, int64_t page_start_us, struct span group, struct span value)
{
    struct lines *all = context;
    struct buf text = {0};
    buf_printf(&text, "%lld ", (long long)page_start_us);
    buf_put_span(&text, group);
    buf_put_span(&text, value);
    all->lines = mem_resize(all->lines, (all->n + 1) * sizeof(*all->lines));
    all->lines[all->n++] = (struct line){(char *)text.p, text.n};
    return 0;
}

static int order_lines(const void *x, const void *y)
{
    const struct line *a = x, *b = y;
    int c = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);
    return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

static void dump(const struct query_pages *pages, struct buf *out)
{
    struct lines all = {0};
    assert_int_equal(query_pages_each(pages, add_line, &all), 0);
    qsort(all.lines, all.n, sizeof(*all.lines), order_lines);
    for (size_t i = 0; i < all.n; i++) {
        buf_put(out, all.lines[i].bytes, all.lines[i].n);
        free(all.lines[i].bytes);
    }
    free(all.lines);
}

/* ------------------------------------------------------------------ tests */

static struct plan plan_of(int64_t bucket_us)
{
    struct plan p = test_plan;
    p.bucket_us = bucket_us;
    p.n_tiers = 0;
    return p;
}

static void make_scope(struct query_scope *s, const struct plan *p, const char *site)
{
    struct err e = {0};
    const int64_t range_us[2] = {NOON_US + 7 * US_PER_MINUTE + 1, NOON_US + 50 * US_PER_HOUR};
    assert_int_equal(query_scope_init(s, p, span_of(site), range_us, &e), 0);
}

static void answer_at_once(const struct query_scope *s, const struct log_of_batches *l,
                           struct buf *out)
{
    struct query_pages pages;
    struct query_part *part = query_part_new(s, no_limits);
    for (int b = 0; b < BATCHES; b++)
        assert_true(query_part_add(part, &l->slices[b]));
    query_pages_init(&pages, s);
    query_pages_merge(&pages, part);
    dump(&pages, out);
    query_pages_clear(&pages);
    query_part_free(part);
}

/* Each batch is cut in two somewhere; what comes of it goes into one of three parts, the last
 * batches first. */
static void answer_in_parts(const struct query_scope *s, const struct log_of_batches *l,
                            uint64_t seed, struct buf *out)
{
    struct query_pages pages;
    struct query_part *parts[3];
    for (int i = 0; i < 3; i++)
        parts[i] = query_part_new(s, no_limits);
    for (int b = BATCHES; b-- > 0;) {
        uint32_t cut = random_below(&seed, BATCH_EVENTS + 1);
        struct log_slice first = l->slices[b], rest = l->slices[b];
        slice_cut(&first, 0, cut);
        slice_cut(&rest, cut, BATCH_EVENTS - cut);
        assert_true(query_part_add(parts[random_below(&seed, 3)], &rest));
        assert_true(query_part_add(parts[random_below(&seed, 3)], &first));
    }
    query_pages_init(&pages, s);
    for (int i = 0; i < 3; i++) {
        query_pages_merge(&pages, parts[i]);
        query_part_free(parts[i]);
    }
    dump(&pages, out);
    query_pages_clear(&pages);
}

static void any_split_over_slices_and_threads_gives_the_same(void **state)
{
    (void)state;
    static const int64_t buckets[] = {0, 2 * US_PER_SECOND, US_PER_MINUTE, 15 * US_PER_MINUTE,
                                      US_PER_DAY};
    for (uint32_t sites = 1; sites <= 3; sites += 2) {
        struct log_of_batches l;
        fill_log(&l, sites);
        for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
            struct plan p = plan_of(buckets[i]);
            struct query_scope s;
            make_scope(&s, &p, "site0.example");
            struct buf once = {0};
            answer_at_once(&s, &l, &once);
            assert_true(once.n > 0);
            for (uint64_t seed = 1; seed <= 4; seed++) {
                struct buf parts = {0};
                answer_in_parts(&s, &l, seed, &parts);
                assert_int_equal(parts.n, once.n);
                assert_memory_equal(parts.p, once.p, once.n);
                buf_clear(&parts);
            }
            buf_clear(&once);
        }
        clear_log(&l);
    }
}

struct counted {
    const struct plan *plan;
    int64_t views, firefox;
};

static int count_slot(void *context, const struct stored_slot *slot)
{
    struct counted *c = context;
    c->views += slot->values[0].count;
    c->firefox += slot->values[2].count;
    return 0;
}

static int count_row(void *context, int64_t page_start_us, struct span group, struct span value)
{
    struct counted *c = context;
    struct err e = {0};
    (void)page_start_us;
    (void)group;
    return page_read_value(c->plan, 0, value, count_slot, c, &e);
}

static void count_events(const struct query_scope *s, const struct log_slice *slice,
                         struct counted *c, uint64_t *events)
{
    struct slice_cursor at = slice_cursor_of(slice);
    for (struct event_row row; slice_next(&at, &row);) {
        int64_t time_us = element_time_us(row.columns[EVENT_TIME]);
        if (!span_equal(row.columns[EVENT_SITE], s->site) || time_us < s->from_us ||
            time_us >= s->to_us)
            continue;
        (*events)++;
        if (!span_is(row.columns[EVENT_TYPE], "PageViewEvent"))
            continue;
        c->views++;
        c->firefox += span_is(row.columns[EVENT_OS], "Firefox");
    }
}

static void only_the_events_of_the_site_and_the_time_count(void **state)
{
    (void)state;
    struct log_of_batches l;
    struct plan p = plan_of(US_PER_HOUR);
    struct query_scope s;
    struct query_pages pages;
    fill_log(&l, 4);
    make_scope(&s, &p, "site2.example");
    struct query_part *part = query_part_new(&s, no_limits);
    struct counted expected = {.plan = &s.plan}, got = {.plan = &s.plan};
    uint64_t events = 0;
    for (int b = 0; b < BATCHES; b++) {
        assert_true(query_part_add(part, &l.slices[b]));
        count_events(&s, &l.slices[b], &expected, &events);
    }
    query_pages_init(&pages, &s);
    query_pages_merge(&pages, part);
    assert_int_equal(query_pages_each(&pages, count_row, &got), 0);
    assert_true(expected.views > 0 && expected.firefox > 0);
    assert_int_equal(got.views, expected.views);
    assert_int_equal(got.firefox, expected.firefox);
    assert_int_equal(query_part_counts(part).events, events);
    query_pages_clear(&pages);
    query_part_free(part);
    clear_log(&l);
}

static void what_is_of_another_site_or_time_is_not_looked_at(void **state)
{
    (void)state;
    struct log_of_batches l;
    struct plan p = plan_of(0);
    struct query_scope s;
    fill_log(&l, 1);
    make_scope(&s, &p, "elsewhere.example");
    struct query_part *part = query_part_new(&s, no_limits);
    /* of a batch of one site, or of other times, nothing is read but that */
    struct log_slice foreign = l.slices[0], early = l.slices[0];
    foreign.columns[EVENT_TIME] = (struct column_slice){0};
    assert_true(query_part_add(part, &foreign));
    early.max_time_us = s.from_us - 1;
    early.columns[EVENT_SITE] = early.columns[EVENT_TIME] = (struct column_slice){0};
    assert_true(query_part_add(part, &early));
    assert_int_equal(query_part_counts(part).events, 0);
    assert_true(query_part_counts(part).latest_us == INT64_MIN);
    query_part_free(part);
    clear_log(&l);
}

static void a_part_says_when_it_is_full(void **state)
{
    (void)state;
    struct log_of_batches l;
    struct plan p = plan_of(US_PER_MINUTE);
    struct query_scope s;
    fill_log(&l, 1);
    make_scope(&s, &p, "site0.example");
    struct query_part *part = query_part_new(&s, (struct aggregate_limits){10, SIZE_MAX});
    int b = 0;
    while (b < BATCHES && query_part_add(part, &l.slices[b]))
        b++;
    assert_true(b < BATCHES);
    query_part_free(part);
    clear_log(&l);
}

static void too_many_slots_are_refused(void **state)
{
    (void)state;
    struct plan p = plan_of(US_PER_SECOND);
    struct query_scope s;
    struct err e = {0};
    const int64_t range_us[2] = {NOON_US, NOON_US + 2 * US_PER_DAY};
    assert_int_equal(query_scope_init(&s, &p, span_of("a.example"), range_us, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_over_slices_and_threads_gives_the_same),
        cmocka_unit_test(only_the_events_of_the_site_and_the_time_count),
        cmocka_unit_test(what_is_of_another_site_or_time_is_not_looked_at),
        cmocka_unit_test(a_part_says_when_it_is_full),
        cmocka_unit_test(too_many_slots_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
