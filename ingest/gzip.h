/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded decompression of request bodies (RFC 1952, several members allowed). */
#ifndef INGEST_GZIP_H
#define INGEST_GZIP_H

#include "base/buf.h"
#include "base/err.h"

struct gzip; /* zlib's state, reused; one thread */

struct gzip *gzip_new(void);
void gzip_free(struct gzip *g);

enum gzip_result { GZIP_OK, GZIP_BAD, GZIP_TOO_LARGE };

/* Appends what `in` holds to out, at most max bytes of it. */
enum gzip_result gzip_inflate(struct gzip *g, struct span in, size_t max, struct buf *out);

#endif
