/* SPDX-License-Identifier: Apache-2.0 */
#include "views/definition_token.h"

#include <string.h>
#include <strings.h>

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts(const char *at, const char *end, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(end - at) >= n && memcmp(at, with, n) == 0;
}

/* Behind a comment that may hold others; at its end. most: how many are open at once. */
static const char *block_comment_end(const char *at, const char *end, unsigned *most)
{
    unsigned depth = 0;
    while (at < end) {
        if (starts(at, end, "/*")) {
            depth++;
            *most = depth > *most ? depth : *most;
            at += 2;
        } else if (starts(at, end, "*/")) {
            at += 2;
            if (--depth == 0)
                break;
        } else {
            at++;
        }
    }
    return at;
}

static const char *skip_space(const char *at, const char *end, unsigned *comments)
{
    for (;;) {
        if (at < end && is_space(*at)) {
            at++;
        } else if (starts(at, end, "--")) {
            while (at < end && *at != '\n' && *at != '\r')
                at++;
        } else if (starts(at, end, "/*")) {
            at = block_comment_end(at, end, comments);
        } else {
            return at;
        }
    }
}

/* at: the opening quote. A doubled quote is part of the text; with escapes, so is what follows a
 * backslash. */
static const char *quoted_end(const char *at, const char *end, bool escapes)
{
    char quote = *at++;
    while (at < end) {
        if (escapes && *at == '\\' && at + 1 < end)
            at += 2;
        else if (*at != quote)
            at++;
        else if (at + 1 < end && at[1] == quote)
            at += 2;
        else
            return at + 1;
    }
    return end;
}

/* $tag$ ... $tag$; at itself when it is none. */
static const char *dollar_end(const char *at, const char *end)
{
    const char *p = at + 1;
    if (p < end && is_digit(*p))
        return at;
    while (p < end && is_word(*p) && *p != '$')
        p++;
    if (p == end || *p != '$')
        return at;
    size_t n = (size_t)(p + 1 - at);
    const char *close = memmem(p + 1, (size_t)(end - p - 1), at, n);
    return close == NULL ? end : close + n;
}

static const char *number_end(const char *at, const char *end)
{
    while (at < end && (is_word(*at) || *at == '.' ||
                        ((*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E'))))
        at++;
    return at;
}

static const char *word_end(const char *at, const char *end)
{
    while (at < end && is_word(*at))
        at++;
    return at;
}

/* E'...', B'...', X'...', N'...'. */
static bool is_prefix(const char *at, const char *end)
{
    return end - at >= 2 && at[1] == '\'' && strchr("eEbBxXnN", at[0]) != NULL;
}

static enum token_kind token_at(const char *at, const char *end, const char **after)
{
    if (is_prefix(at, end)) {
        *after = quoted_end(at + 1, end, at[0] == 'e' || at[0] == 'E');
        return TOKEN_STRING;
    }
    if (*at == '\'' || *at == '"') {
        *after = quoted_end(at, end, false);
        return *at == '"' ? TOKEN_QUOTED : TOKEN_STRING;
    }
    if (*at == '$' && (*after = dollar_end(at, end)) != at)
        return TOKEN_STRING;
    if (is_word_start(*at)) {
        *after = word_end(at, end);
        return TOKEN_WORD;
    }
    if (is_digit(*at) || (*at == '.' && at + 1 < end && is_digit(at[1]))) {
        *after = number_end(at + 1, end);
        return TOKEN_NUMBER;
    }
    *after = at + 1;
    return TOKEN_MARK;
}

bool token_next(struct token_walk *w, struct token *out)
{
    const char *at = skip_space(w->at, w->end, &w->comments);
    *out = (struct token){.kind = TOKEN_END, .text = {at, 0}, .depth = w->depth};
    w->at = at;
    if (at == w->end)
        return false;
    out->kind = token_at(at, w->end, &w->at);
    out->text.n = (size_t)(w->at - at);
    if (out->kind == TOKEN_MARK && (*at == '(' || *at == '['))
        w->depth++;
    else if (out->kind == TOKEN_MARK && (*at == ')' || *at == ']') && w->depth > 0)
        out->depth = --w->depth;
    return true;
}

bool token_is_word(const struct token *t, const char *lower_case)
{
    size_t n = strlen(lower_case);
    return t->kind == TOKEN_WORD && t->text.n == n && strncasecmp(t->text.p, lower_case, n) == 0;
}

bool token_is_mark(const struct token *t, char c)
{
    return t->kind == TOKEN_MARK && t->text.p[0] == c;
}

int64_t token_int(const struct token *t)
{
    enum { MOST_DIGITS = 18 };
    int64_t value = 0;
    for (size_t i = 0; i < t->text.n; i++) {
        if (!is_digit(t->text.p[i]) || i == MOST_DIGITS)
            return 0;
        value = value * 10 + (t->text.p[i] - '0');
    }
    return value;
}

/* Every token may deepen the tree by one, until a comma ends the expression of its brackets. */
unsigned token_nesting(struct span text)
{
    struct token_walk w = token_walk_of(text);
    struct token t;
    unsigned within[TOKEN_MAX_BRACKETS + 1] = {0}, sum = 0, most = 0, depth = 0;
    while (token_next(&w, &t)) {
        if (w.depth > TOKEN_MAX_BRACKETS)
            return ~0u;
        for (; depth > w.depth; depth--) { /* brackets closed: what is in them is one operand */
            sum -= within[depth];
            within[depth] = 0;
        }
        depth = w.depth;
        if (token_is_mark(&t, ',')) {
            sum -= within[depth];
            within[depth] = 0;
            continue;
        }
        within[depth]++;
        sum++;
        most = sum > most ? sum : most;
    }
    return w.comments > TOKEN_MAX_COMMENTS ? ~0u : most;
}
