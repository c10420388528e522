/* SPDX-License-Identifier: Apache-2.0 */
/* The live builder's table of views, without the thread and the servers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_views_together_keep_within_the_memory_however_they_came),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
