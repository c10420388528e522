/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the log appends and is read: append [URI [EVENTS [EVENTS_A_BATCH]]]. Without a URI, an
 * embedded PostgreSQL. Prints a line each: name, value, unit. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "log/log.h"
#include "log/migrate.h"
#include "log/sql.h"
#include "tests/support/support.h"

enum { IN_FLIGHT = 4 };

/* Appends that are not with the writer. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct append *free[IN_FLIGHT];
    int n_free;
};

static void give_up(const struct err *e)
{
    fprintf(stderr, "append: %s\n", e->text);
    exit(1);
}

static void on_done(struct append *a)
{
    struct pool *p = a->owner;
    if (a->requests[0].outcome != APPEND_DONE)
        abort();
    pthread_mutex_lock(&p->lock);
    p->free[p->n_free++] = a;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
}

static struct append *take(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->n_free == 0)
        pthread_cond_wait(&p->returned, &p->lock);
    struct append *a = p->free[--p->n_free];
    pthread_mutex_unlock(&p->lock);
    return a;
}

/* A UUIDv7 as the server makes them: milliseconds, the loop's constant, a counter. */
static void make_id(uint8_t id[16], int64_t time_us, uint32_t counter)
{
    uint64_t ms = htobe64((uint64_t)(time_us / 1000) << 16 | 0x7123);
    uint64_t rest = htobe64(UINT64_C(0x8abc5e6f00000000) | counter);
    memcpy(id, &ms, 8);
    memcpy(id + 8, &rest, 8);
}

static void fill(struct batch *b, uint32_t count, uint64_t *chance, int64_t now_us)
{
    static const char *const regions[] = {"US-CA",  "US-NY",  "DE-BE", "DE-BY",
                                          "FR-IDF", "GB-ENG", "ZZ"};
    static const char *const browsers[] = {"Chrome", "Firefox", "Safari", "Edge"};
    static const char *const systems[] = {"Windows", "Linux", "Android", "iOS", "macOS"};
    for (uint32_t i = 0; i < count; i++) {
        char path[64], session[32];
        uint32_t visitor = random_below(chance, 2000);
        snprintf(path, sizeof(path), "/products/category-%u/item-%u", random_below(chance, 20),
                 random_below(chance, 200));
        snprintf(session, sizeof(session), "s%08x", visitor * 2654435761U);
        struct event e = {
            .time_us = now_us + i * 137,
            .received_us = now_us,
            .visitor = visitor * UINT64_C(0x9e3779b97f4a7c15),
            .type = SPAN_LITERAL("PageViewEvent"),
            .site = SPAN_LITERAL("example.com"),
            .host = SPAN_LITERAL("example.com"),
            .path = span_of(path),
            .session_id = span_of(session),
            .region = span_of(regions[visitor % 7]),
            .browser = span_of(browsers[visitor % 4]),
            .os = span_of(systems[visitor % 5]),
            .device = visitor % 3 == 0 ? SPAN_LITERAL("phone") : SPAN_LITERAL("desktop"),
        };
        e.country = (struct span){e.region.p, 2};
        if (random_below(chance, 4) == 0) {
            e.referrer = SPAN_LITERAL("https://www.google.com/");
            e.referrer_host = SPAN_LITERAL("www.google.com");
        }
        make_id(e.id, now_us + i * 137, i);
        batch_add(b, &e);
    }
}

static void append_events(const char *uri, uint32_t events, uint32_t per_batch)
{
    struct err e = {0};
    struct log_writer *w;
    struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .returned = PTHREAD_COND_INITIALIZER};
    if (log_writer_start(&w, &(struct log_writer_options){.postgres_uri = uri}, &e) != 0)
        give_up(&e);
    uint64_t chance = 1;
    for (int i = 0; i < IN_FLIGHT; i++) {
        struct append *a = append_new(on_done, &pool);
        fill(a->batch, per_batch, &chance, clock_now_us());
        *append_add_request(a) = (struct append_request){.count = per_batch};
        pool.free[pool.n_free++] = a;
    }
    int64_t start_us = clock_monotonic_us();
    for (uint32_t done = 0; done < events; done += per_batch)
        if (log_writer_submit(w, take(&pool), &e) != 0)
            give_up(&e);
    for (int i = 0; i < IN_FLIGHT; i++)
        append_free(take(&pool));
    double seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    struct log_writer_stats stats;
    log_writer_stats(w, &stats);
    printf("append %.0f events/s (%" PRIu64 " commits)\n", (double)stats.events / seconds,
           stats.commits);
    log_writer_stop(w);
}

static void read_events(const char *uri, const char *name, column_set columns)
{
    struct err e = {0};
    struct log_reader *r;
    struct log_chunk chunk;
    if (log_reader_open(&r, uri, &e) != 0)
        give_up(&e);
    int64_t start_us = clock_monotonic_us();
    struct log_range range = {.to_seq = UINT64_MAX, .columns = columns, .max_events = 20000};
    uint64_t sum = 0;
    for (bool more = true; more; log_chunk_clear(&chunk)) {
        if (log_read(r, &range, &chunk, &e) != 0)
            give_up(&e);
        more = chunk.count > 0;
        range.from_seq = chunk.next_seq;
        for (uint32_t i = 0; i < chunk.count; i++) {
            struct column_cursor regions = column_cursor_of(&chunk.slices[i].columns[EVENT_REGION]);
            for (uint32_t k = 0; k < chunk.slices[i].count; k++)
                sum += column_next(&regions).n;
        }
    }
    double seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    printf("read-%s %.0f events/s (%" PRIu64 ")\n", name, (double)range.from_seq / seconds, sum);
    log_reader_close(r);
}

static void print_size(const char *uri)
{
    struct err e = {0};
    struct sql *s;
    struct sql_rows rows = {0};
    if (sql_open(&s, uri, &e) != 0 ||
        sql_run(s, "SELECT pg_total_relation_size('log_tail') / greatest(log_next_seq(0), 1)",
                SQL_NO_PARAMS, &rows, &e) != 0)
        give_up(&e);
    printf("size %" PRId64 " bytes/event\n", sql_int(&rows, 0, 0));
    sql_rows_clear(&rows);
    sql_close(s);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    char *uri = argc > 1 ? argv[1] : support_postgres();
    uint32_t events = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2000000;
    uint32_t per_batch = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1000;
    if (migrate_run(uri, MIGRATE_PLAIN, &e) != 0)
        give_up(&e);
    append_events(uri, events, per_batch);
    print_size(uri);
    read_events(uri, "5-columns",
                COLUMN_BIT(EVENT_TYPE) | COLUMN_BIT(EVENT_TIME) | COLUMN_BIT(EVENT_SITE) |
                    COLUMN_BIT(EVENT_REGION) | COLUMN_BIT(EVENT_BOT));
    read_events(uri, "5-plain-columns",
                COLUMN_BIT(EVENT_ID) | COLUMN_BIT(EVENT_TIME) | COLUMN_BIT(EVENT_PATH) |
                    COLUMN_BIT(EVENT_REGION) | COLUMN_BIT(EVENT_VISITOR));
    read_events(uri, "all-columns", ALL_COLUMNS);
    if (argc <= 1) {
        free(uri);
        support_servers_stop();
    }
    return 0;
}
