/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in every wire form: how they are taken apart, and that the forms agree. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <msgpack.h>
#include <zlib.h>

#include "base/mem.h"
#include "ingest/gzip.h"
#include "ingest/payload.h"

static int open_body(struct payload *p, enum payload_form form, struct span body)
{
    struct err e = {0};
    buf_put_span(payload_room(p), body);
    return payload_open(p, form, &e);
}

/* Reads all: "e" for each event, "r" for each rejection. */
static const char *read_all(struct payload *p)
{
    static char seen[64];
    struct fields f = {0};
    struct rejection r;
    size_t n = 0;
    enum payload_read read;
    while ((read = payload_next(p, &f, &r)) != PAYLOAD_END && n < sizeof(seen) - 1)
        seen[n++] = read == PAYLOAD_EVENT ? 'e' : 'r';
    seen[n] = '\0';
    fields_clear(&f);
    payload_close(p);
    return seen;
}

static void check_json(struct payload *p, enum payload_form form, const char *body,
                       const char *want)
{
    int result = open_body(p, form, span_of(body));
    if (want == NULL) {
        assert_int_equal(result, -1);
        return;
    }
    assert_int_equal(result, 0);
    assert_int_equal(payload_count(p), strlen(want));
    assert_string_equal(read_all(p), want);
}

static void a_json_body_is_one_event_or_an_array(void **state)
{
    struct payload *p = *state;
    check_json(p, PAYLOAD_JSON, "{}", "e");
    check_json(p, PAYLOAD_JSON, " [{}, {\"browser\":1}, 3, {\"props\":{\"a\":[{}]}}, {}] ",
               "errre");
    check_json(p, PAYLOAD_JSON, "[]", "");
    check_json(p, PAYLOAD_JSON, "3", NULL);
    check_json(p, PAYLOAD_JSON, "", NULL);
    check_json(p, PAYLOAD_JSON, "[{},", NULL);
    check_json(p, PAYLOAD_JSON, "{} {}", NULL);
}

static void lines_are_events_and_bad_ones_do_not_spoil_the_others(void **state)
{
    struct payload *p = *state;
    check_json(p, PAYLOAD_NDJSON, "{}\n{}\n", "ee");
    check_json(p, PAYLOAD_NDJSON, "{}\r\n\r\n \t\n{}", "ee");
    check_json(p, PAYLOAD_NDJSON, "{}\n{\n[]\n{} {}\n\"\n{}", "errrre");
    check_json(p, PAYLOAD_NDJSON, "", "");
}

static void a_bad_line_is_explained(void **state)
{
    struct payload *p = *state;
    struct fields f = {0};
    struct rejection r;
    assert_int_equal(open_body(p, PAYLOAD_NDJSON, span_of("{\"browser\":01}")), 0);
    assert_int_equal(payload_next(p, &f, &r), PAYLOAD_REJECTED);
    assert_int_equal(r.why, REJECT_MALFORMED);
    assert_non_null(strstr(r.reason, "number"));
    fields_clear(&f);
}

static void maps_come_alone_in_an_array_or_one_after_another(void **state)
{
    struct payload *p = *state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *want;
    } cases[] = {
        {"\x80", 1, "e"},
        {"\x93\x80\x81\xa1x\x01\x80", 7, "ere"},
        {"\x80\x80\x80", 3, "eee"},
        {"\x92\x80\x05", 3, "er"},
        {"\x90", 1, ""},
        {"", 0, ""},
        {"\x81\x01\x02", 3, "r"},
        {"\x05", 1, NULL},
        {"\x80\x05", 2, NULL},
        {"\x91\x80\x80", 3, NULL},
        {"\x80\x91\x80", 3, NULL},
        {"\x81", 1, NULL},
        {"\x80\xc1", 2, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int result = open_body(p, PAYLOAD_MSGPACK, (struct span){cases[i].bytes, cases[i].n});
        if (cases[i].want == NULL) {
            assert_int_equal(result, -1);
            continue;
        }
        assert_int_equal(result, 0);
        assert_int_equal(payload_count(p), strlen(cases[i].want));
        assert_string_equal(read_all(p), cases[i].want);
    }
}

static void pack_text(msgpack_packer *k, const char *text)
{
    msgpack_pack_str(k, strlen(text));
    msgpack_pack_str_body(k, text, strlen(text));
}

static void the_forms_agree(void **state)
{
    struct payload *p = *state;
    msgpack_sbuffer b;
    msgpack_sbuffer_init(&b);
    msgpack_packer k;
    msgpack_packer_init(&k, &b, msgpack_sbuffer_write);
    msgpack_pack_map(&k, 3);
    pack_text(&k, "pageUrl");
    pack_text(&k, "/a");
    pack_text(&k, "timestamp");
    msgpack_pack_double(&k, 1.5);
    pack_text(&k, "props");
    msgpack_pack_map(&k, 6);
    pack_text(&k, "i");
    msgpack_pack_int64(&k, -5);
    pack_text(&k, "u");
    msgpack_pack_uint64(&k, UINT64_MAX);
    pack_text(&k, "d");
    msgpack_pack_double(&k, 0.1);
    pack_text(&k, "t");
    msgpack_pack_true(&k);
    pack_text(&k, "n");
    msgpack_pack_nil(&k);
    pack_text(&k, "s");
    pack_text(&k, "\xc3\xa9");
    static const char json[] =
        "{\"pageUrl\":\"/a\",\"timestamp\":1.5,\"props\":{\"i\":-5,"
        "\"u\":18446744073709551615,\"d\":0.1,\"t\":true,\"n\":null,\"s\":\"\xc3\xa9\"}}";
    struct fields of_json = {0}, of_msgpack = {0};
    struct rejection r;
    assert_int_equal(open_body(p, PAYLOAD_MSGPACK, (struct span){b.data, b.size}), 0);
    assert_int_equal(payload_next(p, &of_msgpack, &r), PAYLOAD_EVENT);
    struct span props = buf_span(&of_msgpack.props);
    assert_true(span_is(of_msgpack.values[FIELD_PAGE_URL].text, "/a"));
    assert_true(of_msgpack.values[FIELD_TIMESTAMP].real == 1.5);
    assert_int_equal(open_body(p, PAYLOAD_JSON, span_of(json)), 0);
    assert_int_equal(payload_next(p, &of_json, &r), PAYLOAD_EVENT);
    assert_int_equal(of_json.given, of_msgpack.given);
    if (!span_equal(buf_span(&of_json.props), props))
        fail_msg("%.*s\n%.*s", SPAN_ARGS(buf_span(&of_json.props)), SPAN_ARGS(props));
    fields_clear(&of_json);
    fields_clear(&of_msgpack);
    msgpack_sbuffer_destroy(&b);
}

static void msgpack_texts_and_numbers_are_checked_too(void **state)
{
    struct payload *p = *state;
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"\x81\xa7pageUrl\xa2/\xff", 12}, /* not UTF-8 */
        {"\x81\xa7pageUrl\xa2/\x00", 12}, /* NUL */
        {"\x81\xa7pageUrl\xc4\x01/", 12}, /* binary */
        {"\x82\xa4site\xa1"
         "a\xa4site\xa1"
         "a",
         15}, /* twice */
        {"\x81\xa5props\x81\xa1"
         "a\xcb\x7f\xf8\0\0\0\0\0\0",
         19}, /* NaN */
        {"\x81\xa5props\x81\xa1"
         "a\xd6\xff\0\0\0\0",
         16},                                  /* an extension */
        {"\x81\xa5props\x81\x01\x01", 10},     /* a key that is no string */
        {"\x81\xa5props\x81\xa1\xff\x01", 11}, /* a key that is not UTF-8 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(open_body(p, PAYLOAD_MSGPACK, (struct span){cases[i].bytes, cases[i].n}),
                         0);
        assert_string_equal(read_all(p), "r");
    }
}

static void many_events_are_only_counted(void **state)
{
    struct payload *p = *state;
    struct buf b = {0};
    for (int i = 0; i <= PAYLOAD_MAX_EVENTS; i++)
        buf_put_text(&b, "{}\n");
    assert_int_equal(open_body(p, PAYLOAD_NDJSON, buf_span(&b)), 0);
    assert_int_equal(payload_count(p), PAYLOAD_MAX_EVENTS + 1);
    buf_clear(&b);
}

/* Member after member, as `cat a.gz b.gz` makes them. */
static void compress_member(struct buf *out, struct span text)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text.p;
    z.avail_in = (uInt)text.n;
    size_t room = deflateBound(&z, text.n) + 64;
    z.next_out = buf_reserve(out, room);
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->n += room - z.avail_out;
    deflateEnd(&z);
}

static void gzip_is_read_and_bounded(void **state)
{
    (void)state;
    struct gzip *g = gzip_new();
    struct buf zip = {0}, out = {0};
    compress_member(&zip, SPAN_LITERAL("hello "));
    compress_member(&zip, SPAN_LITERAL("world"));
    assert_int_equal(gzip_inflate(g, buf_span(&zip), 11, &out), GZIP_OK);
    assert_true(span_is(buf_span(&out), "hello world"));
    buf_reset(&out);
    assert_int_equal(gzip_inflate(g, buf_span(&zip), 10, &out), GZIP_TOO_LARGE);
    for (size_t cut = 0; cut < zip.n; cut++) {
        buf_reset(&out);
        enum gzip_result result = gzip_inflate(g, (struct span){(char *)zip.p, cut}, 11, &out);
        assert_true(result == GZIP_BAD || span_is(buf_span(&out), "hello "));
    }
    buf_reset(&out);
    assert_int_equal(gzip_inflate(g, SPAN_LITERAL("{}"), 10, &out), GZIP_BAD);
    struct buf bomb = {0};
    char *zeros = mem_alloc(16 << 20);
    compress_member(&bomb, (struct span){zeros, 16 << 20});
    buf_reset(&out);
    assert_int_equal(gzip_inflate(g, buf_span(&bomb), PAYLOAD_MAX_BYTES, &out), GZIP_TOO_LARGE);
    assert_true(out.n <= PAYLOAD_MAX_BYTES + 1);
    free(zeros);
    buf_clear(&bomb);
    buf_clear(&zip);
    buf_clear(&out);
    gzip_free(g);
}

static int set_up(void **state)
{
    *state = payload_new();
    return 0;
}

static int tear_down(void **state)
{
    payload_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_body_is_one_event_or_an_array),
        cmocka_unit_test(lines_are_events_and_bad_ones_do_not_spoil_the_others),
        cmocka_unit_test(a_bad_line_is_explained),
        cmocka_unit_test(maps_come_alone_in_an_array_or_one_after_another),
        cmocka_unit_test(the_forms_agree),
        cmocka_unit_test(msgpack_texts_and_numbers_are_checked_too),
        cmocka_unit_test(many_events_are_only_counted),
        cmocka_unit_test(gzip_is_read_and_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
