/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cookie.h"

static struct span up_to(struct span s, char stop)
{
    const char *end = s.n == 0 ? NULL : memchr(s.p, stop, s.n);
    return end == NULL ? s : (struct span){s.p, (size_t)(end - s.p)};
}

struct span cookie_find(struct span header, const char *name, unsigned n)
{
    while (header.n > 0) {
        struct span pair = up_to(header, ';'), left = up_to(pair, '=');
        if (left.n < pair.n && span_is(span_trim(left), name) && n-- == 0)
            return span_trim((struct span){left.p + left.n + 1, pair.n - left.n - 1});
        size_t taken = pair.n < header.n ? pair.n + 1 : pair.n;
        header = (struct span){header.p + taken, header.n - taken};
    }
    return SPAN_ABSENT;
}
