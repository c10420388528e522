/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of one event as its sender gave them, whatever the wire form: parsers put names and
 * values, the rules of the table are checked on the way, event_rules.h makes the event of it.
 * Every limit in characters (code points), as the README documents them. */
#ifndef INGEST_FIELDS_H
#define INGEST_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum field {
    FIELD_EVENT_TYPE,
    FIELD_TIMESTAMP,
    FIELD_AGE,
    FIELD_IP_ADDRESS,
    FIELD_SESSION_ID,
    FIELD_USER_ID,
    FIELD_PAGE_URL,
    FIELD_REFERRER,
    FIELD_USER_AGENT,
    FIELD_BROWSER,
    FIELD_EVENT_ID,
    FIELD_SITE,
    FIELD_REGION,
    FIELD_PROPS,
    N_FIELDS
};

/* Why an event was not taken; the label of the metric. */
enum reject_class {
    REJECT_MALFORMED, /* its bytes are no event at all */
    REJECT_UNKNOWN,   /* a field that events don't have */
    REJECT_TYPE,      /* a value of another type */
    REJECT_LIMIT,     /* too long, too many */
    REJECT_VALUE,     /* not what the field holds */
    REJECT_TIME,
    REJECT_MISSING,     /* required */
    REJECT_TOKEN,       /* needs an ingest token */
    REJECT_SITE,        /* not the token's, or not known */
    REJECT_REQUEST,     /* valid, but its request was refused as a whole */
    REJECT_REFUSED,     /* by PostgreSQL */
    REJECT_UNAVAILABLE, /* valid, but the log was not reachable or full: the sender repeats it */
    N_REJECT_CLASSES
};

struct rejection {
    struct span field;  /* borrowed; empty: the event as a whole */
    const char *reason; /* static: "is not a time" */
    enum reject_class why;
};

enum wire_type { WIRE_NULL, WIRE_BOOL, WIRE_INT, WIRE_REAL, WIRE_BIG, WIRE_TEXT, WIRE_OTHER };

/* A value of either wire form. */
struct value {
    enum wire_type type;
    bool checked; /* a text already known to be UTF-8 without NUL */
    union {
        bool boolean;
        int64_t integer;
        double real;
    };
    struct span text; /* WIRE_TEXT; of numbers in props: as written */
};

enum {
    PROPS_MAX_KEYS = 30,
    PROPS_MAX_KEY = 120,
    PROPS_MAX_TEXT = 2048,
    PROPS_MAX_DIGITS = 32,
    PROPS_MAX_EXPONENT = 30
};

/* Reused from event to event; a zeroed struct is ready, fields_clear frees it. */
struct fields {
    uint32_t given; /* bits 1 << enum field; null and empty optional texts are not given */
    uint32_t seen;  /* the same with them */
    struct value values[N_FIELDS];
    struct buf props; /* a flat JSON object once props_end ran */
    struct span prop_keys[PROPS_MAX_KEYS];
    unsigned n_props;
};

/* "timestamp" ... */
struct span field_name(enum field f);

void fields_reset(struct fields *f);
void fields_clear(struct fields *f);

static inline bool fields_has(const struct fields *f, enum field field)
{
    return f->given >> field & 1;
}

/* 0, or -1 with the rejection (which may borrow the key). Values of type WIRE_OTHER are refused
 * but for props, which the parser walks: fields_props_begin, fields_prop ..., fields_props_end. */
int fields_put(struct fields *f, struct span key, const struct value *v, struct rejection *r);
bool fields_is_props(struct span key);
int fields_props_begin(struct fields *f, struct rejection *r);
int fields_prop(struct fields *f, struct span key, const struct value *v, struct rejection *r);
void fields_props_end(struct fields *f);

static inline int reject(struct rejection *r, enum reject_class why, struct span field,
                         const char *reason)
{
    *r = (struct rejection){field, reason, why};
    return -1;
}

#endif
