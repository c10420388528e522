/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the running service as a table: started from the top, stopped from the bottom. A
 * part uses only parts above it, so nothing is used after it has stopped. */
#include "cli/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "cli/server_internal.h"
#include "cli/service_file.h"
#include "log/migrate.h"
#include "views/shipped.h"

enum { SECOND_US = 1000000, WRITER_QUEUE = 64, DOUBT_TIMEOUT_MS = 10000, KEYS_PER_TOKEN = 10000 };

/* ------------------------------------------------------------------ roles */

static const struct {
    const char *name;
    enum server_role role;
} roles[] = {{"ingest", ROLE_INGEST}, {"views", ROLE_VIEWS}, {"api", ROLE_API}};

static unsigned role_of(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strlen(roles[i].name) == n && memcmp(roles[i].name, name, n) == 0)
            return roles[i].role;
    return 0;
}

int server_parse_roles(const char *text, unsigned *out, struct err *e)
{
    *out = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        unsigned role = role_of(p, n);
        if (role == 0)
            return err_set(e, ERR_INPUT, "roles: \"%.*s\" is not one of ingest, views, api", (int)n,
                           p);
        *out |= role;
        p += n;
        if (*p == '\0')
            return 0;
    }
}

bool server_is_told_to_stop(void)
{
    sigset_t waiting;
    return sigpending(&waiting) == 0 &&
           (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1);
}

/* ------------------------------------------------------------------ the servers */

static int start_embedded(struct server *s, struct err *e)
{
    const char *postgres = config_text(s->config, "postgres");
    const char *redis = config_text(s->config, "redis");
    struct servers_options o = {.data_dir = s->data_dir,
                                .user = config_text(s->config, "user"),
                                .postgres = postgres == NULL,
                                .redis = redis == NULL,
                                .give_up = server_is_told_to_stop};
    if (servers_start(&s->embedded, &o, e) != 0)
        return -1;
    s->postgres = mem_copy_text(postgres != NULL ? postgres : servers_postgres_uri(s->embedded));
    s->redis = mem_copy_text(redis != NULL ? redis : servers_redis_uri(s->embedded));
    return 0;
}

static void stop_embedded(struct server *s)
{
    servers_stop(s->embedded);
    free(s->postgres);
    free(s->redis);
}

static int start_schema(struct server *s, struct err *e)
{
    return migrate_run(s->postgres, MIGRATE_PLAIN, e);
}

/* ------------------------------------------------------------------ what HTTP loops look up */

static int refresh_views(void *context, struct sql *sql, struct err *e)
{
    return view_set_refresh(((struct server *)context)->views, sql, e);
}

/* The first start makes the shipped views known. */
static int install_views(struct server *s, struct err *e)
{
    struct sql *sql;
    if ((s->roles & ROLE_VIEWS) == 0)
        return 0;
    if (sql_open(&sql, s->postgres, e) != 0)
        return -1;
    int result = shipped_install(sql, e);
    sql_close(sql);
    return result;
}

static int start_tables(struct server *s, struct err *e)
{
    s->views = view_set_new();
    s->tokens = tokens_new();
    s->sites = sites_new((uint32_t)config_int(s->config, "ingest.max_sites"));
    s->salts = salts_new();
    struct maintain_options o = {.postgres_uri = s->postgres,
                                 .n_partitions = 1,
                                 .tokens = s->tokens,
                                 .sites = s->sites,
                                 .salts = s->salts,
                                 .also = refresh_views,
                                 .context = s};
    return server_admin_token(s, e) != 0 || install_views(s, e) != 0
               ? -1
               : maintain_open(&s->maintainer, &o, clock_now_us(), e);
}

static void stop_tables(struct server *s)
{
    maintain_close(s->maintainer);
    salts_free(s->salts);
    sites_free(s->sites);
    tokens_free(s->tokens);
    view_set_free(s->views);
}

/* ------------------------------------------------------------------ the views */

static void on_log_growth(void *context, uint32_t partition, uint64_t next_seq)
{
    struct server *s = context;
    if (s->live != NULL)
        live_wake(s->live, next_seq);
    notifier_mark(s->notifier, partition);
}

static int start_live(struct server *s, struct err *e)
{
    s->live_options = live_defaults;
    s->live_options.postgres_uri = s->postgres;
    s->live_options.store = (struct store_options){.uri = s->redis, .timeout_ms = 10000};
    s->live_options.redis_prefix = config_text(s->config, "redis.prefix");
    s->live_options.views = s->views;
    s->live_options.flush_ms = (int)config_int(s->config, "views.flush_ms");
    struct job_runner_options jobs = job_runner_defaults;
    if (live_start(&s->live, &s->live_options, e) != 0)
        return -1;
    jobs.live = s->live;
    jobs.replay_threads = (unsigned)config_int(s->config, "views.replay_threads");
    jobs.replay_rate = (uint32_t)config_int(s->config, "views.replay_rate");
    jobs.self_check = (unsigned)config_int(s->config, "views.self_check");
    return job_runner_start(&s->jobs, &jobs, e);
}

static void stop_live(struct server *s)
{
    job_runner_stop(s->jobs);
    if (s->live != NULL)
        live_stop(s->live);
}

/* ------------------------------------------------------------------ the log */

static int start_sources(struct server *s, struct err *e)
{
    return sources_open(&s->sources, s->postgres, e);
}

static bool is_told_to_stop(void *context)
{
    (void)context;
    return server_is_told_to_stop();
}

/* While another process appends, this one stands by. */
static int start_writer(struct server *s, struct err *e)
{
    s->notifier = notifier_new(s->postgres);
    struct log_writer_options o = {.postgres_uri = s->postgres,
                                   .dedupe_window =
                                       (uint32_t)config_int(s->config, "ingest.dedupe_window"),
                                   .max_queue = WRITER_QUEUE,
                                   .max_keys_per_token = KEYS_PER_TOKEN,
                                   .doubt_timeout_ms = DOUBT_TIMEOUT_MS,
                                   .take_over_ms = -1,
                                   .give_up = is_told_to_stop,
                                   .on_append = on_log_growth,
                                   .context = s};
    return log_writer_start(&s->writer, &o, e);
}

static void stop_writer(struct server *s)
{
    if (s->writer != NULL)
        log_writer_stop(s->writer);
    notifier_free(s->notifier);
}

/* ------------------------------------------------------------------ where it is */

static int start_service_file(struct server *s, struct err *e)
{
    struct service_file f = {.pid = getpid(),
                             .url = s->url,
                             .token_file = s->token_file,
                             .postgres = s->postgres,
                             .redis = s->redis};
    return service_file_write(s->data_dir, &f, e);
}

static void stop_service_file(struct server *s)
{
    service_file_remove(s->data_dir);
}

/* ------------------------------------------------------------------ the table */

struct part {
    unsigned roles; /* that need it; 0: all */
    int (*start)(struct server *s, struct err *e);
    void (*stop)(struct server *s); /* NULL: nothing to stop; also called when its start failed */
};

static const struct part parts[] = {
    {0, start_embedded, stop_embedded},       {0, start_schema, NULL},
    {0, start_tables, stop_tables},           {ROLE_VIEWS, start_live, stop_live},
    {0, start_sources, server_free_modules},  {ROLE_INGEST, start_writer, stop_writer},
    {0, server_start_http, server_stop_http}, {0, start_service_file, stop_service_file},
};

enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };

static bool is_needed(const struct server *s, const struct part *p)
{
    return p->roles == 0 || (p->roles & s->roles) != 0;
}

static void stop_parts(struct server *s, unsigned started)
{
    while (started-- > 0)
        if (is_needed(s, &parts[started]) && parts[started].stop != NULL)
            parts[started].stop(s);
    free(s->data_dir);
    free(s->token_file);
    free(s);
}

int server_start(struct server **out, const struct config *c, struct err *e)
{
    struct server *s = mem_alloc(sizeof(*s));
    s->config = c;
    if (server_parse_roles(config_text(c, "roles"), &s->roles, e) != 0) {
        free(s);
        return -1;
    }
    s->data_dir = mem_copy_text(config_text(c, "data_dir"));
    s->token_file = mem_format("%s/admin-token", s->data_dir);
    for (unsigned i = 0; i < N_PARTS; i++) {
        if (!is_needed(s, &parts[i]))
            continue;
        int failed = parts[i].start(s, e);
        if (failed == 0 && server_is_told_to_stop())
            failed = err_set(e, ERR_BUSY, "told to stop while starting");
        if (failed != 0) {
            stop_parts(s, i + 1);
            return -1;
        }
    }
    *out = s;
    return 0;
}

void server_stop(struct server *s)
{
    stop_parts(s, N_PARTS);
}

const char *server_url(const struct server *s)
{
    return s->url;
}

const char *server_token_file(const struct server *s)
{
    return s->token_file;
}

/* ------------------------------------------------------------------ now and then */

/* Says a failure when it is a new one, not ten times a second. */
static void tell(struct server *s, const char *area, int result, struct err *e)
{
    if (result == 0)
        return;
    if (strcmp(s->told, e->text) != 0)
        diag(DIAG_WARNING, area, "%s", e->text);
    snprintf(s->told, sizeof(s->told), "%s", e->text);
    err_clear(e);
}

void server_tick(struct server *s)
{
    struct err e = {0};
    int64_t now_us = clock_monotonic_us();
    if (s->notifier != NULL)
        tell(s, "log", notifier_flush(s->notifier, &e), &e);
    if (now_us < s->next_second_us)
        return;
    s->next_second_us = now_us + SECOND_US;
    tell(s, "servers", servers_check(s->embedded, &e), &e);
    tell(s, "log", maintain_run(s->maintainer, clock_now_us(), &e), &e);
}

static void tell_difference(const struct option *o, void *context)
{
    (void)context;
    if (!o->reloads)
        diag(DIAG_WARNING, "serve", "%s has changed: it needs a restart", o->name);
}

void server_reload(struct server *s, const struct config *fresh)
{
    struct err e = {0};
    config_compare(s->config, fresh, tell_difference, NULL);
    if (api_reload(s->api, fresh, &e) != 0 ||
        (s->ingest != NULL && ingest_reload(s->ingest, fresh, &e) != 0))
        diag(DIAG_ERROR, "serve", "%s", e.text);
    else
        diag(DIAG_INFO, "serve", "read again: the configuration, the geo database");
}
