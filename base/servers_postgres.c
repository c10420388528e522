/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL: making the cluster, its settings, starting it, what a crash left. */
#include <ctype.h>
#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/servers_folder.h"

enum { OLDEST_MAJOR = 15, INITDB_MS = 300 * 1000 };

/* Rewritten at each start; `ALTER SYSTEM` goes before. For one writer that appends batches, a
 * reader that follows, and a few long queries; the working set is the end of the log. */
static const char settings[] =
    "# Written by Footfall at each start: use ALTER SYSTEM for your own settings.\n"
    "fsync = on\n"
    "synchronous_commit = on\n" /* an acknowledgement means durable */
    "full_page_writes = on\n"
    "wal_compression = lz4\n"
    "default_toast_compression = lz4\n"
    "max_wal_size = 1GB\n" /* few checkpoints: each makes full page images again */
    "min_wal_size = 80MB\n"
    "checkpoint_timeout = 15min\n"
    "checkpoint_completion_target = 0.9\n"
    "shared_buffers = 32MB\n"
    "max_connections = 50\n"
    "work_mem = 8MB\n"
    "maintenance_work_mem = 32MB\n"
    "max_wal_senders = 2\n"
    "max_replication_slots = 2\n"
    "huge_pages = off\n"
    "jit = off\n"
    "autovacuum = on\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "datestyle = 'ISO'\n"
    "lc_messages = 'C'\n"
    "log_checkpoints = off\n"
    "log_line_prefix = '%m [%p] %q%u@%d '\n"
    "logging_collector = off\n"
    "log_destination = 'stderr'\n";

static char *cluster_path(const struct servers *s, const char *name)
{
    return mem_format("%s/postgres%s", s->data_dir, name);
}

/* ------------------------------------------------------------------ finding the programs */

/* The cluster's major version, 0 when there is no cluster. */
static int cluster_major(const struct servers *s)
{
    char *path = cluster_path(s, "/PG_VERSION");
    struct buf text = {0};
    int major = 0;
    if (file_read(&text, path, 32, NULL) == 0) {
        buf_put_byte(&text, '\0');
        major = (int)strtol((char *)text.p, NULL, 10);
    }
    buf_clear(&text);
    free(path);
    return major;
}

/* The newest installed major version, or `wanted` if that is installed. */
static int installed_major(int wanted)
{
    int best = 0;
    DIR *all = opendir("/usr/lib/postgresql");
    for (struct dirent *d; all != NULL && (d = readdir(all)) != NULL;) {
        int major = isdigit((unsigned char)d->d_name[0]) ? (int)strtol(d->d_name, NULL, 10) : 0;
        char *program = mem_format("/usr/lib/postgresql/%d/bin/postgres", major);
        bool usable = major >= OLDEST_MAJOR && access(program, X_OK) == 0;
        if (usable && (major == wanted || (best != wanted && major > best) || best == 0))
            best = major;
        free(program);
    }
    if (all != NULL)
        closedir(all);
    return best;
}

static int refuse_major(const struct servers *s, int made_by, int installed, struct err *e)
{
    const char *d = s->data_dir;
    return err_set(
        e, ERR_DATA,
        "%s/postgres was made by PostgreSQL %d, installed is %d: `apt install "
        "postgresql-%d`, then either go on with it, or upgrade in %s as its owner: "
        "B=/usr/lib/postgresql; $B/%d/bin/initdb -D new -U footfall -E UTF8 --locale=C -k; "
        "$B/%d/bin/pg_upgrade -U footfall -b $B/%d/bin -d postgres -D new && mv postgres "
        "old && mv new postgres",
        d, made_by, installed, made_by, d, installed, installed, made_by);
}

int servers_find_postgres(struct servers *s, struct err *e)
{
    int made_by = cluster_major(s), installed = installed_major(made_by);
    if (installed == 0)
        return err_set(e, ERR_DOWN,
                       "PostgreSQL %d or newer is not installed: `apt install "
                       "postgresql-%d`, or give one with --postgres",
                       OLDEST_MAJOR, OLDEST_MAJOR);
    if (made_by != 0 && made_by != installed)
        return refuse_major(s, made_by, installed, e);
    s->postgres_bin = mem_format("/usr/lib/postgresql/%d/bin", installed);
    struct buf uri = {0};
    buf_put_text(&uri, "postgresql://footfall@/footfall?host=");
    for (const char *p = s->run_dir; *p != '\0'; p++) {
        if (*p == '/')
            buf_put_text(&uri, "%2F");
        else
            buf_put_byte(&uri, (uint8_t)*p);
    }
    s->postgres_uri = mem_copy_span(buf_span(&uri));
    buf_clear(&uri);
    return 0;
}

/* ------------------------------------------------------------------ making the cluster */

static int run_tool(const struct servers *s, const char *const *argv, const char *input,
                    struct err *e)
{
    char *log = mem_format("%s/%s", s->data_dir, servers_postgres.log);
    struct process_options o = {.argv = argv,
                                .environment = servers_environment,
                                .directory = s->data_dir,
                                .user = s->as,
                                .output = log,
                                .input = input};
    int result = process_run(&o, INITDB_MS, e);
    free(log);
    return result;
}

static int include_settings(const struct servers *s, const char *cluster, struct err *e)
{
    char *path = mem_format("%s/postgresql.conf", cluster);
    struct buf text = {0};
    int result = file_read(&text, path, 1 << 20, e);
    buf_put_text(&text, "\ninclude_if_exists = 'footfall.conf'\n");
    if (result == 0)
        result = servers_folder_write(s, path, buf_span(&text), e);
    buf_clear(&text);
    free(path);
    return result;
}

/* Made beside and renamed when complete, so that a crash never leaves half a cluster. */
static int make_cluster(const struct servers *s, const char *cluster, struct err *e)
{
    char *next = cluster_path(s, ".new"), *initdb = mem_format("%s/initdb", s->postgres_bin);
    char *postgres = mem_format("%s/postgres", s->postgres_bin);
    const char *const make[] = {
        initdb,  "-D", next,   "-U",         "footfall",         "-A",
        "trust", "-E", "UTF8", "--locale=C", "--data-checksums", "--no-instructions",
        NULL};
    const char *const single[] = {
        postgres,   "--single", "-D", next, "-c", "exit_on_error=on", "-c", "log_checkpoints=off",
        "postgres", NULL};
    int result = folder_remove(next, e);
    if (result == 0)
        result = run_tool(s, make, NULL, e);
    if (result == 0)
        result = run_tool(s, single, "CREATE DATABASE footfall;\n", e);
    if (result == 0)
        result = include_settings(s, next, e);
    if (result == 0 && rename(next, cluster) != 0)
        result = err_set(e, ERR_DOWN, "renaming %s to %s: %s", next, cluster, strerror(errno));
    free(postgres);
    free(initdb);
    free(next);
    return result;
}

/* ------------------------------------------------------------------ postmaster.pid */

/* Line 1 of postmaster.pid is the process id, line 8 its state; 0 when there is no such line. */
static long pid_file(const struct servers *s, bool *ready)
{
    char *path = cluster_path(s, "/postmaster.pid");
    struct buf text = {0};
    long pid = 0;
    if (file_read(&text, path, 4096, NULL) == 0) {
        buf_put_byte(&text, '\0');
        char *line = (char *)text.p;
        pid = strtol(line, NULL, 10);
        for (int n = 1; n < 8 && line != NULL; n++)
            line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1;
        *ready = line != NULL && strncmp(line, "ready", 5) == 0;
    }
    buf_clear(&text);
    free(path);
    return pid;
}

/* After all of ours have ended: a living process with the file's id is either a PostgreSQL that
 * someone started by hand, or has nothing to do with it (ids are reused, after a reboot above all;
 * and who has ended but was not waited for yet has an id, and no command line). PostgreSQL itself
 * would refuse to start for any of them. */
static int check_pid_file(const struct servers *s, struct err *e)
{
    bool ready = false;
    long pid = pid_file(s, &ready);
    struct buf line = {0};
    int result = 0;
    bool named = pid > 0 && process_command_line(&line, (pid_t)pid);
    if (named && memmem(line.p, line.n, "postgres", 8) != NULL) {
        result = err_set(e, ERR_BUSY,
                         "%s/postgres is served by a PostgreSQL that was not started by "
                         "footfall (process %ld): stop it",
                         s->data_dir, pid);
    } else if (pid > 0) {
        char *path = cluster_path(s, "/postmaster.pid");
        unlink(path);
        free(path);
    }
    buf_clear(&line);
    return result;
}

static void remove_sockets(const struct servers *s)
{
    static const char *const names[] = {".s.PGSQL.5432", ".s.PGSQL.5432.lock"};
    for (int i = 0; i < 2; i++) {
        char *path = mem_format("%s/%s", s->run_dir, names[i]);
        unlink(path);
        free(path);
    }
}

/* ------------------------------------------------------------------ the kind */

static int prepare(struct servers *s, struct err *e)
{
    if (servers_end_leftovers(s, &servers_postgres, e) != 0 || check_pid_file(s, e) != 0)
        return -1;
    remove_sockets(s);
    char *cluster = cluster_path(s, ""), *own = cluster_path(s, "/footfall.conf");
    int result = cluster_major(s) != 0 ? 0 : make_cluster(s, cluster, e);
    if (result == 0)
        result = servers_folder_write(s, own, span_of(settings), e);
    free(own);
    free(cluster);
    return result;
}

static int spawn(struct servers *s, struct server *v, struct err *e)
{
    char *program = mem_format("%s/postgres", s->postgres_bin), *cluster = cluster_path(s, "");
    char *log = mem_format("%s/%s", s->data_dir, v->kind->log);
    char *name = mem_format("cluster_name=%s", s->mark);
    char *sockets = mem_format("unix_socket_directories=%s", s->run_dir);
    const char *const argv[] = {program,
                                "-D",
                                cluster,
                                "-c",
                                name,
                                "-c",
                                sockets,
                                "-c",
                                "unix_socket_permissions=0700",
                                "-c",
                                "listen_addresses=",
                                "-c",
                                "port=5432",
                                NULL};
    struct process_options o = {.argv = argv,
                                .environment = servers_environment,
                                .user = s->as,
                                .output = log,
                                .death_signal = v->kind->stop_signal};
    int result = process_spawn(&v->pid, &o, e);
    free(sockets);
    free(name);
    free(log);
    free(cluster);
    free(program);
    return result;
}

static enum server_answer probe(struct servers *s, pid_t pid)
{
    bool ready = false;
    return pid_file(s, &ready) == (long)pid && ready ? SERVER_READY : SERVER_SILENT;
}

static bool mend(struct servers *s, const struct server *v, int status)
{
    (void)s, (void)v, (void)status;
    return false; /* nothing here is ever thrown away */
}

const struct server_kind servers_postgres = {
    .name = "PostgreSQL",
    .program = "postgres",
    .log = "postgres.log",
    .stop_signal = SIGINT, /* "fast" */
    /* a fast shutdown that comes while it recovers from a backend's crash may never end (15.20) */
    .stop_ms = 20 * 1000,
    .hard_signal = SIGQUIT, /* "immediate" */
    .start_ms = 15 * 60 * 1000,
    .prepare = prepare,
    .spawn = spawn,
    .probe = probe,
    .mend = mend};
