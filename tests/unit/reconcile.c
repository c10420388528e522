/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "views/reconcile.h"

static struct view_state stored(void)
{
    struct view_state s = {.format = PAGE_FORMAT, .epoch = 3, .offset = 100, .last_id = {7}};
    snprintf(s.log_id, sizeof(s.log_id), "this log");
    snprintf(s.definition, sizeof(s.definition), "this definition");
    return s;
}

static enum state_verdict judge(const struct view_state *s)
{
    struct state_truth truth = {.log_id = "this log",
                                .definition = "this definition",
                                .epoch = 3,
                                .head = 100,
                                .last_id = {7}};
    const char *why = NULL;
    enum state_verdict verdict = reconcile_state(s, &truth, &why);
    assert_non_null(why);
    return verdict;
}

static void a_state_of_ours_is_gone_on_with(void **context)
{
    (void)context;
    struct view_state s = stored();
    assert_int_equal(judge(&s), STATE_USABLE);
    s.epoch = 2; /* a former owner's */
    assert_int_equal(judge(&s), STATE_USABLE);
}

static void a_later_owner_is_foreign_whatever_else_is_wrong(void **context)
{
    (void)context;
    struct view_state s = stored();
    s.epoch = 4;
    assert_int_equal(judge(&s), STATE_FOREIGN);
    s.format = PAGE_FORMAT + 1;
    s.offset = 1000;
    assert_int_equal(judge(&s), STATE_FOREIGN);
}

static void an_epoch_of_another_log_says_nothing(void **context)
{
    (void)context;
    struct view_state s = stored();
    s.epoch = 4;
    s.log_id[0] = 'T';
    assert_int_equal(judge(&s), STATE_REBUILD);
}

static void anything_that_does_not_fit_is_built_anew(void **context)
{
    (void)context;
    assert_int_equal(judge(NULL), STATE_REBUILD);
    struct view_state s = stored();
    s.format = 0;
    assert_int_equal(judge(&s), STATE_REBUILD);
    s = stored();
    s.format = PAGE_FORMAT + 1;
    assert_int_equal(judge(&s), STATE_REBUILD);
    s = stored();
    s.definition[0] = 'T';
    assert_int_equal(judge(&s), STATE_REBUILD);
    s = stored();
    s.offset = 101;
    assert_int_equal(judge(&s), STATE_REBUILD);
    s = stored();
    s.last_id[15] = 1;
    assert_int_equal(judge(&s), STATE_REBUILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_of_ours_is_gone_on_with),
        cmocka_unit_test(a_later_owner_is_foreign_whatever_else_is_wrong),
        cmocka_unit_test(an_epoch_of_another_log_says_nothing),
        cmocka_unit_test(anything_that_does_not_fit_is_built_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
