/* SPDX-License-Identifier: Apache-2.0 */
/* A test program's frame: its temporary folder, its end. */
#include "tests/support/program.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/support/support.h"

static struct {
    char *root; /* /tmp/ff-test-XXXXXX */
    int lock;   /* on root/lock: it is in use */
    unsigned n_folders;
} program = {.lock = -1};

/* ------------------------------------------------------------------ the folder */

/* Folders of programs that crashed before they could remove theirs. */
static void sweep(void)
{
    glob_t found;
    if (glob("/tmp/ff-test-*", GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct err e = {0};
        struct stat st;
        char *lock = mem_format("%s/lock", found.gl_pathv[i]);
        int fd;
        if (lstat(lock, &st) == 0 && st.st_uid == geteuid() && process_lock(lock, &fd, &e) == 0) {
            int unused = folder_remove(found.gl_pathv[i], &e);
            (void)unused; /* the next one tries again */
            close(fd);
        }
        free(lock);
    }
    globfree(&found);
}

const char *program_root(void)
{
    if (program.root != NULL)
        return program.root;
    struct err e = {0};
    char path[] = "/tmp/ff-test-XXXXXX";
    sweep();
    if (mkdtemp(path) == NULL || chmod(path, 0755) != 0)
        fail_msg("making %s: %s", path, strerror(errno));
    program.root = mem_copy_text(path);
    char *lock = mem_format("%s/lock", path);
    support_ok(process_lock(lock, &program.lock, &e), &e);
    free(lock);
    return program.root;
}

void program_remove(void)
{
    struct err e = {0};
    if (program.root == NULL)
        return;
    if (folder_remove(program.root, &e) != 0)
        fprintf(stderr, "%s\n", e.text);
    close(program.lock);
    free(program.root);
    program.root = NULL;
}

char *support_folder(void)
{
    struct err e = {0};
    struct process_user u;
    char *path = mem_format("%s/%u", program_root(), program.n_folders++);
    support_ok(folder_make(path, 0700, &e), &e);
    if (support_user() != NULL) {
        support_ok(process_find_user(&u, support_user(), &e), &e);
        support_ok(folder_give(path, u.uid, u.gid, &e), &e);
    }
    return path;
}

const char *support_user(void)
{
    if (geteuid() != 0)
        return NULL;
    return getpwnam("postgres") != NULL ? "postgres" : "nobody";
}

char *support_data(const char *name)
{
    const char *root = getenv("FOOTFALL_TEST_DATA");
    char *path = mem_format("%s/%s", root == NULL ? "../shared/data" : root, name);
    if (file_exists(path))
        return path;
    print_message("[  SKIPPED ] there is no %s (see FOOTFALL_TEST_DATA)\n", path);
    free(path);
    return NULL;
}

/* ------------------------------------------------------------------ the end */

static void print_log(const char *path)
{
    struct buf text = {0};
    file_tail(&text, path, 0, 4096);
    fprintf(stderr, "---- the end of %s\n", path);
    for (size_t i = 0; i < text.n; i++) {
        bool line_end = i + 1 < text.n && text.p[i] == ';' && text.p[i + 1] == ' ';
        fputc(line_end ? '\n' : text.p[i], stderr);
    }
    fputc('\n', stderr);
    buf_clear(&text);
}

void program_print_logs(void)
{
    char *roots[] = {program.root, NULL};
    FTS *tree = program.root == NULL ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *at; tree != NULL && (at = fts_read(tree)) != NULL;) {
        const char *dot = strrchr(at->fts_name, '.');
        if (at->fts_info == FTS_F && dot != NULL && strcmp(dot, ".log") == 0)
            print_log(at->fts_path);
    }
    if (tree != NULL)
        fts_close(tree);
}

void support_ok(int result, const struct err *e)
{
    if (result != 0)
        fail_msg("%s", e->text);
}

int support_setup(void **state)
{
    (void)state;
    return 0;
}

int support_teardown(void **state)
{
    (void)state;
    footfall_kill_all();
    return 0;
}

int support_run(const char *name, const struct CMUnitTest *tests, size_t n)
{
    if (getenv("TEST") != NULL) /* TEST='a_replay*' runs some of them */
        cmocka_set_test_filter(getenv("TEST"));
    int n_failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    footfall_kill_all();
    if (n_failed != 0)
        program_print_logs();
    servers_stop_all();
    program_remove();
    return n_failed;
}
