/* SPDX-License-Identifier: Apache-2.0 */
/* The one-time code that a start prints: signs in once, within a day, as a token would. In memory
 * alone, hashed. Any thread. */
#ifndef API_SIGN_IN_CODE_H
#define API_SIGN_IN_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum { SIGN_IN_CODE_RANDOM_BYTES = 20, SIGN_IN_CODE_BYTES = 2 * SIGN_IN_CODE_RANDOM_BYTES + 1 };

struct sign_in_code;
struct sign_in_code *sign_in_code_new(void);
void sign_in_code_free(struct sign_in_code *c); /* NULL is fine */
/* Makes the code that stands for a token, in place of any before it. now_us: of any clock that does
 * not go back. */
int sign_in_code_make(struct sign_in_code *c, int64_t token_id, int64_t now_us,
                      char out[SIGN_IN_CODE_BYTES], struct err *e) MUST_CHECK;
/* Uses it up. False: it is another, was used, is too old, or there is none. */
bool sign_in_code_take(struct sign_in_code *c, struct span code, int64_t now_us, int64_t *token_id);
/* After a take that came to nothing: it can be used again. */
void sign_in_code_give_back(struct sign_in_code *c);

#endif
