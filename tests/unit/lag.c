/* SPDX-License-Identifier: Apache-2.0 */
#include "views/lag.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void who_is_at_the_head_is_not_behind(void **state)
{
    (void)state;
    struct lag l = {0};
    assert_int_equal(lag_us(&l, 1000), 0);
    lag_note(&l, 0, 0, 10);
    assert_int_equal(lag_us(&l, 1000), 0);
    lag_note(&l, 5, 9, 20);
    lag_note(&l, 9, 9, 30);
    assert_int_equal(lag_us(&l, 1000), 0);
}

static void who_stands_still_is_behind_since_the_head_moved_on(void **state)
{
    (void)state;
    struct lag l = {0};
    lag_note(&l, 5, 5, 10);
    for (int i = 0; i < 100; i++)
        lag_note(&l, 5, 6 + (uint64_t)i, 20 + i);
    assert_int_equal(lag_us(&l, 1020), 1000);
}

/* 50 ms behind a log that grows by one event a millisecond, and never at its head. */
static void who_keeps_up_with_a_steady_log_is_not_more_and_more_behind(void **state)
{
    (void)state;
    struct lag l = {0};
    for (int64_t i = 100; i < 100000; i++) {
        lag_note(&l, (uint64_t)i - 50, (uint64_t)i, i * 1000);
        assert_in_range(lag_us(&l, i * 1000), 0, 80000);
    }
    assert_in_range(lag_us(&l, 100000 * 1000), 30000, 80000);
}

static void who_reads_half_as_fast_as_the_log_grows_falls_behind(void **state)
{
    (void)state;
    struct lag l = {0};
    for (int64_t i = 1; i < 100000; i++) {
        lag_note(&l, (uint64_t)i / 2, (uint64_t)i, i * 1000);
        if (i % 1000 == 0)
            assert_in_range(lag_us(&l, i * 1000), i * 1000 / 3, i * 1000 / 2 + 20000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_at_the_head_is_not_behind),
        cmocka_unit_test(who_stands_still_is_behind_since_the_head_moved_on),
        cmocka_unit_test(who_keeps_up_with_a_steady_log_is_not_more_and_more_behind),
        cmocka_unit_test(who_reads_half_as_fast_as_the_log_grows_falls_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
