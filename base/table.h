/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of pointers to the caller's items (open addressing, linear probing). Nothing is taken
 * out one by one. A zeroed struct is an empty table. The caller hashes; keyed with a random seed
 * where a sender chooses the keys (hash_seed), so that nobody can make them collide. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct table_entry {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct table {
    struct table_entry *entries;
    size_t mask; /* room - 1 */
    size_t n;
};

void table_put(struct table *t, uint64_t hash, void *item); /* an item that is not in yet */
void table_reset(struct table *t);                          /* empty again, keeps the memory */
void table_clear(struct table *t);                          /* frees the memory, not the items */

static inline size_t table_bytes(const struct table *t)
{
    return t->entries == NULL ? 0 : (t->mask + 1) * sizeof(*t->entries);
}

/* The item with this hash that equals the key, or NULL. Inlined, so that equal is too. */
static inline void *table_find(const struct table *t, uint64_t hash, const void *key,
                               bool (*equal)(const void *item, const void *key))
{
    if (t->entries == NULL)
        return NULL;
    for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
        const struct table_entry *e = &t->entries[i];
        if (e->item == NULL || (e->hash == hash && equal(e->item, key)))
            return e->item;
    }
}

uint64_t hash_seed(void); /* random */

/* One step of a hash: both halves of a 128-bit product. Not for anything that is stored. */
static inline uint64_t hash_step(uint64_t hash, uint64_t word)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_bytes(uint64_t hash, struct span s)
{
    uint64_t word = 0;
    hash = hash_step(hash, s.n);
    if (s.n == 0)
        return hash;
    for (; s.n > 8; s.n -= 8, s.p += 8) {
        memcpy(&word, s.p, 8);
        hash = hash_step(hash, word);
    }
    word = 0;
    memcpy(&word, s.p, s.n);
    return hash_step(hash, word);
}

#endif
