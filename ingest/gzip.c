/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/gzip.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

enum { GZIP_WINDOW = 15 + 16, STEP_BYTES = 64 * 1024 };

struct gzip {
    z_stream z;
};

struct gzip *gzip_new(void)
{
    struct gzip *g = mem_alloc(sizeof(*g));
    int result = inflateInit2(&g->z, GZIP_WINDOW);
    assert(result == Z_OK);
    return g;
}

void gzip_free(struct gzip *g)
{
    if (g == NULL)
        return;
    inflateEnd(&g->z);
    free(g);
}

/* One step into the buffer, never more than one byte past max. */
static int step(struct gzip *g, size_t room, struct buf *out)
{
    size_t n = room < STEP_BYTES ? room : STEP_BYTES;
    g->z.next_out = buf_reserve(out, n);
    g->z.avail_out = (uInt)n;
    int result = inflate(&g->z, Z_NO_FLUSH);
    out->n += n - g->z.avail_out;
    return result;
}

enum gzip_result gzip_inflate(struct gzip *g, struct span in, size_t max, struct buf *out)
{
    size_t start = out->n;
    g->z.next_in = (Bytef *)(uintptr_t)in.p;
    g->z.avail_in = (uInt)in.n;
    inflateReset(&g->z);
    for (;;) {
        int result = step(g, max + 1 - (out->n - start), out);
        if (out->n - start > max)
            return GZIP_TOO_LARGE;
        if (result == Z_STREAM_END) {
            if (g->z.avail_in == 0)
                return GZIP_OK;
            inflateReset(&g->z); /* the next member */
        } else if (result != Z_OK) {
            return GZIP_BAD; /* Z_BUF_ERROR too: it is cut short */
        }
    }
}
