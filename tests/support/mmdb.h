/* SPDX-License-Identifier: Apache-2.0 */
/* A MaxMind DB with one IPv4 network /24 and one record, so that geo tests need no outside data.
 * Format: maxmind.github.io/MaxMind-DB. */
#ifndef TESTS_MMDB_H
#define TESTS_MMDB_H

#include "base/buf.h"

static inline void mmdb_text(struct buf *b, const char *text)
{
    buf_put_byte(b, (uint8_t)(0x40 | strlen(text)));
    buf_put_text(b, text);
}

static inline void mmdb_map(struct buf *b, unsigned pairs)
{
    buf_put_byte(b, (uint8_t)(0xe0 | pairs));
}

static inline void mmdb_number(struct buf *b, const char *key, uint8_t type_bits, uint8_t value)
{
    mmdb_text(b, key);
    buf_put_byte(b, type_bits | 1);
    buf_put_byte(b, value);
}

/* A chain of 24 nodes of two 24-bit records: the network's bit leads on, the other one nowhere. */
static inline void mmdb_tree(struct buf *b, const uint8_t network[3])
{
    for (unsigned i = 0; i < 24; i++) {
        unsigned on = i < 23 ? i + 1 : 24 + 16, nowhere = 24;
        unsigned bit = network[i / 8] >> (7 - i % 8) & 1;
        unsigned records[2] = {bit ? nowhere : on, bit ? on : nowhere};
        for (int r = 0; r < 2; r++) {
            buf_put_byte(b, (uint8_t)(records[r] >> 16));
            buf_put_byte(b, (uint8_t)(records[r] >> 8));
            buf_put_byte(b, (uint8_t)records[r]);
        }
    }
}

/* record: the network's data section, made with mmdb_map and mmdb_text. */
static inline void mmdb_build(struct buf *b, const uint8_t network[3], struct span record)
{
    static const uint8_t zeros[16];
    mmdb_tree(b, network);
    buf_put(b, zeros, sizeof(zeros));
    buf_put_span(b, record);
    buf_put_text(b, "\xab\xcd\xefMaxMind.com");
    mmdb_map(b, 9);
    mmdb_number(b, "binary_format_major_version", 0xa0, 2);
    mmdb_number(b, "binary_format_minor_version", 0xa0, 0);
    mmdb_text(b, "build_epoch");
    buf_put(b, "\x01\x02\x01", 3); /* uint64, extended type 9 */
    mmdb_text(b, "database_type");
    mmdb_text(b, "Test");
    mmdb_text(b, "description");
    mmdb_map(b, 0);
    mmdb_number(b, "ip_version", 0xa0, 4);
    mmdb_text(b, "languages");
    buf_put(b, "\x00\x04", 2); /* an empty array, extended type 11 */
    mmdb_number(b, "node_count", 0xc0, 24);
    mmdb_number(b, "record_size", 0xa0, 24);
}

#endif
