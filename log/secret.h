/* SPDX-License-Identifier: Apache-2.0 */
/* Random secrets and their SHA-256: what is stored and compared of tokens and sign-ins. Their
 * secrets are random and long, so that a plain hash keeps them. Any thread. */
#ifndef LOG_SECRET_H
#define LOG_SECRET_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum { SECRET_HASH_BYTES = 32, SECRET_HASH_TEXT_BYTES = 2 + 2 * SECRET_HASH_BYTES + 1 };

/* The prefix, then n_random bytes in hex, NUL-terminated: out has room for that. ERR_BUSY when the
 * system has no random bytes. */
int secret_make(char *out, const char *prefix, size_t n_random, struct err *e) MUST_CHECK;

void secret_hash(struct span secret, uint8_t hash[SECRET_HASH_BYTES]);
/* "\x…" as PostgreSQL reads a bytea. */
void secret_hash_text(struct span secret, char out[SECRET_HASH_TEXT_BYTES]);

#endif
