/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "views/redis_address.h"

static struct redis_address parsed(const char *uri)
{
    struct err e = {0};
    struct redis_address a;
    if (redis_address_parse(uri, &a, &e) != 0)
        fail_msg("%s: %s", uri, e.text);
    return a;
}

static void sockets_are_given_by_path(void **state)
{
    (void)state;
    static const char *const forms[] = {"/run/r.sock", "unix:/run/r.sock", "unix:///run/r.sock"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        assert_string_equal(parsed(forms[i]).socket_path, "/run/r.sock");
    assert_int_equal(parsed("unix:/run/r.sock?db=3").db, 3);
    assert_string_equal(parsed("unix:/run/r.sock?db=3").socket_path, "/run/r.sock");
}

static void hosts_have_a_port_a_login_and_a_number(void **state)
{
    (void)state;
    struct redis_address a = parsed("redis://cache.example");
    assert_string_equal(a.host, "cache.example");
    assert_int_equal(a.port, 6379);
    a = parsed("redis://me:p%40ss%3aword@[::1]:7000/12");
    assert_string_equal(a.host, "::1");
    assert_int_equal(a.port, 7000);
    assert_int_equal(a.db, 12);
    assert_string_equal(a.user, "me");
    assert_string_equal(a.password, "p@ss:word");
    a = parsed("redis://:secret@10.0.0.1:6380");
    assert_string_equal(a.user, "");
    assert_string_equal(a.password, "secret");
    assert_string_equal(a.host, "10.0.0.1");
}

static void anything_else_is_refused_without_repeating_secrets(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "localhost:6379",
                                        "redis://",
                                        "redis://host:0",
                                        "redis://h:65536",
                                        "redis://h/x",
                                        "redis://h/9999",
                                        "redis://user@h",
                                        "unix:",
                                        "unix:relative",
                                        "unix:/a?db=x",
                                        "unix:/a?x=1",
                                        "redis://[::1",
                                        "rediss://h",
                                        "redis://:a%00b@h"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err e = {0};
        struct redis_address a;
        if (redis_address_parse(wrong[i], &a, &e) == 0)
            fail_msg("%s is taken", wrong[i]);
        assert_int_equal(e.kind, ERR_INPUT);
    }
    struct err e = {0};
    struct redis_address a;
    assert_int_equal(redis_address_parse("redis://:topsecret@host:x", &a, &e), -1);
    assert_null(strstr(e.text, "topsecret"));
}

static void nothing_overflows(void **state)
{
    (void)state;
    char uri[2000];
    static const char *const starts[] = {"/", "redis://", "redis://:", "redis://u:"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        for (size_t n = 90; n < sizeof(uri) - 20; n += 7) {
            struct err e = {0};
            struct redis_address a;
            strcpy(uri, starts[i]);
            memset(uri + strlen(starts[i]), 'a', n);
            strcpy(uri + strlen(starts[i]) + n, i < 2 ? "" : "@h");
            if (redis_address_parse(uri, &a, &e) == 0)
                assert_true(n < 256);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_given_by_path),
        cmocka_unit_test(hosts_have_a_port_a_login_and_a_number),
        cmocka_unit_test(anything_else_is_refused_without_repeating_secrets),
        cmocka_unit_test(nothing_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
