/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "log/migrate.h"

char *log_test_database(void)
{
    struct err e = {0};
    char *uri = support_postgres();
    support_ok(migrate_run(uri, MIGRATE_PLAIN, &e), &e);
    return uri;
}

struct log_writer *log_test_writer(const char *uri)
{
    struct err e = {0};
    struct log_writer *w;
    struct log_writer_options o = {.postgres_uri = uri, .doubt_timeout_ms = 30000};
    support_ok(log_writer_start(&w, &o, &e), &e);
    return w;
}

struct event log_test_event(uint32_t number)
{
    static const char *const paths[] = {"/", "/a", "/b", "/c"};
    struct event e = {
        .id_from_client = true,
        .time_us = INT64_C(1700000000000000) + number * INT64_C(1000000),
        .received_us = INT64_C(1700000000500000) + number * INT64_C(1000000),
        .visitor = number * UINT64_C(0x9e3779b97f4a7c15),
        .type = SPAN_LITERAL("PageViewEvent"),
        .site = SPAN_LITERAL("example.com"),
        .region = SPAN_LITERAL("DE-BE"),
        .path = span_of(paths[number % 4]),
    };
    memcpy(e.id, &number, sizeof(number));
    return e;
}

/* ------------------------------------------------------------------ appends */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
};

static void on_done(struct append *a)
{
    struct waiter *w = a->owner;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

struct append *log_test_new_append(void)
{
    return append_new(on_done, NULL);
}

struct append_request *log_test_request(struct append *a, uint32_t number, uint32_t count)
{
    uint32_t first = a->batch->count;
    for (uint32_t i = 0; i < count; i++) {
        struct event e = log_test_event(number + i);
        batch_add(a->batch, &e);
    }
    struct append_request *r = append_add_request(a);
    r->first = first;
    r->count = count;
    return r;
}

bool log_test_submit(struct log_writer *w, struct append *a)
{
    struct err e = {0};
    struct waiter *waiter = mem_alloc(sizeof(*waiter));
    pthread_mutex_init(&waiter->lock, NULL);
    pthread_cond_init(&waiter->wake, NULL);
    a->owner = waiter;
    if (log_writer_submit(w, a, &e) == 0)
        return true;
    free(waiter);
    return false;
}

void log_test_wait(struct append *a)
{
    struct waiter *waiter = a->owner;
    pthread_mutex_lock(&waiter->lock);
    while (!waiter->done)
        pthread_cond_wait(&waiter->wake, &waiter->lock);
    pthread_mutex_unlock(&waiter->lock);
    free(waiter);
}

void log_test_append(struct log_writer *w, struct append *a)
{
    assert_true(log_test_submit(w, a));
    log_test_wait(a);
}

enum append_outcome log_test_append_one(struct log_writer *w, uint32_t number)
{
    struct append *a = log_test_new_append();
    log_test_request(a, number, 1);
    log_test_append(w, a);
    enum append_outcome outcome = a->requests[0].outcome;
    append_free(a);
    return outcome;
}

uint64_t log_test_count_dense(const char *uri)
{
    uint64_t count = (uint64_t)support_sql_int(uri, "SELECT count(*) FROM events");
    assert_int_equal(support_sql_int(uri, "SELECT count(DISTINCT seq) FROM events"), count);
    assert_int_equal(support_sql_int(uri, "SELECT coalesce(max(seq) + 1, 0) FROM events"), count);
    assert_int_equal(support_sql_int(uri, "SELECT log_next_seq(0)"), count);
    return count;
}
