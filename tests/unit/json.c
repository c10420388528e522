/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/support/data.h"

enum { DEPTH = 64 };

static int parse(struct json *j, const char *text, struct json_value *root)
{
    struct err e = {0};
    int result = json_parse(j, span_of(text), root, &e);
    assert_true(result == 0 || e.kind == ERR_INPUT);
    return result;
}

static void values_come_with_their_types(void **state)
{
    struct json *j = *state;
    struct json_value v;
    assert_int_equal(
        parse(j, "[null,true,false,-1,18446744073709551615,1.5,\"a\\u00e9\",[],{}]", &v), 0);
    assert_int_equal(v.type, JSON_ARRAY);
    assert_int_equal(json_count(j, &v), 9);
    static const enum json_type types[] = {JSON_NULL,   JSON_BOOL,  JSON_BOOL,
                                           JSON_INT,    JSON_UINT,  JSON_REAL,
                                           JSON_STRING, JSON_ARRAY, JSON_OBJECT};
    struct json_walk w = json_enter(j, &v);
    struct json_member m;
    for (int i = 0; i < 9; i++) {
        assert_true(json_next(&w, &m));
        assert_true(span_absent(m.key));
        assert_int_equal(m.value.type, types[i]);
        if (types[i] == JSON_STRING)
            assert_true(span_is(m.value.text, "a\xc3\xa9"));
        if (types[i] == JSON_UINT)
            assert_true(m.value.natural == UINT64_MAX);
    }
    assert_false(json_next(&w, &m));
}

static void numbers_are_given_as_written(void **state)
{
    struct json *j = *state;
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = {
        {"1.50", JSON_REAL},
        {"-0", JSON_INT},
        {"1e2", JSON_REAL},
        {"12345678901234567890123456789012", JSON_BIG},
        {"-9223372036854775809", JSON_BIG},
        {"1e400", JSON_BIG},
        {"-1E+99999", JSON_BIG},
        {"0.00000000000000000000000000001", JSON_REAL},
        {"9223372036854775807", JSON_INT},
        {"123456789012345678901234.5e-3", JSON_REAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = mem_format("{\"skip\\\"1e999\": {\"x\": [1, {}, []], \"y\": {}}, \"n\" : %s }",
                                cases[i].text);
        struct json_value root, n;
        assert_int_equal(parse(j, text, &root), 0);
        assert_int_equal(json_get(j, &root, "n", &n, NULL), 1);
        assert_true(span_is(json_number_text(j, &n), cases[i].text));
        assert_int_equal(n.type, cases[i].type);
        free(text);
    }
}

static void a_number_out_of_range_leaves_its_neighbours_alone(void **state)
{
    struct json *j = *state;
    struct json_value root, v;
    assert_int_equal(
        parse(j, "{\"a\": 1e400, \"b\": 1.25e3, \"c\": \"1e400 \\\\\", \"d\": 7}", &root), 0);
    assert_int_equal(json_get(j, &root, "b", &v, NULL), 1);
    assert_int_equal(v.type, JSON_REAL);
    assert_true(v.real == 1250);
    assert_int_equal(json_get(j, &root, "c", &v, NULL), 1);
    assert_true(span_is(v.text, "1e400 \\"));
    assert_int_equal(json_get(j, &root, "d", &v, NULL), 1);
    assert_int_equal(v.integer, 7);
}

static void wrong_texts_are_refused(void **state)
{
    struct json *j = *state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{'a':1}",
        "[01]",
        "[1.]",
        "[.5]",
        "[1e]",
        "nul",
        "[NaN]",
        "[1] x",
        "\"\t\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"open",
        "[1e400",
        "[1e400,01]",
        "[-]",
        "\xef\xbb\xbf[]",
        "\"a\\u0000b\"",
        "{\"\\u0000\":1}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct json_value v;
        if (parse(j, texts[i], &v) == 0)
            fail_msg("accepted: %s", texts[i]);
    }
}

static void nesting_is_bounded(void **state)
{
    struct json *j = *state;
    char text[2 * (DEPTH + 1) + 1];
    for (int depth = DEPTH - 2; depth <= DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        struct json_value v;
        int result = parse(j, text, &v);
        if (depth <= DEPTH - 1)
            assert_int_equal(result, 0);
        if (depth > DEPTH)
            assert_int_equal(result, -1);
    }
}

static void a_key_given_twice_is_noticed(void **state)
{
    struct json *j = *state;
    struct json_value root, v;
    struct err e = {0};
    assert_int_equal(parse(j, "{\"a\":1,\"b\":2,\"\\u0061\":3}", &root), 0);
    assert_int_equal(json_get(j, &root, "a", &v, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(json_get(j, &root, "b", &v, &e), 1);
    assert_int_equal(json_get(j, &root, "c", &v, &e), 0);
}

static void lines_are_parsed_where_they_are(void **state)
{
    struct json *j = *state;
    static const char text[] = "{\"a\":\"x\"}\n{\"a\":\"\\u0000\"}\n{\"a\":1e999}\n"
                               "                                                                ";
    const char *line = text;
    for (int i = 0; i < 3; i++) {
        const char *end = strchr(line, '\n');
        struct json_value root, v;
        assert_int_equal(
            json_parse_padded(j, (struct span){line, (size_t)(end - line)}, &root, NULL), 0);
        assert_int_equal(json_get(j, &root, "a", &v, NULL), 1);
        assert_int_equal(json_has_escapes(j), i == 1);
        if (i == 2)
            assert_ptr_equal(json_number_text(j, &v).p, line + 5);
        line = end + 1;
    }
}

static void memory_of_a_large_text_is_given_back(void **state)
{
    struct json *j = *state;
    struct buf b = {0};
    buf_put_byte(&b, '[');
    for (int i = 0; i < 200000; i++)
        buf_put_text(&b, "1234567,");
    buf_put_text(&b, "1]");
    struct json_value v;
    assert_int_equal(json_parse(j, buf_span(&b), &v, NULL), 0);
    assert_int_equal(json_count(j, &v), 200001);
    json_trim(j);
    assert_int_equal(parse(j, "[1]", &v), 0);
    buf_clear(&b);
}

/* Walks everything, so that the sanitizers see every span. Returns the sum of all bytes. */
static unsigned touch(struct json *j, struct json_value *v)
{
    unsigned sum = 0;
    if (v->type == JSON_STRING)
        for (size_t i = 0; i < v->text.n; i++)
            sum += (unsigned char)v->text.p[i];
    if (v->type >= JSON_INT && v->type <= JSON_BIG)
        sum += (unsigned)json_number_text(j, v).n;
    if (v->type != JSON_ARRAY && v->type != JSON_OBJECT)
        return sum;
    struct json_walk w = json_enter(j, v);
    struct json_member m;
    while (json_next(&w, &m))
        sum += touch(j, &m.value) + (unsigned)m.key.n;
    return sum;
}

/* y_ must parse, n_ must not, i_ may do either; NUL in strings is ours to refuse. */
static void check_conformance_file(struct json *j, const char *folder, const char *name)
{
    char *path = mem_format("%s/%s", folder, name);
    struct buf text = {0};
    assert_true(data_read(path, &text));
    struct json_value v;
    int result = json_parse(j, buf_span(&text), &v, NULL);
    bool nul = strstr(name, "null_escape") != NULL || strstr(name, "escaped_null") != NULL;
    if (name[0] == 'y' && result != (nul ? -1 : 0))
        fail_msg("%s: refused", name);
    if (name[0] == 'n' && result == 0)
        fail_msg("%s: accepted", name);
    if (result == 0)
        touch(j, &v);
    buf_clear(&text);
    free(path);
}

static void the_json_test_suite_passes(void **state)
{
    (void)state;
    char folder[512];
    if (!data_path(folder, sizeof(folder), "json-nst/test_parsing"))
        skip();
    struct json *j = json_new(1 << 20, 1024);
    DIR *d = opendir(folder);
    assert_non_null(d);
    int files = 0;
    for (struct dirent *f = readdir(d); f != NULL; f = readdir(d))
        if (f->d_name[0] != '.') {
            check_conformance_file(j, folder, f->d_name);
            files++;
        }
    closedir(d);
    assert_true(files > 300);
    json_free(j);
}

static int set_up(void **state)
{
    *state = json_new(8 << 20, DEPTH);
    return 0;
}

static int tear_down(void **state)
{
    json_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_with_their_types),
        cmocka_unit_test(numbers_are_given_as_written),
        cmocka_unit_test(a_number_out_of_range_leaves_its_neighbours_alone),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_key_given_twice_is_noticed),
        cmocka_unit_test(lines_are_parsed_where_they_are),
        cmocka_unit_test(memory_of_a_large_text_is_given_back),
        cmocka_unit_test(the_json_test_suite_passes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
