/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/msgpack.h"

#include <string.h>

/* What a value's first byte says about its bytes. */
struct shape {
    uint8_t width;     /* bytes of the big-endian length or count that follow, 0: none */
    uint8_t fixed;     /* bytes of the value itself after that, not counting `length` ones */
    uint8_t container; /* 0, or values per counted element: 1 array, 2 map */
    bool bad;
    uint32_t length; /* length or count held by the first byte itself */
};

/* 0xc0 … 0xdf, as in the format overview of the specification. */
static const struct shape shapes[32] = {
    [0x01] = {.bad = true}, /* c1 never used */
    [0x04] = {.width = 1},
    [0x05] = {.width = 2},
    [0x06] = {.width = 4},             /* bin */
    [0x07] = {.width = 1, .fixed = 1}, /* ext: and its type */
    [0x08] = {.width = 2, .fixed = 1},
    [0x09] = {.width = 4, .fixed = 1},
    [0x0a] = {.fixed = 4},
    [0x0b] = {.fixed = 8}, /* float */
    [0x0c] = {.fixed = 1},
    [0x0d] = {.fixed = 2},
    [0x0e] = {.fixed = 4},
    [0x0f] = {.fixed = 8},
    [0x10] = {.fixed = 1},
    [0x11] = {.fixed = 2},
    [0x12] = {.fixed = 4},
    [0x13] = {.fixed = 8},
    [0x14] = {.fixed = 2},
    [0x15] = {.fixed = 3},
    [0x16] = {.fixed = 5}, /* fixext: and its type */
    [0x17] = {.fixed = 9},
    [0x18] = {.fixed = 17},
    [0x19] = {.width = 1},
    [0x1a] = {.width = 2},
    [0x1b] = {.width = 4}, /* str */
    [0x1c] = {.width = 2, .container = 1},
    [0x1d] = {.width = 4, .container = 1},
    [0x1e] = {.width = 2, .container = 2},
    [0x1f] = {.width = 4, .container = 2},
};

static struct shape shape_of(uint8_t first)
{
    if (first < 0x80 || first >= 0xe0)
        return (struct shape){0}; /* fixint */
    if (first < 0x90)
        return (struct shape){.container = 2, .length = first & 15};
    if (first < 0xa0)
        return (struct shape){.container = 1, .length = first & 15};
    if (first < 0xc0)
        return (struct shape){.length = first & 31}; /* fixstr */
    return shapes[first - 0xc0];
}

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < n; i++)
        x = x << 8 | p[i];
    return x;
}

/* Reads one head of hostile bytes: *length is what follows it (bytes, or values of a container). */
static bool take_head(struct span in, size_t *at, struct shape *s, uint64_t *length)
{
    if (*at >= in.n)
        return false;
    const uint8_t *p = (const uint8_t *)in.p + *at;
    *s = shape_of(*p);
    if (s->bad || in.n - *at - 1 < s->width)
        return false;
    *length = s->width == 0 ? s->length : big_endian(p + 1, s->width);
    *at += 1u + s->width;
    return true;
}

size_t msgpack_check(struct span in)
{
    uint64_t waiting[MSGPACK_MAX_DEPTH + 1] = {1}; /* values still to come, per level */
    unsigned depth = 0;
    size_t at = 0;
    for (;;) {
        while (waiting[depth] == 0) {
            if (depth-- == 0)
                return at;
        }
        waiting[depth]--;
        struct shape s;
        uint64_t length;
        if (!take_head(in, &at, &s, &length))
            return 0;
        if (s.container != 0) { /* a value takes at least a byte, so the count can't lie by much */
            length *= s.container;
            if (length > in.n - at || depth == MSGPACK_MAX_DEPTH)
                return 0;
            waiting[++depth] = length;
            continue;
        }
        if (length + s.fixed > in.n - at)
            return 0;
        at += (size_t)length + s.fixed;
    }
}

static void set_unsigned(struct msgpack_value *v, uint64_t x)
{
    v->type = x > INT64_MAX ? MSGPACK_UINT : MSGPACK_INT;
    v->natural = x;
}

static void set_signed(struct msgpack_value *v, const uint8_t *p, unsigned n)
{
    unsigned shift = 64 - 8 * n;
    v->type = MSGPACK_INT;
    v->integer = (int64_t)(big_endian(p, n) << shift) >> shift;
}

static void set_real(struct msgpack_value *v, const uint8_t *p, unsigned n)
{
    v->type = MSGPACK_REAL;
    if (n == 4) {
        uint32_t word = (uint32_t)big_endian(p, 4);
        float x;
        memcpy(&x, &word, sizeof(x));
        v->real = x;
        return;
    }
    uint64_t word = big_endian(p, 8);
    memcpy(&v->real, &word, sizeof(word));
}

static void set_fixed(struct msgpack_value *v, uint8_t first, const uint8_t *p)
{
    if (first < 0x80 || first >= 0xe0) {
        set_signed(v, &first, 1);
        return;
    }
    v->type = first == 0xc0 ? MSGPACK_NIL : MSGPACK_BOOL;
    v->boolean = first == 0xc3;
    if (first == 0xca || first == 0xcb)
        set_real(v, p, first == 0xca ? 4 : 8);
    else if (first >= 0xcc && first <= 0xcf)
        set_unsigned(v, big_endian(p, 1u << (first - 0xcc)));
    else if (first >= 0xd0 && first <= 0xd3)
        set_signed(v, p, 1u << (first - 0xd0));
}

static enum msgpack_type type_of_bytes(uint8_t first)
{
    if (first < 0xc0 || (first >= 0xd9 && first <= 0xdb))
        return MSGPACK_TEXT;
    return first <= 0xc6 ? MSGPACK_BINARY : MSGPACK_EXTENSION;
}

static bool is_extension(uint8_t first)
{
    return (first >= 0xc7 && first <= 0xc9) || (first >= 0xd4 && first <= 0xd8);
}

const uint8_t *msgpack_read(const uint8_t *p, struct msgpack_value *v)
{
    uint8_t first = *p++;
    struct shape s = shape_of(first);
    uint64_t length = s.width == 0 ? s.length : big_endian(p, s.width);
    p += s.width;
    if (s.container != 0) {
        v->type = s.container == 1 ? MSGPACK_ARRAY : MSGPACK_MAP;
        v->count = (uint32_t)length;
        return p;
    }
    length += s.fixed;
    bool fixstr = first >= 0xa0 && first < 0xc0;
    if (s.width == 0 && !fixstr && !is_extension(first)) {
        set_fixed(v, first, p);
    } else {
        bool extension = is_extension(first);
        v->type = type_of_bytes(first);
        v->extension = extension ? (int8_t)*p : 0;
        v->bytes = (struct span){(const char *)p + extension, (size_t)length - extension};
    }
    return p + length;
}

const uint8_t *msgpack_skip(const uint8_t *p)
{
    struct msgpack_value v;
    for (uint64_t left = 1; left > 0; left--) {
        p = msgpack_read(p, &v);
        if (v.type == MSGPACK_ARRAY || v.type == MSGPACK_MAP)
            left += v.type == MSGPACK_MAP ? 2 * (uint64_t)v.count : v.count;
    }
    return p;
}
