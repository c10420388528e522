/* SPDX-License-Identifier: Apache-2.0 */
/* A visitor's stored sessions, as Redis might give them back: any bytes. What is taken must be
 * exactly what would be written again, and can be merged.
 *
 *   bytes 0 and 1: the day, little-endian; then the stored form */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "views/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct session_list *l, int64_t day, struct span stored,
                  struct arena *memory)
{
    struct buf again = {0};
    struct session_list merged = {0};
    if (l->n > SESSIONS_A_DAY || !session_list_encode(l, day, &again) ||
        !span_equal(buf_span(&again), stored))
        abort();
    for (uint32_t i = l->n; i > 0; i--)
        session_list_add(&merged, &l->at[i - 1], memory);
    if (merged.n != l->n)
        abort();
    for (uint32_t i = 0; i < l->n; i++)
        session_list_add(&merged, &l->at[i], memory);
    if (merged.n != l->n || merged.at[0].pageviews != 2 * l->at[0].pageviews)
        abort();
    buf_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    int64_t day = data[0] | data[1] << 8;
    struct span stored = {(const char *)data + 2, size - 2};
    struct arena memory = {0};
    struct session_list l = {0};
    struct err e = {0};
    if (session_list_decode(stored, day, &l, &memory, &e) == 0)
        check(&l, day, stored, &memory);
    else if (e.kind != ERR_DATA)
        abort();
    arena_clear(&memory);
    return 0;
}
