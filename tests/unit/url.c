/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ingest/url.h"

static char room[4096];

static void check(const char *name, const char *text, struct span have, const char *want)
{
    if (want == NULL ? !span_absent(have) : !span_is(have, want))
        fail_msg("%s: %s is '%.*s', not '%s'", text, name, SPAN_ARGS(have),
                 want == NULL ? "-" : want);
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *path, *query;
    } cases[] = {
        {"https://Example.COM", "example.com", "/", NULL},
        {"https://example.com./", "example.com", "/", NULL},
        {"http://user:p%40ss@example.com:8080/a/b?c=d#e", "example.com", "/a/b", "c=d"},
        {"https://a@b@c.example/x", "c.example", "/x", NULL},
        {"https://example.com?q#f?g", "example.com", "/", "q"},
        {"https://example.com#f", "example.com", "/", NULL},
        {"https://example.com/?", "example.com", "/", NULL},
        {"https://[2001:DB8::1]:443/x", "[2001:db8::1]", "/x", NULL},
        {"https://127.0.0.1:1/", "127.0.0.1", "/", NULL},
        {"https://b\xc3\xbc"
         "cher.example/\xc3\xbc",
         "b\xc3\xbc"
         "cher.example",
         "/\xc3\xbc", NULL},
        {"https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/", NULL},
        {"android-app://com.google.android.gm/", "com.google.android.gm", "/", NULL},
        {"/a/b?x=%41#y", NULL, "/a/b", "x=%41"},
        {"//wp-admin", NULL, "//wp-admin", NULL},
        {"/", NULL, "/", NULL},
        {"/?", NULL, "/", NULL},
        {"https://a_b.example/", "a_b.example", "/", NULL},
        {"http://localhost:3000/app", "localhost", "/app", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct url u;
        const char *wrong = url_split(span_of(cases[i].text), room, &u);
        if (wrong != NULL)
            fail_msg("%s: %s", cases[i].text, wrong);
        check("host", cases[i].text, u.host, cases[i].host);
        check("path", cases[i].text, u.path, cases[i].path);
        check("query", cases[i].text, u.query, cases[i].query);
    }
}

static void what_is_no_page_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "a/b",
        "example.com/x",
        "https:/x",
        "https:",
        "https://",
        "https:///x",
        "https://@/",
        "https://a b/",
        "https://a..b/",
        "https://.a/",
        "https://a:x/",
        "https://a:123456/",
        "https://[::1/",
        "https://[zz]/",
        "https://%41/",
        "data:text/html,x",
        "javascript:alert(1)",
        "1https://a/",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct url u;
        if (url_split(span_of(texts[i]), room, &u) == NULL)
            fail_msg("accepted: %s", texts[i]);
    }
}

static void control_characters_are_found(void **state)
{
    (void)state;
    assert_true(url_has_control(span_of("/a\nb")));
    assert_true(url_has_control(span_of("https://a/\x01")));
    assert_false(url_has_control(span_of("https://a/\xc3\xbc")));
}

static void a_host_may_be_253_bytes_long(void **state)
{
    (void)state;
    char text[300] = "https://";
    struct url u;
    memset(text + 8, 'a', 253);
    text[8 + 100] = '.';
    assert_null(url_split(span_of(text), room, &u));
    assert_int_equal(u.host.n, 253);
    text[8 + 253] = 'a';
    assert_non_null(url_split(span_of(text), room, &u));
}

static void campaigns_are_decoded(void **state)
{
    (void)state;
    struct url u;
    assert_null(
        url_split(span_of("/?utm_source=News+Letter&a=1&utm_medium=e%2Dmail&utm_campaign=%C3%BC&"
                          "utm_source=second"),
                  room, &u));
    check("source", "", u.utm_source, "News Letter");
    check("medium", "", u.utm_medium, "e-mail");
    check("campaign", "", u.utm_campaign, "\xc3\xbc");
    assert_null(url_split(
        span_of("/?utm_source=&utm_medium&utm_campaign=%ff&xutm_source=a&utm_term=t"), room, &u));
    check("source", "", u.utm_source, NULL);
    check("medium", "", u.utm_medium, NULL);
    check("campaign", "", u.utm_campaign, "%ff");
    assert_null(url_split(span_of("/?utm_source=%zz&utm_medium=%00"), room, &u));
    check("source", "", u.utm_source, "%zz");
    check("medium", "", u.utm_medium, "%00");
}

static void referrers_have_a_host_or_none(void **state)
{
    (void)state;
    check("host", "", url_host(span_of("https://WWW.Google.de:443/search?q=x"), room),
          "www.google.de");
    check("host", "", url_host(span_of("google.de"), room), NULL);
    check("host", "", url_host(span_of("/inside"), room), NULL);
    check("host", "", url_host(span_of("about:blank"), room), NULL);
    check("host", "", url_host(span_of(""), room), NULL);
}

static void site_names_are_domain_like(void **state)
{
    (void)state;
    check("site", "", url_site_name(span_of("My-Site.Example"), room), "my-site.example");
    check("site", "", url_site_name(span_of("localhost"), room), "localhost");
    check("site", "",
          url_site_name(span_of("b\xc3\xbc"
                                "cher.example"),
                        room),
          NULL);
    check("site", "", url_site_name(span_of("LOCALHOST:3000"), room), "localhost:3000");
    check("site", "", url_site_name(span_of("localhost:"), room), NULL);
    check("site", "", url_site_name(span_of("localhost:x"), room), NULL);
    check("site", "", url_site_name(span_of("a/b"), room), NULL);
    check("site", "", url_site_name(span_of("."), room), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(control_characters_are_found),
        cmocka_unit_test(a_host_may_be_253_bytes_long),
        cmocka_unit_test(campaigns_are_decoded),
        cmocka_unit_test(referrers_have_a_host_or_none),
        cmocka_unit_test(site_names_are_domain_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
