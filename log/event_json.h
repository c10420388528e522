/* SPDX-License-Identifier: Apache-2.0 */
/* A stored event as `log cat` and GET /v1/log show it: the names of the native event, what was
 * derived, partition, seq, receivedAt; absent fields left out. */
#ifndef LOG_EVENT_JSON_H
#define LOG_EVENT_JSON_H

#include "base/buf.h"
#include "log/batch.h"

/* One JSON object, without a newline. Times are RFC 3339 with microseconds, visitor 16 hex digits.
 * pageUrl is path and query, after https:// and the host where there is one (a page view's scheme
 * is not kept). */
void event_json_put(struct buf *out, const struct event_row *row);
/* The same as a MessagePack map (eventId, times and visitor as the same texts). */
void event_json_pack(struct buf *out, const struct event_row *row);

#endif
