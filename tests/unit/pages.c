/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "api/accept.h"
#include "api/pages.h"
#include "base/buf.h"
#include "base/mem.h"

static void check_frames(const char *origins, const char *expected)
{
    struct err e = {0};
    struct span policy = {0};
    if (pages_policy(&policy, origins, &e) != 0)
        fail_msg("%s: %s", origins, e.text);
    char *text = mem_copy_span(policy), *wanted = mem_format("frame-ancestors %s", expected);
    assert_string_equal(strstr(text, "frame-ancestors"), wanted);
    assert_non_null(strstr(text, "default-src 'none'; script-src 'self'; style-src 'self'"));
    free(wanted);
    free(text);
    free((void *)(uintptr_t)policy.p);
}

static void nobody_may_frame_the_dashboard_unless_named(void **state)
{
    (void)state;
    check_frames(NULL, "'none'");
    check_frames("", "'none'");
    check_frames("  ", "'none'");
    check_frames("https://intranet.example", "https://intranet.example");
    check_frames(" https://a.example:8443 ,http://127.0.0.1:3000",
                 "https://a.example:8443 http://127.0.0.1:3000");
    check_frames("HTTPS://A-b.Example", "HTTPS://A-b.Example");
    check_frames("http://localhost", "http://localhost");
}

static void what_is_no_origin_does_not_get_into_the_policy(void **state)
{
    static const char *const bad[] = {"*",
                                      "'self'",
                                      "https:",
                                      "https://",
                                      "ftp://a.example",
                                      "a.example",
                                      "https://*",
                                      "https://*.example",
                                      "https://a.example/",
                                      "https://a.example/path",
                                      "https://user@a.example",
                                      "https://a.example:",
                                      "https://a.example:0",
                                      "https://a.example:65536",
                                      "https://a.example:123456",
                                      "https://a.example:80:80",
                                      "https://a.example:8a",
                                      "https://.example",
                                      "https://a..example",
                                      "https://a.example.",
                                      "https://-a.example",
                                      "https://a.example-",
                                      "https://[::1]",
                                      "https://a.example; script-src *",
                                      "https://a.example script-src",
                                      "https://a.example\r\nset-cookie: x",
                                      "https://a.example,",
                                      "https://a.example,,https://b.example",
                                      ",",
                                      "https://\xc3\xa4.example",
                                      "null"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        struct span policy = {0};
        if (pages_policy(&policy, bad[i], &e) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_non_null(strstr(e.text, "api.embed_origins"));
        assert_null(policy.p);
    }
}

static void a_list_of_origins_is_bounded(void **state)
{
    struct buf list = {0};
    struct err e = {0};
    struct span policy = {0};
    (void)state;
    for (int i = 0; i < 33; i++)
        buf_printf(&list, "%shttps://a%d.example", i == 0 ? "" : ",", i);
    char *text = mem_copy_span(buf_span(&list));
    assert_int_equal(pages_policy(&policy, text, &e), -1);
    *strrchr(text, ',') = '\0';
    assert_int_equal(pages_policy(&policy, text, &e), 0);
    free((void *)(uintptr_t)policy.p);
    free(text);
    buf_clear(&list);
}

static void gzip_is_for_who_accepts_it(void **state)
{
    static const struct {
        const char *header;
        bool accepted;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZIP", true},
        {"x-gzip", true},
        {"gzip, deflate, br, zstd", true},
        {"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
        {"gzip;q=0", false},
        {"gzip; q=0.000, *", false},
        {"gzip ; Q=0.001", true},
        {"*", true},
        {"*;q=0", false},
        {"identity", false},
        {"deflate, br", false},
        {"gzipped", false},
        {"*;q=0, gzip", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (accept_gzip(span_of(cases[i].header)) != cases[i].accepted)
            fail_msg("%s", cases[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_may_frame_the_dashboard_unless_named),
        cmocka_unit_test(what_is_no_origin_does_not_get_into_the_policy),
        cmocka_unit_test(a_list_of_origins_is_bounded),
        cmocka_unit_test(gzip_is_for_who_accepts_it),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
