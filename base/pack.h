/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack in its shortest form, written to a buf and read back in place without allocation: for
 * what we store ourselves and for answers. Reading is strict: a value has exactly one form, so
 * equal bytes are equal values. (Senders' MessagePack, with all its freedom, is ingest's.) */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include "base/buf.h"

void pack_array(struct buf *out, uint32_t n); /* n values follow */
void pack_map(struct buf *out, uint32_t n);   /* n pairs follow */
void pack_int(struct buf *out, int64_t value);
void pack_double(struct buf *out, double value);
void pack_bool(struct buf *out, bool value);
void pack_text(struct buf *out, struct span text); /* absent: nil */
void pack_bin(struct buf *out, struct span bytes);
void pack_bin_of(struct buf *out, uint32_t n); /* n bytes follow */

/* Each takes one value off the front of `in`; false, and nothing taken, when something else, a
 * longer form, or too few bytes stand there. */
bool pack_read_array(struct span *in, uint32_t *n);
bool pack_read_map(struct span *in, uint32_t *n);
bool pack_read_int(struct span *in, int64_t *value);
bool pack_read_nil(struct span *in);
bool pack_read_bool(struct span *in, bool *value);
bool pack_read_text(struct span *in, struct span *text); /* nil: absent */
bool pack_read_bin(struct span *in, struct span *bytes);
/* One value of any type with all that is in it. */
bool pack_skip(struct span *in);

#endif
