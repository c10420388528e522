/* SPDX-License-Identifier: Apache-2.0 */
/* The test program's PostgreSQL and Redis, and talking to them. */
#include "base/servers.h"

#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <signal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/program.h"
#include "tests/support/support.h"

static struct {
    struct servers *postgres, *redis; /* apart, so that each program starts only what it needs */
    unsigned n_databases;
} ours;

static struct servers *start(struct servers_options o)
{
    struct err e = {0};
    struct servers *s;
    char *folder = support_folder();
    o.data_dir = folder;
    o.user = support_user();
    support_ok(servers_start(&s, &o, &e), &e);
    free(folder);
    return s;
}

void servers_stop_all(void)
{
    servers_stop(ours.postgres);
    servers_stop(ours.redis);
    ours.postgres = ours.redis = NULL;
}

void support_servers_stop(void)
{
    servers_stop_all();
}

char *support_postgres(void)
{
    if (ours.postgres == NULL)
        ours.postgres = start((struct servers_options){.postgres = true});
    const char *uri = servers_postgres_uri(ours.postgres);
    char *sql = mem_format("CREATE DATABASE test_%u", ++ours.n_databases);
    free(support_sql(uri, sql));
    free(sql);
    const char *host = strchr(uri, '?'); /* postgresql://footfall@/footfall?host=... */
    return mem_format("postgresql://footfall@/test_%u%s", ours.n_databases, host);
}

const char *support_redis(void)
{
    if (ours.redis == NULL)
        ours.redis = start((struct servers_options){.redis = true});
    const char *uri = servers_redis_uri(ours.redis);
    free(support_redis_command(uri, "FLUSHALL", NULL));
    return uri;
}

static bool answers(void *arg)
{
    struct err e = {0};
    return servers_check(arg, &e) == 0;
}

static void kill9(struct servers *s, pid_t pid)
{
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (servers_postgres_pid(s) == pid || servers_redis_pid(s) == pid)
        wait_until(60000, "a killed server to be started again", answers, s);
    wait_until(60000, "a killed server to answer again", answers, s);
}

void support_postgres_kill9(void)
{
    kill9(ours.postgres, servers_postgres_pid(ours.postgres));
}

void support_redis_kill9(void)
{
    kill9(ours.redis, servers_redis_pid(ours.redis));
}

/* ------------------------------------------------------------------ talking */

char *support_sql(const char *uri, const char *sql)
{
    PGconn *c = PQconnectdb(uri);
    PGresult *r = PQstatus(c) == CONNECTION_OK ? PQexec(c, sql) : NULL;
    ExecStatusType status = PQresultStatus(r);
    char *text = NULL, *problem = NULL;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        problem = mem_format("%s: %s", sql, PQerrorMessage(c));
    else
        text = mem_copy_text(PQntuples(r) > 0 && PQnfields(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(c);
    if (problem != NULL)
        fail_msg("%s", problem);
    return text;
}

int64_t support_sql_int(const char *uri, const char *sql)
{
    char *text = support_sql(uri, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

static void render(struct buf *out, const redisReply *r)
{
    if (r->type == REDIS_REPLY_INTEGER) {
        buf_printf(out, "%lld", r->integer);
    } else if (r->type == REDIS_REPLY_NIL) {
        buf_put_text(out, "(nil)");
    } else if (r->type == REDIS_REPLY_ARRAY) {
        buf_put_byte(out, '[');
        for (size_t i = 0; i < r->elements; i++) {
            buf_put_text(out, i == 0 ? "" : " ");
            render(out, r->element[i]);
        }
        buf_put_byte(out, ']');
    } else {
        buf_put(out, r->str, r->len);
    }
}

char *support_redis_command(const char *uri, ...)
{
    const char *words[64];
    int n = 0;
    va_list args;
    va_start(args, uri);
    while (n < 64 && (words[n] = va_arg(args, const char *)) != NULL)
        n++;
    va_end(args);
    redisContext *c = redisConnectUnix(uri + strlen("unix:"));
    redisReply *r = c->err != 0 ? NULL : redisCommandArgv(c, n, words, NULL);
    struct buf text = {0};
    if (r != NULL)
        render(&text, r);
    char *problem = r == NULL ? mem_format("Redis %s: %s", words[0], c->errstr) : NULL;
    freeReplyObject(r);
    redisFree(c);
    if (problem != NULL)
        fail_msg("%s", problem);
    char *copy = mem_copy_span(buf_span(&text));
    buf_clear(&text);
    return copy;
}
