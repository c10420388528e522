/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

size_t utf8_character(const char *text, size_t room)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    if (room == 0)
        return 0;
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (n <= 1 || n > room)
        return n <= room ? n : 0;
    uint32_t code = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= least[n] && code <= 0x10ffff && !surrogate ? n : 0;
}

bool utf8_valid(struct span s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = utf8_character(s.p + i, s.n - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

bool utf8_text(struct span s)
{
    return s.n == 0 || (memchr(s.p, '\0', s.n) == NULL && utf8_valid(s));
}

struct span utf8_cut(struct span s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return (struct span){s.p, max};
}

/* Bytes that continue a character are 10xxxxxx; eight are counted at a time. */
size_t utf8_length(struct span s)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    size_t n = s.n, i = 0;
    for (; s.n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.p + i, sizeof(word));
        n -= (word >> 7 & ~word >> 6 & each) * each >> 56;
    }
    for (; i < s.n; i++)
        n -= ((unsigned char)s.p[i] & 0xc0) == 0x80;
    return n;
}

size_t utf8_skip(struct span s, size_t n)
{
    size_t at = 0;
    for (; n > 0 && at < s.n; n--)
        at += utf8_width(s.p[at]);
    return at < s.n ? at : s.n;
}
