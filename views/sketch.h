/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct counts: a set of 64-bit hashes, exact while small, then a HyperLogLog with 2^14
 * registers (Flajolet et al. 2007; estimator of Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017). A sketch is a function of the set alone: any order of adding and
 * merging gives the same bytes. Standard error 1.04 / sqrt(2^14) = 0.0081. */
#ifndef VIEWS_SKETCH_H
#define VIEWS_SKETCH_H

#include "base/buf.h"
#include "base/err.h"

enum { SKETCH_P = 14, SKETCH_REGISTERS = 1 << SKETCH_P };
#define SKETCH_STANDARD_ERROR 0.0081

struct sketch; /* NULL is the empty sketch everywhere a const struct sketch * is taken */

struct sketch *sketch_new(void);
void sketch_free(struct sketch *s);
struct sketch *sketch_copy(const struct sketch *s);

/* The hash of a counted value: SipHash-2-4 under the key 0x00..0x0f. Fixed for ever (it is in
 * stored pages). Counted are the bytes of the column's element (log/batch.h): a visitor's 8
 * big-endian. */
uint64_t sketch_hash(const void *bytes, size_t n);

/* Up to so many different hashes are kept as they are. */
enum { SKETCH_EXACT = 1024 };

/* Told of each register that rises, for the digest; may be NULL. */
struct sketch_observer {
    void (*on_rise)(void *context, unsigned reg, unsigned from, unsigned to);
    void *context;
};
void sketch_add(struct sketch *s, uint64_t hash, const struct sketch_observer *o);
void sketch_merge(struct sketch *into, const struct sketch *from, const struct sketch_observer *o);
/* Tells of every register above 0, as risen from 0, in the order of the registers. */
void sketch_each_register(const struct sketch *s, const struct sketch_observer *o);
uint64_t sketch_estimate(const struct sketch *s);                  /* exact while small */
bool sketch_equal(const struct sketch *a, const struct sketch *b); /* by registers */
size_t sketch_bytes(const struct sketch *s);                       /* memory */

/* Stored form: canonical bytes (a MessagePack bin's content). Decode refuses anything else. The
 * empty sketch is no bytes, and NULL. */
enum { SKETCH_MAX_ENCODED = 1 + SKETCH_REGISTERS * 6 / 8 };
size_t sketch_encoded_bytes(const struct sketch *s);
void sketch_encode(const struct sketch *s, struct buf *out);
int sketch_decode(struct span bytes, struct sketch **out, struct err *e) MUST_CHECK;

#endif
