/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders by path. Failures are ERR_DOWN and name the path. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

bool file_exists(const char *path); /* of any type; a broken link does not */

/* Appends the file's bytes to out; a file of more than max bytes is an error. */
int file_read(struct buf *out, const char *path, size_t max, struct err *e) MUST_CHECK;

/* Replaces the file in one step (temporary name, fsync, rename): a reader or a crash sees the old
 * content or the new, never a part. */
int file_write(const char *path, struct span content, mode_t mode, struct err *e) MUST_CHECK;

/* The last bytes of a text file, at most max and from offset `from` on, as one line for a message
 * (newlines become "; "). An unreadable file gives nothing. */
void file_tail(struct buf *out, const char *path, off_t from, size_t max);

off_t file_size(const char *path); /* 0 when there is none */

/* Makes the folder with all its parents; one that exists is fine and keeps its mode. */
int folder_make(const char *path, mode_t mode, struct err *e) MUST_CHECK;
bool folder_empty(const char *path);

/* Removes the folder with all that is in it, following no link; none is fine. */
int folder_remove(const char *path, struct err *e) MUST_CHECK;

/* Makes uid:gid the owner of the folder and all in it, following no link. */
int folder_give(const char *path, uid_t uid, gid_t gid, struct err *e) MUST_CHECK;

#endif
