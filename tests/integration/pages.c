/* SPDX-License-Identifier: Apache-2.0 */
/* The pages, their assets and the tracker as a browser gets them from the real service. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

enum { MAX_PLAIN = 8 << 20 };

static const char *const pages[] = {"/", "/system", "/sign-in"};
enum { N_PAGES = sizeof(pages) / sizeof(pages[0]) };

static struct support_answer ask(const char *method, const char *path, const char *header,
                                 const char *other_header)
{
    char *url = mem_format("%s%s", rig()->footfall.url, path);
    struct support_answer a = support_http(
        &(struct support_http){.method = method, .url = url, .headers = {header, other_header}});
    free(url);
    return a;
}

static void expect_header(const struct support_answer *a, const char *name, const char *value)
{
    struct span found = support_header(a, name);
    if (!span_is(found, value))
        fail_msg("%s: %.*s, not %s", name, SPAN_ARGS(found), value);
}

/* ------------------------------------------------------------------ what pages name */

/* The next address of an asset in the page from *at on; NULL at the end. Free it. */
static char *next_asset(const char **at)
{
    const char *start = strstr(*at, "\"/assets/");
    if (start == NULL)
        return NULL;
    size_t n = strcspn(start + 1, "\"");
    *at = start + 1 + n;
    return mem_copy_span((struct span){start + 1, n});
}

static void check_asset(const char *page, const char *path)
{
    struct support_answer a = ask(NULL, path, NULL, NULL);
    if (a.status != 200 || a.body.n == 0)
        fail_msg("%s names %s: %d", page, path, a.status);
    expect_header(&a, "cache-control", "public, max-age=31536000, immutable");
    expect_header(&a, "x-content-type-options", "nosniff");
    expect_header(&a, "cross-origin-resource-policy", "same-origin");
    assert_false(span_absent(support_header(&a, "content-type")));
    support_answer_clear(&a);
}

static void pages_name_assets_that_are_there(void **state)
{
    (void)state;
    for (int i = 0; i < N_PAGES; i++) {
        struct support_answer a = ask(NULL, pages[i], NULL, NULL);
        const char *at = (const char *)a.body.p;
        unsigned n = 0;
        rig_expect(&a, 200);
        expect_header(&a, "content-type", "text/html; charset=utf-8");
        assert_null(strstr(at, "{{"));
        for (char *path; (path = next_asset(&at)) != NULL; n++) {
            check_asset(pages[i], path);
            free(path);
        }
        if (n < 3)
            fail_msg("%s names %u assets: not its script, its style and the icon", pages[i], n);
        support_answer_clear(&a);
    }
}

/* Nothing inline, so that the policy can forbid it. */
static void pages_hold_no_code_themselves(void **state)
{
    static const char *const forbidden[] = {
        "<style", " style=", " onclick=", " onload=", "http:", "https:"};
    (void)state;
    for (int i = 0; i < N_PAGES; i++) {
        struct support_answer a = ask(NULL, pages[i], NULL, NULL);
        const char *text = (const char *)a.body.p;
        for (size_t k = 0; k < sizeof(forbidden) / sizeof(forbidden[0]); k++)
            if (strstr(text, forbidden[k]) != NULL)
                fail_msg("%s has %s", pages[i], forbidden[k]);
        for (const char *s = text; (s = strstr(s, "<script")) != NULL; s++)
            assert_non_null(strstr(s, "></script>"));
        assert_non_null(strstr(text, "<html lang=\"en\">"));
        assert_non_null(strstr(text, "name=\"viewport\""));
        assert_non_null(strstr(text, "<noscript>"));
        support_answer_clear(&a);
    }
}

static void a_page_tells_the_browser_what_it_may_do(void **state)
{
    (void)state;
    for (int i = 0; i < N_PAGES; i++) {
        struct support_answer a = ask(NULL, pages[i], NULL, NULL);
        expect_header(&a, "content-security-policy",
                      "default-src 'none'; script-src 'self'; style-src 'self'; "
                      "img-src 'self' data:; connect-src 'self'; worker-src 'self'; "
                      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        expect_header(&a, "x-content-type-options", "nosniff");
        expect_header(&a, "referrer-policy", "no-referrer");
        expect_header(&a, "cross-origin-opener-policy", "same-origin");
        expect_header(&a, "cross-origin-resource-policy", "same-origin");
        expect_header(&a, "cache-control", "no-cache");
        assert_false(span_absent(support_header(&a, "permissions-policy")));
        assert_true(span_absent(support_header(&a, "access-control-allow-origin")));
        support_answer_clear(&a);
    }
}

/* ------------------------------------------------------------------ forms */

static struct buf unpack(const struct support_answer *a)
{
    struct buf plain = {0};
    char *room = mem_alloc(MAX_PLAIN);
    z_stream z = {.next_in = a->body.p,
                  .avail_in = (uInt)a->body.n,
                  .next_out = (Bytef *)room,
                  .avail_out = MAX_PLAIN};
    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    buf_put(&plain, room, z.total_out);
    inflateEnd(&z);
    free(room);
    return plain;
}

static void what_is_compressed_is_the_same(void **state)
{
    static const char *const paths[] = {"/", "/system", "/sign-in", "/favicon.ico"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct support_answer plain = ask(NULL, paths[i], NULL, NULL);
        struct support_answer packed = ask(NULL, paths[i], "accept-encoding: br, gzip", NULL);
        struct support_answer refused = ask(NULL, paths[i], "accept-encoding: gzip;q=0, *", NULL);
        expect_header(&packed, "content-encoding", "gzip");
        expect_header(&packed, "vary", "accept-encoding");
        expect_header(&plain, "vary", "accept-encoding");
        assert_true(span_absent(support_header(&plain, "content-encoding")));
        assert_true(span_absent(support_header(&refused, "content-encoding")));
        assert_true(packed.body.n < plain.body.n);
        struct buf unpacked = unpack(&packed);
        assert_true(span_equal(buf_span(&unpacked), buf_span(&plain.body)));
        assert_true(span_equal(buf_span(&refused.body), buf_span(&plain.body)));
        buf_clear(&unpacked);
        support_answer_clear(&plain);
        support_answer_clear(&packed);
        support_answer_clear(&refused);
    }
}

static void what_the_browser_has_is_not_sent_again(void **state)
{
    static const char *const paths[] = {"/", "/track.js", "/favicon.ico"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct support_answer first = ask(NULL, paths[i], "accept-encoding: gzip", NULL);
        struct span tag = support_header(&first, "etag");
        assert_true(tag.n > 10);
        char *header = mem_format("if-none-match: %.*s", SPAN_ARGS(tag));
        struct support_answer again = ask(NULL, paths[i], header, NULL);
        rig_expect(&again, 304);
        assert_int_equal(again.body.n, 0);
        assert_true(span_equal(support_header(&again, "etag"), tag));
        assert_true(span_equal(support_header(&again, "cache-control"),
                               support_header(&first, "cache-control")));
        struct support_answer other = ask(NULL, paths[i], "if-none-match: \"another\"", NULL);
        rig_expect(&other, 200);
        free(header);
        support_answer_clear(&first);
        support_answer_clear(&again);
        support_answer_clear(&other);
    }
}

static void head_is_answered_like_get_without_the_body(void **state)
{
    (void)state;
    struct support_answer get = ask(NULL, "/", "accept-encoding: gzip", NULL);
    struct support_answer head = ask("HEAD", "/", "accept-encoding: gzip", NULL);
    rig_expect(&head, 200);
    assert_int_equal(head.body.n, 0);
    expect_header(&head, "content-encoding", "gzip");
    assert_true(span_equal(support_header(&head, "content-length"),
                           support_header(&get, "content-length")));
    support_answer_clear(&get);
    support_answer_clear(&head);
}

static void what_is_no_asset_is_not_found(void **state)
{
    static const char *const paths[] = {"/assets/none.js",       "/assets/dashboard.html",
                                        "/assets/dashboard.js",  "/assets/track.js",
                                        "/assets/..%2Ftrack.js", "/assets/licenses.txt"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct support_answer a = ask(NULL, paths[i], NULL, NULL);
        rig_expect(&a, 404);
        expect_header(&a, "content-type", "application/problem+json");
        support_answer_clear(&a);
    }
}

static void any_site_may_load_the_tracker(void **state)
{
    (void)state;
    struct support_answer a = ask(NULL, "/track.js", "origin: https://example.com", NULL);
    rig_expect(&a, 200);
    expect_header(&a, "content-type", "text/javascript; charset=utf-8");
    expect_header(&a, "cross-origin-resource-policy", "cross-origin");
    expect_header(&a, "access-control-allow-origin", "*");
    expect_header(&a, "cache-control", "public, max-age=3600");
    support_answer_clear(&a);
}

/* uPlot is MIT: its notice and its licence go with what is served. */
static void licences_are_served(void **state)
{
    (void)state;
    struct support_answer page = ask(NULL, "/", NULL, NULL);
    const char *at = strstr((const char *)page.body.p, "rel=\"license\"");
    assert_non_null(at);
    char *path = next_asset(&at);
    struct support_answer a = ask(NULL, path, NULL, NULL);
    rig_expect(&a, 200);
    assert_non_null(strstr((const char *)a.body.p, "uplot"));
    assert_non_null(strstr((const char *)a.body.p, "Permission is hereby granted"));
    free(path);
    support_answer_clear(&a);
    support_answer_clear(&page);
}

static int stop(void **state)
{
    (void)state;
    rig_clear();
    return 0;
}

/* ------------------------------------------------------------------ in a frame */

static void the_dashboard_alone_is_shown_by_origins_that_are_named(void **state)
{
    static const char *const arguments[] = {
        "--api.embed_origins", "https://intranet.example, http://127.0.0.1:3000", NULL};
    static const char *const ends[] = {"frame-ancestors https://intranet.example "
                                       "http://127.0.0.1:3000",
                                       "frame-ancestors 'none'", "frame-ancestors 'none'"};
    struct support_footfall f;
    (void)state;
    support_footfall_start(&f, NULL, arguments);
    for (int i = 0; i < N_PAGES; i++) {
        char *url = mem_format("%s%s", f.url, pages[i]);
        struct support_answer a = support_http(&(struct support_http){.url = url});
        char *policy = mem_copy_span(support_header(&a, "content-security-policy"));
        rig_expect(&a, 200);
        assert_string_equal(strstr(policy, "frame-ancestors"), ends[i]);
        expect_header(&a, "cross-origin-resource-policy", i == 0 ? "cross-origin" : "same-origin");
        free(policy);
        free(url);
        support_answer_clear(&a);
    }
    support_footfall_clear(&f);
}

static void an_origin_that_is_none_stops_the_start(void **state)
{
    struct buf said = {0};
    char *folder = support_folder();
    const char *const words[] = {"serve",
                                 "--data-dir",
                                 folder,
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--api.embed_origins",
                                 "https://a.example; script-src *",
                                 NULL};
    (void)state;
    assert_int_not_equal(support_footfall_run(NULL, &said, words), 0);
    assert_non_null(strstr((const char *)said.p, "api.embed_origins"));
    buf_clear(&said);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_name_assets_that_are_there),
        cmocka_unit_test(pages_hold_no_code_themselves),
        cmocka_unit_test(a_page_tells_the_browser_what_it_may_do),
        cmocka_unit_test(what_is_compressed_is_the_same),
        cmocka_unit_test(what_the_browser_has_is_not_sent_again),
        cmocka_unit_test(head_is_answered_like_get_without_the_body),
        cmocka_unit_test(what_is_no_asset_is_not_found),
        cmocka_unit_test(any_site_may_load_the_tracker),
        cmocka_unit_test_teardown(licences_are_served, stop),
        cmocka_unit_test(the_dashboard_alone_is_shown_by_origins_that_are_named),
        cmocka_unit_test(an_origin_that_is_none_stops_the_start),
    };
    return support_run("pages", tests, sizeof(tests) / sizeof(tests[0]));
}
