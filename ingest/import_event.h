/* SPDX-License-Identifier: Apache-2.0 */
/* From a record of an imported file to an event as POST /v1/events takes it: one line of JSON. */
#ifndef INGEST_IMPORT_EVENT_H
#define INGEST_IMPORT_EVENT_H

#include "base/buf.h"
#include "base/json.h"
#include "ingest/access_log.h"

/* Appends the event of a page view. site NULL: the line's virtual host. A user agent or referrer
 * beyond the event's bounds is cut. A client known by name only gets an address of the range kept
 * for documentation (2001:db8::/32) made from its name: one visitor, without a region. */
int import_event_of_line(struct buf *out, const struct access_line *line, const char *site,
                         struct err *e) MUST_CHECK;

/* Appends a JSON event as it is, on one line; site (may be NULL) is added where it has none. */
int import_event_of_json(struct buf *out, struct json *parser, struct span text, const char *site,
                         struct err *e) MUST_CHECK;

#endif
