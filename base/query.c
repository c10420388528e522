/* SPDX-License-Identifier: Apache-2.0 */
#include "base/query.h"

#include "base/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int query_decode(struct span raw, enum query_plus plus, char *out, size_t *n)
{
    size_t to = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            int high = i + 2 < raw.n ? hex(raw.p[i + 1]) : -1;
            int low = i + 2 < raw.n ? hex(raw.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus == PLUS_IS_SPACE) {
            c = ' ';
        }
        out[to++] = c;
    }
    *n = to;
    return 0;
}

size_t query_room(struct span raw)
{
    size_t n = raw.n != 0;
    for (size_t i = 0; i < raw.n && n < QUERY_MAX_PARAMS; i++)
        n += raw.p[i] == '&';
    return n;
}

/* Decodes one side of "name=value" into *text, which moves on. */
static int decode_part(struct span raw, char **text, struct span *out, struct err *e)
{
    size_t n;
    if (query_decode(raw, PLUS_IS_SPACE, *text, &n) != 0)
        return err_set(e, ERR_INPUT, "query: '%.*s' has a broken percent-encoding",
                       (int)(raw.n < 80 ? raw.n : 80), raw.p);
    *out = (struct span){*text, n};
    *text += n;
    if (!utf8_text(*out))
        return err_set(e, ERR_INPUT, "query: '%.*s' is not UTF-8 text without NUL",
                       (int)(raw.n < 80 ? raw.n : 80), raw.p);
    return 0;
}

int query_parse(struct query *q, struct span raw, struct query_param *params, char *text,
                struct err *e)
{
    *q = (struct query){params, 0};
    const char *p = raw.p, *end = raw.p + raw.n;
    while (p < end) {
        const char *stop = memchr(p, '&', (size_t)(end - p));
        if (stop == NULL)
            stop = end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));
        struct span name = {p, (size_t)((equals == NULL ? stop : equals) - p)};
        struct span value = {equals == NULL ? stop : equals + 1, 0};
        value.n = (size_t)(stop - value.p);
        p = stop + (stop < end);
        if (name.n == 0 && value.n == 0)
            continue; /* "a=1&&b=2" */
        if (q->n == QUERY_MAX_PARAMS)
            return err_set(e, ERR_INPUT, "query: more than %d parameters", QUERY_MAX_PARAMS);
        struct query_param *param = &params[q->n];
        if (decode_part(name, &text, &param->name, e) != 0 ||
            decode_part(value, &text, &param->value, e) != 0)
            return -1;
        q->n++;
    }
    return 0;
}
