/* SPDX-License-Identifier: Apache-2.0 */
/* Questions answered from the log by several threads: the same as PostgreSQL's answer over the
 * relation events, whatever the number of threads. */
#include "tests/support/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/sql.h"
#include "tests/support/view_log.h"
#include "tests/support/view_plans.h"
#include "views/catalog.h"
#include "views/query_run.h"

#define START_US (INT64_C(1764158400) * US_PER_SECOND) /* 2025-11-26 12:00 UTC */
#define SQL_FROM "2025-11-26 13:00:00.000001Z"
#define SQL_TO "2025-11-26 20:30:00Z"

enum { APPENDS = 40, APPEND_EVENTS = 1000 };

static char *postgres;
static struct log_writer *writer;

/* ------------------------------------------------------------------ the log */

static void append_events(struct view_log *events, unsigned appends)
{
    for (unsigned k = 0; k < appends; k++) {
        struct append *a = log_test_new_append();
        for (uint32_t i = 0; i < APPEND_EVENTS; i++) {
            struct event e = view_log_next(events);
            uint64_t id = random_next(&events->seed);
            memcpy(e.id, &id, sizeof(id));
            batch_add(a->batch, &e);
        }
        append_add_request(a)->count = APPEND_EVENTS;
        log_test_append(writer, a);
        assert_int_equal(a->requests[0].outcome, APPEND_DONE);
        append_free(a);
    }
}

static int setup(void **state)
{
    (void)state;
    postgres = log_test_database();
    writer = log_test_writer(postgres);
    struct view_log events = {.seed = 3,
                              .now_us = START_US,
                              .step_us = US_PER_SECOND,
                              .sites = 3,
                              .groups = 4,
                              .visitors = 200,
                              .late_percent = 5,
                              .late_us = 2 * US_PER_HOUR,
                              .other_percent = 10};
    append_events(&events, APPENDS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_writer_stop(writer);
    free(postgres);
    return 0;
}

/* ------------------------------------------------------------------ asking */

static struct query_runner *open_runner(unsigned n_threads, size_t max_cells)
{
    struct query_runner *r;
    struct err e = {0};
    const struct query_runner_options o = {postgres, n_threads, max_cells, SIZE_MAX};
    support_ok(query_runner_open(&r, &o, &e), &e);
    return r;
}

static struct plan question(void)
{
    struct plan p = test_plan;
    p.n_tiers = 0;
    p.bucket_us = US_PER_HOUR;
    return p;
}

static void make_scope_of(struct query_scope *s, const struct plan *p, int64_t from_us,
                          int64_t to_us)
{
    struct err e = {0};
    const int64_t range_us[2] = {from_us, to_us};
    support_ok(query_scope_init(s, p, SPAN_LITERAL("site1.example"), range_us, &e), &e);
}

static void make_scope(struct query_scope *s, const struct plan *p)
{
    make_scope_of(s, p, START_US + US_PER_HOUR + 1,
                  START_US + 8 * US_PER_HOUR + 30 * US_PER_MINUTE);
}

struct lines {
    const struct query_scope *scope;
    char *lines[2000];
    size_t n;
    int64_t page_start_us;
    struct group_value group[2];
};

static struct span shown(struct group_value v)
{
    return v.null ? SPAN_LITERAL("NULL") : v.text;
}

static int add_slot(void *context, const struct stored_slot *slot)
{
    struct lines *l = context;
    char time[CLOCK_TEXT_BYTES];
    struct sketch *visitors;
    struct err e = {0};
    clock_format(time,
                 tier_slot_time(&l->scope->slots, (struct tier_slot){l->page_start_us, slot->slot}),
                 0);
    support_ok(sketch_decode(slot->sketches[1], &visitors, &e), &e);
    assert_true(l->n < 2000);
    l->lines[l->n++] =
        mem_format("%s %.*s %.*s %lld %llu %lld\n", time, SPAN_ARGS(shown(l->group[0])),
                   SPAN_ARGS(shown(l->group[1])), (long long)slot->values[0].count,
                   (unsigned long long)sketch_estimate(visitors), (long long)slot->values[2].count);
    sketch_free(visitors);
    return 0;
}

static int add_row(void *context, int64_t page_start_us, struct span group, struct span value)
{
    struct lines *l = context;
    struct err e = {0};
    l->page_start_us = page_start_us;
    support_ok(page_read_group(group, &l->scope->plan, l->group, &e), &e);
    return page_read_value(&l->scope->plan, 0, value, add_slot, l, &e);
}

static int order_lines(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

/* The answer as sorted lines; free it. */
static char *answer_text(const struct query_result *result)
{
    struct lines l = {.scope = result->pages.scope};
    struct buf text = {0};
    assert_int_equal(query_pages_each(&result->pages, add_row, &l), 0);
    qsort(l.lines, l.n, sizeof(l.lines[0]), order_lines);
    for (size_t i = 0; i < l.n; i++) {
        buf_put_text(&text, l.lines[i]);
        free(l.lines[i]);
    }
    buf_put_byte(&text, 0);
    return (char *)text.p;
}

static struct query_call call_of(const struct query_scope *s, struct query_runner *r)
{
    struct query_head head;
    struct err e = {0};
    struct query_patience patience = {clock_monotonic_us() + 60 * US_PER_SECOND, NULL, NULL};
    support_ok(query_head(r, &patience, &head, &e), &e);
    return (struct query_call){s, head.offset, patience};
}

static char *sql_text(uint64_t head)
{
    char *sql = mem_format(
        "SELECT string_agg(line || E'\\n', '' ORDER BY line COLLATE \"C\") FROM ("
        "SELECT to_char(date_trunc('hour', event_time), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || ' ' ||"
        " coalesce(browser, 'NULL') || ' ' || region || ' ' || count(*) || ' ' ||"
        " count(DISTINCT visitor) || ' ' || count(*) FILTER (WHERE os = 'Firefox') AS line"
        " FROM events WHERE site = 'site1.example' AND event_type = 'PageViewEvent'"
        " AND event_time >= '" SQL_FROM "' AND event_time < '" SQL_TO "' AND seq < %llu"
        " GROUP BY date_trunc('hour', event_time), browser, region) q",
        (unsigned long long)head);
    char *text = support_sql(postgres, sql);
    free(sql);
    return text;
}

/* ------------------------------------------------------------------ tests */

static void any_number_of_threads_answers_as_postgresql_does(void **state)
{
    (void)state;
    struct plan p = question();
    struct query_scope s;
    make_scope(&s, &p);
    for (unsigned threads = 1; threads <= 5; threads += 2) {
        struct query_runner *r = open_runner(threads, SIZE_MAX);
        struct query_result result;
        struct err e = {0};
        struct query_call call = call_of(&s, r);
        for (int again = 0; again < 2; again++) { /* connections are used again */
            support_ok(query_run(r, &call, &result, &e), &e);
            assert_int_equal(result.end, QUERY_ANSWERED);
            char *expected = sql_text(call.offset), *got = answer_text(&result);
            assert_true(strlen(expected) > 1000);
            assert_string_equal(got, expected);
            free(expected);
            free(got);
            query_result_clear(&result);
        }
        query_runner_close(r);
    }
}

static void nothing_behind_the_head_is_seen(void **state)
{
    (void)state;
    struct plan p = question();
    struct query_scope s;
    struct query_result result;
    struct err e = {0};
    make_scope(&s, &p);
    struct query_runner *r = open_runner(2, SIZE_MAX);
    struct query_call call = call_of(&s, r);
    call.offset = 17123; /* within a batch */
    support_ok(query_run(r, &call, &result, &e), &e);
    char *expected = sql_text(call.offset), *got = answer_text(&result);
    assert_string_equal(got, expected);
    free(expected);
    free(got);
    query_result_clear(&result);
    query_runner_close(r);
}

static void batches_of_other_times_are_not_sent(void **state)
{
    (void)state;
    struct plan p = question();
    struct query_scope s;
    struct query_result result;
    struct err e = {0};
    make_scope_of(&s, &p, START_US + 9 * US_PER_HOUR, START_US + 9 * US_PER_HOUR + US_PER_MINUTE);
    struct query_runner *r = open_runner(2, SIZE_MAX);
    struct query_call call = call_of(&s, r);
    support_ok(query_run(r, &call, &result, &e), &e);
    int64_t batches = support_sql_int(
        postgres, "SELECT count(*) FROM log_batches WHERE max_time >= '2025-11-26 21:00Z' AND"
                  " min_time < '2025-11-26 21:01Z'");
    assert_true(batches > 0 && batches < APPENDS / 2);
    assert_int_equal(result.read, batches * APPEND_EVENTS);
    assert_true(result.counts.events > 0 && result.counts.events < result.read);
    query_result_clear(&result);
    make_scope_of(&s, &p, START_US - 2 * US_PER_DAY, START_US - US_PER_DAY);
    support_ok(query_run(r, &call, &result, &e), &e);
    assert_int_equal(result.read, 0);
    assert_true(result.counts.latest_us == INT64_MIN);
    query_result_clear(&result);
    query_runner_close(r);
}

static void a_question_that_asks_for_too_much_is_refused(void **state)
{
    (void)state;
    struct plan p = question();
    struct query_scope s;
    struct query_result result;
    struct err e = {0};
    make_scope(&s, &p);
    struct query_runner *r = open_runner(2, 5);
    struct query_call call = call_of(&s, r);
    assert_int_equal(query_run(r, &call, &result, &e), -1);
    assert_int_equal(result.end, QUERY_FULL);
    query_result_clear(&result);
    query_runner_close(r);
}

static enum query_end end_with(const struct query_scope *s, unsigned n_threads, size_t max_bytes)
{
    struct query_runner *r;
    struct query_result result;
    struct err e = {0};
    const struct query_runner_options o = {postgres, n_threads, 1000000, max_bytes};
    support_ok(query_runner_open(&r, &o, &e), &e);
    struct query_call call = call_of(s, r);
    (void)(query_run(r, &call, &result, &e) != 0);
    enum query_end end = result.end;
    query_result_clear(&result);
    query_runner_close(r);
    return end;
}

/* They are collected in one thread, whatever the others could do. */
static void a_question_about_sessions_has_the_memory_of_all_threads(void **state)
{
    (void)state;
    struct plan p = *plan_find(SPAN_LITERAL("visits"));
    struct query_scope s;
    size_t bytes = 1024;
    p.n_tiers = 0;
    p.bucket_us = US_PER_HOUR;
    make_scope(&s, &p);
    while (end_with(&s, 1, bytes) == QUERY_FULL)
        bytes *= 2;
    assert_true(bytes > 1024);
    assert_int_equal(end_with(&s, 8, bytes), QUERY_ANSWERED);
}

static bool is_set(void *flag)
{
    return atomic_load((_Atomic bool *)flag);
}

static void a_question_ends_when_it_is_cancelled_or_late(void **state)
{
    (void)state;
    struct plan p = question();
    struct query_scope s;
    struct query_result result;
    struct err e = {0};
    _Atomic bool cancelled = true;
    make_scope(&s, &p);
    struct query_runner *r = open_runner(3, SIZE_MAX);
    struct query_call call = call_of(&s, r);
    call.patience.is_cancelled = is_set;
    call.patience.context = &cancelled;
    assert_int_equal(query_run(r, &call, &result, &e), -1);
    assert_int_equal(result.end, QUERY_CANCELLED);
    query_result_clear(&result);
    call.patience.is_cancelled = NULL;
    call.patience.deadline_us = clock_monotonic_us();
    e = (struct err){0};
    assert_int_equal(query_run(r, &call, &result, &e), -1);
    assert_int_equal(result.end, QUERY_TIMED_OUT);
    query_result_clear(&result);
    query_runner_close(r);
}

static bool somebody_waits(void *unused)
{
    (void)unused;
    return support_sql_int(postgres, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0;
}

struct asking {
    struct query_runner *runner;
    struct query_call call;
    struct query_result result;
    struct err e;
    int status;
};

static void *ask(void *context)
{
    struct asking *a = context;
    a->status = query_run(a->runner, &a->call, &a->result, &a->e);
    return NULL;
}

/* PostgreSQL does not answer for a lock: the statement is given up, and the runner goes on after
 * it. */
static void a_statement_under_way_is_given_up(void **state)
{
    (void)state;
    struct plan p = question();
    struct query_scope s;
    struct err e = {0};
    struct sql *locker;
    pthread_t thread;
    _Atomic bool cancelled = false;
    make_scope(&s, &p);
    struct asking a = {.runner = open_runner(2, SIZE_MAX)};
    a.call = call_of(&s, a.runner);
    a.call.patience.is_cancelled = is_set;
    a.call.patience.context = &cancelled;
    support_ok(sql_open(&locker, postgres, &e), &e);
    support_ok(sql_run(locker, "BEGIN", SQL_NO_PARAMS, NULL, &e), &e);
    support_ok(
        sql_run(locker, "LOCK TABLE log_tail IN ACCESS EXCLUSIVE MODE", SQL_NO_PARAMS, NULL, &e),
        &e);
    assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
    wait_until(30000, "the question to wait for the lock", somebody_waits, NULL);
    atomic_store(&cancelled, true);
    pthread_join(thread, NULL);
    assert_int_equal(a.status, -1);
    assert_int_equal(a.result.end, QUERY_CANCELLED);
    query_result_clear(&a.result);
    support_ok(sql_run(locker, "ROLLBACK", SQL_NO_PARAMS, NULL, &e), &e);
    sql_close(locker);
    atomic_store(&cancelled, false);
    a.e = (struct err){0};
    support_ok(query_run(a.runner, &a.call, &a.result, &a.e), &a.e);
    query_result_clear(&a.result);
    query_runner_close(a.runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_number_of_threads_answers_as_postgresql_does, setup),
        cmocka_unit_test(nothing_behind_the_head_is_seen),
        cmocka_unit_test(batches_of_other_times_are_not_sent),
        cmocka_unit_test(a_question_that_asks_for_too_much_is_refused),
        cmocka_unit_test(a_question_about_sessions_has_the_memory_of_all_threads),
        cmocka_unit_test(a_question_ends_when_it_is_cancelled_or_late),
        cmocka_unit_test_teardown(a_statement_under_way_is_given_up, teardown),
    };
    return support_run("query_run", tests, sizeof(tests) / sizeof(tests[0]));
}
