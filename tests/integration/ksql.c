/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of a streaming SQL engine, through the real service: their inputs are events, half of
 * them sent before the views are added and half after; the rows of the views and the answers to the
 * same SELECTs are the engine's tables. Which cases, and which not: tests/support/ksql_cases.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/support/api_rig.h"
#include "tests/support/data.h"
#include "tests/support/ksql_data.h"
#include "tests/support/service.h"

enum { MAX_TESTS = 120, MAX_FILES = 24, MAX_BYTES = 1 << 20, MAX_DEPTH = 32 };

/* In the form of the engine's files. */
static const char built_in[] =
    "{\"tests\": [{\"name\": \"greatest and least by half minute\", \"statements\": ["
    "\"CREATE STREAM T (ID bigint, VALUE bigint, PRICE double) WITH (value_format='DELIMITED');\"],"
    "\"inputs\": ["
    "{\"key\": 1, \"value\": \"1,5,2.50\", \"timestamp\": 29999},"
    "{\"key\": 2, \"value\": \"2,-9223372036854775808,0.000000001\", \"timestamp\": 30000},"
    "{\"key\": 1, \"value\": \"1,7,-0.5\", \"timestamp\": 30000},"
    "{\"key\": 1, \"value\": null, \"timestamp\": 30000},"
    "{\"key\": 1, \"value\": \"1,9223372036854775807,12\", \"timestamp\": 0},"
    "{\"key\": 1, \"value\": \"1,6,nothing\", \"timestamp\": 59999}],"
    "\"outputs\": ["
    "{\"key\": 1, \"value\": \"1,5,2.5\", \"window\": {\"start\": 0, \"end\": 30000}},"
    "{\"key\": 2, \"value\": \"2,-9223372036854775808,0.000000001\","
    " \"window\": {\"start\": 30000, \"end\": 60000}},"
    "{\"key\": 1, \"value\": \"1,7,-0.5\", \"window\": {\"start\": 30000, \"end\": 60000}},"
    "{\"key\": 1, \"value\": \"1,9223372036854775807,2.5\","
    " \"window\": {\"start\": 0, \"end\": 30000}}]},"

    "{\"name\": \"greatest of hopping windows\", \"statements\": ["
    "\"CREATE STREAM T (ID bigint, VALUE bigint) WITH (value_format='DELIMITED');\"],"
    "\"inputs\": [{\"key\": 1, \"value\": \"1,4\", \"timestamp\": 9999},"
    "{\"key\": 1, \"value\": \"1,3\", \"timestamp\": 20000}],"
    "\"outputs\": ["
    "{\"key\": 1, \"value\": \"1,4\", \"window\": {\"start\": 0, \"end\": 30000}},"
    "{\"key\": 1, \"value\": \"1,3\", \"window\": {\"start\": 10000, \"end\": 40000}},"
    "{\"key\": 1, \"value\": \"1,3\", \"window\": {\"start\": 20000, \"end\": 50000}}]},"

    "{\"name\": \"sessions that a late input joins\", \"statements\": [], \"inputs\": ["
    "{\"key\": 1, \"value\": \"\", \"timestamp\": 0},"
    "{\"key\": 1, \"value\": \"\", \"timestamp\": 50000},"
    "{\"key\": 2, \"value\": \"\", \"timestamp\": 1000},"
    "{\"key\": 2, \"value\": \"\", \"timestamp\": 32000},"
    "{\"key\": 1, \"value\": \"\", \"timestamp\": 25000}],"
    "\"outputs\": ["
    "{\"key\": 1, \"value\": \"\", \"window\": {\"start\": 0, \"end\": 0}},"
    "{\"key\": 1, \"value\": \"\", \"window\": {\"start\": 50000, \"end\": 50000}},"
    "{\"key\": 2, \"value\": \"\", \"window\": {\"start\": 1000, \"end\": 1000}},"
    "{\"key\": 2, \"value\": \"\", \"window\": {\"start\": 32000, \"end\": 32000}},"
    "{\"key\": 1, \"value\": null, \"window\": {\"start\": 0, \"end\": 0}},"
    "{\"key\": 1, \"value\": null, \"window\": {\"start\": 50000, \"end\": 50000}},"
    "{\"key\": 1, \"value\": \"\", \"window\": {\"start\": 0, \"end\": 50000}}]},"

    "{\"name\": \"bounds of half minutes\", \"statements\": ["
    "\"CREATE STREAM T (ID bigint) WITH (value_format='DELIMITED');\"],"
    "\"inputs\": [{\"key\": 1, \"value\": \"1\", \"timestamp\": 70000}],"
    "\"outputs\": [{\"key\": 1, \"value\": \"1,60000,90000\","
    " \"window\": {\"start\": 60000, \"end\": 90000}}]},"

    "{\"name\": \"rows that come through\", \"statements\": ["
    "\"CREATE STREAM T (C1 INT, C2 INT, C3 STRING) WITH (value_format='DELIMITED');\"],"
    "\"inputs\": [{\"key\": 1, \"value\": \"1,2,foo\", \"timestamp\": 0},"
    "{\"key\": 2, \"value\": \"1,2,foo\", \"timestamp\": 0},"
    "{\"key\": 3, \"value\": \"1,2,bar\", \"timestamp\": 0}],"
    "\"outputs\": [{\"key\": 1, \"value\": \"1,2,foo\"}, {\"key\": 2, \"value\": \"1,2,foo\"}]},"

    "{\"name\": \"sums above a limit, by a field that may be missing\", \"statements\": [],"
    "\"inputs\": ["
    "{\"key\": 1, \"value\": {\"data\": {\"field\": \"a\"}, \"value\": 0.1}, \"timestamp\": 0},"
    "{\"key\": 1, \"value\": {\"data\": {}, \"value\": 1.5}, \"timestamp\": 0},"
    "{\"key\": 1, \"value\": {\"data\": {\"field\": \"a\"}, \"value\": 0.9}, \"timestamp\": 0},"
    "{\"key\": 1, \"value\": {\"data\": {\"field\": null}, \"value\": 2.25}, \"timestamp\": 0}],"
    "\"outputs\": [{\"key\": \"a\", \"value\": null},"
    "{\"key\": \"null\", \"value\": {\"FIELD\": null, \"SUM\": 3.75}}]},"

    "{\"name\": \"a column that is not grouped by\", \"statements\": [], \"inputs\": [],"
    " \"outputs\": []}]}";

/* ---- the files ---- */

static const char *const names[] = {"tumbling-windows",
                                    "hopping-windows",
                                    "session-windows",
                                    "window-bounds",
                                    "count",
                                    "sum",
                                    "average",
                                    "max-group-by",
                                    "min-group-by",
                                    "group-by",
                                    "having",
                                    "project-filter",
                                    "joins",
                                    "topk-group-by",
                                    "topk-distinct",
                                    "join-with-custom-timestamp",
                                    "partition-by"};
enum { N_NAMES = sizeof names / sizeof *names };

struct file {
    const char *name;
    struct buf text;
    struct json *json;
    struct json_value root;
};
static struct file files[MAX_FILES]; /* the built-in one first */
static unsigned n_files;

static struct ksql_test tests_to_run[MAX_TESTS];
static unsigned n_tests;

static void add_tests(const struct file *f)
{
    struct json_value tests;
    struct err e = {0};
    assert_int_equal(json_get(f->json, &f->root, "tests", &tests, &e), 1);
    struct json_walk walk = json_enter(f->json, &tests);
    for (struct json_member m; json_next(&walk, &m);) {
        struct span name = ksql_name(f->json, &m.value);
        const struct ksql_case *c = ksql_case_of(span_of(f->name), name);
        if (c == NULL)
            fail_msg("%s: \"%.*s\" is neither run nor left out", f->name, (int)name.n, name.p);
        if (c->kind == KSQL_LEFT_OUT)
            continue;
        assert_true(n_tests < MAX_TESTS);
        struct ksql_test *t = &tests_to_run[n_tests];
        *t = (struct ksql_test){.json = f->json, .value = m.value, .c = c};
        snprintf(t->site, sizeof t->site, "ksql-%u.example", n_tests++);
    }
}

static void add_file(const char *name, struct buf text)
{
    assert_true(n_files < MAX_FILES);
    struct file *f = &files[n_files++];
    struct err e = {0};
    *f = (struct file){.name = name, .text = text, .json = json_new(MAX_BYTES, MAX_DEPTH)};
    if (json_parse(f->json, buf_span(&f->text), &f->root, &e) != 0)
        fail_msg("%s: %s", name, e.text);
    add_tests(f);
}

static void load_files(void)
{
    struct buf text = {0};
    buf_put_text(&text, built_in);
    add_file("built-in", text);
    for (unsigned i = 0; i < N_NAMES; i++) {
        char name[64], path[1024];
        struct buf bytes = {0};
        snprintf(name, sizeof name, "ksql/%s.json", names[i]);
        if (!data_path(path, sizeof path, name))
            return;
        assert_true(data_read(path, &bytes));
        add_file(names[i], bytes);
    }
}

/* ---- into the service ---- */

/* Cases of the same SELECT share a view. */
static unsigned view_of(unsigned test, const char *select)
{
    for (unsigned i = 0; i < test; i++) {
        if (tests_to_run[i].c->kind == KSQL_REFUSED)
            continue;
        char *other = ksql_select(tests_to_run[i].c);
        bool same = strcmp(other, select) == 0;
        free(other);
        if (same)
            return i;
    }
    return test;
}

static struct support_answer ask_to_add(unsigned view, const char *select)
{
    char *sql = mem_format("CREATE MATERIALIZED VIEW ksql_%u AS %s", view, select);
    struct support_answer a = rig_ask(
        &(struct rig_request){.body = sql, .content_type = "application/sql"}, "/v1/admin/views");
    free(sql);
    return a;
}

static void add_views(void)
{
    for (unsigned i = 0; i < n_tests; i++) {
        if (tests_to_run[i].c->kind == KSQL_REFUSED)
            continue;
        char *select = ksql_select(tests_to_run[i].c);
        if (view_of(i, select) == i) {
            struct support_answer a = ask_to_add(i, select);
            if (a.status != 202)
                fail_msg("%s: %s", select, (const char *)a.body.p);
            support_answer_clear(&a);
        }
        free(select);
    }
}

static int setup(void **state)
{
    struct buf halves[2] = {{0}, {0}};
    unsigned n[2] = {0, 0};
    (void)state;
    load_files();
    for (unsigned i = 0; i < n_tests; i++)
        ksql_put_events(&tests_to_run[i], halves, n);
    rig_post(buf_span(&halves[0]), n[0]);
    add_views();
    rig_post(buf_span(&halves[1]), n[1]);
    rig_wait_caught_up();
    buf_clear(&halves[0]);
    buf_clear(&halves[1]);
    return 0;
}

/* ---- out of it ---- */

static int64_t end_s(const struct ksql_test *t)
{
    bool days = t->c->step == NULL && t->c->kind != KSQL_SESSIONS;
    return KSQL_BASE_US / 1000000 + (days ? 86400 : 7200);
}

static struct support_answer ask_rows(const struct ksql_test *t, unsigned view)
{
    const char *step = t->c->kind == KSQL_SESSIONS ? "minute"
                       : t->c->step == NULL        ? "day"
                                                   : t->c->step;
    const char *window = t->c->window;
    return rig_ask(&(struct rig_request){.accept = "text/csv"},
                   "/v1/views/ksql_%u/rows?site=%s&from=%lld&to=%lld&limit=10000&step=%s%s%s", view,
                   t->site, (long long)(KSQL_BASE_US / 1000000), (long long)end_s(t), step,
                   window == NULL ? "" : "&window=", window == NULL ? "" : window);
}

static struct support_answer ask_query(const struct ksql_test *t, const char *select)
{
    struct buf body = {0};
    buf_put_text(&body, "{\"sql\":");
    buf_put_json(&body, span_of(select));
    buf_printf(&body, ",\"site\":\"%s\",\"from\":%lld,\"to\":%lld,\"limit\":10000}", t->site,
               (long long)(KSQL_BASE_US / 1000000), (long long)end_s(t));
    buf_put_byte(&body, 0);
    struct support_answer a = rig_ask(&(struct rig_request){.body = (const char *)body.p,
                                                            .accept = "text/csv",
                                                            .content_type = "application/json"},
                                      "/v1/query");
    buf_clear(&body);
    return a;
}

static void assert_table(const struct ksql_test *t, const char *from, struct support_answer a,
                         unsigned after_time)
{
    struct span name = ksql_name(t->json, &t->value);
    if (a.status != 200)
        fail_msg("%s: %.*s: %s: %s", t->c->file, (int)name.n, name.p, from, (char *)a.body.p);
    char *got = ksql_got(t, buf_span(&a.body), after_time), *expected = ksql_expected(t);
    assert_true(strlen(expected) > 0);
    if (strcmp(got, expected) != 0)
        fail_msg("%s: %.*s: %s\ngot:\n%sexpected:\n%s", t->c->file, (int)name.n, name.p, from, got,
                 expected);
    free(got);
    free(expected);
    support_answer_clear(&a);
}

/* ---- what holds ---- */

typedef void check_test(const struct ksql_test *t, unsigned test, const char *select);

static void each_test(check_test *check)
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_tests; i++) {
        if (tests_to_run[i].c->kind == KSQL_REFUSED)
            continue;
        char *select = ksql_select(tests_to_run[i].c);
        check(&tests_to_run[i], i, select);
        free(select);
        n++;
    }
    assert_true(n >= 6); /* those that are built in */
}

static void check_rows(const struct ksql_test *t, unsigned test, const char *select)
{
    assert_table(t, "rows", ask_rows(t, view_of(test, select)), 0);
}

/* Hopping windows are a way of reading a view's rows. */
static void check_query(const struct ksql_test *t, unsigned test, const char *select)
{
    (void)test;
    if (t->c->window == NULL)
        assert_table(t, "query", ask_query(t, select), 1);
}

static void rows_of_views_are_the_engines_tables(void **state)
{
    (void)state;
    each_test(check_rows);
}

static void answers_to_the_same_selects_are_the_engines_tables(void **state)
{
    (void)state;
    each_test(check_query);
}

static void what_the_engine_refuses_is_refused(void **state)
{
    (void)state;
    unsigned n = 0;
    for (unsigned i = 0; i < n_tests; i++) {
        if (tests_to_run[i].c->kind != KSQL_REFUSED)
            continue;
        char *select = ksql_select(tests_to_run[i].c);
        struct support_answer added = ask_to_add(i, select),
                              asked = ask_query(&tests_to_run[i], select);
        rig_expect(&added, 400);
        rig_expect(&asked, 400);
        assert_non_null(strstr((char *)asked.body.p, "GROUP BY"));
        support_answer_clear(&added);
        support_answer_clear(&asked);
        free(select);
        n++;
    }
    assert_true(n >= 1);
}

static bool file_has(const struct file *f, const char *name)
{
    struct json_value all;
    struct err e = {0};
    assert_int_equal(json_get(f->json, &f->root, "tests", &all, &e), 1);
    struct json_walk walk = json_enter(f->json, &all);
    for (struct json_member m; json_next(&walk, &m);)
        if (span_is(ksql_name(f->json, &m.value), name))
            return true;
    return false;
}

/* The other way round is seen to when the files are read. */
static void every_row_of_the_table_is_a_case_and_says_why_it_is_left_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ksql_n_cases; i++) {
        const struct ksql_case *c = &ksql_cases[i];
        const char *name = c->name == NULL ? "(all)" : c->name;
        assert_true((c->kind == KSQL_LEFT_OUT) == (c->why != NULL));
        if (c->why != NULL)
            print_message("left out: %s: %s: %s\n", c->file, name, c->why);
        for (unsigned f = 0; f < n_files; f++)
            if (c->name != NULL && strcmp(files[f].name, c->file) == 0 &&
                !file_has(&files[f], c->name))
                fail_msg("%s has no case \"%s\"", c->file, c->name);
    }
}

static void verify_agrees(void **state)
{
    (void)state;
    struct service s = {.footfall = rig()->footfall};
    service_verify_agrees(&s);
}

static int stop(void **state)
{
    (void)state;
    int status = support_footfall_stop(&rig()->footfall);
    rig_clear();
    for (unsigned i = 0; i < n_files; i++) {
        json_free(files[i].json);
        buf_clear(&files[i].text);
    }
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_row_of_the_table_is_a_case_and_says_why_it_is_left_out, setup),
        cmocka_unit_test(rows_of_views_are_the_engines_tables),
        cmocka_unit_test(answers_to_the_same_selects_are_the_engines_tables),
        cmocka_unit_test(what_the_engine_refuses_is_refused),
        cmocka_unit_test_teardown(verify_agrees, stop),
    };
    return support_run("ksql", tests, sizeof tests / sizeof *tests);
}
