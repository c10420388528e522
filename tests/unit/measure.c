/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "tests/support/view_plans.h"
#include "views/group.h"
#include "views/measure.h"

__extension__ typedef unsigned __int128 uint128;
#define LEAST (-(int128)(~(uint128)0 >> 1) - 1) /* of 128 bits */

static const struct expr number = {.op = EXPR_COLUMN, .type = VALUE_NUMBER, .scale = 9};

static const enum aggregate_kind kinds[] = {AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_AVG,
                                            AGGREGATE_MIN, AGGREGATE_MAX};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

struct state {
    union measure_value words[3];
};

static struct state random_state(uint64_t *seed, enum aggregate_kind kind)
{
    struct state s = {0};
    for (uint32_t i = random_below(seed, 4); i > 0; i--)
        if (kind == AGGREGATE_COUNT)
            s.words[0].count++;
        else
            measure_add(kind, s.words, 1, (int128)(int64_t)random_next(seed) * 1000000);
    return s;
}

static struct state merged(enum aggregate_kind kind, struct state a, struct state b)
{
    measure_merge(kind, a.words, b.words);
    return a;
}

static void states_merge_in_any_order(void **context)
{
    (void)context;
    uint64_t seed = 9;
    for (int i = 0; i < 5000; i++) {
        enum aggregate_kind kind = kinds[i % N_KINDS];
        struct state a = random_state(&seed, kind), b = random_state(&seed, kind),
                     c = random_state(&seed, kind), zero = {0};
        struct state x = merged(kind, a, b), y = merged(kind, b, a);
        assert_memory_equal(&x, &y, sizeof x);
        x = merged(kind, merged(kind, a, b), c);
        y = merged(kind, a, merged(kind, b, c));
        assert_memory_equal(&x, &y, sizeof x);
        x = merged(kind, zero, a);
        y = merged(kind, a, zero);
        assert_memory_equal(&x, &a, sizeof x);
        assert_memory_equal(&y, &a, sizeof x);
    }
}

static void a_sum_taken_back_is_as_it_was(void **context)
{
    (void)context;
    struct state s = {0}, before, zero = {0};
    measure_add(AGGREGATE_SUM, s.words, 1, -7);
    before = s;
    measure_add(AGGREGATE_SUM, s.words, 1, EXPR_NUMBER_LIMIT);
    measure_add(AGGREGATE_SUM, s.words, -1, -EXPR_NUMBER_LIMIT);
    assert_memory_equal(&s, &before, sizeof s);
    measure_add(AGGREGATE_SUM, s.words, -1, 7);
    assert_memory_equal(&s, &zero, sizeof s);
}

static void states_that_no_rows_can_have_are_told(void **context)
{
    (void)context;
    const struct plan_measure sum = {.kind = AGGREGATE_SUM, .value = &number, .scale = 9};
    const struct plan_measure least = {.kind = AGGREGATE_MIN, .value = &test_visitor};
    const struct plan_measure count = {.kind = AGGREGATE_COUNT};
    struct state s = {.words = {{.count = 2}}};
    measure_set_number(s.words, 2 * EXPR_NUMBER_LIMIT);
    assert_true(measure_is_possible(&sum, 2, s.words));
    assert_false(measure_is_possible(&sum, 1, s.words));
    measure_set_number(s.words, -2 * EXPR_NUMBER_LIMIT - 1);
    assert_false(measure_is_possible(&sum, 2, s.words));
    measure_set_number(s.words, INT64_MIN);
    assert_true(measure_is_possible(&least, 2, s.words));
    measure_set_number(s.words, (int128)INT64_MIN - 1);
    assert_false(measure_is_possible(&least, 2, s.words));
    s.words[0].count = 0;
    assert_false(measure_is_possible(&least, 2, s.words));
    assert_true(measure_is_possible(&count, 0, s.words));
    s.words[0].count = -1;
    assert_false(measure_is_possible(&count, 2, s.words));
    s.words[0].count = MEASURE_MAX_ROWS; /* as many as there can be, all of the greatest */
    measure_set_number(s.words, MEASURE_MAX_ROWS * EXPR_NUMBER_LIMIT);
    assert_true(measure_is_possible(&sum, MEASURE_MAX_ROWS, s.words));
    assert_false(measure_is_possible(&sum, MEASURE_MAX_ROWS + 1, s.words));
}

static void assert_text(int128 n, unsigned scale, const char *expected)
{
    char room[MEASURE_TEXT_BYTES];
    int128 back;
    struct span text = measure_text(n, scale, room);
    assert_true(span_is(text, expected));
    if (n == LEAST) /* the only one that has no counterpart above 0 */
        return;
    assert_int_equal(measure_parse(text, scale, &back), 0);
    assert_true(back == n);
}

static void numbers_are_written_exactly_and_short(void **context)
{
    (void)context;
    assert_text(0, 0, "0");
    assert_text(0, 9, "0");
    assert_text(1500000000, 9, "1.5");
    assert_text(-1, 9, "-0.000000001");
    assert_text(1000000000, 9, "1");
    assert_text(120, 0, "120");
    assert_text((int128)INT64_MIN, 0, "-9223372036854775808");
    assert_text(EXPR_NUMBER_LIMIT - 1, 9, "99999999999999999.999999999");
    assert_text(-(LEAST + 1), 0, "170141183460469231731687303715884105727");
    assert_text(LEAST, 0, "-170141183460469231731687303715884105728");
}

static void postgresqls_numbers_are_read_at_a_scale(void **context)
{
    (void)context;
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "1.",
                                      "x",
                                      "1.5x",
                                      "--1",
                                      "1..2",
                                      "1e3",
                                      "NaN",
                                      "0.0000000001",
                                      "999999999999999999999999999999999999999"};
    int128 n;
    assert_int_equal(measure_parse(SPAN_LITERAL("12.50000000000000000000"), 9, &n), 0);
    assert_true(n == 12500000000);
    assert_int_equal(measure_parse(SPAN_LITERAL("-3"), 2, &n), 0);
    assert_true(n == -300);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (measure_parse(span_of(bad[i]), 9, &n) == 0)
            fail_msg("%s was taken", bad[i]);
}

static void assert_average(int128 sum, int64_t n, unsigned scale, const char *expected)
{
    const struct plan_measure m = {
        .kind = AGGREGATE_AVG, .value = &number, .scale = (uint8_t)scale};
    struct state s = {.words = {{.count = n}}};
    char room[MEASURE_TEXT_BYTES];
    measure_set_number(s.words, sum);
    struct measure_result r = measure_result_of(&m, s.words);
    assert_true(span_is(measure_text(r.number, r.scale, room), expected));
}

static void averages_are_rounded_half_away_from_zero(void **context)
{
    (void)context;
    assert_average(10, 4, 0, "2.5");
    assert_average(2, 3, 0, "0.666666667");
    assert_average(-2, 3, 0, "-0.666666667");
    assert_average(1, 2000000000, 0, "0.000000001"); /* half of the last digit */
    assert_average(-1, 2000000000, 0, "-0.000000001");
    assert_average(1, 2000000001, 0, "0");
    assert_average(7, 7, 9, "0.000000001");
    assert_average(MEASURE_MAX_ROWS * (EXPR_NUMBER_LIMIT - 1), MEASURE_MAX_ROWS, 9,
                   "99999999999999999.999999999");
    assert_average((int128)INT64_MIN * 3, 3, 0, "-9223372036854775808");
}

static void numbers_change_their_scale(void **context)
{
    (void)context;
    int128 n;
    assert_true(measure_rescale(15, 1, 0, &n) && n == 2);
    assert_true(measure_rescale(-15, 1, 0, &n) && n == -2);
    assert_true(measure_rescale(-14, 1, 0, &n) && n == -1);
    assert_true(measure_rescale(-14, 1, 9, &n) && n == -1400000000);
    assert_false(measure_rescale((int128)1 << 120, 0, 9, &n));
}

static void null_is_the_greatest_result(void **context)
{
    (void)context;
    const struct plan_measure sum = {.kind = AGGREGATE_SUM, .value = &test_visitor};
    struct state none = {0}, some = {.words = {{.count = 1}}};
    struct measure_result x = measure_result_of(&sum, none.words),
                          y = measure_result_of(&sum, some.words);
    assert_true(x.null && !y.null && measure_compare(&x, &y) > 0 && measure_compare(&y, &x) < 0);
    assert_int_equal(measure_compare(&x, &x), 0);
}

/* ---- dimensions ---- */

static void assert_group_value(enum value_type type, const char *text, struct span packed)
{
    struct group_value v, back;
    struct buf b = {0};
    char room[GROUP_TEXT_BYTES];
    assert_true(group_parse(type, span_of(text), &v));
    group_pack(&b, &v);
    struct span rest = buf_span(&b);
    assert_true(span_equal(rest, packed));
    assert_true(group_read(&rest, type, &back) && rest.n == 0);
    assert_int_equal(group_compare(&v, &back), 0);
    assert_true(span_is(group_text(&back, room), text));
    buf_clear(&b);
}

static void values_of_dimensions_are_packed_by_their_type(void **context)
{
    (void)context;
    struct group_value v;
    assert_group_value(VALUE_TEXT, "7",
                       SPAN_LITERAL("\xa1"
                                    "7"));
    assert_group_value(VALUE_INT, "7", SPAN_LITERAL("\x07"));
    assert_group_value(VALUE_INT, "-9223372036854775808", SPAN_LITERAL("\xd3\x80\0\0\0\0\0\0\0"));
    assert_group_value(VALUE_BOOL, "true", SPAN_LITERAL("\xc3"));
    assert_group_value(VALUE_BOOL, "false", SPAN_LITERAL("\xc2"));
    struct span text = SPAN_LITERAL("\xa1"
                                    "7"),
                truth = SPAN_LITERAL("\xc3");
    assert_false(group_read(&text, VALUE_INT, &v) || group_read(&text, VALUE_BOOL, &v));
    assert_false(group_read(&truth, VALUE_INT, &v) || group_read(&truth, VALUE_TEXT, &v));
}

static void texts_that_are_no_values_of_the_type_are_refused(void **context)
{
    (void)context;
    static const char *const no_ints[] = {"",
                                          "-",
                                          "+1",
                                          "01",
                                          "-0",
                                          "1.0",
                                          "1e3",
                                          " 1",
                                          "9223372036854775808",
                                          "-9223372036854775809"};
    static const char *const no_bools[] = {"", "t", "1", "TRUE", "yes"};
    struct group_value v;
    for (size_t i = 0; i < sizeof no_ints / sizeof *no_ints; i++)
        if (group_parse(VALUE_INT, span_of(no_ints[i]), &v))
            fail_msg("%s was taken", no_ints[i]);
    for (size_t i = 0; i < sizeof no_bools / sizeof *no_bools; i++)
        assert_false(group_parse(VALUE_BOOL, span_of(no_bools[i]), &v));
    assert_true(group_parse_sql(VALUE_BOOL, SPAN_LITERAL("t"), &v) && v.integer == 1);
    assert_true(group_parse_sql(VALUE_BOOL, SPAN_LITERAL("f"), &v) && v.integer == 0);
    assert_false(group_parse_sql(VALUE_BOOL, SPAN_LITERAL("true"), &v));
    assert_true(group_parse_sql(VALUE_INT, SPAN_ABSENT, &v) && v.null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_merge_in_any_order),
        cmocka_unit_test(a_sum_taken_back_is_as_it_was),
        cmocka_unit_test(states_that_no_rows_can_have_are_told),
        cmocka_unit_test(numbers_are_written_exactly_and_short),
        cmocka_unit_test(postgresqls_numbers_are_read_at_a_scale),
        cmocka_unit_test(averages_are_rounded_half_away_from_zero),
        cmocka_unit_test(numbers_change_their_scale),
        cmocka_unit_test(null_is_the_greatest_result),
        cmocka_unit_test(values_of_dimensions_are_packed_by_their_type),
        cmocka_unit_test(texts_that_are_no_values_of_the_type_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
