/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/access_log.h"

static struct arena memory;

static struct access_line parsed(const char *text, enum access_format format)
{
    struct access_line line;
    struct err e = {0};
    if (access_log_parse(span_of(text), format, &memory, &line, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return line;
}

static void assert_span(struct span s, const char *expected)
{
    char text[512];
    assert_true(s.n < sizeof(text));
    snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(s));
    assert_string_equal(text, expected);
}

#define COMBINED_TAIL " \"https://a.example/\" \"Mozilla/5.0 (X11)\""

static void a_combined_line_gives_every_field(void **state)
{
    (void)state;
    struct access_line l = parsed("203.0.113.9 - frank [17/May/2015:10:05:03 +0200] "
                                  "\"GET /a/b?c=d HTTP/1.1\" 200 2326" COMBINED_TAIL,
                                  ACCESS_COMBINED);
    char time[CLOCK_TEXT_BYTES];
    clock_format(time, l.time_us, 0);
    assert_string_equal(time, "2015-05-17T08:05:03Z");
    assert_span(l.client, "203.0.113.9");
    assert_true(l.client_is_address);
    assert_span(l.method, "GET");
    assert_span(l.target, "/a/b?c=d");
    assert_span(l.protocol, "HTTP/1.1");
    assert_int_equal(l.status, 200);
    assert_int_equal(l.bytes, 2326);
    assert_span(l.referrer, "https://a.example/");
    assert_span(l.user_agent, "Mozilla/5.0 (X11)");
    assert_true(span_absent(l.vhost));
}

static void a_dash_is_an_absent_field(void **state)
{
    (void)state;
    struct access_line l = parsed("2001:db8::1 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" "
                                  "304 - \"-\" \"\"",
                                  ACCESS_COMBINED);
    assert_true(l.client_is_address);
    assert_int_equal(l.bytes, -1);
    assert_true(span_absent(l.referrer));
    assert_true(span_absent(l.user_agent));
}

static void the_virtual_host_and_its_port_are_read(void **state)
{
    (void)state;
    struct access_line l = parsed("shop.example:443 10.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "
                                  "\"GET / HTTP/2.0\" 200 1 \"-\" \"-\"",
                                  ACCESS_VHOST_COMBINED);
    assert_span(l.vhost, "shop.example");
    assert_int_equal(l.vhost_port, 443);
    assert_span(l.client, "10.0.0.1");
}

static void each_format_is_detected(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum access_format format;
    } cases[] = {
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1", ACCESS_COMMON},
        {"1.2.3.4 - \"\" [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1", ACCESS_COMMON},
        {"in24.inetnebr.com - - [01/Aug/1995:00:00:01 -0400] \"GET /x HTTP/1.0\" 200 1839",
         ACCESS_COMMON},
        {"1.2.3.4 - john doe [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1" COMBINED_TAIL,
         ACCESS_COMBINED},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1" COMBINED_TAIL
         " \"9.9.9.9\" 0.003",
         ACCESS_COMBINED},
        {"a.example:80 1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 "
         "1" COMBINED_TAIL,
         ACCESS_VHOST_COMBINED},
        {"a.example 1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 "
         "1" COMBINED_TAIL,
         ACCESS_VHOST_COMBINED},
        {"{\"pageUrl\":\"/\"}", ACCESS_UNKNOWN},
        {"", ACCESS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(access_log_detect(span_of(cases[i].line), &memory), cases[i].format);
}

static void escapes_are_undone_and_odd_bytes_percent_encoded(void **state)
{
    (void)state;
    struct access_line l = parsed("1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] "
                                  "\"GET /\\\"q\\\"\\\\\\xe2\\x82\\xac/\\xff\xfe\\x00\\n\xc3\xa9 "
                                  "HTTP/1.1\" 200 1 \"\\q\\x4\" \"a\xf0\xfd\\\" b\"",
                                  ACCESS_COMBINED);
    assert_span(l.target, "/\"q\"\\\xe2\x82\xac/%FF%FE%00%0A\xc3\xa9");
    assert_span(l.referrer, "\\q\\x4");
    assert_span(l.user_agent, "a%F0%FD\" b");
}

static void requests_that_are_none_are_lines_all_the_same(void **state)
{
    (void)state;
    static const char *const requests[] = {"-", "", "\\x16\\x03\\x01", "GET", "quit "};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"%s\" 200 0",
                 requests[i]);
        struct access_line l = parsed(text, ACCESS_COMMON);
        assert_false(access_log_is_page_view(&l));
    }
}

static void targets_may_hold_spaces_and_lack_a_protocol(void **state)
{
    (void)state;
    struct access_line l = parsed("1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] "
                                  "\"GET /a b c HTTP/1.0\" 200 0",
                                  ACCESS_COMMON);
    assert_span(l.target, "/a b c");
    l = parsed("1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET /old\" 200 0", ACCESS_COMMON);
    assert_span(l.target, "/old");
    assert_true(span_absent(l.protocol));
}

static void malformed_lines_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"", "empty"},
        {"hello", "time"},
        {"!! - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", "address"},
        {"1.2.3.4 - - [32/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", "time"},
        {"1.2.3.4 - - [01/Foo/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", "time"},
        {"1.2.3.4 - - [01/Jan/2024:24:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", "time"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", "time"},
        {"1.2.3.4 [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"", "time"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] GET / 200 1 \"-\" \"-\"", "request"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1", "request"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 20 1 \"-\" \"-\"", "status"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 099 1 \"-\" \"-\"", "status"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 x \"-\" \"-\"", "bytes"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-", "referrer"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"Moz", "agent"},
        {"1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"a\\\"",
         "agent"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct access_line ignored;
        struct err e = {0};
        assert_int_equal(
            access_log_parse(span_of(cases[i].line), ACCESS_COMBINED, &memory, &ignored, &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
        if (strstr(e.text, cases[i].reason) == NULL)
            fail_msg("%s: %s", cases[i].line, e.text);
    }
}

static bool is_page_view(const char *method, const char *target, int status)
{
    struct access_line l = {.method = span_of(method), .target = span_of(target), .status = status};
    return access_log_is_page_view(&l);
}

static void page_views_are_told_by_method_status_and_path(void **state)
{
    (void)state;
    assert_true(is_page_view("GET", "/", 200));
    assert_true(is_page_view("GET", "/a.html", 204));
    assert_true(is_page_view("GET", "/a", 304));
    assert_true(is_page_view("GET", "/a.css/", 200));
    assert_true(is_page_view("GET", "/css", 200));
    assert_true(is_page_view("GET", "/?file=a.css", 200));
    assert_true(is_page_view("GET", "/v1.2", 200));
    assert_false(is_page_view("get", "/", 200));
    assert_false(is_page_view("HEAD", "/", 200));
    assert_false(is_page_view("GET", "/", 301));
    assert_false(is_page_view("GET", "/", 404));
    assert_false(is_page_view("GET", "/", 199));
    assert_false(is_page_view("GET", "/", 300));
    static const char extensions[] = "css js mjs map json xml txt csv rss atom png jpg jpeg gif "
                                     "svg ico webp avif bmp woff woff2 "
                                     "ttf otf eot mp3 mp4 webm ogg avi mov pdf zip gz tar rar 7z";
    char list[sizeof(extensions)], target[40];
    memcpy(list, extensions, sizeof(list));
    int n = 0;
    for (char *save, *x = strtok_r(list, " ", &save); x != NULL; x = strtok_r(NULL, " ", &save)) {
        snprintf(target, sizeof(target), "/A.B.%s?v=1", x);
        target[5] = target[5] >= 'a' && target[5] <= 'z' ? (char)(target[5] - 32) : target[5];
        assert_false(is_page_view("GET", target, 200));
        n++;
    }
    assert_int_equal(n, 36);
}

/* Any cut and any changed byte of a line: parsed or refused, texts always valid. */
static void cut_and_broken_lines_never_give_invalid_texts(void **state)
{
    (void)state;
    static const char whole[] = "a.example:80 1.2.3.4 - - [01/Jan/2024:00:00:00 +0000] "
                                "\"GET /\xc3\xa9\\xc3\\xa9?q=\\\" HTTP/1.1\" 200 1 "
                                "\"http://\xe2\x82\xac/\" \"M \\\\ \\x7f\"";
    for (size_t at = 0; at < sizeof(whole) - 1; at++)
        for (int change = 0; change < 257; change++) {
            char text[sizeof(whole)];
            memcpy(text, whole, sizeof(whole));
            size_t n = change == 256 ? at : sizeof(whole) - 1;
            text[at] = (char)change;
            struct access_line l;
            if (access_log_parse((struct span){text, n}, ACCESS_VHOST_COMBINED, &memory, &l,
                                 NULL) == 0) {
                assert_true(utf8_valid(l.target) && utf8_valid(l.referrer));
                assert_true(utf8_valid(l.user_agent) && utf8_valid(l.method));
            }
            arena_reset(&memory);
        }
}

static int forget(void **state)
{
    (void)state;
    arena_clear(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_combined_line_gives_every_field),
        cmocka_unit_test(a_dash_is_an_absent_field),
        cmocka_unit_test(the_virtual_host_and_its_port_are_read),
        cmocka_unit_test(each_format_is_detected),
        cmocka_unit_test(escapes_are_undone_and_odd_bytes_percent_encoded),
        cmocka_unit_test(requests_that_are_none_are_lines_all_the_same),
        cmocka_unit_test(targets_may_hold_spaces_and_lack_a_protocol),
        cmocka_unit_test(malformed_lines_are_refused_with_a_reason),
        cmocka_unit_test(page_views_are_told_by_method_status_and_path),
        cmocka_unit_test(cut_and_broken_lines_never_give_invalid_texts),
    };
    return cmocka_run_group_tests_name("access_log", tests, NULL, forget);
}
