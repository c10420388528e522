/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/parallel.h"

enum { N = 100 };

struct counted {
    atomic_int calls[N];
    pthread_barrier_t *meeting; /* NULL: none */
};

static void count(void *context, unsigned i)
{
    struct counted *c = context;
    atomic_fetch_add(&c->calls[i], 1);
    if (c->meeting != NULL)
        pthread_barrier_wait(c->meeting);
}

static struct parallel *open_threads(unsigned n)
{
    struct parallel *p;
    struct err e = {0};
    assert_int_equal(parallel_open(&p, n, &e), 0);
    return p;
}

static void assert_calls(struct counted *c, unsigned n, int each)
{
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(atomic_load(&c->calls[i]), i < n ? each : 0);
}

static void each_piece_is_worked_once_in_each_run(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 1, 2, 7, N};
    for (unsigned threads = 1; threads <= 5; threads++) {
        struct parallel *p = open_threads(threads);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
            struct counted c = {.meeting = NULL};
            for (int run = 1; run <= 50; run++) {
                parallel_run(p, sizes[k], count, &c);
                assert_calls(&c, sizes[k], run);
            }
        }
        parallel_close(p);
    }
}

static void pieces_are_worked_at_the_same_time(void **state)
{
    (void)state;
    pthread_barrier_t meeting; /* nobody passes it before all four are there */
    struct counted c = {.meeting = &meeting};
    struct parallel *p = open_threads(4);
    pthread_barrier_init(&meeting, NULL, 4);
    parallel_run(p, 4, count, &c);
    assert_calls(&c, 4, 1);
    parallel_close(p);
    pthread_barrier_destroy(&meeting);
}

static void without_threads_the_caller_works_alone(void **state)
{
    (void)state;
    struct counted c = {.meeting = NULL};
    parallel_run(NULL, 9, count, &c);
    assert_calls(&c, 9, 1);
    parallel_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_piece_is_worked_once_in_each_run),
        cmocka_unit_test(pieces_are_worked_at_the_same_time),
        cmocka_unit_test(without_threads_the_caller_works_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
