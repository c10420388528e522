/* SPDX-License-Identifier: Apache-2.0 */
/* Inside base/servers*: the data folder, its owner, its lock, the folder of the sockets. */
#ifndef BASE_SERVERS_FOLDER_H
#define BASE_SERVERS_FOLDER_H

#include "base/servers_kind.h"

/* Prepares, locks, makes run_dir; fills user, as, data_dir, run_dir, mark, lock_fd. */
int servers_folder_open(struct servers *s, const struct servers_options *o,
                        struct err *e) MUST_CHECK;
/* Removes the sockets' folder, releases the lock. Also after a failed open. */
void servers_folder_close(struct servers *s);

/* Makes a folder in DIR (0700) that the servers' user owns. */
int servers_folder_make(const struct servers *s, const char *path, struct err *e) MUST_CHECK;
/* Writes a file (0600) that the servers' user owns. */
int servers_folder_write(const struct servers *s, const char *path, struct span content,
                         struct err *e) MUST_CHECK;

/* A log past 16 MiB starts anew; its last mebibyte stays in NAME.1. */
void servers_folder_trim_log(const struct servers *s, const char *name);

#endif
