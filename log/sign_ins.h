/* SPDX-License-Identifier: Apache-2.0 */
/* Sign-ins: a random secret, kept in a browser's cookie, that stands for a token of scope read or
 * admin. They are in PostgreSQL (migrations/0007_sign_in.sql), hashed, so that they outlive a
 * restart and hold in every process; loops find them in memory with the tokens
 * (tokens_find_sign_in). One ends by signing out, after 30 days, with its token, or when its token
 * has 100 newer ones. */
#ifndef LOG_SIGN_INS_H
#define LOG_SIGN_INS_H

#include "log/sql.h"

enum {
    SIGN_IN_RANDOM_BYTES = 32,
    SIGN_IN_SECRET_BYTES = 2 * SIGN_IN_RANDOM_BYTES + 1, /* hex and a NUL */
    SIGN_IN_DAYS = 30,
    SIGN_INS_OF_TOKEN = 100
};

/* secret: shown once, never stored. ERR_INPUT when the token is revoked or of scope ingest. */
int sign_ins_add(struct sql *s, int64_t token_id, char secret[SIGN_IN_SECRET_BYTES],
                 int64_t *expires_us, struct err *e) MUST_CHECK;
/* Ends it; none of that secret is fine. */
int sign_ins_end(struct sql *s, struct span secret, struct err *e) MUST_CHECK;
/* Deletes those that have expired and those of revoked tokens; now and then. */
int sign_ins_delete_ended(struct sql *s, struct err *e) MUST_CHECK;

#endif
