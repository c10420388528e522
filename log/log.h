/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one append-only, totally ordered sequence of events per partition, in PostgreSQL.
 * Each event has a seq, dense from 0. One writer per partition appends (a thread, fenced by an
 * epoch); any number of readers follow by seq and never skip. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "base/err.h"
#include "base/mem.h"
#include "log/batch.h"

/* ------------------------------------------------------------------ reading */

/* A connection of its own; one thread at a time. After ERR_DOWN it stays usable: the next call
 * connects again. */
struct log_reader;

int log_reader_open(struct log_reader **out, const char *postgres_uri, struct err *e) MUST_CHECK;
void log_reader_close(struct log_reader *r);

/* Who this log is: stored beside every offset. */
struct log_identity {
    char log_id[37]; /* a UUID as text */
};
int log_identity(struct log_reader *r, struct log_identity *out, struct err *e) MUST_CHECK;

/* The next seq of a partition (0 when empty). */
int log_head(struct log_reader *r, uint32_t partition, uint64_t *next_seq,
             struct err *e) MUST_CHECK;
/* The id of the event at seq; ERR_DATA when the log has no such event. */
int log_event_id(struct log_reader *r, uint32_t partition, uint64_t seq, uint8_t id[16],
                 struct err *e) MUST_CHECK;

/* Slices in seq order, without gaps, from from_seq on. Owns the memory the slices point into. */
struct log_chunk {
    struct log_slice *slices;
    uint32_t count;
    uint64_t next_seq; /* from_seq when nothing is there yet */
    void *owner;       /* PGresult */
};

struct log_range {
    uint32_t partition;
    uint64_t from_seq, to_seq; /* half-open; to_seq UINT64_MAX: to the end */
    column_set columns;
    uint32_t max_events; /* stop after the batch that reaches it; at least one batch is given */
    /* Only batches that may hold times of [from, to): PostgreSQL sends no others, and the slices
     * have gaps between them. Both 0: all. */
    int64_t from_time_us, to_time_us;
};

int log_read(struct log_reader *r, const struct log_range *range, struct log_chunk *out,
             struct err *e) MUST_CHECK;
/* The same in two halves, so that PostgreSQL prepares the next chunk while this one is used.
 * One may be under way; finish (or close) ends it. */
int log_read_start(struct log_reader *r, const struct log_range *range, struct err *e) MUST_CHECK;
int log_read_finish(struct log_reader *r, struct log_chunk *out, struct err *e) MUST_CHECK;
void log_chunk_clear(struct log_chunk *c);

/* Where the batches of a range lie that may hold its times: runs of about max_events seqs, in
 * order, each to be read with one log_read. However batches are sealed meanwhile, the runs cover
 * the same events. columns is not used. To be freed. */
struct log_run {
    uint64_t from_seq, to_seq;
};
int log_runs(struct log_reader *r, const struct log_range *range, struct log_run **out, uint32_t *n,
             struct err *e) MUST_CHECK;

/* Asked about once a second while PostgreSQL's answer is awaited; its error ends the statement
 * (and the connection: the next call connects again). NULL: nobody is asked. */
void log_reader_set_tick(struct log_reader *r, int (*tick)(void *context, struct err *e),
                         void *context);

/* Waits until partition has events at or beyond seq, or timeout_ms passed, or log_reader_wake was
 * called: LISTEN in other processes, log_reader_wake in the writer's own. 1 there is more, 0 not.
 */
int log_reader_wait(struct log_reader *r, uint32_t partition, uint64_t seq, int timeout_ms,
                    struct err *e) MUST_CHECK;
void log_reader_wake(struct log_reader *r); /* any thread */

/* ------------------------------------------------------------------ appending */

struct log_writer; /* a thread with the append connection and the window of event ids */

enum append_outcome {
    APPEND_DONE,              /* durable; first_seq, accepted, duplicates are set */
    APPEND_REPEATED,          /* this idempotency key was answered before: answer is that body */
    APPEND_KEY_MISMATCH,      /* key known with another body: 422 */
    APPEND_KEY_RUNNING,       /* the first request with this key still runs: 409 */
    APPEND_KEYS_FULL,         /* the token has too many live keys: 429 */
    APPEND_POSITION_REPEATED, /* source: ends at or before the stored position: a duplicate */
    APPEND_POSITION_CONFLICT, /* source: starts elsewhere: 409, position is the stored one */
    APPEND_REFUSED,           /* PostgreSQL refused its data (SQLSTATE 22): 400, reason */
    APPEND_UNAVAILABLE,       /* not stored, safe to repeat: 503 */
    APPEND_UNKNOWN            /* may or may not be stored: 503 outcome-unknown */
};

/* One sender's request inside an append. The writer fills the second half. */
struct append_request {
    uint32_t first, count; /* its events in the batch; count may be 0 with a source */
    int64_t scope; /* of keys, sources and event ids: the token's id; 0: admin's, -1: without one */
    struct span site;      /* the token's site, or empty */
    struct span key;       /* idempotency key, or absent */
    uint8_t body_hash[32]; /* SHA-256 of the body, with a key */
    bool asks; /* only whether its key is known: DONE says no. No events, no source, nothing stored
                */
    struct span source; /* source name, or absent */
    int64_t source_start, source_end;
    struct span rejected_json; /* the "rejected" array of its answer, kept with a key */

    enum append_outcome outcome;
    uint32_t accepted, duplicates;
    uint64_t first_seq; /* when accepted > 0 */
    uint32_t partition;
    int64_t position;   /* stored position of the source */
    struct span answer; /* APPEND_REPEATED: the stored answer, in the append's arena */
    struct span reason; /* APPEND_REFUSED */
    void *owner;        /* the sender's own, untouched */
};

/* A loop's collected requests: handed over whole, handed back whole. */
struct append {
    struct batch *batch;
    struct append_request *requests; /* grows with append_add_request */
    uint32_t n_requests, cap_requests;
    struct arena *arena;               /* of the spans in the requests; never NULL */
    void (*on_done)(struct append *a); /* called on the writer's thread */
    void *owner;
    struct append *next; /* the writer's queue */
};

struct append *append_new(void (*on_done)(struct append *), void *owner);
struct append_request *append_add_request(struct append *a); /* zeroed; valid until the next add */
void append_reset(struct append *a);
void append_free(struct append *a);

/* The body of the 202 to a request whose outcome is APPEND_DONE (contract.md): {"accepted",
 * "duplicates", "rejected", "partition", "first_seq", "last_seq"}. What is stored with an
 * idempotency key is this text, so a repeat is answered byte by byte as the first time. */
void append_answer_json(struct buf *out, const struct append_request *r);

struct log_writer_options {
    const char *postgres_uri;
    uint32_t partition;
    uint32_t dedupe_window;      /* event ids; 0: the default, 1,000,000 */
    uint32_t max_queue;          /* appends waiting, 0: 1,024; submit fails beyond */
    uint32_t max_keys_per_token; /* live idempotency keys, 0: 10,000 */
    int64_t doubt_timeout_ms;    /* a commit in doubt is answered APPEND_UNKNOWN then; 0: 10,000 */
    int64_t owner_timeout_ms; /* an owner without heartbeat for so long is ended; default 15,000 */
    int64_t take_over_ms;     /* how long start waits for another owner to end; 0: until it would be
                               * ended for want of a heartbeat; -1: as long as it lives */
    bool (*give_up)(void *context); /* asked while start waits; may be NULL */
    void (*on_append)(void *context, uint32_t partition, uint64_t next_seq); /* after each commit */
    void *context;
};

/* Takes the partition over (lock, epoch, end of log, window) and starts the thread. Blocks until it
 * owns the partition or the err says why not. */
int log_writer_start(struct log_writer **out, const struct log_writer_options *o,
                     struct err *e) MUST_CHECK;
/* Any thread. On 0 the append is the writer's until on_done; on -1 (queue full or stopping:
 * ERR_BUSY) it stays the caller's. */
int log_writer_submit(struct log_writer *w, struct append *a, struct err *e) MUST_CHECK;
bool log_writer_ready(const struct log_writer *w); /* owns the partition and PostgreSQL answers */
/* Appends what is queued, answers all, ends the thread. */
void log_writer_stop(struct log_writer *w);

struct log_writer_stats {
    uint64_t next_seq, epoch, commits, events, duplicates, queue_depth;
};
void log_writer_stats(const struct log_writer *w, struct log_writer_stats *out);

#endif
