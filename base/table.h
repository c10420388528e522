/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of pointers to the caller's items (open addressing, linear probing). A zeroed struct
 * is an empty table. The caller hashes; keyed with a random seed where a sender chooses the keys
 * (hash_seed), so that nobody can make them collide. */
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
void table_remove(struct table *t, uint64_t hash, const void *item); /* an item that is in */
void table_reset(struct table *t); /* empty again, keeps the memory */
void table_clear(struct table *t); /* frees the memory, not the items */

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

/* The last up to 8 bytes as a word; whole inside [p, p + n), so that no copy loop is needed. */
static inline uint64_t hash_tail(const char *p, size_t n)
{
    uint64_t word;
    uint32_t low, high;
    if (n >= 8) {
        memcpy(&word, p + n - 8, 8);
        return word;
    }
    if (n >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        return (uint64_t)high << 32 | low;
    }
    return n == 0 ? 0
                  : (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 |
                        (uint64_t)(uint8_t)p[n - 1] << 16;
}

static inline uint64_t hash_bytes(uint64_t hash, struct span s)
{
    uint64_t word;
    hash = hash_step(hash, s.n);
    for (size_t at = 0; at + 8 < s.n; at += 8) {
        memcpy(&word, s.p + at, 8);
        hash = hash_step(hash, word);
    }
    return hash_step(hash, hash_tail(s.p, s.n));
}

#endif
