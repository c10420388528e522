/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of the event, through the JSON form (tests/unit/payload.c compares the forms). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ingest/event_rules.h"
#include "ingest/payload.h"

#define NOW_US INT64_C(1700000000000000) /* 2023-11-14T22:13:20Z */

struct fixture {
    struct payload *payload;
    struct fields fields;
    struct sender sender;
    struct draft draft;
    struct rejection rejection;
};

/* The first event of a JSON body; true when it is valid. */
static bool submit(struct fixture *x, const char *json)
{
    struct err e = {0};
    buf_put_text(payload_room(x->payload), json);
    if (payload_open(x->payload, PAYLOAD_JSON, &e) != 0)
        fail_msg("%s: %s", json, e.text);
    return payload_next(x->payload, &x->fields, &x->rejection) == PAYLOAD_EVENT &&
           event_rules_apply(&x->fields, &x->sender, &x->draft, &x->rejection) == 0;
}

static void check_accepted(struct fixture *x, const char *json)
{
    if (!submit(x, json))
        fail_msg("%s: %.*s %s", json, SPAN_ARGS(x->rejection.field), x->rejection.reason);
}

static void check_rejected(struct fixture *x, const char *json, const char *field,
                           const char *reason)
{
    if (submit(x, json))
        fail_msg("accepted: %s", json);
    if (!span_is(x->rejection.field, field) || strstr(x->rejection.reason, reason) == NULL)
        fail_msg("%s: %.*s %s", json, SPAN_ARGS(x->rejection.field), x->rejection.reason);
}

static void check_text(struct span have, const char *want)
{
    if (want == NULL ? !span_absent(have) : !span_is(have, want))
        fail_msg("'%.*s' is not '%s'", SPAN_ARGS(have), want == NULL ? "(absent)" : want);
}

static struct fixture *as_trusted(void **state)
{
    struct fixture *x = *state;
    x->sender = (struct sender){.trusted = true, .scope_id = 7, .received_us = NOW_US};
    return x;
}

static struct fixture *as_open(void **state)
{
    struct fixture *x = *state;
    x->sender = (struct sender){.user_agent = SPAN_LITERAL("UA"), .received_us = NOW_US};
    return x;
}

static void a_page_view_needs_only_its_page(void **state)
{
    struct fixture *x = as_open(state);
    check_accepted(x, "{\"pageUrl\":\"https://Example.com/a/b?x=1#top\"}");
    const struct event *e = &x->draft.event;
    check_text(e->type, "PageViewEvent");
    check_text(e->site, "example.com");
    check_text(e->host, "example.com");
    check_text(e->path, "/a/b");
    check_text(e->query, "x=1");
    check_text(e->referrer, NULL);
    check_text(x->draft.user_agent, "UA");
    assert_true(e->time_us == NOW_US && e->received_us == NOW_US);
    assert_false(e->id_from_client);
    assert_int_equal(e->token, 0);
}

static void the_classic_record_is_taken_whole(void **state)
{
    struct fixture *x = as_trusted(state);
    check_accepted(
        x,
        "{\"eventType\":\"PageViewEvent\",\"timestamp\":1460000000,\"ipAddress\":\"66.249.1.255\","
        "\"sessionId\":\"s1\",\"pageUrl\":\"http://hello.example/p\",\"referrer\":\"https://"
        "News.Example/x\","
        "\"browser\":\"Chrome\"}");
    const struct event *e = &x->draft.event;
    assert_true(e->time_us == INT64_C(1460000000000000));
    check_text(e->session_id, "s1");
    check_text(e->browser, "Chrome");
    check_text(e->referrer, "https://News.Example/x");
    check_text(e->referrer_host, "news.example");
    assert_true(x->draft.has_address && address_is_v4(&x->draft.address));
    check_text(x->draft.user_agent, NULL);
    assert_int_equal(e->token, 7);
}

static void an_event_without_a_page_is_refused(void **state)
{
    struct fixture *x = as_trusted(state);
    check_rejected(x, "{\"site\":\"a.example\"}", "pageUrl", "required");
    check_rejected(x, "{\"site\":\"a.example\",\"pageUrl\":null}", "pageUrl", "required");
    check_rejected(x, "{\"pageUrl\":\"https://a.example/\\n\"}", "pageUrl", "control");
    check_accepted(x, "{\"site\":\"a.example\",\"eventType\":\"Signup\"}");
    check_text(x->draft.event.path, NULL);
    check_rejected(x, "{\"site\":\"a.example\",\"pageUrl\":\"/\",\"eventType\":\"\"}", "eventType",
                   "empty");
}

#define AT(time) "{\"pageUrl\":\"https://a.example/\",\"timestamp\":" time "}"

static void times_are_seconds_or_rfc_3339(void **state)
{
    struct fixture *x = as_trusted(state);
    static const struct {
        const char *json;
        int64_t us;
    } cases[] = {
        {AT("1699999999"), NOW_US - 1000000},
        {AT("1699999999.123456"), NOW_US - 1000000 + 123456},
        {AT("1.699999999e9"), NOW_US - 1000000},
        {AT("\"2023-11-14T22:13:20Z\""), NOW_US},
        {AT("\"2023-11-14T23:13:19.5+01:00\""), NOW_US - 500000},
        {AT("631152000"), INT64_C(631152000000000)},
        {AT("1700000300"), NOW_US + 300 * US_PER_SECOND},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_accepted(x, cases[i].json);
        if (x->draft.event.time_us != cases[i].us)
            fail_msg("%s: %lld", cases[i].json, (long long)x->draft.event.time_us);
    }
}

static void wrong_times_are_refused_with_the_reason(void **state)
{
    struct fixture *x = as_trusted(state);
    check_rejected(x, AT("\"yesterday\""), "timestamp", "is not a time");
    check_rejected(x, AT("\"1700000000\""), "timestamp", "is not a time");
    check_rejected(x, AT("true"), "timestamp", "is not a time");
    check_rejected(x, AT("[1]"), "timestamp", "is not a time");
    check_rejected(x, AT("1e400"), "timestamp", "is not a time");
    check_rejected(x, AT("1e30"), "timestamp", "is not a time");
    check_rejected(x, AT("9223372036854775807"), "timestamp", "is not a time");
    check_rejected(x, AT("631151999"), "timestamp", "before 1990");
    check_rejected(x, AT("-1"), "timestamp", "before 1990");
    check_rejected(x, AT("1700000301"), "timestamp", "in the future");
    check_rejected(x, AT("1700000000000"), "timestamp", "milliseconds");
    check_rejected(x, AT("\"2023-02-30T00:00:00Z\""), "timestamp", "is not a time");
}

static void an_age_stands_in_for_a_time(void **state)
{
    struct fixture *x = as_open(state);
    check_accepted(x, "{\"pageUrl\":\"https://a.example/\",\"age\":3600000}");
    assert_true(x->draft.event.time_us == NOW_US - US_PER_HOUR);
    check_accepted(x, "{\"pageUrl\":\"https://a.example/\",\"age\":86400000}");
    check_rejected(x, "{\"pageUrl\":\"https://a.example/\",\"age\":86400001}", "age", "86400000");
    check_rejected(x, "{\"pageUrl\":\"https://a.example/\",\"age\":-1}", "age", "86400000");
    check_rejected(x, "{\"pageUrl\":\"https://a.example/\",\"age\":\"1\"}", "age", "milliseconds");
    check_rejected(x, "{\"pageUrl\":\"https://a.example/\",\"age\":1,\"timestamp\":1700000000}",
                   "age", "together");
}

static void without_a_token_visitors_are_not_described(void **state)
{
    struct fixture *x = as_open(state);
    static const char *const guarded[][2] = {
        {"ipAddress", "192.0.2.1"}, {"userAgent", "x"}, {"region", "DE"}, {"userId", "u"}};
    for (size_t i = 0; i < 4; i++) {
        char *json = mem_format("{\"pageUrl\":\"https://a.example/\",\"%s\":\"%s\"}", guarded[i][0],
                                guarded[i][1]);
        check_rejected(as_open(state), json, guarded[i][0], "ingest token");
        check_accepted(as_trusted(state), json);
        free(json);
    }
    as_open(state);
    check_rejected(x, AT("1699999699"), "timestamp", "ingest token");
    check_accepted(x, AT("1699999700"));
}

static void texts_have_their_limits_in_characters(void **state)
{
    struct fixture *x = as_trusted(state);
    static const struct {
        const char *field;
        int max;
    } limits[] = {{"eventType", 120}, {"sessionId", 128},  {"userId", 128},
                  {"referrer", 4096}, {"userAgent", 1024}, {"browser", 64}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        for (int over = 0; over <= 1; over++) {
            struct buf b = {0};
            buf_printf(&b, "{\"pageUrl\":\"https://a.example/\",\"%s\":\"", limits[i].field);
            for (int n = 0; n < limits[i].max + over; n++)
                buf_put_text(&b, "\xc3\xa9");
            buf_put(&b, "\"}", 3);
            if (over)
                check_rejected(x, (char *)b.p, limits[i].field, "longer than");
            else
                check_accepted(x, (char *)b.p);
            buf_clear(&b);
        }
}

static void empty_optional_texts_are_absent(void **state)
{
    struct fixture *x = as_open(state);
    check_accepted(
        x,
        "{\"pageUrl\":\"https://a.example/\",\"referrer\":\"\",\"sessionId\":\"\",\"userId\":\"\","
        "\"userAgent\":\"\",\"browser\":\"\",\"props\":null,\"eventId\":null}");
    check_text(x->draft.event.referrer, NULL);
    check_text(x->draft.event.session_id, NULL);
    check_text(x->draft.event.browser, NULL);
    check_text(x->draft.event.props, NULL);
}

static void sites_come_from_the_event_the_token_or_the_page(void **state)
{
    struct fixture *x = as_trusted(state);
    check_accepted(x, "{\"pageUrl\":\"https://a.example/\",\"site\":\"Shop.Example\"}");
    check_text(x->draft.event.site, "shop.example");
    check_rejected(x, "{\"pageUrl\":\"/a\"}", "site", "required");
    check_rejected(x, "{\"pageUrl\":\"https://[::1]/\"}", "site", "required");
    check_rejected(x, "{\"pageUrl\":\"/a\",\"site\":\"a b\"}", "site", "domain-like");
    check_rejected(x, "{\"pageUrl\":\"/a\",\"site\":\"\"}", "site", "domain-like");
    check_rejected(x, "{\"pageUrl\":\"/a\",\"site\":\"a..b\"}", "site", "domain-like");
    x->sender.site = SPAN_LITERAL("mine.example");
    check_accepted(x, "{\"pageUrl\":\"https://www.mine.example/\"}");
    check_text(x->draft.event.site, "mine.example");
    check_text(x->draft.event.host, "www.mine.example");
    check_rejected(x, "{\"pageUrl\":\"/\",\"site\":\"other.example\"}", "site", "of the token");
    assert_int_equal(x->rejection.why, REJECT_SITE);
}

static void ids_regions_and_addresses_are_checked(void **state)
{
    struct fixture *x = as_trusted(state);
#define WITH(rest) "{\"pageUrl\":\"https://a.example/\"," rest "}"
    check_accepted(x, WITH("\"eventId\":\"018BCFE5-687b-7000-8000-0000000000ff\""));
    assert_true(x->draft.event.id_from_client);
    assert_int_equal(x->draft.event.id[0], 1);
    assert_int_equal(x->draft.event.id[1], 0x8b);
    assert_int_equal(x->draft.event.id[15], 0xff);
    check_rejected(x, WITH("\"eventId\":\"018bcfe5687b700080000000000000ff\""), "eventId", "UUID");
    check_rejected(x, WITH("\"eventId\":\"018bcfe5-687b-7000-8000-0000000000fg\""), "eventId",
                   "UUID");
    check_accepted(x, WITH("\"region\":\"US-CA\""));
    check_accepted(x, WITH("\"region\":\"GB-ENG\""));
    check_rejected(x, WITH("\"region\":\"us\""), "region", "ISO 3166");
    check_rejected(x, WITH("\"region\":\"US-\""), "region", "ISO 3166");
    check_rejected(x, WITH("\"region\":\"USA\""), "region", "ISO 3166");
    check_rejected(x, WITH("\"region\":\"\""), "region", "ISO 3166");
    check_accepted(x, WITH("\"ipAddress\":\"2001:db8::1\""));
    check_rejected(x, WITH("\"ipAddress\":\"1.2.3\""), "ipAddress", "IP address");
    check_rejected(x, WITH("\"ipAddress\":12"), "ipAddress", "string");
}

static void unknown_and_repeated_fields_are_named(void **state)
{
    struct fixture *x = as_trusted(state);
    check_rejected(x, WITH("\"price\":1"), "price", "put it into props");
    check_rejected(x, WITH("\"pageurl\":\"/\""), "pageurl", "put it into props");
    check_rejected(x, WITH("\"browser\":\"a\",\"brow\\u0073er\":\"b\""), "browser", "twice");
    check_rejected(x, WITH("\"props\":{},\"props\":null"), "props", "twice");
    check_rejected(x, WITH("\"a\\u0000b\":1"), "", "props");
    check_rejected(x, WITH("\"sessionId\":\"a\\u0000b\""), "sessionId", "NUL");
    check_rejected(x, "[7]", "", "is not an object");
}

static void props_are_kept_as_written(void **state)
{
    struct fixture *x = as_trusted(state);
    check_accepted(
        x, WITH("\"props\": { \"price\" : 1.50, \"big\":12345678901234567890123456789012, "
                "\"e\":1e+30, \"t\":true, \"n\":null, \"s\":\"a\\\"\\u00e9\" , \"z\":-0 }"));
    check_text(x->draft.event.props,
               "{\"price\":1.50,\"big\":12345678901234567890123456789012,"
               "\"e\":1e+30,\"t\":true,\"n\":null,\"s\":\"a\\\"\xc3\xa9\",\"z\":-0}");
    check_accepted(x, WITH("\"props\":{}"));
    check_text(x->draft.event.props, "{}");
}

static void props_are_flat_and_bounded(void **state)
{
    struct fixture *x = as_trusted(state);
    check_rejected(x, WITH("\"props\":[]"), "props", "is not an object");
    check_rejected(x, WITH("\"props\":\"{}\""), "props", "is not an object");
    check_rejected(x, WITH("\"props\":{\"a\":{}}"), "props", "flat");
    check_rejected(x, WITH("\"props\":{\"a\":[1]}"), "props", "flat");
    check_rejected(x, WITH("\"props\":{\"a\":1,\"\\u0061\":1}"), "props", "twice");
    check_rejected(x, WITH("\"props\":{\"a\":\"\\u0000\"}"), "props", "NUL");
    check_rejected(x, WITH("\"props\":{\"a\":123456789012345678901234567890123}"), "props",
                   "32 digits");
    check_rejected(x, WITH("\"props\":{\"a\":1e31}"), "props", "exponent");
    check_rejected(x, WITH("\"props\":{\"a\":1e-31}"), "props", "exponent");
    check_rejected(x, WITH("\"props\":{\"a\":1e400}"), "props", "exponent");
    for (int n = 30; n <= 31; n++) {
        struct buf b = {0};
        buf_put_text(&b, "{\"pageUrl\":\"https://a.example/\",\"props\":{");
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s\"k%d\":%d", i == 0 ? "" : ",", i, i);
        buf_put(&b, "}}", 3);
        if (n == 30)
            check_accepted(x, (char *)b.p);
        else
            check_rejected(x, (char *)b.p, "props", "30 keys");
        buf_clear(&b);
    }
}

static int set_up(void **state)
{
    struct fixture *x = mem_alloc(sizeof(*x));
    x->payload = payload_new();
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    payload_free(x->payload);
    fields_clear(&x->fields);
    free(x);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_view_needs_only_its_page),
        cmocka_unit_test(the_classic_record_is_taken_whole),
        cmocka_unit_test(an_event_without_a_page_is_refused),
        cmocka_unit_test(times_are_seconds_or_rfc_3339),
        cmocka_unit_test(wrong_times_are_refused_with_the_reason),
        cmocka_unit_test(an_age_stands_in_for_a_time),
        cmocka_unit_test(without_a_token_visitors_are_not_described),
        cmocka_unit_test(texts_have_their_limits_in_characters),
        cmocka_unit_test(empty_optional_texts_are_absent),
        cmocka_unit_test(sites_come_from_the_event_the_token_or_the_page),
        cmocka_unit_test(ids_regions_and_addresses_are_checked),
        cmocka_unit_test(unknown_and_repeated_fields_are_named),
        cmocka_unit_test(props_are_kept_as_written),
        cmocka_unit_test(props_are_flat_and_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
