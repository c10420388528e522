/* SPDX-License-Identifier: Apache-2.0 */
/* Users: finding them, becoming one, and what one may reach. */
#include "base/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static int find_named(struct process_user *out, const char *name, struct err *e)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    int code = getpwnam_r(name, &entry, room, sizeof(room), &found);
    if (found == NULL)
        return err_set(e, ERR_INPUT, "there is no user %s%s%s: name another one with --user", name,
                       code == 0 ? "" : ": ", code == 0 ? "" : strerror(code));
    *out = (struct process_user){.uid = entry.pw_uid, .gid = entry.pw_gid};
    snprintf(out->name, sizeof(out->name), "%s", name);
    snprintf(out->home, sizeof(out->home), "%s", entry.pw_dir);
    out->n_groups = PROCESS_MAX_GROUPS;
    if (getgrouplist(name, entry.pw_gid, out->groups, &out->n_groups) < 0)
        out->n_groups = PROCESS_MAX_GROUPS; /* the first ones do */
    return 0;
}

int process_find_user(struct process_user *out, const char *name, struct err *e)
{
    if (name != NULL)
        return find_named(out, name, e);
    return find_named(out, "footfall", NULL) == 0 ? 0 : find_named(out, "nobody", e);
}

int process_become_user(const char *name, struct err *e)
{
    if (geteuid() != 0 && name == NULL)
        return 0;
    struct process_user u = {0};
    if (process_find_user(&u, name, e) != 0)
        return -1;
    if (geteuid() == u.uid && u.uid != 0)
        return 0;
    if (u.uid == 0)
        return err_set(e, ERR_INPUT, "user %s is root: name an ordinary user with --user", u.name);
    if (geteuid() != 0)
        return err_set(e, ERR_INPUT, "only root can become user %s: leave out --user", u.name);
    int death_signal = 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    if (setgroups((size_t)u.n_groups, u.groups) != 0 || setgid(u.gid) != 0 || setuid(u.uid) != 0)
        return err_set(e, ERR_DOWN, "becoming user %s: %s", u.name, strerror(errno));
    if (setuid(0) == 0)
        abort();                           /* not for good: never go on */
    prctl(PR_SET_PDEATHSIG, death_signal); /* the change of user has cleared it */
    setenv("HOME", u.home, 1);
    setenv("USER", u.name, 1);
    setenv("LOGNAME", u.name, 1);
    return 0;
}

/* In a child: becomes the user and tries each part of the path. The exit status is 0, or 1 + the
 * number of the first closed part, counted by its slashes. */
static _Noreturn void try_path(const struct process_user *u, char *path, int mode)
{
    if (setgroups((size_t)u->n_groups, u->groups) != 0 || setgid(u->gid) != 0 ||
        setuid(u->uid) != 0)
        _exit(255);
    int part = 0;
    for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/', part++) {
        *slash = '\0';
        if (access(path, X_OK) != 0)
            _exit(part < 200 ? 1 + part : 254);
    }
    _exit(access(path, mode) == 0 ? 0 : (part < 200 ? 1 + part : 254));
}

static void cut_after_part(char *path, int part)
{
    char *slash = path;
    while ((slash = strchr(slash + 1, '/')) != NULL)
        if (part-- == 0) {
            *slash = '\0';
            return;
        }
}

int process_can_use(const struct process_user *u, const char *folder, int mode, struct err *e)
{
    if (geteuid() != 0)
        return access(folder, mode) == 0
                   ? 0
                   : err_set(e, ERR_INPUT, "%s is not open to you (%s): choose another --data-dir",
                             folder, strerror(errno));
    char *path = mem_copy_text(folder);
    int status = 0, result = 0;
    pid_t child = fork();
    if (child == 0)
        try_path(u, path, mode);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        result = err_set(e, ERR_DOWN, "trying %s as user %s: %s", path, u->name, strerror(errno));
    } else if (WEXITSTATUS(status) != 0) {
        cut_after_part(path, WEXITSTATUS(status) - 1);
        result = err_set(e, ERR_INPUT,
                         "user %s can't use the data folder %s: %s is closed to it; choose another "
                         "--data-dir, or another --user",
                         u->name, folder, path);
    }
    free(path);
    return result;
}
