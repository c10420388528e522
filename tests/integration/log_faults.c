/* SPDX-License-Identifier: Apache-2.0 */
/* The log when things go wrong: another writer, connections cut around a commit, PostgreSQL killed.
 * What was acknowledged is there, once; what was refused is not. */
#include "tests/support/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/migrate.h"
#include "log/notify.h"
#include "log/sql.h"

enum { DEADLINE_MS = 60000 };

static bool is_ready(void *writer)
{
    return log_writer_ready(writer);
}

/* ------------------------------------------------------------------ many submitters */

struct submitter {
    struct log_writer *writer;
    pthread_t thread;
    uint32_t number; /* its events' ids begin here */
    uint64_t accepted;
    bool failed;
};

enum { N_SUBMITTERS = 4, N_ROUNDS = 150 };

static void *submit_rounds(void *context)
{
    struct submitter *s = context;
    uint32_t number = s->number;
    for (int round = 0; round < N_ROUNDS; round++) {
        struct append *a = log_test_new_append();
        for (int i = 0; i <= round % 3; i++, number += 5)
            log_test_request(a, number, 1 + (uint32_t)(round + i) % 5);
        if (!log_test_submit(s->writer, a)) {
            s->failed = true;
            return NULL;
        }
        log_test_wait(a);
        for (uint32_t i = 0; i < a->n_requests; i++) {
            s->failed |= a->requests[i].outcome != APPEND_DONE ||
                         a->requests[i].accepted != a->requests[i].count;
            s->accepted += a->requests[i].accepted;
        }
        append_free(a);
    }
    return NULL;
}

static void seqs_are_dense_under_concurrent_submitters_and_readers_never_skip(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct submitter s[N_SUBMITTERS];
    for (uint32_t i = 0; i < N_SUBMITTERS; i++) {
        s[i] = (struct submitter){.writer = w, .number = i * 1000000};
        assert_int_equal(pthread_create(&s[i].thread, NULL, submit_rounds, &s[i]), 0);
    }
    struct log_reader *r;
    support_ok(log_reader_open(&r, uri, &e), &e);
    struct log_range range = {
        .to_seq = UINT64_MAX, .columns = COLUMN_BIT(EVENT_ID), .max_events = 50};
    for (int idle = 0; idle < 20;) { /* a gap would be ERR_DATA */
        struct log_chunk chunk;
        support_ok(log_read(r, &range, &chunk, &e), &e);
        idle = chunk.count == 0 ? idle + 1 : 0;
        range.from_seq = chunk.next_seq;
        log_chunk_clear(&chunk);
        if (idle > 0 && log_reader_wait(r, 0, range.from_seq, 10, &e) == 1)
            idle = 0;
    }
    uint64_t accepted = 0;
    for (int i = 0; i < N_SUBMITTERS; i++) {
        pthread_join(s[i].thread, NULL);
        assert_false(s[i].failed);
        accepted += s[i].accepted;
    }
    log_reader_close(r);
    struct log_writer_stats stats;
    log_writer_stats(w, &stats);
    assert_int_equal(stats.next_seq, accepted);
    assert_int_equal(stats.events, accepted);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), accepted);
    free(uri);
}

/* ------------------------------------------------------------------ two writers */

static void a_live_owner_keeps_its_partition(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_writer *first = log_test_writer(uri), *second;
    struct log_writer_options o = {
        .postgres_uri = uri, .owner_timeout_ms = 600000, .take_over_ms = 100};
    assert_int_equal(log_writer_start(&second, &o, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    assert_non_null(strstr(e.text, "another Footfall"));
    assert_int_equal(log_test_append_one(first, 1), APPEND_DONE);
    log_writer_stop(first);
    free(uri);
}

static void an_owner_without_heartbeat_is_taken_over_and_fenced(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_writer *first = log_test_writer(uri), *second;
    assert_int_equal(log_test_append_one(first, 1), APPEND_DONE);
    struct log_writer_options o = {.postgres_uri = uri, .owner_timeout_ms = 1};
    support_ok(log_writer_start(&second, &o, &e), &e);
    assert_int_equal(log_test_append_one(second, 2), APPEND_DONE);
    assert_int_equal(log_test_append_one(first, 3), APPEND_UNAVAILABLE);
    assert_false(log_writer_ready(first));
    assert_int_equal(log_test_append_one(second, 4), APPEND_DONE);
    log_writer_stop(first);
    log_writer_stop(second);
    assert_int_equal(log_test_count_dense(uri), 3);
    free(uri);
}

static void a_writer_whose_epoch_is_over_stores_nothing_and_takes_over_again(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct log_reader *r;
    struct log_identity before, after;
    assert_int_equal(log_test_append_one(w, 1), APPEND_DONE);
    support_ok(log_reader_open(&r, uri, &e), &e);
    support_ok(log_identity(r, &before, &e), &e);
    support_ok(migrate_run(uri, MIGRATE_RESTORED, &e), &e);
    support_ok(log_identity(r, &after, &e), &e);
    assert_string_not_equal(before.log_id, after.log_id);
    assert_int_equal(log_test_append_one(w, 2), APPEND_UNAVAILABLE);
    assert_int_equal(log_test_count_dense(uri), 1);
    wait_until(DEADLINE_MS, "the writer owns the partition again", is_ready, w);
    assert_int_equal(log_test_append_one(w, 2), APPEND_DONE);
    log_reader_close(r);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), 2);
    free(uri);
}

/* ------------------------------------------------------------------ commits in doubt */

/* One append whose commit is cut; the rest of the log is as if nothing had happened. */
static void append_through_cut(enum proxy_mode mode, bool with_source_only)
{
    char *uri = log_test_database();
    struct log_proxy *p = log_proxy_start(uri);
    struct log_writer *w = log_test_writer(log_proxy_uri(p));
    assert_int_equal(log_test_append_one(w, 1), APPEND_DONE);
    struct append *a = log_test_new_append();
    struct append_request *r = log_test_request(a, 10, with_source_only ? 0 : 3);
    r->source = SPAN_LITERAL("s");
    r->source_end = 10;
    log_proxy_set(p, mode);
    log_test_append(w, a);
    assert_int_equal(log_proxy_cuts(p), 1);
    assert_int_equal(a->requests[0].outcome, APPEND_DONE);
    assert_int_equal(a->requests[0].first_seq, 1);
    append_free(a);
    assert_int_equal(log_test_append_one(w, 11), APPEND_DONE); /* a duplicate, or new */
    log_writer_stop(w);
    log_proxy_stop(p);
    assert_int_equal(log_test_count_dense(uri), with_source_only ? 2 : 4);
    assert_int_equal(support_sql_int(uri, "SELECT count(DISTINCT event_id) FROM events"),
                     with_source_only ? 2 : 4);
    assert_int_equal(support_sql_int(uri, "SELECT position FROM source_position"), 10);
    free(uri);
}

static void a_commit_whose_answer_is_lost_is_found_in_the_log(void **state)
{
    (void)state;
    append_through_cut(PROXY_LOSE_ANSWER, false);
    append_through_cut(PROXY_LOSE_ANSWER, true);
}

static void a_commit_that_never_arrived_is_sent_again(void **state)
{
    (void)state;
    append_through_cut(PROXY_LOSE_STATEMENT, false);
    append_through_cut(PROXY_LOSE_STATEMENT, true);
}

static void doubt_that_lasts_is_answered_unknown_and_never_sent_again(void **state)
{
    static const struct {
        enum proxy_mode mode;
        int stored;
    } cases[] = {{PROXY_LOSE_ANSWER, 1}, {PROXY_LOSE_STATEMENT, 0}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct err e = {0};
        char *uri = log_test_database();
        struct log_proxy *p = log_proxy_start(uri);
        struct log_writer *w;
        struct log_writer_options o = {.postgres_uri = log_proxy_uri(p), .doubt_timeout_ms = 200};
        support_ok(log_writer_start(&w, &o, &e), &e);
        log_proxy_allow(p, false);
        log_proxy_set(p, cases[i].mode);
        assert_int_equal(log_test_append_one(w, 1), APPEND_UNKNOWN);
        assert_int_equal(log_test_append_one(w, 2), APPEND_UNAVAILABLE); /* never sent: no doubt */
        log_proxy_allow(p, true);
        wait_until(DEADLINE_MS, "the writer owns the partition again", is_ready, w);
        assert_int_equal(support_sql_int(uri, "SELECT count(*) FROM events"), cases[i].stored);
        struct append *a = log_test_new_append(); /* the sender repeats */
        log_test_request(a, 1, 1);
        log_test_append(w, a);
        assert_int_equal(a->requests[0].outcome, APPEND_DONE);
        assert_int_equal(a->requests[0].duplicates, cases[i].stored);
        append_free(a);
        log_writer_stop(w);
        log_proxy_stop(p);
        assert_int_equal(log_test_count_dense(uri), 1);
        free(uri);
    }
}

/* Such as one on which PostgreSQL falls over: its sender is told, and the others get their turn. */
static void an_append_that_never_gets_through_is_given_up(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_proxy *p = log_proxy_start(uri);
    struct log_writer *w;
    struct log_writer_options o = {.postgres_uri = log_proxy_uri(p), .doubt_timeout_ms = 200};
    support_ok(log_writer_start(&w, &o, &e), &e);
    log_proxy_set(p, PROXY_LOSE_EVERY_STATEMENT);
    enum append_outcome outcome = log_test_append_one(w, 1);
    assert_true(outcome == APPEND_UNAVAILABLE || outcome == APPEND_UNKNOWN); /* cut while looking */
    log_proxy_set(p, PROXY_PASS);
    wait_until(DEADLINE_MS, "the writer owns the partition again", is_ready, w);
    assert_int_equal(log_test_append_one(w, 2), APPEND_DONE);
    log_writer_stop(w);
    log_proxy_stop(p);
    assert_int_equal(log_test_count_dense(uri), 1);
    free(uri);
}

/* ------------------------------------------------------------------ PostgreSQL dies */

struct sender {
    struct log_writer *writer;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint32_t done;
    uint32_t next;
};

/* One event after another, each until it is in: what a sender does. */
static void *send_all(void *context)
{
    struct sender *s = context;
    while (!atomic_load(&s->stop))
        if (log_test_append_one(s->writer, s->next) == APPEND_DONE) {
            s->next++;
            atomic_fetch_add(&s->done, 1);
        }
    return NULL;
}

struct progress {
    struct sender *sender;
    uint32_t until;
};

static bool has_sent(void *arg)
{
    const struct progress *p = arg;
    return atomic_load(&p->sender->done) >= p->until;
}

static void nothing_acknowledged_is_lost_when_postgresql_is_killed(void **state)
{
    (void)state;
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct sender s = {.writer = w};
    assert_int_equal(pthread_create(&s.thread, NULL, send_all, &s), 0);
    for (int kill = 0; kill < 3; kill++) {
        struct progress p = {&s, atomic_load(&s.done) + 200};
        wait_until(DEADLINE_MS, "the sender gets on", has_sent, &p);
        support_postgres_kill9();
    }
    struct progress p = {&s, atomic_load(&s.done) + 200};
    wait_until(DEADLINE_MS, "the sender gets on", has_sent, &p);
    atomic_store(&s.stop, true);
    pthread_join(s.thread, NULL);
    log_writer_stop(w);
    assert_int_equal(log_test_count_dense(uri), s.next);
    assert_int_equal(support_sql_int(uri, "SELECT count(DISTINCT event_id) FROM events"), s.next);
    free(uri);
}

/* ------------------------------------------------------------------ the rest */

static void a_full_queue_says_so_and_stop_answers_what_waits(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_writer *w;
    struct sql *s;
    struct log_writer_options o = {.postgres_uri = uri, .max_queue = 2};
    support_ok(log_writer_start(&w, &o, &e), &e);
    support_ok(sql_open(&s, uri, &e), &e);
    /* the first append hangs in its commit, so that the queue fills */
    support_ok(
        sql_run(s, "BEGIN; LOCK TABLE log_tail IN ACCESS EXCLUSIVE MODE", SQL_NO_PARAMS, NULL, &e),
        &e);
    struct append *a[16];
    int taken = 0;
    for (; taken < 16; taken++) {
        a[taken] = log_test_new_append();
        log_test_request(a[taken], (uint32_t)taken, 1);
        if (!log_test_submit(w, a[taken]))
            break;
    }
    assert_in_range(taken, 2, 4);
    append_free(a[taken]);
    support_ok(sql_run(s, "COMMIT", SQL_NO_PARAMS, NULL, &e), &e);
    sql_close(s);
    log_writer_stop(w);
    for (int i = 0; i < taken; i++) {
        log_test_wait(a[i]);
        assert_int_equal(a[i]->requests[0].outcome, APPEND_DONE);
        append_free(a[i]);
    }
    assert_int_equal(log_test_count_dense(uri), taken);
    free(uri);
}

struct waiting {
    struct log_reader *reader;
    int result;
};

static void *wait_for_event(void *context)
{
    struct waiting *w = context;
    struct err e = {0};
    do
        w->result = log_reader_wait(w->reader, 0, 0, DEADLINE_MS, &e);
    while (w->result == 0); /* woken too early is allowed */
    return NULL;
}

static void a_waiting_reader_of_another_process_is_woken_by_notify(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = log_test_database();
    struct log_writer *w = log_test_writer(uri);
    struct notifier *n = notifier_new(uri);
    struct waiting waiting = {0};
    pthread_t thread;
    support_ok(log_reader_open(&waiting.reader, uri, &e), &e);
    assert_int_equal(log_reader_wait(waiting.reader, 0, 0, 0, &e), 0);
    int64_t start_us = clock_monotonic_us();
    assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &waiting), 0);
    assert_int_equal(log_test_append_one(w, 1), APPEND_DONE);
    notifier_mark(n, 0);
    support_ok(notifier_flush(n, &e), &e);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, 1);
    assert_true(clock_monotonic_us() - start_us <
                DEADLINE_MS * INT64_C(1000)); /* did not time out */
    log_reader_close(waiting.reader);
    notifier_free(n);
    log_writer_stop(w);
    free(uri);
}

static void a_connection_through_another_backend_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    char *uri = support_postgres();
    struct sql *s;
    /* what a transaction pooler looks like: another backend answers than the one connected to */
    free(support_sql(uri,
                     "CREATE SCHEMA pooled; CREATE FUNCTION pooled.pg_backend_pid() RETURNS int"
                     " LANGUAGE sql AS 'SELECT 1'"));
    char *database = support_sql(uri, "SELECT current_database()");
    char *set =
        mem_format("ALTER DATABASE %s SET search_path = pooled, pg_catalog, public", database);
    free(support_sql(uri, set));
    assert_int_equal(sql_open(&s, uri, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_non_null(strstr(e.text, "pooler"));
    free(set);
    free(database);
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seqs_are_dense_under_concurrent_submitters_and_readers_never_skip),
        cmocka_unit_test(a_live_owner_keeps_its_partition),
        cmocka_unit_test(an_owner_without_heartbeat_is_taken_over_and_fenced),
        cmocka_unit_test(a_writer_whose_epoch_is_over_stores_nothing_and_takes_over_again),
        cmocka_unit_test(a_commit_whose_answer_is_lost_is_found_in_the_log),
        cmocka_unit_test(a_commit_that_never_arrived_is_sent_again),
        cmocka_unit_test(doubt_that_lasts_is_answered_unknown_and_never_sent_again),
        cmocka_unit_test(an_append_that_never_gets_through_is_given_up),
        cmocka_unit_test(nothing_acknowledged_is_lost_when_postgresql_is_killed),
        cmocka_unit_test(a_full_queue_says_so_and_stop_answers_what_waits),
        cmocka_unit_test(a_waiting_reader_of_another_process_is_woken_by_notify),
        cmocka_unit_test(a_connection_through_another_backend_is_refused),
    };
    return support_run("log_faults", tests, sizeof(tests) / sizeof(tests[0]));
}
