/* SPDX-License-Identifier: Apache-2.0 */
/* The real binary, started and stopped. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/support/program.h"
#include "tests/support/support.h"

enum { MAX_RUNNING = 16, MAX_WORDS = 64, READY_MS = 120 * 1000, STOP_MS = 60 * 1000 };

static struct {
    pid_t running[MAX_RUNNING];
    unsigned n_logs;
} ours;

static void remember(pid_t from, pid_t to)
{
    for (int i = 0; i < MAX_RUNNING; i++)
        if (ours.running[i] == from) {
            ours.running[i] = to;
            return;
        }
    fail_msg("more than %d footfalls at once", MAX_RUNNING);
}

void footfall_kill_all(void)
{
    for (int i = 0; i < MAX_RUNNING; i++)
        if (ours.running[i] > 0) {
            process_end(ours.running[i], SIGKILL, 10000);
            ours.running[i] = 0;
        }
}

static const char *binary(void)
{
    const char *named = getenv("FOOTFALL_TEST_BINARY");
    return named == NULL ? FOOTFALL_BINARY : named;
}

/* ------------------------------------------------------------------ starting */

static bool has(const char *const *words, const char *flag)
{
    for (; words != NULL && *words != NULL; words++)
        if (strncmp(*words, flag, strlen(flag)) == 0)
            return true;
    return false;
}

static void add(const char **words, const char *flag, const char *value)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    assert_true(n + 2 < MAX_WORDS);
    words[n] = flag;
    words[n + 1] = value;
}

/* Reads a line of its stdout; false at its end. */
static bool read_line(int fd, char *line, size_t room, int64_t deadline_us)
{
    size_t n = 0;
    while (n + 1 < room) {
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0 || read(fd, line + n, 1) != 1)
            return false;
        if (line[n++] == '\n')
            break;
    }
    line[n] = '\0';
    return true;
}

static char *read_token(const char *data_dir)
{
    char *path = mem_format("%s/admin-token", data_dir);
    struct buf text = {0};
    char *token = NULL;
    if (file_read(&text, path, 4096, NULL) == 0) {
        while (text.n > 0 && text.p[text.n - 1] == '\n')
            text.n--;
        token = mem_copy_span(buf_span(&text));
    }
    buf_clear(&text);
    free(path);
    return token;
}

void support_footfall_wait_ready(struct support_footfall *f)
{
    static const char ready[] = "footfall ready ";
    char line[512];
    int64_t deadline = clock_monotonic_us() + INT64_C(1000) * READY_MS;
    while (read_line(f->out_fd, line, sizeof(line), deadline)) {
        if (strncmp(line, ready, strlen(ready)) != 0)
            continue;
        f->url = mem_copy_text(line + strlen(ready));
        f->url[strcspn(f->url, "\n")] = '\0';
        f->admin_token = read_token(f->data_dir);
        return;
    }
    struct buf tail = {0};
    file_tail(&tail, f->log, 0, 2000);
    char *text = mem_copy_span(buf_span(&tail));
    buf_clear(&tail);
    fail_msg("footfall did not become ready: %s", text);
}

bool support_footfall_said(const struct support_footfall *f, const char *text)
{
    struct buf log = {0};
    bool said = file_read(&log, f->log, 64 << 20, NULL) == 0 &&
                memmem(log.p, log.n, text, strlen(text)) != NULL;
    buf_clear(&log);
    return said;
}

void support_footfall_spawn(struct support_footfall *f, const char *data_dir,
                            const char *const *arguments)
{
    struct err e = {0};
    int ends[2];
    char *folder = data_dir == NULL ? support_folder() : mem_copy_text(data_dir);
    *f = (struct support_footfall){.data_dir = folder, .pid = -1};
    f->log = mem_format("%s/footfall-%u.log", program_root(), ours.n_logs++);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *words[MAX_WORDS] = {binary(), "serve", "--data-dir", folder};
    if (!has(arguments, "--listen"))
        add(words, "--listen", "127.0.0.1:0");
    if (support_user() != NULL && !has(arguments, "--user"))
        add(words, "--user", support_user());
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++)
        add(words, arguments[i], NULL);
    struct process_options o = {.argv = words, .output = f->log, .stdout_fd = ends[1]};
    int result = process_spawn(&f->pid, &o, &e);
    close(ends[1]);
    f->out_fd = ends[0];
    support_ok(result, &e);
    remember(0, f->pid);
}

void support_footfall_start(struct support_footfall *f, const char *data_dir,
                            const char *const *arguments)
{
    support_footfall_spawn(f, data_dir, arguments);
    support_footfall_wait_ready(f);
}

/* ------------------------------------------------------------------ ending */

static int end(struct support_footfall *f, int signal)
{
    assert_true(f->pid > 0);
    int status = process_end(f->pid, signal, STOP_MS);
    remember(f->pid, 0);
    f->pid = -1;
    close(f->out_fd);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int support_footfall_stop(struct support_footfall *f)
{
    return end(f, SIGTERM);
}

void support_footfall_kill9(struct support_footfall *f)
{
    end(f, SIGKILL);
}

void support_footfall_clear(struct support_footfall *f)
{
    if (f->pid > 0)
        end(f, SIGTERM);
    free(f->data_dir);
    free(f->url);
    free(f->admin_token);
    free(f->log);
    *f = (struct support_footfall){.pid = -1};
}

/* ------------------------------------------------------------------ other commands */

static void take(struct buf *out, const char *path)
{
    struct err e = {0};
    if (out != NULL) {
        support_ok(file_read(out, path, 256 << 20, &e), &e);
        buf_put_byte(out, '\0');
        out->n--;
    }
    unlink(path);
}

int support_footfall_run(struct buf *out, struct buf *err_out, const char *const *words)
{
    struct err e = {0};
    pid_t pid;
    int status = 0;
    char *out_path = mem_format("%s/run-out", program_root());
    char *err_path = mem_format("%s/run-err", program_root());
    const char *all[MAX_WORDS] = {binary()};
    for (size_t i = 0; words[i] != NULL; i++)
        add(all, words[i], NULL);
    int fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    struct process_options o = {.argv = all, .output = err_path, .stdout_fd = fd};
    support_ok(process_spawn(&pid, &o, &e), &e);
    close(fd);
    remember(0, pid);
    bool ended = process_wait(pid, clock_monotonic_us() + 600 * US_PER_SECOND, &status);
    if (!ended)
        process_end(pid, SIGKILL, 1000);
    remember(pid, 0);
    take(out, out_path);
    take(err_out, err_path);
    free(out_path);
    free(err_path);
    assert_true(ended);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
