/* SPDX-License-Identifier: Apache-2.0 */
/* Outside test data ($FOOTFALL_TEST_DATA, default ../shared/data): a test that wants it skips aloud
 * without it and has a twin that always runs. */
#ifndef TESTS_DATA_H
#define TESTS_DATA_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* Fills path and answers true when the data is there; else says so. */
static inline bool data_path(char *path, size_t size, const char *name)
{
    const char *root = getenv("FOOTFALL_TEST_DATA");
    snprintf(path, size, "%s/%s", root == NULL ? "../shared/data" : root, name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fprintf(stderr, "SKIPPED: no test data at %s (FOOTFALL_TEST_DATA)\n", path);
    else
        fclose(f);
    return f != NULL;
}

/* The whole file, or false. */
static inline bool data_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    size_t n;
    do {
        n = fread(buf_reserve(out, 65536), 1, 65536, f);
        out->n += n;
    } while (n != 0);
    fclose(f);
    return true;
}

#endif
