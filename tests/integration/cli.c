/* SPDX-License-Identifier: Apache-2.0 */
/* The commands as a user types them: exit statuses, help, and what they print. */
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tests/support/service.h"

struct run {
    int status;
    struct buf out, err_out;
};

static struct run run(const char *const *words)
{
    struct run r = {0};
    r.status = support_footfall_run(&r.out, &r.err_out, words);
    return r;
}

static void clear(struct run *r)
{
    buf_clear(&r->out);
    buf_clear(&r->err_out);
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void assert_usage(struct run r, const char *part)
{
    if (r.status != EXIT_USAGE || strstr((char *)r.err_out.p, part) == NULL)
        fail_msg("status %d: %s", r.status, (char *)r.err_out.p);
    assert_int_equal(strncmp((char *)r.err_out.p, "footfall: ", 10), 0);
    const char *end = strchr((char *)r.err_out.p, '\n');
    assert_non_null(end);
    assert_int_equal(end[1], '\0'); /* one line */
    clear(&r);
}

static void wrong_usage_is_one_line_and_status_2(void **state)
{
    (void)state;
    const char *const nothing[] = {NULL};
    assert_usage(run(nothing), "give a command");
    assert_usage(RUN("frobnicate"), "no command frobnicate");
    assert_usage(RUN("import"), "use: footfall import");
    assert_usage(RUN("import", "--frob", "x"), "no option --frob");
    assert_usage(RUN("import", "--ingest.frob", "x"), "ingest.frob");
    assert_usage(RUN("import", "--format", "xml", "x"), "format");
    assert_usage(RUN("import", "--site", "no site", "x"), "\"no site\" is no name of a site");
    assert_usage(RUN("log", "tail"), "use: footfall log");
    assert_usage(RUN("site", "add"), "use: footfall site");
    assert_usage(RUN("token", "create"), "--scope");
    assert_usage(RUN("demo", "--until", "yesterday"), "yesterday");
    assert_usage(RUN("help", "frobnicate"), "no command frobnicate");
}

static void the_version_is_told(void **state)
{
    (void)state;
    struct run r = RUN("--version");
    assert_int_equal(r.status, 0);
    assert_int_equal(strncmp((char *)r.out.p, "footfall ", 9), 0);
    clear(&r);
}

static void look_for_option(const struct option *o, void *context)
{
    const char *help = context;
    char flag[128];
    snprintf(flag, sizeof(flag), "--%s", o->name);
    for (char *p = flag; strchr(o->name, '.') == NULL && *p != '\0'; p++)
        *p = *p == '_' ? '-' : *p;
    const char *line = strstr(help, flag);
    if (line == NULL || strstr(line, o->about) == NULL)
        fail_msg("help says nothing of %s", o->name);
    if (o->fallback != NULL && strstr(line, o->fallback) == NULL)
        fail_msg("help does not say the default of %s", o->name);
}

static void help_shows_every_option_with_its_default(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const struct option *own;
    } cases[] = {
        {"serve", NULL},
        {"import", import_command_options},
        {"log", log_command_options},
        {"replay", NULL},
        {"verify", verify_command_options},
        {"query", query_command_options},
        {"token", token_command_options},
        {"view", NULL},
        {"site", NULL},
        {"demo", demo_command_options},
        {"status", NULL},
        {"migrate", migrate_command_options},
    };
    struct run all = RUN("help");
    assert_int_equal(all.status, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_non_null(strstr((char *)all.out.p, cases[i].command));
        struct run r = RUN("help", cases[i].command), flag = RUN(cases[i].command, "--help");
        assert_int_equal(r.status, 0);
        assert_string_equal((char *)r.out.p, (char *)flag.out.p);
        const struct option *const own[] = {cases[i].own, NULL};
        config_each(own, look_for_option, r.out.p);
        config_each(options_of_service, look_for_option, r.out.p);
        clear(&r);
        clear(&flag);
    }
    clear(&all);
}

/* ------------------------------------------------------------------ with a service */

static char *line_of(struct run *r)
{
    assert_int_equal(r->status, 0);
    char *text = mem_copy_text((char *)r->out.p);
    text[strcspn(text, "\n")] = '\0';
    assert_int_equal(strlen(text) + 1, r->out.n); /* alone on its line */
    clear(r);
    return text;
}

static int post_page(const struct service *s, const char *token, const char *site)
{
    char *url = mem_format("%s/v1/events", s->footfall.url);
    char *body =
        mem_format("{\"pageUrl\":\"/a\",\"site\":\"%s\",\"userAgent\":\"Mozilla/5.0\"}", site);
    struct support_http h = {.url = url,
                             .token = token,
                             .headers = {"content-type: application/json"},
                             .body = span_of(body)};
    struct support_answer a = support_http(&h);
    int status = a.status;
    support_answer_clear(&a);
    free(url);
    free(body);
    return status;
}

static void tokens_are_made_listed_and_revoked(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    const char *dir = s.footfall.data_dir;
    struct run r =
        RUN("token", "create", "--scope", "ingest", "--site", "a.example", "--data-dir", dir);
    char *token = line_of(&r);
    assert_int_equal(post_page(&s, token, "a.example"), 202);
    assert_int_equal(post_page(&s, token, "b.example"), 403);
    r = RUN("token", "list", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    const char *row = strstr((char *)r.out.p, "ingest");
    assert_non_null(row);
    assert_non_null(strstr(row, "a.example"));
    assert_null(strstr((char *)r.out.p, token));
    clear(&r);
    char *id = support_sql(s.postgres, "SELECT max(id) FROM token");
    r = RUN("token", "revoke", id, "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    assert_int_equal(post_page(&s, token, "a.example"), 401);
    free(id);
    free(token);
    service_stop(&s);
}

static void sites_are_added_and_listed(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    const char *dir = s.footfall.data_dir;
    struct run r = RUN("site", "add", "new.example", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    r = RUN("site", "alias", "new.example", "42", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    r = RUN("site", "list", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    const char *row = strstr((char *)r.out.p, "new.example");
    assert_non_null(row);
    assert_non_null(strstr(row, "42"));
    clear(&r);
    static const char *const count = "SELECT count(*) FROM site WHERE is_public";
    r = RUN("site", "public", "new.example", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    assert_int_equal(support_sql_int(s.postgres, count), 1);
    clear(&r);
    r = RUN("site", "private", "new.example", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    assert_int_equal(support_sql_int(s.postgres, count), 0);
    clear(&r);
    r = RUN("site", "add", "no site", "--data-dir", dir);
    assert_int_equal(r.status, EXIT_FAILED);
    assert_non_null(strstr((char *)r.err_out.p, "name"));
    clear(&r);
    service_stop(&s);
}

/* What a token has made known stays closed to senders without one, whatever is said of it. */
static void a_public_site_is_not_opened_to_senders(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    const char *dir = s.footfall.data_dir;
    support_sql_int(s.postgres,
                    "INSERT INTO site (name, learned) VALUES ('by.token', true) RETURNING 1");
    struct run r = RUN("site", "public", "by.token", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    static const char *const learned =
        "SELECT count(*) FROM site WHERE name = 'by.token' AND is_public AND learned";
    assert_int_equal(support_sql_int(s.postgres, learned), 1);
    r = RUN("site", "add", "by.token", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    assert_int_equal(support_sql_int(s.postgres, learned), 0);
    service_stop(&s);
}

static void the_log_is_printed_and_its_head(void **state)
{
    (void)state;
    struct service s;
    struct traffic t = {.seed = 5};
    service_start(&s);
    const char *dir = s.footfall.data_dir;
    struct run r = RUN("log", "head", "--data-dir", dir);
    char *head = line_of(&r);
    assert_string_equal(head, "0");
    free(head);
    service_post_all(&s, &t, 2500);
    r = RUN("log", "head", "--data-dir", dir);
    head = line_of(&r);
    assert_int_equal(atoi(head), t.n_distinct);
    free(head);
    r = RUN("log", "cat", "--data-dir", dir, "--from", "7", "--to", "2100");
    assert_int_equal(r.status, 0);
    char *line = (char *)r.out.p;
    for (int seq = 7; seq < 2100; seq++) {
        char expected[32];
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        snprintf(expected, sizeof(expected), "\"seq\":%d", seq);
        char *found = strstr(line, expected);
        if (found == NULL || (found[strlen(expected)] >= '0' && found[strlen(expected)] <= '9'))
            fail_msg("not seq %d: %s", seq, line);
        line = end + 1;
    }
    assert_int_equal(*line, '\0');
    clear(&r);
    service_stop(&s);
}

static void views_are_listed_and_shown(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    const char *dir = s.footfall.data_dir;
    struct run r = RUN("view", "list", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr((char *)r.out.p, "pageviews_by_region"));
    clear(&r);
    r = RUN("view", "show", "pageviews_by_region", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr((char *)r.out.p, "CREATE MATERIALIZED VIEW pageviews_by_region"));
    clear(&r);
    r = RUN("view", "show", "nothing", "--data-dir", dir);
    assert_int_equal(r.status, EXIT_FAILED);
    clear(&r);
    service_stop(&s);
}

static char *write_view(const char *dir, const char *column)
{
    struct err e = {0};
    struct buf text = {0};
    char *path = mem_format("%s/mine.sql", dir);
    buf_printf(&text,
               "-- By %s.\nCREATE MATERIALIZED VIEW mine AS\n"
               "SELECT site, date_bin('15 minutes', event_time, 'epoch') AS time, %s,\n"
               "       count(*) AS pageviews, count(DISTINCT visitor) AS visitors\n"
               "FROM events\nWHERE event_type = 'PageViewEvent' AND NOT bot\n"
               "GROUP BY 1, 2, 3;\n",
               column, column);
    support_ok(file_write(path, buf_span(&text), 0644, &e), &e);
    buf_clear(&text);
    return path;
}

static void views_are_added_changed_and_dropped(void **state)
{
    (void)state;
    struct service s;
    struct traffic traffic = {.seed = 5};
    service_start(&s);
    service_post_all(&s, &traffic, 1000);
    const char *dir = s.footfall.data_dir;
    char *folder = support_folder(), *path = write_view(folder, "os");
    struct run r = RUN("view", "add", path, "--data-dir", dir);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr((char *)r.out.p, "mine: ready, generation 1"));
    clear(&r);
    r = RUN("view", "add", path, "--data-dir", dir);
    assert_string_equal((char *)r.out.p, "mine: ready\n");
    clear(&r);
    free(path);
    path = write_view(folder, "browser");
    r = RUN("view", "add", path, "--no-wait", "--json", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr((char *)r.out.p, "\"state\":\"building\""));
    clear(&r);
    r = RUN("view", "add", path, "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    r = RUN("view", "show", "mine", "--data-dir", dir);
    assert_int_equal(strncmp((char *)r.out.p, "-- By browser.\nCREATE", 21), 0);
    assert_non_null(strstr((char *)r.out.p, "\n-- version 1, past\n-- By os.\n"));
    clear(&r);
    r = RUN("verify", "mine", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    r = RUN("view", "drop", "mine", "--data-dir", dir);
    assert_int_equal(r.status, 0);
    clear(&r);
    r = RUN("view", "drop", "mine", "--data-dir", dir);
    assert_int_equal(r.status, EXIT_FAILED);
    clear(&r);
    free(path);
    path = write_view(folder, "no_such_column");
    r = RUN("view", "add", path, "--data-dir", dir);
    assert_int_equal(r.status, EXIT_FAILED);
    assert_non_null(strstr((char *)r.err_out.p, "line "));
    clear(&r);
    free(path);
    free(folder);
    service_stop(&s);
}

static void the_demo_sends_believable_traffic(void **state)
{
    (void)state;
    struct service s;
    service_start(&s);
    const char *dir = s.footfall.data_dir;
    struct run r = RUN("demo", "--days", "2", "--per-day", "3000", "--data-dir", dir);
    unsigned sent, accepted, duplicate, rejected;
    assert_int_equal(r.status, 0);
    assert_int_equal(sscanf((char *)r.out.p, "sent=%u accepted=%u duplicate=%u rejected=%u", &sent,
                            &accepted, &duplicate, &rejected),
                     4);
    assert_int_equal(rejected, 0);
    assert_int_equal(sent, accepted + duplicate);
    assert_true(accepted > 4000 && duplicate > 10);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(*) FROM events"), accepted);
    assert_int_equal(support_sql_int(s.postgres, "SELECT count(DISTINCT site) FROM events"), 3);
    assert_true(support_sql_int(s.postgres, "SELECT count(*) FROM events WHERE bot") > 100);
    assert_true(support_sql_int(s.postgres, "SELECT count(*) FROM events WHERE NOT bot") > 1000);
    clear(&r);
    service_stop(&s);
}

static void status_says_where_things_are(void **state)
{
    (void)state;
    struct service s;
    struct traffic t = {.seed = 6};
    service_start(&s);
    service_post_all(&s, &t, 50);
    struct run r = RUN("status", "--data-dir", s.footfall.data_dir);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr((char *)r.out.p, "pageviews_by_region"));
    clear(&r);
    service_stop(&s);
}

static bool has_started(void *arg)
{
    char *path = mem_format("%s/service.json", (const char *)arg);
    bool started = file_exists(path);
    free(path);
    return started;
}

/* The folder is free again. */
static bool has_ended(void *arg)
{
    char *path = mem_format("%s/footfall.lock", (const char *)arg);
    int fd = -1;
    bool ended = process_lock(path, &fd, NULL) == 0;
    if (fd >= 0)
        close(fd);
    free(path);
    return ended && !has_started(arg);
}

static void a_service_started_for_a_command_ends_with_it(void **state)
{
    (void)state;
    struct err e = {0};
    pid_t pid;
    char *data = support_folder();
    const char *words[] = {FOOTFALL_BINARY,
                           "demo",
                           "--days=0",
                           "--rate=5",
                           "--data-dir",
                           data,
                           support_user() == NULL ? NULL : "--user",
                           support_user(),
                           NULL};
    struct process_options o = {.argv = words, .output = "/dev/null"};
    support_ok(process_spawn(&pid, &o, &e), &e);
    wait_until(60000, "the command's own service", has_started, data);
    assert_false(has_ended(data));
    process_end(pid, SIGKILL, 10000);
    wait_until(60000, "the end of the service of a killed command", has_ended, data);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_usage_is_one_line_and_status_2),
        cmocka_unit_test(the_version_is_told),
        cmocka_unit_test(help_shows_every_option_with_its_default),
        cmocka_unit_test_setup_teardown(tokens_are_made_listed_and_revoked, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(sites_are_added_and_listed, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(a_public_site_is_not_opened_to_senders, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(the_log_is_printed_and_its_head, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(views_are_added_changed_and_dropped, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(views_are_listed_and_shown, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(the_demo_sends_believable_traffic, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(a_service_started_for_a_command_ends_with_it, support_setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(status_says_where_things_are, support_setup,
                                        support_teardown),
    };
    return support_run("cli", tests, sizeof(tests) / sizeof(tests[0]));
}
