/* SPDX-License-Identifier: Apache-2.0 */
/* Options: file, environment and flags, and what each refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"

static const struct option top[] = {
    {.name = "listen", .type = OPTION_TEXT, .fallback = "127.0.0.1:8080", .about = "where"},
    {.name = "data_dir", .type = OPTION_TEXT, .fallback = "./var", .about = "where"},
    {.name = "postgres", .type = OPTION_TEXT, .about = "a URI"},
    {0},
};
static const struct option ingest[] = {
    {.name = "ingest.open_sites", .type = OPTION_BOOL, .fallback = "yes", .about = "?"},
    {.name = "ingest.max_sites",
     .type = OPTION_INT,
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     .about = "?"},
    {.name = "ingest.store_ip",
     .type = OPTION_CHOICE,
     .fallback = "none",
     .choices = "none|truncated|full",
     .about = "?"},
    {0},
};
static const struct option *const tables[] = {top, ingest, NULL};

static int set_up(void **state)
{
    *state = config_new(tables);
    return 0;
}

static int tear_down(void **state)
{
    config_free(*state);
    return 0;
}

/* Writes text into a temporary file and reads it. */
static int read_text(struct config *c, const char *text, struct err *e)
{
    char path[] = "/tmp/footfall-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int failed = config_read_file(c, path, e);
    unlink(path);
    return failed;
}

static int read_flags(struct config *c, int *argc, char **argv, struct err *e)
{
    for (*argc = 0; argv[*argc] != NULL;)
        ++*argc;
    return config_read_flags(c, argc, argv, e);
}

static void without_anything_the_defaults_hold(void **state)
{
    struct config *c = *state;
    assert_string_equal(config_text(c, "listen"), "127.0.0.1:8080");
    assert_null(config_text(c, "postgres"));
    assert_int_equal(config_int(c, "ingest.max_sites"), 1000);
    assert_true(config_bool(c, "ingest.open_sites"));
    assert_string_equal(config_text(c, "ingest.store_ip"), "none");
}

static void a_file_has_sections_comments_and_quotes(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    assert_int_equal(read_text(c,
                               "# a comment\n; another\n\n  listen = [::1]:9  \n"
                               "postgres=\" host=/run #1 \"\r\n[ingest]\nmax_sites=7\n"
                               "open_sites = off\n[ ingest ]\nstore_ip = full",
                               &e),
                     0);
    assert_string_equal(config_text(c, "listen"), "[::1]:9");
    assert_string_equal(config_text(c, "postgres"), " host=/run #1 ");
    assert_int_equal(config_int(c, "ingest.max_sites"), 7);
    assert_false(config_bool(c, "ingest.open_sites"));
    assert_string_equal(config_text(c, "ingest.store_ip"), "full");
}

static void refused(void **state, const char *text, const char *reason)
{
    struct err e = {0};
    assert_int_equal(read_text(*state, text, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    if (strstr(e.text, reason) == NULL)
        fail_msg("'%s' is not in '%s'", reason, e.text);
}

static void a_file_is_refused_naming_line_and_reason(void **state)
{
    refused(state, "\nnonsense\n", ":2: 'nonsense' is not name = value");
    refused(state, "[ingest\n", ":1: '[ingest' is not a [section]");
    refused(state, "[]\n", "is not a [section]");
    refused(state, "max_sites = 3\n", ":1: there is no option max_sites");
    refused(state, "[ingest]\nmax_site = 3\n", "did you mean ingest.max_sites?");
    refused(state, "[ingest]\nmax_sites = many\n", "is a whole number, not 'many'");
    refused(state, "[ingest]\nmax_sites = 0\n", "is from 1 to 100000, not 0");
    refused(state, "[ingest]\nmax_sites = 100001\n", "is from 1 to 100000");
    refused(state, "[ingest]\nmax_sites = 99999999999999999999\n", "is a whole number");
    refused(state, "[ingest]\nmax_sites = 0x10\n", "is a whole number");
    refused(state, "[ingest]\nmax_sites =\n", "is a whole number");
    refused(state, "[ingest]\nopen_sites = maybe\n", "is yes or no, not 'maybe'");
    refused(state, "[ingest]\nstore_ip = some\n", "is one of none|truncated|full, not 'some'");
    refused(state, "[ingest]\nstore_ip = none|full\n", "is one of");
}

static void a_missing_or_huge_file_is_refused(void **state)
{
    struct err e = {0};
    assert_int_equal(config_read_file(*state, "/nonexistent/footfall.ini", &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/footfall.ini: No such file"));
    size_t n = (1 << 20) + 1;
    char *huge = malloc(n + 1);
    memset(huge, '\n', n);
    huge[n] = '\0';
    refused(state, huge, "at most 1 MiB");
    free(huge);
}

static void the_environment_has_upper_case_names(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    const char *environment[] = {"PATH=/bin", "FOOTFALL_INGEST_MAX_SITES=9",
                                 "FOOTFALL_DATA_DIR=/d=1", "FOOTFALL_TEST_DATA=/x", NULL};
    assert_int_equal(config_read_environment(c, (char **)environment, &e), 0);
    assert_int_equal(config_int(c, "ingest.max_sites"), 9);
    assert_string_equal(config_text(c, "data_dir"), "/d=1");
    const char *unknown[] = {"FOOTFALL_LISTENS=1", NULL};
    assert_int_equal(config_read_environment(c, (char **)unknown, &e), -1);
    assert_non_null(strstr(e.text, "FOOTFALL_LISTENS"));
    assert_non_null(strstr(e.text, "did you mean listen?"));
    err_clear(&e);
    const char *bad[] = {"FOOTFALL_INGEST_MAX_SITES=x", NULL};
    assert_int_equal(config_read_environment(c, (char **)bad, &e), -1);
    assert_non_null(
        strstr(e.text, "FOOTFALL_INGEST_MAX_SITES: ingest.max_sites is a whole number"));
}

static void flags_win_over_environment_over_file_in_any_order(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    int argc;
    const char *argv[] = {"footfall", "--listen=flag", NULL};
    const char *environment[] = {"FOOTFALL_LISTEN=environment", "FOOTFALL_DATA_DIR=environment",
                                 NULL};
    assert_int_equal(read_flags(c, &argc, (char **)argv, &e), 0);
    assert_int_equal(config_read_environment(c, (char **)environment, &e), 0);
    assert_int_equal(read_text(c, "listen=file\ndata_dir=file\npostgres=file\n", &e), 0);
    assert_string_equal(config_text(c, "listen"), "flag");
    assert_string_equal(config_text(c, "data_dir"), "environment");
    assert_string_equal(config_text(c, "postgres"), "file");
}

static void flags_take_their_values_and_leave_the_rest_in_order(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    int argc;
    const char *argv[] = {"footfall",  "import",   "--data-dir", "/d", "--site",
                          "a.example", "-",        "--listen",   "x",  "--ingest.open_sites=no",
                          "--",        "--listen", NULL};
    assert_int_equal(read_flags(c, &argc, (char **)argv, &e), 0);
    const char *left[] = {"footfall", "import", "--site", "a.example", "-", "--", "--listen"};
    assert_int_equal(argc, 7);
    for (int i = 0; i < argc; i++)
        assert_string_equal(argv[i], left[i]);
    assert_null(argv[argc]);
    assert_string_equal(config_text(c, "data_dir"), "/d");
    assert_string_equal(config_text(c, "listen"), "x");
    assert_false(config_bool(c, "ingest.open_sites"));
}

static void a_bool_flag_needs_no_value_and_takes_none(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    int argc;
    const char *argv[] = {"footfall", "--ingest.open_sites=off", "--ingest.open_sites", "FILE",
                          NULL};
    assert_int_equal(read_flags(c, &argc, (char **)argv, &e), 0);
    assert_true(config_bool(c, "ingest.open_sites"));
    assert_int_equal(argc, 2);
    assert_string_equal(argv[1], "FILE");
}

static void wrong_flags_are_named(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    int argc;
    const char *unknown[] = {"footfall", "--ingest.open-site", NULL};
    assert_int_equal(read_flags(c, &argc, (char **)unknown, &e), -1);
    assert_non_null(strstr(e.text, "did you mean ingest.open_sites?"));
    err_clear(&e);
    const char *no_value[] = {"footfall", "--listen", NULL};
    assert_int_equal(read_flags(c, &argc, (char **)no_value, &e), -1);
    assert_string_equal(e.text, "--listen needs a value");
    err_clear(&e);
    const char *bad[] = {"footfall", "--ingest.max_sites", "-1", NULL};
    assert_int_equal(read_flags(c, &argc, (char **)bad, &e), -1);
    assert_string_equal(e.text, "--ingest.max_sites: ingest.max_sites is from 1 to 100000, not -1");
}

static void the_config_flag_reads_a_file_below_the_environment(void **state)
{
    struct config *c = *state;
    struct err e = {0};
    char path[] = "/tmp/footfall-config-XXXXXX";
    int argc, fd = mkstemp(path);
    dprintf(fd, "listen=file\ndata_dir=file\n");
    close(fd);
    const char *environment[] = {"FOOTFALL_LISTEN=environment", NULL};
    const char *argv[] = {"footfall", "--config", path, "serve", NULL};
    assert_int_equal(config_read_environment(c, (char **)environment, &e), 0);
    assert_int_equal(read_flags(c, &argc, (char **)argv, &e), 0);
    unlink(path);
    assert_string_equal(config_text(c, "listen"), "environment");
    assert_string_equal(config_text(c, "data_dir"), "file");
    assert_int_equal(argc, 2);
}

static void note(const struct option *o, void *context)
{
    strcat(strcat(context, o->name), " ");
}

static void what_differs_is_told_by_its_value_not_by_where_it_comes_from(void **state)
{
    struct config *other = config_new(tables);
    const char *words[] = {"serve", "--listen=127.0.0.1:8080", "--postgres=x",
                           "--ingest.max_sites=7", NULL};
    char differing[100] = "";
    int argc;
    struct err e = {0};
    config_compare(*state, other, note, differing);
    assert_string_equal(differing, "");
    assert_int_equal(read_flags(other, &argc, (char **)words, &e), 0);
    config_compare(*state, other, note, differing);
    assert_string_equal(differing, "postgres ingest.max_sites ");
    config_free(other);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(without_anything_the_defaults_hold),
        T(a_file_has_sections_comments_and_quotes),
        T(a_file_is_refused_naming_line_and_reason),
        T(a_missing_or_huge_file_is_refused),
        T(the_environment_has_upper_case_names),
        T(flags_win_over_environment_over_file_in_any_order),
        T(flags_take_their_values_and_leave_the_rest_in_order),
        T(a_bool_flag_needs_no_value_and_takes_none),
        T(wrong_flags_are_named),
        T(the_config_flag_reads_a_file_below_the_environment),
        T(what_differs_is_told_by_its_value_not_by_where_it_comes_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
