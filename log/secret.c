/* SPDX-License-Identifier: Apache-2.0 */
#include "log/secret.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/random.h>

enum { MOST_RANDOM_BYTES = 64 };

static void put_hex(char *out, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int secret_make(char *out, const char *prefix, size_t n_random, struct err *e)
{
    uint8_t bytes[MOST_RANDOM_BYTES];
    size_t n = strlen(prefix);
    assert(n_random <= sizeof bytes);
    if (getrandom(bytes, n_random, 0) != (ssize_t)n_random)
        return err_set(e, ERR_BUSY, "no random bytes for a secret");
    memcpy(out, prefix, n + 1);
    put_hex(out + n, bytes, n_random);
    return 0;
}

void secret_hash(struct span secret, uint8_t hash[SECRET_HASH_BYTES])
{
    SHA256((const unsigned char *)secret.p, secret.n, hash);
}

void secret_hash_text(struct span secret, char out[SECRET_HASH_TEXT_BYTES])
{
    uint8_t hash[SECRET_HASH_BYTES];
    secret_hash(secret, hash);
    out[0] = '\\';
    out[1] = 'x';
    put_hex(out + 2, hash, sizeof hash);
}
