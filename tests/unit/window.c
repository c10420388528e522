/* SPDX-License-Identifier: Apache-2.0 */
/* The window of event ids, against a plain model. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "log/batch.h"
#include "log/window.h"

static struct window_id id_of(const struct window *w, uint32_t number)
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, &number, sizeof(number));
    return window_id_of(w, 0, SPAN_LITERAL("a"), (struct span){(const char *)bytes, sizeof(bytes)});
}

static void an_id_is_known_from_the_moment_it_is_added(void **state)
{
    (void)state;
    struct window *w = window_new(100);
    assert_true(window_add(w, id_of(w, 1)));
    assert_false(window_add(w, id_of(w, 1)));
    window_commit(w);
    assert_false(window_add(w, id_of(w, 1)));
    window_free(w);
}

static void ids_rolled_back_never_were(void **state)
{
    (void)state;
    struct window *w = window_new(100);
    assert_true(window_add(w, id_of(w, 1)));
    window_commit(w);
    assert_true(window_add(w, id_of(w, 2)));
    window_rollback(w);
    assert_true(window_add(w, id_of(w, 2)));
    assert_false(window_add(w, id_of(w, 1)));
    assert_int_equal(window_count(w), 1);
    window_free(w);
}

static void the_oldest_ids_leave(void **state)
{
    (void)state;
    struct window *w = window_new(3);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(window_add(w, id_of(w, i)));
        window_commit(w);
    }
    assert_int_equal(window_count(w), 3);
    assert_false(window_add(w, id_of(w, 2)));
    assert_true(window_add(w, id_of(w, 1)));
    window_free(w);
}

static void scope_and_site_are_part_of_an_id(void **state)
{
    (void)state;
    static const char id[16] = "0123456789abcde";
    struct window *w = window_new(100);
    struct span s = {id, 16};
    assert_true(window_add(w, window_id_of(w, 0, SPAN_LITERAL("a"), s)));
    assert_true(window_add(w, window_id_of(w, 1, SPAN_LITERAL("a"), s)));
    assert_true(window_add(w, window_id_of(w, 0, SPAN_LITERAL("b"), s)));
    assert_false(window_add(w, window_id_of(w, 0, SPAN_LITERAL("a"), s)));
    window_free(w);
}

enum { CAPACITY = 2500, NUMBERS = 20000, STEPS = 3000 };

/* The model: when each number was committed, 0 if it is not in. */
struct model {
    uint32_t order[NUMBERS * 16]; /* numbers in order of commit */
    uint32_t n, start;
    bool in[NUMBERS];
};

static void model_commit(struct model *m, const uint32_t *pending, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        m->order[m->n++] = pending[i];
    while (m->n - m->start > CAPACITY)
        m->in[m->order[m->start++]] = false;
}

static void any_sequence_of_adds_commits_and_rollbacks_agrees_with_a_model(void **state)
{
    (void)state;
    uint64_t chance = 3;
    struct window *w = window_new(CAPACITY);
    struct model *m = mem_alloc(sizeof(*m));
    uint32_t pending[100];
    for (int step = 0; step < STEPS; step++) {
        uint32_t n = 0;
        for (uint32_t i = random_below(&chance, 100); i > 0; i--) {
            uint32_t number = random_below(&chance, NUMBERS);
            assert_int_equal(window_add(w, id_of(w, number)), !m->in[number]);
            if (!m->in[number])
                pending[n++] = number;
            m->in[number] = true;
        }
        bool commit = random_below(&chance, 4) != 0;
        if (commit) {
            window_commit(w);
            model_commit(m, pending, n);
        } else {
            window_rollback(w);
            while (n > 0)
                m->in[pending[--n]] = false;
        }
        assert_int_equal(window_count(w), m->n - m->start);
    }
    assert_int_equal(window_count(w), CAPACITY); /* it was full, so the oldest did leave */
    window_forget(w);
    assert_true(window_add(w, id_of(w, m->order[m->n - 1])));
    window_free(w);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_known_from_the_moment_it_is_added),
        cmocka_unit_test(ids_rolled_back_never_were),
        cmocka_unit_test(the_oldest_ids_leave),
        cmocka_unit_test(scope_and_site_are_part_of_an_id),
        cmocka_unit_test(any_sequence_of_adds_commits_and_rollbacks_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
