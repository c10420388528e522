/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings (application/x-www-form-urlencoded): pure, so that they can be fuzzed alone. */
#ifndef BASE_QUERY_H
#define BASE_QUERY_H

#include "base/err.h"
#include "base/span.h"

enum { QUERY_MAX_PARAMS = 256 };

struct query_param {
    struct span name, value; /* decoded: UTF-8 without U+0000 */
};

struct query {
    struct query_param *params;
    size_t n;
};

/* How many parameters raw can have at most: room to give to query_parse. */
size_t query_room(struct span raw);
/* Parses raw (without "?", may be absent) into params[query_room(raw)] and text[raw.n], which back
 * the result. ERR_INPUT: broken percent-encoding, no UTF-8, too many parameters. */
int query_parse(struct query *q, struct span raw, struct query_param *params, char *text,
                struct err *e) MUST_CHECK;

enum query_plus { PLUS_IS_SPACE, PLUS_IS_PLUS };
/* Percent-decodes raw into out[raw.n]; -1 if "%" is not followed by two hex digits. */
int query_decode(struct span raw, enum query_plus plus, char *out, size_t *n) MUST_CHECK;

#endif
