/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of rows as bytes: JSON, MessagePack, CSV. */
#ifndef API_ROWS_WRITE_H
#define API_ROWS_WRITE_H

#include "api/rows.h"

/* What an answer says besides its rows. */
struct rows_about {
    struct span site;
    const char *sql; /* of a query: its canonical SELECT; NULL: it is of a view's generation */
    uint64_t offset, generation;
    bool has_watermark;
    int64_t watermark_us; /* of the site */
};

enum rows_form { ROWS_JSON, ROWS_MSGPACK, ROWS_CSV };
extern const char *const rows_media_types[];   /* by enum rows_form, ended by NULL: for Accept */
extern const char *const rows_content_types[]; /* with the charset */

/* out->max bounds it: out->failed afterwards means that the answer is too large. */
void rows_write(const struct rows *r, const struct rows_about *about, enum rows_form form,
                struct buf *out);

#endif
