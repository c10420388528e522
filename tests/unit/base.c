/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "base/utf8.h"

static void the_first_cause_is_kept(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_INPUT, "first %d\n", 1), -1);
    assert_int_equal(err_set(&e, ERR_DOWN, "second"), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_string_equal(e.text, "first 1");
    err_context(&e, "reading %s", "x");
    assert_string_equal(e.text, "reading x: first 1");
}

static void a_buffer_past_its_maximum_stays_failed(void **state)
{
    (void)state;
    struct buf b = {.max = 4};
    buf_put_text(&b, "abc");
    assert_false(b.failed);
    buf_put_text(&b, "de");
    assert_true(b.failed);
    buf_put_text(&b, "d");
    assert_int_equal(b.n, 3);
    buf_clear(&b);
}

static void json_text_is_escaped(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_put_json(&b, SPAN_LITERAL("a\"b\\c\n\t\r\x01\x7f\xc3\xa9"));
    buf_put_json(&b, SPAN_ABSENT);
    buf_put_byte(&b, 0);
    assert_string_equal((char *)b.p, "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u007f\xc3\xa9\"null");
    buf_clear(&b);
}

static void arena_memory_is_reused_after_a_reset(void **state)
{
    (void)state;
    struct arena a = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10000; i++)
            assert_string_equal(arena_copy(&a, (struct span){"word", 5}).p, "word");
        arena_alloc(&a, 1 << 20);
        arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    arena_clear(&a);
}

static void times_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"2026-11-23T04:00:00Z", "2026-11-23T04:00:00.000000Z"},
        {"2016-02-20T00:00:45-05:00", "2016-02-20T05:00:45.000000Z"},
        {"1969-12-31 23:59:59.9999999z", "1969-12-31T23:59:59.999999Z"},
        {"2000-02-29T12:00:00.5+05:30", "2000-02-29T06:30:00.500000Z"},
    };
    char text[CLOCK_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t t;
        assert_int_equal(clock_parse(cases[i].in, strlen(cases[i].in), &t), 0);
        clock_format(text, t, 6);
        assert_string_equal(text, cases[i].out);
    }
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-02-29T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00Zx",
                                      "2026-01-01T00:00:00+0100"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t t;
        assert_int_equal(clock_parse(bad[i], strlen(bad[i]), &t), -1);
    }
}

static void times_before_1970_are_floored_down(void **state)
{
    (void)state;
    assert_int_equal(clock_floor(-1, 60), -60);
    assert_int_equal(clock_floor(-60, 60), -60);
    assert_int_equal(clock_floor(119, 60), 60);
}

/* The vectors of the reference implementation: key 00..0f, input 00, 00 01, ... */
static void siphash_gives_the_published_values(void **state)
{
    (void)state;
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++)
        bytes[i] = (uint8_t)i;
    struct siphash_key key = siphash_key_of(bytes);
    assert_true(siphash(key, bytes, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(siphash(key, bytes, 1) == UINT64_C(0x74f839c593dc67fd));
    assert_true(siphash(key, bytes, 8) == UINT64_C(0x93f5f5799a932462));
    assert_true(siphash(key, bytes, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void characters_are_counted_and_skipped(void **state)
{
    (void)state;
    static const char text[] = "aé日🙂 plain e\xcc\x81 日本語🙂é";
    struct span s = {text, sizeof(text) - 1};
    size_t before = 0;
    for (size_t at = 0; at < s.n; at += utf8_character(s.p + at, s.n - at)) {
        assert_int_equal(utf8_length((struct span){s.p, at}), before);
        assert_int_equal(utf8_skip(s, before), at);
        assert_int_equal(utf8_width(s.p[at]), utf8_character(s.p + at, s.n - at));
        before++;
    }
    assert_int_equal(utf8_length(s), before);
    assert_int_equal(utf8_skip(s, before), s.n);
    assert_int_equal(utf8_skip(s, SIZE_MAX), s.n);
}

static void the_last_errors_and_warnings_are_kept(void **state)
{
    (void)state;
    struct diag_message kept[DIAG_KEPT];
    assert_int_equal(diag_recent(kept), 0);
    diag(DIAG_WARNING, "test", "the %s\none", "first");
    diag(DIAG_INFO, "test", "not kept");
    assert_int_equal(diag_recent(kept), 1);
    assert_string_equal(kept[0].text, "the first one");
    assert_string_equal(kept[0].area, "test");
    assert_int_equal(kept[0].level, DIAG_WARNING);
    assert_true(kept[0].at_us > 0);
    for (int i = 0; i < DIAG_KEPT + 3; i++)
        diag(DIAG_ERROR, "test", "error %d", i);
    assert_int_equal(diag_recent(kept), DIAG_KEPT);
    assert_string_equal(kept[0].text, "error 22");
    assert_string_equal(kept[DIAG_KEPT - 1].text, "error 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_cause_is_kept),
        cmocka_unit_test(a_buffer_past_its_maximum_stays_failed),
        cmocka_unit_test(json_text_is_escaped),
        cmocka_unit_test(arena_memory_is_reused_after_a_reset),
        cmocka_unit_test(times_are_read_and_written),
        cmocka_unit_test(times_before_1970_are_floored_down),
        cmocka_unit_test(siphash_gives_the_published_values),
        cmocka_unit_test(the_last_errors_and_warnings_are_kept),
        cmocka_unit_test(characters_are_counted_and_skipped),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
