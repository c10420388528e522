/* SPDX-License-Identifier: Apache-2.0 */
/* A table of the sources and keys of one plan, filled from PostgreSQL by at most two statements. */
#include "log/repeats.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/table.h"

enum kind { KIND_SOURCE, KIND_KEY, N_KINDS };

/* What is known of one source or key. */
struct known {
    struct known *next; /* of its kind, in order of announcement */
    enum kind kind;
    bool stored; /* a key: PostgreSQL has it */
    bool news;   /* goes into this commit */
    int64_t scope;
    struct span site, name;
    int64_t position;                   /* a source's, this plan's progress included */
    uint8_t body_hash[32];              /* a key's */
    struct span answer;                 /* a key's */
    const struct append_request *first; /* the request of this plan that has the key */
};

/* How many live keys a scope has; counted by PostgreSQL now and then, by us in between. */
struct key_count {
    int64_t scope, counted_at_us;
    uint64_t live;
};
enum { MAX_KEY_COUNTS = 4096 };
#define RECOUNT_US (10 * US_PER_SECOND)

struct repeats {
    uint32_t partition, max_keys;
    struct arena memory; /* of this plan */
    struct table table;
    uint64_t seed;
    struct known *first[N_KINDS], **last[N_KINDS];
    struct key_count *counts;
    uint32_t n_counts;
    struct array arrays[REPEATS_PARAMS];
};

struct repeats *repeats_new(uint32_t partition, uint32_t max_keys_per_scope)
{
    struct repeats *r = mem_alloc(sizeof(*r));
    r->partition = partition;
    r->max_keys = max_keys_per_scope;
    r->seed = hash_seed();
    repeats_begin(r);
    return r;
}

void repeats_free(struct repeats *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < REPEATS_PARAMS; i++)
        array_clear(&r->arrays[i]);
    arena_clear(&r->memory);
    table_clear(&r->table);
    free(r->counts);
    free(r);
}

void repeats_begin(struct repeats *r)
{
    arena_reset(&r->memory);
    if (r->table.n > 0)
        table_reset(&r->table);
    for (int k = 0; k < N_KINDS; k++) {
        r->first[k] = NULL;
        r->last[k] = &r->first[k];
    }
    for (int i = 0; i < REPEATS_PARAMS; i++)
        array_reset(&r->arrays[i]);
}

/* ------------------------------------------------------------------ the table */

static uint64_t hash_of(const struct repeats *r, const struct known *k)
{
    uint64_t hash = hash_step(r->seed, (uint64_t)k->scope * N_KINDS + (uint64_t)k->kind);
    return hash_bytes(hash_bytes(hash, k->site), k->name);
}

static bool is_same(const void *item, const void *key)
{
    const struct known *a = item, *b = key;
    return a->kind == b->kind && a->scope == b->scope && span_equal(a->site, b->site) &&
           span_equal(a->name, b->name);
}

static struct span site_of(const struct append_request *q)
{
    return span_absent(q->site) ? SPAN_LITERAL("") : q->site;
}

static struct known *find(const struct repeats *r, enum kind kind, const struct append_request *q)
{
    struct known wanted = {.kind = kind,
                           .scope = q->scope,
                           .site = site_of(q),
                           .name = kind == KIND_KEY ? q->key : q->source};
    return table_find(&r->table, hash_of(r, &wanted), &wanted, is_same);
}

static void announce(struct repeats *r, enum kind kind, const struct append_request *q)
{
    if (find(r, kind, q) != NULL)
        return;
    struct known *k = arena_alloc(&r->memory, sizeof(*k));
    *k = (struct known){.kind = kind,
                        .scope = q->scope,
                        .site = site_of(q),
                        .name = kind == KIND_KEY ? q->key : q->source};
    table_put(&r->table, hash_of(r, k), k);
    *r->last[kind] = k;
    r->last[kind] = &k->next;
}

void repeats_announce(struct repeats *r, const struct append_request *q)
{
    if (!span_absent(q->source))
        announce(r, KIND_SOURCE, q);
    if (!span_absent(q->key))
        announce(r, KIND_KEY, q);
}

/* ------------------------------------------------------------------ looking up */

static const char *const questions[N_KINDS] = {
    [KIND_SOURCE] = "SELECT u.n, p.position FROM unnest($2::bigint[], $3::text[], $4::text[])"
                    " WITH ORDINALITY AS u (scope, site, name, n) JOIN source_position p"
                    " ON p.partition = $1 AND p.scope = u.scope AND p.site = u.site"
                    " AND p.name = u.name ORDER BY u.n",
    [KIND_KEY] = "SELECT u.n, k.body_hash, k.answer"
                 " FROM unnest($2::bigint[], $3::text[], $4::text[])"
                 " WITH ORDINALITY AS u (scope, site, name, n) JOIN idempotency_key k"
                 " ON k.partition = $1 AND k.scope = u.scope AND k.site = u.site AND k.key = u.name"
                 " AND k.created_at > now() - interval '24 hours' ORDER BY u.n",
};

static PGresult *ask(struct repeats *r, struct sql *sql, enum kind kind)
{
    struct array *a = r->arrays;
    for (const struct known *k = r->first[kind]; k != NULL; k = k->next) {
        array_put_int8(&a[0], k->scope);
        array_put(&a[1], k->site);
        array_put(&a[2], k->name);
    }
    struct span params[] = {array_finish(&a[0], ARRAY_INT8), array_finish(&a[1], ARRAY_TEXT),
                            array_finish(&a[2], ARRAY_TEXT)};
    uint32_t partition = htobe32(r->partition);
    const char *values[] = {(const char *)&partition, params[0].p, params[1].p, params[2].p};
    int lengths[] = {4, (int)params[0].n, (int)params[1].n, (int)params[2].n};
    static const int binary[] = {1, 1, 1, 1};
    static const Oid types[] = {23, 1016, 1009, 1009}; /* int4, int8[], text[], text[] */
    int sent =
        PQsendQueryParams(sql_handle(sql), questions[kind], 4, types, values, lengths, binary, 1);
    PGresult *result = sent == 1 ? sql_answer(sql) : NULL;
    for (int i = 0; i < 3; i++)
        array_reset(&a[i]);
    return result;
}

static struct span field(const PGresult *result, int row, int column)
{
    return (struct span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

static int64_t field_int8(const PGresult *result, int row, int column)
{
    return element_int8(field(result, row, column));
}

static void take_known(struct repeats *r, struct known *k, const PGresult *result, int row)
{
    k->stored = true;
    if (k->kind == KIND_SOURCE) {
        k->position = field_int8(result, row, 1);
        return;
    }
    struct span hash = field(result, row, 1);
    if (hash.n == sizeof(k->body_hash))
        memcpy(k->body_hash, hash.p, sizeof(k->body_hash));
    k->answer = arena_copy(&r->memory, field(result, row, 2));
}

/* ERR_INPUT: a name or key that PostgreSQL refuses (SQLSTATE class 22). */
static enum err_kind kind_of_failure(struct sql *sql, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sql_is_down(sql) || state == NULL || strncmp(state, "57P", 3) == 0)
        return ERR_DOWN;
    return strncmp(state, "22", 2) == 0 ? ERR_INPUT : ERR_BUSY;
}

static int look_up(struct repeats *r, struct sql *sql, enum kind kind, struct err *e)
{
    if (r->first[kind] == NULL)
        return 0;
    PGresult *result = ask(r, sql, kind);
    int status = PQresultStatus(result) == PGRES_TUPLES_OK ? 0 : -1;
    if (status != 0)
        err_set(e, kind_of_failure(sql, result), "PostgreSQL, looking up repeats: %s",
                PQerrorMessage(sql_handle(sql)));
    struct known *k = r->first[kind];
    int64_t n = 1;
    for (int row = 0; status == 0 && row < PQntuples(result); row++) {
        for (; n < field_int8(result, row, 0); n++)
            k = k->next;
        take_known(r, k, result, row);
    }
    PQclear(result);
    return status;
}

/* ------------------------------------------------------------------ how many keys */

static struct key_count *count_of(struct repeats *r, int64_t scope)
{
    for (uint32_t i = 0; i < r->n_counts; i++)
        if (r->counts[i].scope == scope)
            return &r->counts[i];
    if (r->n_counts == MAX_KEY_COUNTS)
        r->n_counts = 0; /* count anew */
    if (r->counts == NULL)
        r->counts = mem_alloc(MAX_KEY_COUNTS * sizeof(*r->counts));
    struct key_count *c = &r->counts[r->n_counts++];
    *c = (struct key_count){.scope = scope};
    return c;
}

static int recount(struct repeats *r, struct sql *sql, struct key_count *c, struct err *e)
{
    char *partition = mem_format("%u", r->partition),
         *scope = mem_format("%lld", (long long)c->scope);
    struct sql_rows rows = {0};
    int status = sql_run(sql,
                         "SELECT count(*) FROM idempotency_key WHERE partition = $1 AND scope = $2"
                         " AND created_at > now() - interval '24 hours'",
                         SQL_PARAMS(span_of(partition), span_of(scope)), &rows, e);
    if (status == 0) {
        c->live = (uint64_t)sql_int(&rows, 0, 0);
        c->counted_at_us = clock_monotonic_us();
        sql_rows_clear(&rows);
    }
    free(partition);
    free(scope);
    return status;
}

static int count_keys(struct repeats *r, struct sql *sql, struct err *e)
{
    for (const struct known *k = r->first[KIND_KEY]; k != NULL; k = k->next) {
        struct key_count *c = count_of(r, k->scope);
        bool due = c->counted_at_us == 0 || (c->live + r->table.n >= r->max_keys &&
                                             clock_monotonic_us() - c->counted_at_us > RECOUNT_US);
        if (due && recount(r, sql, c, e) != 0)
            return -1;
    }
    return 0;
}

int repeats_look_up(struct repeats *r, struct sql *sql, struct err *e)
{
    return look_up(r, sql, KIND_SOURCE, e) != 0 || look_up(r, sql, KIND_KEY, e) != 0 ||
                   count_keys(r, sql, e) != 0
               ? -1
               : 0;
}

/* ------------------------------------------------------------------ deciding */

static enum append_outcome decide_source(struct repeats *r, struct append_request *q)
{
    q->position = find(r, KIND_SOURCE, q)->position;
    if (q->source_end <= q->position)
        return APPEND_POSITION_REPEATED;
    return q->source_start == q->position ? APPEND_DONE : APPEND_POSITION_CONFLICT;
}

static enum append_outcome decide_key(struct repeats *r, struct append_request *q,
                                      struct arena *answers)
{
    struct known *k = find(r, KIND_KEY, q);
    if (k->stored) {
        if (memcmp(k->body_hash, q->body_hash, sizeof(k->body_hash)) != 0)
            return APPEND_KEY_MISMATCH;
        q->answer = arena_copy(answers, k->answer);
        return APPEND_REPEATED;
    }
    if (k->first != NULL)
        return memcmp(k->first->body_hash, q->body_hash, sizeof(q->body_hash)) == 0
                   ? APPEND_KEY_RUNNING
                   : APPEND_KEY_MISMATCH;
    if (q->asks)
        return APPEND_DONE;
    struct key_count *c = count_of(r, q->scope);
    if (c->live >= r->max_keys)
        return APPEND_KEYS_FULL;
    k->first = q;
    return APPEND_DONE;
}

enum append_outcome repeats_decide(struct repeats *r, struct append_request *q,
                                   struct arena *answers)
{
    enum append_outcome outcome = APPEND_DONE;
    if (!span_absent(q->source))
        outcome = decide_source(r, q);
    if (outcome == APPEND_DONE && !span_absent(q->key))
        outcome = decide_key(r, q, answers);
    return outcome;
}

static void put_key(struct repeats *r, const struct append_request *q)
{
    struct buf answer = {0};
    append_answer_json(&answer, q);
    array_put_int8(&r->arrays[0], q->scope);
    array_put(&r->arrays[1], site_of(q));
    array_put(&r->arrays[2], q->key);
    array_put(&r->arrays[3], (struct span){(const char *)q->body_hash, sizeof(q->body_hash)});
    array_put(&r->arrays[4], buf_span(&answer));
    buf_clear(&answer);
    count_of(r, q->scope)->live++; /* not committed, then counted once too often until recounted */
}

void repeats_store(struct repeats *r, const struct append_request *q)
{
    if (!span_absent(q->key))
        put_key(r, q);
    if (span_absent(q->source))
        return;
    struct known *k = find(r, KIND_SOURCE, q);
    k->position = q->source_end;
    k->news = true;
}

bool repeats_has_news(const struct repeats *r)
{
    if (r->arrays[0].count > 0)
        return true;
    for (const struct known *k = r->first[KIND_SOURCE]; k != NULL; k = k->next)
        if (k->news)
            return true;
    return false;
}

void repeats_params(struct repeats *r, struct span params[REPEATS_PARAMS])
{
    static const enum array_type types[REPEATS_PARAMS] = {ARRAY_INT8,  ARRAY_TEXT, ARRAY_TEXT,
                                                          ARRAY_BYTEA, ARRAY_TEXT, ARRAY_INT8,
                                                          ARRAY_TEXT,  ARRAY_TEXT, ARRAY_INT8};
    for (int i = 5; i < REPEATS_PARAMS; i++)
        array_reset(&r->arrays[i]);
    for (const struct known *k = r->first[KIND_SOURCE]; k != NULL; k = k->next) {
        if (!k->news)
            continue;
        array_put_int8(&r->arrays[5], k->scope);
        array_put(&r->arrays[6], k->site);
        array_put(&r->arrays[7], k->name);
        array_put_int8(&r->arrays[8], k->position);
    }
    for (int i = 0; i < REPEATS_PARAMS; i++)
        params[i] = array_finish(&r->arrays[i], types[i]);
}
