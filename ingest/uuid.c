/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/uuid.h"

#include <assert.h>
#include <endian.h>
#include <openssl/rand.h>
#include <string.h>

void uuid_maker_init(struct uuid_maker *m)
{
    int filled = RAND_bytes(m->fixed, sizeof(m->fixed));
    assert(filled == 1);
    m->counter = 0;
}

void uuid_make(struct uuid_maker *m, int64_t now_us, uint8_t id[16])
{
    uint64_t time = htobe64((uint64_t)(now_us / 1000) << 16);
    uint32_t counter = htobe32(m->counter++);
    memcpy(id, &time, 6);
    memcpy(id + 6, m->fixed, 6);
    memcpy(id + 12, &counter, 4);
    id[6] = (uint8_t)(0x70 | (id[6] & 0x0f)); /* version 7 */
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f)); /* variant of RFC 9562 */
}
