/* SPDX-License-Identifier: Apache-2.0 */
/* What signing in and the cookie rest on, without a service: cookies, origins, names, the one-time
 * code, the bound on attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "api/cookie.h"
#include "api/origin.h"
#include "api/sign_in_code.h"
#include "api/sign_in_rate.h"
#include "base/clock.h"

/* ------------------------------------------------------------------ cookies */

static void a_cookie_is_found_among_others_and_in_disorder(void **state)
{
    static const struct {
        const char *header;
        unsigned n;
        const char *value; /* NULL: there is none */
    } cases[] = {
        {"s=1", 0, "1"},
        {"s=1", 1, NULL},
        {"a=0; s=1; b=2", 0, "1"},
        {"a=0;s=1;b=2", 0, "1"},
        {"  s = 1 ;", 0, "1"},
        {"s=", 0, ""},
        {"s=a=b", 0, "a=b"},
        {"s=\"1\"", 0, "\"1\""},
        {"s=1; s=2", 1, "2"},
        {"s", 0, NULL},
        {"s; s=1", 0, "1"},
        {"ss=1; S=2; xs=3; s2=4", 0, NULL},
        {"=s; =; ;;; s=1", 0, "1"},
        {"a=s=1", 0, NULL},
        {"", 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span found = cookie_find(span_of(cases[i].header), "s", cases[i].n);
        if (cases[i].value == NULL ? !span_absent(found) : !span_is(found, cases[i].value))
            fail_msg("%s", cases[i].header);
    }
    assert_true(span_absent(cookie_find(SPAN_ABSENT, "s", 0)));
}

/* ------------------------------------------------------------------ origins */

static void an_origin_is_the_same_when_host_and_port_are(void **state)
{
    static const struct {
        const char *origin, *host;
        enum origin_kind kind;
    } cases[] = {
        {"http://a.example", "a.example", ORIGIN_SAME},
        {"https://a.example", "a.example", ORIGIN_SAME},
        {"https://A.Example", "a.eXample", ORIGIN_SAME},
        {"HTTP://a.example", "a.example", ORIGIN_SAME},
        {"http://a.example:80", "a.example", ORIGIN_SAME},
        {"http://a.example", "a.example:80", ORIGIN_SAME},
        {"https://a.example", "a.example:443", ORIGIN_SAME},
        {"https://a.example:443", "a.example", ORIGIN_SAME},
        {"http://a.example:8080", "a.example:8080", ORIGIN_SAME},
        {"http://127.0.0.1:8080", "127.0.0.1:8080", ORIGIN_SAME},
        {"http://[::1]:8080", "[::1]:8080", ORIGIN_SAME},
        {"http://[2001:DB8::1]", "[2001:db8::1]", ORIGIN_SAME},
        {"https://a.example", "a.example:80", ORIGIN_OTHER},
        {"http://a.example", "a.example:443", ORIGIN_OTHER},
        {"http://a.example:8080", "a.example", ORIGIN_OTHER},
        {"http://a.example", "a.example:8080", ORIGIN_OTHER},
        {"http://a.example:8081", "a.example:8080", ORIGIN_OTHER},
        {"http://b.example", "a.example", ORIGIN_OTHER},
        {"http://x.a.example", "a.example", ORIGIN_OTHER},
        {"http://a.example.b.example", "a.example", ORIGIN_OTHER},
        {"http://a.example", "", ORIGIN_OTHER},
        {"null", "null", ORIGIN_OTHER},
        {"", "", ORIGIN_OTHER},
        {"http://", "", ORIGIN_OTHER},
        {"file://a.example", "a.example", ORIGIN_OTHER},
        {"a.example", "a.example", ORIGIN_OTHER},
        {"http://a.example/", "a.example", ORIGIN_OTHER},
        {"http://a.example/", "a.example/", ORIGIN_OTHER},
        {"http://u@a.example", "a.example", ORIGIN_OTHER},
        {"http://u@a.example", "u@a.example", ORIGIN_OTHER},
        {"http://a.example:", "a.example", ORIGIN_OTHER},
        {"http://a.example:8o", "a.example:8o", ORIGIN_OTHER},
        {"http://a.example:99999", "a.example:99999", ORIGIN_OTHER},
        {"http://a.example:4294967376", "a.example:80", ORIGIN_OTHER},
        {"http://a.example http://b.example", "a.example", ORIGIN_OTHER},
        {"http://[::1", "[::1", ORIGIN_OTHER},
        {"http://[a.example]", "[a.example]", ORIGIN_OTHER},
        {"http://[::1]x", "[::1]x", ORIGIN_OTHER},
        {"http://::1", "[::1]", ORIGIN_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (origin_compare(span_of(cases[i].origin), span_of(cases[i].host)) != cases[i].kind)
            fail_msg("%s at %s", cases[i].origin, cases[i].host);
    assert_int_equal(origin_compare(SPAN_ABSENT, SPAN_LITERAL("a.example")), ORIGIN_NONE);
    assert_int_equal(origin_compare(SPAN_LITERAL("http://a.example"), SPAN_ABSENT), ORIGIN_OTHER);
    assert_true(origin_is_https(SPAN_LITERAL("HTTPS://a.example")));
    assert_false(origin_is_https(SPAN_LITERAL("http://a.example")));
    assert_false(origin_is_https(SPAN_ABSENT));
}

/* ------------------------------------------------------------------ names */

static void expect_names(struct host_names *h, const char *const *names, bool known)
{
    for (; *names != NULL; names++)
        if (host_names_have(h, span_of(*names)) != known)
            fail_msg("%s is %s", *names, known ? "not known" : "known");
}

static void addresses_localhost_the_machine_and_what_is_listed_are_known(void **state)
{
    static const char *const known[] = {"127.0.0.1",
                                        "192.0.2.7:8080",
                                        "[::1]",
                                        "[2001:db8::1]:443",
                                        "localhost",
                                        "LocalHost:8080",
                                        "localhost.",
                                        "stats.localhost",
                                        "box",
                                        "BOX:80",
                                        "box.",
                                        "stats.example.com",
                                        "Stats.Example.Com:443",
                                        "stats.example.com.",
                                        "b.example",
                                        NULL};
    static const char *const unknown[] = {"",
                                          "evil.example",
                                          "example.com",
                                          "x.stats.example.com",
                                          "stats.example.co",
                                          "localhost.evil.example",
                                          "xlocalhost",
                                          ".localhost",
                                          "127.0.0.1.evil.example",
                                          "127.0.0.256",
                                          "[::1",
                                          "::1",
                                          "[localhost]",
                                          "[127.0.0.1]",
                                          "box.evil.example",
                                          "box,b.example",
                                          " b.example",
                                          "b.example:x",
                                          "stats.example.com/",
                                          NULL};
    struct host_names *h = host_names_new("box");
    struct err e = {0};
    (void)state;
    assert_int_equal(host_names_set(h, "stats.example.com , B.example.", &e), 0);
    expect_names(h, known, true);
    expect_names(h, unknown, false);
    assert_false(host_names_have(h, SPAN_ABSENT));
    assert_int_equal(host_names_set(h, "c.example", &e), 0);
    assert_true(host_names_have(h, SPAN_LITERAL("c.example")));
    assert_false(host_names_have(h, SPAN_LITERAL("b.example")));
    assert_int_equal(host_names_set(h, NULL, &e), 0);
    assert_false(host_names_have(h, SPAN_LITERAL("c.example")));
    host_names_free(h);
    host_names_free(NULL);
}

static void a_list_of_names_with_a_mistake_changes_nothing(void **state)
{
    static const char *const wrong[] = {"https://c.example", "c.example:443", "a b", "a,,b",
                                        "*.c.example"};
    struct host_names *h = host_names_new(NULL);
    (void)state;
    assert_int_equal(host_names_set(h, "a.example", NULL), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err e = {0};
        if (host_names_set(h, wrong[i], &e) == 0 || e.kind != ERR_INPUT)
            fail_msg("%s", wrong[i]);
    }
    assert_true(host_names_have(h, SPAN_LITERAL("a.example")));
    assert_false(host_names_have(h, SPAN_LITERAL("c.example")));
    host_names_free(h);
}

/* ------------------------------------------------------------------ the code */

static void a_code_signs_in_once_within_a_day(void **state)
{
    struct sign_in_code *c = sign_in_code_new();
    char first[SIGN_IN_CODE_BYTES], second[SIGN_IN_CODE_BYTES];
    int64_t id;
    (void)state;
    assert_false(sign_in_code_take(c, SPAN_LITERAL(""), 5, &id));
    assert_int_equal(sign_in_code_make(c, 7, 5, first, NULL), 0);
    assert_int_equal(strlen(first), 2 * SIGN_IN_CODE_RANDOM_BYTES);
    assert_false(sign_in_code_take(c, SPAN_LITERAL(""), 5, &id));
    assert_false(sign_in_code_take(c, (struct span){first, strlen(first) - 1}, 5, &id));
    assert_false(sign_in_code_take(c, span_of(first), 5 + US_PER_DAY, &id));
    assert_true(sign_in_code_take(c, span_of(first), 4 + US_PER_DAY, &id));
    assert_int_equal(id, 7);
    assert_false(sign_in_code_take(c, span_of(first), 5, &id));
    sign_in_code_give_back(c);
    assert_true(sign_in_code_take(c, span_of(first), 5, &id));
    assert_int_equal(sign_in_code_make(c, 8, 5, second, NULL), 0);
    assert_string_not_equal(first, second);
    assert_false(sign_in_code_take(c, span_of(first), 5, &id));
    assert_true(sign_in_code_take(c, span_of(second), 5, &id));
    assert_int_equal(id, 8);
    sign_in_code_free(c);
}

/* ------------------------------------------------------------------ attempts */

static void attempts_come_in_a_burst_then_one_a_second(void **state)
{
    static const struct span one = SPAN_LITERAL("192.0.2.1"), other = SPAN_LITERAL("192.0.2.2");
    struct sign_in_rate *s = sign_in_rate_new();
    int64_t now = 1000 * US_PER_SECOND;
    (void)state;
    for (int i = 0; i < SIGN_IN_BURST; i++)
        assert_int_equal(sign_in_rate_take(s, one, now), 0);
    for (int i = 0; i < 3; i++) /* a refused one costs nothing */
        assert_int_equal(sign_in_rate_take(s, one, now), 1);
    assert_int_equal(sign_in_rate_take(s, other, now), 0);
    assert_int_equal(sign_in_rate_take(s, one, now + US_PER_SECOND), 0);
    assert_int_equal(sign_in_rate_take(s, one, now + US_PER_SECOND), 1);
    now += 3600 * US_PER_SECOND;
    for (int i = 0; i < SIGN_IN_BURST; i++)
        assert_int_equal(sign_in_rate_take(s, one, now), 0);
    assert_int_equal(sign_in_rate_take(s, one, now), 1);
    sign_in_rate_free(s);
}

static void addresses_of_one_ipv6_network_are_one_client(void **state)
{
    struct sign_in_rate *s = sign_in_rate_new();
    char text[64];
    (void)state;
    for (int i = 0; i < SIGN_IN_BURST; i++) {
        snprintf(text, sizeof text, "2001:db8::%x", i);
        assert_int_equal(sign_in_rate_take(s, span_of(text), 1), 0);
    }
    assert_int_equal(sign_in_rate_take(s, SPAN_LITERAL("2001:db8::ffff"), 1), 1);
    sign_in_rate_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_is_found_among_others_and_in_disorder),
        cmocka_unit_test(an_origin_is_the_same_when_host_and_port_are),
        cmocka_unit_test(addresses_localhost_the_machine_and_what_is_listed_are_known),
        cmocka_unit_test(a_list_of_names_with_a_mistake_changes_nothing),
        cmocka_unit_test(a_code_signs_in_once_within_a_day),
        cmocka_unit_test(attempts_come_in_a_burst_then_one_a_second),
        cmocka_unit_test(addresses_of_one_ipv6_network_are_one_client),
    };
    return cmocka_run_group_tests_name("sign-in", tests, NULL, NULL);
}
