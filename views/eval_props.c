/* SPDX-License-Identifier: Apache-2.0 */
/* Values out of a flat JSON object, in the text form of PostgreSQL's jsonb: keys are unique,
 * numbers have no exponent. What is not of this form has no keys, or is NULL. Nothing is copied but
 * strings with escapes. */
#include "views/eval_internal.h"

/* The object, and how far it is read. */
struct reader {
    const char *at, *end;
};

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Whether this byte is next; it is then read. */
static bool take(struct reader *r, char byte)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != byte)
        return false;
    r->at++;
    return true;
}

/* Between the quotes, escapes as they are; absent: no string is next. */
static struct span take_string(struct reader *r)
{
    if (!take(r, '"'))
        return SPAN_ABSENT;
    const char *start = r->at;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"')
            return (struct span){start, (size_t)(r->at++ - start)};
        if (*r->at == '\\')
            r->at++;
    }
    return SPAN_ABSENT;
}

/* Over an object or an array, as far as its end. */
static void skip_nested(struct reader *r)
{
    unsigned depth = 0;
    while (r->at < r->end) {
        if (*r->at == '"') {
            if (span_absent(take_string(r)))
                r->at = r->end;
            continue;
        }
        depth += *r->at == '{' || *r->at == '[';
        depth -= *r->at == '}' || *r->at == ']';
        r->at++;
        if (depth == 0)
            return;
    }
}

/* A value as it is written; a string with its quotes. */
static struct span take_value(struct reader *r)
{
    skip_blanks(r);
    const char *start = r->at;
    if (r->at == r->end)
        return SPAN_ABSENT;
    if (*r->at == '"') {
        if (span_absent(take_string(r)))
            return SPAN_ABSENT;
    } else if (*r->at == '{' || *r->at == '[') {
        skip_nested(r);
    } else {
        while (r->at < r->end && *r->at != ',' && *r->at != '}' && *r->at != ' ')
            r->at++;
    }
    return (struct span){start, (size_t)(r->at - start)};
}

/* ---- escapes ---- */

static uint32_t hex_of(const char *p)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00u >> n & 0xf0) | code);
    return n;
}

/* \uXXXX at p, or two of them. Returns its bytes; 0: broken. */
static size_t unescape_code(const char *p, const char *end, char *to, size_t *n)
{
    if (end - p < 6)
        return 0;
    uint32_t code = hex_of(p + 2), low;
    size_t read = 6;
    if (code >= 0xd800 && code < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u' &&
        (low = hex_of(p + 8)) >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        read = 12;
    }
    *n = put_utf8(to, code);
    return read;
}

/* One character's escape at p (which starts with \): its bytes to to[4], how many to *n. Returns
 * how long the escape is; 0: broken. */
static size_t unescape(const char *p, const char *end, char *to, size_t *n)
{
    static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    if (end - p < 2)
        return 0;
    if (p[1] == 'u')
        return unescape_code(p, end, to, n);
    const char *name = memchr(names, p[1], sizeof(names) - 1);
    to[0] = name != NULL ? bytes[name - names] : p[1];
    *n = 1;
    return 2;
}

/* Whether a string as it is written says this text. */
static bool says(struct span written, struct span text)
{
    if (memchr(written.p, '\\', written.n) == NULL)
        return span_equal(written, text);
    const char *p = written.p, *end = p + written.n;
    size_t at = 0;
    while (p < end) {
        char byte[4];
        size_t n = 1, read = *p == '\\' ? unescape(p, end, byte, &n) : 1;
        if (read == 0 || text.n - at < n || memcmp(*p == '\\' ? byte : p, text.p + at, n) != 0)
            return false;
        p += read;
        at += n;
    }
    return at == text.n;
}

static struct span unescaped(const struct run *r, struct span written)
{
    if (memchr(written.p, '\\', written.n) == NULL)
        return written;
    char *out = arena_alloc(r->memory, written.n), *to = out;
    const char *p = written.p, *end = p + written.n;
    while (p < end) {
        size_t n = 1, read = 1;
        if (*p != '\\')
            *to = *p;
        else if ((read = unescape(p, end, to, &n)) == 0)
            return SPAN_ABSENT;
        p += read;
        to += n;
    }
    return (struct span){out, (size_t)(to - out)};
}

/* ---- finding a key ---- */

/* Its value as it is written; absent: there is none. */
static struct span find(struct span json, struct span key)
{
    struct span text = element_json(json);
    struct reader r = {text.p, text.p + text.n};
    if (!take(&r, '{'))
        return SPAN_ABSENT;
    do {
        struct span name = take_string(&r);
        if (span_absent(name) || !take(&r, ':'))
            return SPAN_ABSENT;
        struct span value = take_value(&r);
        if (says(name, key))
            return value;
    } while (take(&r, ','));
    return SPAN_ABSENT;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- numbers ---- */

/* A number as it is written: sign, digits, a point and digits. */
struct decimal {
    bool negative;
    struct span whole, fraction;
};

static size_t count_digits(struct span s)
{
    size_t n = 0;
    while (n < s.n && is_digit(s.p[n]))
        n++;
    return n;
}

static bool read_decimal(struct span s, struct decimal *out)
{
    *out = (struct decimal){.negative = s.n > 0 && s.p[0] == '-', .fraction = {"", 0}};
    s = (struct span){s.p + out->negative, s.n - out->negative};
    out->whole = (struct span){s.p, count_digits(s)};
    s = (struct span){s.p + out->whole.n, s.n - out->whole.n};
    if (out->whole.n > 0 && s.n > 1 && s.p[0] == '.') {
        s = (struct span){s.p + 1, s.n - 1};
        out->fraction = (struct span){s.p, count_digits(s)};
        s.n -= out->fraction.n;
    }
    return out->whole.n > 0 && s.n == 0;
}

/* Its digits before the point, if they are below the limit. */
static bool whole_below(const struct decimal *d, int128 limit, int128 *out)
{
    *out = 0;
    for (size_t i = 0; i < d->whole.n; i++) {
        *out = *out * 10 + (d->whole.p[i] - '0');
        if (*out >= limit)
            return false;
    }
    return true;
}

static struct number signed_number(const struct decimal *d, int128 value)
{
    return (struct number){.value = d->negative ? -value : value};
}

/* Rounded half away from zero to nine places. */
static struct number ff_num(struct span value)
{
    struct decimal d;
    int128 n;
    if (span_absent(value) || !read_decimal(value, &d) || !whole_below(&d, EXPR_NUMBER_LIMIT, &n))
        return NUMBER_NULL;
    for (size_t i = 0; i < EXPR_MAX_SCALE; i++)
        n = n * 10 + (i < d.fraction.n ? d.fraction.p[i] - '0' : 0);
    if (d.fraction.n > EXPR_MAX_SCALE && d.fraction.p[EXPR_MAX_SCALE] >= '5')
        n++;
    return n < EXPR_NUMBER_LIMIT ? signed_number(&d, n) : NUMBER_NULL;
}

static struct number ff_int(struct span value)
{
    struct decimal d;
    int128 n;
    if (span_absent(value) || !read_decimal(value, &d) ||
        !whole_below(&d, (int128)INT64_MAX + 1 + d.negative, &n))
        return NUMBER_NULL;
    for (size_t i = 0; i < d.fraction.n; i++)
        if (d.fraction.p[i] != '0')
            return NUMBER_NULL;
    return signed_number(&d, n);
}

/* ---- a row's arguments: json, key ---- */

static struct number number_at(const struct arg *args, const void *context)
{
    (void)context;
    return ff_num(find(args[0].text, args[1].text));
}

static struct number int_at(const struct arg *args, const void *context)
{
    (void)context;
    return ff_int(find(args[0].text, args[1].text));
}

static bool has(const struct arg *args, const void *context)
{
    (void)context;
    return !span_absent(find(args[0].text, args[1].text));
}

static struct span text_at(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    struct span value = find(args[0].text, args[1].text);
    if (span_absent(value) || span_is(value, "null"))
        return SPAN_ABSENT;
    if (value.p[0] == '"')
        return unescaped(r, (struct span){value.p + 1, value.n - 2});
    return value;
}

struct truths props_has(const struct run *r, const struct expr *x)
{
    struct row_function f = {.truth = has};
    return map_truths(r, x, &f);
}

struct texts props_texts(const struct run *r, const struct expr *x)
{
    struct row_function f = {.text = text_at};
    return map_texts(r, x, &f);
}

struct numbers props_numbers(const struct run *r, const struct expr *x)
{
    struct row_function f = {.number = x->op == EXPR_PROPS_INT ? int_at : number_at};
    return map_numbers(r, x, &f);
}
