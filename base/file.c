/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int failed(struct err *e, const char *doing, const char *path)
{
    return err_set(e, ERR_DOWN, "%s %s: %s", doing, path, strerror(errno));
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

off_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static int read_all(struct buf *out, int fd, size_t max)
{
    size_t total = 0;
    for (;;) {
        uint8_t *to = buf_reserve(out, 65536);
        ssize_t n = to == NULL ? -1 : read(fd, to, 65536);
        if (n < 0 && to != NULL && errno == EINTR)
            continue;
        if (n <= 0)
            return to == NULL ? (errno = EFBIG, -1) : (int)n;
        out->n += (size_t)n;
        total += (size_t)n;
        if (total > max) {
            errno = EFBIG;
            return -1;
        }
    }
}

int file_read(struct buf *out, const char *path, size_t max, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(e, "opening", path);
    int result = read_all(out, fd, max);
    if (result != 0)
        failed(e, "reading", path);
    close(fd);
    return result;
}

static int write_all(int fd, struct span content)
{
    while (content.n > 0) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        content.p += n;
        content.n -= (size_t)n;
    }
    return fsync(fd);
}

int file_write(const char *path, struct span content, mode_t mode, struct err *e)
{
    char *next = mem_format("%s.new-%ld", path, (long)getpid());
    int result = -1;
    unlink(next);
    int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        failed(e, "making", next);
    } else {
        result = fchmod(fd, mode) != 0 || write_all(fd, content) != 0 ? -1 : 0;
        if (close(fd) != 0 || result != 0 || rename(next, path) != 0)
            result = failed(e, "writing", path);
        if (result != 0)
            unlink(next);
    }
    free(next);
    return result;
}

void file_tail(struct buf *out, const char *path, off_t from, size_t max)
{
    off_t size = file_size(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (size - from > (off_t)max)
        from = size - (off_t)max;
    uint8_t *bytes = mem_alloc(max);
    ssize_t n = pread(fd, bytes, max, from);
    while (n > 0 && bytes[n - 1] == '\n')
        n--;
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            buf_put_text(out, "; ");
        else
            buf_put_byte(out, bytes[i] < ' ' ? ' ' : bytes[i]);
    }
    free(bytes);
    close(fd);
}

static int make_one(const char *path, mode_t mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    errno = errno == EEXIST ? ENOTDIR : errno;
    return -1;
}

int folder_make(const char *path, mode_t mode, struct err *e)
{
    char *prefix = mem_copy_text(path);
    size_t n = strlen(prefix);
    while (n > 1 && prefix[n - 1] == '/')
        prefix[--n] = '\0';
    int result = 0;
    for (size_t i = 1; result == 0 && i <= n; i++) {
        if (i < n && prefix[i] != '/')
            continue;
        prefix[i] = '\0';
        if (make_one(prefix, i == n ? mode : 0755) != 0)
            result = failed(e, "making the folder", prefix);
        prefix[i] = i == n ? '\0' : '/';
    }
    free(prefix);
    return result;
}

bool folder_empty(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL)
        return false;
    int n = 0;
    while (n <= 2 && readdir(d) != NULL)
        n++;
    closedir(d);
    return n <= 2;
}

/* Calls visit for the folder and everything in it, a folder after its content. */
static int walk(const char *path, int (*visit)(const char *, const struct stat *, const void *),
                const void *context, struct err *e)
{
    char *roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    int result = tree == NULL ? failed(e, "opening", path) : 0;
    for (FTSENT *at; result == 0 && (at = fts_read(tree)) != NULL;) {
        if (at->fts_info == FTS_D || (at->fts_info == FTS_NS && at->fts_errno == ENOENT))
            continue;
        bool unreadable = at->fts_info == FTS_DNR || at->fts_info == FTS_ERR;
        if (unreadable && at->fts_errno != ENOENT) {
            errno = at->fts_errno;
            result = failed(e, "reading", at->fts_path);
        } else if (!unreadable && visit(at->fts_accpath, at->fts_statp, context) != 0 &&
                   errno != ENOENT) {
            result = failed(e, "changing", at->fts_path);
        }
    }
    if (tree != NULL)
        fts_close(tree);
    return result;
}

static int remove_one(const char *path, const struct stat *st, const void *context)
{
    (void)context;
    return S_ISDIR(st->st_mode) ? rmdir(path) : unlink(path);
}

int folder_remove(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) != 0 && errno == ENOENT)
        return 0;
    return walk(path, remove_one, NULL, e);
}

struct owner {
    uid_t uid;
    gid_t gid;
};

static int give_one(const char *path, const struct stat *st, const void *context)
{
    const struct owner *to = context;
    if (st->st_uid == to->uid && st->st_gid == to->gid)
        return 0;
    /* A second name of a file may lie outside: its owner is none of ours to change. */
    if (S_ISREG(st->st_mode) && st->st_nlink > 1)
        return 0;
    return lchown(path, to->uid, to->gid);
}

int folder_give(const char *path, uid_t uid, gid_t gid, struct err *e)
{
    return walk(path, give_one, &(struct owner){uid, gid}, e);
}
