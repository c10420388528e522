/* SPDX-License-Identifier: Apache-2.0 */
/* Event ids made by the server: UUIDv7 (RFC 9562, method 1 and 3 of its section 6.2): milliseconds,
 * 42 random bits that stay the same for a maker, a counter in the last 32 bits. Ids of one batch
 * then differ in few bytes, which LZ4 squeezes. */
#ifndef INGEST_UUID_H
#define INGEST_UUID_H

#include <stdint.h>

struct uuid_maker { /* one per thread */
    uint8_t fixed[6];
    uint32_t counter;
};

void uuid_maker_init(struct uuid_maker *m);
void uuid_make(struct uuid_maker *m, int64_t now_us, uint8_t id[16]);

#endif
