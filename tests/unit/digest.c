/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "views/digest.h"

static void the_sum_of_deltas_is_the_digest_of_the_whole(void **state)
{
    (void)state;
    struct digest parts = {0}, whole = {0};
    struct digest_cell cell = digest_cell_of(SPAN_LITERAL("s"), SPAN_LITERAL("\x91\xa1x"), 60);
    digest_add(&parts, cell, 0, 3);
    digest_add_register(&parts, cell, 1, 77, 2);
    digest_add(&parts, cell, DIGEST_ROWS, 5);
    digest_add(&parts, cell, 0, -1);
    digest_add_register(&parts, cell, 1, 77, 4);
    digest_add(&whole, cell, DIGEST_ROWS, 5);
    digest_add_register(&whole, cell, 1, 77, 6);
    digest_add(&whole, cell, 0, 2);
    assert_true(digest_equal(parts, whole));
    assert_true(digest_equal(digest_minus(parts, whole), (struct digest){0}));
}

static int by_a(const void *x, const void *y)
{
    const struct digest *p = x, *q = y;
    return p->a < q->a ? -1 : p->a > q->a;
}

static int by_b(const void *x, const void *y)
{
    const struct digest *p = x, *q = y;
    return p->b < q->b ? -1 : p->b > q->b;
}

/* Any two places must differ in each lane: a hundred thousand near-by ones, no collision. */
static void every_place_counts_differently(void **state)
{
    (void)state;
    enum {
        SITES = 5,
        GROUPS = 40,
        SLOTS = 50,
        MEASURES = 10,
        N = SITES * GROUPS * SLOTS * MEASURES
    };
    struct digest *all = calloc(N, sizeof(*all));
    size_t n = 0;
    for (int site = 0; site < SITES; site++)
        for (int group = 0; group < GROUPS; group++)
            for (int slot = 0; slot < SLOTS; slot++)
                for (uint32_t m = 0; m < MEASURES; m++) {
                    struct span s = {"aaaaaaaaaa", 5 + (size_t)site};
                    char g[40];
                    memset(g, 'a', sizeof(g));
                    struct digest_cell c = digest_cell_of(s, (struct span){g, (size_t)group},
                                                          slot * INT64_C(60000000));
                    if (m < 5)
                        digest_add(&all[n++], c, m == 4 ? DIGEST_ROWS : m, 1);
                    else
                        digest_add_register(&all[n++], c, m - 5, m, 1);
                }
    qsort(all, n, sizeof(*all), by_a);
    for (size_t i = 1; i < n; i++)
        assert_true(all[i].a != all[i - 1].a);
    qsort(all, n, sizeof(*all), by_b);
    for (size_t i = 1; i < n; i++)
        assert_true(all[i].b != all[i - 1].b);
    free(all);
}

static void each_bit_of_a_digest_is_even(void **state)
{
    (void)state;
    enum { N = 20000 };
    int ones[128] = {0};
    for (int i = 0; i < N; i++) {
        struct digest d = {0};
        digest_add(&d, digest_cell_of(SPAN_LITERAL("s"), SPAN_LITERAL("g"), i), 0, 1);
        for (int bit = 0; bit < 64; bit++) {
            ones[bit] += (int)(d.a >> bit & 1);
            ones[64 + bit] += (int)(d.b >> bit & 1);
        }
    }
    for (int bit = 0; bit < 128; bit++) /* five standard deviations of a fair coin */
        assert_in_range(ones[bit], N / 2 - 354, N / 2 + 354);
}

/* In stored states: must not change without a new PAGE_FORMAT. */
static void the_digest_is_fixed_for_ever(void **state)
{
    (void)state;
    struct digest d = {0};
    char text[33];
    digest_add(&d,
               digest_cell_of(SPAN_LITERAL("example.com"), SPAN_LITERAL("\x91\xa5US-CA"),
                              INT64_C(1795406400000000)),
               0, 12);
    digest_format(d, text);
    assert_string_equal(text, "2735400f6c5ef9a0c3d2a72d1cee69c0");
}

static void a_digest_is_read_back_from_its_text(void **state)
{
    (void)state;
    struct digest d = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}, back;
    char text[33];
    digest_format(d, text);
    assert_string_equal(text, "0123456789abcdeffedcba9876543210");
    assert_int_equal(digest_parse(span_of(text), &back), 0);
    assert_true(digest_equal(d, back));
    assert_int_equal(digest_parse(SPAN_LITERAL("0123456789abcdeffedcba987654321"), &back), -1);
    assert_int_equal(digest_parse(SPAN_LITERAL("0123456789abcdeffedcba987654321g"), &back), -1);
    assert_int_equal(digest_parse(SPAN_LITERAL("0123456789ABCDEFfedcba9876543210"), &back), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_of_deltas_is_the_digest_of_the_whole),
        cmocka_unit_test(every_place_counts_differently),
        cmocka_unit_test(each_bit_of_a_digest_is_even),
        cmocka_unit_test(the_digest_is_fixed_for_ever),
        cmocka_unit_test(a_digest_is_read_back_from_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
