/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and sign-ins: a sorted array of hashes in memory, replaced whole by a refresh. */
#include "log/tokens.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/secret.h"

enum { HASH_BYTES = SECRET_HASH_BYTES, SECRET_RANDOM_BYTES = 20, MIN_SECRET_BYTES = 16 };

const char *const token_scope_names[3] = {"ingest", "read", "admin"};

struct entry {
    uint8_t hash[HASH_BYTES];
    struct token_info info;
    int64_t expires_us; /* of a sign-in; 0: it is a token */
};

struct tokens {
    pthread_mutex_t refreshing; /* one after another, so that the newest read wins */
    pthread_rwlock_t lock;
    struct entry *entries; /* by hash */
    size_t n;
};

struct tokens *tokens_new(void)
{
    struct tokens *t = mem_alloc(sizeof(*t));
    pthread_mutex_init(&t->refreshing, NULL);
    pthread_rwlock_init(&t->lock, NULL);
    return t;
}

void tokens_free(struct tokens *t)
{
    if (t == NULL)
        return;
    pthread_rwlock_destroy(&t->lock);
    pthread_mutex_destroy(&t->refreshing);
    free(t->entries);
    free(t);
}

/* ------------------------------------------------------------------ in memory */

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct entry *)a)->hash, ((const struct entry *)b)->hash, HASH_BYTES);
}

/* False: there is none. */
static bool find_hash(struct tokens *t, const uint8_t hash[HASH_BYTES], struct entry *out)
{
    struct entry wanted;
    memcpy(wanted.hash, hash, HASH_BYTES);
    pthread_rwlock_rdlock(&t->lock);
    /* the order tells nothing about secrets: only their hashes are compared */
    const struct entry *found =
        t->n == 0 ? NULL : bsearch(&wanted, t->entries, t->n, sizeof(*t->entries), compare);
    if (found != NULL)
        *out = *found;
    pthread_rwlock_unlock(&t->lock);
    return found != NULL;
}

static bool find(struct tokens *t, struct span secret, struct entry *out)
{
    uint8_t hash[HASH_BYTES];
    secret_hash(secret, hash);
    return find_hash(t, hash, out);
}

bool tokens_find_hash(struct tokens *t, const uint8_t hash[SECRET_HASH_BYTES], int64_t now_us,
                      struct token_info *out)
{
    struct entry found;
    if (!find_hash(t, hash, &found) || (found.expires_us != 0 && found.expires_us <= now_us))
        return false;
    *out = found.info;
    return true;
}

bool tokens_find(struct tokens *t, struct span secret, struct token_info *out)
{
    struct entry found;
    if (!find(t, secret, &found) || found.expires_us != 0)
        return false;
    *out = found.info;
    return true;
}

bool tokens_find_sign_in(struct tokens *t, struct span secret, int64_t now_us, struct sign_in *out)
{
    struct entry found;
    if (!find(t, secret, &found) || found.expires_us <= now_us)
        return false;
    *out = (struct sign_in){.token = found.info, .expires_us = found.expires_us};
    return true;
}

static bool scope_of(struct span name, enum token_scope *out)
{
    for (int i = 0; i < 3; i++)
        if (span_is(name, token_scope_names[i])) {
            *out = (enum token_scope)i;
            return true;
        }
    return false;
}

static bool hex_bytes(struct span hex, uint8_t *out, size_t n)
{
    if (hex.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        char two[3] = {hex.p[2 * i], hex.p[2 * i + 1], '\0'};
        if (sscanf(two, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* Columns id, scope, site of a row. */
static bool take_info(const struct sql_rows *rows, int row, struct token_info *out)
{
    struct span site = sql_value(rows, row, 2);
    *out = (struct token_info){.id = sql_int(rows, row, 0)};
    if (site.n >= sizeof(out->site) || !scope_of(sql_value(rows, row, 1), &out->scope))
        return false;
    if (site.n > 0)
        memcpy(out->site, site.p, site.n);
    return true;
}

static int refresh(struct tokens *t, struct sql *s, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s,
                "SELECT id, scope, site, encode(secret_hash, 'hex'), 0::bigint FROM token"
                " WHERE revoked_at IS NULL UNION ALL"
                " SELECT t.id, t.scope, t.site, encode(s.secret_hash, 'hex'),"
                " (extract(epoch FROM s.expires_at) * 1000000)::bigint"
                " FROM sign_in s JOIN token t ON t.id = s.token_id"
                " WHERE t.revoked_at IS NULL AND s.expires_at > now()",
                SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    struct entry *entries = mem_alloc((size_t)rows.count * sizeof(*entries));
    size_t n = 0;
    for (int i = 0; i < rows.count; i++) {
        entries[n].expires_us = sql_int(&rows, i, 4);
        if (take_info(&rows, i, &entries[n].info) &&
            hex_bytes(sql_value(&rows, i, 3), entries[n].hash, HASH_BYTES))
            n++;
    }
    sql_rows_clear(&rows);
    qsort(entries, n, sizeof(*entries), compare);
    pthread_rwlock_wrlock(&t->lock);
    struct entry *old = t->entries;
    t->entries = entries;
    t->n = n;
    pthread_rwlock_unlock(&t->lock);
    free(old);
    return 0;
}

int tokens_refresh(struct tokens *t, struct sql *s, struct err *e)
{
    pthread_mutex_lock(&t->refreshing);
    int result = refresh(t, s, e);
    pthread_mutex_unlock(&t->refreshing);
    return result;
}

/* ------------------------------------------------------------------ in PostgreSQL */

static int insert(struct sql *s, enum token_scope scope, struct span site, struct span secret,
                  struct err *e)
{
    char hash[SECRET_HASH_TEXT_BYTES];
    secret_hash_text(secret, hash);
    return sql_run(s,
                   "INSERT INTO token (secret_hash, scope, site) VALUES ($1::bytea, $2, $3)"
                   " ON CONFLICT (secret_hash) DO NOTHING",
                   SQL_PARAMS(span_of(hash), span_of(token_scope_names[scope]), site), NULL, e);
}

int tokens_create(struct sql *s, enum token_scope scope, struct span site,
                  char secret[TOKEN_SECRET_BYTES], struct err *e)
{
    static const char prefix[] = "ff_";
    _Static_assert(sizeof prefix + 2 * SECRET_RANDOM_BYTES <= TOKEN_SECRET_BYTES, "it fits");
    if (!span_absent(site) && !site_name_valid(site))
        return err_set(e, ERR_INPUT, "\"%.*s\" is not a site's name", SPAN_ARGS(site));
    return secret_make(secret, prefix, SECRET_RANDOM_BYTES, e) == 0
               ? insert(s, scope, site, span_of(secret), e)
               : -1;
}

int tokens_adopt(struct sql *s, enum token_scope scope, struct span secret, struct err *e)
{
    if (secret.n < MIN_SECRET_BYTES)
        return err_set(e, ERR_INPUT, "a token has at least %d characters", (int)MIN_SECRET_BYTES);
    return insert(s, scope, SPAN_ABSENT, secret, e);
}

int tokens_revoke(struct sql *s, int64_t id, struct err *e)
{
    char number[24];
    struct sql_rows rows = {0};
    snprintf(number, sizeof(number), "%lld", (long long)id);
    if (sql_run(s,
                "UPDATE token SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL"
                " RETURNING id",
                SQL_PARAMS(span_of(number)), &rows, e) != 0)
        return -1;
    int revoked = rows.count;
    sql_rows_clear(&rows);
    return revoked == 1
               ? 0
               : err_set(e, ERR_INPUT, "there is no token %s; see `footfall token list`", number);
}

int tokens_list(struct sql *s, void (*each)(void *context, const struct token_row *row),
                void *context, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(s,
                "SELECT id, scope, site, (extract(epoch FROM created_at) * 1000000)::bigint"
                " FROM token WHERE revoked_at IS NULL ORDER BY id",
                SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    for (int i = 0; i < rows.count; i++) {
        struct token_row row = {.created_us = sql_int(&rows, i, 3)};
        if (take_info(&rows, i, &row.token))
            each(context, &row);
    }
    sql_rows_clear(&rows);
    return 0;
}
