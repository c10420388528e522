/* SPDX-License-Identifier: Apache-2.0 */
/* How often a client may try to sign in: a burst, then one a second. */
#ifndef API_SIGN_IN_RATE_H
#define API_SIGN_IN_RATE_H

#include <stdint.h>

#include "base/span.h"

enum { SIGN_IN_BURST = 30 };

/* A fixed number of counters, by a keyed hash of the address (of IPv6 its /64): two clients may
 * share one. Any thread. */
struct sign_in_rate;
struct sign_in_rate *sign_in_rate_new(void);
void sign_in_rate_free(struct sign_in_rate *s); /* NULL is fine */
/* Counts an attempt: 0, or after how many seconds to try again. now_us: of any clock that does not
 * go back. */
int sign_in_rate_take(struct sign_in_rate *s, struct span client, int64_t now_us);

#endif
