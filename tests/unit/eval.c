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
static const struct expr neither = {.op = EXPR_CONST, .type = VALUE_BOOL, .null = true};

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

static enum truth plain_not(enum truth t)
{
    return t == TRUTH_NULL ? t : t == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

/* One that decides is enough; else one that is NULL. */
static enum truth plain_logic(const struct expr *x, const struct event *e)
{
    enum truth decides = x->op == EXPR_AND ? TRUTH_FALSE : TRUTH_TRUE;
    bool has_null = false;
    for (unsigned k = 0; k < x->n_args; k++) {
        enum truth t = plain_truth(x->args[k], e);
        if (t == decides)
            return decides;
        has_null |= t == TRUTH_NULL;
    }
    return has_null ? TRUTH_NULL : plain_not(decides);
}

static enum truth plain_compare(enum expr_op op, enum truth a, enum truth b)
{
    if (op == EXPR_DISTINCT)
        return a != b ? TRUTH_TRUE : TRUTH_FALSE;
    if (a == TRUTH_NULL || b == TRUTH_NULL)
        return TRUTH_NULL;
    bool holds = op == EXPR_EQUAL  ? a == b
                 : op == EXPR_LESS ? a == TRUTH_FALSE && b == TRUTH_TRUE
                                   : a == TRUTH_FALSE || b == TRUTH_TRUE;
    return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth plain_choice(const struct expr *x, const struct event *e)
{
    unsigned k = 0;
    if (x->op == EXPR_NULLIF) {
        enum truth a = plain_truth(x->args[0], e);
        return a == plain_truth(x->args[1], e) ? TRUTH_NULL : a;
    }
    if (x->op == EXPR_COALESCE) {
        while (k + 1 < x->n_args && plain_truth(x->args[k], e) == TRUTH_NULL)
            k++;
        return plain_truth(x->args[k], e);
    }
    while (k + 1 < x->n_args && plain_truth(x->args[k], e) != TRUTH_TRUE)
        k += 2;
    return plain_truth(x->args[k + 1 < x->n_args ? k + 1 : k], e);
}

static enum truth plain_comparison(const struct expr *x, const struct event *e)
{
    if (x->args[0]->type == VALUE_TEXT)
        return plain_equal(plain_text(x->args[0], e), plain_text(x->args[1], e));
    return plain_compare(x->op, plain_truth(x->args[0], e), plain_truth(x->args[1], e));
}

static enum truth plain_truth(const struct expr *x, const struct event *e)
{
    switch (x->op) {
    case EXPR_COLUMN:
        return e->bot ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_CONST:
        return x->null ? TRUTH_NULL : x->truth ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_EQUAL:
    case EXPR_LESS:
    case EXPR_LESS_EQUAL:
    case EXPR_DISTINCT:
        return plain_comparison(x, e);
    case EXPR_IS_NULL:
        if (x->args[0]->type == VALUE_TEXT)
            return span_absent(plain_text(x->args[0], e)) ? TRUTH_TRUE : TRUTH_FALSE;
        return plain_truth(x->args[0], e) == TRUTH_NULL ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_IS_TRUE:
        return plain_truth(x->args[0], e) == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_IS_FALSE:
        return plain_truth(x->args[0], e) == TRUTH_FALSE ? TRUTH_TRUE : TRUTH_FALSE;
    case EXPR_NOT:
        return plain_not(plain_truth(x->args[0], e));
    case EXPR_AND:
    case EXPR_OR:
        return plain_logic(x, e);
    default:
        return plain_choice(x, e);
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

/* Operations of conditions, with the numbers of arguments they are tried with. */
static const struct {
    enum expr_op op;
    unsigned least, most;
} operations[] = {
    {EXPR_NOT, 1, 1},     {EXPR_AND, 2, 4},        {EXPR_OR, 2, 4},       {EXPR_IS_NULL, 1, 1},
    {EXPR_IS_TRUE, 1, 1}, {EXPR_IS_FALSE, 1, 1},   {EXPR_EQUAL, 2, 2},    {EXPR_LESS, 2, 2},
    {EXPR_CASE, 3, 5},    {EXPR_LESS_EQUAL, 2, 2}, {EXPR_DISTINCT, 2, 2}, {EXPR_COALESCE, 1, 3},
    {EXPR_NULLIF, 2, 2},
};
enum { N_OPERATIONS = sizeof(operations) / sizeof(operations[0]), MOST_ARGS = 5 };

/* A tree of up to the given depth in nodes. */
static const struct expr *any_expr(uint64_t *seed, unsigned depth, struct arena *nodes)
{
    static const struct expr *const leaves[] = {
        &browser_is_a, &a_is_browser, &os_is_a, &browser_is_os, &a_is_a, &no_browser, &text_is_null,
        &bot,          &yes,          &no,      &neither};
    if (depth == 0 || random_below(seed, 4) == 0)
        return leaves[random_below(seed, sizeof(leaves) / sizeof(leaves[0]))];
    unsigned which = random_below(seed, N_OPERATIONS);
    unsigned more = operations[which].most - operations[which].least;
    struct expr *x = arena_alloc(nodes, sizeof(*x));
    const struct expr **args = arena_alloc(nodes, MOST_ARGS * sizeof(struct expr *));
    *x = (struct expr){.op = operations[which].op, .type = VALUE_BOOL, .args = args};
    x->n_args = operations[which].least + random_below(seed, more + 1);
    if (x->op == EXPR_CASE)
        x->n_args |= 1;
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
