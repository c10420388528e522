/* SPDX-License-Identifier: Apache-2.0 */
/* Inside base/servers*: what the keeper (servers.c) needs to know of a kind of server. */
#ifndef BASE_SERVERS_KIND_H
#define BASE_SERVERS_KIND_H

#include <stdint.h>

#include "base/process.h"
#include "base/servers.h"

struct servers;
struct server;

enum server_answer { SERVER_SILENT, SERVER_READY };

struct server_kind {
    const char *name;    /* "PostgreSQL" */
    const char *program; /* how its processes' names start */
    const char *log;     /* the log's name in DIR */
    int stop_signal;     /* asks for an orderly end, also when we die */
    int64_t stop_ms;     /* how long that may take */
    int hard_signal;     /* ends it at once after that, losing nothing */
    int64_t start_ms;    /* recovery and loading included */
    /* Before each start: folders, settings, what a crash left. May take a while. */
    int (*prepare)(struct servers *s, struct err *e);
    int (*spawn)(struct servers *s, struct server *v, struct err *e);
    enum server_answer (*probe)(struct servers *s, pid_t pid);
    /* It ended before it was ready: true if the cause is out of the way now and it can be tried
     * again. */
    bool (*mend)(struct servers *s, const struct server *v, int status);
};

extern const struct server_kind servers_postgres, servers_redis;

enum server_state { SERVER_DOWN, SERVER_STARTING, SERVER_RUNNING };

struct server {
    const struct server_kind *kind; /* NULL: not asked for */
    enum server_state state;
    pid_t pid; /* -1: none */
    int64_t started_us, next_start_us;
    unsigned failures; /* in a row; a minute of running clears them */
    off_t log_from;    /* where the log of this start begins */
    struct err why;    /* it is down */
};

enum { SERVERS_POSTGRES, SERVERS_REDIS, N_SERVERS };

struct servers {
    char *data_dir, *run_dir; /* absolute */
    char mark[24];            /* in the command line of every process of this folder */
    struct process_user user;
    const struct process_user *as; /* &user when root starts the servers, else NULL */
    int lock_fd;
    bool started;       /* servers_start has returned */
    char *postgres_bin; /* the folder with initdb and postgres */
    char *redis_bin;    /* the program */
    char *postgres_uri, *redis_uri;
    struct server list[N_SERVERS];
};

extern const char *const servers_environment[];

/* Ends all processes of this folder that run the program and are not ours to wait for. */
int servers_end_leftovers(const struct servers *s, const struct server_kind *k,
                          struct err *e) MUST_CHECK;
/* Fill in where the programs are (and which socket they answer on), or name the package to install.
 */
int servers_find_postgres(struct servers *s, struct err *e) MUST_CHECK;
int servers_find_redis(struct servers *s, struct err *e) MUST_CHECK;

#endif
