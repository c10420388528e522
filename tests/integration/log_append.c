/* SPDX-License-Identifier: Apache-2.0 */
/* Appending and reading against a real PostgreSQL: what goes in comes out, by slices and by SQL;
 * repeats; refused requests; immutability. */
#include "tests/support/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"
#include "log/event_json.h"
#include "log/events_sql.h"
#include "log/migrate.h"
#include "log/sources.h"

/* ------------------------------------------------------------------ round trip */

enum { N_EVENTS = 1200 };

static struct span sometimes(uint64_t *chance, const char *text)
{
    return random_below(chance, 3) == 0 ? SPAN_ABSENT : span_of(text);
}

/* Columns of every form: constant, mixed with NULLs, empty texts, NULL throughout. */
static struct event colourful_event(uint32_t number, uint64_t *chance)
{
    struct event e = log_test_event(number);
    e.id_from_client = random_below(chance, 2) == 0;
    e.token = random_below(chance, 3);
    e.host = sometimes(chance, "example.com");
    e.query = sometimes(chance, "");
    e.referrer = sometimes(chance, "https://de.wikipedia.org/wiki/K\xc3\xa4se");
    e.referrer_host = sometimes(chance, "de.wikipedia.org");
    e.session_id = sometimes(chance, number % 2 == 0 ? "s-1" : "s-2");
    e.os = sometimes(chance, "Linux");
    e.browser = span_of("Firefox");
    e.props =
        sometimes(chance, number % 2 == 0 ? "{\"a\": 1}" : "{\"b\": \"\\\"x\\\"\", \"c\": null}");
    e.bot = random_below(chance, 5) == 0;
    return e;
}

static void append_colourful(const char *uri)
{
    uint64_t chance = 5;
    struct log_writer *w = log_test_writer(uri);
    for (uint32_t done = 0; done < N_EVENTS;) {
        struct append *a = log_test_new_append();
        uint32_t count = 1 + random_below(&chance, done % 2 == 0 ? 200 : 3);
        count = count < N_EVENTS - done ? count : N_EVENTS - done;
        for (uint32_t i = 0; i < count; i++) {
            struct event e = colourful_event(done + i, &chance);
            batch_add(a->batch, &e);
        }
        append_add_request(a)->count = count;
        log_test_append(w, a);
        assert_int_equal(a->requests[0].outcome, APPEND_DONE);
        assert_int_equal(a->requests[0].first_seq, done);
        assert_int_equal(a->requests[0].accepted, count);
        append_free(a);
        done += count;
    }
    log_writer_stop(w);
}

/* All events from a seq on as JSON lines, read in chunks. */
static void read_all(const char *uri, struct buf *out, uint64_t from, uint32_t max_events)
{
    struct err e = {0};
    struct log_reader *r;
    struct log_chunk chunk;
    struct log_range range = {
        .from_seq = from, .to_seq = UINT64_MAX, .columns = ALL_COLUMNS, .max_events = max_events};
    support_ok(log_reader_open(&r, uri, &e), &e);
    do {
        support_ok(log_read(r, &range, &chunk, &e), &e);
        for (uint32_t i = 0; i < chunk.count; i++) {
            struct slice_cursor c = slice_cursor_of(&chunk.slices[i]);
            for (struct event_row row; slice_next(&c, &row); buf_put_byte(out, '\n'))
                event_json_put(out, &row);
        }
        range.from_seq = chunk.next_seq;
        log_chunk_clear(&chunk);
    } while (range.from_seq < N_EVENTS);
    support_ok(log_read(r, &range, &chunk, &e), &e);
    assert_int_equal(chunk.count, 0);
    log_chunk_clear(&chunk);
    log_reader_close(r);
}

static void what_goes_in_comes_out_by_slices(void **state)
{
    (void)state;
    char *uri = log_test_database();
    append_colourful(uri);
    struct buf expected = {0};
    struct batch *b = batch_new();
    uint64_t chance = 5;
    for (uint32_t done = 0; done < N_EVENTS;) { /* the same draws as append_colourful's */
        uint32_t count = 1 + random_below(&chance, done % 2 == 0 ? 200 : 3);
        for (; count > 0 && done < N_EVENTS; count--, done++) {
            struct event e = colourful_event(done, &chance);
            batch_add(b, &e);
        }
    }
    struct log_slice slice;
    batch_slice(b, &slice);
    struct slice_cursor c = slice_cursor_of(&slice);
    size_t at_500 = 0;
    for (struct event_row row; slice_next(&c, &row); buf_put_byte(&expected, '\n')) {
        at_500 = row.seq == 500 ? expected.n : at_500;
        event_json_put(&expected, &row);
    }
    for (uint32_t max = 1; max < 5000; max = max * 7 + 1) {
        struct buf got = {0};
        read_all(uri, &got, 0, max);
        assert_int_equal(got.n, expected.n);
        assert_memory_equal(got.p, expected.p, got.n);
        buf_reset(&got);
        read_all(uri, &got, 500, max);
        assert_int_equal(got.n, expected.n - at_500);
        assert_memory_equal(got.p, expected.p + at_500, got.n);
        buf_clear(&got);
    }
    buf_clear(&expected);
    batch_free(b);
    free(uri);
}

/* Rows that differ between two queries with the same columns. */
static int64_t differences(const char *uri, const char *a, const char *b)
{
    char *sql = mem_format("WITH x AS (%s), y AS (%s) SELECT count(*) FROM ((TABLE x EXCEPT ALL"
                           " TABLE y) UNION ALL (TABLE y EXCEPT ALL TABLE x)) d",
                           a, b);
    int64_t n = support_sql_int(uri, sql);
    free(sql);
    return n;
}

static void the_relation_events_shows_what_went_in(void **state)
{
    (void)state;
    char *uri = log_test_database();
    append_colourful(uri);
    assert_int_equal(log_test_count_dense(uri), N_EVENTS);
    struct buf got = {0};
    read_all(uri, &got, 0, 1000);
    buf_put_byte(&got, '\0');
    support_sql_int(uri, "CREATE TABLE line (l jsonb); SELECT 0");
    char *line = strtok((char *)got.p, "\n");
    for (; line != NULL; line = strtok(NULL, "\n")) {
        struct buf quoted = {0};
        for (const char *p = line; *p != '\0'; p++) {
            buf_put(&quoted, p, 1);
            if (*p == '\'')
                buf_put(&quoted, p, 1);
        }
        char *sql = mem_format("INSERT INTO line VALUES ('%.*s')", (int)quoted.n, quoted.p);
        free(support_sql(uri, sql));
        free(sql);
        buf_clear(&quoted);
    }
    buf_clear(&got);
    assert_int_equal(
        differences(
            uri,
            "SELECT (l->>'seq')::bigint seq, (l->>'eventId')::uuid, l->>'eventType',"
            " (l->>'timestamp')::timestamptz, (l->>'receivedAt')::timestamptz, l->>'host',"
            " l->>'path', l->>'query', l->>'referrer', l->>'sessionId', l->>'visitor',"
            " l->>'os', l->>'browser', l->>'region', (l->>'bot')::boolean, l->'props'"
            " FROM line",
            "SELECT seq, event_id, event_type, event_time, received_at, host, path, query,"
            " referrer, session_id, lpad(to_hex(visitor), 16, '0'), os, browser, region, bot,"
            " props FROM events"),
        0);
    free(uri);
}

static void every_way_to_ask_for_events_gives_the_same(void **state)
{
    (void)state;
    char *uri = log_test_database();
    append_colourful(uri);
    assert_int_equal(differences(uri, "SELECT * FROM events WHERE seq >= 333 AND seq < 777",
                                 "SELECT * FROM events_from(0, 333, 777)"),
                     0);
    assert_int_equal(
        differences(
            uri,
            "SELECT * FROM events WHERE event_time >= to_timestamp(1700000100)"
            " AND event_time < to_timestamp(1700000300)",
            "SELECT * FROM events_between(to_timestamp(1700000100), to_timestamp(1700000300))"),
        0);
    struct buf sql = {0};
    events_sql(&sql, &(struct events_range){
                         .columns = COLUMN_BIT(EVENT_PATH) | COLUMN_BIT(EVENT_QUERY) |
                                    COLUMN_BIT(EVENT_USER_ID) | COLUMN_BIT(EVENT_BROWSER),
                         .partition = 0,
                         .from_seq = 333,
                         .to_seq = 777});
    buf_put_byte(&sql, '\0');
    assert_int_equal(differences(uri, (const char *)sql.p,
                                 "SELECT partition, seq, path, query, user_id, browser FROM events"
                                 " WHERE seq >= 333 AND seq < 777"),
                     0);
    buf_reset(&sql); /* not one column with an element per event */
    events_sql(&sql, &(struct events_range){.columns = COLUMN_BIT(EVENT_USER_ID),
                                            .partition = -1,
                                            .to_seq = UINT64_MAX});
    buf_put_byte(&sql, '\0');
    assert_int_equal(
        differences(uri, (const char *)sql.p, "SELECT partition, seq, user_id FROM events"), 0);
    buf_clear(&sql);
    free(uri);
}

static void events_can_be_narrowed_to_a_site_and_a_time(void **state)
{
    (void)state;
    char *uri = log_test_database();
    append_colourful(uri);
    static const struct {
        struct events_scope scope;
        const char *condition;
    } cases[] = {
        {{SPAN_LITERAL("example.com"), INT64_MIN, INT64_MAX}, "site = 'example.com'"},
        {{SPAN_LITERAL("it's none"), INT64_MIN, INT64_MAX}, "site = 'it''s none'"},
        {{{NULL, 0}, INT64_C(1700000100000000), INT64_MAX},
         "event_time >= to_timestamp(1700000100)"},
        {{SPAN_LITERAL("example.com"), INT64_C(1700000100000001), INT64_C(1700000300000000)},
         "site = 'example.com' AND event_time > to_timestamp(1700000100)"
         " AND event_time < to_timestamp(1700000300)"}};
    for (int i = 0; i < 8; i++) {
        struct buf sql = {0};
        events_sql(&sql, &(struct events_range){.columns = COLUMN_BIT(EVENT_PATH),
                                                .partition = i < 4 ? 0 : -1,
                                                .to_seq = i < 4 ? 777 : UINT64_MAX,
                                                .scope = &cases[i % 4].scope});
        buf_put_byte(&sql, '\0');
        char *plain = mem_format("SELECT partition, seq, event_time, site, path FROM events"
                                 " WHERE %s%s",
                                 cases[i % 4].condition, i < 4 ? " AND seq < 777" : "");
        assert_int_equal(differences(uri, (const char *)sql.p, plain), 0);
        free(plain);
        buf_clear(&sql);
    }
    free(uri);
}

static void bounded_queries_do_not_read_every_batch(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    for (uint32_t i = 0; i < 600; i++) { /* time and seq grow together */
        struct append *a = log_test_new_append();
        log_test_request(a, i * 20, 20);
        log_test_append(w, a);
        append_free(a);
    }
    log_writer_stop(w);
    free(support_sql(uri, "ANALYZE log_tail"));
    free(support_sql(uri, "CREATE FUNCTION rows_read(q text) RETURNS bigint LANGUAGE plpgsql"
                          " SET max_parallel_workers_per_gather = 0 AS $$"
                          "DECLARE plan json; BEGIN EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || q"
                          " INTO plan; RETURN (jsonb_path_query_first(plan::jsonb,"
                          " '$.**?(@.\"Relation Name\" == \"log_tail\").\"Actual Rows\"'))::bigint;"
                          " END $$"));
    assert_int_equal(support_sql_int(uri, "SELECT rows_read('SELECT count(*) FROM events')"), 600);
    assert_in_range(support_sql_int(uri, "SELECT rows_read('SELECT count(*) FROM events_between("
                                         "to_timestamp(1700006000), to_timestamp(1700006100))')"),
                    5, 6);
    assert_int_equal(support_sql_int(uri, "SELECT rows_read('SELECT count(*) FROM"
                                          " events_from(0, 11900, 11920)')") <= 501,
                     true);
    free(uri);
}

/* ------------------------------------------------------------------ repeats */

static void the_same_event_id_is_a_duplicate_also_after_a_restart(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct append *a = log_test_new_append();
    log_test_request(a, 0, 5);
    log_test_request(a, 3, 4); /* 3 and 4 are in the same row already */
    log_test_append(w, a);
    assert_int_equal(a->requests[0].accepted, 5);
    assert_int_equal(a->requests[1].accepted, 2);
    assert_int_equal(a->requests[1].duplicates, 2);
    assert_int_equal(a->requests[1].first_seq, 5);
    append_free(a);
    log_writer_stop(w);
    w = log_test_writer(uri);
    a = log_test_new_append();
    log_test_request(a, 0, 8);
    log_test_append(w, a);
    assert_int_equal(a->requests[0].outcome, APPEND_DONE);
    assert_int_equal(a->requests[0].accepted, 1);
    assert_int_equal(a->requests[0].duplicates, 7);
    assert_int_equal(a->requests[0].first_seq, 7);
    append_free(a);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 8);
    assert_int_equal(support_sql_int(uri, "SELECT count(DISTINCT event_id) FROM events"), 8);
    free(uri);
}

static void event_ids_of_other_scopes_and_sites_are_other_ids(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct append *a = log_test_new_append();
    struct event events[4];
    for (int i = 0; i < 4; i++)
        events[i] = log_test_event(1);
    events[1].token = 7;
    events[2].site = SPAN_LITERAL("other.example");
    events[3].id_from_client = false; /* the server's own are not checked */
    for (int i = 0; i < 4; i++)
        batch_add(a->batch, &events[i]);
    append_add_request(a)->count = 4;
    log_test_append(w, a);
    assert_int_equal(a->requests[0].accepted, 4);
    append_free(a);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 4);
    free(uri);
}

static struct append *with_key(const char *key, const char *body, uint32_t number)
{
    struct append *a = log_test_new_append();
    struct append_request *r = log_test_request(a, number, 2);
    r->key = span_of(key);
    r->scope = 3;
    memcpy(r->body_hash, body, strlen(body));
    r->rejected_json =
        SPAN_LITERAL("[{\"index\": 2, \"field\": \"site\", \"reason\": \"is missing\"}]");
    return a;
}

static void a_known_key_is_answered_byte_by_byte_as_the_first_time(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct append *first = with_key("k1", "body one", 0);
    log_test_append(w, first);
    assert_int_equal(first->requests[0].outcome, APPEND_DONE);
    struct buf answer = {0};
    append_answer_json(&answer, &first->requests[0]);
    log_writer_stop(w);
    w = log_test_writer(uri);
    struct append *again = with_key("k1", "body one", 0);
    log_test_append(w, again);
    assert_int_equal(again->requests[0].outcome, APPEND_REPEATED);
    assert_int_equal(again->requests[0].answer.n, answer.n);
    assert_memory_equal(again->requests[0].answer.p, answer.p, answer.n);
    struct append *other = with_key("k1", "body two", 10);
    log_test_append(w, other);
    assert_int_equal(other->requests[0].outcome, APPEND_KEY_MISMATCH);
    append_reset(other);
    log_test_request(other, 20, 1)->key = SPAN_LITERAL("k1"); /* scope 0: another key */
    log_test_append(w, other);
    assert_int_equal(other->requests[0].outcome, APPEND_DONE);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 3);
    buf_clear(&answer);
    append_free(first);
    append_free(again);
    append_free(other);
    free(uri);
}

static void a_key_that_is_still_running_or_one_too_many_is_refused(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct err e = {0};
    struct log_writer *w;
    struct log_writer_options o = {.postgres_uri = uri, .max_keys_per_token = 2};
    support_ok(log_writer_start(&w, &o, &e), &e);
    struct append *a = log_test_new_append();
    log_test_request(a, 0, 1);
    log_test_request(a, 1, 1);
    log_test_request(a, 2, 1);
    log_test_request(a, 3, 1);
    for (int i = 0; i < 4; i++)
        a->requests[i].key = i < 2    ? SPAN_LITERAL("k")
                             : i == 2 ? SPAN_LITERAL("l")
                                      : SPAN_LITERAL("m");
    log_test_append(w, a);
    assert_int_equal(a->requests[0].outcome, APPEND_DONE);
    assert_int_equal(a->requests[1].outcome, APPEND_KEY_RUNNING);
    assert_int_equal(a->requests[2].outcome, APPEND_DONE);
    assert_int_equal(a->requests[3].outcome, APPEND_KEYS_FULL);
    append_free(a);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 2);
    free(uri);
}

static void send_range(struct log_writer *w, struct append *a, uint32_t count, int64_t start,
                       int64_t end)
{
    append_reset(a);
    struct append_request *r = log_test_request(a, (uint32_t)start, count);
    r->source = SPAN_LITERAL("import:1");
    r->source_start = start;
    r->source_end = end;
    log_test_append(w, a);
}

static void a_source_goes_on_exactly_where_it_was(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct append *a = log_test_new_append();
    send_range(w, a, 3, 0, 100);
    assert_int_equal(a->requests[0].outcome, APPEND_DONE);
    assert_int_equal(a->requests[0].position, 100);
    send_range(w, a, 0, 100, 150); /* no events: the position moves all the same */
    assert_int_equal(a->requests[0].outcome, APPEND_DONE);
    assert_int_equal(a->requests[0].accepted, 0);
    send_range(w, a, 3, 50, 100);
    assert_int_equal(a->requests[0].outcome, APPEND_POSITION_REPEATED);
    send_range(w, a, 3, 120, 180);
    assert_int_equal(a->requests[0].outcome, APPEND_POSITION_CONFLICT);
    assert_int_equal(a->requests[0].position, 150);
    log_writer_stop(w);
    w = log_test_writer(uri);
    send_range(w, a, 3, 200, 300);
    assert_int_equal(a->requests[0].outcome, APPEND_POSITION_CONFLICT);
    append_reset(a); /* two in one row: the second goes on from the first */
    for (int i = 0; i < 2; i++) {
        struct append_request *r = log_test_request(a, 200 + (uint32_t)i * 10, 2);
        r->source = SPAN_LITERAL("import:1");
        r->source_start = 150 + i * 10;
        r->source_end = 160 + i * 10;
    }
    log_test_append(w, a);
    assert_int_equal(a->requests[0].outcome, APPEND_DONE);
    assert_int_equal(a->requests[1].outcome, APPEND_DONE);
    append_free(a);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 7);
    struct err e = {0};
    struct sql *s;
    struct source_query q = {.name = SPAN_LITERAL("import:1")};
    support_ok(sql_open(&s, uri, &e), &e);
    support_ok(sources_position(s, &q, &e), &e);
    assert_int_equal(q.position, 170);
    q.name = SPAN_LITERAL("import:2");
    support_ok(sources_position(s, &q, &e), &e);
    assert_int_equal(q.position, 0);
    sql_close(s);
    free(uri);
}

/* ------------------------------------------------------------------ refused requests */

static void a_poisoned_request_is_refused_alone(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct append *a = log_test_new_append();
    for (uint32_t i = 0; i < 9; i++) {
        if (i != 5) {
            log_test_request(a, i * 10, 3);
            continue;
        }
        struct event bad = log_test_event(i * 10); /* its id comes again in the next request */
        bad.path = SPAN_LITERAL("/\xff");
        struct append_request *r = append_add_request(a);
        r->first = a->batch->count;
        r->count = 1;
        batch_add(a->batch, &bad);
        r = log_test_request(a, i * 10, 1);
    }
    log_test_request(a, 200, 1)->key = SPAN_LITERAL("\xfe");
    log_test_append(w, a);
    uint64_t next_seq = 0;
    for (uint32_t i = 0; i < a->n_requests; i++) {
        const struct append_request *r = &a->requests[i];
        if (i == 5 || i == 10) {
            assert_int_equal(r->outcome, APPEND_REFUSED);
            assert_true(r->reason.n > 0);
            continue;
        }
        assert_int_equal(r->outcome, APPEND_DONE);
        assert_int_equal(r->accepted, r->count);
        assert_int_equal(r->first_seq, next_seq);
        next_seq += r->accepted;
    }
    append_free(a);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 25);
    free(uri);
}

/* ------------------------------------------------------------------ immutability */

/* Whether PostgreSQL refuses the statement, run as that role. */
static bool refused(const char *uri, const char *role, const char *statement)
{
    struct err e = {0};
    struct sql *s;
    char *text = mem_format("BEGIN; SET LOCAL ROLE %s; %s; ROLLBACK", role, statement);
    support_ok(sql_open(&s, uri, &e), &e);
    bool failed = sql_run(s, text, SQL_NO_PARAMS, NULL, &e) != 0;
    assert_true(!failed || strcmp(sql_state(s), "42501") == 0); /* insufficient_privilege */
    sql_close(s);
    free(text);
    return failed;
}

static void nobody_but_the_keeper_changes_the_log(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE log_tail SET batch_id = 0",  "DELETE FROM log_tail",  "TRUNCATE log_tail",
        "UPDATE log_batch SET batch_id = 0", "DELETE FROM log_batch", "TRUNCATE log_batch",
        "DELETE FROM log_batch_0_0",         "TRUNCATE log_batch_0_0"};
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    assert_int_equal(log_test_append_one(w, 1), APPEND_DONE);
    log_writer_stop(w);
    char *owner = support_sql(uri, "SELECT current_user");
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        assert_true(refused(uri, owner, changes[i])); /* a superuser: the trigger's doing */
        assert_true(refused(uri, "footfall_writer", changes[i]));
        assert_true(refused(uri, "footfall_reader", changes[i]));
    }
    assert_false(refused(uri, "footfall_keeper", "DELETE FROM log_tail"));
    assert_true(refused(uri, "footfall_reader", "SELECT * FROM token"));
    assert_true(refused(uri, "footfall_reader", "SELECT * FROM salt"));
    assert_true(refused(uri, "footfall_reader", "SELECT * FROM log_meta"));
    assert_false(refused(uri, "footfall_reader", "SELECT * FROM events"));
    assert_false(refused(uri, "footfall_reader", "SELECT * FROM events_between(now(), now())"));
    assert_int_equal(log_test_count_dense(uri), 1);
    free(owner);
    free(uri);
}

static void a_column_of_another_length_than_the_batch_is_refused(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct err e = {0};
    struct sql *s;
    support_ok(sql_open(&s, uri, &e), &e);
    static const char insert[] =
        "INSERT INTO log_tail (partition, first_seq, event_count, schema_id, batch_id, min_time,"
        " max_time, event_id, event_type, event_time, received_at, site, visitor, region, bot, "
        "path)"
        " VALUES (0, 0, 3, 1, 1, now(), now(), array_fill(gen_random_uuid(), ARRAY[3]), '{p}',"
        " array_fill(now(), ARRAY[3]), ARRAY[now()], '{a}', '{1}', '{ZZ}', '{f}', $1)";
    assert_int_not_equal(sql_run(s, insert, SQL_PARAMS(SPAN_LITERAL("{a,b}")), NULL, &e), 0);
    assert_string_equal(sql_state(s), "23514"); /* check_violation */
    err_clear(&e);
    support_ok(sql_run(s, insert, SQL_PARAMS(SPAN_LITERAL("{a,b,c}")), NULL, &e), &e);
    sql_close(s);
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_by_slices),
        cmocka_unit_test(the_relation_events_shows_what_went_in),
        cmocka_unit_test(every_way_to_ask_for_events_gives_the_same),
        cmocka_unit_test(events_can_be_narrowed_to_a_site_and_a_time),
        cmocka_unit_test(bounded_queries_do_not_read_every_batch),
        cmocka_unit_test(the_same_event_id_is_a_duplicate_also_after_a_restart),
        cmocka_unit_test(event_ids_of_other_scopes_and_sites_are_other_ids),
        cmocka_unit_test(a_known_key_is_answered_byte_by_byte_as_the_first_time),
        cmocka_unit_test(a_key_that_is_still_running_or_one_too_many_is_refused),
        cmocka_unit_test(a_source_goes_on_exactly_where_it_was),
        cmocka_unit_test(a_poisoned_request_is_refused_alone),
        cmocka_unit_test(nobody_but_the_keeper_changes_the_log),
        cmocka_unit_test(a_column_of_another_length_than_the_batch_is_refused),
    };
    return support_run("log_append", tests, sizeof(tests) / sizeof(tests[0]));
}
