/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "base/pack.h"
#include "base/table.h"

static void every_width_of_integer_is_read_back(void **state)
{
    (void)state;
    for (int bits = 0; bits < 64; bits++)
        for (int64_t near = -2; near <= 2; near++)
            for (int sign = 0; sign < 2; sign++) {
                uint64_t u = (UINT64_C(1) << bits) + (uint64_t)near;
                int64_t value = (int64_t)(sign ? -u : u), back = 0;
                struct buf b = {0};
                pack_int(&b, value);
                struct span in = buf_span(&b);
                assert_true(pack_read_int(&in, &back));
                assert_true(back == value && in.n == 0);
                for (size_t n = 0; n < b.n; n++) { /* cut short */
                    in = (struct span){(const char *)b.p, n};
                    assert_false(pack_read_int(&in, &back));
                    assert_int_equal(in.n, n);
                }
                buf_clear(&b);
            }
}

static void the_bytes_are_those_of_the_specification(void **state)
{
    (void)state;
    struct buf b = {0};
    pack_array(&b, 16);
    pack_map(&b, 2);
    pack_text(&b, SPAN_LITERAL("a"));
    pack_text(&b, SPAN_ABSENT);
    pack_bin(&b, SPAN_LITERAL("b"));
    pack_int(&b, 200);
    pack_int(&b, -200);
    pack_int(&b, -1);
    pack_bool(&b, true);
    pack_double(&b, 1.0);
    static const uint8_t expected[] = {0xdc, 0,    16,  0x82, 0xa1, 'a',  0xc0, 0xc4, 1,
                                       'b',  0xcc, 200, 0xd1, 0xff, 0x38, 0xff, 0xc3, 0xcb,
                                       0x3f, 0xf0, 0,   0,    0,    0,    0,    0};
    assert_int_equal(b.n, sizeof(expected));
    assert_memory_equal(b.p, expected, sizeof(expected));
    buf_clear(&b);
}

static void texts_and_arrays_of_every_size_are_read_back(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 100000};
    char *bytes = mem_alloc(100000);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf b = {0};
        struct span text = {bytes, sizes[i]}, t, n;
        uint32_t count;
        pack_text(&b, text);
        pack_bin(&b, text);
        pack_array(&b, sizes[i]);
        struct span in = buf_span(&b);
        assert_false(pack_read_bin(&in, &n));
        assert_true(pack_read_text(&in, &t) && pack_read_bin(&in, &n));
        assert_true(span_equal(t, text) && span_equal(n, text));
        assert_true(pack_read_array(&in, &count));
        assert_int_equal(count, sizes[i]);
        assert_int_equal(in.n, 0);
        buf_clear(&b);
    }
    free(bytes);
}

static void longer_forms_than_needed_are_refused(void **state)
{
    (void)state;
    static const struct span forms[] = {SPAN_LITERAL("\xcc\x7f"),
                                        SPAN_LITERAL("\xcd\x00\xff"),
                                        SPAN_LITERAL("\xce\x00\x00\xff\xff"),
                                        SPAN_LITERAL("\xcf\x00\x00\x00\x00\xff\xff\xff\xff"),
                                        SPAN_LITERAL("\xd0\xe0"),
                                        SPAN_LITERAL("\xd0\x05"),
                                        SPAN_LITERAL("\xd1\xff\x80"),
                                        SPAN_LITERAL("\xd2\xff\xff\x80\x00"),
                                        SPAN_LITERAL("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                                        SPAN_LITERAL("\xd9\x01x"),
                                        SPAN_LITERAL("\xda\x00\x01x"),
                                        SPAN_LITERAL("\xc5\x00\x01x"),
                                        SPAN_LITERAL("\xdc\x00\x01\x01"),
                                        SPAN_LITERAL("\xdd\x00\x00\x00\x01\x01"),
                                        SPAN_LITERAL("\xa5"
                                                     "abcd"),
                                        SPAN_LITERAL("\xc1"),
                                        SPAN_LITERAL("\xdb\xff\xff\xff\xff"
                                                     "a"),
                                        SPAN_LITERAL("")};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct span in = forms[i], text;
        int64_t value;
        uint32_t n;
        assert_false(pack_read_int(&in, &value));
        assert_false(pack_read_text(&in, &text));
        assert_false(pack_read_bin(&in, &text));
        assert_false(pack_read_array(&in, &n));
        assert_int_equal(in.n, forms[i].n);
    }
}

static void a_value_is_skipped_with_all_that_is_in_it(void **state)
{
    (void)state;
    struct buf out = {0};
    pack_map(&out, 3);
    pack_text(&out, SPAN_LITERAL("a"));
    pack_array(&out, 2);
    pack_double(&out, 1.5);
    pack_text(&out, SPAN_ABSENT);
    pack_text(&out, SPAN_LITERAL("b"));
    pack_bin(&out, SPAN_LITERAL("xyz"));
    pack_text(&out, SPAN_LITERAL("c"));
    pack_bool(&out, true);
    size_t whole = out.n;
    pack_int(&out, -7000);
    struct span in = buf_span(&out), map = in;
    int64_t value;
    uint32_t n;
    assert_true(pack_read_map(&map, &n) && n == 3);
    assert_true(pack_skip(&in));
    assert_true(pack_read_int(&in, &value) && value == -7000 && in.n == 0);
    for (size_t cut = 0; cut < whole; cut++) {
        in = (struct span){(const char *)out.p, cut};
        assert_false(pack_skip(&in));
        assert_int_equal(in.n, cut);
    }
    in = SPAN_LITERAL("\xdd\xff\xff\xff\xff\x01");
    assert_false(pack_skip(&in));
    buf_clear(&out);
}

static bool is_number(const void *item, const void *key)
{
    return *(const int *)item == *(const int *)key;
}

static void a_table_finds_what_was_put_in_even_when_hashes_collide(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct table t = {0};
    int *numbers = mem_alloc(N * sizeof(int));
    int absent = N;
    assert_null(table_find(&t, 1, &absent, is_number));
    for (int i = 0; i < N; i++) {
        numbers[i] = i;
        table_put(&t, (uint64_t)i / 7, &numbers[i]);
    }
    for (int i = 0; i < N; i++)
        assert_ptr_equal(table_find(&t, (uint64_t)i / 7, &i, is_number), &numbers[i]);
    assert_null(table_find(&t, 1, &absent, is_number));
    assert_int_equal(t.n, N);
    table_reset(&t);
    assert_null(table_find(&t, 0, &numbers[0], is_number));
    table_clear(&t);
    free(numbers);
}

static void a_table_gives_back_single_items(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct table t = {0};
    int numbers[N];
    for (int i = 0; i < N; i++) {
        numbers[i] = i;
        table_put(&t, (uint64_t)i / 7, &numbers[i]);
    }
    for (int i = 0; i < N; i += 3)
        table_remove(&t, (uint64_t)i / 7, &numbers[i]);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(table_find(&t, (uint64_t)i / 7, &i, is_number),
                         i % 3 == 0 ? NULL : &numbers[i]);
    for (int i = 0; i < N; i += 3)
        table_put(&t, (uint64_t)i / 7, &numbers[i]);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(table_find(&t, (uint64_t)i / 7, &i, is_number), &numbers[i]);
    assert_int_equal(t.n, N);
    table_clear(&t);
}

static void bools_and_nils_are_read_back(void **state)
{
    (void)state;
    struct span in = SPAN_LITERAL("\xc3\xc2\xc0\x01");
    bool truth = false;
    assert_true(pack_read_bool(&in, &truth) && truth);
    assert_false(pack_read_nil(&in));
    assert_true(pack_read_bool(&in, &truth) && !truth);
    assert_false(pack_read_bool(&in, &truth));
    assert_true(pack_read_nil(&in));
    assert_false(pack_read_bool(&in, &truth) || pack_read_nil(&in));
    in.n = 0;
    assert_false(pack_read_bool(&in, &truth) || pack_read_nil(&in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_of_integer_is_read_back),
        cmocka_unit_test(the_bytes_are_those_of_the_specification),
        cmocka_unit_test(texts_and_arrays_of_every_size_are_read_back),
        cmocka_unit_test(longer_forms_than_needed_are_refused),
        cmocka_unit_test(a_value_is_skipped_with_all_that_is_in_it),
        cmocka_unit_test(a_table_finds_what_was_put_in_even_when_hashes_collide),
        cmocka_unit_test(a_table_gives_back_single_items),
        cmocka_unit_test(bools_and_nils_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
