/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of ids in order of arrival, and an index into it: open addressing with linear probing, so
 * that removing shifts later entries back instead of leaving tombstones. */
#include "log/window.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"
#include "log/batch.h"

struct window {
    struct siphash_key keys[2];
    uint32_t capacity; /* committed ids */
    struct window_id *ring;
    uint32_t ring_size; /* grows up to capacity + BATCH_MAX_EVENTS; wraps only then */
    uint32_t start;     /* of the oldest */
    uint32_t committed, pending;
    uint32_t *index; /* place in the ring + 1; 0: free */
    uint32_t mask;
};

enum { FIRST_SIZE = 1024 };

struct window *window_new(uint32_t capacity)
{
    uint8_t bytes[32];
    struct window *w = mem_alloc(sizeof(*w));
    ssize_t got = getrandom(bytes, sizeof(bytes), 0);
    assert(got == (ssize_t)sizeof(bytes)); /* so few bytes never fail (getrandom(2)) */
    w->keys[0] = siphash_key_of(bytes);
    w->keys[1] = siphash_key_of(bytes + 16);
    w->capacity = capacity;
    return w;
}

void window_free(struct window *w)
{
    if (w == NULL)
        return;
    free(w->ring);
    free(w->index);
    free(w);
}

struct window_id window_id_of(const struct window *w, int64_t scope, struct span site,
                              struct span id)
{
    /* the id is 16 bytes and the scope 8, so the concatenation is unambiguous */
    uint8_t bytes[8 + 16 + 256];
    size_t n = site.n < 256 ? site.n : 256;
    assert(id.n == 16);
    memcpy(bytes, &scope, 8);
    memcpy(bytes + 8, id.p, 16);
    memcpy(bytes + 24, site.p == NULL ? "" : site.p, n);
    return (struct window_id){siphash(w->keys[0], bytes, 24 + n),
                              siphash(w->keys[1], bytes, 24 + n)};
}

static uint32_t place(const struct window *w, uint32_t age)
{
    uint32_t p = w->start + age;
    return p < w->ring_size ? p : p - w->ring_size;
}

/* Where the id is in the index, or the free slot where it would go. */
static uint32_t probe(const struct window *w, struct window_id id)
{
    uint32_t i = (uint32_t)id.a & w->mask;
    for (; w->index[i] != 0; i = (i + 1) & w->mask) {
        struct window_id other = w->ring[w->index[i] - 1];
        if (other.a == id.a && other.b == id.b)
            break;
    }
    return i;
}

static void remove_from_index(struct window *w, struct window_id id)
{
    uint32_t hole = probe(w, id);
    for (uint32_t i = (hole + 1) & w->mask; w->index[i] != 0; i = (i + 1) & w->mask) {
        uint32_t home = (uint32_t)w->ring[w->index[i] - 1].a & w->mask;
        if (((i - home) & w->mask) >= ((i - hole) & w->mask)) {
            w->index[hole] = w->index[i];
            hole = i;
        }
    }
    w->index[hole] = 0;
}

/* Room for one more: the ring is not wrapped while it still grows, because nothing has left yet. */
static void grow(struct window *w)
{
    uint32_t max = w->capacity + BATCH_MAX_EVENTS;
    uint32_t size = w->ring_size == 0 ? FIRST_SIZE : w->ring_size * 2;
    size = size > w->capacity ? max : size;
    w->ring = mem_resize(w->ring, size * sizeof(*w->ring));
    w->ring_size = size;
    uint32_t slots = 1;
    while (slots < size + size / 2)
        slots *= 2;
    free(w->index);
    w->index = mem_alloc(slots * sizeof(*w->index));
    w->mask = slots - 1;
    for (uint32_t i = 0; i < w->committed + w->pending; i++)
        w->index[probe(w, w->ring[i])] = i + 1;
}

bool window_add(struct window *w, struct window_id id)
{
    if (w->committed + w->pending == w->ring_size) {
        assert(w->ring_size < w->capacity + BATCH_MAX_EVENTS);
        grow(w);
    }
    uint32_t slot = probe(w, id);
    if (w->index[slot] != 0)
        return false;
    uint32_t p = place(w, w->committed + w->pending++);
    w->ring[p] = id;
    w->index[slot] = p + 1;
    return true;
}

void window_commit(struct window *w)
{
    w->committed += w->pending;
    w->pending = 0;
    for (; w->committed > w->capacity; w->committed--) {
        remove_from_index(w, w->ring[w->start]);
        w->start = place(w, 1);
    }
}

void window_rollback(struct window *w)
{
    while (w->pending > 0)
        remove_from_index(w, w->ring[place(w, w->committed + --w->pending)]);
}

void window_forget(struct window *w)
{
    if (w->index != NULL)
        memset(w->index, 0, ((size_t)w->mask + 1) * sizeof(*w->index));
    w->start = w->committed = w->pending = 0;
}

uint32_t window_count(const struct window *w)
{
    return w->committed;
}
