/* SPDX-License-Identifier: Apache-2.0 */
/* The source of a text to import: its name and where to go on (see import.h). */
#ifndef INGEST_IMPORT_SOURCE_H
#define INGEST_IMPORT_SOURCE_H

#include "ingest/import.h"
#include "ingest/import_reader.h"

enum { IMPORT_NAME_BYTES = 7 + 64 + 1, IMPORT_IDENTITY_BYTES = 4096 };

struct import_source {
    char name[IMPORT_NAME_BYTES];
    int64_t position;
};

/* head: the text's first IMPORT_HEAD_BYTES, or all of it. May take an earlier, shorter identity of
 * the same text over (one empty post). A text without a whole record has the name "" and is at 0.
 */
int import_source_find(struct import_source *out, struct span head, enum record_kind kind,
                       const struct import_options *o, struct err *e) MUST_CHECK;

#endif
