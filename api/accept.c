/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

#include <strings.h>

/* The part of rest before the separator, trimmed; rest becomes what follows. */
static struct span cut(struct span *rest, char separator)
{
    const char *at = rest->n == 0 ? NULL : memchr(rest->p, separator, rest->n);
    struct span part = {rest->p, at == NULL ? rest->n : (size_t)(at - rest->p)};
    size_t taken = at == NULL ? rest->n : part.n + 1;
    *rest = (struct span){rest->p + taken, rest->n - taken};
    return span_trim(part);
}

static bool same_text(struct span a, const char *p, size_t n)
{
    return a.n == n && strncasecmp(a.p, p, n) == 0;
}

/* How precisely a media range names the offer: 3 exactly, 2 by type, 1 any, 0 not. */
static int precision(struct span range, const char *offer)
{
    size_t type = (size_t)(strchr(offer, '/') - offer);
    if (same_text(range, offer, strlen(offer)))
        return 3;
    if (range.n == type + 2 && strncasecmp(range.p, offer, type + 1) == 0 &&
        range.p[type + 1] == '*')
        return 2;
    return same_text(range, "*/*", 3) ? 1 : 0;
}

/* "0.5" as thousandths. */
static int parse_quality(struct span text)
{
    int value = 0, digit = 1000;
    for (size_t i = 0; i < text.n && digit > 0; i++) {
        if (text.p[i] == '.' && i == 1)
            continue;
        if (text.p[i] < '0' || text.p[i] > '9')
            return 1000;
        value += (text.p[i] - '0') * digit;
        digit /= 10;
    }
    return value > 1000 ? 1000 : value;
}

static int quality_of(struct span params)
{
    while (params.n > 0) {
        struct span param = cut(&params, ';');
        if (param.n > 2 && (param.p[0] == 'q' || param.p[0] == 'Q') && param.p[1] == '=')
            return parse_quality((struct span){param.p + 2, param.n - 2});
    }
    return 1000;
}

static int offer_quality(struct span header, const char *offer)
{
    int best = 0, quality = 0;
    while (header.n > 0) {
        struct span params = cut(&header, ',');
        struct span range = cut(&params, ';');
        int p = precision(range, offer);
        if (p > best) {
            best = p;
            quality = quality_of(params);
        }
    }
    return quality;
}

int accept_choose(struct span header, const char *const *offers)
{
    int chosen = -1, best = 0;
    if (span_trim(header).n == 0)
        return 0;
    for (int i = 0; offers[i] != NULL; i++) {
        int quality = offer_quality(header, offers[i]);
        if (quality > best) {
            best = quality;
            chosen = i;
        }
    }
    return chosen;
}

bool accept_has_tag(struct span if_none_match, struct span tag)
{
    struct span rest = if_none_match;
    while (rest.n > 0) {
        struct span one = cut(&rest, ',');
        if (one.n > 2 && one.p[0] == 'W' && one.p[1] == '/')
            one = (struct span){one.p + 2, one.n - 2};
        if (span_equal(one, tag) || span_is(one, "*"))
            return true;
    }
    return false;
}

bool accept_gzip(struct span accept_encoding)
{
    bool any = false;
    while (accept_encoding.n > 0) {
        struct span params = cut(&accept_encoding, ',');
        struct span coding = cut(&params, ';');
        if (same_text(coding, "gzip", 4) || same_text(coding, "x-gzip", 6))
            return quality_of(params) > 0;
        if (same_text(coding, "*", 1))
            any = quality_of(params) > 0;
    }
    return any;
}
