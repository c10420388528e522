/* SPDX-License-Identifier: Apache-2.0 */
/* One set of calls that writes JSON or MessagePack: containers say how many members follow and
 * close by themselves, so that nothing is put twice or forgotten (asserted by writer_end). */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include "base/buf.h"

enum writer_form { WRITE_JSON, WRITE_MSGPACK };

enum { WRITER_MAX_DEPTH = 12 };

struct writer {
    struct buf *out;
    enum writer_form form;
    unsigned depth;
    struct {
        uint32_t left; /* keys and values still to come */
        bool is_map, first;
    } open[WRITER_MAX_DEPTH];
};

struct writer writer_to(struct buf *out, enum writer_form form);

void writer_map(struct writer *w, uint32_t n_pairs);
void writer_array(struct writer *w, uint32_t n);
void writer_key(struct writer *w, const char *key);
void writer_key_span(struct writer *w, struct span key);
void writer_text(struct writer *w, struct span text); /* absent: null */
void writer_int(struct writer *w, int64_t value);
void writer_double(struct writer *w, double value);
void writer_bool(struct writer *w, bool value);
void writer_null(struct writer *w);

void writer_json(struct writer *w,
                 struct span json); /* a value that is JSON already; WRITE_JSON only */

/* key and value in one */
void writer_put_text(struct writer *w, const char *key, struct span text);
void writer_put_int(struct writer *w, const char *key, int64_t value);
void writer_put_bool(struct writer *w, const char *key, bool value);

/* Everything that was opened is complete. */
void writer_end(const struct writer *w);

#endif
