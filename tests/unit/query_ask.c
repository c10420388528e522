/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "api/query_ask.h"
#include "base/mem.h"

#define NOW_US (INT64_C(1764158400) * US_PER_SECOND) /* 2025-11-26 12:00 UTC */

static struct zones *zones;

static int load(void **state)
{
    struct err e = {0};
    (void)state;
    return zones_load(&zones, ZONES_FOLDER, &e);
}

static int unload(void **state)
{
    (void)state;
    zones_free(zones);
    return 0;
}

static int parse(struct query_ask *out, struct buf *sql, const char *body, struct refusal *e)
{
    const struct query_ask_context context = {zones, NOW_US};
    return query_ask_parse(out, sql, span_of(body), &context, e);
}

static void all_members_are_understood(void **state)
{
    (void)state;
    struct query_ask ask;
    struct buf sql = {0};
    struct refusal e = {0};
    assert_int_equal(
        parse(&ask, &sql,
              "{\"sql\": \"SELECT \\\"count\\\"(*)\\nFROM events\", \"site\": \"a.example\","
              " \"from\": 1764150000, \"to\": \"2025-11-26T12:00:00.25+01:00\","
              " \"step\": \"6h\", \"tz\": \"Europe/Berlin\", \"order\": \"-n\", \"limit\": 5,"
              " \"offset\": 2}",
              &e),
        0);
    assert_true(span_is(buf_span(&sql), "SELECT \"count\"(*)\nFROM events"));
    assert_string_equal(ask.site, "a.example");
    assert_int_equal(ask.range_us[0], INT64_C(1764150000) * US_PER_SECOND);
    assert_int_equal(ask.range_us[1], NOW_US - US_PER_HOUR + US_PER_SECOND / 4);
    assert_string_equal(zone_name(ask.zone), "Europe/Berlin");
    assert_true(ask.has_step && ask.step.kind == STEP_FIXED);
    assert_int_equal(ask.step.us, 6 * US_PER_HOUR);
    assert_string_equal(ask.order, "-n");
    assert_string_equal(ask.limit, "5");
    assert_string_equal(ask.offset, "2");
    buf_clear(&sql);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct query_ask ask;
    struct buf sql = {0};
    struct refusal e = {0};
    assert_int_equal(parse(&ask, &sql, "{\"sql\": \"SELECT\", \"tz\": null}", &e), 0);
    assert_string_equal(ask.site, "");
    assert_int_equal(ask.range_us[1], NOW_US);
    assert_int_equal(ask.range_us[0], NOW_US - US_PER_DAY);
    assert_string_equal(zone_name(ask.zone), "UTC");
    assert_false(ask.has_step);
    assert_string_equal(ask.order, "");
    assert_string_equal(ask.limit, "");
    buf_clear(&sql);
}

static void a_range_that_ends_on_the_first_day_of_all_begins_with_it(void **state)
{
    (void)state;
    struct query_ask ask;
    struct buf sql = {0};
    struct refusal e = {0};
    assert_int_equal(parse(&ask, &sql, "{\"sql\": \"SELECT\", \"to\": 60}", &e), 0);
    assert_int_equal(ask.range_us[0], 0);
    assert_int_equal(ask.range_us[1], US_PER_MINUTE);
    buf_clear(&sql);
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"", ""},
        {"[]", ""},
        {"\"sql\"", ""},
        {"{\"sql\": \"SELECT\"", ""},
        {"{\"sql\": \"SELECT\\u0000\"}", ""},
        {"{}", "sql"},
        {"{\"sql\": null}", "sql"},
        {"{\"sql\": \"\"}", "sql"},
        {"{\"sql\": [\"SELECT\"]}", "sql"},
        {"{\"sql\": \"SELECT\", \"sql\": \"SELECT\"}", "sql"},
        {"{\"sql\": \"SELECT\", \"tz\": null, \"tz\": null}", "tz"},
        {"{\"sql\": \"SELECT\", \"query\": 1}", "query"},
        {"{\"sql\": \"SELECT\", \"site\": 1}", "site"},
        {"{\"sql\": \"SELECT\", \"from\": 1.5}", "from"},
        {"{\"sql\": \"SELECT\", \"from\": true}", "from"},
        {"{\"sql\": \"SELECT\", \"from\": -1}", "from"},
        {"{\"sql\": \"SELECT\", \"to\": \"yesterday\"}", "to"},
        {"{\"sql\": \"SELECT\", \"to\": 99999999999999}", "to"},
        {"{\"sql\": \"SELECT\", \"from\": 20, \"to\": 20}", "from"},
        {"{\"sql\": \"SELECT\", \"tz\": \"Mars\"}", "tz"},
        {"{\"sql\": \"SELECT\", \"step\": \"often\"}", "step"},
        {"{\"sql\": \"SELECT\", \"step\": 60}", "step"},
        {"{\"sql\": \"SELECT\", \"limit\": \"5\"}", "limit"},
        {"{\"sql\": \"SELECT\", \"limit\": 1e3}", "limit"},
        {"{\"sql\": \"SELECT\", \"limit\": 123456789012345678901234567890}", "limit"},
        {"{\"sql\": \"SELECT\", \"offset\": {}}", "offset"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query_ask ask;
        struct buf sql = {0};
        struct refusal e = {0};
        if (parse(&ask, &sql, cases[i].body, &e) == 0)
            fail_msg("%s is taken", cases[i].body);
        assert_int_equal(e.err.kind, ERR_INPUT);
        assert_string_equal(e.field, cases[i].field);
        assert_true(e.err.text[0] != '\0');
        buf_clear(&sql);
    }
}

static void texts_are_bounded(void **state)
{
    (void)state;
    static const char *const members[] = {"site", "order"};
    for (int i = 0; i < 2; i++) {
        struct query_ask ask;
        struct buf sql = {0};
        struct refusal e = {0};
        char *long_text = mem_alloc(QUERY_ORDER_BYTES + 1);
        memset(long_text, 'x', QUERY_ORDER_BYTES);
        char *body = mem_format("{\"sql\": \"SELECT\", \"%s\": \"%s\"}", members[i], long_text);
        assert_int_equal(parse(&ask, &sql, body, &e), -1);
        assert_string_equal(e.field, members[i]);
        free(body);
        free(long_text);
        buf_clear(&sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_members_are_understood),
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(a_range_that_ends_on_the_first_day_of_all_begins_with_it),
        cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
        cmocka_unit_test(texts_are_bounded),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
