/* SPDX-License-Identifier: Apache-2.0 */
/* Runs what is missing of migrations/, one transaction each. */
#include "log/migrate.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/embed.h"
#include "log/sql.h"

EMBED(migration_0001);
EMBED(migration_0002);
EMBED(migration_0003);
EMBED(migration_0004);
EMBED(migration_0005);
EMBED(migration_0006);
EMBED(migration_0007);

/* clang-format off */
/* In order; the version is the place in the table, from 1. */
static const struct {
    const char *name, *text;
} migrations[] = {
    {"0001_log", embed_migration_0001},
    {"0002_access", embed_migration_0002},
    {"0003_views", embed_migration_0003},
    {"0004_view_functions", embed_migration_0004},
    {"0005_sessions", embed_migration_0005},
    {"0006_view_versions", embed_migration_0006},
    {"0007_sign_in", embed_migration_0007},
};
/* clang-format on */

enum { PATIENCE_MS = 600000 }; /* for another migration, or a large one */

enum { N_MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]) };

int migrate_version(void)
{
    return N_MIGRATIONS;
}

static int check_server(struct sql *s, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(
            s,
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
            " pg_encoding_to_char(encoding), datname, EXISTS (SELECT FROM pg_settings"
            "   WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals))"
            " FROM pg_database WHERE datname = current_database()",
            SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    int status = 0;
    struct span version = sql_value(&rows, 0, 1), encoding = sql_value(&rows, 0, 2);
    if (sql_int(&rows, 0, 0) < 150000)
        status = err_set(e, ERR_INPUT, "PostgreSQL is %.*s; Footfall needs 15 or later",
                         SPAN_ARGS(version));
    else if (!sql_bool(&rows, 0, 4))
        status = err_set(e, ERR_INPUT,
                         "this PostgreSQL %.*s was built without lz4, which Footfall "
                         "needs; use a build --with-lz4",
                         SPAN_ARGS(version));
    else if (!span_is(encoding, "UTF8"))
        status = err_set(e, ERR_INPUT,
                         "the database %.*s has the encoding %.*s; create one with "
                         "ENCODING 'UTF8' TEMPLATE template0",
                         SPAN_ARGS(sql_value(&rows, 0, 3)), SPAN_ARGS(encoding));
    sql_rows_clear(&rows);
    return status;
}

static int current_version(struct sql *s, int64_t *version, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s,
                "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY,"
                " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                SQL_NO_PARAMS, NULL, e) != 0 ||
        sql_run(s, "SELECT max(version) FROM schema_migration", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    *version = sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

/* Several statements in one message are one transaction. */
static int apply(struct sql *s, int version, struct err *e)
{
    struct buf text = {0};
    buf_printf(&text, "%s;\nINSERT INTO schema_migration (version, name) VALUES (%d, '%s')",
               migrations[version - 1].text, version, migrations[version - 1].name);
    buf_put_byte(&text, '\0');
    int status = sql_run(s, (const char *)text.p, SQL_NO_PARAMS, NULL, e);
    buf_clear(&text);
    if (status != 0)
        return err_context(e, "migration %s", migrations[version - 1].name);
    diag(DIAG_INFO, "log", "migration %s applied", migrations[version - 1].name);
    return 0;
}

static int apply_missing(struct sql *s, struct err *e)
{
    int64_t version;
    if (current_version(s, &version, e) != 0)
        return -1;
    if (version > N_MIGRATIONS)
        return err_set(e, ERR_DATA,
                       "the database has schema version %lld, this Footfall knows up to "
                       "%d; use the newer Footfall",
                       (long long)version, (int)N_MIGRATIONS);
    while (version < N_MIGRATIONS)
        if (apply(s, (int)++version, e) != 0)
            return -1;
    return 0;
}

/* A restored log has forgotten events its readers have seen: it is another log from here on, and
 * whoever writes to the old one is fenced off. */
static int rename_log(struct sql *s, struct err *e)
{
    return sql_run(s,
                   "UPDATE log_meta SET log_id = gen_random_uuid(), restored_at = now();"
                   "UPDATE log_head SET epoch = epoch + 1; UPDATE view_owner SET epoch = epoch + 1",
                   SQL_NO_PARAMS, NULL, e);
}

static int migrate_locked(struct sql *s, enum migrate_mode mode, struct err *e)
{
    /* one at a time: the lock ends with the connection ("ffmi") */
    struct sql_rows rows = {0};
    if (sql_run(s, "SELECT pg_advisory_lock(x'66666d69'::bigint)", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    sql_rows_clear(&rows);
    if (apply_missing(s, e) != 0)
        return -1;
    return mode == MIGRATE_RESTORED ? rename_log(s, e) : 0;
}

int migrate_run(const char *postgres_uri, enum migrate_mode mode, struct err *e)
{
    struct sql *s;
    if (sql_open(&s, postgres_uri, e) != 0)
        return -1;
    sql_set_patience(s, PATIENCE_MS);
    int status = check_server(s, e) != 0 ? -1 : migrate_locked(s, mode, e);
    sql_close(s);
    return status;
}
