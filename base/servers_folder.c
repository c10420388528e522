/* SPDX-License-Identifier: Apache-2.0 */
#include "base/servers_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/siphash.h"

static const char longest_socket[] = "/.s.PGSQL.5432";
enum { LOG_MAX_BYTES = 16 << 20, LOG_KEPT_BYTES = 1 << 20 };

/* ------------------------------------------------------------------ whose it is */

static const char *owner_name(uid_t uid, char room[32])
{
    const struct passwd *p = getpwuid(uid); /* one thread starts servers */
    snprintf(room, 32, "%s", p == NULL ? "another user" : p->pw_name);
    return room;
}

static bool is_ours(const char *dir)
{
    char *lock = mem_format("%s/footfall.lock", dir);
    bool ours = file_exists(lock);
    free(lock);
    return ours;
}

/* Root gives the folder to the user, but never one that is someone's for another purpose. */
static int give(const char *dir, const struct process_user *u, struct err *e)
{
    struct stat st;
    char room[32];
    if (stat(dir, &st) != 0)
        return err_set(e, ERR_DOWN, "looking at %s: %s", dir, strerror(errno));
    if (st.st_uid == u->uid)
        return 0;
    if (!folder_empty(dir) && !is_ours(dir))
        return err_set(e, ERR_INPUT,
                       "%s belongs to %s and is no data folder of Footfall: choose another "
                       "--data-dir, or `chown -R %s` it",
                       dir, owner_name(st.st_uid, room), u->name);
    return folder_give(dir, u->uid, u->gid, e);
}

static int prepare_as_root(const char *dir, const struct process_user *u, struct err *e)
{
    char *parent = mem_copy_text(dir);
    *strrchr(parent, '/') = '\0';
    int result = process_can_use(u, parent[0] == '\0' ? "/" : parent, X_OK, e);
    free(parent);
    if (result != 0 || give(dir, u, e) != 0)
        return -1;
    return process_can_use(u, dir, R_OK | W_OK | X_OK, e);
}

/* PostgreSQL serves only the folder's owner. */
static int check_owner(const char *dir, struct err *e)
{
    struct stat st;
    char room[32], *cluster = mem_format("%s/postgres", dir);
    int result = process_can_use(NULL, dir, R_OK | W_OK | X_OK, e);
    if (result == 0 && stat(cluster, &st) == 0 && st.st_uid != geteuid())
        result = err_set(e, ERR_INPUT,
                         "%s belongs to %s: start as that user or as root, or choose another "
                         "--data-dir",
                         cluster, owner_name(st.st_uid, room));
    free(cluster);
    return result;
}

/* Makes it; *dir becomes its absolute path. */
static int prepare(const char *data_dir, const struct process_user *u, char **dir, struct err *e)
{
    if (folder_make(data_dir, 0700, e) != 0)
        return -1;
    *dir = realpath(data_dir, NULL);
    if (*dir == NULL)
        return err_set(e, ERR_DOWN, "looking at %s: %s", data_dir, strerror(errno));
    if (strcmp(*dir, "/") == 0)
        return err_set(e, ERR_INPUT, "/ can't be the data folder: choose another --data-dir");
    return geteuid() == 0 ? prepare_as_root(*dir, u, e) : check_owner(*dir, e);
}

static int find_user(struct process_user *u, const char *name, struct err *e)
{
    if (geteuid() != 0 && name == NULL) {
        *u = (struct process_user){.uid = geteuid(), .gid = getegid()};
        return 0;
    }
    if (process_find_user(u, name, e) != 0)
        return -1;
    if (u->uid == 0)
        return err_set(e, ERR_INPUT, "PostgreSQL never runs as root: name an ordinary --user");
    if (geteuid() != 0 && geteuid() != u->uid)
        return err_set(e, ERR_INPUT, "only root can start the servers as user %s", u->name);
    return 0;
}

int servers_prepare(const char *data_dir, const char *user, struct err *e)
{
    struct process_user u;
    char *dir = NULL;
    int result = find_user(&u, user, e);
    if (result == 0)
        result = prepare(data_dir, &u, &dir, e);
    free(dir);
    return result;
}

/* ------------------------------------------------------------------ what is in it */

static int own(const struct servers *s, const char *path, struct err *e)
{
    if (s->as == NULL || lchown(path, s->as->uid, s->as->gid) == 0)
        return 0;
    return err_set(e, ERR_DOWN, "giving %s to user %s: %s", path, s->as->name, strerror(errno));
}

int servers_folder_make(const struct servers *s, const char *path, struct err *e)
{
    return folder_make(path, 0700, e) == 0 ? own(s, path, e) : -1;
}

int servers_folder_write(const struct servers *s, const char *path, struct span content,
                         struct err *e)
{
    return file_write(path, content, 0600, e) == 0 ? own(s, path, e) : -1;
}

void servers_folder_trim_log(const struct servers *s, const char *name)
{
    char *path = mem_format("%s/%s", s->data_dir, name), *old = mem_format("%s.1", path);
    off_t size = file_size(path);
    int fd = size <= LOG_MAX_BYTES ? -1 : open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        struct err e = {0};
        char *kept = mem_alloc(LOG_KEPT_BYTES);
        ssize_t n = pread(fd, kept, LOG_KEPT_BYTES, size - LOG_KEPT_BYTES);
        /* The servers append (O_APPEND), so they go on at the new end. */
        if (n < 0 || servers_folder_write(s, old, (struct span){kept, (size_t)n}, &e) != 0 ||
            ftruncate(fd, 0) != 0)
            diag(DIAG_WARNING, "servers", "%s can't start anew: %s", path, e.text);
        free(kept);
        close(fd);
    }
    free(old);
    free(path);
}

/* ------------------------------------------------------------------ the sockets' folder */

/* Paths that need no quoting in any of the servers' settings, and fit into a socket address. */
static bool is_plain(const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    return path[strspn(path, plain)] == '\0' &&
           strlen(path) + strlen(longest_socket) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

static bool is_private(const char *path, uid_t uid)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
           (st.st_mode & 0777) == 0700;
}

/* DIR/run is a link to a folder in /tmp; the one of an earlier run is used again if it is still
 * ours. */
static int make_elsewhere(struct servers *s, const char *link, struct err *e)
{
    char target[PATH_MAX] = "", fresh[] = "/tmp/ffXXXXXX";
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n > 0 && strncmp(target, "/tmp/ff", 7) == 0 && is_private(target, s->user.uid)) {
        s->run_dir = mem_copy_text(target);
        return 0;
    }
    if (mkdtemp(fresh) == NULL)
        return err_set(e, ERR_DOWN, "making a folder for sockets in /tmp: %s", strerror(errno));
    s->run_dir = mem_copy_text(fresh);
    if ((unlink(link) != 0 && errno != ENOENT) || symlink(fresh, link) != 0)
        return err_set(e, ERR_DOWN, "making the link %s: %s", link, strerror(errno));
    return own(s, fresh, e) == 0 ? own(s, link, e) : -1;
}

static int make_run_dir(struct servers *s, struct err *e)
{
    char *path = mem_format("%s/run", s->data_dir);
    int result;
    if (is_plain(path)) {
        unlink(path); /* a link, made when DIR had a longer name */
        s->run_dir = mem_copy_text(path);
        result = servers_folder_make(s, path, e);
    } else {
        result = make_elsewhere(s, path, e);
    }
    free(path);
    return result;
}

/* ------------------------------------------------------------------ opening */

static int take_lock(struct servers *s, struct err *e)
{
    char *path = mem_format("%s/footfall.lock", s->data_dir);
    int result = process_lock(path, &s->lock_fd, e);
    if (result == 0)
        result = own(s, path, e);
    free(path);
    return result;
}

int servers_folder_open(struct servers *s, const struct servers_options *o, struct err *e)
{
    if (find_user(&s->user, o->user, e) != 0 ||
        prepare(o->data_dir, &s->user, &s->data_dir, e) != 0)
        return -1;
    s->as = geteuid() == 0 ? &s->user : NULL;
    struct siphash_key fixed = {1, 2};
    snprintf(s->mark, sizeof(s->mark), "ff-%016llx",
             (unsigned long long)siphash(fixed, s->data_dir, strlen(s->data_dir)));
    return take_lock(s, e) == 0 && (!(o->postgres || o->redis) || make_run_dir(s, e) == 0) ? 0 : -1;
}

static void remove_run_dir(const struct servers *s)
{
    struct err e = {0};
    if (folder_remove(s->run_dir, &e) != 0)
        diag(DIAG_WARNING, "servers", "%s", e.text);
    char *link = mem_format("%s/run", s->data_dir);
    unlink(link); /* if it is one */
    free(link);
}

void servers_folder_close(struct servers *s)
{
    if (s->run_dir != NULL)
        remove_run_dir(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->data_dir);
    free(s->run_dir);
}
