/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/json.h"
#include "ingest/msgpack.h"
#include "tests/support/data.h"

#define BYTES(text) ((struct span){text, sizeof(text) - 1})

static const uint8_t *at(struct span bytes)
{
    return (const uint8_t *)bytes.p;
}

static void complete_values_are_measured(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        size_t n;
    } cases[] = {
        {BYTES("\x01\x02"), 1},
        {BYTES("\x81\xa1k\x01"), 4},
        {BYTES("\xc4\x02hi"), 4},
        {BYTES("\xc7\x00\x05"), 3},
        {BYTES("\x90"), 1},
        {BYTES("\x92\x91\x01\xa0x"), 4},
        {BYTES("\xcb\0\0\0\0\0\0\0\0"), 9},
        {BYTES("\xd8\x01"
               "0123456789abcdef"),
         18},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(msgpack_check(cases[i].in), cases[i].n);
        assert_ptr_equal(msgpack_skip(at(cases[i].in)), cases[i].in.p + cases[i].n);
    }
}

static void broken_values_are_refused(void **state)
{
    (void)state;
    static const struct span cases[] = {
        BYTES(""),
        BYTES("\xc1"),      /* never used */
        BYTES("\x81\xa1k"), /* a value is missing */
        BYTES("\xa5"
              "abc"),                  /* shorter than said */
        BYTES("\xd9"),                 /* no length */
        BYTES("\xdd\xff\x00\x00\x00"), /* an array of 4 billion in nothing */
        BYTES("\xdf\xff\xff\xff\xff\x01"),
        BYTES("\xdb\xff\xff\xff\xff"
              "a"),
        BYTES("\xc9\xff\xff\xff\xff\x01"
              "a"),
        BYTES("\xcf\0\0\0"),
        BYTES("\xd4\x01"),
        BYTES("\xc7\x00"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(msgpack_check(cases[i]), 0);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char deep[MSGPACK_MAX_DEPTH + 2];
    memset(deep, '\x91', sizeof(deep));
    deep[MSGPACK_MAX_DEPTH] = 1;
    assert_int_equal(msgpack_check((struct span){deep, MSGPACK_MAX_DEPTH + 1}),
                     MSGPACK_MAX_DEPTH + 1);
    deep[MSGPACK_MAX_DEPTH] = '\x91';
    deep[MSGPACK_MAX_DEPTH + 1] = 1;
    assert_int_equal(msgpack_check((struct span){deep, MSGPACK_MAX_DEPTH + 2}), 0);
}

static void integers_and_reals_are_read(void **state)
{
    (void)state;
    struct msgpack_value v;
    msgpack_read(at(BYTES("\xe0")), &v);
    assert_true(v.type == MSGPACK_INT && v.integer == -32);
    msgpack_read(at(BYTES("\xd1\xff\x00")), &v);
    assert_true(v.type == MSGPACK_INT && v.integer == -256);
    msgpack_read(at(BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")), &v);
    assert_true(v.type == MSGPACK_UINT && v.natural == UINT64_MAX);
    msgpack_read(at(BYTES("\xd3\x80\0\0\0\0\0\0\0")), &v);
    assert_true(v.type == MSGPACK_INT && v.integer == INT64_MIN);
    msgpack_read(at(BYTES("\xca\x3f\x00\x00\x00")), &v);
    assert_true(v.type == MSGPACK_REAL && v.real == 0.5);
    msgpack_read(at(BYTES("\xc7\x03\x07"
                          "abc")),
                 &v);
    assert_true(v.type == MSGPACK_EXTENSION && v.extension == 7 && span_is(v.bytes, "abc"));
}

/* ---- the MessagePack test suite: {"group": [{"KIND": value, "msgpack": ["aa-bb", ...]}]} ---- */

static size_t bytes_of_hex(struct span hex, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < hex.n; i += 3) {
        char pair[3] = {hex.p[i], hex.p[i + 1], 0};
        out[n++] = (char)strtoul(pair, NULL, 16);
    }
    return n;
}

static const uint8_t *check_same(const struct json *j, const struct json_value *want,
                                 const uint8_t *p);

static const uint8_t *check_members(const struct json *j, const struct json_value *want,
                                    const uint8_t *p)
{
    struct json_walk w = json_enter(j, want);
    struct json_member m;
    while (json_next(&w, &m)) {
        struct msgpack_value key;
        if (!span_absent(m.key)) {
            p = msgpack_read(p, &key);
            assert_int_equal(key.type, MSGPACK_TEXT);
            assert_true(span_equal(key.bytes, m.key));
        }
        p = check_same(j, &m.value, p);
    }
    return p;
}

static const uint8_t *check_same(const struct json *j, const struct json_value *want,
                                 const uint8_t *p)
{
    struct msgpack_value v;
    p = msgpack_read(p, &v);
    double number = v.type == MSGPACK_REAL   ? v.real
                    : v.type == MSGPACK_UINT ? (double)v.natural
                                             : (double)v.integer;
    switch (want->type) {
    case JSON_NULL:
        assert_int_equal(v.type, MSGPACK_NIL);
        break;
    case JSON_BOOL:
        assert_true(v.type == MSGPACK_BOOL && v.boolean == want->boolean);
        break;
    case JSON_INT:
        assert_true(v.type <= MSGPACK_REAL && number == (double)want->integer);
        break;
    case JSON_REAL:
        assert_true(v.type == MSGPACK_REAL && number == want->real);
        break;
    case JSON_STRING:
        assert_true(v.type == MSGPACK_TEXT && span_equal(v.bytes, want->text));
        break;
    default:
        assert_int_equal(v.type, want->type == JSON_OBJECT ? MSGPACK_MAP : MSGPACK_ARRAY);
        assert_int_equal(v.count, json_count(j, want));
        return check_members(j, want, p);
    }
    return p;
}

/* Kinds that JSON has no value for. */
static void check_other(struct span kind, const struct json_value *want, const uint8_t *p)
{
    struct msgpack_value v;
    msgpack_read(p, &v);
    char bytes[64];
    if (span_is(kind, "binary"))
        assert_true(v.type == MSGPACK_BINARY &&
                    span_equal(v.bytes, (struct span){bytes, bytes_of_hex(want->text, bytes)}));
    else if (span_is(kind, "bignum"))
        assert_true(v.type <= MSGPACK_REAL);
    else
        assert_true(v.type == MSGPACK_EXTENSION);
}

static int check_case(const struct json *j, const struct json_value *test)
{
    struct json_walk w = json_enter(j, test);
    struct json_member kind, m, hex;
    assert_true(json_next(&w, &kind));
    while (json_next(&w, &m) && !span_is(m.key, "msgpack"))
        continue;
    int n = 0;
    struct json_walk encodings = json_enter(j, &m.value);
    for (; json_next(&encodings, &hex); n++) {
        char *bytes = malloc(hex.value.text.n + 1); /* exact, so that the sanitizer sees overruns */
        size_t length = bytes_of_hex(hex.value.text, bytes);
        bytes = realloc(bytes, length);
        assert_int_equal(msgpack_check((struct span){bytes, length}), length);
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(msgpack_check((struct span){bytes, cut}), 0);
        assert_ptr_equal(msgpack_skip((uint8_t *)bytes), bytes + length);
        static const char *const others = "binary bignum timestamp ext";
        char name[16] = {0};
        memcpy(name, kind.key.p, kind.key.n);
        if (strstr(others, name) != NULL)
            check_other(kind.key, &kind.value, (uint8_t *)bytes);
        else
            check_same(j, &kind.value, (uint8_t *)bytes);
        free(bytes);
    }
    return n;
}

static void the_test_suite_passes(void **state)
{
    (void)state;
    char path[512];
    if (!data_path(path, sizeof(path), "msgpack/msgpack-test-suite.json"))
        skip();
    struct buf text = {0};
    assert_true(data_read(path, &text));
    struct json *j = json_new(1 << 20, 16);
    struct json_value root;
    assert_int_equal(json_parse(j, buf_span(&text), &root, NULL), 0);
    struct json_walk groups = json_enter(j, &root);
    struct json_member group, test;
    int encodings = 0;
    while (json_next(&groups, &group)) {
        struct json_walk tests = json_enter(j, &group.value);
        while (json_next(&tests, &test))
            encodings += check_case(j, &test.value);
    }
    assert_int_equal(encodings, 233);
    json_free(j);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_values_are_measured),
        cmocka_unit_test(broken_values_are_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(integers_and_reals_are_read),
        cmocka_unit_test(the_test_suite_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
