/* SPDX-License-Identifier: Apache-2.0 */
/* Sites: two hash tables in memory (names, aliases), replaced whole by a refresh; what was learned
 * since stays in. */
#include "log/sites.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/table.h"

struct entry {
    struct span name; /* of the site, or the alias */
    struct span site; /* of an alias: what it stands for */
    struct site_info info;
    bool stored; /* in PostgreSQL; false: learned since the last refresh */
};

/* What a refresh replaces. */
struct known {
    struct arena memory;
    struct table names, aliases;
};

struct sites {
    pthread_mutex_t refreshing; /* one after another, so that the newest read wins */
    pthread_rwlock_t lock;
    uint64_t seed;
    uint32_t max_sites;
    struct known *known;
};

enum { STORE_AT_ONCE = 1000 }; /* learned sites stored by one refresh */

struct sites *sites_new(uint32_t max_sites)
{
    struct sites *s = mem_alloc(sizeof(*s));
    pthread_mutex_init(&s->refreshing, NULL);
    pthread_rwlock_init(&s->lock, NULL);
    s->seed = hash_seed();
    s->max_sites = max_sites;
    s->known = mem_alloc(sizeof(*s->known));
    return s;
}

static void known_free(struct known *k)
{
    table_clear(&k->names);
    table_clear(&k->aliases);
    arena_clear(&k->memory);
    free(k);
}

void sites_free(struct sites *s)
{
    if (s == NULL)
        return;
    known_free(s->known);
    pthread_rwlock_destroy(&s->lock);
    pthread_mutex_destroy(&s->refreshing);
    free(s);
}

/* ------------------------------------------------------------------ in memory */

static bool has_name(const void *item, const void *key)
{
    return span_equal(((const struct entry *)item)->name, *(const struct span *)key);
}

static struct entry *find(const struct sites *s, const struct table *t, struct span name)
{
    return table_find(t, hash_bytes(s->seed, name), &name, has_name);
}

static struct entry *add(const struct sites *s, struct known *k, struct table *t, struct span name)
{
    struct entry *entry = arena_alloc(&k->memory, sizeof(*entry));
    *entry = (struct entry){.name = arena_copy(&k->memory, name)};
    table_put(t, hash_bytes(s->seed, name), entry);
    return entry;
}

bool sites_find(struct sites *s, struct span name, struct site_info *out)
{
    pthread_rwlock_rdlock(&s->lock);
    const struct entry *found = find(s, &s->known->names, name);
    if (found != NULL && out != NULL)
        *out = found->info;
    pthread_rwlock_unlock(&s->lock);
    return found != NULL;
}

bool sites_resolve(struct sites *s, struct span alias, char name[SITE_BYTES])
{
    pthread_rwlock_rdlock(&s->lock);
    const struct entry *found = find(s, &s->known->aliases, alias);
    bool known = found != NULL && found->site.n < SITE_BYTES;
    if (known) {
        memcpy(name, found->site.p, found->site.n);
        name[found->site.n] = '\0';
    }
    pthread_rwlock_unlock(&s->lock);
    return known;
}

int sites_learn(struct sites *s, struct span name, struct err *e)
{
    if (sites_find(s, name, NULL))
        return 0;
    if (name.n == 0 || name.n >= SITE_BYTES)
        return err_set(e, ERR_INPUT, "a site's name has 1 to %d bytes", SITE_BYTES - 1);
    int status = 0;
    pthread_rwlock_wrlock(&s->lock);
    if (find(s, &s->known->names, name) != NULL)
        ;
    else if (s->known->names.n >= s->max_sites)
        status = err_set(e, ERR_BUSY,
                         "there are %zu known sites, the most that are learned "
                         "(ingest.max_sites); add it with `footfall site add`",
                         s->known->names.n);
    else
        add(s, s->known, &s->known->names, name)->info.learned = true;
    pthread_rwlock_unlock(&s->lock);
    return status;
}

uint32_t sites_count(struct sites *s)
{
    pthread_rwlock_rdlock(&s->lock);
    size_t n = s->known->names.n;
    pthread_rwlock_unlock(&s->lock);
    return (uint32_t)n;
}

/* ------------------------------------------------------------------ refreshing */

/* The learned sites that are not stored yet, copied. */
static uint32_t copy_learned(struct sites *s, struct arena *memory, struct span *out)
{
    uint32_t n = 0;
    pthread_rwlock_rdlock(&s->lock);
    const struct table *t = &s->known->names;
    for (size_t i = 0; t->entries != NULL && i <= t->mask && n < STORE_AT_ONCE; i++) {
        const struct entry *entry = t->entries[i].item;
        if (entry != NULL && !entry->stored)
            out[n++] = arena_copy(memory, entry->name);
    }
    pthread_rwlock_unlock(&s->lock);
    return n;
}

static int store_learned(struct sites *s, struct sql *sql, struct err *e)
{
    struct arena memory = {0};
    struct span *names = mem_alloc(STORE_AT_ONCE * sizeof(*names));
    uint32_t n = copy_learned(s, &memory, names);
    int status = 0;
    for (uint32_t i = 0; i < n && status == 0; i++)
        status = sql_run(
            sql, "INSERT INTO site (name, learned) VALUES ($1, true) ON CONFLICT DO NOTHING",
            SQL_PARAMS(names[i]), NULL, e);
    arena_clear(&memory);
    free(names);
    return status;
}

static int read_known(const struct sites *s, struct sql *sql, struct known *k, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(sql, "SELECT name, is_public, learned FROM site", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    for (int i = 0; i < rows.count; i++) {
        struct entry *entry = add(s, k, &k->names, sql_value(&rows, i, 0));
        entry->stored = true;
        entry->info = (struct site_info){sql_bool(&rows, i, 1), sql_bool(&rows, i, 2)};
    }
    sql_rows_clear(&rows);
    if (sql_run(sql, "SELECT alias, site FROM site_alias", SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    for (int i = 0; i < rows.count; i++) {
        struct entry *entry = add(s, k, &k->aliases, sql_value(&rows, i, 0));
        entry->site = arena_copy(&k->memory, sql_value(&rows, i, 1));
    }
    sql_rows_clear(&rows);
    return 0;
}

/* What was learned while the tables were read stays known. Under the lock. */
static void keep_learned(const struct sites *s, struct known *fresh)
{
    const struct table *t = &s->known->names;
    for (size_t i = 0; t->entries != NULL && i <= t->mask; i++) {
        const struct entry *entry = t->entries[i].item;
        if (entry != NULL && !entry->stored && find(s, &fresh->names, entry->name) == NULL)
            add(s, fresh, &fresh->names, entry->name)->info = entry->info;
    }
}

static int refresh(struct sites *s, struct sql *sql, struct err *e)
{
    struct known *fresh = mem_alloc(sizeof(*fresh));
    if (store_learned(s, sql, e) != 0 || read_known(s, sql, fresh, e) != 0) {
        known_free(fresh);
        return -1;
    }
    pthread_rwlock_wrlock(&s->lock);
    keep_learned(s, fresh);
    struct known *old = s->known;
    s->known = fresh;
    pthread_rwlock_unlock(&s->lock);
    known_free(old);
    return 0;
}

int sites_refresh(struct sites *s, struct sql *sql, struct err *e)
{
    pthread_mutex_lock(&s->refreshing);
    int result = refresh(s, sql, e);
    pthread_mutex_unlock(&s->refreshing);
    return result;
}

/* ------------------------------------------------------------------ in PostgreSQL */

bool site_name_valid(struct span name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._:[]";
    if (name.n == 0 || name.n >= SITE_BYTES)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (memchr(allowed, name.p[i], sizeof(allowed) - 1) == NULL)
            return false;
    return true;
}

static int check_name(struct span name, struct err *e)
{
    return site_name_valid(name)
               ? 0
               : err_set(e, ERR_INPUT, "\"%.*s\" is not a site's name: 1 to 253 of a-z 0-9 - . _ :",
                         SPAN_ARGS(name));
}

int sites_add(struct sql *sql, struct span name, struct err *e)
{
    if (check_name(name, e) != 0)
        return -1;
    return sql_run(sql,
                   "INSERT INTO site (name) VALUES ($1)"
                   " ON CONFLICT (name) DO UPDATE SET learned = false",
                   SQL_PARAMS(name), NULL, e);
}

int sites_add_unknown(struct sql *sql, struct span name, struct err *e)
{
    if (check_name(name, e) != 0)
        return -1;
    return sql_run(sql, "INSERT INTO site (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
                   SQL_PARAMS(name), NULL, e);
}

/* Runs a statement that must touch the row of a known site. */
static int run_for_known(struct sql *sql, const char *statement, struct sql_params params,
                         struct span name, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(sql, statement, params, &rows, e) != 0)
        return -1;
    int touched = rows.count;
    sql_rows_clear(&rows);
    return touched > 0
               ? 0
               : err_set(e, ERR_INPUT, "the site %.*s is not known; `footfall site add %.*s`",
                         SPAN_ARGS(name), SPAN_ARGS(name));
}

int sites_set_public(struct sql *sql, struct span name, bool is_public, struct err *e)
{
    return run_for_known(sql, "UPDATE site SET is_public = $2 WHERE name = $1 RETURNING name",
                         SQL_PARAMS(name, span_of(is_public ? "true" : "false")), name, e);
}

int sites_add_alias(struct sql *sql, struct span name, struct span alias, struct err *e)
{
    if (alias.n == 0 || alias.n >= SITE_BYTES)
        return err_set(e, ERR_INPUT, "an alias has 1 to %d bytes", SITE_BYTES - 1);
    return run_for_known(sql,
                         "INSERT INTO site_alias (alias, site) SELECT $2, name FROM site"
                         " WHERE name = $1 ON CONFLICT (alias) DO UPDATE SET site = EXCLUDED.site"
                         " RETURNING alias",
                         SQL_PARAMS(name, alias), name, e);
}

int sites_list(struct sql *sql, void (*each)(void *context, const struct site_row *row),
               void *context, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(sql,
                "SELECT s.name, coalesce(string_agg(a.alias, ',' ORDER BY a.alias), ''),"
                " s.is_public, s.learned FROM site s LEFT JOIN site_alias a ON a.site = s.name"
                " GROUP BY s.name ORDER BY s.name",
                SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    for (int i = 0; i < rows.count; i++)
        each(context, &(struct site_row){.name = sql_value(&rows, i, 0),
                                         .aliases = sql_value(&rows, i, 1),
                                         .info = {sql_bool(&rows, i, 2), sql_bool(&rows, i, 3)}});
    sql_rows_clear(&rows);
    return 0;
}
