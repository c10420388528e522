/* SPDX-License-Identifier: Apache-2.0 */
/* Redis: its settings, starting it, an append-only file that it cannot load. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/servers_folder.h"

enum { BROKEN_KEPT = 3 };

/* The folder of redis.conf is the working directory, so no path needs quoting. */
static const char settings[] = "# Written by Footfall at each start.\n"
                               "daemonize no\n"
                               "supervised no\n"
                               "port 0\n"
                               "unixsocketperm 700\n"
                               "dir ./\n"
                               "logfile \"\"\n"
                               "databases 1\n"
                               "maxclients 1000\n"
                               "maxmemory-policy noeviction\n"
                               "save \"\"\n"
                               "appendonly yes\n"
                               "appendfsync everysec\n"
                               "appendfilename appendonly.aof\n"
                               "appenddirname appendonlydir\n"
                               "aof-load-truncated yes\n"
                               "aof-use-rdb-preamble yes\n"
                               "auto-aof-rewrite-percentage 100\n"
                               "auto-aof-rewrite-min-size 64mb\n"
                               "lazyfree-lazy-user-del yes\n"
                               "always-show-logo no\n";

int servers_find_redis(struct servers *s, struct err *e)
{
    static const char *const places[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                         "/usr/sbin/redis-server"};
    for (size_t i = 0; s->redis_bin == NULL && i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            s->redis_bin = mem_copy_text(places[i]);
    if (s->redis_bin == NULL)
        return err_set(e, ERR_DOWN,
                       "Redis is not installed: `apt install redis-server`, or give one "
                       "with --redis");
    s->redis_uri = mem_format("unix:%s/redis.sock", s->run_dir);
    return 0;
}

/* ------------------------------------------------------------------ starting */

static int prepare(struct servers *s, struct err *e)
{
    char *folder = mem_format("%s/redis", s->data_dir), *conf = mem_format("%s/redis.conf", folder);
    int result = servers_end_leftovers(s, &servers_redis, e);
    if (result == 0)
        result = servers_folder_make(s, folder, e);
    if (result == 0)
        result = servers_folder_write(s, conf, span_of(settings), e);
    unlink(s->redis_uri + strlen("unix:"));
    free(conf);
    free(folder);
    return result;
}

static int spawn(struct servers *s, struct server *v, struct err *e)
{
    char *folder = mem_format("%s/redis", s->data_dir);
    char *log = mem_format("%s/%s", s->data_dir, v->kind->log);
    char *title = mem_format("{title} %s {listen-addr}", s->mark);
    const char *const argv[] = {s->redis_bin,
                                "redis.conf",
                                "--unixsocket",
                                s->redis_uri + strlen("unix:"),
                                "--proc-title-template",
                                title,
                                NULL};
    struct process_options o = {.argv = argv,
                                .environment = servers_environment,
                                .directory = folder,
                                .user = s->as,
                                .output = log,
                                .death_signal = v->kind->stop_signal};
    int result = process_spawn(&v->pid, &o, e);
    free(title);
    free(log);
    free(folder);
    return result;
}

/* "+PONG": loaded and answering; "-LOADING" is not yet. */
static enum server_answer ask(int fd, const struct sockaddr_un *address)
{
    static const char ping[] = "PING\r\n", pong[] = "+PONG";
    char answer[sizeof(pong)] = "";
    struct timeval second = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
    bool answered = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                    send(fd, ping, strlen(ping), MSG_NOSIGNAL) == (ssize_t)strlen(ping) &&
                    recv(fd, answer, strlen(pong), MSG_WAITALL) == (ssize_t)strlen(pong);
    return answered && memcmp(answer, pong, strlen(pong)) == 0 ? SERVER_READY : SERVER_SILENT;
}

static enum server_answer probe(struct servers *s, pid_t pid)
{
    (void)pid;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->redis_uri + strlen("unix:"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return SERVER_SILENT;
    enum server_answer answer = ask(fd, &address);
    close(fd);
    return answer;
}

/* ------------------------------------------------------------------ a file that cannot be loaded
 */

/* Did it end over its append-only file? It says so, or it crashed on what it read. */
static bool is_unloadable(const struct servers *s, const struct server *v, int status)
{
    static const char *const complaints[] = {
        "reading the append only file",
        "Error reading the RDB",
        "AOF loading aborted",
        "AOF manifest",
        "rdb file reading failure",
        "FATAL AOF",
        "append log file",
        "AOF file",
        "truncated RDB",
    };
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM)
        return true;
    char *log = mem_format("%s/%s", s->data_dir, v->kind->log);
    struct buf text = {0};
    bool found = false;
    file_tail(&text, log, v->log_from, 16384);
    for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
        found = found || memmem(text.p, text.n, complaints[i], strlen(complaints[i])) != NULL;
    buf_clear(&text);
    free(log);
    return found;
}

/* The largest N of the appendonlydir.broken-N that are there. */
static long newest_broken(const char *folder)
{
    static const char prefix[] = "appendonlydir.broken-";
    long newest = 0;
    DIR *all = opendir(folder);
    for (struct dirent *d; all != NULL && (d = readdir(all)) != NULL;) {
        if (strncmp(d->d_name, prefix, strlen(prefix)) != 0)
            continue;
        long n = strtol(d->d_name + strlen(prefix), NULL, 10);
        newest = n > newest ? n : newest;
    }
    if (all != NULL)
        closedir(all);
    return newest;
}

/* Redis holds nothing that the log does not: it starts empty, and what was there is kept for a
 * look. */
static bool mend(struct servers *s, const struct server *v, int status)
{
    char *folder = mem_format("%s/redis", s->data_dir);
    char *files = mem_format("%s/appendonlydir", folder);
    struct err e = {0};
    bool moved = false;
    if (!folder_empty(files) && file_exists(files) && is_unloadable(s, v, status)) {
        long n = newest_broken(folder) + 1;
        char *aside = mem_format("%s.broken-%ld", files, n);
        char *oldest = mem_format("%s.broken-%ld", files, n - BROKEN_KEPT);
        moved = rename(files, aside) == 0;
        diag(DIAG_WARNING, "servers",
             moved
                 ? "Redis can't load %s: it is moved to %s, and Redis starts empty (the views are "
                   "rebuilt from the log)"
                 : "Redis can't load %s, and it can't be moved to %s",
             files, aside);
        if (moved && folder_remove(oldest, &e) != 0)
            diag(DIAG_WARNING, "servers", "%s", e.text);
        free(oldest);
        free(aside);
    }
    free(files);
    free(folder);
    return moved;
}

const struct server_kind servers_redis = {.name = "Redis",
                                          .program = "redis",
                                          .log = "redis.log",
                                          .stop_signal = SIGTERM,
                                          .stop_ms = 20 * 1000,
                                          .hard_signal = SIGKILL,
                                          .start_ms = 15 * 60 * 1000,
                                          .prepare = prepare,
                                          .spawn = spawn,
                                          .probe = probe,
                                          .mend = mend};
