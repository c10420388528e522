/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the recent visitors is one word: 48 bits of the hash and the minute it was last seen
 * (modulo 2^16, some 45 days). Four entries share a bucket; the oldest gives way. */
#include "ingest/visitor.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { BUCKETS = 1 << 14, WAYS = 4, VISIT_MINUTES = 30 };
#define HASH_BITS UINT64_C(0xffffffffffff0000)

struct recent_visitors {
    _Atomic uint64_t entries[BUCKETS][WAYS];
};

struct recent_visitors *recent_visitors_new(void)
{
    return mem_alloc(sizeof(struct recent_visitors));
}

void recent_visitors_free(struct recent_visitors *r)
{
    free(r);
}

/* Minutes since an entry was seen; negative for an event that comes late. */
static int minutes_since(uint64_t entry, uint16_t minute)
{
    return (int16_t)(uint16_t)(minute - (uint16_t)entry);
}

static _Atomic uint64_t *bucket_of(struct recent_visitors *r, uint64_t hash)
{
    return r->entries[(hash >> 16) % BUCKETS];
}

static void remember(struct recent_visitors *r, uint64_t hash, uint16_t minute)
{
    _Atomic uint64_t *bucket = bucket_of(r, hash);
    int best = 0, oldest = INT_MIN;
    for (int i = 0; i < WAYS; i++) {
        uint64_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
        bool same = (entry & HASH_BITS) == (hash & HASH_BITS);
        int age = minutes_since(entry, minute);
        if (entry != 0 && same && age < 0)
            return;
        if (entry == 0 || same) {
            best = i;
            break;
        }
        if (age > oldest) {
            oldest = age;
            best = i;
        }
    }
    atomic_store_explicit(&bucket[best], (hash & HASH_BITS) | minute, memory_order_relaxed);
}

static bool seen_lately(struct recent_visitors *r, uint64_t hash, uint16_t minute)
{
    _Atomic uint64_t *bucket = bucket_of(r, hash);
    for (int i = 0; i < WAYS; i++) {
        uint64_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
        if (entry != 0 && (entry & HASH_BITS) == (hash & HASH_BITS))
            return abs(minutes_since(entry, minute)) <= VISIT_MINUTES;
    }
    return false;
}

static const struct siphash_key *salt_of(struct visitors *v, int64_t day, int64_t now_us,
                                         bool *live)
{
    int slot = (int)(day & 1);
    if (v->known[slot].day != day || now_us >= v->known[slot].until_us ||
        now_us < v->known[slot].until_us - US_PER_SECOND) {
        v->known[slot].day = day;
        v->known[slot].until_us = now_us + US_PER_SECOND;
        v->known[slot].live = v->salt(v->context, day, &v->known[slot].key);
    }
    *live = v->known[slot].live;
    return &v->known[slot].key;
}

enum { IDENTITY_BYTES = 5120, USER_AGENT_BYTES = 4096 };

struct identity {
    char bytes[IDENTITY_BYTES];
    size_t n;
};

static void put(struct identity *i, const void *bytes, size_t n)
{
    if (n > IDENTITY_BYTES - i->n)
        n = IDENTITY_BYTES - i->n;
    if (n != 0)
        memcpy(i->bytes + i->n, bytes, n);
    i->n += n;
}

static void put_identity(struct identity *i, const struct visitor_of *of)
{
    char kind = !span_absent(of->user_id) ? 'u' : !span_absent(of->session_id) ? 's' : 'a';
    i->n = 0;
    put(i, &kind, 1);
    put(i, of->site.p, of->site.n);
    put(i, "", 1);
    if (kind != 'a') {
        struct span id = kind == 'u' ? of->user_id : of->session_id;
        put(i, id.p, id.n);
        return;
    }
    if (of->address != NULL)
        put(i, of->address->bytes, sizeof(of->address->bytes));
    size_t n = of->user_agent.n;
    put(i, of->user_agent.p, n < USER_AGENT_BYTES ? n : USER_AGENT_BYTES);
}

uint64_t visitor_hash(struct visitors *v, const struct visitor_of *of)
{
    struct identity i;
    bool live, live_before;
    int64_t day = clock_floor(of->time_us, US_PER_DAY) / US_PER_DAY;
    int64_t minute_of_day = (of->time_us - day * US_PER_DAY) / US_PER_MINUTE;
    uint16_t minute = (uint16_t)(of->time_us / US_PER_MINUTE);
    put_identity(&i, of);
    uint64_t today = siphash(*salt_of(v, day, of->now_us, &live), i.bytes, i.n);
    if (!live)
        return today;
    if (minute_of_day >= 24 * 60 - VISIT_MINUTES)
        remember(v->recent, today, minute);
    if (minute_of_day >= VISIT_MINUTES)
        return today;
    uint64_t before = siphash(*salt_of(v, day - 1, of->now_us, &live_before), i.bytes, i.n);
    if (!live_before || !seen_lately(v->recent, before, minute))
        return today;
    remember(v->recent, before, minute);
    return before;
}
