/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as rows of their relation, and what a plan may ask of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/session_log.h"
#include "tests/support/view_plans.h"
#include "views/session_rows.h"
#include "views/sessions.h"

static const struct session visit = {
    .start = {PG_EPOCH_US + 5, 1},
    .end = {PG_EPOCH_US + 2 * US_PER_MINUTE + 4, 7},
    .pageviews = 3,
    .texts = {[SESSION_TEXT_ENTRY_PAGE] = {"/a", 2}, [SESSION_TEXT_UTM_CAMPAIGN] = {"letter", 6}}};
static const struct session bounce = {.start = {0, 2}, .end = {0, 2}, .pageviews = 1};

static struct column_cursor column_of(const struct row_slice *rows, enum session_column column)
{
    return column_cursor_of(&rows->columns[column]);
}

static void sessions_become_rows_of_their_relation(void **state)
{
    (void)state;
    struct session_rows rows = {.columns = (UINT32_C(1) << N_SESSION_COLUMNS) - 1};
    session_rows_add(&rows, SPAN_LITERAL("example.com"), UINT64_MAX - 1, &visit);
    session_rows_add(&rows, SPAN_LITERAL("another.example"), 5, &bounce);
    struct row_slice slice = session_rows_slice(&rows);
    assert_int_equal(slice.count, 2);
    struct column_cursor c = column_of(&slice, SESSION_SITE);
    assert_true(span_is(column_next(&c), "example.com"));
    assert_true(span_is(column_next(&c), "another.example"));
    c = column_of(&slice, SESSION_VISITOR);
    assert_int_equal(element_int8(column_next(&c)), -2);
    c = column_of(&slice, SESSION_START);
    assert_int_equal(element_time_us(column_next(&c)), visit.start.time_us);
    assert_int_equal(element_time_us(column_next(&c)), 0);
    c = column_of(&slice, SESSION_END);
    assert_int_equal(element_time_us(column_next(&c)), visit.end.time_us);
    c = column_of(&slice, SESSION_PAGEVIEWS);
    assert_int_equal(element_int8(column_next(&c)), 3);
    c = column_of(&slice, SESSION_BOUNCE);
    assert_false(element_bool(column_next(&c)));
    assert_true(element_bool(column_next(&c)));
    c = column_of(&slice, SESSION_DURATION);
    assert_int_equal(element_int8(column_next(&c)), 119); /* rounded down */
    assert_int_equal(element_int8(column_next(&c)), 0);
    c = column_of(&slice, SESSION_ENTRY_PAGE);
    assert_true(span_is(column_next(&c), "/a"));
    assert_true(span_absent(column_next(&c)));
    c = column_of(&slice, SESSION_UTM_CAMPAIGN);
    assert_true(span_is(column_next(&c), "letter"));
    assert_true(slice.columns[SESSION_UTM_CAMPAIGN].has_nulls);
    assert_false(slice.columns[SESSION_SITE].has_nulls);
    session_rows_clear(&rows);
}

static void columns_that_nobody_reads_are_not_made(void **state)
{
    (void)state;
    struct session_rows rows = {.columns = COLUMN_BIT(SESSION_OS)};
    session_rows_add(&rows, SPAN_LITERAL("example.com"), 1, &visit);
    struct row_slice slice = session_rows_slice(&rows);
    for (unsigned c = 0; c < N_SESSION_COLUMNS; c++)
        assert_int_equal(slice.columns[c].form, c == SESSION_OS ? FORM_PLAIN : FORM_NULL);
    session_rows_reset(&rows);
    assert_int_equal(session_rows_slice(&rows).count, 0);
    session_rows_clear(&rows);
}

/* ---- plans */

static const struct expr is_bounce = TEST_COLUMN(SESSION_BOUNCE, VALUE_BOOL);
static const struct expr entry_page = TEST_COLUMN(SESSION_ENTRY_PAGE, VALUE_TEXT);
static const struct expr duration = TEST_COLUMN(SESSION_DURATION, VALUE_INT);

static struct plan plan_of(struct plan_measure measure)
{
    return (struct plan){.name = "visits",
                         .sql = "CREATE MATERIALIZED VIEW visits AS SELECT",
                         .canonical = "SELECT",
                         .relation = &RELATION_SESSIONS,
                         .filter = &is_bounce,
                         .bucket_us = 15 * US_PER_MINUTE,
                         .bucket_name = "time",
                         .limit = -1,
                         .n_tiers = 1,
                         .tiers = {&TIER_QUARTERS},
                         .n_dimensions = 1,
                         .dimensions = {{"entry_page", &entry_page}},
                         .n_measures = 1,
                         .n_words = aggregate_words(measure.kind),
                         .measures = {measure}};
}

static void a_plan_over_sessions_reads_of_the_log_what_they_are_made_of(void **state)
{
    (void)state;
    struct plan p = plan_of((struct plan_measure){"visits", AGGREGATE_COUNT, .value = NULL});
    assert_int_equal(plan_reads(&p), COLUMN_BIT(SESSION_SITE) | COLUMN_BIT(SESSION_START) |
                                         COLUMN_BIT(SESSION_BOUNCE) |
                                         COLUMN_BIT(SESSION_ENTRY_PAGE));
    assert_int_equal(plan_columns(&p), COLUMN_BIT(EVENT_SITE) | COLUMN_BIT(EVENT_TIME) |
                                           COLUMN_BIT(EVENT_TYPE) | COLUMN_BIT(EVENT_BOT) |
                                           COLUMN_BIT(EVENT_VISITOR) | COLUMN_BIT(EVENT_PATH));
}

struct sum {
    int64_t visits, pageviews;
};

static int add_rows(void *context, const struct delta *d)
{
    struct sum *sum = context;
    assert_int_equal(d->tier, 0);
    sum->visits += d->rows;
    sum->pageviews += (int64_t)measure_number(d->values);
    return 0;
}

/* Collects the events from a time on, and sums up the sessions that start in the range. */
static struct sum sum_of(const struct session_log *l, int64_t since_us, const int64_t range_us[2])
{
    static const struct expr pageviews = TEST_COLUMN(SESSION_PAGEVIEWS, VALUE_INT);
    struct plan p = plan_of((struct plan_measure){"pageviews", AGGREGATE_SUM, .value = &pageviews});
    p.filter = NULL;
    struct sessions *c = sessions_new(
        &(struct sessions_options){session_texts_of(plan_reads(&p)), 1 << 20, 1 << 26, {0}});
    struct aggregate *a = aggregate_new(&p, (struct aggregate_limits){1 << 20, 1 << 26});
    struct batch *b = batch_new();
    struct log_slice slice;
    struct sum sum = {0};
    for (size_t i = 0; i < l->n; i++)
        if (l->events[i].event.time_us >= since_us)
            batch_add(b, &l->events[i].event);
    batch_slice(b, &slice);
    assert_int_equal(sessions_add(c, &slice, 0), slice.count);
    session_rows_give(c, &p, range_us, a);
    (void)aggregate_each(a, add_rows, &sum);
    batch_free(b);
    aggregate_free(a);
    sessions_free(c);
    return sum;
}

static void what_a_collector_has_is_given_as_rows(void **state)
{
    (void)state;
    static const int64_t all[2] = {INT64_MIN, INT64_MAX};
    struct arena memory = {0};
    struct session_log *l = session_log_random(8, SESSION_LOG_MAX, &memory);
    struct session_lines expected = session_oracle(l->events, l->n, SESSION_LINE_ALL);
    struct sum sum = sum_of(l, INT64_MIN, all);
    int64_t pageviews = 0;
    for (size_t i = 0; i < l->n; i++)
        pageviews += session_oracle_accepts(l->events, i);
    assert_true(expected.n > 1024); /* more than are given at a time */
    assert_int_equal(sum.visits, expected.n);
    assert_int_equal(sum.pageviews, pageviews);
    session_lines_clear(&expected);
    arena_clear(&memory);
    free(l);
}

static void sessions_of_a_time_need_only_what_is_from_a_gap_before_it_on(void **state)
{
    (void)state;
    struct arena memory = {0};
    int64_t visits = 0;
    for (uint64_t seed = 20; seed < 30; seed++) {
        struct session_log *l = session_log_random(seed, 1500, &memory);
        int64_t from_us = SESSION_LOG_START_US + (int64_t)seed * US_PER_HOUR;
        const int64_t range_us[2] = {from_us, from_us + 9 * US_PER_HOUR};
        struct sum whole = sum_of(l, INT64_MIN, range_us);
        struct sum part = sum_of(l, from_us - SESSION_GAP_US, range_us);
        visits += whole.visits;
        assert_int_equal(part.visits, whole.visits);
        assert_int_equal(part.pageviews, whole.pageviews);
        free(l);
    }
    assert_true(visits > 200);
    arena_clear(&memory);
}

static int count_delta(void *context, const struct delta *d)
{
    (void)d;
    ++*(int *)context;
    return 0;
}

static void a_session_that_only_went_on_elsewhere_changes_nothing(void **state)
{
    (void)state;
    struct plan p = plan_of((struct plan_measure){"visits", AGGREGATE_COUNT, .value = NULL});
    p.filter = NULL;
    struct aggregate *a = aggregate_new(&p, (struct aggregate_limits){100, 1 << 20});
    struct session_rows rows = {.columns = plan_reads(&p)};
    struct session longer = visit;
    int deltas = 0;
    longer.pageviews++;
    session_rows_add(&rows, SPAN_LITERAL("example.com"), 1, &visit);
    session_rows_add(&rows, SPAN_LITERAL("example.com"), 1, &longer);
    session_rows_add(&rows, SPAN_LITERAL("example.com"), 2, &bounce);
    struct row_slice slice = session_rows_slice(&rows);
    aggregate_add_signed(a, &slice, (const int8_t[]){SESSION_GONE, SESSION_NEW, SESSION_NEW});
    (void)aggregate_each(a, count_delta, &deltas);
    assert_int_equal(deltas, 1);
    session_rows_clear(&rows);
    aggregate_free(a);
}

static void of_sessions_only_what_can_be_taken_back_is_kept(void **state)
{
    (void)state;
    for (enum aggregate_kind kind = AGGREGATE_COUNT; kind <= AGGREGATE_MAX; kind++) {
        struct err e = {0};
        struct plan p = plan_of((struct plan_measure){"m", kind, .value = &duration});
        bool kept = kind == AGGREGATE_COUNT || kind == AGGREGATE_SUM || kind == AGGREGATE_AVG;
        assert_int_equal(plan_check(&p, &e), kept ? 0 : -1);
        assert_int_equal(e.kind, kept ? ERR_NONE : ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_become_rows_of_their_relation),
        cmocka_unit_test(columns_that_nobody_reads_are_not_made),
        cmocka_unit_test(a_plan_over_sessions_reads_of_the_log_what_they_are_made_of),
        cmocka_unit_test(what_a_collector_has_is_given_as_rows),
        cmocka_unit_test(sessions_of_a_time_need_only_what_is_from_a_gap_before_it_on),
        cmocka_unit_test(a_session_that_only_went_on_elsewhere_changes_nothing),
        cmocka_unit_test(of_sessions_only_what_can_be_taken_back_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
