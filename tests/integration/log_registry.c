/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, and the tables beside the log: tokens, sites, salts, positions, upkeep. */
#include "tests/support/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "log/event_json.h"
#include "log/maintain.h"
#include "log/migrate.h"
#include "log/sign_ins.h"
#include "log/sources.h"

static struct sql *connect_to(const char *uri)
{
    struct err e = {0};
    struct sql *s;
    support_ok(sql_open(&s, uri, &e), &e);
    return s;
}

/* ------------------------------------------------------------------ migrations */

struct migration_run {
    pthread_t thread;
    const char *uri;
    int result;
};

static void *migrate(void *context)
{
    struct migration_run *m = context;
    struct err e = {0};
    m->result = migrate_run(m->uri, MIGRATE_PLAIN, &e);
    return NULL;
}

static void migrations_may_run_at_the_same_time_and_again(void **state)
{
    (void)state;
    char *uri = support_postgres();
    struct migration_run runs[4];
    for (int i = 0; i < 4; i++) {
        runs[i] = (struct migration_run){.uri = uri};
        assert_int_equal(pthread_create(&runs[i].thread, NULL, migrate, &runs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(runs[i].thread, NULL);
        assert_int_equal(runs[i].result, 0);
    }
    assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM schema_migration"),
                     migrate_version());
    char *before = support_sql(uri, "SELECT log_id FROM log_meta");
    migrate(&runs[0]);
    assert_int_equal(runs[0].result, 0);
    char *after = support_sql(uri, "SELECT log_id FROM log_meta");
    assert_string_equal(before, after);
    free(before);
    free(after);
    free(uri);
}

static void a_newer_schema_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    free(support_sql(uri, "INSERT INTO schema_migration (version, name) VALUES (9999, 'later')"));
    assert_int_equal(migrate_run(uri, MIGRATE_PLAIN, &e), -1);
    assert_int_equal(e.kind, ERR_DATA);
    assert_non_null(strstr(e.text, "9999"));
    free(uri);
}

static void a_database_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = support_postgres();
    free(support_sql(uri, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
    const char *host = strchr(uri, '?');
    char *latin = mem_format("postgresql://footfall@/latin%s", host);
    assert_int_equal(migrate_run(latin, MIGRATE_PLAIN, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.text, "LATIN1"));
    free(latin);
    free(uri);
}

static void a_batch_of_every_past_schema_is_readable(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    for (int id = 1; id <= EVENT_SCHEMA_ID; id++) {
        struct buf text = {0};
        char *path = mem_format("tests/data/log-schema-%d.sql", id);
        support_ok(file_read(&text, path, 1 << 16, &e), &e);
        buf_put_byte(&text, '\0');
        free(support_sql(uri, (const char *)text.p));
        buf_clear(&text);
        free(path);
    }
    struct log_reader *r;
    struct log_chunk chunk;
    struct log_range range = {.to_seq = UINT64_MAX, .columns = ALL_COLUMNS, .max_events = 1000};
    support_ok(log_reader_open(&r, uri, &e), &e);
    support_ok(log_read(r, &range, &chunk, &e), &e);
    assert_int_equal(chunk.count, EVENT_SCHEMA_ID);
    struct slice_cursor c = slice_cursor_of(&chunk.slices[0]);
    struct buf json = {0};
    for (struct event_row row; slice_next(&c, &row); buf_put_byte(&json, '\n'))
        event_json_put(&json, &row);
    buf_put_byte(&json, '\0');
    assert_string_equal(
        json.p,
        "{\"partition\":0,\"seq\":0,\"eventId\":\"00000000-0000-7000-8000-000000000001\","
        "\"eventType\":\"PageViewEvent\",\"timestamp\":\"2026-11-23T04:00:00.000000Z\","
        "\"receivedAt\":\"2026-11-23T04:00:01.000000Z\",\"site\":\"example.com\",\"path\":\"/a\","
        "\"visitor\":\"00000000000000ff\",\"region\":\"DE-BE\",\"bot\":false,"
        "\"props\":{\"plan\": \"pro\"},\"pageUrl\":\"/a\"}\n"
        "{\"partition\":0,\"seq\":1,\"eventId\":\"00000000-0000-7000-8000-000000000002\","
        "\"eventType\":\"PageViewEvent\",\"timestamp\":\"2026-11-23T04:00:00.500000Z\","
        "\"receivedAt\":\"2026-11-23T04:00:01.000000Z\",\"site\":\"example.com\","
        "\"visitor\":\"00000000000000ff\",\"region\":\"FR\",\"bot\":true}\n");
    log_chunk_clear(&chunk);
    log_reader_close(r);
    buf_clear(&json);
    free(uri);
}

/* ------------------------------------------------------------------ tokens and sites */

static void count_token(void *context, const struct token_row *row)
{
    *(int *)context += row->created_us > 0;
}

static void a_token_is_found_until_it_is_revoked(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct sql *s = connect_to(uri);
    struct tokens *t = tokens_new();
    struct token_info info;
    char secret[TOKEN_SECRET_BYTES], any[TOKEN_SECRET_BYTES];
    support_ok(tokens_create(s, TOKEN_INGEST, SPAN_LITERAL("example.com"), secret, &e), &e);
    support_ok(tokens_create(s, TOKEN_READ, SPAN_ABSENT, any, &e), &e);
    support_ok(tokens_adopt(s, TOKEN_ADMIN, SPAN_LITERAL("kept-from-an-earlier-start"), &e), &e);
    support_ok(tokens_adopt(s, TOKEN_ADMIN, SPAN_LITERAL("kept-from-an-earlier-start"), &e), &e);
    assert_string_not_equal(secret, any);
    assert_false(tokens_find(t, span_of(secret), &info));
    support_ok(tokens_refresh(t, s, &e), &e);
    assert_true(tokens_find(t, span_of(secret), &info));
    assert_int_equal(info.scope, TOKEN_INGEST);
    assert_string_equal(info.site, "example.com");
    int64_t id = info.id;
    assert_true(tokens_find(t, span_of(any), &info));
    assert_int_equal(info.scope, TOKEN_READ);
    assert_string_equal(info.site, "");
    assert_true(tokens_find(t, SPAN_LITERAL("kept-from-an-earlier-start"), &info));
    assert_int_equal(info.scope, TOKEN_ADMIN);
    assert_false(tokens_find(t, SPAN_LITERAL("ff_wrong"), &info));
    int n = 0;
    support_ok(tokens_list(s, count_token, &n, &e), &e);
    assert_int_equal(n, 3);
    support_ok(tokens_revoke(s, id, &e), &e);
    support_ok(tokens_refresh(t, s, &e), &e);
    assert_false(tokens_find(t, span_of(secret), &info));
    assert_int_equal(tokens_revoke(s, id, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM token WHERE secret_hash ="
                                          " convert_to('ff_', 'UTF8')"),
                     0);
    tokens_free(t);
    sql_close(s);
    free(uri);
}

/* The number of sign-ins there are. */
static int64_t count_sign_ins(const char *uri)
{
    return support_sql_int(uri, "SELECT count(*) FROM sign_in");
}

static void a_sign_in_stands_for_its_token_until_it_ends(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct sql *s = connect_to(uri);
    struct tokens *t = tokens_new();
    struct token_info token;
    struct sign_in found;
    char token_secret[TOKEN_SECRET_BYTES];
    char first[SIGN_IN_SECRET_BYTES], second[SIGN_IN_SECRET_BYTES];
    int64_t expires_us, now_us = clock_now_us();
    support_ok(tokens_create(s, TOKEN_READ, SPAN_LITERAL("a.example"), token_secret, &e), &e);
    support_ok(tokens_refresh(t, s, &e), &e);
    assert_true(tokens_find(t, span_of(token_secret), &token));
    support_ok(sign_ins_add(s, token.id, first, &expires_us, &e), &e);
    support_ok(sign_ins_add(s, token.id, second, &expires_us, &e), &e);
    assert_string_not_equal(first, second);
    assert_int_equal((expires_us - now_us + US_PER_HOUR) / US_PER_DAY, SIGN_IN_DAYS);
    support_ok(tokens_refresh(t, s, &e), &e);
    assert_true(tokens_find_sign_in(t, span_of(first), now_us, &found));
    assert_int_equal(found.token.id, token.id);
    assert_int_equal(found.token.scope, TOKEN_READ);
    assert_string_equal(found.token.site, "a.example");
    assert_true(tokens_find_sign_in(t, span_of(second), expires_us - 1, &found));
    assert_false(tokens_find_sign_in(t, span_of(second), expires_us, &found));
    assert_false(tokens_find(t, span_of(first), &token)); /* neither takes the place of the other */
    assert_false(tokens_find_sign_in(t, span_of(token_secret), now_us, &found));
    support_ok(sign_ins_end(s, span_of(first), &e), &e);
    support_ok(sign_ins_end(s, span_of(first), &e), &e);
    support_ok(tokens_refresh(t, s, &e), &e);
    assert_false(tokens_find_sign_in(t, span_of(first), now_us, &found));
    assert_true(tokens_find_sign_in(t, span_of(second), now_us, &found));
    support_ok(tokens_revoke(s, found.token.id, &e), &e);
    support_ok(tokens_refresh(t, s, &e), &e);
    assert_false(tokens_find_sign_in(t, span_of(second), now_us, &found));
    assert_int_equal(sign_ins_add(s, found.token.id, first, &expires_us, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    err_clear(&e);
    assert_int_equal(count_sign_ins(uri), 1);
    support_ok(sign_ins_delete_ended(s, &e), &e);
    assert_int_equal(count_sign_ins(uri), 0);
    tokens_free(t);
    sql_close(s);
    free(uri);
}

static void expired_sign_ins_are_deleted_and_ingest_tokens_have_none(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct sql *s = connect_to(uri);
    char secret[SIGN_IN_SECRET_BYTES];
    int64_t expires_us;
    free(support_sql(uri, "INSERT INTO token (secret_hash, scope) VALUES ('a', 'ingest')"));
    free(support_sql(uri, "INSERT INTO token (secret_hash, scope) VALUES ('b', 'admin')"));
    assert_int_equal(sign_ins_add(s, 1, secret, &expires_us, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    err_clear(&e);
    support_ok(sign_ins_add(s, 2, secret, &expires_us, &e), &e);
    support_ok(sign_ins_add(s, 2, secret, &expires_us, &e), &e);
    free(support_sql(uri, "UPDATE sign_in SET expires_at = now() WHERE id = 1"));
    support_ok(sign_ins_delete_ended(s, &e), &e);
    assert_int_equal(count_sign_ins(uri), 1);
    sql_close(s);
    free(uri);
}

static void expect_site(void *context, const struct site_row *row)
{
    if (span_is(row->name, "example.com")) {
        assert_true(span_is(row->aliases, "17,abc"));
        assert_true(row->info.is_public);
        assert_false(row->info.learned);
        ++*(int *)context;
    }
}

static void sites_are_added_learned_up_to_a_cap_and_have_aliases(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct sql *sql = connect_to(uri);
    struct sites *s = sites_new(3), *elsewhere = sites_new(3);
    struct site_info info;
    char name[SITE_BYTES];
    support_ok(sites_add(sql, SPAN_LITERAL("example.com"), &e), &e);
    support_ok(sites_set_public(sql, SPAN_LITERAL("example.com"), true, &e), &e);
    support_ok(sites_add_alias(sql, SPAN_LITERAL("example.com"), SPAN_LITERAL("17"), &e), &e);
    support_ok(sites_add_alias(sql, SPAN_LITERAL("example.com"), SPAN_LITERAL("abc"), &e), &e);
    support_ok(sites_refresh(s, sql, &e), &e);
    assert_true(sites_find(s, SPAN_LITERAL("example.com"), &info));
    assert_true(info.is_public && !info.learned);
    assert_true(sites_resolve(s, SPAN_LITERAL("17"), name));
    assert_string_equal(name, "example.com");
    assert_false(sites_resolve(s, SPAN_LITERAL("18"), name));
    support_ok(sites_learn(s, SPAN_LITERAL("a.example"), &e), &e);
    support_ok(sites_learn(s, SPAN_LITERAL("a.example"), &e), &e);
    support_ok(sites_learn(s, SPAN_LITERAL("b.example"), &e), &e);
    assert_true(sites_find(s, SPAN_LITERAL("a.example"), &info));
    assert_true(info.learned);
    assert_int_equal(sites_learn(s, SPAN_LITERAL("c.example"), &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    err_clear(&e);
    support_ok(sites_refresh(s, sql, &e), &e);
    support_ok(sites_refresh(elsewhere, sql, &e), &e);
    assert_true(sites_find(elsewhere, SPAN_LITERAL("b.example"), NULL));
    support_ok(sites_add_unknown(sql, SPAN_LITERAL("b.example"), &e), &e);
    support_ok(sites_set_public(sql, SPAN_LITERAL("b.example"), true, &e), &e);
    support_ok(sites_refresh(elsewhere, sql, &e), &e);
    assert_true(sites_find(elsewhere, SPAN_LITERAL("b.example"), &info));
    assert_true(info.is_public && info.learned); /* to be public does not open it to senders */
    assert_int_equal(sites_count(elsewhere), 3);
    int n = 0;
    support_ok(sites_list(sql, expect_site, &n, &e), &e);
    assert_int_equal(n, 1);
    assert_int_equal(sites_add(sql, SPAN_LITERAL("not a site"), &e), -1);
    err_clear(&e);
    assert_int_equal(sites_set_public(sql, SPAN_LITERAL("unknown.example"), true, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    sites_free(s);
    sites_free(elsewhere);
    sql_close(sql);
    free(uri);
}

/* ------------------------------------------------------------------ salts */

static bool same_key(struct siphash_key a, struct siphash_key b)
{
    return a.k0 == b.k0 && a.k1 == b.k1;
}

static void salts_are_made_ahead_and_destroyed_two_days_after_their_day(void **state)
{
    (void)state;
    enum { DAY = 20780 };
    struct err e = {0};
    char *uri = log_test_database();
    struct sql *sql = connect_to(uri);
    struct salts *s = salts_new(), *other = salts_new();
    struct siphash_key today, tomorrow, old, key;
    support_ok(salts_refresh(s, sql, DAY * US_PER_DAY + US_PER_HOUR, &e), &e);
    assert_int_equal(salts_for_day(s, DAY, &today), SALT_LIVE);
    assert_int_equal(salts_for_day(s, DAY + 1, &tomorrow), SALT_LIVE);
    assert_false(same_key(today, tomorrow));
    assert_int_equal(salts_for_day(s, DAY - 300, &old), SALT_DERIVED);
    support_ok(salts_refresh(other, sql, (DAY + 2) * US_PER_DAY + 1, &e), &e);
    assert_int_equal(salts_for_day(other, DAY, &key), SALT_LIVE); /* the second day after */
    assert_true(same_key(key, today));
    assert_int_equal(salts_for_day(other, DAY - 300, &key), SALT_DERIVED);
    assert_true(same_key(key, old)); /* two imports of one day agree */
    support_ok(salts_refresh(other, sql, (DAY + 3) * US_PER_DAY, &e), &e);
    assert_int_equal(salts_for_day(other, DAY, &key), SALT_DERIVED);
    assert_false(same_key(key, today));
    assert_int_equal(salts_for_day(other, DAY + 1, &key), SALT_LIVE);
    assert_true(same_key(key, tomorrow));
    assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM salt WHERE day ="
                                          " date '1970-01-01' + 20780"),
                     0);
    salts_free(s);
    salts_free(other);
    sql_close(sql);
    free(uri);
}

/* ------------------------------------------------------------------ upkeep */

static void upkeep_fills_the_tables_makes_segments_and_deletes_old_keys(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct sql *sql = connect_to(uri);
    struct maintain_options o = {.postgres_uri = uri,
                                 .n_partitions = 1,
                                 .tokens = tokens_new(),
                                 .sites = sites_new(10),
                                 .salts = salts_new()};
    struct maintainer *m;
    int64_t now_us = clock_now_us();
    free(support_sql(
        uri, "INSERT INTO idempotency_key SELECT 0, 0, '', k, '', '', 0, now() - age"
             " FROM (VALUES ('old', interval '25 h'), ('new', interval '23 h')) v (k, age)"));
    support_ok(maintain_open(&m, &o, now_us, &e), &e);
    assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM idempotency_key"), 1);
    assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM pg_inherits"
                                          " WHERE inhparent = 'log_batch'::regclass"),
                     2);
    support_ok(sites_add(sql, SPAN_LITERAL("example.com"), &e), &e);
    assert_false(sites_find(o.sites, SPAN_LITERAL("example.com"), NULL));
    support_ok(maintain_run(m, now_us + US_PER_SECOND, &e), &e);
    assert_true(sites_find(o.sites, SPAN_LITERAL("example.com"), NULL));
    support_postgres_kill9();
    assert_int_equal(maintain_run(m, now_us + 2 * US_PER_SECOND, &e), -1);
    err_clear(&e);
    support_ok(maintain_run(m, now_us + 3 * US_PER_SECOND, &e), &e); /* it has reconnected */
    maintain_close(m);
    tokens_free(o.tokens);
    sites_free(o.sites);
    salts_free(o.salts);
    sql_close(sql);
    free(uri);
}

static void on_position(struct source_query *q)
{
    atomic_store((_Atomic bool *)q->owner, true);
}

static bool is_true(void *flag)
{
    return atomic_load((_Atomic bool *)flag);
}

static void positions_are_answered_also_after_a_lost_connection(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct sources *s;
    free(support_sql(uri, "INSERT INTO source_position VALUES (0, 3, 'a', 'import', 77, 0)"));
    support_ok(sources_open(&s, uri, &e), &e);
    support_postgres_kill9();
    _Atomic bool done = false;
    struct source_query q = {.scope = 3,
                             .site = SPAN_LITERAL("a"),
                             .name = SPAN_LITERAL("import"),
                             .on_done = on_position,
                             .owner = (void *)&done};
    support_ok(sources_ask(s, &q, &e), &e);
    wait_until(60000, "the position", is_true, (void *)&done);
    assert_int_equal(q.err.kind, ERR_NONE);
    assert_int_equal(q.position, 77);
    sources_close(s);
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations_may_run_at_the_same_time_and_again),
        cmocka_unit_test(a_newer_schema_is_refused),
        cmocka_unit_test(a_database_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_batch_of_every_past_schema_is_readable),
        cmocka_unit_test(a_token_is_found_until_it_is_revoked),
        cmocka_unit_test(a_sign_in_stands_for_its_token_until_it_ends),
        cmocka_unit_test(expired_sign_ins_are_deleted_and_ingest_tokens_have_none),
        cmocka_unit_test(sites_are_added_learned_up_to_a_cap_and_have_aliases),
        cmocka_unit_test(salts_are_made_ahead_and_destroyed_two_days_after_their_day),
        cmocka_unit_test(upkeep_fills_the_tables_makes_segments_and_deletes_old_keys),
        cmocka_unit_test(positions_are_answered_also_after_a_lost_connection),
    };
    return support_run("log_registry", tests, sizeof(tests) / sizeof(tests[0]));
}
