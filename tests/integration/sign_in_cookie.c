/* SPDX-License-Identifier: Apache-2.0 */
/* What the cookie of one who is signed in opens, and what other pages cannot do with it. */
#include "tests/support/browser.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static void the_cookie_may_what_its_token_may(void **state)
{
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *reader = browser_make_token("{\"scope\": \"read\", \"site\": \"a.example\"}", NULL);
    char *cookie = browser_sign_in(f, reader);
    assert_int_equal(browser_get("/v1/views", cookie), 200);
    assert_int_equal(browser_get("/v1/views/pageviews/rows", cookie), 200);
    assert_int_equal(browser_get("/v1/views/pageviews/rows?site=b.example", cookie), 403);
    assert_int_equal(browser_get("/v1/admin/status", cookie), 403);
    assert_int_equal(browser_status(f, "POST", "/v1/admin/sites",
                                    HEADERS(cookie, browser()->origin, BROWSER_JSON),
                                    "{\"name\": \"b.example\"}"),
                     403);
    struct support_answer a = browser_ask(f, "GET", "/v1/session", HEADERS(cookie), NULL);
    browser_expect(&a, 200, "\"scope\":\"read\",\"site\":\"a.example\"");
    support_answer_clear(&a);
    a = browser_ask(f, "GET", "/v1/sites", HEADERS(cookie), NULL);
    assert_true(span_is(support_header(&a, "cache-control"), "no-store"));
    support_answer_clear(&a);
    free(cookie);
    cookie = browser_sign_in_admin();
    assert_int_equal(browser_get("/v1/admin/status", cookie), 200);
    assert_int_equal(browser_get("/metrics", cookie), 200);
    assert_int_equal(browser_status(f, "POST", "/v1/admin/sites",
                                    HEADERS(cookie, browser()->origin, BROWSER_JSON),
                                    "{\"name\": \"b.example\"}"),
                     200);
    free(cookie);
    free(reader);
}

static void a_bearer_wins_over_the_cookie(void **state)
{
    (void)state;
    char *reader = browser_make_token("{\"scope\": \"read\"}", NULL);
    char *auth = mem_format("authorization: Bearer %s", reader), *cookie = browser_sign_in_admin();
    const struct support_footfall *f = &browser()->footfall;
    assert_int_equal(browser_status(f, "GET", "/v1/admin/status", HEADERS(cookie, auth), NULL),
                     403);
    assert_int_equal(
        browser_status(f, "GET", "/v1/views", HEADERS(cookie, "authorization: Bearer ff_0"), NULL),
        401);
    /* a proxy's own password is no bearer */
    assert_int_equal(
        browser_status(f, "GET", "/v1/views", HEADERS(cookie, "authorization: Basic eDp5"), NULL),
        200);
    /* and a bearer needs no page */
    assert_int_equal(
        browser_status(f, "GET", "/v1/views", HEADERS(auth, "host: other.example"), NULL), 200);
    free(cookie);
    free(auth);
    free(reader);
}

static void only_pages_of_the_service_change_something(void **state)
{
    static const char body[] = "{\"name\": \"c.example\"}", path[] = "/v1/admin/sites";
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *cookie = browser_sign_in_admin();
    const char *const *const refused[] = {
        HEADERS(cookie, BROWSER_JSON),
        HEADERS(cookie, BROWSER_JSON, "origin: null"),
        HEADERS(cookie, BROWSER_JSON, "origin: http://evil.example"),
        HEADERS(cookie, BROWSER_JSON, "origin: http://127.0.0.1"),
        HEADERS(cookie, BROWSER_JSON, "origin: http://localhost"),
        HEADERS(cookie, BROWSER_JSON, browser()->origin, "origin: http://evil.example"),
        HEADERS(cookie, BROWSER_JSON, browser()->origin, "sec-fetch-site: same-site"),
        HEADERS(cookie, BROWSER_JSON, browser()->origin, "sec-fetch-site: cross-site"),
        HEADERS(cookie, browser()->origin),
        HEADERS(cookie, browser()->origin, "content-type: text/plain"),
        HEADERS(cookie, browser()->origin, "content-type: text/plain; application/json"),
        HEADERS(cookie, browser()->origin, "content-type: application/x-www-form-urlencoded"),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        browser_expect_problem(browser_ask(f, "POST", path, refused[i], body), 403, "csrf");
    assert_int_equal(
        support_sql_int(browser()->postgres, "SELECT count(*) FROM site WHERE name = 'c.example'"),
        0);
    browser_expect_problem(browser_ask(f, "DELETE", "/v1/admin/views/none", HEADERS(cookie), NULL),
                           403, "csrf");
    assert_int_equal(browser_status(f, "DELETE", "/v1/admin/views/none",
                                    HEADERS(cookie, browser()->origin), NULL),
                     404);
    assert_int_equal(browser_status(f, "POST", path,
                                    HEADERS(cookie, browser()->origin,
                                            "content-type: application/json; charset=utf-8"),
                                    body),
                     200);
    free(cookie);
}

static void the_cookie_counts_at_known_names_only(void **state)
{
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *cookie = browser_sign_in_admin();
    static const char *const known[] = {"host: stats.example.com", "host: STATS.example.com:8443",
                                        "host: localhost:1", "host: [::1]:8080"};
    static const char *const unknown[] = {"host: evil.example",
                                          "host: stats.example.com.evil.example",
                                          "host: localhost.evil.example", "host: a b"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(browser_status(f, "GET", "/v1/views", HEADERS(cookie, known[i]), NULL),
                         200);
        browser_expect_problem(
            browser_ask(f, "GET", "/v1/views", HEADERS(cookie, unknown[i]), NULL), 421,
            "unknown-host");
        browser_expect_problem(
            browser_ask(f, "GET", "/v1/session", HEADERS(cookie, unknown[i]), NULL), 421,
            "unknown-host");
        assert_int_equal(browser_status(f, "GET", "/v1/session", HEADERS(unknown[i]), NULL), 200);
    }
    assert_int_equal(browser_status(f, "POST", "/v1/admin/sites",
                                    HEADERS(cookie, BROWSER_JSON, "host: stats.example.com",
                                            "origin: https://stats.example.com"),
                                    "{\"name\": \"c.example\"}"),
                     200);
    free(cookie);
}

static void two_cookies_are_none(void **state)
{
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *cookie = browser_sign_in_admin(), *other = browser_sign_in_admin();
    const char *value = cookie + strlen("cookie: ");
    char *with_others = mem_format("cookie: a=1; %s; b=2", value);
    char *twice = mem_format("cookie: %s; %s", value, other + strlen("cookie: "));
    char *longer = mem_format("cookie: %sa", value), *cut = mem_copy_text(cookie);
    cut[strlen(cut) - 1] = '\0';
    assert_int_equal(browser_get("/v1/views", with_others), 200);
    assert_int_equal(browser_status(f, "GET", "/v1/views", HEADERS("cookie: a=1", cookie), NULL),
                     200);
    assert_int_equal(browser_get("/v1/views", twice), 401);
    assert_int_equal(browser_status(f, "GET", "/v1/views", HEADERS(cookie, other), NULL), 401);
    assert_int_equal(browser_get("/v1/views", longer), 401);
    assert_int_equal(browser_get("/v1/views", cut), 401);
    assert_int_equal(browser_get("/v1/views", "cookie: " BROWSER_COOKIE "="), 401);
    assert_int_equal(browser_get("/v1/views", "cookie: " BROWSER_COOKIE), 401);
    free(cut);
    free(longer);
    free(twice);
    free(with_others);
    free(other);
    free(cookie);
}

static void an_event_of_one_signed_in_is_one_without_a_token(void **state)
{
    static const char known[] = "{\"pageUrl\": \"http://localhost/\"}";
    static const char unknown[] = "{\"pageUrl\": \"http://never.example/\"}";
    static const char theirs[] = "{\"pageUrl\": \"http://localhost/\", \"userId\": \"x\"}";
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *cookie = browser_sign_in_admin();
    assert_int_equal(browser_status(f, "POST", "/v1/events", HEADERS(cookie, BROWSER_JSON), known),
                     202);
    assert_int_equal(browser_status(f, "POST", "/v1/events",
                                    HEADERS(cookie, "content-type: text/plain",
                                            "host: evil.example", "origin: http://localhost"),
                                    known),
                     202);
    browser_expect_problem(browser_ask(f, "POST", "/v1/events",
                                       HEADERS(cookie, BROWSER_JSON, browser()->origin), unknown),
                           403, "unknown-site");
    assert_true(browser_status(f, "POST", "/v1/events",
                               HEADERS(cookie, BROWSER_JSON, browser()->origin), theirs) != 202);
    browser_expect_problem(browser_ask(f, "GET", "/v1/sources/x", HEADERS(cookie), NULL), 401,
                           "unauthorized");
    free(cookie);
}

static void a_public_site_is_read_without_and_with_an_old_cookie(void **state)
{
    static const char path[] = "/v1/views/pageviews/rows?site=p.example";
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *cookie = browser_sign_in_admin();
    const char *const *page = HEADERS(cookie, browser()->origin, BROWSER_JSON);
    assert_int_equal(browser_status(f, "POST", "/v1/admin/sites", page,
                                    "{\"name\": \"p.example\", \"public\": true}"),
                     200);
    struct support_answer a = browser_ask(f, "GET", "/v1/sites", HEADERS(cookie), NULL);
    browser_expect(&a, 200, "{\"name\":\"p.example\",\"public\":true}");
    support_answer_clear(&a);
    assert_int_equal(browser_status(f, "GET", path, NULL, NULL), 200);
    assert_int_equal(
        browser_status(f, "DELETE", "/v1/session", HEADERS(cookie, browser()->origin), NULL), 204);
    assert_int_equal(browser_get(path, cookie), 200);
    assert_int_equal(browser_get("/v1/views/pageviews/rows?site=q.example", cookie), 401);
    char *auth = mem_format("authorization: Bearer %s", f->admin_token);
    assert_int_equal(browser_status(f, "POST", "/v1/admin/sites", HEADERS(auth, BROWSER_JSON),
                                    "{\"name\": \"p.example\", \"public\": false}"),
                     200);
    assert_int_equal(browser_status(f, "GET", path, NULL, NULL), 401);
    free(auth);
    free(cookie);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_cookie_may_what_its_token_may, browser_set_up),
        cmocka_unit_test(a_bearer_wins_over_the_cookie),
        cmocka_unit_test(only_pages_of_the_service_change_something),
        cmocka_unit_test(the_cookie_counts_at_known_names_only),
        cmocka_unit_test(two_cookies_are_none),
        cmocka_unit_test(an_event_of_one_signed_in_is_one_without_a_token),
        cmocka_unit_test_teardown(a_public_site_is_read_without_and_with_an_old_cookie,
                                  browser_tear_down),
    };
    return support_run("the cookie", tests, sizeof(tests) / sizeof(tests[0]));
}
