/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/writer.h"

static void write_all_kinds(struct writer *w)
{
    writer_map(w, 6);
    writer_key(w, "rows");
    writer_array(w, 2);
    writer_array(w, 2);
    writer_text(w, span_of("a\"b"));
    writer_int(w, -12);
    writer_array(w, 0);
    writer_put_text(w, "none", SPAN_ABSENT);
    writer_put_int(w, "least", INT64_MIN);
    writer_put_bool(w, "yes", true);
    writer_key(w, "half");
    writer_double(w, 0.5);
    writer_key(w, "empty");
    writer_map(w, 0);
    writer_end(w);
}

static void json_gets_its_commas_and_closes_itself(void **state)
{
    (void)state;
    struct buf out = {0};
    struct writer w = writer_to(&out, WRITE_JSON);
    write_all_kinds(&w);
    buf_put_byte(&out, 0);
    assert_string_equal((char *)out.p,
                        "{\"rows\":[[\"a\\\"b\",-12],[]],\"none\":null,"
                        "\"least\":-9223372036854775808,\"yes\":true,\"half\":0.5,\"empty\":{}}");
    buf_clear(&out);
}

static void messagepack_is_the_same_in_its_own_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] =
        "\x86\xa4rows\x92\x92\xa3"
        "a\"b\xf4\x90\xa4none\xc0\xa5least\xd3\x80\0\0\0\0\0\0\0\xa3yes\xc3\xa4half\xcb\x3f\xe0"
        "\0\0\0\0\0\0\xa5"
        "empty\x80";
    struct buf out = {0};
    struct writer w = writer_to(&out, WRITE_MSGPACK);
    write_all_kinds(&w);
    assert_int_equal(out.n, sizeof expected - 1);
    assert_memory_equal(out.p, expected, out.n);
    buf_clear(&out);
}

static void numbers_json_cannot_hold_become_null(void **state)
{
    (void)state;
    struct buf out = {0};
    struct writer w = writer_to(&out, WRITE_JSON);
    writer_array(&w, 2);
    writer_double(&w, NAN);
    writer_double(&w, INFINITY);
    writer_end(&w);
    assert_int_equal(out.n, strlen("[null,null]"));
    assert_memory_equal(out.p, "[null,null]", out.n);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_gets_its_commas_and_closes_itself),
        cmocka_unit_test(messagepack_is_the_same_in_its_own_bytes),
        cmocka_unit_test(numbers_json_cannot_hold_become_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
