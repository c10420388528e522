/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the log share: a migrated database, events, appends that are waited for, the log
 * read back, and a proxy that cuts the connection at the worst moment. */
#ifndef SUPPORT_LOG_H
#define SUPPORT_LOG_H

#include "log/log.h"
#include "tests/support/support.h"

/* A fresh database with the schema. Free it. */
char *log_test_database(void);
/* A writer on it; fails the test unless it starts. */
struct log_writer *log_test_writer(const char *uri);

/* A plain event: the number is in its id, time and path. */
struct event log_test_event(uint32_t number);
/* An append for log_test_append; append_free it. */
struct append *log_test_new_append(void);
/* Adds count events from that number on as one request. */
struct append_request *log_test_request(struct append *a, uint32_t number, uint32_t count);
/* Hands it over and waits for the answer. */
void log_test_append(struct log_writer *w, struct append *a);
/* The same without waiting; log_test_wait must follow. false: the writer did not take it. */
bool log_test_submit(struct log_writer *w, struct append *a);
void log_test_wait(struct append *a);
/* One request with one event, by itself: its outcome. */
enum append_outcome log_test_append_one(struct log_writer *w, uint32_t number);

/* How many events the partition holds, after checking that every seq from 0 to the head is there.
 */
uint64_t log_test_count_dense(const char *uri);

/* ---- the proxy: a unix socket before PostgreSQL ---- */

struct log_proxy;
enum proxy_mode {
    PROXY_PASS,
    PROXY_LOSE_STATEMENT, /* the next append never arrives; the connection is cut */
    PROXY_LOSE_EVERY_STATEMENT,
    PROXY_LOSE_ANSWER /* the next append is carried out, its answer never arrives; cut */
};
struct log_proxy *log_proxy_start(const char *uri);
const char *log_proxy_uri(const struct log_proxy *p);
void log_proxy_set(struct log_proxy *p, enum proxy_mode mode);
/* Whether new connections are let through; after a cut too. */
void log_proxy_allow(struct log_proxy *p, bool allow);
int log_proxy_cuts(const struct log_proxy *p);
void log_proxy_stop(struct log_proxy *p);

#endif
