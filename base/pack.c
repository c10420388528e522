/* SPDX-License-Identifier: Apache-2.0 */
/* A value starts with a byte that says its type, and for small ones its value or size; else the
 * size or number follows, big-endian, in the fewest of 1, 2, 4, 8 bytes (the MessagePack
 * specification). */
#include "base/pack.h"

enum tag {
    TAG_NIL = 0xc0,
    TAG_FALSE = 0xc2,
    TAG_TRUE = 0xc3,
    TAG_DOUBLE = 0xcb,
    TAG_UINT8 = 0xcc, /* and 16, 32, 64 */
    TAG_INT8 = 0xd0,
};

/* How the size of a text, bin, array or map is written. */
struct sized {
    uint8_t small; /* first byte for sizes below small_sizes, plus the size */
    uint8_t small_sizes;
    uint8_t tag8, tag16; /* tag8 0: has none; the 32-bit tag is tag16 + 1 */
};
static const struct sized TEXT = {0xa0, 32, 0xd9, 0xda};
static const struct sized BIN = {0, 0, 0xc4, 0xc5};
static const struct sized ARRAY = {0x90, 16, 0, 0xdc};
static const struct sized MAP = {0x80, 16, 0, 0xde};

/* ---- writing ---- */

static void put_number(struct buf *out, uint8_t tag, uint64_t number, unsigned bytes)
{
    uint8_t *to = buf_reserve(out, 1 + (size_t)bytes);
    if (to == NULL)
        return;
    to[0] = tag;
    for (unsigned i = 0; i < bytes; i++)
        to[1 + i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
    out->n += 1 + (size_t)bytes;
}

static void put_size(struct buf *out, struct sized kind, uint32_t n)
{
    if (n < kind.small_sizes)
        buf_put_byte(out, (uint8_t)(kind.small | n));
    else if (n <= UINT8_MAX && kind.tag8 != 0)
        put_number(out, kind.tag8, n, 1);
    else if (n <= UINT16_MAX)
        put_number(out, kind.tag16, n, 2);
    else
        put_number(out, (uint8_t)(kind.tag16 + 1), n, 4);
}

void pack_array(struct buf *out, uint32_t n)
{
    put_size(out, ARRAY, n);
}

void pack_map(struct buf *out, uint32_t n)
{
    put_size(out, MAP, n);
}

/* The power of two of the bytes that hold the value: 0 to 3. */
static unsigned unsigned_width(uint64_t value)
{
    return value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
}

static unsigned signed_width(int64_t value)
{
    return value >= INT8_MIN ? 0 : value >= INT16_MIN ? 1 : value >= INT32_MIN ? 2 : 3;
}

void pack_int(struct buf *out, int64_t value)
{
    if (value >= -32 && value < 128) {
        buf_put_byte(out, (uint8_t)value);
    } else if (value > 0) {
        unsigned width = unsigned_width((uint64_t)value);
        put_number(out, (uint8_t)(TAG_UINT8 + width), (uint64_t)value, 1u << width);
    } else {
        unsigned width = signed_width(value);
        put_number(out, (uint8_t)(TAG_INT8 + width), (uint64_t)value, 1u << width);
    }
}

void pack_double(struct buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_number(out, TAG_DOUBLE, bits, 8);
}

void pack_bool(struct buf *out, bool value)
{
    buf_put_byte(out, value ? TAG_TRUE : TAG_FALSE);
}

void pack_text(struct buf *out, struct span text)
{
    if (span_absent(text)) {
        buf_put_byte(out, TAG_NIL);
        return;
    }
    put_size(out, TEXT, (uint32_t)text.n);
    buf_put_span(out, text);
}

void pack_bin_of(struct buf *out, uint32_t n)
{
    put_size(out, BIN, n);
}

void pack_bin(struct buf *out, struct span bytes)
{
    pack_bin_of(out, (uint32_t)bytes.n);
    buf_put_span(out, bytes);
}

/* ---- reading ---- */

static struct span after(struct span s, size_t n)
{
    return (struct span){s.p + n, s.n - n};
}

/* The number in the `bytes` bytes behind the first. */
static bool number_behind(struct span in, unsigned bytes, uint64_t *out)
{
    if (in.n < 1 + (size_t)bytes)
        return false;
    *out = 0;
    for (unsigned i = 0; i < bytes; i++)
        *out = *out << 8 | (uint8_t)in.p[1 + i];
    return true;
}

/* The bytes of the size behind the tag, and the least size that needs them. 0: not of this kind. */
static unsigned size_bytes(struct sized kind, uint8_t tag, uint32_t *least)
{
    if (kind.tag8 != 0 && tag == kind.tag8) {
        *least = kind.small_sizes;
        return 1;
    }
    if (tag == kind.tag16) {
        *least = kind.tag8 != 0 ? UINT8_MAX + 1 : kind.small_sizes;
        return 2;
    }
    *least = UINT16_MAX + 1;
    return tag == kind.tag16 + 1 ? 4 : 0;
}

static bool read_size(struct span *in, struct sized kind, uint32_t *n)
{
    if (in->n == 0)
        return false;
    uint8_t first = (uint8_t)in->p[0];
    uint32_t least;
    uint64_t number = 0;
    unsigned bytes = 0;
    if (first >= kind.small && first < kind.small + kind.small_sizes) {
        *n = first - kind.small;
    } else {
        bytes = size_bytes(kind, first, &least);
        if (bytes == 0 || !number_behind(*in, bytes, &number) || number < least)
            return false;
        *n = (uint32_t)number;
    }
    *in = after(*in, 1 + bytes);
    return true;
}

bool pack_read_array(struct span *in, uint32_t *n)
{
    return read_size(in, ARRAY, n);
}

bool pack_read_map(struct span *in, uint32_t *n)
{
    return read_size(in, MAP, n);
}

bool pack_read_int(struct span *in, int64_t *value)
{
    if (in->n == 0)
        return false;
    uint8_t first = (uint8_t)in->p[0];
    uint64_t number = 0;
    unsigned bytes = 0;
    if (first < 128 || first >= 0xe0) {
        *value = (int8_t)first;
    } else if (first >= TAG_UINT8 && first < TAG_UINT8 + 8) {
        unsigned width = (first - TAG_UINT8) % 4;
        bytes = 1u << width;
        if (!number_behind(*in, bytes, &number))
            return false;
        unsigned unused = 64 - 8 * bytes;
        *value = first < TAG_INT8 ? (int64_t)number : (int64_t)(number << unused) >> unused;
        bool shortest = first < TAG_INT8 ? *value >= 128 && unsigned_width(number) == width
                                         : *value < -32 && signed_width(*value) == width;
        if (!shortest)
            return false;
    } else {
        return false;
    }
    *in = after(*in, 1 + bytes);
    return true;
}

static bool read_bytes(struct span *in, struct sized kind, struct span *bytes)
{
    struct span rest = *in;
    uint32_t n;
    if (!read_size(&rest, kind, &n) || n > rest.n)
        return false;
    *bytes = (struct span){rest.p, n};
    *in = after(rest, n);
    return true;
}

bool pack_read_nil(struct span *in)
{
    if (in->n == 0 || (uint8_t)in->p[0] != TAG_NIL)
        return false;
    *in = after(*in, 1);
    return true;
}

bool pack_read_bool(struct span *in, bool *value)
{
    uint8_t first = in->n == 0 ? TAG_NIL : (uint8_t)in->p[0];
    if (first != TAG_FALSE && first != TAG_TRUE)
        return false;
    *value = first == TAG_TRUE;
    *in = after(*in, 1);
    return true;
}

bool pack_read_text(struct span *in, struct span *text)
{
    if (pack_read_nil(in)) {
        *text = SPAN_ABSENT;
        return true;
    }
    return read_bytes(in, TEXT, text);
}

bool pack_read_bin(struct span *in, struct span *bytes)
{
    return read_bytes(in, BIN, bytes);
}

static bool skip_bool_or_double(struct span *in)
{
    uint8_t first = in->n == 0 ? TAG_NIL : (uint8_t)in->p[0];
    size_t n = first == TAG_FALSE || first == TAG_TRUE ? 1 : first == TAG_DOUBLE ? 9 : 0;
    if (n == 0 || in->n < n)
        return false;
    *in = after(*in, n);
    return true;
}

bool pack_skip(struct span *in)
{
    struct span rest = *in, bytes;
    int64_t number;
    uint32_t n;
    for (uint64_t left = 1; left > 0; left--) {
        if (pack_read_array(&rest, &n))
            left += n;
        else if (pack_read_map(&rest, &n))
            left += 2 * (uint64_t)n;
        else if (!pack_read_text(&rest, &bytes) && !pack_read_int(&rest, &number) &&
                 !pack_read_bin(&rest, &bytes) && !skip_bool_or_double(&rest))
            return false;
    }
    *in = rest;
    return true;
}
