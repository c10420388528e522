/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text that gives the relation `sessions` of a cut of the log, to stand behind a CTE `events`
 * (events_sql.h): WITH events AS (...), sessions AS (<this>) SELECT ... */
#ifndef LOG_SESSIONS_SQL_H
#define LOG_SESSIONS_SQL_H

#include "base/buf.h"
#include "log/event.h"

/* What `events` must have in any case (its partition and seq besides). */
#define SESSIONS_SQL_COLUMNS                                                                       \
    (COLUMN_BIT(EVENT_SITE) | COLUMN_BIT(EVENT_VISITOR) | COLUMN_BIT(EVENT_TIME) |                 \
     COLUMN_BIT(EVENT_TYPE) | COLUMN_BIT(EVENT_BOT))
/* What it may have: the columns of `sessions` that come from those it has not are left out. */
#define SESSIONS_SQL_TEXTS                                                                         \
    (COLUMN_BIT(EVENT_PATH) | COLUMN_BIT(EVENT_REFERRER) | COLUMN_BIT(EVENT_REFERRER_HOST) |       \
     COLUMN_BIT(EVENT_COUNTRY) | COLUMN_BIT(EVENT_REGION) | COLUMN_BIT(EVENT_BROWSER) |            \
     COLUMN_BIT(EVENT_OS) | COLUMN_BIT(EVENT_DEVICE) | COLUMN_BIT(EVENT_UTM_SOURCE) |              \
     COLUMN_BIT(EVENT_UTM_MEDIUM) | COLUMN_BIT(EVENT_UTM_CAMPAIGN))

/* Appends a SELECT without a semicolon. columns: of `events`. */
void sessions_sql(struct buf *out, column_set columns);

#endif
