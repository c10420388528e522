/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of verification: pages in Redis, spoilt, and what is found. */
#ifndef TESTS_SUPPORT_VIEW_SPOIL_H
#define TESTS_SUPPORT_VIEW_SPOIL_H

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/view_rig.h"
#include "views/catalog.h"

/* The name of the first page of that tier in the index; free it. */
static inline char *page_of_tier(struct view_rig *r, const char *view, const char *tier)
{
    char *mark = mem_format(":%s:", tier);
    const char *at =
        strstr(rig_redis(r, "ZRANGE", rig_key(r, view, "index"), "0", "-1", NULL), mark);
    assert_non_null(at);
    const char *end = at + strcspn(at, " ]");
    while (at[-1] != '[' && at[-1] != ' ')
        at--;
    free(mark);
    return mem_format("%.*s", (int)(end - at), at);
}

static inline void assert_finds(const struct verify_result *result, const char *tier,
                                const char *what)
{
    assert_true(result->n_differences > 0);
    for (uint64_t i = 0; i < result->n_differences && i < VERIFY_MAX_DIFFERENCES; i++)
        if (strcmp(result->differences[i].tier, tier) == 0 &&
            strcmp(result->differences[i].what, what) == 0)
            return;
    fail_msg("%llu differences, none of %s in %s; the first: %s in %s, %s for %s",
             (unsigned long long)result->n_differences, what, tier, result->differences[0].what,
             result->differences[0].tier, result->differences[0].stored,
             result->differences[0].expected);
}

/* Gives one group of the page the slots of another that has other ones. */
static const char spoil_script[] __attribute__((unused)) =
    "local groups = redis.call('HKEYS', KEYS[1]) "
    "local value = redis.call('HGET', KEYS[1], groups[1]) "
    "for i = 2, #groups do if redis.call('HGET', KEYS[1], groups[i]) ~= value then "
    "redis.call('HSET', KEYS[1], groups[i], value) return 'spoilt' end end return 'all are equal'";

/* Spoils the first page of a tier; its place in *at. */
static inline void spoil_page(struct view_rig *r, const char *view, const char *tier,
                              struct page_address *at)
{
    static char name[300];
    struct err e = {0};
    char *page = page_of_tier(r, view, tier);
    snprintf(name, sizeof(name), "%s", page);
    free(page);
    support_ok(layout_read_suffix(plan_find(span_of(view)), span_of(name), at, &e), &e);
    assert_string_equal(rig_redis(r, "EVAL", spoil_script, "1", rig_key(r, view, name), NULL),
                        "spoilt");
}

#endif
