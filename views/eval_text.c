/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of texts, as PostgreSQL has them in UTF-8 with the collation "C": characters are code
 * points, letters are ASCII. What is a part of its argument is not copied. */
#include <assert.h>

#include "base/utf8.h"
#include "views/eval_internal.h"

static const struct span EMPTY = {"", 0};

static struct span part(struct span s, size_t from, size_t to)
{
    return (struct span){s.p + from, to - from};
}

/* As a count of characters of a text. */
static size_t within(int128 n, size_t limit)
{
    return n <= 0 ? 0 : n > (int128)limit ? limit : (size_t)n;
}

/* Where needle starts, at or after from; absent: nowhere. */
static const char *find(struct span s, size_t from, struct span needle)
{
    return memmem(s.p + from, s.n - from, needle.p, needle.n);
}

/* ---- lower, upper ---- */

/* 0x80 in each of eight bytes that is one of the 26 letters from first on: the sums reach bit 7
 * from the first letter on, and from behind the last one on. */
static uint64_t letters(uint64_t word, char first)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = word & 0x7f * each;
    uint64_t from = low + (uint64_t)(0x80 - first) * each;
    uint64_t behind = low + (uint64_t)(0x80 - (first + 26)) * each;
    return (from ^ behind) & ~word & 0x80 * each;
}

/* Whether there is one of these letters. */
static bool has_letters(struct span s, char first)
{
    size_t i = 0;
    uint64_t word, found = 0;
    for (; s.n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s.p + i, sizeof(word));
        found |= letters(word, first);
    }
    for (; i < s.n; i++)
        found |= (unsigned char)(s.p[i] - first) < 26;
    return found != 0;
}

/* s with the 26 letters from first on in the other case, which is bit 0x20 away. */
static struct span in_case(const struct run *r, struct span s, char first)
{
    if (!has_letters(s, first))
        return s;
    char *p = arena_alloc(r->memory, s.n);
    size_t i = 0;
    for (uint64_t word; s.n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s.p + i, sizeof(word));
        word ^= letters(word, first) >> 2;
        memcpy(p + i, &word, sizeof(word));
    }
    for (; i < s.n; i++)
        p[i] = (char)(s.p[i] ^ ((unsigned char)(s.p[i] - first) < 26) << 5);
    return (struct span){p, s.n};
}

struct span text_lower(const struct run *r, struct span s)
{
    return in_case(r, s, 'A');
}

static struct span lower(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    return text_lower(r, args[0].text);
}

static struct span upper(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    return in_case(r, args[0].text, 'a');
}

/* ---- parts ---- */

/* The characters from place `from` up to, not including, `to`; the first has place 1. */
static struct span characters(struct span s, int128 from, int128 to)
{
    size_t before = within(from - 1, s.n);
    size_t start = utf8_skip(s, before);
    struct span rest = part(s, start, s.n);
    return part(rest, 0, utf8_skip(rest, within(to - 1 - (int128)before, s.n)));
}

static struct span substring(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    return characters(args[0].text, args[1].number, args[1].number + args[2].number);
}

static struct span substring_from(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    struct span s = args[0].text;
    return part(s, utf8_skip(s, within(args[1].number - 1, s.n)), s.n);
}

static struct span left(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    struct span s = args[0].text;
    int128 n = args[1].number;
    if (n < 0)
        n += (int128)utf8_length(s);
    return part(s, 0, utf8_skip(s, within(n, s.n)));
}

static struct span right(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    struct span s = args[0].text;
    int128 n = args[1].number;
    if (n == INT32_MIN) /* PostgreSQL negates it in 32 bits, where it stays as it is */
        return s;
    return part(s, utf8_skip(s, within(n < 0 ? -n : (int128)utf8_length(s) - n, s.n)), s.n);
}

/* Field n of several; n is not 0, the separator is in s. */
static struct span field(struct span s, struct span separator, int128 n)
{
    int128 fields = 1;
    if (n < 0) {
        size_t at = 0;
        for (const char *p; (p = find(s, at, separator)) != NULL; fields++)
            at = (size_t)(p - s.p) + separator.n;
        n += fields + 1;
    }
    size_t start = 0;
    for (fields = 1; n > 0; fields++) {
        const char *p = find(s, start, separator);
        if (fields == n)
            return part(s, start, p == NULL ? s.n : (size_t)(p - s.p));
        if (p == NULL)
            break;
        start = (size_t)(p - s.p) + separator.n;
    }
    return EMPTY;
}

static struct span split_part(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    struct span s = args[0].text, separator = args[1].text;
    int128 n = args[2].number;
    if (separator.n == 0) /* one field */
        return n == 1 || n == -1 ? s : EMPTY;
    return field(s, separator, n);
}

/* ---- trim: the characters of a set ---- */

static bool in_set(struct span set, const char *character, size_t width)
{
    for (size_t at = 0; at < set.n; at += utf8_width(set.p[at]))
        if (utf8_width(set.p[at]) == width && memcmp(set.p + at, character, width) == 0)
            return true;
    return false;
}

static struct span trimmed_left(struct span s, struct span set)
{
    while (s.n > 0) {
        size_t width = utf8_width(s.p[0]);
        if (width > s.n || !in_set(set, s.p, width))
            break;
        s = part(s, width, s.n);
    }
    return s;
}

static struct span trimmed_right(struct span s, struct span set)
{
    while (s.n > 0) {
        size_t start = s.n - 1;
        while (start > 0 && ((unsigned char)s.p[start] & 0xc0) == 0x80)
            start--;
        if (!in_set(set, s.p + start, s.n - start))
            break;
        s.n = start;
    }
    return s;
}

static struct span trim(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    return trimmed_right(trimmed_left(args[0].text, args[1].text), args[1].text);
}

static struct span ltrim(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    return trimmed_left(args[0].text, args[1].text);
}

static struct span rtrim(const struct run *r, const struct arg *args, const void *context)
{
    (void)r;
    (void)context;
    return trimmed_right(args[0].text, args[1].text);
}

/* ---- texts made of texts ---- */

static char *put(char *to, struct span s)
{
    if (s.n != 0)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

static struct span joined(const struct run *r, struct span a, struct span b)
{
    if (a.n == 0 || b.n == 0)
        return a.n == 0 ? b : a;
    char *p = arena_alloc(r->memory, a.n + b.n);
    put(put(p, a), b);
    return (struct span){p, a.n + b.n};
}

static struct span concat_op(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    return joined(r, args[0].text, args[1].text);
}

/* concat(): a row of all arguments at a time; NULLs are empty. */
static struct span concat_row(const struct run *r, struct text_cursor *cursors, unsigned n,
                              struct span *row)
{
    size_t bytes = 0;
    for (unsigned k = 0; k < n; k++) {
        row[k] = text_next(&cursors[k]);
        bytes += row[k].n;
    }
    if (bytes == 0)
        return EMPTY;
    char *p = arena_alloc(r->memory, bytes), *at = p;
    for (unsigned k = 0; k < n; k++)
        at = put(at, row[k]);
    return (struct span){p, bytes};
}

static struct texts concat(const struct run *r, const struct expr *x)
{
    unsigned n = x->n_args;
    struct text_cursor *cursors = arena_alloc(r->memory, n * sizeof(*cursors));
    struct span *row = arena_alloc(r->memory, n * sizeof(*row));
    bool vary = false;
    for (unsigned k = 0; k < n; k++) {
        struct texts t = texts_of(r, x->args[k]);
        cursors[k] = text_cursor_of(&t);
        vary |= t.varies;
    }
    if (!vary)
        return texts_all(concat_row(r, cursors, n, row));
    struct span *out = texts_new(r);
    for (uint32_t i = 0; i < r->rows->count; i++)
        out[i] = concat_row(r, cursors, n, row);
    return texts_rows(out);
}

static struct span replaced(const struct run *r, struct span s, struct span from, struct span to,
                            size_t n)
{
    size_t bytes = s.n - n * from.n + n * to.n, at = 0;
    char *p = arena_alloc(r->memory, bytes == 0 ? 1 : bytes), *end = p;
    for (; n > 0; n--) {
        size_t found = (size_t)(find(s, at, from) - s.p);
        end = put(put(end, part(s, at, found)), to);
        at = found + from.n;
    }
    put(end, part(s, at, s.n));
    return (struct span){p, bytes};
}

static struct span replace(const struct run *r, const struct arg *args, const void *context)
{
    (void)context;
    struct span s = args[0].text, from = args[1].text;
    size_t n = 0, at = 0;
    if (from.n == 0)
        return s;
    for (const char *p; (p = find(s, at, from)) != NULL; n++)
        at = (size_t)(p - s.p) + from.n;
    return n == 0 ? s : replaced(r, s, from, args[2].text, n);
}

/* ---- numbers and truths of texts ---- */

static struct number length(const struct arg *args, const void *context)
{
    (void)context;
    return (struct number){.value = (int128)utf8_length(args[0].text)};
}

static struct number position(const struct arg *args, const void *context)
{
    (void)context;
    struct span s = args[0].text;
    const char *p = args[1].text.n == 0 ? s.p : find(s, 0, args[1].text);
    if (p == NULL)
        return (struct number){.value = 0};
    return (struct number){.value = (int128)utf8_length(part(s, 0, (size_t)(p - s.p))) + 1};
}

static bool starts_with(const struct arg *args, const void *context)
{
    (void)context;
    struct span s = args[0].text, start = args[1].text;
    return s.n >= start.n && span_equal(part(s, 0, start.n), start);
}

/* ---- dispatch ---- */

struct texts text_texts(const struct run *r, const struct expr *x)
{
    struct row_function f = {0};
    switch (x->op) {
    case EXPR_CONCAT:
        return concat(r, x);
    case EXPR_LOWER:
        f.text = lower;
        break;
    case EXPR_UPPER:
        f.text = upper;
        break;
    case EXPR_CONCAT_OP:
        f.text = concat_op;
        break;
    case EXPR_SUBSTRING:
        f.text = x->n_args == 2 ? substring_from : substring;
        break;
    case EXPR_LEFT:
        f.text = left;
        break;
    case EXPR_RIGHT:
        f.text = right;
        break;
    case EXPR_REPLACE:
        f.text = replace;
        break;
    case EXPR_SPLIT_PART:
        f.text = split_part;
        break;
    case EXPR_TRIM:
        f.text = trim;
        break;
    case EXPR_LTRIM:
        f.text = ltrim;
        break;
    case EXPR_RTRIM:
        f.text = rtrim;
        break;
    default:
        assert(!"no text: expr_check was not asked");
        return texts_all(SPAN_ABSENT);
    }
    return map_texts(r, x, &f);
}

struct numbers text_numbers(const struct run *r, const struct expr *x)
{
    struct row_function f = {.number = x->op == EXPR_LENGTH ? length : position};
    return map_numbers(r, x, &f);
}

struct truths text_starts_with(const struct run *r, const struct expr *x)
{
    struct row_function f = {.truth = starts_with};
    return map_truths(r, x, &f);
}
