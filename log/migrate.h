/* SPDX-License-Identifier: Apache-2.0 */
/* The schema in PostgreSQL: numbered migrations, built into the binary, forward only. */
#ifndef LOG_MIGRATE_H
#define LOG_MIGRATE_H

#include "base/err.h"

enum migrate_mode {
    MIGRATE_PLAIN,
    MIGRATE_RESTORED /* the database was restored from a backup: it gets a new log_id */
};

/* Brings the schema to this version. Safe to repeat and to run concurrently. Refuses a newer schema
 * (ERR_DATA), PostgreSQL before 15 or without lz4, and a database that is not UTF8 (ERR_INPUT). */
int migrate_run(const char *postgres_uri, enum migrate_mode mode, struct err *e) MUST_CHECK;

/* The newest migration in this binary. */
int migrate_version(void);

#endif
