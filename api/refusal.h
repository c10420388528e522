/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request is refused: the parameter or member at fault, and a text that names the value and
 * what to do. Becomes problem+json with "field" at the edge. */
#ifndef API_REFUSAL_H
#define API_REFUSAL_H

#include "base/err.h"
#include "base/utf8.h"

struct refusal {
    char field[80]; /* "": none in particular */
    struct err err;
};

/* Records field and text unless something is recorded; returns -1. */
int refuse(struct refusal *r, const char *field, const char *format, ...) PRINTF_LIKE(3, 4);
int refuse_span(struct refusal *r, struct span field, const char *format, ...) PRINTF_LIKE(3, 4);

/* The beginning of what was sent, for a text. */
static inline struct span refusal_excerpt(struct span s)
{
    return span_absent(s) ? span_of("") : utf8_cut(s, 40);
}

#endif
