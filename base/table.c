/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"

enum { FIRST_ROOM = 64 };

static void place(struct table *t, uint64_t hash, void *item)
{
    size_t i = hash & t->mask;
    while (t->entries[i].item != NULL)
        i = (i + 1) & t->mask;
    t->entries[i] = (struct table_entry){hash, item};
}

static void grow(struct table *t)
{
    struct table old = *t;
    size_t room = old.entries == NULL ? FIRST_ROOM : 2 * (old.mask + 1);
    t->entries = mem_alloc(room * sizeof(*t->entries));
    t->mask = room - 1;
    for (size_t i = 0; old.entries != NULL && i <= old.mask; i++)
        if (old.entries[i].item != NULL)
            place(t, old.entries[i].hash, old.entries[i].item);
    free(old.entries);
}

void table_put(struct table *t, uint64_t hash, void *item)
{
    if (t->entries == NULL || 2 * (t->n + 1) > t->mask + 1)
        grow(t);
    place(t, hash, item);
    t->n++;
}

/* What was put behind it because its place was taken moves up, so that no search stops short. */
void table_remove(struct table *t, uint64_t hash, const void *item)
{
    size_t hole = hash & t->mask;
    while (t->entries[hole].item != item)
        hole = (hole + 1) & t->mask;
    for (size_t i = (hole + 1) & t->mask; t->entries[i].item != NULL; i = (i + 1) & t->mask) {
        size_t home = t->entries[i].hash & t->mask;
        if (((i - home) & t->mask) < ((i - hole) & t->mask))
            continue;
        t->entries[hole] = t->entries[i];
        hole = i;
    }
    t->entries[hole] = (struct table_entry){0};
    t->n--;
}

void table_reset(struct table *t)
{
    if (t->entries != NULL)
        memset(t->entries, 0, table_bytes(t));
    t->n = 0;
}

void table_clear(struct table *t)
{
    free(t->entries);
    *t = (struct table){0};
}

uint64_t hash_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
        seed = (uint64_t)(uintptr_t)&seed; /* early in a machine's life: the stack's random place */
    return seed;
}
