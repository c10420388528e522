/* SPDX-License-Identifier: Apache-2.0 */
/* Senders for the chaos test: threads that send events and keep a ledger of what they were told.
 * There is one of each way to repeat: by event ids, idempotency keys, source positions, and not at
 * all. Nothing here fails a test (cmocka is not for threads): what is wrong is written down. */
#ifndef CHAOS_SENDER_H
#define CHAOS_SENDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum sender_kind { SENDER_IDS, SENDER_KEYS, SENDER_SOURCE, SENDER_PLAIN, N_SENDER_KINDS };

/* What a request is known to have come to. */
enum sent_outcome { SENT_ACKNOWLEDGED, SENT_NOT_STORED, SENT_UNKNOWN };

struct sent {
    uint32_t number, n; /* of the sender's requests; its events */
    enum sent_outcome outcome;
    int64_t first_seq; /* -1: not told */
};

struct crew;

struct sender {
    struct crew *crew;
    enum sender_kind kind;
    unsigned id; /* within the crew */
    pthread_t thread;
    uint64_t random;
    struct sent *sent; /* the ledger */
    size_t n, cap;
    int64_t position;     /* SENDER_SOURCE: acknowledged */
    int64_t position_end; /* beyond it when the last request's end is unknown */
    struct buf complaint; /* what should not have been answered; empty: nothing */
};

enum { CREW_SENDERS = 2 * N_SENDER_KINDS };

struct crew {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char *url, *token; /* of the service at the moment */
    uint64_t granted;  /* requests that each sender may send */
    bool stopping;
    unsigned n_waiting; /* senders that have sent what they may */
    struct sender senders[CREW_SENDERS];
};

void crew_start(struct crew *c, uint64_t seed);
void crew_point(struct crew *c, const char *url, const char *token); /* the service is there now */
void crew_grant(struct crew *c, unsigned n_requests); /* each sender may send so many more */
bool crew_is_idle(struct crew *c);                    /* all have sent what they may */
void crew_stop(struct crew *c);                       /* ends the threads */
void crew_clear(struct crew *c);

/* The path of a request's i-th event, unique in the test; at most SENDER_PATH_BYTES with the NUL.
 */
enum { SENDER_PATH_BYTES = 48 };
void sender_path(const struct sender *s, uint32_t number, uint32_t i, char out[SENDER_PATH_BYTES]);
void sender_source(const struct sender *s, char out[SENDER_PATH_BYTES]); /* its name */

#endif
