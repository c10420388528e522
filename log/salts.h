/* SPDX-License-Identifier: Apache-2.0 */
/* Salts of the visitor's hash: a random one per UTC day, durable before its day begins, destroyed
 * 48 h after its day ends. A day without a live one (imports) uses one derived from a secret kept
 * with the log, so that two imports of one day agree. */
#ifndef LOG_SALTS_H
#define LOG_SALTS_H

#include "base/siphash.h"
#include "log/sql.h"

struct salts;
struct salts *salts_new(void);
void salts_free(struct salts *s);

/* Makes the salts of today and the days ahead, destroys the old ones, reads what is live. Call at
 * start and about once a minute. */
int salts_refresh(struct salts *s, struct sql *sql, int64_t now_us, struct err *e) MUST_CHECK;

enum salt_kind { SALT_LIVE, SALT_DERIVED };
/* The key of a day (days since 1970-01-01). Any thread, no I/O; after the first refresh. */
enum salt_kind salts_for_day(struct salts *s, int64_t day, struct siphash_key *out);

#endif
