/* SPDX-License-Identifier: Apache-2.0 */
/* The registry and Prometheus's text format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/metrics.h"

static struct metric accepted = {.name = "test_events_total",
                                 .labels = "result=\"accepted\"",
                                 .help = "Events by result.",
                                 .type = METRIC_COUNTER};
static struct metric rejected = {.name = "test_events_total",
                                 .labels = "result=\"rejected\"",
                                 .help = "Events by result.",
                                 .type = METRIC_COUNTER};
static struct metric depth = {
    .name = "test_depth", .help = "Waiting\nrequests \\ now.", .type = METRIC_GAUGE};
static const int64_t bounds_us[] = {1000, 10000, 100000, 0};
static struct metric seconds = {.name = "test_seconds",
                                .help = "How long.",
                                .type = METRIC_HISTOGRAM,
                                .scale = 1e-6,
                                .bounds = bounds_us};
static struct metric unlabelled[3] = {
    {.name = "test_a", .help = "a", .type = METRIC_COUNTER},
    {.name = "test_c", .help = "c", .type = METRIC_COUNTER},
    {.name = "test_b", .help = "b", .type = METRIC_COUNTER},
};

static void metrics_of_one_name_share_their_head(void **state)
{
    (void)state;
    metric_register(&accepted);
    metric_register(&depth);
    metric_register(&rejected);
    metric_add(&accepted, 3);
    metric_add(&rejected, 1);
    metric_set(&depth, -2);
    struct buf out = {0};
    metrics_print(&out);
    buf_put_byte(&out, '\0');
    assert_string_equal((char *)out.p, "# HELP test_depth Waiting\\nrequests \\\\ now.\n"
                                       "# TYPE test_depth gauge\n"
                                       "test_depth -2\n"
                                       "# HELP test_events_total Events by result.\n"
                                       "# TYPE test_events_total counter\n"
                                       "test_events_total{result=\"accepted\"} 3\n"
                                       "test_events_total{result=\"rejected\"} 1\n");
    buf_clear(&out);
}

static void a_histogram_counts_up_to_and_including_its_bounds(void **state)
{
    (void)state;
    metric_register(&seconds);
    const int64_t observed[] = {0, 1000, 1001, 100000, 100001, 5000000};
    for (size_t i = 0; i < 6; i++)
        metric_observe(&seconds, observed[i]);
    struct buf out = {0};
    metrics_print(&out);
    buf_put_byte(&out, '\0');
    const char *found = strstr((char *)out.p, "# HELP test_seconds");
    assert_non_null(found);
    assert_string_equal(found, "# HELP test_seconds How long.\n"
                               "# TYPE test_seconds histogram\n"
                               "test_seconds_bucket{le=\"0.001\"} 2\n"
                               "test_seconds_bucket{le=\"0.01\"} 3\n"
                               "test_seconds_bucket{le=\"0.1\"} 4\n"
                               "test_seconds_bucket{le=\"+Inf\"} 6\n"
                               "test_seconds_sum 5.202002\n"
                               "test_seconds_count 6\n");
    buf_clear(&out);
}

static void a_histogram_is_summed_up(void **state)
{
    (void)state;
    static struct metric waits = {.name = "test_waits",
                                  .help = "Waits.",
                                  .type = METRIC_HISTOGRAM,
                                  .scale = 1e-6,
                                  .bounds = bounds_us};
    assert_int_equal(metrics_summary("test_waits").count, 0);
    metric_register(&waits);
    assert_true(metrics_summary("test_waits").p99 == 0);
    for (int i = 0; i < 98; i++)
        metric_observe(&waits, 500);
    metric_observe(&waits, 50000);
    struct metric_summary s = metrics_summary("test_waits");
    assert_int_equal(s.count, 99);
    assert_true(fabs(s.sum - 0.099) < 1e-9);
    assert_true(s.p50 > 0.0005 && s.p50 < 0.00051); /* evenly within its bucket */
    assert_true(s.p99 > 0.01 && s.p99 <= 0.1);
    metric_observe(&waits, 5000000);
    metric_observe(&waits, 5000000);
    assert_true(fabs(metrics_summary("test_waits").p99 - 0.1) <
                1e-9); /* over the last bound: that */
}

static void *add_many(void *arg)
{
    metric_register(&unlabelled[(intptr_t)arg]);
    for (int i = 0; i < 10000; i++) {
        metric_add(&unlabelled[0], 1);
        metric_observe(&seconds, 1);
    }
    return NULL;
}

static void threads_may_register_and_count_at_once(void **state)
{
    (void)state;
    pthread_t threads[3];
    uint64_t before = atomic_load(&seconds.buckets[0]);
    for (intptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, add_many, (void *)i);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&unlabelled[0].value), 30000);
    assert_int_equal(atomic_load(&seconds.buckets[0]) - before, 30000);
    struct buf out = {0};
    metrics_print(&out);
    buf_put_byte(&out, '\0');
    char *a = strstr((char *)out.p, "\ntest_a 30000\n"), *b = strstr((char *)out.p, "\ntest_b 0\n"),
         *c = strstr((char *)out.p, "\ntest_c 0\n");
    if (a == NULL) /* it is the first line after its head */
        fail_msg("%s", (char *)out.p);
    assert_true(a < b && b < c);
    buf_clear(&out);
}

static void computed_values_are_printed_one_by_one(void **state)
{
    (void)state;
    struct buf out = {0};
    metrics_put_head(&out, "lag", "gauge", "Lag.");
    metrics_put_value(&out, "lag", "view=\"a\"", 12);
    metrics_put_value(&out, "lag", NULL, 0.25);
    metrics_put_value(&out, "lag", NULL, 900719925474099.0);
    metrics_put_value(&out, "lag", NULL, NAN);
    metrics_put_value(&out, "lag", NULL, -INFINITY);
    buf_put_byte(&out, '\0');
    assert_string_equal((char *)out.p,
                        "# HELP lag Lag.\n# TYPE lag gauge\nlag{view=\"a\"} 12\nlag 0.25\n"
                        "lag 900719925474099\nlag NaN\nlag -Inf\n");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_of_one_name_share_their_head),
        cmocka_unit_test(a_histogram_counts_up_to_and_including_its_bounds),
        cmocka_unit_test(a_histogram_is_summed_up),
        cmocka_unit_test(threads_may_register_and_count_at_once),
        cmocka_unit_test(computed_values_are_printed_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
