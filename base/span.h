/* SPDX-License-Identifier: Apache-2.0 */
/* A run of borrowed bytes: not NUL-terminated, never freed through the span. p == NULL is "absent"
 * and differs from the empty string. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN_ABSENT ((struct span){NULL, 0})
#define SPAN_LITERAL(s) ((struct span){"" s, sizeof(s) - 1})

static inline struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

static inline bool span_absent(struct span s)
{
    return s.p == NULL;
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span s, const char *text)
{
    return span_equal(s, span_of(text));
}

/* Without blanks and tabs at both ends. */
static inline struct span span_trim(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct span){s.p + 1, s.n - 1};
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* "%.*s" arguments. */
#define SPAN_ARGS(s) (int)(s).n, (s).p

#endif
