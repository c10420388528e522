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

/* Of valid text: its characters; bytes of the character that starts with this byte; bytes of the
 * first n characters, all when there are fewer. */
size_t utf8_length(struct span s);
static inline size_t utf8_width(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}
size_t utf8_skip(struct span s, size_t n);

#endif
