/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: children that die with their parent, users, waiting with a deadline, the lock that
 * gives a data folder one owner.
 *
 * Threads: a child dies when the THREAD that spawned it ends: spawn from the main thread, or from
 * one that lives as long as the child shall. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* ------------------------------------------------------------------ users */

enum { PROCESS_MAX_GROUPS = 64 };

struct process_user {
    char name[64];
    char home[256];
    uid_t uid;
    gid_t gid;
    gid_t groups[PROCESS_MAX_GROUPS];
    int n_groups;
};

/* name NULL: the service user, `footfall` if the system has it, else `nobody`. */
int process_find_user(struct process_user *out, const char *name, struct err *e) MUST_CHECK;

/* Root becomes that user for good (groups, gid, uid, HOME), and still gets its signal when its
 * parent dies. For others it is an error unless they are that user already or name is NULL. Call it
 * before any thread is started. */
int process_become_user(const char *name, struct err *e) MUST_CHECK;

/* Fails, naming the first part of the path that is closed to it, unless that user may do with the
 * folder (an absolute path) what mode says (access(2): R_OK | W_OK | X_OK). Tried as that user by
 * root, as oneself by others. */
int process_can_use(const struct process_user *u, const char *folder, int mode,
                    struct err *e) MUST_CHECK;

/* Raises this process's limit of open files, also its children's, to so many at least. ERR_BUSY
 * when it may not have as many: then it has what it may. */
int process_allow_files(uint64_t wanted, struct err *e) MUST_CHECK;

/* ------------------------------------------------------------------ children */

struct process_options {
    const char *const *argv;         /* NULL-ended; argv[0] is a path */
    const char *const *environment;  /* NULL: the parent's */
    const char *directory;           /* NULL: the parent's */
    const struct process_user *user; /* NULL: the parent's; only root may give one */
    const char *output; /* stdout and stderr are appended to this file (0600); NULL: the parent's */
    const char *input;  /* stdin is this text, at most 4096 bytes; NULL: empty */
    int stdout_fd;      /* > 0: stdout goes there instead */
    int death_signal;   /* when the parent dies; 0: SIGKILL */
};

/* Starts the program in its own process group, with default signals, umask 077 and no descriptor
 * but 0, 1, 2. A program that cannot be started is an error here, not an exit status. */
int process_spawn(pid_t *pid, const struct process_options *o, struct err *e) MUST_CHECK;

/* Waits for a child's end until the deadline (clock_monotonic_us; 0: looks once). True: it has
 * ended, *status is as waitpid's. */
bool process_wait(pid_t pid, int64_t deadline_us, int *status);

/* Sends the signal, waits, kills it after grace_ms. SIGKILL goes to its whole group. Returns the
 * status. */
int process_end(pid_t pid, int signal, int64_t grace_ms);

/* Runs the program to its end; fails, with the last of its output, unless it exits with 0. */
int process_run(const struct process_options *o, int64_t timeout_ms, struct err *e) MUST_CHECK;

/* "exited with status 1", "was killed by signal 9 (Killed)" */
struct process_status_text {
    char text[80];
};
struct process_status_text process_status_text(int status);

/* ------------------------------------------------------------------ other processes */

/* Sends the signal (0: none) to each process of that user whose command line contains the mark and
 * whose program name starts with `program`; the caller is left out. Returns how many there are. */
unsigned process_signal_marked(const char *program, const char *mark, uid_t uid, int signal);

/* The command line of a process, blanks between its words; false when there is none. */
bool process_command_line(struct buf *out, pid_t pid);

/* ------------------------------------------------------------------ the lock */

/* Takes the lock file (made with 0600) for as long as *fd stays open, and writes our process id
 * into it. ERR_BUSY names the process that has it. */
int process_lock(const char *path, int *fd, struct err *e) MUST_CHECK;

#endif
