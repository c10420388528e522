/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out with a browser: tokens and codes become cookies, which end. */
#include "tests/support/browser.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { DEADLINE_MS = 60000 };

/* ------------------------------------------------------------------ signing in */

static void a_token_becomes_a_cookie_that_pages_cannot_read(void **state)
{
    (void)state;
    struct support_answer a =
        browser_try(&browser()->footfall, "token", browser()->footfall.admin_token);
    browser_expect(&a, 200, "\"scope\":\"admin\",\"site\":null,\"expires\":\"20");
    char *set = mem_copy_span(support_header(&a, "set-cookie"));
    assert_int_equal(strcspn(set, ";"), sizeof BROWSER_COOKIE + 64);
    assert_string_equal(set + strcspn(set, ";"),
                        "; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000");
    assert_true(span_is(support_header(&a, "cache-control"), "no-store"));
    assert_true(span_is(support_header(&a, "x-content-type-options"), "nosniff"));
    assert_true(span_absent(support_header(&a, "access-control-allow-origin")));
    assert_null(strstr((char *)a.body.p, browser()->footfall.admin_token));
    char *cookie = browser_cookie(&a);
    support_answer_clear(&a);
    a = browser_ask(&browser()->footfall, "GET", "/v1/session", HEADERS(cookie), NULL);
    browser_expect(&a, 200,
                   "{\"signed_in\":true,\"scope\":\"admin\",\"site\":null,\"expires\":\"20");
    support_answer_clear(&a);
    char *stored = mem_format("SELECT count(*) FROM sign_in s WHERE s::text LIKE '%%%s%%'",
                              cookie + sizeof "cookie: " BROWSER_COOKIE);
    assert_int_equal(support_sql_int(browser()->postgres, stored), 0);
    free(stored);
    free(cookie);
    free(set);
}

static void over_https_the_cookie_is_secure(void **state)
{
    (void)state;
    char *body = mem_format("{\"token\": \"%s\"}", browser()->footfall.admin_token);
    struct support_answer a = browser_ask(
        &browser()->footfall, "POST", "/v1/session",
        HEADERS(BROWSER_JSON, "origin: https://stats.example.com", "host: stats.example.com"),
        body);
    browser_expect(&a, 200, NULL);
    char *set = mem_copy_span(support_header(&a, "set-cookie"));
    assert_non_null(strstr(set, "; Secure"));
    support_answer_clear(&a);
    free(set);
    free(body);
}

static void what_is_no_token_is_refused(void **state)
{
    (void)state;
    char *sender = browser_make_token("{\"scope\": \"ingest\"}", NULL);
    int64_t before = support_sql_int(browser()->postgres, "SELECT count(*) FROM sign_in");
    browser_expect_problem(browser_try(&browser()->footfall, "token", "ff_0"), 401, "unauthorized");
    browser_expect_problem(browser_try(&browser()->footfall, "token", ""), 401, "unauthorized");
    browser_expect_problem(browser_try(&browser()->footfall, "code", "0"), 401, "unauthorized");
    browser_expect_problem(browser_try(&browser()->footfall, "code", ""), 401, "unauthorized");
    browser_expect_problem(browser_try(&browser()->footfall, "token", sender), 403, "forbidden");
    browser_expect_problem(browser_try(&browser()->footfall, "other", "x"), 400, "bad-request");
    browser_expect_problem(
        browser_ask(&browser()->footfall, "POST", "/v1/session", HEADERS(BROWSER_JSON), "{}"), 400,
        "bad-request");
    browser_expect_problem(
        browser_ask(&browser()->footfall, "POST", "/v1/session", HEADERS(BROWSER_JSON), "[]"), 400,
        "bad-request");
    browser_expect_problem(browser_ask(&browser()->footfall, "POST", "/v1/session",
                                       HEADERS(BROWSER_JSON),
                                       "{\"token\": \"a\", \"code\": \"b\"}"),
                           400, "bad-request");
    assert_int_equal(support_sql_int(browser()->postgres, "SELECT count(*) FROM sign_in"), before);
    free(sender);
}

static void another_page_cannot_sign_someone_in(void **state)
{
    (void)state;
    char *body = mem_format("{\"token\": \"%s\"}", browser()->footfall.admin_token);
    const struct support_footfall *f = &browser()->footfall;
    browser_expect_problem(
        browser_ask(f, "POST", "/v1/session", HEADERS("content-type: text/plain"), body), 415,
        "unsupported-media-type");
    browser_expect_problem(browser_ask(f, "POST", "/v1/session", NULL, body), 415,
                           "unsupported-media-type");
    browser_expect_problem(browser_ask(f, "POST", "/v1/session",
                                       HEADERS(BROWSER_JSON, "origin: http://evil.example"), body),
                           403, "csrf");
    browser_expect_problem(
        browser_ask(f, "POST", "/v1/session", HEADERS(BROWSER_JSON, "origin: null"), body), 403,
        "csrf");
    browser_expect_problem(
        browser_ask(f, "POST", "/v1/session",
                    HEADERS(BROWSER_JSON, browser()->origin, "sec-fetch-site: cross-site"), body),
        403, "csrf");
    browser_expect_problem(
        browser_ask(f, "POST", "/v1/session", HEADERS(BROWSER_JSON, "host: evil.example"), body),
        421, "unknown-host");
    assert_int_equal(
        browser_status(f, "POST", "/v1/session",
                       HEADERS(BROWSER_JSON, browser()->origin, "sec-fetch-site: same-origin"),
                       body),
        200);
    free(body);
}

static void the_code_of_a_start_signs_in_once(void **state)
{
    (void)state;
    struct support_answer a = browser_try(&browser()->footfall, "code", browser()->code);
    browser_expect(&a, 200, "\"scope\":\"admin\",\"site\":null");
    char *cookie = browser_cookie(&a);
    support_answer_clear(&a);
    a = browser_try(&browser()->footfall, "code", browser()->code);
    browser_expect(&a, 401, "start the service again for a new one, or sign in with a token");
    support_answer_clear(&a);
    assert_int_equal(browser_get("/v1/admin/status", cookie), 200);
    assert_false(support_footfall_said(&browser()->footfall, browser()->code));
    free(cookie);
}

static void attempts_from_one_address_are_bounded(void **state)
{
    (void)state;
    char *url = mem_format("%s/v1/session", browser()->footfall.url);
    struct support_http q = {.url = url,
                             .headers = {BROWSER_JSON, "x-forwarded-for: 198.51.100.7"},
                             .body = SPAN_LITERAL("{\"token\": \"ff_0\"}")};
    struct support_answer a = support_http(&q);
    for (int i = 0; a.status == 401 && i < 5000; i++) {
        support_answer_clear(&a);
        a = support_http(&q);
    }
    browser_expect(&a, 429, "too-many-requests");
    assert_true(span_is(support_header(&a, "retry-after"), "1"));
    support_answer_clear(&a);
    browser_expect_problem(browser_try(&browser()->footfall, "token", "ff_0"), 401, "unauthorized");
    free(url);
}

/* ------------------------------------------------------------------ its end */

static void signing_out_ends_it_on_the_server(void **state)
{
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *cookie = browser_sign_in_admin(), *other = browser_sign_in_admin();
    browser_expect_problem(browser_ask(f, "DELETE", "/v1/session", HEADERS(cookie), NULL), 403,
                           "csrf");
    browser_expect_problem(browser_ask(f, "DELETE", "/v1/session",
                                       HEADERS(cookie, "origin: http://evil.example"), NULL),
                           403, "csrf");
    assert_int_equal(browser_get("/v1/views", cookie), 200);
    struct support_answer a =
        browser_ask(f, "DELETE", "/v1/session", HEADERS(cookie, browser()->origin), NULL);
    browser_expect(&a, 204, NULL);
    assert_true(span_is(support_header(&a, "set-cookie"),
                        BROWSER_COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    support_answer_clear(&a);
    assert_int_equal(browser_get("/v1/views", cookie), 401);
    assert_int_equal(browser_get("/v1/views", other), 200);
    a = browser_ask(f, "GET", "/v1/session", HEADERS(cookie), NULL);
    browser_expect(&a, 200, "{\"signed_in\":false,\"scope\":null,\"site\":null,\"expires\":null}");
    support_answer_clear(&a);
    assert_int_equal(
        browser_status(f, "DELETE", "/v1/session", HEADERS(cookie, browser()->origin), NULL), 204);
    assert_int_equal(browser_status(f, "DELETE", "/v1/session", NULL, NULL), 204);
    free(other);
    free(cookie);
}

static void signing_in_again_ends_the_one_before(void **state)
{
    (void)state;
    const struct support_footfall *f = &browser()->footfall;
    char *first = browser_sign_in_admin();
    char *body = mem_format("{\"token\": \"%s\"}", f->admin_token);
    struct support_answer a = browser_ask(f, "POST", "/v1/session",
                                          HEADERS(BROWSER_JSON, browser()->origin, first), body);
    browser_expect(&a, 200, NULL);
    char *second = browser_cookie(&a);
    assert_string_not_equal(first, second);
    assert_int_equal(browser_get("/v1/views", first), 401);
    assert_int_equal(browser_get("/v1/views", second), 200);
    support_answer_clear(&a);
    free(body);
    free(second);
    free(first);
}

static void revoking_its_token_ends_it(void **state)
{
    (void)state;
    int64_t id;
    char *reader = browser_make_token("{\"scope\": \"read\"}", &id);
    char *cookie = browser_sign_in(&browser()->footfall, reader), *admin = browser_sign_in_admin();
    char *path = mem_format("/v1/admin/tokens/%lld", (long long)id);
    assert_int_equal(browser_get("/v1/views", cookie), 200);
    assert_int_equal(browser_status(&browser()->footfall, "DELETE", path,
                                    HEADERS(admin, browser()->origin), NULL),
                     204);
    assert_int_equal(browser_get("/v1/views", cookie), 401);
    browser_expect_problem(browser_try(&browser()->footfall, "token", reader), 401, "unauthorized");
    free(path);
    free(admin);
    free(cookie);
    free(reader);
}

static bool is_signed_out(void *cookie)
{
    return browser_get("/v1/views", cookie) == 401;
}

static void it_ends_when_it_expires(void **state)
{
    (void)state;
    char *cookie = browser_sign_in_admin();
    assert_int_equal(browser_get("/v1/views", cookie), 200);
    free(support_sql(
        browser()->postgres,
        "UPDATE sign_in SET expires_at = now() WHERE id = (SELECT max(id) FROM sign_in)"));
    wait_until(DEADLINE_MS, "the session to expire", is_signed_out, cookie);
    free(cookie);
}

static void the_oldest_of_a_token_ends_beyond_a_hundred(void **state)
{
    (void)state;
    char *reader = browser_make_token("{\"scope\": \"read\"}", NULL), *cookies[102];
    for (int i = 0; i < 102; i++)
        cookies[i] = browser_sign_in(&browser()->footfall, reader);
    assert_int_equal(browser_get("/v1/views", cookies[0]), 401);
    assert_int_equal(browser_get("/v1/views", cookies[1]), 401);
    assert_int_equal(browser_get("/v1/views", cookies[2]), 200);
    assert_int_equal(browser_get("/v1/views", cookies[101]), 200);
    for (int i = 0; i < 102; i++)
        free(cookies[i]);
    free(reader);
}

/* ------------------------------------------------------------------ processes */

struct elsewhere {
    struct support_footfall footfall;
    char *cookie;
    int expected;
};

static bool is_so_elsewhere(void *arg)
{
    struct elsewhere *x = arg;
    return browser_status(&x->footfall, "GET", "/v1/views", HEADERS(x->cookie), NULL) ==
           x->expected;
}

static void another_process_knows_it_too(void **state)
{
    (void)state;
    struct elsewhere x = {.expected = 200};
    browser_start(&x.footfall, NULL, "api");
    char *code = browser_read_code(&x.footfall);
    x.cookie = browser_sign_in_admin();
    wait_until(DEADLINE_MS, "the other process to know the session", is_so_elsewhere, &x);
    assert_int_equal(browser_status(&browser()->footfall, "DELETE", "/v1/session",
                                    HEADERS(x.cookie, browser()->origin), NULL),
                     204);
    x.expected = 401;
    wait_until(DEADLINE_MS, "the other process to know its end", is_so_elsewhere, &x);
    browser_expect_problem(browser_try(&browser()->footfall, "code", code), 401, "unauthorized");
    assert_int_equal(
        browser_status(&x.footfall, "POST", "/v1/session", HEADERS(BROWSER_JSON), "{}"), 400);
    free(code);
    free(x.cookie);
    support_footfall_clear(&x.footfall);
}

static void it_outlives_a_restart_and_the_code_does_not(void **state)
{
    (void)state;
    char *cookie = browser_sign_in_admin(), *data_dir = mem_copy_text(browser()->footfall.data_dir);
    assert_int_equal(support_footfall_stop(&browser()->footfall), 0);
    support_footfall_clear(&browser()->footfall);
    browser_start(&browser()->footfall, data_dir, "ingest,views,api");
    free(browser()->code);
    free(browser()->origin);
    browser()->origin = mem_format("origin: %s", browser()->footfall.url);
    browser()->code = browser_read_code(&browser()->footfall);
    char *first = mem_copy_text(browser()->code);
    assert_int_equal(browser_get("/v1/admin/status", cookie), 200);
    assert_int_equal(support_footfall_stop(&browser()->footfall), 0);
    support_footfall_clear(&browser()->footfall);
    browser_start(&browser()->footfall, data_dir, "ingest,views,api");
    free(browser()->code);
    free(browser()->origin);
    browser()->origin = mem_format("origin: %s", browser()->footfall.url);
    browser()->code = browser_read_code(&browser()->footfall);
    browser_expect_problem(browser_try(&browser()->footfall, "code", first), 401, "unauthorized");
    assert_int_equal(browser_get("/v1/admin/status", cookie), 200);
    free(first);
    free(data_dir);
    free(cookie);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_token_becomes_a_cookie_that_pages_cannot_read, browser_set_up),
        cmocka_unit_test(over_https_the_cookie_is_secure),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(another_page_cannot_sign_someone_in),
        cmocka_unit_test(the_code_of_a_start_signs_in_once),
        cmocka_unit_test(attempts_from_one_address_are_bounded),
        cmocka_unit_test(signing_out_ends_it_on_the_server),
        cmocka_unit_test(signing_in_again_ends_the_one_before),
        cmocka_unit_test(revoking_its_token_ends_it),
        cmocka_unit_test(it_ends_when_it_expires),
        cmocka_unit_test(the_oldest_of_a_token_ends_beyond_a_hundred),
        cmocka_unit_test(another_process_knows_it_too),
        cmocka_unit_test_teardown(it_outlives_a_restart_and_the_code_does_not, browser_tear_down),
    };
    return support_run("signing in", tests, sizeof(tests) / sizeof(tests[0]));
}
