/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of the views' owner, definitions and generations. */
#include "log/view_registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* "ffvw": apart from the log writer's advisory locks. */
#define OWNER_LOCK "1717991031"

struct number {
    char text[24];
};

static struct number number_of(uint64_t value)
{
    struct number n;
    snprintf(n.text, sizeof(n.text), "%" PRIu64, value);
    return n;
}

/* ---- the owner */

struct view_owner {
    struct sql *sql;
    struct view_fence fence;
};

/* An owner without a heartbeat is cut off, so that the next attempt gets the lock; the epoch makes
 * that safe should it still live. */
static int refuse_lock(struct view_owner *o, struct span partition, struct err *e)
{
    if (sql_run(o->sql,
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l, view_owner v"
                " WHERE l.locktype = 'advisory' AND l.classid::bigint = " OWNER_LOCK
                " AND l.objid::bigint = v.partition AND l.granted AND v.partition = $1::int"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND v.heartbeat_at < now() - interval '30 s'",
                SQL_PARAMS(partition), NULL, e) != 0)
        return -1;
    return err_set(e, ERR_BUSY, "another process builds the views of partition %.*s",
                   SPAN_ARGS(partition));
}

static int take_lock(struct view_owner *o, struct span partition, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(o->sql, "SELECT pg_try_advisory_lock(" OWNER_LOCK ", $1::int)",
                SQL_PARAMS(partition), &rows, e) != 0)
        return -1;
    bool taken = rows.count == 1 && sql_bool(&rows, 0, 0);
    sql_rows_clear(&rows);
    return taken ? 0 : refuse_lock(o, partition, e);
}

static int raise_epoch(struct view_owner *o, struct span partition, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(o->sql,
                "INSERT INTO view_owner AS o (partition, epoch) VALUES ($1::int, 1)"
                " ON CONFLICT (partition) DO UPDATE SET epoch = o.epoch + 1, heartbeat_at = now()"
                " RETURNING epoch",
                SQL_PARAMS(partition), &rows, e) != 0)
        return -1;
    o->fence.epoch = (uint64_t)sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

int view_owner_take(struct view_owner **out, const char *postgres_uri, uint32_t partition,
                    struct err *e)
{
    struct number text = number_of(partition);
    struct view_owner *o = mem_alloc(sizeof(*o));
    o->fence.partition = partition;
    if (sql_open(&o->sql, postgres_uri, e) != 0 || take_lock(o, span_of(text.text), e) != 0 ||
        raise_epoch(o, span_of(text.text), e) != 0) {
        view_owner_release(o);
        *out = NULL;
        return -1;
    }
    *out = o;
    return 0;
}

void view_owner_release(struct view_owner *o)
{
    if (o == NULL)
        return;
    sql_close(o->sql);
    free(o);
}

struct view_fence view_owner_fence(const struct view_owner *o)
{
    return o->fence;
}

struct sql *view_owner_sql(struct view_owner *o)
{
    return o->sql;
}

static int lost(struct err *e)
{
    return err_set(e, ERR_BUSY, "another process has taken the views over");
}

int view_owner_check(struct view_owner *o, struct err *e)
{
    struct number partition = number_of(o->fence.partition), epoch = number_of(o->fence.epoch);
    struct sql_rows rows = {0};
    if (sql_run(o->sql,
                "UPDATE view_owner SET heartbeat_at = now()"
                " WHERE partition = $1::int AND epoch = $2::bigint RETURNING 1",
                SQL_PARAMS(span_of(partition.text), span_of(epoch.text)), &rows, e) != 0)
        return -1;
    int count = rows.count;
    sql_rows_clear(&rows);
    return count == 1 ? 0 : lost(e);
}

/* ---- statements under the fence */

#define FENCE                                                                                      \
    "WITH fence AS (SELECT epoch FROM view_owner"                                                  \
    " WHERE partition = $1::int AND epoch = $2::bigint FOR SHARE)"

struct fenced {
    struct view_fence fence;
    const char *statement;
    struct span view, generation,
        more[3]; /* $3, $4, $5 ... ; absent ones at the end are not given */
};

/* Runs it; the first column of the first row is *value, *count the number of rows. */
static int run_fenced(struct sql *s, const struct fenced *f, struct sql_rows *rows, struct err *e)
{
    struct number partition = number_of(f->fence.partition), epoch = number_of(f->fence.epoch);
    struct span values[7] = {span_of(partition.text),
                             span_of(epoch.text),
                             f->view,
                             f->generation,
                             f->more[0],
                             f->more[1],
                             f->more[2]};
    size_t n = 2;
    while (n < 7 && !span_absent(values[n]))
        n++;
    *rows = (struct sql_rows){0};
    return sql_run(s, f->statement, (struct sql_params){values, n}, rows, e);
}

/* The same for statements that answer one row when the fence holds. */
static int run_one(struct sql *s, const struct fenced *f, uint64_t *value, struct err *e)
{
    struct sql_rows rows;
    if (run_fenced(s, f, &rows, e) != 0)
        return -1;
    int result = rows.count == 1 ? 0 : lost(e);
    if (result == 0 && value != NULL)
        *value = (uint64_t)sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return result;
}

int view_registry_current(struct sql *s, struct view_fence fence, const char *view,
                          uint64_t *generation, struct err *e)
{
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE " SELECT coalesce((SELECT current_generation"
                                          " FROM view_definition WHERE name = $3), 0) FROM fence",
                                    span_of(view),
                                    SPAN_ABSENT,
                                    {{0}}},
                   generation, e);
}

int view_registry_wants(struct sql *s, struct view_fence fence, const struct view_record *view,
                        bool *wanted, struct err *e)
{
    uint64_t n = 0;
    int result = run_one(s,
                         &(struct fenced){fence,
                                          FENCE " SELECT (SELECT count(*) FROM view_version"
                                                " WHERE name = $3 AND definition_hash = $4"
                                                " AND state <> 'past') FROM fence",
                                          span_of(view->name),
                                          span_of(view->definition_hash),
                                          {{0}}},
                         &n, e);
    *wanted = n > 0;
    return result;
}

int view_registry_current_since(struct sql *s, struct view_fence fence,
                                const struct view_record *view, int64_t since_us,
                                uint64_t *generation, struct err *e)
{
    struct number number = number_of((uint64_t)since_us);
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE
                                    " SELECT coalesce((SELECT max(generation) FROM view_generation"
                                    " WHERE name = $3 AND partition = $1::int AND state = 'current'"
                                    " AND definition_hash = $5"
                                    " AND created_at >= to_timestamp($4::bigint / 1000000.0)), 0)"
                                    " FROM fence",
                                    span_of(view->name),
                                    span_of(number.text),
                                    {span_of(view->definition_hash)}},
                   generation, e);
}

#define NEXT_GENERATION                                                                            \
    ", next AS (SELECT 1 + greatest("                                                              \
    " coalesce((SELECT max(generation) FROM view_generation WHERE name = $3), 0),"                 \
    " coalesce((SELECT current_generation FROM view_definition WHERE name = $3), 0)) AS number)"

static const char add_current[] = FENCE NEXT_GENERATION
    ", old AS (UPDATE view_generation SET state = 'dropping', updated_at = now() FROM fence"
    " WHERE name = $3 AND partition = $1::int AND state = 'current')"
    ", pointer AS (UPDATE view_definition SET current_generation = next.number, updated_at = now()"
    " FROM fence, next WHERE name = $3)"
    " INSERT INTO view_generation (name, partition, generation, state, definition_hash)"
    " SELECT $3, $1::int, next.number, 'current', $4 FROM fence, next RETURNING generation";

static const char add_building[] = FENCE NEXT_GENERATION
    " INSERT INTO view_generation (name, partition, generation, state, definition_hash)"
    " SELECT $3, $1::int, next.number, 'building', $4 FROM fence, next RETURNING generation";

int view_registry_add(struct sql *s, struct view_fence fence, const struct view_record *view,
                      enum generation_purpose purpose, uint64_t *generation, struct err *e)
{
    return run_one(s,
                   &(struct fenced){fence,
                                    purpose == GENERATION_CURRENT ? add_current : add_building,
                                    span_of(view->name),
                                    span_of(view->definition_hash),
                                    {{0}}},
                   generation, e);
}

int view_registry_building(struct sql *s, struct view_fence fence, const struct view_record *view,
                           uint64_t *generation, struct err *e)
{
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE
                                    ", read AS (SELECT coalesce(max(current_generation), 0) AS g"
                                    " FROM view_definition WHERE name = $3)"
                                    ", others AS (UPDATE view_generation SET state = 'dropping',"
                                    " updated_at = now() FROM fence, read WHERE name = $3"
                                    " AND partition = $1::int AND state = 'building'"
                                    " AND (definition_hash <> $4 OR generation < read.g))"
                                    " SELECT coalesce((SELECT max(generation) FROM"
                                    " view_generation, read"
                                    " WHERE name = $3 AND partition = $1::int"
                                    " AND state = 'building' AND definition_hash = $4"
                                    " AND generation > read.g), 0)"
                                    " FROM fence",
                                    span_of(view->name),
                                    span_of(view->definition_hash),
                                    {{0}}},
                   generation, e);
}

int view_registry_switch(struct sql *s, struct view_fence fence,
                         const struct generation_record *next, const struct view_end *old,
                         struct err *e)
{
    struct number partition = number_of(fence.partition), epoch = number_of(fence.epoch),
                  generation = number_of(next->generation), offset = number_of(old->offset);
    struct sql_rows rows = {0};
    bool ended = old->digest != NULL;
    if (sql_run(s, "SELECT view_switch($1::int, $2::bigint, $3, $4::bigint, $5::bigint, $6)",
                SQL_PARAMS(span_of(partition.text), span_of(epoch.text), span_of(next->view),
                           span_of(generation.text), ended ? span_of(offset.text) : SPAN_ABSENT,
                           ended ? span_of(old->digest) : SPAN_ABSENT),
                &rows, e) != 0)
        return -1;
    bool is_owner = !span_absent(sql_value(&rows, 0, 0)), switched = sql_bool(&rows, 0, 0);
    sql_rows_clear(&rows);
    if (!is_owner)
        return lost(e);
    return switched
               ? 0
               : err_set(e, ERR_DATA,
                         "generation %" PRIu64 " of view %s is not being built, not newer than "
                         "the one that is read, or of a definition that is not wanted any more",
                         next->generation, next->view);
}

int view_registry_abandon(struct sql *s, struct view_fence fence, const char *view,
                          uint64_t generation, struct err *e)
{
    struct number number = number_of(generation);
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE
                                    ", gone AS (UPDATE view_generation SET state = 'dropping',"
                                    " updated_at = now() FROM fence WHERE name = $3"
                                    " AND partition = $1::int AND generation = $4::bigint"
                                    " AND state = 'building')"
                                    " SELECT 1 FROM fence",
                                    span_of(view),
                                    span_of(number.text),
                                    {{0}}},
                   NULL, e);
}

int view_registry_leftover(struct sql *s, struct view_fence fence, const char *view,
                           uint64_t generation, struct err *e)
{
    struct number number = number_of(generation);
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE
                                    ", noted AS (INSERT INTO view_generation"
                                    " (name, partition, generation, state, definition_hash)"
                                    " SELECT $3, $1::int, $4::bigint, 'dropping', '' FROM fence"
                                    " ON CONFLICT DO NOTHING)"
                                    " SELECT 1 FROM fence",
                                    span_of(view),
                                    span_of(number.text),
                                    {{0}}},
                   NULL, e);
}

int view_registry_abandon_orphans(struct sql *s, struct view_fence fence, struct err *e)
{
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE
                                    ", gone AS (UPDATE view_generation g SET state = 'dropping',"
                                    " updated_at = now() FROM fence WHERE g.partition = $1::int"
                                    " AND g.state = 'building' AND NOT EXISTS (SELECT 1 FROM job j"
                                    " WHERE j.kind = 'replay' AND j.finished_at IS NULL"
                                    " AND j.params->'views' ? g.name))"
                                    " SELECT 1 FROM fence",
                                    SPAN_ABSENT,
                                    SPAN_ABSENT,
                                    {{0}}},
                   NULL, e);
}

static int find_one(struct sql *s, const struct fenced *f, struct generation_record *out,
                    bool *found, struct err *e)
{
    struct sql_rows rows;
    if (run_fenced(s, f, &rows, e) != 0)
        return -1;
    *found = rows.count == 1;
    if (*found) {
        struct span name = sql_value(&rows, 0, 0);
        snprintf(out->view, sizeof(out->view), "%.*s", SPAN_ARGS(name));
        out->generation = (uint64_t)sql_int(&rows, 0, 1);
    }
    sql_rows_clear(&rows);
    return 0;
}

#define NOBODY_READS                                                                               \
    " AND g.state = 'current' AND NOT EXISTS (SELECT FROM view_version v"                          \
    " WHERE v.name = g.name AND v.state = 'current')"

int view_registry_next_unread(struct sql *s, struct view_fence fence, struct generation_record *out,
                              bool *found, struct err *e)
{
    struct fenced f = {fence,
                       FENCE " SELECT g.name, g.generation FROM fence, view_generation g"
                             " WHERE g.partition = $1::int" NOBODY_READS " LIMIT 1",
                       SPAN_ABSENT,
                       SPAN_ABSENT,
                       {{0}}};
    return find_one(s, &f, out, found, e);
}

int view_registry_drop_unread(struct sql *s, struct view_fence fence,
                              const struct generation_record *g, struct err *e)
{
    struct number number = number_of(g->generation);
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE ", gone AS (UPDATE view_generation g"
                                          " SET state = 'dropping', updated_at = now() FROM fence"
                                          " WHERE g.name = $3 AND g.partition = $1::int"
                                          " AND g.generation = $4::bigint" NOBODY_READS ")"
                                          " SELECT 1 FROM fence",
                                    span_of(g->view),
                                    span_of(number.text),
                                    {{0}}},
                   NULL, e);
}

int view_registry_next_dropping(struct sql *s, struct view_fence fence,
                                struct generation_record *out, bool *found, struct err *e)
{
    struct fenced f = {fence,
                       FENCE " SELECT name, generation FROM fence, view_generation"
                             " WHERE partition = $1::int AND state = 'dropping'"
                             " ORDER BY updated_at, name, generation LIMIT 1",
                       SPAN_ABSENT,
                       SPAN_ABSENT,
                       {{0}}};
    return find_one(s, &f, out, found, e);
}

int view_registry_forget(struct sql *s, struct view_fence fence, const struct generation_record *g,
                         struct err *e)
{
    struct number number = number_of(g->generation);
    return run_one(s,
                   &(struct fenced){fence,
                                    FENCE ", gone AS (DELETE FROM view_generation USING fence"
                                          " WHERE name = $3 AND partition = $1::int"
                                          " AND generation = $4::bigint AND state = 'dropping')"
                                          " SELECT 1 FROM fence",
                                    span_of(g->view),
                                    span_of(number.text),
                                    {{0}}},
                   NULL, e);
}
