/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "tests/support/view_plans.h"
#include "views/eval.h"

static const struct expr type = TEST_COLUMN(EVENT_TYPE, VALUE_TEXT);
static const struct expr browser = TEST_COLUMN(EVENT_BROWSER, VALUE_TEXT);
static const struct expr os = TEST_COLUMN(EVENT_OS, VALUE_TEXT);
static const struct expr bot = TEST_COLUMN(EVENT_BOT, VALUE_BOOL);
static const struct expr text_a = TEST_TEXT("a");

#define EQUAL(x, y) TEST_OF(EXPR_EQUAL, &x, &y)
#define NOT(x) TEST_OF(EXPR_NOT, &x)
#define IS_NULL(x) TEST_OF(EXPR_IS_NULL, &x)
static const struct expr browser_is_a = EQUAL(browser, text_a);
static const struct expr a_is_browser = EQUAL(text_a, browser);
static const struct expr os_is_a = EQUAL(os, text_a);
static const struct expr browser_is_os = EQUAL(browser, os);
static const struct expr a_is_a = EQUAL(text_a, text_a);
static const struct expr no_browser = IS_NULL(browser);
static const struct expr text_is_null = IS_NULL(text_a);
static const struct expr not_bot = NOT(bot);
static const struct expr time = TEST_COLUMN(EVENT_TIME, VALUE_TIME);
static const struct expr ip = TEST_COLUMN(EVENT_IP, VALUE_TEXT);
static const struct expr no_text = TEST_COLUMN(EVENT_TYPE, VALUE_INT);
static const struct expr type_is_time = EQUAL(type, time), type_is_bot = EQUAL(type, not_bot);
static const struct expr not_type = NOT(type), not_text = NOT(text_a);
static const struct expr half = {.op = EXPR_AND, .type = VALUE_BOOL};
static const struct expr both = TEST_OF(EXPR_AND, &browser_is_a, &not_bot);
static const struct expr either = TEST_OF(EXPR_OR, &browser_is_os, &not_bot);
static const struct expr yes = {.op = EXPR_CONST, .type = VALUE_BOOL, .truth = true};
static const struct expr no = {.op = EXPR_CONST, .type = VALUE_BOOL};

/* SQL's truth, the slow and obvious way. */
static enum truth plain_truth(const struct expr *x, const struct event *e);

static struct span plain_text(const struct expr *x, const struct event *e)
{
    return x->op == EXPR_CONST          ? x->text
           : x->column == EVENT_BROWSER ? e->browser
           : x->column == EVENT_OS      ? e->os
                                        : e->type;
}

static enum truth plain_equal(struct span a, struct span b)
{
    if (span_absent(a) || span_absent(b))
        return TRUTH_NULL;
    return span_equal(a, b) ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth plain_logic(const struct expr *x, const struct event *e)
{
    enum truth a = plain_truth(x->args[0], e), b = plain_truth(x->args[1], e);
    enum truth decides = x->op == EXPR_AND ? TRUTH_FALSE : TRUTH_TRUE;
    if (a == decides || b == decides)
        return decides;
    return a == TRUTH_NULL || b == TRUTH_NULL ? TRUTH_NULL
           : decides == TRUTH_FALSE           ? TRUTH_TRUE
                                              : TRUTH_FALSE;
}

static enum truth plain_truth(const struct expr *x, const struct event *e)
{
    enum truth t;
    switch (x->op) {
    case EXPR_COLUMN:
        return e->bot ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_CONST:
        return x->truth ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_EQUAL:
        return plain_equal(plain_text(x->args[0], e), plain_text(x->args[1], e));
    case EXPR_IS_NULL:
        return span_absent(plain_text(x->args[0], e)) ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_NOT:
        t = plain_truth(x->args[0], e);
        return t == TRUTH_NULL ? t : t == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
    default:
        return plain_logic(x, e);
    }
}

enum { EVENTS = 200 };

struct scene {
    struct batch *batch;
    struct log_slice slice;
    struct event events[EVENTS];
    struct arena memory;
};

static struct span any_text(uint64_t *seed, uint32_t choices)
{
    static const struct span texts[] = {{"a", 1}, {"b", 1}, {NULL, 0}, {"", 0}, {"ab", 2}};
    return texts[random_below(seed, choices)];
}

/* variety: how many values each column may have; 1 makes all constant. */
static void scene_fill(struct scene *s, uint64_t *seed, uint32_t variety)
{
    bool has_os = random_below(seed, 3) != 0;
    batch_reset(s->batch);
    for (int i = 0; i < EVENTS; i++) {
        s->events[i] = (struct event){.type = SPAN_LITERAL("a"),
                                      .site = SPAN_LITERAL("s"),
                                      .browser = any_text(seed, variety),
                                      .os = has_os ? any_text(seed, variety) : SPAN_ABSENT,
                                      .bot = random_below(seed, variety) != 0};
        batch_add(s->batch, &s->events[i]);
    }
    batch_slice(s->batch, &s->slice);
}

static void check(struct scene *s, const struct expr *x)
{
    struct row_slice rows = rows_of_log(&s->slice);
    struct truths t = eval_truths(x, &rows, &s->memory);
    for (uint32_t i = 0; i < EVENTS; i++) {
        enum truth expected = plain_truth(x, &s->events[i]);
        enum truth got = t.of_row == NULL ? t.all : (enum truth)t.of_row[i];
        assert_int_equal(got, expected);
        assert_int_equal(truths_hold(&t, i), expected == TRUTH_TRUE);
    }
    arena_reset(&s->memory);
}

/* A tree of up to the given depth in nodes. */
static const struct expr *any_expr(uint64_t *seed, unsigned depth, struct arena *nodes)
{
    static const struct expr *const leaves[] = {
        &browser_is_a, &a_is_browser, &os_is_a, &browser_is_os, &a_is_a,
        &no_browser,   &text_is_null, &bot,     &yes,           &no};
    if (depth == 0 || random_below(seed, 4) == 0)
        return leaves[random_below(seed, sizeof(leaves) / sizeof(leaves[0]))];
    static const enum expr_op ops[] = {EXPR_NOT, EXPR_AND, EXPR_OR};
    struct expr *x = arena_alloc(nodes, sizeof(*x));
    const struct expr **args = arena_alloc(nodes, 2 * sizeof(*args));
    *x = (struct expr){.op = ops[random_below(seed, 3)], .type = VALUE_BOOL, .args = args};
    x->n_args = x->op == EXPR_NOT ? 1 : 2;
    for (unsigned i = 0; i < x->n_args; i++)
        args[i] = any_expr(seed, depth - 1, nodes);
    return x;
}

static void any_condition_over_any_columns_is_what_sql_says(void **state)
{
    (void)state;
    struct scene s = {.batch = batch_new()};
    struct arena nodes = {0};
    uint64_t seed = 7;
    for (int i = 0; i < 2000; i++) {
        struct err e = {0};
        scene_fill(&s, &seed, 1 + random_below(&seed, 5));
        const struct expr *x = any_expr(&seed, 4, &nodes);
        assert_int_equal(expr_check(x, &RELATION_EVENTS, &e), 0);
        check(&s, x);
        arena_reset(&nodes);
    }
    arena_clear(&nodes);
    arena_clear(&s.memory);
    batch_free(s.batch);
}

static void columns_with_one_value_are_folded(void **state)
{
    (void)state;
    struct scene s = {.batch = batch_new()};
    uint64_t seed = 1;
    scene_fill(&s, &seed, 1);
    struct row_slice rows = rows_of_log(&s.slice);
    struct truths t = eval_truths(&both, &rows, &s.memory);
    assert_null(t.of_row);
    assert_int_equal(t.all, TRUTH_TRUE);
    assert_int_equal(s.memory.used_bytes, 0);
    t = eval_truths(NULL, &rows, &s.memory);
    assert_true(truths_hold(&t, 0));
    batch_free(s.batch);
}

static void an_expression_knows_its_columns(void **state)
{
    (void)state;
    assert_int_equal(expr_columns(&either),
                     COLUMN_BIT(EVENT_BROWSER) | COLUMN_BIT(EVENT_OS) | COLUMN_BIT(EVENT_BOT));
    assert_int_equal(expr_columns(NULL), 0);
}

static void what_does_not_fit_together_is_refused(void **state)
{
    (void)state;
    const struct expr *const bad[] = {&ip,       &no_text,  &type_is_time, &type_is_bot,
                                      &not_type, &not_text, &half,         NULL};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        assert_int_equal(expr_check(bad[i], &RELATION_EVENTS, &e), -1);
    }
}

static void too_deep_a_tree_is_refused(void **state)
{
    (void)state;
    struct expr deep[80] = {[0] = {.op = EXPR_CONST, .type = VALUE_BOOL}};
    const struct expr *args[80];
    for (int i = 1; i < 80; i++) {
        args[i] = &deep[i - 1];
        deep[i] = (struct expr){.op = EXPR_NOT, .type = VALUE_BOOL, .n_args = 1, .args = &args[i]};
    }
    struct err e = {0};
    assert_int_equal(expr_check(&deep[EXPR_MAX_DEPTH - 1], &RELATION_EVENTS, &e), 0);
    assert_int_equal(expr_check(&deep[79], &RELATION_EVENTS, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_condition_over_any_columns_is_what_sql_says),
        cmocka_unit_test(columns_with_one_value_are_folded),
        cmocka_unit_test(an_expression_knows_its_columns),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(too_deep_a_tree_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
