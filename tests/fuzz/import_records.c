/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a text into records, lines or JSON values: each is within the text, behind the one
 * before, and cutting the text anywhere changes nothing of the records before the cut. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "ingest/import_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

static void cut_all(enum record_kind kind, struct span text)
{
    struct record_cut cut, again;
    while (record_cut(kind, text, &cut)) {
        check(cut.start <= cut.end && cut.end <= cut.next);
        check(cut.next > 0 && cut.next <= text.n);
        /* A word of JSON ends where the next byte says so. */
        struct span shorter = {text.p, cut.next + (kind == RECORDS_JSON && cut.next < text.n)};
        check(record_cut(kind, shorter, &again));
        check(again.start == cut.start && again.end == cut.end && again.next == cut.next);
        text.p += cut.next;
        text.n -= cut.next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    cut_all(RECORDS_LINES, text);
    cut_all(RECORDS_JSON, text);
    return 0;
}
