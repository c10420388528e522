/* SPDX-License-Identifier: Apache-2.0 */
/* DIR/service.json (0600): where the running service of a data folder is.
 *
 *   {"pid": 4711, "url": "http://127.0.0.1:8080", "token_file": "/DIR/admin-token",
 *    "postgres": "URI", "redis": "URI"}
 */
#ifndef CLI_SERVICE_FILE_H
#define CLI_SERVICE_FILE_H

#include <stdint.h>

#include "base/err.h"

struct service_file {
    int64_t pid;
    char *url, *token_file, *postgres, *redis; /* NULL: not said */
};

/* Replaces the file in one step. */
int service_file_write(const char *data_dir, const struct service_file *f,
                       struct err *e) MUST_CHECK;
void service_file_remove(const char *data_dir);

/* 1 read, 0 there is none, -1 it cannot be read or makes no sense. Clear it after 1. */
int service_file_read(const char *data_dir, struct service_file *out, struct err *e) MUST_CHECK;
void service_file_clear(struct service_file *f);

#endif
