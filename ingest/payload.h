/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as a sequence of events, in any wire form: opened once (structure, number
 * of events), then read event by event. One reader per loop, reused; nothing is allocated per
 * event, nothing parsed twice. */
#ifndef INGEST_PAYLOAD_H
#define INGEST_PAYLOAD_H

#include "base/err.h"
#include "base/json.h"
#include "ingest/fields.h"

enum payload_form {
    PAYLOAD_JSON,   /* an object, or an array of objects */
    PAYLOAD_NDJSON, /* an object per line; blank lines don't count */
    PAYLOAD_MSGPACK /* a map, an array of maps, or maps one after another */
};

enum { PAYLOAD_MAX_BYTES = 8 << 20, PAYLOAD_MAX_EVENTS = 10000 };

struct payload;

struct payload *payload_new(void);
void payload_free(struct payload *p);

/* A buffer for the body: fill it (from the socket's or by inflating), then payload_open. */
struct buf *payload_room(struct payload *p);

/* Takes the room's bytes. ERR_INPUT: not parseable as a whole, nothing can be read. */
int payload_open(struct payload *p, enum payload_form form, struct err *e) MUST_CHECK;

uint32_t payload_count(const struct payload *p); /* events; above the maximum: at least that many */

enum payload_read { PAYLOAD_EVENT, PAYLOAD_REJECTED, PAYLOAD_END };

/* The next event's fields (valid until the next call), or why it is none. */
enum payload_read payload_next(struct payload *p, struct fields *f, struct rejection *r);

/* After the last event: gives back memory that a large body needed. */
void payload_close(struct payload *p);

#endif
