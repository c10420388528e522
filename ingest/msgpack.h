/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack (github.com/msgpack/msgpack/blob/master/spec.md), read in place in two steps: a check
 * of the whole structure, bounded in depth and without allocation, then a walk over bytes that are
 * known to be complete. Pure, any thread. */
#ifndef INGEST_MSGPACK_H
#define INGEST_MSGPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { MSGPACK_MAX_DEPTH = 16 };

/* Bytes of the complete value at the start of in, containers nested at most MSGPACK_MAX_DEPTH deep;
 * 0 when it is cut short, too deep or holds the byte 0xc1. */
size_t msgpack_check(struct span in);

enum msgpack_type {
    MSGPACK_NIL,
    MSGPACK_BOOL,
    MSGPACK_INT,  /* fits int64 */
    MSGPACK_UINT, /* above INT64_MAX */
    MSGPACK_REAL, /* float 32 or 64: may be NaN or infinite */
    MSGPACK_TEXT, /* str: not checked to be UTF-8 */
    MSGPACK_BINARY,
    MSGPACK_EXTENSION,
    MSGPACK_ARRAY,
    MSGPACK_MAP
};

struct msgpack_value {
    enum msgpack_type type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        uint32_t count;    /* elements, or pairs of a map: they follow */
        struct span bytes; /* text, binary, extension (without its type) */
    };
    int8_t extension;
};

/* Reads one value of checked bytes; returns what follows it (for a container: its first element).
 */
const uint8_t *msgpack_read(const uint8_t *p, struct msgpack_value *v);

/* Passes over one value of checked bytes, containers with all they hold. */
const uint8_t *msgpack_skip(const uint8_t *p);

#endif
