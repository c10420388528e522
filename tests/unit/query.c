/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings, UTF-8 and addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/query.h"
#include "base/utf8.h"

static void utf8_is_what_rfc_3629_says(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        bool valid;
    } cases[] = {
        {SPAN_LITERAL(""), true},
        {SPAN_LITERAL("a\x7f"), true},
        {SPAN_LITERAL("\xc2\x80\xdf\xbf"), true},
        {SPAN_LITERAL("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), true},
        {SPAN_LITERAL("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), true},
        {SPAN_LITERAL("\x80"), false},
        {SPAN_LITERAL("\xc0\x80"), false},
        {SPAN_LITERAL("\xc1\xbf"), false},
        {SPAN_LITERAL("\xe0\x9f\xbf"), false},
        {SPAN_LITERAL("\xed\xa0\x80"), false},
        {SPAN_LITERAL("\xf0\x8f\xbf\xbf"), false},
        {SPAN_LITERAL("\xf4\x90\x80\x80"), false},
        {SPAN_LITERAL("\xf8\x88\x80\x80\x80"), false},
        {SPAN_LITERAL("\xff"), false},
        {SPAN_LITERAL("a\xc3"), false},
        {SPAN_LITERAL("\xe2\x82"), false},
        {SPAN_LITERAL("\xe2\x82"
                      "a"),
         false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (utf8_valid(cases[i].text) != cases[i].valid)
            fail_msg("case %zu", i);
    assert_true(utf8_valid(SPAN_LITERAL("a\0b")));
    assert_false(utf8_text(SPAN_LITERAL("a\0b")));
    assert_true(utf8_text(SPAN_ABSENT));
}

static int parse(struct query *q, struct span raw)
{
    static struct query_param params[QUERY_MAX_PARAMS];
    static char text[4096];
    return query_parse(q, raw, params, text, NULL);
}

static void a_query_keeps_order_and_empty_parts(void **state)
{
    (void)state;
    struct query q;
    assert_int_equal(parse(&q, SPAN_LITERAL("a=1&a&=&b==c&&d=%26%3D")), 0);
    assert_int_equal(q.n, 4);
    assert_true(span_is(q.params[0].name, "a") && span_is(q.params[0].value, "1"));
    assert_true(span_is(q.params[1].name, "a") && span_is(q.params[1].value, ""));
    assert_true(span_is(q.params[2].name, "b") && span_is(q.params[2].value, "=c"));
    assert_true(span_is(q.params[3].name, "d") && span_is(q.params[3].value, "&="));
    assert_int_equal(parse(&q, SPAN_ABSENT), 0);
    assert_int_equal(q.n, 0);
}

static void room_is_never_less_than_what_parsing_fills(void **state)
{
    (void)state;
    char raw[2 * QUERY_MAX_PARAMS + 8] = "";
    for (size_t n = 0; n < QUERY_MAX_PARAMS + 2; n++) {
        struct query q;
        struct span s = {raw, 2 * n};
        int failed = parse(&q, s);
        assert_int_equal(failed, n > QUERY_MAX_PARAMS ? -1 : 0);
        assert_true(q.n <= query_room(s));
        raw[2 * n] = 'a';
        raw[2 * n + 1] = '&';
    }
}

static void hops_are_read_as_proxies_write_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {" 192.0.2.1\t", "192.0.2.1"},
        {"192.0.2.1:80", "192.0.2.1"},
        {"2001:DB8:0::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"[::ffff:192.0.2.1]:1", "192.0.2.1"},
        {"", NULL},
        {"unknown", NULL},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"[2001:db8::1", NULL},
        {"2001:db8::1%eth0", NULL},
        {"_hidden", NULL},
        {"1.2.3.4.5", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        char text[ADDRESS_TEXT_BYTES];
        int failed = address_parse_hop(span_of(cases[i][0]), &a);
        assert_int_equal(failed, cases[i][1] == NULL ? -1 : 0);
        if (failed != 0)
            continue;
        assert_int_equal(address_format(text, &a), strlen(cases[i][1]));
        assert_string_equal(text, cases[i][1]);
    }
}

static bool has(const struct network_list *l, const char *text)
{
    struct address a;
    assert_int_equal(address_parse(span_of(text), &a), 0);
    return network_list_has(l, &a);
}

static void networks_hold_their_addresses_and_no_others(void **state)
{
    (void)state;
    struct network_list l;
    struct err e = {0};
    assert_int_equal(network_list_parse(&l, " 10.0.0.0/8,192.0.2.128/25 ,2001:db8::/33,::1,", &e),
                     0);
    assert_int_equal(l.n, 4);
    assert_true(has(&l, "10.255.0.1") && !has(&l, "11.0.0.0") && !has(&l, "9.255.255.255"));
    assert_true(has(&l, "192.0.2.128") && has(&l, "192.0.2.255") && !has(&l, "192.0.2.127"));
    assert_true(has(&l, "2001:db8:7fff::1") && !has(&l, "2001:db8:8000::1"));
    assert_true(has(&l, "::1") && !has(&l, "::2") && !has(&l, "::a00:1"));
    network_list_clear(&l);
    assert_int_equal(network_list_parse(&l, "0.0.0.0/0", &e), 0);
    assert_true(has(&l, "1.2.3.4") && !has(&l, "2001:db8::1"));
    network_list_clear(&l);
    assert_int_equal(network_list_parse(&l, NULL, &e), 0);
    assert_false(has(&l, "1.2.3.4"));
    static const char *const bad[] = {"10.0.0.0/",   "10.0.0.0/33",   "::/129",       "a/8",
                                      "10.0.0.0/-1", "10.0.0.0/8 /8", "10.0.0.0/1000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err_clear(&e);
        assert_int_equal(network_list_parse(&l, bad[i], &e), -1);
        assert_non_null(strstr(e.text, "is not an address or a network"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
        cmocka_unit_test(a_query_keeps_order_and_empty_parts),
        cmocka_unit_test(room_is_never_less_than_what_parsing_fills),
        cmocka_unit_test(hops_are_read_as_proxies_write_them),
        cmocka_unit_test(networks_hold_their_addresses_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
