/* SPDX-License-Identifier: Apache-2.0 */
/* Events as log cat and GET /v1/log show them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pack.h"
#include "log/event_json.h"
#include "log/log.h"

static void show(const struct event *e, void (*put)(struct buf *, const struct event_row *),
                 struct buf *out)
{
    struct batch *b = batch_new();
    struct log_slice slice;
    struct event_row row;
    batch_add(b, e);
    batch_slice(b, &slice);
    slice.first_seq = 41;
    struct slice_cursor c = slice_cursor_of(&slice);
    assert_true(slice_next(&c, &row));
    put(out, &row);
    batch_free(b);
}

static struct event full_event(void)
{
    struct event e = {
        .id = {0x01, 0x94, 0x0b, 0x6e, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff},
        .time_us = INT64_C(1763863200123456),
        .received_us = INT64_C(1763863201000000),
        .type = SPAN_LITERAL("PageViewEvent"),
        .site = SPAN_LITERAL("example.com"),
        .host = SPAN_LITERAL("example.com"),
        .path = SPAN_LITERAL("/a \"b\""),
        .query = SPAN_LITERAL("x=1"),
        .region = SPAN_LITERAL("ZZ"),
        .visitor = 0xabc,
        .props = SPAN_LITERAL("{\"n\": 1.5, \"t\": \"x\", \"z\": null}"),
        .token = 9,
        .ip = SPAN_LITERAL("192.0.2.0"),
    };
    return e;
}

static void an_event_is_one_json_object_without_its_absent_fields(void **state)
{
    (void)state;
    struct event e = full_event();
    struct buf out = {0};
    show(&e, event_json_put, &out);
    buf_put_byte(&out, '\0');
    assert_string_equal(
        out.p, "{\"partition\":0,\"seq\":41,\"eventId\":\"01940b6e-0000-7000-8000-0000000000ff\","
               "\"eventType\":\"PageViewEvent\",\"timestamp\":\"2025-11-23T02:00:00.123456Z\","
               "\"receivedAt\":\"2025-11-23T02:00:01.000000Z\",\"site\":\"example.com\","
               "\"host\":\"example.com\",\"path\":\"/a \\\"b\\\"\",\"query\":\"x=1\","
               "\"visitor\":\"0000000000000abc\",\"region\":\"ZZ\",\"bot\":false,"
               "\"props\":{\"n\": 1.5, \"t\": \"x\", \"z\": null},\"ipAddress\":\"192.0.2.0\","
               "\"pageUrl\":\"https://example.com/a \\\"b\\\"?x=1\"}");
    buf_clear(&out);
}

static void a_page_without_host_is_shown_by_its_path(void **state)
{
    (void)state;
    struct event e = full_event();
    struct buf out = {0};
    e.host = SPAN_ABSENT;
    e.query = SPAN_ABSENT;
    show(&e, event_json_put, &out);
    buf_put_byte(&out, '\0');
    assert_non_null(strstr((const char *)out.p, "\"pageUrl\":\"/a \\\"b\\\"\"}"));
    assert_null(strstr((const char *)out.p, "\"host\""));
    buf_clear(&out);
}

static void messagepack_holds_the_same_fields(void **state)
{
    (void)state;
    struct event e = full_event();
    struct buf out = {0};
    e.props = SPAN_LITERAL("{\"k\": true}");
    show(&e, event_json_pack, &out);
    struct span in = buf_span(&out), text;
    int64_t number;
    assert_int_equal(out.p[0], 0xde); /* map of 16 and more */
    assert_int_equal(out.p[2], 16);
    in.p += 3;
    in.n -= 3;
    assert_true(pack_read_text(&in, &text) && span_is(text, "partition"));
    assert_true(pack_read_int(&in, &number) && number == 0);
    assert_true(pack_read_text(&in, &text) && span_is(text, "seq"));
    assert_true(pack_read_int(&in, &number) && number == 41);
    assert_true(pack_read_text(&in, &text) && span_is(text, "eventId"));
    assert_true(pack_read_text(&in, &text) &&
                span_is(text, "01940b6e-0000-7000-8000-0000000000ff"));
    assert_non_null(memmem(out.p, out.n, "\xa5props\x81\xa1k\xc3", 10));
    assert_non_null(memmem(out.p, out.n,
                           "\xa3"
                           "bot\xc2",
                           5));
    buf_clear(&out);
}

static void the_answer_to_a_request_is_the_contracts(void **state)
{
    (void)state;
    struct buf out = {0};
    struct append_request r = {.accepted = 2,
                               .duplicates = 1,
                               .first_seq = 1041,
                               .rejected_json = SPAN_LITERAL("[{\"index\": 3}]")};
    append_answer_json(&out, &r);
    assert_true(span_is(buf_span(&out), "{\"accepted\": 2, \"duplicates\": 1, \"rejected\": "
                                        "[{\"index\": 3}], \"partition\": 0, \"first_seq\": 1041, "
                                        "\"last_seq\": 1042}"));
    buf_reset(&out);
    append_answer_json(&out, &(struct append_request){.duplicates = 1});
    assert_true(span_is(buf_span(&out),
                        "{\"accepted\": 0, \"duplicates\": 1, \"rejected\": [], "
                        "\"partition\": 0, \"first_seq\": null, \"last_seq\": null}"));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_json_object_without_its_absent_fields),
        cmocka_unit_test(a_page_without_host_is_shown_by_its_path),
        cmocka_unit_test(messagepack_holds_the_same_fields),
        cmocka_unit_test(the_answer_to_a_request_is_the_contracts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
