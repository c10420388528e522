/* SPDX-License-Identifier: Apache-2.0 */
/* Stored sessions in Redis: of each site and UTC day a hash, visitor (8 bytes, big-endian) -> what
 * session_list_encode gives; and an index of these hashes. Errors as in store.h. */
#ifndef VIEWS_STORE_SESSIONS_H
#define VIEWS_STORE_SESSIONS_H

#include "views/store.h"

struct store_sessions_day {
    struct span site;
    int64_t day;
};

/* Visitors asked for together. */
enum { STORE_SESSIONS_VISITORS = 500 };
struct store_sessions_query {
    struct store_sessions_day of;
    const uint64_t *visitors;
    size_t n; /* up to STORE_SESSIONS_VISITORS */
};

/* Calls back for every visitor that has something stored, query by query in their order. Stops and
 * returns -1 when the callback does. stored is borrowed for the call. */
struct store_sessions_each {
    int (*each)(void *context, size_t query, size_t visitor, struct span stored, struct err *e);
    void *context;
};
struct store_sessions_queries {
    const struct store_sessions_query *queries;
    size_t n;
};
int store_load_sessions(struct store *s, const struct view_ref *v,
                        const struct store_sessions_queries *q,
                        const struct store_sessions_each *each, struct err *e) MUST_CHECK;

/* In a transaction. */
struct store_sessions_put {
    struct store_sessions_day of;
    uint64_t visitor;
    struct span stored; /* absent: none any more */
};
/* Those of one day should stand together. */
void store_put_sessions(struct store *s, const struct view_ref *v,
                        const struct store_sessions_put *puts, size_t n);
void store_drop_sessions(struct store *s, const struct view_ref *v,
                         const struct store_sessions_day *of);

/* Takes some of a generation's days away, outside of a transaction. */
int store_delete_sessions_step(struct store *s, const struct view_ref *v, bool *done,
                               struct err *e) MUST_CHECK;

#endif
