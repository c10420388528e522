/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded PostgreSQL and Redis: private servers, the distribution's own programs, on unix sockets
 * only, in a folder that only their user can enter. Made on first start, mended while they run,
 * stopped at the end; they die with us even when we are killed outright.
 *
 *   DIR/footfall.lock     one owner per data folder; held while struct servers lives
 *   DIR/run/              the sockets (0700); a link to /tmp/ffXXXXXX when the path would pass 107
 * bytes DIR/postgres/         the cluster: UTF8, locale C, checksums; database and superuser
 * `footfall` DIR/postgres.log      what it says; at 16 MiB it starts anew, the last of the old in
 * postgres.log.1 DIR/redis/            redis.conf, appendonlydir/, appendonlydir.broken-N (could
 * not be loaded) DIR/redis.log
 *
 * Threads: one owner. Start and check from the main thread: the servers die with the thread. */
#ifndef BASE_SERVERS_H
#define BASE_SERVERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct servers;

struct servers_options {
    const char *data_dir;
    const char *user;      /* started as root: who runs the servers; NULL: the service user */
    bool postgres, redis;  /* which ones; with none, the folder is only prepared and locked */
    bool (*give_up)(void); /* asked while they start, which may take long; may be NULL */
};

/* Makes the data folder, as root for that user (NULL: the service user), and says so, naming the
 * path, if that user can't reach it. For a root that drops to the user before it starts the
 * servers; servers_start does it too. */
int servers_prepare(const char *data_dir, const char *user, struct err *e) MUST_CHECK;

/* Returns when the servers answer (or with the reason why they don't). ERR_BUSY: another process
 * has the folder. Left-overs of a crashed run are ended first. */
int servers_start(struct servers **out, const struct servers_options *o, struct err *e) MUST_CHECK;

/* Call it about each second: starts again what has died, at once the first time, then with growing
 * pauses up to 30 s. -1 (ERR_DOWN) as long as a server is not answering. */
int servers_check(struct servers *s, struct err *e) MUST_CHECK;

/* Stops them in good order, releases the folder, frees s (may be NULL). */
void servers_stop(struct servers *s);

const char *servers_postgres_uri(const struct servers *s); /* libpq's; NULL: not asked for */
const char *servers_redis_uri(const struct servers *s);    /* "unix:/path"; NULL: not asked for */
pid_t servers_postgres_pid(const struct servers *s);       /* -1: not running */
pid_t servers_redis_pid(const struct servers *s);

#endif
