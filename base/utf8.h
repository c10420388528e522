/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>

#include "base/span.h"

bool utf8_valid(struct span s);
/* Valid and without U+0000, which PostgreSQL's text cannot hold. */
bool utf8_text(struct span s);
/* Bytes of the valid character at the start of p[room], 1 to 4; 0 if there is none. */
size_t utf8_character(const char *p, size_t room);
/* The longest start of a valid s of at most max bytes that does not end within a character. */
struct span utf8_cut(struct span s, size_t max);

#endif
