/* SPDX-License-Identifier: Apache-2.0 */
/* Importing files against a service of this test's own: sources with positions, and the events that
 * came in. What the real one does is tests/integration/import.c's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "ingest/import.h"

enum { MAX_SOURCES = 300 };

struct service {
    struct {
        char name[100];
        int64_t position;
    } sources[MAX_SOURCES];
    size_t n_sources;
    struct buf events; /* every accepted line, in order */
    size_t n_events, n_posts;
    int posts_left;      /* then every post fails; -1: never */
    int64_t overtake_to; /* once: before the next post another import gets so far */
    char last_rejected[300];
    uint64_t rejected_line;
    unsigned notes;
};

static int64_t *position_in(struct service *s, const char *name)
{
    for (size_t i = 0; i < s->n_sources; i++)
        if (strcmp(s->sources[i].name, name) == 0)
            return &s->sources[i].position;
    assert_true(s->n_sources < MAX_SOURCES);
    snprintf(s->sources[s->n_sources].name, sizeof(s->sources[0].name), "%s", name);
    return &s->sources[s->n_sources++].position;
}

static int on_position(void *context, const char *source, int64_t *position, struct err *e)
{
    (void)e;
    struct service *s = context;
    *position = 0;
    for (size_t i = 0; i < s->n_sources; i++)
        if (strcmp(s->sources[i].name, source) == 0)
            *position = s->sources[i].position;
    return 0;
}

/* Takes every line but those with "refuse" in them. */
static void take_events(struct service *s, struct span body, struct buf *answer)
{
    size_t accepted = 0, index = 0;
    const char *comma = "";
    struct buf rejected = {0};
    for (const char *p = body.p, *end = body.p + body.n; p < end; index++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(stop);
        struct span line = {p, (size_t)(stop - p)};
        if (memmem(line.p, line.n, "refuse", 6) != NULL) {
            buf_printf(&rejected,
                       "%s{\"index\":%zu,\"field\":\"pageUrl\",\"reason\":\"is refused\"}", comma,
                       index);
            comma = ",";
        } else {
            buf_put_span(&s->events, line);
            buf_put_byte(&s->events, '\n');
            accepted++;
        }
        p = stop + 1;
    }
    assert_true(index <= IMPORT_BATCH_RECORDS);
    s->n_events += accepted;
    buf_printf(answer, "{\"accepted\":%zu,\"duplicates\":0,\"rejected\":[", accepted);
    buf_put_span(answer, buf_span(&rejected));
    buf_put_text(answer, "]}");
    buf_clear(&rejected);
}

static int on_post(void *context, const struct import_post *p, int *status, struct buf *answer,
                   struct err *e)
{
    struct service *s = context;
    int64_t *stored = position_in(s, p->source);
    s->n_posts++;
    if (s->posts_left >= 0 && s->posts_left-- == 0)
        return err_set(e, ERR_DOWN, "the service is gone");
    if (s->overtake_to > 0) {
        *stored = s->overtake_to;
        s->overtake_to = 0;
    }
    *status = 409;
    if (*stored != p->start)
        return 0;
    assert_true(p->end > p->start);
    *stored = p->end;
    *status = 202;
    take_events(s, p->body, answer);
    return 0;
}

static void on_rejected(void *context, const char *path, uint64_t line, const char *reason)
{
    (void)path;
    struct service *s = context;
    s->rejected_line = line;
    snprintf(s->last_rejected, sizeof(s->last_rejected), "%s", reason);
}

static void on_note(void *context, const char *path, const char *text)
{
    (void)path;
    (void)text;
    ((struct service *)context)->notes++;
}

/* ------------------------------------------------------------------ helpers */

struct fixture {
    struct service service;
    char folder[40], path[64];
    const char *format, *site;
    struct err e;
};

static int start(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    f->service.posts_left = -1;
    f->format = "auto";
    f->site = "a.example";
    snprintf(f->folder, sizeof(f->folder), "/tmp/ff-import-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/log", f->folder);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    rmdir(f->folder);
    buf_clear(&f->service.events);
    free(f);
    return 0;
}

static void write_plain(struct fixture *f, struct span text)
{
    FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text.p, 1, text.n, out), text.n);
    assert_int_equal(fclose(out), 0);
}

static void write_gzip(struct fixture *f, struct span text)
{
    gzFile out = gzopen(f->path, "wb");
    assert_non_null(out);
    assert_int_equal(gzwrite(out, text.p, (unsigned)text.n), text.n);
    assert_int_equal(gzclose(out), Z_OK);
}

static int import(struct fixture *f, struct import_counts *counts)
{
    struct import_service service = {on_position, on_post, &f->service};
    struct import_options o = {.site = f->site,
                               .format = f->format,
                               .service = &service,
                               .on_rejected = on_rejected,
                               .on_note = on_note,
                               .context = &f->service};
    *counts = (struct import_counts){0};
    f->e = (struct err){0};
    return import_file(&o, f->path, counts, &f->e);
}

static struct import_counts imported(struct fixture *f)
{
    struct import_counts c;
    if (import(f, &c) != 0)
        fail_msg("%s", f->e.text);
    assert_int_equal(c.read, c.accepted + c.duplicate + c.skipped + c.rejected);
    return c;
}

/* Page views, other lines and broken ones; the path of each page view is its number. */
static size_t put_log(struct buf *out, size_t first, size_t n)
{
    size_t views = 0;
    for (size_t i = first; i < first + n; i++) {
        const char *method = i % 7 == 3 ? "HEAD" : "GET";
        const char *end = i % 11 == 5 ? "" : "\"Mozilla\"";
        buf_printf(out,
                   "192.0.2.%zu - - [17/May/2015:10:%02zu:03 +0000] \"%s /p/%06zu HTTP/1.1\" 200 "
                   "12 \"-\" %s\n",
                   i % 250, i % 60, method, i, end);
        views += i % 7 != 3 && i % 11 != 5;
    }
    return views;
}

/* The events came once each and in order. */
static void assert_events(struct fixture *f, size_t lines)
{
    const char *p = (const char *)f->service.events.p;
    buf_put_byte(&f->service.events, 0);
    for (size_t i = 0; i < lines; i++) {
        char path[64];
        if (i % 7 == 3 || i % 11 == 5)
            continue;
        snprintf(path, sizeof(path), "\"pageUrl\":\"/p/%06zu\"", i);
        const char *line_end = strchr(p, '\n');
        assert_non_null(line_end);
        const char *found = strstr(p, path);
        if (found == NULL || found > line_end)
            fail_msg("event of line %zu is not next in: %.200s", i, p);
        p = line_end + 1;
    }
    assert_int_equal(*p, 0);
    f->service.events.n--;
}

/* ------------------------------------------------------------------ tests */

static void lines_become_events_or_are_counted(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    size_t views = put_log(&log, 0, 12000);
    write_plain(f, buf_span(&log));
    struct import_counts c = imported(f);
    assert_int_equal(c.read, 12000);
    assert_int_equal(c.accepted, views);
    assert_int_equal(c.rejected, 1091);
    assert_int_equal(c.skipped, 12000 - views - 1091);
    assert_int_equal(f->service.n_posts, 3);
    assert_events(f, 12000);
    assert_string_equal(f->service.last_rejected, "has no user agent in quotes after the referrer");
    assert_int_equal(f->service.rejected_line, 11 * 1090 + 6);
    c = imported(f);
    assert_int_equal(c.read, 0);
    assert_int_equal(f->service.n_posts, 3);
    buf_clear(&log);
}

static void the_event_says_what_the_line_said(void **state)
{
    struct fixture *f = *state;
    write_plain(f, SPAN_LITERAL("shop.example:443 192.0.2.1 - - [17/May/2015:10:05:03 +0200] "
                                "\"GET /a?b HTTP/1.1\" 200 1 \"http://r/\" \"M \\\"x\\\"\"\n"
                                "shop.example:8080 client.example - - [17/May/2015:10:05:03 +0200] "
                                "\"GET http://other/p HTTP/1.1\" 200 1 \"-\" \"-\"\n"));
    f->site = NULL;
    assert_int_equal(imported(f).accepted, 2);
    buf_put_byte(&f->service.events, 0);
    assert_string_equal(
        (char *)f->service.events.p,
        "{\"timestamp\":1431849903,\"ipAddress\":\"192.0.2.1\",\"pageUrl\":"
        "\"https://shop.example/a?b\",\"referrer\":\"http://r/\",\"userAgent\":\"M \\\"x\\\"\"}\n"
        "{\"timestamp\":1431849903,\"ipAddress\":\"2001:db8::500f:fe3f:cbff:5d68\",\"pageUrl\":"
        "\"http://shop.example:8080/p\"}\n");
}

static void a_log_may_grow_by_any_number_of_bytes(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    size_t views = put_log(&log, 0, 400), read = 0, accepted = 0, step = 1;
    for (size_t n = 0; n < log.n; n += step, step = step * 5 % 617 + 1) {
        write_plain(f, (struct span){(char *)log.p, n});
        struct import_counts c = imported(f);
        read += c.read;
        accepted += c.accepted;
    }
    write_gzip(f, buf_span(&log));
    struct import_counts c = imported(f);
    assert_int_equal(read + c.read, 400);
    assert_int_equal(accepted + c.accepted, views);
    assert_true(f->service.notes > 0);
    assert_events(f, 400);
    buf_clear(&log);
}

static void a_short_log_is_known_again_after_growing_past_its_identity(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 5);
    write_plain(f, buf_span(&log));
    assert_int_equal(imported(f).read, 5);
    put_log(&log, 5, 3000);
    write_gzip(f, buf_span(&log));
    assert_int_equal(imported(f).read, 3000);
    assert_int_equal(imported(f).read, 0);
    assert_events(f, 3005);
    buf_clear(&log);
}

static void logs_that_differ_within_their_identity_are_two(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 200);
    write_plain(f, buf_span(&log));
    assert_int_equal(imported(f).read, 200);
    log.p[2500] ^= 1;
    write_plain(f, buf_span(&log));
    assert_int_equal(imported(f).read, 200);
    f->site = "b.example";
    assert_int_equal(imported(f).read, 200);
    buf_clear(&log);
}

static void a_killed_import_goes_on_where_it_stopped(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 26000);
    write_plain(f, buf_span(&log));
    struct import_counts c;
    uint64_t read = 0;
    for (int runs = 0; runs < 5; runs++) {
        f->service.posts_left = 1;
        assert_int_equal(import(f, &c), -1);
        assert_string_equal(f->e.text, "the service is gone");
        read += c.read;
    }
    assert_int_equal(read, 25000);
    f->service.posts_left = -1;
    assert_int_equal(imported(f).read, 1000);
    assert_events(f, 26000);
    buf_clear(&log);
}

static void an_import_that_is_overtaken_goes_on_behind_the_other(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 1000);
    size_t first = log.n;
    put_log(&log, 1000, 20000);
    write_plain(f, buf_span(&log));
    f->service.overtake_to = (int64_t)first;
    assert_int_equal(imported(f).read, 20000);
    buf_clear(&log);
}

static void events_come_from_lines_of_json_and_from_arrays(void **state)
{
    struct fixture *f = *state;
    write_plain(f,
                SPAN_LITERAL("{\"pageUrl\":\"/1\"}\n\n{\"pageUrl\":\"/2\",\"site\":\"c\"}\r\n"
                             "{\"broken\n[]\n{}\n{\"pageUrl\":\"/refuse\"}\n{\"pageUrl\":\"/3\"}"));
    struct import_counts c = imported(f);
    assert_int_equal(c.read, 7);
    assert_int_equal(c.accepted, 4);
    assert_int_equal(c.rejected, 3);
    assert_int_equal(f->service.rejected_line, 7);
    assert_string_equal(f->service.last_rejected, "pageUrl is refused");
    write_plain(f,
                SPAN_LITERAL("[\n {\"pageUrl\": \"/4\",\n  \"x\": \"]},{\\\"\"},\n {\"a\":[1,{}]}"
                             ", 7, \"s\"]\n"));
    c = imported(f);
    assert_int_equal(c.read, 4);
    assert_int_equal(c.accepted, 2);
    write_plain(f,
                SPAN_LITERAL("[\n {\"pageUrl\": \"/4\",\n  \"x\": \"]},{\\\"\"},\n {\"a\":[1,{}]}"
                             ", 7, \"s\", {\"pageUrl\":\"/5\"}, {\"cut"));
    assert_int_equal(imported(f).read, 1);
    buf_put_byte(&f->service.events, 0);
    assert_string_equal((char *)f->service.events.p,
                        "{\"site\":\"a.example\",\"pageUrl\":\"/1\"}\n"
                        "{\"pageUrl\":\"/2\",\"site\":\"c\"}\n"
                        "{\"site\":\"a.example\"}\n"
                        "{\"site\":\"a.example\",\"pageUrl\":\"/3\"}\n"
                        "{\"site\":\"a.example\",\"pageUrl\": \"/4\",   \"x\": \"]},{\\\"\"}\n"
                        "{\"site\":\"a.example\",\"a\":[1,{}]}\n"
                        "{\"site\":\"a.example\",\"pageUrl\":\"/5\"}\n");
}

static void lines_beyond_the_bound_are_rejected_and_read_over(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 1);
    for (int i = 0; i < 3; i++) {
        memset(buf_reserve(&log, 700000), 'x', 700000);
        log.n += 700000;
    }
    buf_put_byte(&log, '\n');
    put_log(&log, 1, 1);
    write_plain(f, buf_span(&log));
    struct import_counts c = imported(f);
    assert_int_equal(c.read, 3);
    assert_int_equal(c.rejected, 1);
    assert_int_equal(f->service.rejected_line, 2);
    assert_events(f, 2);
    buf_clear(&log);
}

static void a_gzip_file_that_is_cut_off_gives_its_whole_lines_and_fails(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 20000);
    write_gzip(f, buf_span(&log));
    FILE *in = fopen(f->path, "r");
    static char whole[400000];
    size_t n = fread(whole, 1, sizeof(whole), in);
    fclose(in);
    write_plain(f, (struct span){whole, n * 2 / 3});
    struct import_counts c;
    assert_int_equal(import(f, &c), -1);
    assert_non_null(strstr(f->e.text, "gzip stream ends too early"));
    assert_true(c.read > 5000 && c.read < 20000);
    write_plain(f, (struct span){whole, n});
    assert_int_equal(imported(f).read, 20000 - c.read);
    assert_events(f, 20000);
    buf_clear(&log);
}

static void the_last_line_of_a_finished_text_is_judged(void **state)
{
    struct fixture *f = *state;
    struct buf log = {0};
    put_log(&log, 0, 5);
    log.n -= 20;
    write_gzip(f, buf_span(&log));
    struct import_counts c = imported(f);
    assert_int_equal(c.read, 5);
    assert_int_equal(c.rejected, 1);
    assert_int_equal(f->service.n_events, 3);
    log.n = 0;
    put_log(&log, 0, 5);
    write_gzip(f, buf_span(&log));
    assert_int_equal(imported(f).accepted, 1);
    assert_events(f, 5);
    buf_clear(&log);
}

static void what_cannot_be_imported_is_said(void **state)
{
    struct fixture *f = *state;
    struct import_counts c;
    assert_int_equal(import(f, &c), -1);
    assert_non_null(strstr(f->e.text, "No such file"));
    write_plain(f, SPAN_LITERAL("hello\nworld\n"));
    assert_int_equal(import(f, &c), -1);
    assert_non_null(strstr(f->e.text, "--format"));
    struct buf log = {0};
    put_log(&log, 0, 1);
    write_plain(f, buf_span(&log));
    f->site = NULL;
    assert_int_equal(import(f, &c), -1);
    assert_non_null(strstr(f->e.text, "--site"));
    f->format = "xml";
    assert_int_equal(import(f, &c), -1);
    assert_non_null(strstr(f->e.text, "unknown format \"xml\""));
    f->format = "auto";
    write_plain(f, SPAN_LITERAL(""));
    assert_int_equal(imported(f).read, 0);
    buf_clear(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_become_events_or_are_counted, start, stop),
        cmocka_unit_test_setup_teardown(the_event_says_what_the_line_said, start, stop),
        cmocka_unit_test_setup_teardown(a_log_may_grow_by_any_number_of_bytes, start, stop),
        cmocka_unit_test_setup_teardown(a_short_log_is_known_again_after_growing_past_its_identity,
                                        start, stop),
        cmocka_unit_test_setup_teardown(logs_that_differ_within_their_identity_are_two, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_killed_import_goes_on_where_it_stopped, start, stop),
        cmocka_unit_test_setup_teardown(an_import_that_is_overtaken_goes_on_behind_the_other, start,
                                        stop),
        cmocka_unit_test_setup_teardown(events_come_from_lines_of_json_and_from_arrays, start,
                                        stop),
        cmocka_unit_test_setup_teardown(lines_beyond_the_bound_are_rejected_and_read_over, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_gzip_file_that_is_cut_off_gives_its_whole_lines_and_fails,
                                        start, stop),
        cmocka_unit_test_setup_teardown(the_last_line_of_a_finished_text_is_judged, start, stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_imported_is_said, start, stop),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
