/* SPDX-License-Identifier: Apache-2.0 */
/* The event: one immutable fact, enriched and valid, ready for the log. The table of columns is
 * what every batch, every reader and the SQL relation `events` agree on. */
#ifndef LOG_EVENT_H
#define LOG_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum column_type { COLUMN_TEXT, COLUMN_INT8, COLUMN_BOOL, COLUMN_UUID, COLUMN_TIME, COLUMN_JSON };

/* Order is that of the columns in log_tail; columns are only ever added at the end. */
enum event_column {
    EVENT_ID,
    EVENT_TYPE,
    EVENT_TIME,
    EVENT_RECEIVED_AT,
    EVENT_SITE,
    EVENT_HOST,
    EVENT_PATH,
    EVENT_QUERY,
    EVENT_REFERRER,
    EVENT_REFERRER_HOST,
    EVENT_SESSION_ID,
    EVENT_USER_ID,
    EVENT_VISITOR,
    EVENT_BROWSER,
    EVENT_OS,
    EVENT_DEVICE,
    EVENT_COUNTRY,
    EVENT_REGION,
    EVENT_UTM_SOURCE,
    EVENT_UTM_MEDIUM,
    EVENT_UTM_CAMPAIGN,
    EVENT_BOT,
    EVENT_PROPS,
    EVENT_IP,    /* not in the relation events; NULL unless ingest.store_ip */
    EVENT_TOKEN, /* not in the relation events; scope of a client's event id, else NULL */
    N_EVENT_COLUMNS
};

/* A set of columns: bit 1 << enum event_column. */
typedef uint32_t column_set;
#define COLUMN_BIT(column) (UINT32_C(1) << (column))
#define ALL_COLUMNS ((UINT32_C(1) << N_EVENT_COLUMNS) - 1)

struct column_spec {
    const char *sql_name; /* "event_time" */
    const char *api_name; /* "timestamp": log cat, GET /v1/log; NULL: never shown */
    enum column_type type;
    bool nullable;
    bool in_events; /* a column of the relation events */
};

extern const struct column_spec event_columns[N_EVENT_COLUMNS];

/* Names the set of columns a batch was written with (log_schema); grows with every added column. */
enum { EVENT_SCHEMA_ID = 1 };

/* Bytes of an element of a fixed-size type, 0 for the others. */
static inline uint32_t column_width(enum column_type type)
{
    static const uint32_t widths[] = {[COLUMN_TEXT] = 0,  [COLUMN_INT8] = 8, [COLUMN_BOOL] = 1,
                                      [COLUMN_UUID] = 16, [COLUMN_TIME] = 8, [COLUMN_JSON] = 0};
    return widths[type];
}

/* Every span is borrowed for the call it is passed to; absent is NULL in the log. Texts are valid
 * UTF-8 without NUL (ingest's promise). */
struct event {
    uint8_t id[16];
    bool id_from_client; /* then a repeat within the window is a duplicate */
    int64_t time_us;     /* event time */
    int64_t received_us; /* processing time */
    struct span type, site, host, path, query, referrer, referrer_host, session_id, user_id;
    struct span browser, os, device, country, region, utm_source, utm_medium, utm_campaign;
    struct span props; /* a flat JSON object */
    struct span ip;
    uint64_t visitor; /* stored as the same 64 bits in a bigint */
    bool bot;
    int64_t token; /* scope of its id: the token's (0: an admin's, -1: came without one) */
};

#endif
