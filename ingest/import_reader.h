/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a file to import, record after record: plain, gzipped (also several members) or
 * standard input, told apart by their bytes. A record is a line, or a JSON value of a stream of
 * values or of arrays of values. Offsets are bytes of the uncompressed text, from 0.
 *
 * The end of the text is the hard part, for a log may still be written to: a last line without its
 * line end is taken as if it had one when the caller says it is whole; else it comes with
 * cut_short, once, as the last record. One thread. */
#ifndef INGEST_IMPORT_READER_H
#define INGEST_IMPORT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    IMPORT_MAX_RECORD_BYTES = 256 * 1024,
    IMPORT_HEAD_BYTES = 2 * IMPORT_MAX_RECORD_BYTES /* what is looked at before the first record */
};

enum record_kind { RECORDS_LINES, RECORDS_JSON };

struct import_record {
    struct span text;   /* without line end; valid until the next call */
    int64_t start, end; /* offsets: of the text, and after its line end */
    uint64_t line;      /* number of its (first) line, from 1 */
    bool cut_short;     /* the text of the file ends within it */
    bool too_long;      /* text is empty */
};

struct import_reader;

/* path "-" is standard input. */
int import_reader_open(struct import_reader **out, const char *path, struct err *e) MUST_CHECK;
void import_reader_close(struct import_reader *r);

/* The first bytes of the text, IMPORT_HEAD_BYTES or all there are. Before the first record. */
struct span import_reader_head(const struct import_reader *r);
/* Nothing can be added to this text any more: it is gzipped or comes from standard input. */
bool import_reader_final(const struct import_reader *r);

/* What the records are, before the first; is_whole judges a last line without line end. */
void import_reader_set_kind(struct import_reader *r, enum record_kind kind,
                            bool (*is_whole)(void *context, struct span line), void *context);

/* 1 a record, 0 the end, -1 ERR_DATA: not readable, or a gzip stream that is broken or cut off
 * (all records before that were given). */
int import_reader_next(struct import_reader *r, struct import_record *out,
                       struct err *e) MUST_CHECK;

/* For progress: bytes of the file (compressed, if it is) read and in all; total 0: not known. */
void import_reader_progress(const struct import_reader *r, int64_t *done, int64_t *total);

/* The next record in text: bytes [start, end) of it, and where the one after it may begin. False:
 * it is not there whole (of a JSON value, start is known). Pure. */
struct record_cut {
    size_t start, end, next;
};
bool record_cut(enum record_kind kind, struct span text, struct record_cut *out);

#endif
