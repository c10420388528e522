/* SPDX-License-Identifier: Apache-2.0 */
/* Web server logs through the real binary into the log: what is there afterwards equals a recount
 * of the file that shares no code with the importer (PostgreSQL reads the lines and splits them at
 * their quotes). On real logs where there are any, and always on made ones. */
#include "tests/support/support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/random.h"
#include "tests/support/service.h"

enum { DEADLINE_MS = 120 * 1000, MADE_LINES = 23000 };

struct counts {
    uint64_t read, accepted, duplicate, skipped, rejected;
};

/* ------------------------------------------------------------------ files */

static char *folder_path(const char *folder, const char *name)
{
    return mem_format("%s/%s", folder, name);
}

static void write_file(const char *path, struct span text)
{
    struct err e = {0};
    support_ok(file_write(path, text, 0644, &e), &e);
}

static void write_gzip(const char *path, struct span text)
{
    gzFile out = gzopen(path, "wb1");
    assert_non_null(out);
    assert_int_equal(gzwrite(out, text.p, (unsigned)text.n), text.n);
    assert_int_equal(gzclose(out), Z_OK);
}

static void read_gzip(const char *path, struct buf *text)
{
    gzFile in = gzopen(path, "rb");
    assert_non_null(in);
    for (int n = 1; n > 0; text->n += (size_t)n) {
        n = gzread(in, buf_reserve(text, 1 << 20), 1 << 20);
        assert_true(n >= 0);
    }
    gzclose_r(in);
}

/* The first n bytes and all of the line they end in. */
static struct span lines_of(const struct buf *text, size_t n)
{
    const char *end = memchr(text->p + n, '\n', text->n - n);
    return (struct span){(char *)text->p,
                         end == NULL ? text->n : (size_t)(end + 1 - (char *)text->p)};
}

/* ------------------------------------------------------------------ made logs */

static void put_request(struct buf *out, uint64_t *random)
{
    static const char *const methods[] = {"GET", "GET", "GET", "GET", "GET", "POST", "HEAD", "get"};
    static const char *const ends[] = {"",       "/",       ".html",   ".css",
                                       ".PNG",   ".Js?v=1", "?a=1",    ".css/",
                                       "?x.css", ".gz",     ".tar.7z", "?utm_source=a"};
    if (random_below(random, 200) == 0) {
        buf_put_text(out, random_below(random, 2) == 0 ? "-" : "\\x16\\x03\\x01");
        return;
    }
    buf_printf(out, "%s /p/%u%s HTTP/1.1", methods[random_below(random, 8)],
               random_below(random, 300), ends[random_below(random, 12)]);
}

static void put_made_line(struct buf *out, uint64_t *random, unsigned number)
{
    static const int statuses[] = {200, 200, 200, 200, 204, 206, 301, 304, 404, 500};
    static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64)", "-",
                                         "a \\\"b\\\" \\\\c", "x\\xf0\\xfd", "Googlebot/2.1"};
    static const char *const users[] = {"-", "frank", "john doe", "[x]"};
    size_t start = out->n;
    unsigned second = number / 4 + random_below(random, 90); /* out of order */
    buf_printf(out, "192.0.2.%u - %s [%02u/Mar/2024:%02u:%02u:%02u %s] \"",
               random_below(random, 250), users[random_below(random, 4)], 10 + second / 86400,
               second / 3600 % 24, second / 60 % 60, second % 60,
               random_below(random, 2) == 0 ? "-0500" : "+0530");
    put_request(out, random);
    buf_printf(out, "\" %d %s \"%s\" \"%s\"", statuses[random_below(random, 10)],
               random_below(random, 9) == 0 ? "-" : "123",
               random_below(random, 3) == 0 ? "https://r.example/" : "-",
               agents[random_below(random, 5)]);
    if (random_below(random, 150) == 0)
        out->n = start + random_below(random, (uint32_t)(out->n - start)); /* cut short */
    buf_put_byte(out, '\n');
}

static void make_log(struct buf *out, unsigned n_lines)
{
    uint64_t random = 11;
    for (unsigned i = 0; i < n_lines; i++)
        put_made_line(out, &random, i);
}

/* ------------------------------------------------------------------ importing */

static struct counts import(const struct service *s, const char *site, const char *file)
{
    struct buf out = {0}, err_out = {0};
    const char *words[] = {"import", "--data-dir", s->footfall.data_dir, "--site", site,
                           file,     NULL};
    int status = support_footfall_run(&out, &err_out, words);
    if (status != 0)
        fail_msg("import of %s: %s", file, (char *)err_out.p);
    struct counts c;
    assert_int_equal(sscanf((char *)out.p,
                            "read=%" SCNu64 " accepted=%" SCNu64 " duplicate=%" SCNu64
                            " skipped=%" SCNu64 " rejected=%" SCNu64 "\n",
                            &c.read, &c.accepted, &c.duplicate, &c.skipped, &c.rejected),
                     5);
    assert_int_equal(c.read, c.accepted + c.duplicate + c.skipped + c.rejected);
    buf_clear(&out);
    buf_clear(&err_out);
    return c;
}

static void add(struct counts *to, struct counts c)
{
    to->read += c.read;
    to->accepted += c.accepted;
    to->duplicate += c.duplicate;
    to->skipped += c.skipped;
    to->rejected += c.rejected;
}

/* ------------------------------------------------------------------ the recount */

static void run_sql(const struct service *s, const char *sql)
{
    free(support_sql(s->postgres, sql));
}

/* raw: the lines. counted: what each is; of page views also when and where. Escaped quotes are
 * hidden from the splitting: what stands between the others are the fields. */
static void recount(const struct service *s, struct span text)
{
    char *folder = support_folder();
    char *path = folder_path(folder, "recount.log");
    write_file(path, text);
    char *copy =
        mem_format("DROP TABLE IF EXISTS raw, counted; CREATE UNLOGGED TABLE raw (line text); "
                   "COPY raw FROM '%s' (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')",
                   path);
    run_sql(s, copy);
    run_sql(
        s, "CREATE UNLOGGED TABLE counted AS SELECT whole, substr(f[3], 2, 3) AS status, "
           "  CASE WHEN whole THEN overlay(substr(f[1], length(f[1]) - 27, 26) placing ' ' from 12)"
           "    ::timestamptz END AS at, "
           "  split_part(f[2], ' ', 1) AS method, "
           "  replace(split_part(split_part(f[2], ' ', 2), '?', 1), E'\\x03', '\\') AS path "
           "FROM (SELECT f, coalesce(cardinality(f) = 7 AND f[5] = ' ' AND f[7] = '' "
           "  AND f[3] ~ '^ \\d\\d\\d (\\d+|-) $' "
           "  AND f[1] ~ '^\\S+ \\S+ .+ \\[\\d\\d/\\w\\w\\w/\\d{4}:\\d\\d:\\d\\d:\\d\\d "
           "[-+]\\d{4}\\] $', false) AS whole "
           "  FROM (SELECT string_to_array(replace(replace(line, '\\\\', E'\\x03'), '\\\"', "
           "E'\\x04'), '\"') AS f "
           "    FROM raw) q) q");
    run_sql(
        s,
        "ALTER TABLE counted ADD view boolean; "
        "UPDATE counted SET view = whole AND method = 'GET' AND (status ~ '^2' OR status = '304') "
        "AND path !~* "
        "'\\.(css|js|mjs|map|json|xml|txt|csv|rss|atom|png|jpg|jpeg|gif|svg|ico|webp|avif|"
        "bmp|woff|woff2|ttf|otf|eot|mp3|mp4|webm|ogg|avi|mov|pdf|zip|gz|tar|rar|7z)$'");
    free(copy);
    free(path);
    free(folder);
}

static void assert_equal_to_recount(const struct service *s, const char *site, struct counts c)
{
    assert_int_equal(c.duplicate, 0);
    assert_int_equal(c.read, support_sql_int(s->postgres, "SELECT count(*) FROM raw"));
    assert_int_equal(c.accepted,
                     support_sql_int(s->postgres, "SELECT count(*) FROM counted WHERE view"));
    assert_int_equal(c.rejected,
                     support_sql_int(s->postgres, "SELECT count(*) FROM counted WHERE NOT whole"));
    static const char *const by[][2] = {
        {"date_trunc('minute', at)", "date_trunc('minute', event_time)"},
        {"path", "path"},
        {"at || path", "event_time || path"}};
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        char *sql = mem_format(
            "SELECT count(*) FROM (SELECT %s AS k, count(*) FROM counted WHERE view GROUP BY 1) a "
            "FULL JOIN (SELECT %s AS k, count(*) FROM events WHERE site = '%s' GROUP BY 1) b USING "
            "(k) "
            "WHERE a.count IS DISTINCT FROM b.count",
            by[i][0], by[i][1], site);
        assert_int_equal(support_sql_int(s->postgres, sql), 0);
        free(sql);
    }
}

static uint64_t events_of(const struct service *s, const char *site)
{
    char *sql = mem_format("SELECT count(*) FROM events WHERE site = '%s'", site);
    uint64_t n = (uint64_t)support_sql_int(s->postgres, sql);
    free(sql);
    return n;
}

/* ------------------------------------------------------------------ tests */

/* The log as it grows and is rotated: half of it, more, all of it gzipped under another name. */
static void import_in_steps(const struct service *s, const char *site, const struct buf *text)
{
    char *folder = support_folder();
    char *plain = folder_path(folder, "access.log"), *rotated = folder_path(folder, "old.1.gz");
    struct counts all = {0};
    write_file(plain, lines_of(text, text->n / 2));
    add(&all, import(s, site, plain));
    write_file(plain, (struct span){(char *)text->p, text->n * 3 / 4}); /* within a line */
    add(&all, import(s, site, plain));
    write_gzip(rotated, buf_span(text));
    add(&all, import(s, site, rotated));
    recount(s, buf_span(text));
    assert_equal_to_recount(s, site, all);
    struct counts again = import(s, site, rotated);
    assert_int_equal(again.read, 0);
    assert_int_equal(events_of(s, site), all.accepted);
    free(plain);
    free(rotated);
    free(folder);
}

/* Live views, SQL and a replay agree on what was imported, also after crashes. */
static void assert_the_law(struct service *s)
{
    service_wait_caught_up(s, DEADLINE_MS);
    service_verify_agrees(s);
    service_kill_redis(s);
    service_kill9(s);
    service_restart(s);
    service_wait_caught_up(s, DEADLINE_MS);
    service_replay_changes_nothing(s);
    service_verify_agrees(s);
}

static void a_made_log_goes_in_as_it_is_recounted(void **state)
{
    (void)state;
    struct service s;
    struct buf text = {0};
    service_start(&s);
    make_log(&text, MADE_LINES);
    import_in_steps(&s, "made.example", &text);
    assert_the_law(&s);
    service_stop(&s);
    buf_clear(&text);
}

static void import_real(struct service *s, const char *name, const char *site)
{
    char *path = support_data(name);
    struct buf text = {0};
    if (path == NULL)
        skip();
    read_gzip(path, &text);
    import_in_steps(s, site, &text);
    buf_clear(&text);
    free(path);
}

static void real_logs_go_in_as_they_are_recounted(void **state)
{
    (void)state;
    struct service s;
    char *path = support_data("access-semicomplete.log.gz");
    free(path);
    if (path == NULL)
        skip();
    service_start(&s);
    import_real(&s, "access-semicomplete.log.gz", "semicomplete.example");
    import_real(&s, "access-wordpress.log.gz", "wordpress.example");
    assert_the_law(&s);
    service_stop(&s);
}

struct some {
    const struct service *service;
    uint64_t more_than;
};

static bool has_events(void *arg)
{
    struct some *some = arg;
    return events_of(some->service, "killed.example") > some->more_than;
}

/* Starts an import, kills it outright as soon as something is in. */
static void import_and_kill(const struct service *s, const char *path)
{
    struct err e = {0};
    pid_t pid;
    struct some some = {s, events_of(s, "killed.example")};
    const char *named = getenv("FOOTFALL_TEST_BINARY");
    const char *words[] = {named == NULL ? FOOTFALL_BINARY : named,
                           "import",
                           "--data-dir",
                           s->footfall.data_dir,
                           "--site",
                           "killed.example",
                           path,
                           NULL};
    struct process_options o = {.argv = words, .output = "/dev/null"};
    support_ok(process_spawn(&pid, &o, &e), &e);
    wait_until(DEADLINE_MS, "the first events of an import", has_events, &some);
    process_end(pid, SIGKILL, 10000);
}

static void a_killed_import_goes_on(void **state)
{
    (void)state;
    struct service s;
    struct buf text = {0};
    service_start(&s);
    make_log(&text, 3 * MADE_LINES);
    char *folder = support_folder(), *path = folder_path(folder, "access.log");
    write_file(path, buf_span(&text));
    import_and_kill(&s, path);
    service_kill9(&s);
    service_restart(&s);
    uint64_t before = events_of(&s, "killed.example");
    struct counts rest = import(&s, "killed.example", path);
    recount(&s, buf_span(&text));
    struct counts all = {.read = 3 * MADE_LINES, .accepted = before + rest.accepted};
    all.rejected =
        (uint64_t)support_sql_int(s.postgres, "SELECT count(*) FROM counted WHERE NOT whole");
    assert_equal_to_recount(&s, "killed.example", all);
    service_stop(&s);
    free(path);
    free(folder);
    buf_clear(&text);
}

/* Without a running service the command brings its own, and takes it away again. */
static void a_log_is_imported_without_a_running_service(void **state)
{
    (void)state;
    struct buf text = {0}, out = {0};
    char *data = support_folder(), *folder = support_folder();
    char *path = folder_path(folder, "access.log"), *left = folder_path(data, "service.json");
    make_log(&text, 300);
    write_file(path, buf_span(&text));
    const char *words[] = {
        "import",       "--json",      "--data-dir", data,
        "--site",       "own.example", path,         support_user() == NULL ? NULL : "--user",
        support_user(), NULL};
    assert_int_equal(support_footfall_run(&out, NULL, words), 0);
    assert_non_null(strstr((char *)out.p, "{\"read\":300,"));
    buf_reset(&out);
    assert_int_equal(support_footfall_run(&out, NULL, words), 0);
    assert_non_null(strstr((char *)out.p, "{\"read\":0,\"accepted\":0,"));
    assert_false(file_exists(left));
    free(left);
    free(path);
    free(folder);
    free(data);
    buf_clear(&text);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_made_log_goes_in_as_it_is_recounted, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(real_logs_go_in_as_they_are_recounted, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(a_killed_import_goes_on, support_setup, support_teardown),
        cmocka_unit_test_setup_teardown(a_log_is_imported_without_a_running_service, support_setup,
                                        support_teardown),
    };
    return support_run("import", tests, sizeof(tests) / sizeof(tests[0]));
}
