/* SPDX-License-Identifier: Apache-2.0 */
/* The live builder's table of views, without the thread and the servers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"
#include "views/catalog.h"
#include "views/live_internal.h"

static int set_up(void **state)
{
    struct live *l = mem_alloc(sizeof(*l));
    l->options = live_defaults;
    l->views = mem_alloc(VIEW_SET_MAX * sizeof(*l->views));
    l->running = true;
    pthread_mutex_init(&l->mutex, NULL);
    thread_condition_init(&l->changed);
    *state = l;
    return 0;
}

static int tear_down(void **state)
{
    struct live *l = *state;
    for (unsigned i = 0; i < l->n_views; i++)
        builder_free(l->views[i].builder);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l->views);
    free(l);
    return 0;
}

static struct live_view *add_view(struct live *l, const char *name)
{
    struct err e = {0};
    struct live_view *v = live_add_place(l, plan_find(span_of(name)), &e);
    assert_non_null(v);
    return v;
}

/* As live_open_view makes one: by the number of views at that time. */
static void open_builder(struct live *l, struct live_view *v)
{
    unsigned n = live_count(l);
    v->builder = builder_new(&(struct builder_options){
        .plan = v->plan,
        .limits = {l->options.limits.max_cells, l->options.limits.max_bytes / n},
        .max_open_bytes = l->options.max_open_bytes / n});
}

static void all_views_together_keep_within_the_memory_however_they_came(void **state)
{
    struct live *l = *state;
    static const char *const names[] = {"pageviews", "visitors", "pageviews_by_os"};
    size_t bytes = 0, open_bytes = 0;
    for (unsigned i = 0; i < 3; i++)
        open_builder(l, add_view(l, names[i]));
    live_share_memory(l);
    for (unsigned i = 0; i < 3; i++) {
        bytes += builder_options(l->views[i].builder)->limits.max_bytes;
        open_bytes += builder_options(l->views[i].builder)->max_open_bytes;
    }
    assert_true(bytes <= l->options.limits.max_bytes);
    assert_true(open_bytes <= l->options.max_open_bytes);
    live_remove_place(l, &l->views[0]);
    live_remove_place(l, &l->views[2]);
    live_share_memory(l);
    assert_int_equal(builder_options(l->views[1].builder)->limits.max_bytes,
                     l->options.limits.max_bytes);
}

/* ---- snapshots */

enum { LONG_MS = 600000 }; /* the test's own limit is far below */

struct asking {
    struct live *live;
    int result;
    struct err e;
};

static void *ask_for_snapshot(void *context)
{
    struct asking *a = context;
    struct live_snapshot s;
    a->result = live_open_snapshot(a->live, "pageviews", LONG_MS, &s, &a->e);
    return NULL;
}

static void wait_until_asked(struct live *l, const struct live_view *v)
{
    bool asked = false;
    while (!asked) {
        sched_yield();
        pthread_mutex_lock(&l->mutex);
        asked = v->want_snapshot;
        pthread_mutex_unlock(&l->mutex);
    }
}

static void who_waits_for_a_view_that_is_dropped_is_told_so(void **state)
{
    struct live *l = *state;
    struct asking a = {.live = l};
    pthread_t thread;
    struct live_view *v = add_view(l, "pageviews");
    assert_int_equal(pthread_create(&thread, NULL, ask_for_snapshot, &a), 0);
    wait_until_asked(l, v);
    live_remove_place(l, v);
    pthread_join(thread, NULL);
    assert_int_equal(a.result, -1);
    assert_int_equal(a.e.kind, ERR_INPUT);
    assert_string_equal(a.e.text, "view pageviews was dropped");
}

static void a_place_taken_by_another_view_is_not_waited_at(void **state)
{
    struct live *l = *state;
    struct asking a = {.live = l};
    pthread_t thread;
    struct live_view *v = add_view(l, "pageviews");
    assert_int_equal(pthread_create(&thread, NULL, ask_for_snapshot, &a), 0);
    wait_until_asked(l, v);
    pthread_mutex_lock(&l->mutex); /* before it is awake, another is there and asked for */
    *v = (struct live_view){.in_use = true, .plan = plan_find(SPAN_LITERAL("visitors"))};
    v->asker = ++l->n_asked;
    v->want_snapshot = v->has_snapshot = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(thread, NULL);
    assert_int_equal(a.result, -1);
    assert_int_equal(a.e.kind, ERR_BUSY);
    assert_true(v->want_snapshot);
}

static void a_view_is_unknown_only_when_the_views_are_open(void **state)
{
    struct live *l = *state;
    struct live_snapshot s;
    struct err e = {0};
    l->running = false;
    assert_int_equal(live_open_snapshot(l, "pageviews", LONG_MS, &s, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    err_clear(&e);
    l->running = true;
    assert_int_equal(live_open_snapshot(l, "pageviews", LONG_MS, &s, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_views_together_keep_within_the_memory_however_they_came),
        TEST(who_waits_for_a_view_that_is_dropped_is_told_so),
        TEST(a_place_taken_by_another_view_is_not_waited_at),
        TEST(a_view_is_unknown_only_when_the_views_are_open),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
