/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "views/sketch.h"

/* Values first .. first + n - 1, each twice, in a scrambled order. */
static struct sketch *sketch_of(uint64_t first, uint64_t n)
{
    struct sketch *s = sketch_new();
    for (uint64_t i = 0; i < 2 * n; i++) {
        uint64_t value = first + i * 7919 % n;
        sketch_add(s, sketch_hash(&value, sizeof(value)), NULL);
    }
    return s;
}

static struct sketch *merged(const struct sketch *a, const struct sketch *b)
{
    struct sketch *s = a == NULL ? sketch_new() : sketch_copy(a);
    sketch_merge(s, b, NULL);
    return s;
}

/* The same stored bytes: stronger than sketch_equal. */
static void assert_same(const struct sketch *a, const struct sketch *b)
{
    struct buf x = {0}, y = {0};
    sketch_encode(a, &x);
    sketch_encode(b, &y);
    assert_true(span_equal(buf_span(&x), buf_span(&y)));
    assert_true(sketch_equal(a, b));
    buf_clear(&x);
    buf_clear(&y);
}

static const uint64_t sizes[] = {0, 1, 3, 4, 9, 500, 1023, 1024, 1025, 3000, 20000};
enum { N_SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void small_sets_are_counted_exactly(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= SKETCH_EXACT; n += 31) {
        struct sketch *s = sketch_of(n, n);
        assert_int_equal(sketch_estimate(s), n);
        sketch_free(s);
    }
    assert_int_equal(sketch_estimate(NULL), 0);
}

static void estimates_stay_within_four_standard_errors(void **state)
{
    (void)state;
    static const uint64_t large[] = {1025, 2000, 5000, 16384, 40000, 65536, 200000, 1000000};
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        for (uint64_t round = 0; round < 3; round++) {
            struct sketch *s = sketch_of(round << 40, large[i]);
            double error = (double)sketch_estimate(s) / (double)large[i] - 1;
            assert_true(fabs(error) < 4 * SKETCH_STANDARD_ERROR);
            sketch_free(s);
        }
}

/* The estimator's own bias: the mean over many sets must be far closer than one set. */
static void estimates_are_not_biased(void **state)
{
    (void)state;
    enum { ROUNDS = 60 };
    double sum = 0;
    uint64_t seed = 5;
    for (int round = 0; round < ROUNDS; round++) {
        struct sketch *s = sketch_new();
        for (int i = 0; i < 30000; i++)
            sketch_add(s, random_next(&seed), NULL);
        sum += (double)sketch_estimate(s) / 30000 - 1;
        sketch_free(s);
    }
    assert_true(fabs(sum / ROUNDS) < 4 * SKETCH_STANDARD_ERROR / sqrt(ROUNDS));
}

static void merging_is_commutative_associative_and_idempotent(void **state)
{
    (void)state;
    for (int i = 0; i < N_SIZES; i++)
        for (int k = 0; k < N_SIZES; k++) {
            struct sketch *a = sketch_of(0, sizes[i]), *b = sketch_of(sizes[i] / 2, sizes[k]);
            struct sketch *c = sketch_of(700, 600), *ab = merged(a, b), *ba = merged(b, a);
            struct sketch *ab_c = merged(ab, c), *bc = merged(b, c), *a_bc = merged(a, bc);
            struct sketch *again = merged(ab, b);
            assert_same(ab, ba);
            assert_same(ab_c, a_bc);
            assert_same(ab, again);
            struct sketch *all[] = {a, b, c, ab, ba, ab_c, bc, a_bc, again};
            for (size_t s = 0; s < sizeof(all) / sizeof(all[0]); s++)
                sketch_free(all[s]);
        }
}

static void a_merge_is_the_sketch_of_the_union(void **state)
{
    (void)state;
    for (int i = 0; i < N_SIZES; i++) {
        struct sketch *low = sketch_of(0, sizes[i]), *high = sketch_of(sizes[i] / 2, sizes[i]);
        struct sketch *both = merged(low, high), *whole = sketch_of(0, sizes[i] + sizes[i] / 2);
        assert_same(both, whole);
        sketch_free(low);
        sketch_free(high);
        sketch_free(both);
        sketch_free(whole);
    }
}

static void on_rise(void *context, unsigned reg, unsigned from, unsigned to)
{
    uint8_t *registers = context;
    assert_true(reg < SKETCH_REGISTERS && to > from);
    assert_int_equal(registers[reg], from);
    registers[reg] = (uint8_t)to;
}

static void the_observer_sees_every_register_rise(void **state)
{
    (void)state;
    uint8_t *seen = calloc(1, SKETCH_REGISTERS), *read = calloc(1, SKETCH_REGISTERS);
    const struct sketch_observer watch = {on_rise, seen}, each = {on_rise, read};
    struct sketch *s = sketch_new();
    uint64_t seed = 3;
    for (int i = 0; i < 6000; i++) {
        uint64_t hash = random_next(&seed); /* from a small set of registers, with repeats */
        sketch_add(s, i % 3 == 0 ? hash : hash >> 5, &watch);
        sketch_add(s, i % 3 == 0 ? hash : hash >> 5, &watch);
        if (i % 500 == 0 || i == 5999) {
            struct sketch *other = sketch_of((uint64_t)i, (uint64_t)i / 2);
            sketch_merge(s, other, &watch);
            sketch_free(other);
            memset(read, 0, SKETCH_REGISTERS);
            sketch_each_register(s, &each);
            assert_memory_equal(read, seen, SKETCH_REGISTERS);
        }
    }
    sketch_free(s);
    free(seen);
    free(read);
}

static void the_stored_form_is_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < N_SIZES; i++) {
        struct sketch *s = sketch_of(9, sizes[i]), *back = NULL;
        struct buf b = {0};
        struct err e = {0};
        sketch_encode(s, &b);
        assert_true(b.n <= SKETCH_MAX_ENCODED);
        assert_int_equal(b.n, sketch_encoded_bytes(s));
        assert_int_equal(sketch_decode(buf_span(&b), &back, &e), 0);
        assert_true((back == NULL) == (sizes[i] == 0));
        assert_same(s, back);
        assert_int_equal(sketch_estimate(s), sketch_estimate(back));
        buf_clear(&b);
        sketch_free(s);
        sketch_free(back);
    }
}

static void other_bytes_than_the_stored_form_are_refused(void **state)
{
    (void)state;
    char dense[SKETCH_MAX_ENCODED] = {2, 1}, hashes[1 + 8 * 1025] = {1};
    for (int i = 0; i < 1025; i++) {
        hashes[1 + 8 * i + 6] = (char)(i >> 8);
        hashes[1 + 8 * i + 7] = (char)i;
    }
    const struct span bad[] = {{hashes, 1},
                               {hashes, 8},
                               {hashes, 10},
                               {hashes, sizeof(hashes)},
                               {"\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1", 17},
                               {"\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2", 17},
                               {"\3\0\0\0\0\0\0\0\2", 9},
                               {dense, sizeof(dense) - 1},
                               {"\2", 1}};
    struct sketch *s;
    struct err e = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(sketch_decode(bad[i], &s, &e), -1);
        assert_int_equal(e.kind, ERR_DATA);
        assert_null(s);
    }
    const struct span good[] = {{hashes, sizeof(hashes) - 8}, {dense, sizeof(dense)}, {"", 0}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sketch_decode(good[i], &s, &e), 0);
        sketch_free(s);
    }
    dense[1] = 0; /* no register: that is the empty sketch, stored as nothing */
    assert_int_equal(sketch_decode(good[1], &s, &e), -1);
    dense[1] = (char)(52 << 2); /* above the highest rank */
    assert_int_equal(sketch_decode(good[1], &s, &e), -1);
}

static void the_hash_is_fixed_for_ever(void **state)
{
    (void)state;
    /* SipHash paper, appendix A: key 0..15, message 0..14 */
    uint8_t message[15];
    for (uint8_t i = 0; i < 15; i++)
        message[i] = i;
    assert_true(sketch_hash(message, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void memory_grows_with_the_set_only(void **state)
{
    (void)state;
    struct sketch *one = sketch_of(0, 1), *many = sketch_of(0, 100000);
    assert_true(sketch_bytes(one) <= 64);
    assert_true(sketch_bytes(many) <= SKETCH_REGISTERS + 64);
    assert_int_equal(sketch_bytes(NULL), 0);
    sketch_free(one);
    sketch_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_sets_are_counted_exactly),
        cmocka_unit_test(estimates_stay_within_four_standard_errors),
        cmocka_unit_test(estimates_are_not_biased),
        cmocka_unit_test(merging_is_commutative_associative_and_idempotent),
        cmocka_unit_test(a_merge_is_the_sketch_of_the_union),
        cmocka_unit_test(the_observer_sees_every_register_rise),
        cmocka_unit_test(the_stored_form_is_read_back),
        cmocka_unit_test(other_bytes_than_the_stored_form_are_refused),
        cmocka_unit_test(the_hash_is_fixed_for_ever),
        cmocka_unit_test(memory_grows_with_the_set_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
