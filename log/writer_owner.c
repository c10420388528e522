/* SPDX-License-Identifier: Apache-2.0 */
/* Owning a partition. Two guards: a session advisory lock, so that there is one owner at a time,
 * and the epoch in log_head, so that an owner that lost the lock without noticing cannot append:
 * its statement asks for its own epoch FOR SHARE, and raising the epoch waits for those in flight.
 *
 *   connect -> lock -> epoch + 1 -> end of the log -> settle a commit in doubt -> window of ids
 *
 * A dead owner's backend that still holds the lock is ended: our own former one at once, another's
 * when its heartbeat is too old. The epoch makes that safe. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "log/writer.h"

#define LOCK_CLASS 0x66666170 /* "ffap" */
#define HEARTBEAT_US (2 * US_PER_SECOND)
#define FIRST_RETRY_US INT64_C(50000)
#define LAST_RETRY_US US_PER_SECOND
enum { WINDOW_READ_EVENTS = 50000 };

/* ------------------------------------------------------------------ the lock */

static int try_lock(struct log_writer *w, bool *locked, struct err *e)
{
    char text[80];
    struct sql_rows rows = {0};
    snprintf(text, sizeof(text), "SELECT pg_try_advisory_lock(%d, %u)", LOCK_CLASS,
             w->options.partition);
    if (sql_run(w->sql, text, SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    *locked = sql_bool(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

/* Who holds the lock: backend, whether it was heard of lately, from where. */
static int find_holder(struct log_writer *w, struct sql_rows *rows, struct err *e)
{
    char text[640];
    snprintf(text, sizeof(text),
             "SELECT l.pid, coalesce(o.heartbeat_at < now() - interval '%" PRId64 " ms', true),"
             " coalesce(a.client_addr::text, 'this machine'),"
             " coalesce(extract(epoch FROM now() - o.heartbeat_at)::int, -1)"
             " FROM pg_locks l LEFT JOIN log_owner o ON o.partition = %u AND o.backend_pid = l.pid"
             " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
             " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %d AND l.objid = %u"
             " AND l.objsubid = 2"
             " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
             w->options.owner_timeout_ms, w->options.partition, LOCK_CLASS, w->options.partition);
    return sql_run(w->sql, text, SQL_NO_PARAMS, rows, e);
}

static int end_backend(struct log_writer *w, struct span pid, struct err *e)
{
    struct sql_rows rows = {0};
    diag(DIAG_WARNING, "log", "partition %u: ending backend %.*s of a dead owner",
         w->options.partition, SPAN_ARGS(pid));
    int status =
        sql_run(w->sql, "SELECT pg_terminate_backend($1::int, 2000)", SQL_PARAMS(pid), &rows, e);
    sql_rows_clear(&rows);
    return status;
}

/* The lock is another's: ends that one if it is dead. -1 in any case but an ended owner. */
static int deal_with_holder(struct log_writer *w, struct err *e)
{
    struct sql_rows rows = {0};
    if (find_holder(w, &rows, e) != 0)
        return -1;
    int status = 0;
    if (rows.count > 0) {
        bool ours = w->backend_pid != 0 && sql_int(&rows, 0, 0) == w->backend_pid;
        if (ours || sql_bool(&rows, 0, 1))
            status = end_backend(w, sql_value(&rows, 0, 0), e);
        else
            status =
                err_set(e, ERR_BUSY,
                        "partition %u of the log is appended to by another Footfall "
                        "(backend %.*s, from %.*s, heard from %" PRId64 " s ago): stop it, or use "
                        "another database",
                        w->options.partition, SPAN_ARGS(sql_value(&rows, 0, 0)),
                        SPAN_ARGS(sql_value(&rows, 0, 2)), sql_int(&rows, 0, 3));
    }
    sql_rows_clear(&rows);
    return status;
}

static int take_lock(struct log_writer *w, struct err *e)
{
    bool locked;
    if (try_lock(w, &locked, e) != 0)
        return -1;
    if (locked)
        return 0;
    if (deal_with_holder(w, e) != 0 || try_lock(w, &locked, e) != 0)
        return -1;
    return locked ? 0
                  : err_set(e, ERR_BUSY,
                            "partition %u of the log: its dead owner still holds the "
                            "lock",
                            w->options.partition);
}

/* ------------------------------------------------------------------ the epoch */

static int raise_epoch(struct log_writer *w, struct err *e)
{
    char text[512];
    struct sql_rows rows = {0};
    snprintf(text, sizeof(text),
             "WITH head AS (INSERT INTO log_head (partition, epoch) VALUES (%u, 1)"
             " ON CONFLICT (partition) DO UPDATE SET epoch = log_head.epoch + 1 RETURNING epoch)"
             " INSERT INTO log_owner (partition, epoch, backend_pid)"
             " SELECT %u, epoch, pg_backend_pid() FROM head ON CONFLICT (partition) DO UPDATE"
             " SET epoch = EXCLUDED.epoch, backend_pid = EXCLUDED.backend_pid, started_at = now(),"
             " heartbeat_at = now() RETURNING epoch, backend_pid",
             w->options.partition, w->options.partition);
    if (sql_run(w->sql, text, SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    w->epoch = (uint64_t)sql_int(&rows, 0, 0);
    w->backend_pid = sql_int(&rows, 0, 1);
    sql_rows_clear(&rows);
    return 0;
}

static int find_end(struct log_writer *w, uint64_t *next_seq, struct err *e)
{
    char text[64];
    struct sql_rows rows = {0};
    snprintf(text, sizeof(text), "SELECT log_next_seq(%u)", w->options.partition);
    if (sql_run(w->sql, text, SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    *next_seq = (uint64_t)sql_int(&rows, 0, 0);
    sql_rows_clear(&rows);
    return 0;
}

/* ------------------------------------------------------------------ the window */

static void take_ids(struct window *window, const struct log_slice *s)
{
    struct column_cursor ids = column_cursor_of(&s->columns[EVENT_ID]);
    struct column_cursor tokens = column_cursor_of(&s->columns[EVENT_TOKEN]);
    struct column_cursor sites = column_cursor_of(&s->columns[EVENT_SITE]);
    for (uint32_t i = 0; i < s->count; i++) {
        struct span id = column_next(&ids), token = column_next(&tokens),
                    site = column_next(&sites);
        if (!span_absent(token))
            window_add(window, window_id_of(window, element_int8(token), site, id));
    }
    window_commit(window);
}

static int read_window(struct log_writer *w, struct log_reader *r, struct err *e)
{
    uint64_t back = w->options.dedupe_window;
    struct log_range range = {
        .partition = w->options.partition,
        .from_seq = w->next_seq > back ? w->next_seq - back : 0,
        .to_seq = w->next_seq,
        .columns = COLUMN_BIT(EVENT_ID) | COLUMN_BIT(EVENT_TOKEN) | COLUMN_BIT(EVENT_SITE),
        .max_events = WINDOW_READ_EVENTS,
    };
    while (range.from_seq < range.to_seq) {
        struct log_chunk chunk;
        if (log_read(r, &range, &chunk, e) != 0)
            return -1;
        for (uint32_t i = 0; i < chunk.count; i++)
            if (chunk.slices[i].columns[EVENT_TOKEN].form != FORM_NULL)
                take_ids(w->window, &chunk.slices[i]);
        bool stuck = chunk.next_seq == range.from_seq;
        range.from_seq = chunk.next_seq;
        log_chunk_clear(&chunk);
        if (stuck)
            return err_set(e, ERR_DATA, "the log ends at %" PRIu64 ", before %" PRIu64,
                           range.from_seq, range.to_seq);
    }
    return 0;
}

static int reload_window(struct log_writer *w, struct err *e)
{
    struct log_reader *r;
    if (log_reader_open(&r, w->uri, e) != 0)
        return -1;
    window_rollback(w->window);
    window_forget(w->window);
    int status = read_window(w, r, e);
    log_reader_close(r);
    return status;
}

/* ------------------------------------------------------------------ owning */

/* The end of the log, the window's ids and a commit in doubt agree again. */
static int settle(struct log_writer *w, struct err *e)
{
    uint64_t end_seq;
    if (find_end(w, &end_seq, e) != 0)
        return -1;
    if (w->doubt == DOUBT_OPEN) {
        bool committed;
        if (writer_look_for_plan(w, &committed, e) != 0)
            return -1;
        w->doubt = committed ? DOUBT_COMMITTED : DOUBT_NOT_COMMITTED;
    }
    uint64_t expected = w->next_seq + (w->doubt == DOUBT_COMMITTED ? w->plan.n_events : 0);
    if (w->doubt == DOUBT_COMMITTED)
        window_commit(w->window);
    else
        window_rollback(w->window);
    w->window_current &= end_seq == expected;
    w->next_seq = end_seq;
    if (!w->window_current && reload_window(w, e) != 0)
        return -1;
    w->window_current = true;
    return 0;
}

static int prepare_session(struct log_writer *w, struct err *e)
{
    static const char *const statements[] = {
        "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0;"
        " SET client_min_messages = error",
        /* durable means durable; stronger settings (remote_apply) stay */
        "DO $$ BEGIN IF current_setting('synchronous_commit') IN ('off', 'local') THEN"
        " SET synchronous_commit = on; END IF; END $$",
        "SET ROLE footfall_writer",
    };
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (sql_run(w->sql, statements[i], SQL_NO_PARAMS, NULL, e) != 0)
            return -1;
    return 0;
}

/* Another owns the partition: its epoch was raised after all our appends had ended, so what is not
 * in the log now never will be. */
static void settle_as_bystander(struct log_writer *w)
{
    char text[128];
    bool committed;
    struct err e = {0};
    struct sql_rows rows = {0};
    snprintf(text, sizeof(text), "SELECT epoch > %" PRIu64 " FROM log_head WHERE partition = %u",
             w->epoch, w->options.partition);
    if (sql_run(w->sql, text, SQL_NO_PARAMS, &rows, &e) != 0)
        return;
    bool raised = rows.count == 1 && sql_bool(&rows, 0, 0);
    sql_rows_clear(&rows);
    if (!raised || writer_look_for_plan(w, &committed, &e) != 0)
        return;
    w->doubt = committed ? DOUBT_COMMITTED : DOUBT_NOT_COMMITTED;
    w->window_current = false;
}

static int own(struct log_writer *w, struct err *e)
{
    if (sql_open(&w->sql, w->uri, e) != 0)
        return -1;
    sql_set_patience(w->sql, w->options.doubt_timeout_ms);
    if (take_lock(w, e) != 0) {
        if (w->doubt == DOUBT_OPEN && e->kind == ERR_BUSY)
            settle_as_bystander(w);
        return -1;
    }
    if (prepare_session(w, e) != 0 || raise_epoch(w, e) != 0 || settle(w, e) != 0 ||
        writer_prepare(w, e) != 0)
        return -1;
    w->down_since_us = w->retry_at_us = w->retry_delay_us = 0;
    w->heartbeat_at_us = clock_monotonic_us();
    atomic_store(&w->stats.epoch, w->epoch);
    atomic_store(&w->stats.next_seq, w->next_seq);
    atomic_store(&w->ready, true);
    diag(DIAG_INFO, "log", "partition %u: appending from %" PRIu64 " on, epoch %" PRIu64,
         w->options.partition, w->next_seq, w->epoch);
    return 0;
}

void writer_disown(struct log_writer *w)
{
    atomic_store(&w->ready, false);
    sql_close(w->sql);
    w->sql = NULL;
    if (w->down_since_us == 0)
        w->down_since_us = clock_monotonic_us();
}

int writer_own(struct log_writer *w, struct err *e)
{
    if (own(w, e) == 0)
        return 0;
    writer_disown(w);
    if (w->retry_delay_us == 0) /* said once, not at every attempt */
        diag(DIAG_WARNING, "log", "partition %u cannot append: %s", w->options.partition, e->text);
    w->retry_delay_us = w->retry_delay_us == 0 ? FIRST_RETRY_US : w->retry_delay_us * 2;
    if (w->retry_delay_us > LAST_RETRY_US)
        w->retry_delay_us = LAST_RETRY_US;
    w->retry_at_us = clock_monotonic_us() + w->retry_delay_us;
    return -1;
}

/* Sleeps until then, or until the writer is to stop. */
static void sleep_until(struct log_writer *w, int64_t until_us)
{
    struct timespec until = {until_us / US_PER_SECOND, until_us % US_PER_SECOND * 1000};
    pthread_mutex_lock(&w->lock);
    while (!w->stopping && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
}

static bool is_stopping(struct log_writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return stopping;
}

int writer_recover(struct log_writer *w, int64_t deadline_us, struct err *e)
{
    for (;;) {
        int64_t now_us = clock_monotonic_us();
        if (now_us < w->retry_at_us)
            sleep_until(w, w->retry_at_us < deadline_us ? w->retry_at_us : deadline_us);
        err_clear(e);
        if ((clock_monotonic_us() >= w->retry_at_us || is_stopping(w)) && writer_own(w, e) == 0)
            return 0;
        bool taken = e->kind == ERR_BUSY && w->doubt != DOUBT_OPEN; /* by another who lives */
        if (taken || clock_monotonic_us() >= deadline_us || is_stopping(w))
            return err_set(e, ERR_DOWN, "partition %u of the log is not available",
                           w->options.partition);
    }
}

static int beat(struct log_writer *w, struct err *e)
{
    char text[192];
    struct sql_rows rows = {0};
    snprintf(text, sizeof(text),
             "UPDATE log_owner SET heartbeat_at = now() WHERE partition = %u AND epoch = %" PRIu64
             " RETURNING partition",
             w->options.partition, w->epoch);
    if (sql_run(w->sql, text, SQL_NO_PARAMS, &rows, e) != 0)
        return -1;
    bool ours = rows.count == 1;
    sql_rows_clear(&rows);
    return ours ? 0 : err_set(e, ERR_DOWN, "another Footfall has taken the partition over");
}

void writer_idle(struct log_writer *w)
{
    struct err e = {0};
    int64_t now_us = clock_monotonic_us();
    if (w->sql == NULL) {
        int owned = now_us >= w->retry_at_us ? writer_own(w, &e) : -1;
        (void)owned; /* the next turn tries again */
        return;
    }
    if (now_us - w->heartbeat_at_us < HEARTBEAT_US)
        return;
    w->heartbeat_at_us = now_us;
    if (beat(w, &e) == 0)
        return;
    diag(DIAG_WARNING, "log", "partition %u: %s", w->options.partition, e.text);
    writer_disown(w);
}
