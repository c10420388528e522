/* SPDX-License-Identifier: Apache-2.0 */
/* A counter is the time at which its client will have used up nothing: an attempt moves it by one
 * second, and is refused when it lies too far ahead (the generic cell rate algorithm, ITU-T
 * I.371). */
#include "api/sign_in_rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/table.h"

enum { N_COUNTERS = 4096 };

struct sign_in_rate {
    pthread_mutex_t mutex;
    uint64_t seed;
    int64_t idle_us[N_COUNTERS]; /* guarded by mutex */
};

struct sign_in_rate *sign_in_rate_new(void)
{
    struct sign_in_rate *s = mem_alloc(sizeof(*s));
    pthread_mutex_init(&s->mutex, NULL);
    s->seed = hash_seed();
    return s;
}

void sign_in_rate_free(struct sign_in_rate *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static size_t counter_of(const struct sign_in_rate *s, struct span client)
{
    struct address address;
    if (address_parse(client, &address) != 0)
        return hash_bytes(s->seed, client) % N_COUNTERS;
    size_t n = address_is_v4(&address) ? sizeof address.bytes : 8;
    return hash_bytes(s->seed, (struct span){(const char *)address.bytes, n}) % N_COUNTERS;
}

int sign_in_rate_take(struct sign_in_rate *s, struct span client, int64_t now_us)
{
    int64_t *idle_us = &s->idle_us[counter_of(s, client)];
    pthread_mutex_lock(&s->mutex);
    int64_t start_us = *idle_us > now_us ? *idle_us : now_us;
    int64_t wait_us = start_us - now_us - (SIGN_IN_BURST - 1) * US_PER_SECOND;
    if (wait_us <= 0)
        *idle_us = start_us + US_PER_SECOND;
    pthread_mutex_unlock(&s->mutex);
    return wait_us <= 0 ? 0 : (int)((wait_us + US_PER_SECOND - 1) / US_PER_SECOND);
}
