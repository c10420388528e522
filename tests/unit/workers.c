/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/workers.h"

struct counted {
    struct worker_job job;
    _Atomic int *done;
    pthread_mutex_t *gate; /* held by the test as long as jobs have to wait */
};

static void count(struct worker_job *job, void *thread)
{
    struct counted *c = (struct counted *)job;
    assert_non_null(thread);
    if (c->gate != NULL) {
        pthread_mutex_lock(c->gate);
        pthread_mutex_unlock(c->gate);
    }
    atomic_fetch_add(c->done, 1);
}

static _Atomic int open_threads;

static void *open_thread(void *context)
{
    atomic_fetch_add(&open_threads, 1);
    return context;
}

static void close_thread(void *thread)
{
    assert_ptr_equal(thread, &open_threads);
    atomic_fetch_sub(&open_threads, 1);
}

static struct workers *start(unsigned n_threads, unsigned max_waiting)
{
    struct workers *w = NULL;
    struct err e = {0};
    const struct workers_options o = {n_threads, max_waiting, open_thread, close_thread,
                                      &open_threads};
    assert_int_equal(workers_start(&w, &o, &e), 0);
    return w;
}

static void stopping_runs_what_waits(void **state)
{
    (void)state;
    _Atomic int done = 0;
    struct counted jobs[200];
    struct err e = {0};
    struct workers *w = start(3, 200);
    for (int i = 0; i < 200; i++) {
        jobs[i] = (struct counted){{count, NULL}, &done, NULL};
        assert_int_equal(workers_submit(w, &jobs[i].job, &e), 0);
    }
    workers_stop(w);
    assert_int_equal(done, 200);
    assert_int_equal(open_threads, 0);
}

static void a_full_queue_is_busy(void **state)
{
    (void)state;
    _Atomic int done = 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct counted jobs[50];
    struct err e = {0};
    int taken = 0;
    struct workers *w = start(2, 5);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 50; i++) {
        jobs[i] = (struct counted){{count, NULL}, &done, &gate};
        taken += workers_submit(w, &jobs[i].job, &e) == 0;
    }
    assert_in_range(taken, 5, 7); /* five wait, and each thread may have taken one */
    assert_int_equal(e.kind, ERR_BUSY);
    pthread_mutex_unlock(&gate);
    workers_stop(w);
    assert_int_equal(done, taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopping_runs_what_waits),
        cmocka_unit_test(a_full_queue_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
