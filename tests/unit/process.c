/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/support/wait.h"

static int make_folder(void **state)
{
    char path[] = "/tmp/ff-process-XXXXXX";
    if (mkdtemp(path) == NULL || chmod(path, 0755) != 0)
        return -1;
    *state = mem_copy_text(path);
    return 0;
}

static int drop_folder(void **state)
{
    struct err e = {0};
    int result = folder_remove(*state, &e);
    free(*state);
    return result;
}

#define SHELL(script) ((const char *const[]){"/bin/sh", "-c", script, NULL})

static void what_a_program_says_when_it_fails_is_in_the_error(void **state)
{
    char *log = mem_format("%s/log", (char *)*state);
    struct err e = {0};
    struct process_options o = {.argv = SHELL("echo fine; echo broken >&2; exit 3"), .output = log};
    assert_int_equal(process_run(&o, 10000, &e), -1);
    assert_string_equal(e.text, "/bin/sh exited with status 3: fine; broken");
    err_clear(&e);
    o.argv = SHELL("read line; test \"$line\" = hello && pwd");
    o.input = "hello\n";
    o.directory = "/usr";
    assert_int_equal(process_run(&o, 10000, &e), 0);
    struct buf text = {0};
    assert_int_equal(file_read(&text, log, 4096, &e), 0);
    assert_true(span_is(buf_span(&text), "fine\nbroken\n/usr\n"));
    buf_clear(&text);
    free(log);
}

/* In a child, so that the test keeps its limits. */
static int files_after(rlim_t soft, rlim_t hard, uint64_t wanted, rlim_t expected)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct err e = {0};
        struct rlimit limit = {soft, hard};
        bool set = setrlimit(RLIMIT_NOFILE, &limit) == 0;
        int result = process_allow_files(wanted, &e);
        bool as_expected = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == expected;
        _exit(!set || !as_expected ? 2 : result == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void more_files_may_be_open_as_far_as_allowed(void **state)
{
    (void)state;
    assert_int_equal(files_after(64, 256, 200, 200), 0);
    assert_int_equal(files_after(128, 256, 100, 128), 0);
    assert_int_equal(files_after(64, 128, 200, 128), 1);
}

static void a_program_that_is_not_there_cannot_be_started(void **state)
{
    (void)state;
    struct err e = {0};
    pid_t pid;
    struct process_options o = {.argv = (const char *const[]){"/nonexistent/program", NULL}};
    assert_int_equal(process_spawn(&pid, &o, &e), -1);
    assert_string_equal(e.text, "starting /nonexistent/program: No such file or directory");
    assert_int_equal(pid, -1);
}

static void a_program_past_its_deadline_is_killed(void **state)
{
    (void)state;
    struct err e = {0};
    struct process_options o = {.argv = SHELL("trap '' TERM; while :; do sleep 60; done")};
    assert_int_equal(process_run(&o, 50, &e), -1);
    assert_non_null(strstr(e.text, "did not end within 50 ms"));
    pid_t pid;
    err_clear(&e);
    assert_int_equal(process_spawn(&pid, &o, &e), 0);
    int status = 0;
    assert_false(process_wait(pid, 0, &status));
    status = process_end(pid, SIGKILL, 10000);
    assert_string_equal(process_status_text(status).text, "was killed by signal 9 (Killed)");
}

static void a_child_gets_no_descriptor_of_its_parent(void **state)
{
    char *log = mem_format("%s/descriptors", (char *)*state);
    struct err e = {0};
    int left_open = dup(1); /* not close-on-exec, as a library might leave one */
    struct process_options o = {.argv = SHELL("cd /proc/self/fd && echo *"), .output = log};
    assert_int_equal(process_run(&o, 10000, &e), 0);
    close(left_open);
    struct buf text = {0};
    assert_int_equal(file_read(&text, log, 4096, &e), 0);
    /* 3 is the folder that the shell itself reads */
    assert_true(span_is(buf_span(&text), "0 1 2 3\n") || span_is(buf_span(&text), "0 1 2\n"));
    buf_clear(&text);
    free(log);
}

struct marked {
    const char *mark;
    unsigned want;
};

static bool as_many_run(void *arg)
{
    struct marked *m = arg;
    return process_signal_marked("sleep", m->mark, geteuid(), 0) == m->want;
}

/* A parent that spawns a child which would run for ever, and is then killed outright. */
static void a_child_dies_with_its_parent(void **state)
{
    (void)state;
    char *seconds = mem_format("1000.%ld", (long)getpid()); /* found again by this */
    const char *const sleeper[] = {"/bin/sleep", seconds, NULL};
    struct marked m = {seconds, 1};
    pid_t parent = fork();
    if (parent == 0) {
        pid_t pid;
        struct err e = {0};
        if (process_spawn(&pid, &(struct process_options){.argv = sleeper}, &e) == 0)
            pause();
        _exit(1);
    }
    wait_until(20000, "the child to run", as_many_run, &m);
    kill(parent, SIGKILL);
    m.want = 0;
    wait_until(20000, "the child to end", as_many_run, &m);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    free(seconds);
}

static void a_held_lock_is_refused_and_names_its_holder(void **state)
{
    char *path = mem_format("%s/lock", (char *)*state);
    struct err e = {0};
    int first, second;
    assert_int_equal(process_lock(path, &first, &e), 0);
    assert_int_equal(process_lock(path, &second, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    char *holder = mem_format("held by process %ld:", (long)getpid());
    assert_non_null(strstr(e.text, holder));
    assert_non_null(strstr(e.text, path));
    close(first);
    err_clear(&e);
    assert_int_equal(process_lock(path, &second, &e), 0);
    close(second);
    free(holder);
    free(path);
}

static void an_unknown_user_is_named(void **state)
{
    (void)state;
    struct err e = {0};
    struct process_user u;
    assert_int_equal(process_find_user(&u, "no-such-user", &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.text, "no-such-user"));
    err_clear(&e);
    assert_int_equal(process_find_user(&u, NULL, &e), 0);
    assert_int_not_equal(u.uid, 0);
}

static void the_closed_part_of_a_path_is_named(void **state)
{
    if (geteuid() != 0)
        skip(); /* only root can ask for others */
    char *closed = mem_format("%s/closed", (char *)*state);
    char *inside = mem_format("%s/inside/data", closed);
    struct err e = {0};
    struct process_user u;
    assert_int_equal(process_find_user(&u, "nobody", &e), 0);
    assert_int_equal(folder_make(inside, 0777, &e), 0);
    assert_int_equal(chmod(inside, 0777), 0);
    assert_int_equal(process_can_use(&u, inside, R_OK | W_OK | X_OK, &e), 0);
    assert_int_equal(chmod(closed, 0700), 0);
    assert_int_equal(process_can_use(&u, inside, R_OK | W_OK | X_OK, &e), -1);
    char *want = mem_format(": %s is closed to it", closed);
    assert_non_null(strstr(e.text, want));
    free(want);
    free(inside);
    free(closed);
}

static void root_becomes_a_user_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    pid_t child = fork();
    if (child == 0) {
        struct err e = {0};
        bool done = process_become_user("nobody", &e) == 0 && geteuid() != 0 && getegid() != 0 &&
                    setuid(0) != 0 && process_become_user("nobody", &e) == 0 &&
                    process_become_user("root", &e) != 0;
        _exit(done ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_file_is_replaced_in_one_step(void **state)
{
    char *path = mem_format("%s/a/b/file", (char *)*state);
    char *folder = mem_format("%s/a/b//", (char *)*state);
    struct err e = {0};
    struct buf text = {0};
    assert_int_equal(folder_make(folder, 0700, &e), 0);
    assert_true(folder_empty(folder));
    assert_int_equal(file_write(path, SPAN_LITERAL("one"), 0600, &e), 0);
    assert_int_equal(file_write(path, SPAN_LITERAL("two\nlines\n"), 0600, &e), 0);
    assert_int_equal(file_read(&text, path, 100, &e), 0);
    assert_true(span_is(buf_span(&text), "two\nlines\n"));
    buf_reset(&text);
    file_tail(&text, path, 0, 8);
    assert_true(span_is(buf_span(&text), "o; lines"));
    assert_int_equal(file_read(&text, path, 3, &e), -1);
    err_clear(&e);
    assert_int_equal(folder_make(path, 0700, &e), -1);
    assert_non_null(strstr(e.text, "Not a directory"));
    buf_clear(&text);
    free(folder);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_program_says_when_it_fails_is_in_the_error),
        cmocka_unit_test(more_files_may_be_open_as_far_as_allowed),
        cmocka_unit_test(a_program_that_is_not_there_cannot_be_started),
        cmocka_unit_test(a_program_past_its_deadline_is_killed),
        cmocka_unit_test(a_child_gets_no_descriptor_of_its_parent),
        cmocka_unit_test(a_child_dies_with_its_parent),
        cmocka_unit_test(a_held_lock_is_refused_and_names_its_holder),
        cmocka_unit_test(an_unknown_user_is_named),
        cmocka_unit_test(the_closed_part_of_a_path_is_named),
        cmocka_unit_test(root_becomes_a_user_for_good),
        cmocka_unit_test(a_file_is_replaced_in_one_step),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
