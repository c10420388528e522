/* SPDX-License-Identifier: Apache-2.0 */
/* Salts: the live days in a small array under a lock; the rest is derived. */
#include "log/salts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    DAYS_AHEAD = 3, /* made before they begin, so that PostgreSQL may be away for a while */
    DAYS_LIVE = 2,  /* after their end: 48 h */
    MAX_LIVE = 16,
    KEY_BYTES = 16
};

struct live {
    int64_t day;
    struct siphash_key key;
};

struct salts {
    pthread_rwlock_t lock;
    struct live live[MAX_LIVE];
    int n_live;
    struct siphash_key secrets[2]; /* of the days that have none */
};

struct salts *salts_new(void)
{
    struct salts *s = mem_alloc(sizeof(*s));
    pthread_rwlock_init(&s->lock, NULL);
    return s;
}

void salts_free(struct salts *s)
{
    if (s == NULL)
        return;
    pthread_rwlock_destroy(&s->lock);
    free(s);
}

enum salt_kind salts_for_day(struct salts *s, int64_t day, struct siphash_key *out)
{
    enum salt_kind kind = SALT_DERIVED;
    pthread_rwlock_rdlock(&s->lock);
    for (int i = 0; i < s->n_live; i++)
        if (s->live[i].day == day) {
            *out = s->live[i].key;
            kind = SALT_LIVE;
        }
    if (kind == SALT_DERIVED)
        *out = (struct siphash_key){siphash(s->secrets[0], &day, sizeof(day)),
                                    siphash(s->secrets[1], &day, sizeof(day))};
    pthread_rwlock_unlock(&s->lock);
    return kind;
}

/* ------------------------------------------------------------------ PostgreSQL */

static bool key_of_hex(struct span hex, struct siphash_key *out)
{
    uint8_t bytes[KEY_BYTES];
    if (hex.n != 2 * KEY_BYTES)
        return false;
    for (int i = 0; i < KEY_BYTES; i++) {
        unsigned byte;
        if (sscanf(hex.p + 2 * i, "%2x", &byte) != 1)
            return false;
        bytes[i] = (uint8_t)byte;
    }
    *out = siphash_key_of(bytes);
    return true;
}

/* The random bytes are PostgreSQL's own (gen_random_uuid is its strong source): 256 bits, hashed.
 */
static int make_ahead(struct sql *sql, struct span today, struct err *e)
{
    char text[320];
    snprintf(text, sizeof(text),
             "INSERT INTO salt (day, key) SELECT date '1970-01-01' + $1::int + n,"
             " substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, %d)"
             " FROM generate_series(0, %d) n ON CONFLICT DO NOTHING",
             (int)KEY_BYTES, (int)DAYS_AHEAD);
    return sql_run(sql, text, SQL_PARAMS(today), NULL, e);
}

/* A deleted row stays in the file until it is overwritten: the table is rewritten, so that it is
 * gone. */
static int destroy_old(struct sql *sql, struct span today, struct err *e)
{
    char text[160];
    struct sql_rows rows = {0};
    snprintf(text, sizeof(text),
             "DELETE FROM salt WHERE day < date '1970-01-01' + $1::int - %d RETURNING day",
             (int)DAYS_LIVE);
    if (sql_run(sql, text, SQL_PARAMS(today), &rows, e) != 0)
        return -1;
    int destroyed = rows.count;
    sql_rows_clear(&rows);
    return destroyed == 0 ? 0 : sql_run(sql, "VACUUM FULL salt", SQL_NO_PARAMS, NULL, e);
}

static int read_secrets(struct sql *sql, struct siphash_key secrets[2], struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(sql,
                "SELECT encode(substr(sha256(import_secret || '\\x01'), 1, 16), 'hex'),"
                " encode(substr(sha256(import_secret || '\\x02'), 1, 16), 'hex') FROM log_meta",
                SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    bool good = rows.count == 1 && key_of_hex(sql_value(&rows, 0, 0), &secrets[0]) &&
                key_of_hex(sql_value(&rows, 0, 1), &secrets[1]);
    sql_rows_clear(&rows);
    return good ? 0 : err_set(e, ERR_DATA, "log_meta has no import secret");
}

static int read_live(struct sql *sql, struct salts *fresh, struct err *e)
{
    struct sql_rows rows = {0};
    if (sql_run(sql,
                "SELECT day - date '1970-01-01', encode(key, 'hex') FROM salt ORDER BY day DESC",
                SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    fresh->n_live = 0;
    for (int i = 0; i < rows.count && fresh->n_live < MAX_LIVE; i++) {
        struct live *l = &fresh->live[fresh->n_live];
        l->day = sql_int(&rows, i, 0);
        fresh->n_live += key_of_hex(sql_value(&rows, i, 1), &l->key);
    }
    sql_rows_clear(&rows);
    return 0;
}

int salts_refresh(struct salts *s, struct sql *sql, int64_t now_us, struct err *e)
{
    char number[24];
    struct salts fresh;
    snprintf(number, sizeof(number), "%lld",
             (long long)(clock_floor(now_us, US_PER_DAY) / US_PER_DAY));
    struct span today = span_of(number);
    if (make_ahead(sql, today, e) != 0 || destroy_old(sql, today, e) != 0 ||
        read_secrets(sql, fresh.secrets, e) != 0 || read_live(sql, &fresh, e) != 0)
        return -1;
    pthread_rwlock_wrlock(&s->lock);
    memcpy(s->live, fresh.live, sizeof(s->live));
    memcpy(s->secrets, fresh.secrets, sizeof(s->secrets));
    s->n_live = fresh.n_live;
    pthread_rwlock_unlock(&s->lock);
    return 0;
}
