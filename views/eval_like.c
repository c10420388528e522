/* SPDX-License-Identifier: Apache-2.0 */
/* LIKE and ILIKE: the pattern is compiled once a slice. Most are a text, its start, its end or a
 * part of it and need no matching of their own. ILIKE is LIKE of both in lower case, as PostgreSQL
 * has it. */
#include "base/utf8.h"
#include "views/eval_internal.h"

/* A code of a pattern: a byte, or one of these. */
enum { CODE_ONE = 256, CODE_MANY }; /* _ and % */

struct pattern {
    const uint16_t *codes;
    size_t n;
    struct span literal; /* the bytes of the pattern without wildcards at its ends */
};

/* ---- compiling ---- */

/* Several % in a row are one; what follows \ is itself. */
static void compile(const struct run *r, struct span text, struct pattern *out)
{
    uint16_t *codes = arena_alloc(r->memory, (text.n + 1) * sizeof(*codes));
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        bool escaped = text.p[i] == '\\' && i + 1 < text.n;
        i += escaped;
        uint16_t code = (unsigned char)text.p[i];
        if (!escaped && text.p[i] == '_')
            code = CODE_ONE;
        if (!escaped && text.p[i] == '%')
            code = CODE_MANY;
        if (code != CODE_MANY || n == 0 || codes[n - 1] != CODE_MANY)
            codes[n++] = code;
    }
    *out = (struct pattern){.codes = codes, .n = n};
}

/* The bytes between the ends' %; false when there are wildcards among them. */
static bool find_literal(const struct run *r, struct pattern *p, size_t from, size_t to)
{
    char *bytes = arena_alloc(r->memory, to - from + 1);
    for (size_t i = from; i < to; i++) {
        if (p->codes[i] >= CODE_ONE)
            return false;
        bytes[i - from] = (char)p->codes[i];
    }
    p->literal = (struct span){bytes, to - from};
    return true;
}

/* ---- matching ---- */

static bool is_text(const struct arg *args, const void *context)
{
    const struct pattern *p = context;
    return span_equal(args[0].text, p->literal);
}

static bool is_start(const struct arg *args, const void *context)
{
    const struct pattern *p = context;
    struct span s = args[0].text;
    return s.n >= p->literal.n && memcmp(s.p, p->literal.p, p->literal.n) == 0;
}

static bool is_end(const struct arg *args, const void *context)
{
    const struct pattern *p = context;
    struct span s = args[0].text;
    return s.n >= p->literal.n && memcmp(s.p + s.n - p->literal.n, p->literal.p, p->literal.n) == 0;
}

static bool is_part(const struct arg *args, const void *context)
{
    const struct pattern *p = context;
    struct span s = args[0].text;
    return p->literal.n == 0 || memmem(s.p, s.n, p->literal.p, p->literal.n) != NULL;
}

/* Where the code behind a % can match, at or after a place: a byte is searched for. SIZE_MAX:
 * nowhere. */
static size_t next_place(const struct pattern *p, size_t code, struct span s, size_t at)
{
    if (code == p->n || p->codes[code] >= CODE_ONE)
        return at;
    const char *found = memchr(s.p + at, p->codes[code], s.n - at);
    return found == NULL ? SIZE_MAX : (size_t)(found - s.p);
}

/* A mismatch goes back to the last %, which takes one character more: what an earlier one would
 * take can be left as it is, for what matched between them matched at its first place. */
static bool matches(const struct arg *args, const void *context)
{
    const struct pattern *p = context;
    struct span s = args[0].text;
    size_t at = 0, code = 0, many = SIZE_MAX, many_at = 0;
    while (at < s.n) {
        uint16_t c = code < p->n ? p->codes[code] : 0; /* no text holds 0 */
        if (c == CODE_ONE) {
            code++;
            at += utf8_width(s.p[at]);
        } else if (c == (unsigned char)s.p[at]) {
            code++;
            at++;
        } else if (c == CODE_MANY || many != SIZE_MAX) {
            if (c == CODE_MANY)
                many = code;
            many_at = c == CODE_MANY ? at : many_at + utf8_width(s.p[many_at]);
            code = many + 1;
            at = many_at = next_place(p, code, s, many_at);
        } else {
            return false;
        }
    }
    return at == s.n && (code == p->n || (code + 1 == p->n && p->codes[code] == CODE_MANY));
}

static bool (*matcher_of(const struct run *r, struct pattern *p))(const struct arg *, const void *)
{
    bool open_start = p->n > 0 && p->codes[0] == CODE_MANY;
    bool open_end = p->n > 1 && p->codes[p->n - 1] == CODE_MANY;
    if (!find_literal(r, p, open_start, p->n - open_end))
        return matches;
    if (open_start)
        return open_end || p->n == 1 ? is_part : is_end;
    return open_end ? is_start : is_text;
}

/* ---- the operations ---- */

static struct truths match_slice(const struct run *r, struct texts texts, enum expr_op op,
                                 const struct row_function *f)
{
    struct text_cursor c = text_cursor_of(&texts);
    uint8_t *out = texts.varies ? truths_new(r) : NULL;
    struct arg arg = {0};
    for (uint32_t i = 0; i < (texts.varies ? r->rows->count : 1); i++) {
        arg.text = text_next(&c);
        if (op == EXPR_ILIKE && !span_absent(arg.text))
            arg.text = text_lower(r, arg.text);
        enum truth t = span_absent(arg.text) ? TRUTH_NULL : truth_of(f->truth(&arg, f->context));
        if (out == NULL)
            return truths_all(t);
        out[i] = (uint8_t)t;
    }
    return (struct truths){.of_row = out};
}

struct truths like_truths(const struct run *r, const struct expr *x)
{
    struct pattern p;
    if (x->args[1]->null)
        return truths_all(TRUTH_NULL);
    struct span text = x->args[1]->text;
    compile(r, x->op == EXPR_ILIKE ? text_lower(r, text) : text, &p);
    struct row_function f = {.truth = matcher_of(r, &p), .context = &p};
    return match_slice(r, texts_of(r, x->args[0]), x->op, &f);
}
