/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: stored as SHA-256 in PostgreSQL, held in memory for the HTTP loops; with them
 * those who signed in with one (sign_ins.h). */
#ifndef LOG_TOKENS_H
#define LOG_TOKENS_H

#include "log/secret.h"
#include "log/sites.h"
#include "log/sql.h"

enum token_scope { TOKEN_INGEST, TOKEN_READ, TOKEN_ADMIN };
extern const char *const token_scope_names[3]; /* "ingest", "read", "admin" */

struct token_info {
    int64_t id; /* from 1 */
    enum token_scope scope;
    char site[SITE_BYTES]; /* the only site it is for; "": any */
};

/* A cookie's secret that stands for a token. */
struct sign_in {
    struct token_info token;
    int64_t expires_us;
};

/* ---- in memory; any thread ---- */

struct tokens;
struct tokens *tokens_new(void);
void tokens_free(struct tokens *t);
/* Reads the tables; call at start and about once a second. On failure the old ones stay. Any
 * thread.
 */
int tokens_refresh(struct tokens *t, struct sql *s, struct err *e) MUST_CHECK;
/* No I/O. */
bool tokens_find(struct tokens *t, struct span secret, struct token_info *out);
/* The sign-in of that secret; false when there is none, or not any more. No I/O. */
bool tokens_find_sign_in(struct tokens *t, struct span secret, int64_t now_us, struct sign_in *out);
/* Whose hash that is, a token's or a sign-in's that has not expired. No I/O. */
bool tokens_find_hash(struct tokens *t, const uint8_t hash[SECRET_HASH_BYTES], int64_t now_us,
                      struct token_info *out);

/* ---- in PostgreSQL ---- */

enum { TOKEN_SECRET_BYTES = 48 };

/* site absent: any. secret: shown once, never stored. ERR_INPUT for a bad site. */
int tokens_create(struct sql *s, enum token_scope scope, struct span site,
                  char secret[TOKEN_SECRET_BYTES], struct err *e) MUST_CHECK;
/* Makes the token of that secret known with that scope (a token file kept from an earlier start).
 */
int tokens_adopt(struct sql *s, enum token_scope scope, struct span secret,
                 struct err *e) MUST_CHECK;
/* ERR_INPUT when there is no such token. */
int tokens_revoke(struct sql *s, int64_t id, struct err *e) MUST_CHECK;

struct token_row {
    struct token_info token;
    int64_t created_us;
};
int tokens_list(struct sql *s, void (*each)(void *context, const struct token_row *row),
                void *context, struct err *e) MUST_CHECK;

#endif
