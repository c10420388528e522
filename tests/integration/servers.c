/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded servers: made, kept, mended, stopped, and never left behind. */
#include "base/servers.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/support/support.h"

static struct servers *start(const char *folder, bool postgres, bool redis)
{
    struct err e = {0};
    struct servers *s;
    struct servers_options o = {
        .data_dir = folder, .user = support_user(), .postgres = postgres, .redis = redis};
    support_ok(servers_start(&s, &o, &e), &e);
    return s;
}

static bool answers(void *arg)
{
    struct err e = {0};
    return servers_check(arg, &e) == 0;
}

/* How many processes of the servers' user name this folder (or its sockets) in their command lines.
 */
static unsigned processes_of(const char *program, const char *mark)
{
    struct err e = {0};
    uid_t uid = geteuid();
    struct process_user u;
    if (support_user() != NULL) {
        support_ok(process_find_user(&u, support_user(), &e), &e);
        uid = u.uid;
    }
    return process_signal_marked(program, mark, uid, 0);
}

struct gone {
    const char *postgres_mark, *redis_mark;
};

static bool nothing_runs(void *arg)
{
    struct gone *g = arg;
    return processes_of("postgres", g->postgres_mark) == 0 &&
           processes_of("redis", g->redis_mark) == 0;
}

/* "cluster_name=ff-0123456789abcdef": how PostgreSQL's processes are known. */
static char *mark_of(pid_t postmaster)
{
    struct buf line = {0};
    assert_true(process_command_line(&line, postmaster));
    buf_put_byte(&line, '\0');
    const char *at = strstr((char *)line.p, "cluster_name=");
    assert_non_null(at);
    char *mark = mem_copy_span((struct span){at + 13, strcspn(at + 13, " ")});
    buf_clear(&line);
    return mark;
}

static void what_the_servers_hold_survives_a_restart(void **state)
{
    (void)state;
    char *folder = support_folder();
    struct servers *s = start(folder, true, true);
    free(support_sql(servers_postgres_uri(s), "CREATE TABLE t AS SELECT 7 AS n"));
    free(support_redis_command(servers_redis_uri(s), "SET", "k", "kept", NULL));
    servers_stop(s);
    assert_true(access(folder, F_OK) == 0);
    s = start(folder, true, true);
    assert_int_equal(support_sql_int(servers_postgres_uri(s), "SELECT n FROM t"), 7);
    char *kept = support_redis_command(servers_redis_uri(s), "GET", "k", NULL);
    assert_string_equal(kept, "kept");
    free(kept);
    servers_stop(s);
    free(folder);
}

static void the_servers_are_set_up_for_the_job(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *want;
    } settings[] = {
        {"SHOW server_encoding", "UTF8"},
        {"SHOW lc_collate", "C"},
        {"SHOW data_checksums", "on"},
        {"SHOW fsync", "on"},
        {"SHOW synchronous_commit", "on"},
        {"SHOW wal_compression", "lz4"},
        {"SHOW default_toast_compression", "lz4"},
        {"SHOW jit", "off"},
        {"SHOW listen_addresses", ""},
        {"SHOW timezone", "UTC"},
        {"SHOW autovacuum", "on"},
        {"SELECT current_database()", "footfall"},
    };
    static const char *const redis[][2] = {{"appendonly", "yes"},
                                           {"appendfsync", "everysec"},
                                           {"maxmemory-policy", "noeviction"},
                                           {"save", ""},
                                           {"port", "0"},
                                           {"aof-load-truncated", "yes"}};
    char *folder = support_folder();
    struct servers *s = start(folder, true, true);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        char *value = support_sql(servers_postgres_uri(s), settings[i].sql);
        assert_string_equal(value, settings[i].want);
        free(value);
    }
    for (size_t i = 0; i < sizeof(redis) / sizeof(redis[0]); i++) {
        char *value =
            support_redis_command(servers_redis_uri(s), "CONFIG", "GET", redis[i][0], NULL);
        char *want = mem_format("[%s %s]", redis[i][0], redis[i][1]);
        assert_string_equal(value, want);
        free(want);
        free(value);
    }
    struct stat st;
    char *run = mem_format("%s/run", folder);
    assert_int_equal(stat(run, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    servers_stop(s);
    assert_int_not_equal(access(run, F_OK), 0);
    free(run);
    free(folder);
}

static void a_killed_server_is_started_again(void **state)
{
    (void)state;
    char *folder = support_folder();
    struct servers *s = start(folder, true, true);
    free(support_sql(servers_postgres_uri(s), "CREATE TABLE t AS SELECT 7 AS n"));
    free(support_redis_command(servers_redis_uri(s), "SET", "k", "kept", NULL));
    for (int round = 0; round < 3; round++) {
        pid_t postgres = servers_postgres_pid(s), redis = servers_redis_pid(s);
        assert_int_equal(kill(postgres, SIGKILL), 0);
        assert_int_equal(kill(redis, SIGKILL), 0);
        while (servers_postgres_pid(s) == postgres || servers_redis_pid(s) == redis)
            wait_until(60000, "the servers to be started again", answers, s);
        wait_until(60000, "the servers to answer", answers, s);
        assert_int_equal(support_sql_int(servers_postgres_uri(s), "SELECT n FROM t"), 7);
        char *kept = support_redis_command(servers_redis_uri(s), "GET", "k", NULL);
        assert_string_equal(kept, "kept");
        free(kept);
    }
    servers_stop(s);
    free(folder);
}

static bool long_query_runs(void *arg)
{
    return support_sql_int(servers_postgres_uri(arg),
                           "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query "
                           "LIKE 'SELECT sum%'") == 1;
}

/* Its backends live on, busy, when the postmaster is killed: a new one can't start beside them. */
static void a_busy_orphan_of_a_killed_postmaster_does_not_stand_in_the_way(void **state)
{
    (void)state;
    char *folder = support_folder();
    struct servers *s = start(folder, true, false);
    const char *uri = servers_postgres_uri(s);
    pid_t busy = fork();
    if (busy == 0) {
        PGconn *c = PQconnectdb(uri);
        PQclear(PQexec(c, "SELECT sum(a) FROM generate_series(1, 100000000000) a"));
        _exit(0);
    }
    wait_until(60000, "the long query to run", long_query_runs, s);
    pid_t before = servers_postgres_pid(s);
    assert_int_equal(kill(before, SIGKILL), 0);
    while (servers_postgres_pid(s) == before)
        wait_until(60000, "PostgreSQL to be started again", answers, s);
    wait_until(60000, "PostgreSQL to answer", answers, s);
    assert_int_equal(support_sql_int(uri, "SELECT 1"), 1);
    kill(busy, SIGKILL);
    waitpid(busy, NULL, 0);
    servers_stop(s);
    free(folder);
}

/* It does not even end when it is asked to; only for a moment may it keep the service waiting. */
static void a_frozen_orphan_of_a_killed_postmaster_does_not_stand_in_the_way(void **state)
{
    (void)state;
    char *folder = support_folder();
    struct servers *s = start(folder, true, false);
    const char *uri = servers_postgres_uri(s);
    PGconn *c = PQconnectdb(uri);
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    pid_t frozen = PQbackendPID(c), before = servers_postgres_pid(s);
    assert_int_equal(kill(frozen, SIGSTOP), 0);
    assert_int_equal(kill(before, SIGKILL), 0);
    int64_t since_us = clock_monotonic_us();
    while (servers_postgres_pid(s) == before)
        wait_until(60000, "PostgreSQL to be started again", answers, s);
    assert_in_range(clock_monotonic_us() - since_us, 0, 50 * US_PER_SECOND);
    assert_int_equal(support_sql_int(uri, "SELECT 1"), 1);
    PQfinish(c);
    servers_stop(s);
    free(folder);
}

/* A process that starts the servers and waits to be killed; it writes PostgreSQL's mark to a pipe.
 */
static pid_t start_elsewhere(const char *folder, char mark[64])
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t owner = fork();
    if (owner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct err e = {0};
        struct servers *s;
        struct servers_options o = {
            .data_dir = folder, .user = support_user(), .postgres = true, .redis = true};
        if (servers_start(&s, &o, &e) != 0)
            _exit(1);
        char *m = mark_of(servers_postgres_pid(s));
        if (write(ends[1], m, strlen(m)) > 0)
            pause();
        _exit(1);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], mark, 63);
    assert_true(n > 0);
    mark[n] = '\0';
    close(ends[0]);
    return owner;
}

static void no_orphan_is_left_when_the_owner_is_killed(void **state)
{
    (void)state;
    char *folder = support_folder();
    char mark[64];
    pid_t owner = start_elsewhere(folder, mark);
    assert_true(processes_of("postgres", mark) > 1);
    assert_true(processes_of("redis", mark) >= 1);
    assert_int_equal(kill(owner, SIGKILL), 0);
    waitpid(owner, NULL, 0);
    struct gone g = {mark, mark};
    wait_until(60000, "the servers to end with their owner", nothing_runs, &g);
    free(folder);
}

static void left_overs_of_a_killed_owner_are_cleared_away_at_once(void **state)
{
    (void)state;
    char *folder = support_folder();
    char mark[64];
    pid_t owner = start_elsewhere(folder, mark);
    assert_int_equal(kill(owner, SIGKILL), 0);
    waitpid(owner, NULL, 0);
    struct servers *s = start(folder, true, true); /* they may still be ending */
    assert_int_equal(support_sql_int(servers_postgres_uri(s), "SELECT 1"), 1);
    servers_stop(s);
    struct gone g = {mark, mark};
    assert_true(nothing_runs(&g));
    free(folder);
}

/* A killed postmaster whose parent was killed with it has an id until somebody waits for it. */
static void a_dead_postmaster_that_nobody_waited_for_does_not_stand_in_the_way(void **state)
{
    (void)state;
    char *folder = support_folder(), *path = mem_format("%s/postgres/postmaster.pid", folder);
    servers_stop(start(folder, true, false));
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)dead, &info, WEXITED | WNOWAIT), 0);
    char *text = mem_format("%ld\n", (long)dead);
    struct err e = {0};
    support_ok(file_write(path, span_of(text), 0644, &e), &e);
    struct servers *s = start(folder, true, false);
    assert_int_equal(support_sql_int(servers_postgres_uri(s), "SELECT 1"), 1);
    servers_stop(s);
    waitpid(dead, NULL, 0);
    free(text);
    free(path);
    free(folder);
}

static void a_busy_folder_is_refused(void **state)
{
    (void)state;
    char *folder = support_folder();
    struct err e = {0};
    struct servers *s = start(folder, false, true), *second;
    struct servers_options o = {.data_dir = folder, .user = support_user(), .redis = true};
    assert_int_equal(servers_start(&second, &o, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    assert_non_null(strstr(e.text, folder));
    assert_null(second);
    assert_true(answers(s)); /* the refused one has touched nothing */
    char *pong = support_redis_command(servers_redis_uri(s), "PING", NULL);
    assert_string_equal(pong, "PONG");
    free(pong);
    servers_stop(s);
    free(folder);
}

static void damage(const char *folder, const char *name, const char *bytes)
{
    char *path = mem_format("%s/redis/appendonlydir/%s", folder, name);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_true(pwrite(fd, bytes, strlen(bytes), 0) > 0);
    close(fd);
    free(path);
}

static void an_unloadable_append_only_file_is_moved_aside(void **state)
{
    (void)state;
    static const char *const names[] = {"appendonly.aof.1.incr.aof", "appendonly.aof.1.base.rdb",
                                        "appendonly.aof.manifest"};
    for (int i = 0; i < 3; i++) {
        char *folder = support_folder();
        struct servers *s = start(folder, false, true);
        free(support_redis_command(servers_redis_uri(s), "SET", "k", "lost", NULL));
        servers_stop(s);
        damage(folder, names[i], "this is not what Redis wrote\n");
        s = start(folder, false, true);
        char *value = support_redis_command(servers_redis_uri(s), "GET", "k", NULL);
        assert_string_equal(value, "(nil)");
        free(value);
        char *aside = mem_format("%s/redis/appendonlydir.broken-1", folder);
        assert_true(file_exists(aside));
        free(aside);
        servers_stop(s);
        free(folder);
    }
}

static void a_truncated_append_only_file_is_loaded_up_to_its_end(void **state)
{
    (void)state;
    char *folder = support_folder();
    struct servers *s = start(folder, false, true);
    free(support_redis_command(servers_redis_uri(s), "SET", "k", "kept", NULL));
    free(support_redis_command(servers_redis_uri(s), "SET", "k", "torn", NULL));
    servers_stop(s);
    char *path = mem_format("%s/redis/appendonlydir/appendonly.aof.1.incr.aof", folder);
    assert_int_equal(truncate(path, file_size(path) - 3), 0);
    s = start(folder, false, true);
    char *value = support_redis_command(servers_redis_uri(s), "GET", "k", NULL);
    assert_string_equal(value, "kept");
    free(value);
    servers_stop(s);
    free(path);
    free(folder);
}

static void a_cluster_of_another_version_is_refused_with_the_commands(void **state)
{
    (void)state;
    char *folder = support_folder();
    char *cluster = mem_format("%s/postgres", folder);
    char *version = mem_format("%s/PG_VERSION", cluster);
    struct err e = {0};
    struct servers *s;
    support_ok(folder_make(cluster, 0700, &e), &e);
    support_ok(file_write(version, SPAN_LITERAL("13\n"), 0600, &e), &e);
    struct servers_options o = {.data_dir = folder, .user = support_user(), .postgres = true};
    if (support_user() == NULL || chown(cluster, 0, 0) == 0)
        assert_int_equal(servers_start(&s, &o, &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
    assert_non_null(strstr(e.text, "made by PostgreSQL 13"));
    assert_non_null(strstr(e.text, "apt install postgresql-13"));
    assert_non_null(strstr(e.text, "pg_upgrade"));
    assert_non_null(strstr(e.text, "mv new postgres"));
    free(version);
    free(cluster);
    free(folder);
}

static void a_long_folder_has_its_sockets_elsewhere(void **state)
{
    (void)state;
    char *base = support_folder();
    char *folder =
        mem_format("%s/a folder whose name is long, and has blanks, 'quotes' and more in it", base);
    struct servers *s = start(folder, true, true);
    char *link = mem_format("%s/run", folder), target[256];
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    assert_true(n > 0);
    target[n] = '\0';
    assert_int_equal(strncmp(target, "/tmp/ff", 7), 0);
    assert_int_equal(support_sql_int(servers_postgres_uri(s), "SELECT 1"), 1);
    free(support_redis_command(servers_redis_uri(s), "PING", NULL));
    servers_stop(s);
    assert_int_not_equal(access(target, F_OK), 0);
    free(link);
    free(folder);
    free(base);
}

static void a_folder_that_the_user_cannot_reach_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char *closed = support_folder();
    char *folder = mem_format("%s/data", closed);
    struct err e = {0};
    assert_int_equal(chown(closed, 0, 0), 0);
    assert_int_equal(servers_prepare(folder, "nobody", &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.text, "nobody"));
    char *want = mem_format(": %s is closed to it", closed);
    assert_non_null(strstr(e.text, want));
    free(want);
    free(folder);
    free(closed);
}

static void a_folder_with_another_purpose_is_not_taken(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char *folder = support_folder();
    char *file = mem_format("%s/someone's file", folder);
    struct err e = {0};
    struct stat st;
    support_ok(file_write(file, SPAN_LITERAL("x"), 0600, &e), &e);
    assert_int_equal(chown(folder, 0, 0), 0);
    assert_int_equal(servers_prepare(folder, support_user(), &e), -1);
    assert_non_null(strstr(e.text, "no data folder of Footfall"));
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_uid, 0);
    free(file);
    free(folder);
}

static void a_folder_changes_its_user_with_all_that_is_in_it(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char *folder = support_folder();
    struct err e = {0};
    struct servers *s = start(folder, true, true);
    free(support_sql(servers_postgres_uri(s), "CREATE TABLE t AS SELECT 7 AS n"));
    servers_stop(s);
    struct servers_options o = {
        .data_dir = folder, .user = "nobody", .postgres = true, .redis = true};
    support_ok(servers_start(&s, &o, &e), &e);
    assert_int_equal(support_sql_int(servers_postgres_uri(s), "SELECT n FROM t"), 7);
    servers_stop(s);
    free(folder);
}

static void root_never_runs_the_servers(void **state)
{
    (void)state;
    struct err e = {0};
    struct servers *s;
    char *folder = support_folder();
    struct servers_options o = {.data_dir = folder, .user = "root", .postgres = true};
    assert_int_equal(servers_start(&s, &o, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    free(folder);
}

static void each_test_gets_a_database_of_its_own(void **state)
{
    (void)state;
    char *first = support_postgres(), *second = support_postgres();
    free(support_sql(first, "CREATE TABLE t AS SELECT 7 AS n"));
    assert_int_equal(support_sql_int(second, "SELECT count(*) FROM pg_class WHERE relname = 't'"),
                     0);
    support_postgres_kill9();
    assert_int_equal(support_sql_int(first, "SELECT n FROM t"), 7);
    const char *redis = support_redis();
    free(support_redis_command(redis, "SET", "k", "v", NULL));
    support_redis_kill9();
    char *n = support_redis_command(support_redis(), "DBSIZE", NULL);
    assert_string_equal(n, "0");
    free(n);
    free(first);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_servers_hold_survives_a_restart),
        cmocka_unit_test(the_servers_are_set_up_for_the_job),
        cmocka_unit_test(a_killed_server_is_started_again),
        cmocka_unit_test(a_busy_orphan_of_a_killed_postmaster_does_not_stand_in_the_way),
        cmocka_unit_test(a_frozen_orphan_of_a_killed_postmaster_does_not_stand_in_the_way),
        cmocka_unit_test(no_orphan_is_left_when_the_owner_is_killed),
        cmocka_unit_test(left_overs_of_a_killed_owner_are_cleared_away_at_once),
        cmocka_unit_test(a_dead_postmaster_that_nobody_waited_for_does_not_stand_in_the_way),
        cmocka_unit_test(a_busy_folder_is_refused),
        cmocka_unit_test(an_unloadable_append_only_file_is_moved_aside),
        cmocka_unit_test(a_truncated_append_only_file_is_loaded_up_to_its_end),
        cmocka_unit_test(a_cluster_of_another_version_is_refused_with_the_commands),
        cmocka_unit_test(a_long_folder_has_its_sockets_elsewhere),
        cmocka_unit_test(a_folder_that_the_user_cannot_reach_is_named),
        cmocka_unit_test(a_folder_with_another_purpose_is_not_taken),
        cmocka_unit_test(a_folder_changes_its_user_with_all_that_is_in_it),
        cmocka_unit_test(root_never_runs_the_servers),
        cmocka_unit_test(each_test_gets_a_database_of_its_own),
    };
    return support_run("servers", tests, sizeof(tests) / sizeof(tests[0]));
}
