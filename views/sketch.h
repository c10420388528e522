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

/* The hash of a counted value: fixed for ever (it is in stored pages). */
uint64_t sketch_hash(const void *bytes, size_t n);

/* Told of each register that rises, for the digest; may be NULL. */
struct sketch_observer {
    void (*on_rise)(void *context, unsigned reg, unsigned from, unsigned to);
    void *context;
};
void sketch_add(struct sketch *s, uint64_t hash, const struct sketch_observer *o);
void sketch_merge(struct sketch *into, const struct sketch *from, const struct sketch_observer *o);
uint64_t sketch_estimate(const struct sketch *s); /* exact while small */
bool sketch_equal(const struct sketch *a, const struct sketch *b); /* by registers */
size_t sketch_bytes(const struct sketch *s); /* memory */

/* Stored form: canonical bytes (a MessagePack bin's content). Decode refuses anything else. */
void sketch_encode(const struct sketch *s, struct buf *out);
int sketch_decode(struct span bytes, struct sketch **out, struct err *e) MUST_CHECK;

#endif
