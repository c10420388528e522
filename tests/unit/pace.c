/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "views/pace.h"

enum { LAG_US = 100000, SECOND_US = 1000000 };

/* A world in which a chunk takes no more than reading_us: how many events have been read when the
 * time is over. */
static uint64_t events_read(struct pace *p, uint64_t chunk, int64_t reading_us, int64_t until_us)
{
    uint64_t events = 0;
    for (int64_t now_us = 0; now_us < until_us;) {
        int64_t wait_us = pace_wait_us(p, 0, now_us);
        now_us += wait_us;
        if (wait_us > 0 || now_us >= until_us)
            continue;
        events += chunk;
        pace_note(p, chunk, now_us);
        now_us += reading_us;
    }
    return events;
}

static void a_rate_is_kept_to_within_a_chunk(void **state)
{
    (void)state;
    static const uint32_t rates[] = {1, 1000, 50000, 3000000};
    for (int i = 0; i < 4; i++)
        for (uint64_t chunk = 1; chunk <= 20000; chunk = chunk * 3 + 1) {
            struct pace p;
            pace_init(&p, rates[i], LAG_US, 0);
            uint64_t most = events_read(&p, chunk, 1, 10 * SECOND_US);
            assert_in_range(most, 1, rates[i] * UINT64_C(10) + chunk);
            if (rates[i] * UINT64_C(10) > 2 * chunk && chunk >= 40) /* as much as may be, too */
                assert_true(most + chunk >= rates[i] * UINT64_C(10));
        }
}

static void without_a_rate_nothing_is_waited_for(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 0, LAG_US, 0);
    assert_int_equal(events_read(&p, 100, 1000, SECOND_US), 100 * 1000);
}

static void lost_time_is_made_up_for_a_second_at_most(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 1000, LAG_US, 0);
    int64_t now_us = 3600 * INT64_C(1000000);
    uint64_t events = 0;
    while (pace_wait_us(&p, 0, now_us) == 0) {
        events += 100;
        pace_note(&p, 100, now_us);
    }
    assert_in_range(events, 1000, 1200);
}

static void it_gives_way_while_the_live_views_are_behind(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 0, LAG_US, 0);
    assert_int_equal(pace_wait_us(&p, LAG_US, 0), 0);
    assert_true(pace_wait_us(&p, LAG_US + 1, 10) > 0);
    assert_true(pace_wait_us(&p, LAG_US + 1, 500000) > 0);
    assert_int_equal(pace_wait_us(&p, 0, 600000), 0);
}

static void it_goes_on_once_a_second_however_far_they_are_behind(void **state)
{
    (void)state;
    struct pace p;
    unsigned chunks = 0;
    pace_init(&p, 0, LAG_US, 0);
    for (int64_t now_us = 1; now_us < 10 * SECOND_US;) {
        int64_t wait_us = pace_wait_us(&p, 3600 * INT64_C(1000000), now_us);
        now_us += wait_us;
        chunks += wait_us == 0;
    }
    assert_in_range(chunks, 9, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_kept_to_within_a_chunk),
        cmocka_unit_test(without_a_rate_nothing_is_waited_for),
        cmocka_unit_test(lost_time_is_made_up_for_a_second_at_most),
        cmocka_unit_test(it_gives_way_while_the_live_views_are_behind),
        cmocka_unit_test(it_goes_on_once_a_second_however_far_they_are_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
