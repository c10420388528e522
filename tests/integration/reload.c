/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: what is read again while the service runs, and what is said of the rest. */
#include "tests/support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/support/mmdb.h"

enum { DEADLINE_MS = 60000, LOG_BYTES = 1 << 20 };

struct rig {
    struct support_footfall footfall;
    char *folder, *config, *german, *french;
};

static void write_file(const char *path, struct span content)
{
    struct err e = {0};
    support_ok(file_write(path, content, 0644, &e), &e);
}

/* 192.0.2.0/24 lies in that country. */
static char *write_database(const struct rig *x, const char *country)
{
    struct buf record = {0}, all = {0};
    char *path = mem_format("%s/%s.mmdb", x->folder, country);
    mmdb_map(&record, 1);
    mmdb_text(&record, "country_code");
    mmdb_text(&record, country);
    mmdb_build(&all, (const uint8_t[]){192, 0, 2}, buf_span(&record));
    write_file(path, buf_span(&all));
    buf_clear(&record);
    buf_clear(&all);
    return path;
}

static void write_config(const struct rig *x, const char *geo_database, const char *more)
{
    char *text = mem_format("[ingest]\ngeo_database = %s\n%s", geo_database, more);
    write_file(x->config, span_of(text));
    free(text);
}

static void start(struct rig *x)
{
    *x = (struct rig){.folder = support_folder()};
    x->config = mem_format("%s/footfall.ini", x->folder);
    x->german = write_database(x, "DE");
    x->french = write_database(x, "FR");
    write_config(x, x->german, "[views]\nflush_ms = 40\n");
    support_footfall_start(&x->footfall, NULL, (const char *const[]){"--config", x->config, NULL});
}

static void stop(struct rig *x)
{
    assert_int_equal(support_footfall_stop(&x->footfall), 0);
    support_footfall_clear(&x->footfall);
    free(x->folder);
    free(x->config);
    free(x->german);
    free(x->french);
}

/* ------------------------------------------------------------------ what it says */

struct saying {
    const char *path, *text;
    unsigned times;
};

static bool has_said(void *arg)
{
    const struct saying *s = arg;
    struct err e = {0};
    struct buf log = {0};
    unsigned times = 0;
    support_ok(file_read(&log, s->path, LOG_BYTES, &e), &e);
    buf_put_byte(&log, '\0');
    for (const char *p = (char *)log.p; (p = strstr(p, s->text)) != NULL; p++)
        times++;
    buf_clear(&log);
    return times >= s->times;
}

static void reload_until(struct rig *x, const char *said, unsigned times)
{
    struct saying s = {x->footfall.log, said, times};
    assert_int_equal(kill(x->footfall.pid, SIGHUP), 0);
    wait_until(DEADLINE_MS, said, has_said, &s);
}

static bool says(const struct rig *x, const char *text)
{
    struct saying s = {x->footfall.log, text, 1};
    return has_said(&s);
}

/* ------------------------------------------------------------------ what it does */

static void expect_region(const struct rig *x, const char *path, const char *region)
{
    char *url = mem_format("%s/v1/events", x->footfall.url);
    char *body = mem_format("{\"pageUrl\": \"https://geo.example%s\", \"ipAddress\": "
                            "\"192.0.2.7\"}",
                            path);
    struct support_http post = {.url = url,
                                .token = x->footfall.admin_token,
                                .headers = {"content-type: application/json"},
                                .body = span_of(body)};
    struct support_answer a = support_http(&post);
    assert_int_equal(a.status, 202);
    struct buf out = {0};
    const char *const words[] = {"log", "cat", "--data-dir", x->footfall.data_dir, NULL};
    assert_int_equal(support_footfall_run(&out, NULL, words), 0);
    const char *line = strstr((char *)out.p, path);
    char *expected = mem_format("\"region\":\"%s\"", region);
    if (line == NULL || strstr(line, expected) == NULL)
        fail_msg("no %s in %s", expected, line == NULL ? (char *)out.p : line);
    free(expected);
    buf_clear(&out);
    support_answer_clear(&a);
    free(body);
    free(url);
}

/* What one who signs in at that name with a wrong token is told. */
static int sign_in_at(const struct rig *x, const char *host)
{
    char *url = mem_format("%s/v1/session", x->footfall.url);
    char *header = mem_format("host: %s", host);
    struct support_http post = {.url = url,
                                .headers = {"content-type: application/json", header},
                                .body = SPAN_LITERAL("{\"token\": \"none\"}")};
    struct support_answer a = support_http(&post);
    int status = a.status;
    support_answer_clear(&a);
    free(header);
    free(url);
    return status;
}

static void names_for_browsers_are_taken_over_on_sighup(void **state)
{
    static const char done[] = "read again: the configuration";
    struct rig x;
    (void)state;
    start(&x);
    assert_int_equal(sign_in_at(&x, "stats.example.com"), 421);
    write_config(&x, x.german, "[views]\nflush_ms = 40\n[api]\nhosts = stats.example.com\n");
    reload_until(&x, done, 1);
    assert_int_equal(sign_in_at(&x, "stats.example.com"), 401);
    assert_false(says(&x, "needs a restart"));
    write_config(&x, x.german,
                 "[views]\nflush_ms = 40\n[api]\nhosts = https://stats.example.com\n");
    reload_until(&x, "api.hosts: \"https://stats.example.com\" is no name of a host", 1);
    assert_int_equal(sign_in_at(&x, "stats.example.com"), 401);
    write_config(&x, x.german, "[views]\nflush_ms = 40\n");
    reload_until(&x, done, 2);
    assert_int_equal(sign_in_at(&x, "stats.example.com"), 421);
    stop(&x);
}

static void the_geo_database_named_by_the_file_is_taken_over_on_sighup(void **state)
{
    static const char done[] = "read again: the configuration, the geo database";
    struct rig x;
    (void)state;
    start(&x);
    expect_region(&x, "/first", "DE");
    write_config(&x, x.french, "[views]\nflush_ms = 40\n");
    reload_until(&x, done, 1);
    assert_false(says(&x, "needs a restart"));
    expect_region(&x, "/second", "FR");
    write_config(&x, x.german, "[views]\nflush_ms = 90\n[http]\nloops = 1\n");
    reload_until(&x, done, 2);
    assert_true(says(&x, "views.flush_ms has changed: it needs a restart"));
    assert_true(says(&x, "http.loops has changed: it needs a restart"));
    assert_false(says(&x, "geo_database has changed"));
    expect_region(&x, "/third", "DE");
    stop(&x);
}

static void a_file_that_is_wrong_now_changes_nothing(void **state)
{
    struct rig x;
    (void)state;
    start(&x);
    write_config(&x, x.french, "nonsense = 1\n");
    reload_until(&x, "everything stays as it was", 1);
    assert_true(says(&x, "there is no option ingest.nonsense"));
    expect_region(&x, "/same", "DE");
    write_config(&x, "/nonexistent.mmdb", "[views]\nflush_ms = 40\n");
    reload_until(&x, "/nonexistent.mmdb", 1);
    expect_region(&x, "/still", "DE");
    stop(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_geo_database_named_by_the_file_is_taken_over_on_sighup,
                                  support_teardown),
        cmocka_unit_test_teardown(names_for_browsers_are_taken_over_on_sighup, support_teardown),
        cmocka_unit_test_teardown(a_file_that_is_wrong_now_changes_nothing, support_teardown),
    };
    return support_run("reload", tests, sizeof(tests) / sizeof(tests[0]));
}
