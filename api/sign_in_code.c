/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sign_in_code.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log/secret.h"

struct sign_in_code {
    pthread_mutex_t mutex; /* guards what follows */
    uint8_t hash[SECRET_HASH_BYTES];
    int64_t token_id;
    int64_t expires_us; /* 0: there is none */
    bool used;
};

struct sign_in_code *sign_in_code_new(void)
{
    struct sign_in_code *c = mem_alloc(sizeof(*c));
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

void sign_in_code_free(struct sign_in_code *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

int sign_in_code_make(struct sign_in_code *c, int64_t token_id, int64_t now_us,
                      char out[SIGN_IN_CODE_BYTES], struct err *e)
{
    if (secret_make(out, "", SIGN_IN_CODE_RANDOM_BYTES, e) != 0)
        return -1;
    pthread_mutex_lock(&c->mutex);
    secret_hash(span_of(out), c->hash);
    c->token_id = token_id;
    c->expires_us = now_us + US_PER_DAY;
    c->used = false;
    pthread_mutex_unlock(&c->mutex);
    return 0;
}

bool sign_in_code_take(struct sign_in_code *c, struct span code, int64_t now_us, int64_t *token_id)
{
    uint8_t hash[SECRET_HASH_BYTES];
    secret_hash(code, hash);
    pthread_mutex_lock(&c->mutex);
    bool same = CRYPTO_memcmp(hash, c->hash, sizeof hash) == 0; /* takes the same time for all */
    bool taken = same && !c->used && now_us < c->expires_us;
    if (taken)
        c->used = true;
    *token_id = c->token_id;
    pthread_mutex_unlock(&c->mutex);
    return taken;
}

void sign_in_code_give_back(struct sign_in_code *c)
{
    pthread_mutex_lock(&c->mutex);
    c->used = false;
    pthread_mutex_unlock(&c->mutex);
}
