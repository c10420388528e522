/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed 64-bit hash
 * that a sender who does not know the key cannot steer. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdint.h>

#include "base/span.h"

struct siphash_key {
    uint64_t k0, k1; /* little-endian halves of the 16 key bytes */
};

struct siphash_key siphash_key_of(const uint8_t bytes[16]);
uint64_t siphash(struct siphash_key key, const void *bytes, size_t n);

#endif
