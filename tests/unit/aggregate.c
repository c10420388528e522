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
#include "views/catalog.h"
#include "views/definition.h"

static const struct aggregate_limits ample = {1 << 20, 1 << 28};

static int64_t time_of(const char *text)
{
    int64_t t;
    assert_int_equal(clock_parse(text, strlen(text), &t), 0);
    return t;
}

/* ---- a naive builder: an event is a delta, applied and expired at once ---- */

enum { MAX_SITES = 8 };

struct naive {
    struct world world;
    struct {
        char name[32];
        int64_t watermark_us;
    } sites[MAX_SITES];
    size_t n_sites;
    uint64_t matched, late;
};

static int64_t *naive_watermark(struct naive *n, struct span site)
{
    size_t i = 0;
    while (i < n->n_sites && !span_is(site, n->sites[i].name))
        i++;
    if (i == n->n_sites) {
        assert_true(n->n_sites < MAX_SITES);
        memcpy(n->sites[i].name, site.p, site.n);
        n->sites[n->n_sites++].watermark_us = INT64_MIN / 2;
    }
    return &n->sites[i].watermark_us;
}

static void naive_distinct(union measure_value *v, struct span value, bool counts)
{
    if (!counts || span_absent(value))
        return;
    v->sketch = sketch_new();
    sketch_add(v->sketch, sketch_hash(value.p, value.n), NULL);
}

/* What test_plan says, by hand. */
static void naive_count(struct naive *n, const struct event *e, unsigned tier)
{
    struct buf group = {0};
    uint64_t visitor = htobe64(e->visitor);
    union measure_value values[4] = {{.count = 1}, {0}, {0}, {0}};
    pack_array(&group, 2);
    pack_text(&group, e->browser);
    pack_text(&group, e->region);
    naive_distinct(&values[1], (struct span){(const char *)&visitor, 8}, true);
    values[2].count = span_is(e->os, "Firefox") && !span_absent(e->os);
    naive_distinct(&values[3], e->os, e->bot);
    struct delta d = {.site = e->site,
                      .group = buf_span(&group),
                      .tier = tier,
                      .rows = 1,
                      .at = tier_slot_of(test_plan.tiers[tier], e->time_us),
                      .values = values};
    (void)world_apply(&n->world, &d);
    sketch_free(values[1].sketch);
    sketch_free(values[3].sketch);
    buf_clear(&group);
}

static void naive_take(struct naive *n, const struct event *e)
{
    int64_t *watermark_us = naive_watermark(n, e->site);
    unsigned tier = 0;
    if (span_is(e->type, "PageViewEvent")) {
        n->matched++;
        for (; tier < 3; tier++) {
            int64_t start = tier_slot_of(test_plan.tiers[tier], e->time_us).page_start_us;
            if (tier_page_end(test_plan.tiers[tier], start) + test_plan.retention_us[tier] >
                *watermark_us)
                break;
        }
        n->late += tier > 0;
        if (tier < 3)
            naive_count(n, e, tier);
    }
    if (e->time_us > *watermark_us) {
        *watermark_us = e->time_us;
        world_expire(&n->world, e->site, *watermark_us);
    }
}

/* ---- the law of the aggregate ---- */

struct split {
    uint32_t max_batch;   /* events a batch, at random */
    uint32_t flush_every; /* batches on average */
    size_t max_cells;
};

/* One batch through the aggregate, with the flushes that full tables force. */
static void take_batch(struct world *w, struct aggregate *a, const struct batch *b)
{
    struct log_slice slice;
    batch_slice(b, &slice);
    for (uint32_t at = 0; at < slice.count;) {
        uint32_t next = aggregate_add(a, &slice, at);
        assert_true(next == slice.count || (next > at && aggregate_full(a)) || aggregate_full(a));
        at = next;
        if (at < slice.count)
            world_flush(w, a);
    }
}

static void run_split(struct view_log log, uint32_t events, struct split split, struct world *w)
{
    struct aggregate *a =
        aggregate_new(w->plan, (struct aggregate_limits){split.max_cells, 1 << 26});
    struct batch *b = batch_new();
    uint64_t seed = log.seed + split.max_batch;
    for (uint32_t taken = 0; taken < events;) {
        uint32_t n = 1 + random_below(&seed, split.max_batch);
        batch_reset(b);
        for (; n > 0 && taken < events; n--, taken++) {
            struct event e = view_log_next(&log);
            batch_add(b, &e);
        }
        take_batch(w, a, b);
        if (random_below(&seed, split.flush_every) == 0)
            world_flush(w, a);
    }
    world_flush(w, a);
    assert_int_equal(aggregate_counts(a).events, events);
    batch_free(b);
    aggregate_free(a);
}

static void assert_same_world(const struct world *a, const struct world *b)
{
    struct buf x = {0}, y = {0};
    world_dump(a, &x);
    world_dump(b, &y);
    assert_true(x.n > 0 && span_equal(buf_span(&x), buf_span(&y)));
    assert_true(digest_equal(a->digest, b->digest));
    buf_clear(&x);
    buf_clear(&y);
}

static struct view_log random_log(uint64_t seed)
{
    return (struct view_log){.seed = seed,
                             .now_us = time_of("2026-01-30T20:00:00Z"),
                             .step_us = 20 * US_PER_SECOND,
                             .sites = 1 + seed % 4,
                             .groups = 6,
                             .visitors = 50,
                             .late_percent = (uint32_t)(seed % 3) * 15,
                             .late_us = seed % 2 ? 4 * US_PER_HOUR : 60 * US_PER_DAY,
                             .leap_permille = 4,
                             .leap_us = 5 * US_PER_DAY,
                             .other_percent = seed % 5 == 0 ? 0 : 10};
}

static void any_split_into_batches_and_flushes_gives_the_same_pages_and_digest(void **state)
{
    (void)state;
    static const struct split splits[] = {
        {1, 1, 1000}, {7, 3, 1000000}, {500, 2, 40}, {5000, 100, 1000000}, {300, 5, 1}};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct view_log log = random_log(seed);
        struct naive naive = {.world = {.plan = &test_plan}};
        for (int i = 0; i < 1500; i++) {
            struct event e = view_log_next(&log);
            naive_take(&naive, &e);
        }
        for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
            struct world w = {.plan = &test_plan};
            run_split(random_log(seed), 1500, splits[i], &w);
            assert_same_world(&naive.world, &w);
            assert_true(digest_equal(w.digest, world_digest(&w)));
            world_clear(&w);
        }
        world_clear(&naive.world);
    }
}

static void every_shipped_view_counts_the_same_however_split(void **state)
{
    (void)state;
    for (int i = 0; shipped_plans()[i] != NULL; i++) {
        struct world whole = {.plan = shipped_plans()[i]}, parts = {.plan = shipped_plans()[i]};
        run_split(random_log(5), 3000, (struct split){10000, 100, 1000000}, &whole);
        run_split(random_log(5), 3000, (struct split){20, 2, 300}, &parts);
        assert_same_world(&whole, &parts);
        world_clear(&whole);
        world_clear(&parts);
    }
}

static void late_and_matched_events_are_counted(void **state)
{
    (void)state;
    struct view_log log = random_log(11);
    struct naive naive = {.world = {.plan = &test_plan}};
    struct aggregate *a = aggregate_new(&test_plan, ample);
    struct batch *b = batch_new();
    struct log_slice slice;
    for (int i = 0; i < 3000; i++) {
        struct event e = view_log_next(&log);
        naive_take(&naive, &e);
        batch_add(b, &e);
    }
    batch_slice(b, &slice);
    assert_int_equal(aggregate_add(a, &slice, 0), 3000);
    struct aggregate_counts counts = aggregate_counts(a);
    assert_true(naive.late > 0);
    assert_int_equal(counts.matched, naive.matched);
    assert_int_equal(counts.late, naive.late);
    assert_true(counts.max_late_us > 0);
    world_clear(&naive.world);
    batch_free(b);
    aggregate_free(a);
}

/* ---- single events ---- */

struct scene {
    struct aggregate *a;
    struct batch *b;
    struct world w;
};

static struct scene scene_of_plan(const struct plan *p)
{
    return (struct scene){aggregate_new(p, ample), batch_new(), {.plan = p}};
}

static struct scene scene_of(const char *view)
{
    return scene_of_plan(plan_find(span_of(view)));
}

static void scene_view(struct scene *s, const char *site, const char *time)
{
    struct event e = {.type = SPAN_LITERAL("PageViewEvent"),
                      .site = span_of(site),
                      .region = SPAN_LITERAL("DE"),
                      .visitor = 7,
                      .time_us = time_of(time)};
    batch_add(s->b, &e);
}

static void scene_flush(struct scene *s)
{
    struct log_slice slice;
    batch_slice(s->b, &slice);
    assert_int_equal(aggregate_add(s->a, &slice, 0), slice.count);
    world_flush(&s->w, s->a);
    batch_reset(s->b);
}

static void scene_clear(struct scene *s)
{
    aggregate_free(s->a);
    batch_free(s->b);
    world_clear(&s->w);
}

static int add_rows(void *context, const struct page_slot *slot)
{
    *(int64_t *)context += slot->rows;
    return 0;
}

static int add_row(void *context, const struct page_row *row)
{
    return page_row_each_slot(row, add_rows, context);
}

static int64_t rows_of_tier(const struct scene *s, unsigned tier)
{
    int64_t rows = 0;
    for (size_t i = 0; i < s->w.n; i++)
        if (page_tier(s->w.pages[i]) == tier)
            (void)page_each_row(s->w.pages[i], add_row, &rows);
    return rows;
}

static int add_delta_rows(void *context, const struct delta *d)
{
    ((int64_t *)context)[d->tier] += d->rows;
    return 0;
}

static void an_expired_page_is_not_recreated_by_a_late_event(void **state)
{
    (void)state;
    struct scene s = scene_of("visitors");
    scene_view(&s, "a.example", "2026-03-01T10:00:00Z");
    scene_view(&s, "a.example", "2026-03-03T10:59:59Z"); /* the page ends 11:00: still there */
    scene_view(&s, "a.example", "2026-03-01T10:30:00Z");
    scene_flush(&s);
    assert_int_equal(rows_of_tier(&s, 0), 3);
    scene_view(&s, "a.example", "2026-03-03T11:00:00Z"); /* now it goes, with its two views */
    scene_view(&s, "a.example", "2026-03-01T10:30:00Z");
    scene_flush(&s);
    assert_int_equal(rows_of_tier(&s, 0), 2);
    assert_int_equal(rows_of_tier(&s, 1), 5);
    assert_int_equal(rows_of_tier(&s, 2), 5);
    assert_int_equal(aggregate_counts(s.a).late, 1);
    assert_true(aggregate_counts(s.a).max_late_us == 2 * US_PER_DAY + US_PER_HOUR / 2);
    assert_true(digest_equal(s.w.digest, world_digest(&s.w)));
    scene_clear(&s);
}

static void a_site_expires_by_its_own_watermark(void **state)
{
    (void)state;
    struct scene s = scene_of("visitors");
    scene_view(&s, "fast.example", "2026-03-09T10:00:00Z");
    scene_view(&s, "slow.example", "2026-03-01T10:00:00Z");
    scene_view(&s, "fast.example", "2026-03-01T10:00:00Z");
    scene_flush(&s);
    assert_int_equal(rows_of_tier(&s, 0), 2);
    assert_int_equal(rows_of_tier(&s, 2), 3);
    scene_clear(&s);
}

/* At midnight a page of minutes and one of quarters start at the same time, in the same slot. */
static void pages_of_two_tiers_with_one_start_are_kept_apart(void **state)
{
    (void)state;
    struct scene s = scene_of_plan(&test_plan);
    struct event other = {.type = SPAN_LITERAL("signup"),
                          .site = SPAN_LITERAL("a.example"),
                          .time_us = time_of("2026-03-01T04:00:00Z")};
    scene_view(&s, "a.example", "2026-03-01T00:03:00Z"); /* minute 3 */
    batch_add(s.b, &other);
    scene_view(&s, "a.example", "2026-03-01T00:50:00Z"); /* its minutes are gone: quarter 3 */
    struct log_slice slice;
    batch_slice(s.b, &slice);
    assert_int_equal(aggregate_add(s.a, &slice, 0), 3);
    int64_t rows[3] = {0};
    assert_int_equal(aggregate_each(s.a, add_delta_rows, rows), 0);
    assert_int_equal(rows[0], 1);
    assert_int_equal(rows[1], 1);
    scene_clear(&s);
}

static void a_watermark_moves_with_events_that_do_not_match(void **state)
{
    (void)state;
    struct scene s = scene_of("visitors");
    struct event bot = {.type = SPAN_LITERAL("PageViewEvent"),
                        .site = SPAN_LITERAL("a.example"),
                        .bot = true,
                        .time_us = time_of("2026-03-09T10:00:00Z")};
    int64_t t;
    batch_add(s.b, &bot);
    scene_view(&s, "a.example", "2026-03-01T10:00:00Z");
    scene_flush(&s);
    assert_int_equal(rows_of_tier(&s, 0), 0);
    assert_int_equal(rows_of_tier(&s, 1), 1);
    assert_true(aggregate_watermark(s.a, SPAN_LITERAL("a.example"), &t) && t == bot.time_us);
    assert_false(aggregate_watermark(s.a, SPAN_LITERAL("b.example"), &t));
    scene_clear(&s);
}

static void a_loaded_watermark_counts_as_if_seen(void **state)
{
    (void)state;
    struct scene s = scene_of("visitors");
    aggregate_set_watermark(s.a, SPAN_LITERAL("a.example"), time_of("2026-03-09T10:00:00Z"));
    scene_view(&s, "a.example", "2026-03-01T10:00:00Z");
    scene_flush(&s);
    assert_int_equal(rows_of_tier(&s, 0), 0);
    assert_int_equal(rows_of_tier(&s, 1), 1);
    scene_clear(&s);
}

static void count_call(void *context, struct span site, int64_t time_us)
{
    (void)site;
    (void)time_us;
    ++*(int *)context;
}

static int watermarks(const struct aggregate *a, enum watermark_choice choice)
{
    int n = 0;
    aggregate_each_watermark(a, choice, count_call, &n);
    return n;
}

static void watermarks_changed_since_the_reset_are_told_apart(void **state)
{
    (void)state;
    struct scene s = scene_of("pageviews");
    struct log_slice slice;
    aggregate_set_watermark(s.a, SPAN_LITERAL("old.example"), time_of("2026-03-09T10:00:00Z"));
    scene_view(&s, "old.example", "2026-03-01T10:00:00Z");
    scene_view(&s, "new.example", "2026-03-01T10:00:00Z");
    batch_slice(s.b, &slice);
    assert_int_equal(aggregate_add(s.a, &slice, 0), 2);
    assert_int_equal(watermarks(s.a, WATERMARKS_CHANGED), 1);
    aggregate_reset(s.a);
    assert_int_equal(watermarks(s.a, WATERMARKS_CHANGED), 0);
    assert_int_equal(watermarks(s.a, WATERMARKS_ALL), 2);
    scene_clear(&s);
}

struct order {
    struct delta last;
    int n;
};

static int check_order(void *context, const struct delta *d)
{
    struct order *o = context;
    int c = o->n++ == 0 ? -1 : world_order_spans(o->last.site, d->site);
    if (c == 0)
        c = (int)o->last.tier - (int)d->tier;
    if (c == 0)
        c = o->last.at.page_start_us < d->at.page_start_us
                ? -1
                : o->last.at.page_start_us > d->at.page_start_us;
    if (c == 0)
        c = world_order_spans(o->last.group, d->group);
    if (c == 0)
        c = (int)o->last.at.slot - (int)d->at.slot;
    assert_true(c < 0);
    o->last = *d;
    return 0;
}

static void deltas_come_sorted_and_each_cell_once(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new(&test_plan, ample);
    struct view_log log = random_log(2);
    struct batch *b = batch_new();
    struct log_slice slice;
    struct order o = {0};
    for (int i = 0; i < 5000; i++) {
        struct event e = view_log_next(&log);
        batch_add(b, &e);
    }
    batch_slice(b, &slice);
    (void)aggregate_add(a, &slice, 0);
    assert_int_equal(aggregate_each(a, check_order, &o), 0);
    assert_true(o.n > 1000);
    aggregate_reset(a);
    o.n = 0;
    assert_int_equal(aggregate_each(a, check_order, &o), 0);
    assert_int_equal(o.n, 0);
    batch_free(b);
    aggregate_free(a);
}

static int stop(void *context, const struct delta *d)
{
    (void)d;
    return ++*(int *)context == 3 ? -1 : 0;
}

static void a_full_table_takes_no_more_until_it_is_reset(void **state)
{
    (void)state;
    struct aggregate *a =
        aggregate_new(plan_find(SPAN_LITERAL("pageviews")), (struct aggregate_limits){5, 1 << 20});
    struct batch *b = batch_new();
    struct log_slice slice;
    int calls = 0;
    for (int i = 0; i < 20; i++) {
        struct event e = {.type = SPAN_LITERAL("PageViewEvent"),
                          .site = SPAN_LITERAL("s"),
                          .time_us = i * US_PER_MINUTE};
        batch_add(b, &e);
    }
    batch_slice(b, &slice);
    assert_int_equal(aggregate_add(a, &slice, 0), 5);
    assert_true(aggregate_full(a));
    assert_int_equal(aggregate_add(a, &slice, 5), 5);
    assert_int_equal(aggregate_each(a, stop, &calls), -1);
    assert_int_equal(calls, 3);
    aggregate_reset(a);
    assert_int_equal(aggregate_add(a, &slice, 5), 10);
    batch_free(b);
    aggregate_free(a);
}

static void memory_is_bounded_too(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new(plan_find(SPAN_LITERAL("visitors")),
                                        (struct aggregate_limits){1 << 20, 4096});
    struct batch *b = batch_new();
    struct log_slice slice;
    for (int i = 0; i < 9999; i++) {
        struct event e = {.type = SPAN_LITERAL("PageViewEvent"),
                          .site = SPAN_LITERAL("s"),
                          .visitor = (uint64_t)i};
        batch_add(b, &e);
    }
    batch_slice(b, &slice);
    uint32_t taken = aggregate_add(a, &slice, 0);
    assert_in_range(taken, 100, 1000); /* 8 bytes a visitor, doubling */
    batch_free(b);
    aggregate_free(a);
}

static struct plan *plan_by(const char *dimension)
{
    char *sql = mem_format("CREATE MATERIALIZED VIEW parts AS SELECT site,"
                           " date_bin('1 minute', event_time, 'epoch') AS time, %s AS dimension,"
                           " count(*) AS n FROM events GROUP BY 1, 2, 3",
                           dimension);
    struct plan *p = NULL;
    struct err e = {0};
    int result = definition_plan("parts", sql, strstr(sql, "SELECT"), &p, &e);
    free(sql);
    if (result != 0)
        fail_msg("%s", e.text);
    return p;
}

/* Long texts are made for a part of a slice at a time, so that their memory is bounded. */
static void a_slice_with_costly_expressions_is_gone_through_in_parts(void **state)
{
    (void)state;
#define PATHS "path, path, path, path, path, path, path"
    struct plan *plain = plan_by("browser");
    struct plan *costly = plan_by("browser || left(concat(" PATHS ", " PATHS "), 0)");
    struct world whole = {.plan = plain}, parts = {.plan = costly};
    struct split split = {3000, 4, 1 << 20};
    run_split(random_log(3), 6000, split, &whole);
    run_split(random_log(3), 6000, split, &parts);
    assert_same_world(&whole, &parts);
    assert_true(expr_row_bytes(costly->dimensions[0].value, costly->relation) > 14 * 4096);
    world_clear(&whole);
    world_clear(&parts);
    definition_free(plain);
    definition_free(costly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_into_batches_and_flushes_gives_the_same_pages_and_digest),
        cmocka_unit_test(every_shipped_view_counts_the_same_however_split),
        cmocka_unit_test(late_and_matched_events_are_counted),
        cmocka_unit_test(an_expired_page_is_not_recreated_by_a_late_event),
        cmocka_unit_test(a_site_expires_by_its_own_watermark),
        cmocka_unit_test(pages_of_two_tiers_with_one_start_are_kept_apart),
        cmocka_unit_test(a_watermark_moves_with_events_that_do_not_match),
        cmocka_unit_test(a_loaded_watermark_counts_as_if_seen),
        cmocka_unit_test(watermarks_changed_since_the_reset_are_told_apart),
        cmocka_unit_test(deltas_come_sorted_and_each_cell_once),
        cmocka_unit_test(a_full_table_takes_no_more_until_it_is_reset),
        cmocka_unit_test(memory_is_bounded_too),
        cmocka_unit_test(a_slice_with_costly_expressions_is_gone_through_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
