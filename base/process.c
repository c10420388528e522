/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

/* ------------------------------------------------------------------ children */

/* Everything the child needs, made before the fork: between fork and exec only async-signal-safe
 * calls are allowed, other threads may hold any lock. */
struct launch {
    const struct process_options *o;
    pid_t parent;
    int input_fd;  /* stdin */
    int report_fd; /* an exec that fails writes its errno here; closed by one that does not */
};

static void child_signals(void)
{
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The raw calls: glibc's would talk to threads that do not exist in the child. */
static int child_user(const struct process_user *u)
{
    if (u == NULL)
        return 0;
    return syscall(SYS_setgroups, u->n_groups, u->groups) != 0 ||
                   syscall(SYS_setgid, u->gid) != 0 || syscall(SYS_setuid, u->uid) != 0
               ? -1
               : 0;
}

static int child_descriptors(const struct launch *l)
{
    const struct process_options *o = l->o;
    umask(077);
    int out = o->output == NULL
                  ? -1
                  : open(o->output, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (o->output != NULL && (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0))
        return -1;
    if (o->stdout_fd > 0 && dup2(o->stdout_fd, 1) < 0)
        return -1;
    if (dup2(l->input_fd, 0) < 0)
        return -1;
    /* Ours are all close-on-exec; this is for what a library forgot. Old kernels lack it. */
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    return 0;
}

static _Noreturn void child_run(const struct launch *l)
{
    const struct process_options *o = l->o;
    child_signals();
    bool ready = setpgid(0, 0) == 0 && child_user(o->user) == 0 && child_descriptors(l) == 0 &&
                 (o->directory == NULL || chdir(o->directory) == 0);
    /* After the change of user, which clears it. */
    ready = ready && prctl(PR_SET_PDEATHSIG, o->death_signal == 0 ? SIGKILL : o->death_signal) == 0;
    if (ready && getppid() != l->parent)
        _exit(127); /* it died before the line above */
    if (ready)
        execve(o->argv[0], (char *const *)(uintptr_t)o->argv,
               o->environment == NULL ? environ : (char *const *)(uintptr_t)o->environment);
    int code = errno;
    ssize_t written = write(l->report_fd, &code, sizeof(code));
    _exit(written == sizeof(code) ? 127 : 126);
}

/* A pipe that holds the whole text already, or /dev/null. */
static int input_open(const char *text)
{
    if (text == NULL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int ends[2];
    size_t n = strlen(text);
    assert(n <= 4096);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    ssize_t written = write(ends[1], text, n);
    close(ends[1]);
    if (written == (ssize_t)n)
        return ends[0];
    close(ends[0]);
    return -1;
}

static int spawn_and_listen(pid_t *pid, struct launch *l, struct err *e)
{
    int report[2], code = 0;
    if (pipe2(report, O_CLOEXEC) != 0)
        return err_set(e, ERR_DOWN, "starting %s: %s", l->o->argv[0], strerror(errno));
    l->parent = getpid();
    l->report_fd = report[1];
    *pid = fork();
    if (*pid == 0)
        child_run(l);
    int fork_code = errno;
    close(report[1]);
    ssize_t n = 0;
    while (*pid > 0 && (n = read(report[0], &code, sizeof(code))) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (*pid < 0)
        return err_set(e, ERR_DOWN, "starting %s: %s", l->o->argv[0], strerror(fork_code));
    if (n == 0)
        return 0;
    waitpid(*pid, NULL, 0);
    *pid = -1;
    return err_set(e, ERR_DOWN, "starting %s: %s", l->o->argv[0], strerror(code));
}

int process_spawn(pid_t *pid, const struct process_options *o, struct err *e)
{
    struct launch l = {.o = o, .input_fd = input_open(o->input)};
    *pid = -1;
    if (l.input_fd < 0)
        return err_set(e, ERR_DOWN, "starting %s: %s", o->argv[0], strerror(errno));
    int result = spawn_and_listen(pid, &l, e);
    close(l.input_fd);
    return result;
}

/* ------------------------------------------------------------------ waiting */

/* Returns when the child has ended or the time is over; may return early. */
static void wait_a_while(pid_t pid, int64_t us)
{
    int fd = pidfd_open(pid, 0);
    if (fd >= 0) {
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)(us / 1000) + 1);
        close(fd);
        return;
    }
    int64_t step = us < 5000 ? us : 5000; /* a kernel without pidfd */
    nanosleep(&(struct timespec){.tv_nsec = step * 1000}, NULL);
}

bool process_wait(pid_t pid, int64_t deadline_us, int *status)
{
    for (;;) {
        pid_t ended = waitpid(pid, status, WNOHANG);
        if (ended == pid)
            return true;
        if (ended < 0 && errno == ECHILD) {
            *status = 0; /* someone else has waited for it */
            return true;
        }
        int64_t left = deadline_us - clock_monotonic_us();
        if (left <= 0)
            return false;
        wait_a_while(pid, left < US_PER_SECOND ? left : US_PER_SECOND);
    }
}

int process_end(pid_t pid, int signal, int64_t grace_ms)
{
    int status = 0;
    kill(signal == SIGKILL ? -pid : pid, signal);
    if (process_wait(pid, clock_monotonic_us() + grace_ms * 1000, &status))
        return status;
    kill(-pid, SIGKILL);
    process_wait(pid, clock_monotonic_us() + 10 * US_PER_SECOND, &status);
    return status;
}

int process_run(const struct process_options *o, int64_t timeout_ms, struct err *e)
{
    pid_t pid;
    int status = 0;
    off_t from = o->output == NULL ? 0 : file_size(o->output);
    if (process_spawn(&pid, o, e) != 0)
        return -1;
    bool ended = process_wait(pid, clock_monotonic_us() + timeout_ms * 1000, &status);
    if (!ended)
        process_end(pid, SIGKILL, 1000);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    struct buf tail = {0};
    if (o->output != NULL)
        file_tail(&tail, o->output, from, 300);
    if (!ended)
        err_set(e, ERR_DOWN, "%s did not end within %lld ms: %.*s", o->argv[0],
                (long long)timeout_ms, SPAN_ARGS(buf_span(&tail)));
    else
        err_set(e, ERR_DOWN, "%s %s: %.*s", o->argv[0], process_status_text(status).text,
                SPAN_ARGS(buf_span(&tail)));
    buf_clear(&tail);
    return -1;
}

struct process_status_text process_status_text(int status)
{
    struct process_status_text t;
    if (WIFSIGNALED(status))
        snprintf(t.text, sizeof(t.text), "was killed by signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
    else
        snprintf(t.text, sizeof(t.text), "exited with status %d", WEXITSTATUS(status));
    return t;
}

/* ------------------------------------------------------------------ other processes */

bool process_command_line(struct buf *out, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
    size_t from = out->n;
    if (file_read(out, path, 1 << 20, NULL) != 0 || out->n == from)
        return false;
    for (size_t i = from; i < out->n; i++)
        out->p[i] = out->p[i] == '\0' ? ' ' : out->p[i];
    return true;
}

/* Is the first word (a path, or a title such as "postgres: checkpointer") the program's? */
static bool runs(struct span line, const char *program)
{
    const char *end = memchr(line.p, ' ', line.n);
    size_t n = end == NULL ? line.n : (size_t)(end - line.p);
    const char *slash = memrchr(line.p, '/', n);
    size_t skip = slash == NULL ? 0 : (size_t)(slash + 1 - line.p);
    return n - skip >= strlen(program) && memcmp(line.p + skip, program, strlen(program)) == 0;
}

static bool owned_by(pid_t pid, uid_t uid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
    return stat(path, &st) == 0 && st.st_uid == uid;
}

unsigned process_signal_marked(const char *program, const char *mark, uid_t uid, int signal)
{
    unsigned n = 0;
    struct buf line = {0};
    DIR *all = opendir("/proc");
    for (struct dirent *d; all != NULL && (d = readdir(all)) != NULL;) {
        pid_t pid = isdigit((unsigned char)d->d_name[0]) ? (pid_t)strtol(d->d_name, NULL, 10) : 0;
        buf_reset(&line);
        if (pid <= 1 || pid == getpid() || !owned_by(pid, uid) || !process_command_line(&line, pid))
            continue;
        if (!runs(buf_span(&line), program) || memmem(line.p, line.n, mark, strlen(mark)) == NULL)
            continue;
        if (kill(pid, signal) == 0)
            n++;
    }
    if (all != NULL)
        closedir(all);
    buf_clear(&line);
    return n;
}

/* ------------------------------------------------------------------ the lock */

static int lock_refused(int fd, const char *path, struct err *e)
{
    char owner[24] = "";
    if (errno != EWOULDBLOCK)
        return err_set(e, ERR_DOWN, "locking %s: %s", path, strerror(errno));
    ssize_t n = pread(fd, owner, sizeof(owner) - 1, 0);
    owner[n > 0 ? strcspn(owner, "\n") : 0] = '\0';
    return err_set(e, ERR_BUSY, "%s is held by process %s: stop it, or choose another --data-dir",
                   path, owner[0] == '\0' ? "?" : owner);
}

int process_lock(const char *path, int *fd, struct err *e)
{
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return err_set(e, ERR_DOWN, "opening the lock %s: %s", path, strerror(errno));
    int result = flock(*fd, LOCK_EX | LOCK_NB) == 0 ? 0 : lock_refused(*fd, path, e);
    if (result == 0 && (ftruncate(*fd, 0) != 0 || dprintf(*fd, "%ld\n", (long)getpid()) < 0))
        result = err_set(e, ERR_DOWN, "writing %s: %s", path, strerror(errno));
    if (result != 0) {
        close(*fd);
        *fd = -1;
    }
    return result;
}
