/* SPDX-License-Identifier: Apache-2.0 */
/* Importing files: web server logs and events, exactly once, through POST /v1/events.
 *
 * Each text is a source of the log, and the position of a source is the offset up to which its
 * records are in (a batch of records is posted with Footfall-Position: START-END, START being the
 * stored position). So a killed import goes on where it stopped, a second one adds nothing, and of
 * a text that has grown only the new records are sent.
 *
 * A text is known by its beginning, not by its file: the name of its source is
 *
 *   import:HEX    HEX = SHA-256 of: site, NUL, the first 4,096 bytes of its whole records
 *
 * so it stays the same when the file is renamed or gzipped by rotation. A text whose whole records
 * are shorter than that is named by all of them, and gets another name when it grows. Then the
 * first import under the new name looks for the old ones: every end of a record within the first
 * 4,096 bytes is tried as the end of the text then, the longest first. A position found there that
 * says "this whole beginning is in" is taken over by an empty post under the new name, which the
 * log stores like any other position; then the import goes on from there. A name is thus only ever
 * used for texts that begin with the very bytes it is the hash of. */
#ifndef INGEST_IMPORT_H
#define INGEST_IMPORT_H

#include "base/buf.h"
#include "base/err.h"

enum { IMPORT_BATCH_RECORDS = 5000, IMPORT_BATCH_BYTES = 4 * 1024 * 1024 };

struct import_post {
    const char *source;
    int64_t start, end; /* its position */
    struct span body;   /* NDJSON; may be empty */
};

/* The service as an import sees it. Both retry what is worth it; -1: it did not work. */
struct import_service {
    /* The stored position of a source; 0 when it is new. */
    int (*position)(void *context, const char *source, int64_t *position, struct err *e);
    /* *status: 202 with the answer's body, or 409: the stored position is another. */
    int (*post)(void *context, const struct import_post *p, int *status, struct buf *answer,
                struct err *e);
    void *context;
};

/* read = accepted + duplicate + skipped + rejected */
struct import_counts {
    uint64_t read; /* new records only */
    uint64_t accepted, duplicate;
    uint64_t skipped;  /* well-formed lines that are no page views */
    uint64_t rejected; /* malformed lines, and events the service refused */
};

struct import_progress {
    const char *path;
    int64_t done, total; /* bytes of the file; total 0: not known */
    const struct import_counts *counts;
};

struct import_options {
    const char *site;   /* NULL: the lines' virtual host, the events' own site */
    const char *format; /* auto, common, combined, vhost_combined, json, ndjson */
    const struct import_service *service;
    void (*on_rejected)(void *context, const char *path, uint64_t line, const char *reason);
    void (*on_note)(void *context, const char *path, const char *text);  /* worth telling */
    void (*on_progress)(void *context, const struct import_progress *p); /* after each batch */
    void *context;
};

/* Imports one file ("-": standard input), adding to counts. ERR_INPUT: its format is not known or
 * needs a site; ERR_DATA: it cannot be read. What was posted before a failure is in and counted. */
int import_file(const struct import_options *o, const char *path, struct import_counts *counts,
                struct err *e) MUST_CHECK;

#endif
