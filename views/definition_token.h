/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of an SQL text, as PostgreSQL's lexer cuts it (documentation, 4.1): where clauses
 * begin and brackets end, without understanding what stands between. Any bytes are safe to give. */
#ifndef VIEWS_DEFINITION_TOKEN_H
#define VIEWS_DEFINITION_TOKEN_H

#include <stdint.h>

#include "base/span.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* a name or keyword without quotes */
    TOKEN_QUOTED, /* a quoted name */
    TOKEN_STRING, /* with its quotes; $$ and E'' too */
    TOKEN_NUMBER,
    TOKEN_MARK /* one character of anything else */
};

struct token {
    enum token_kind kind;
    struct span text; /* in place */
    unsigned depth;   /* of brackets around it; both brackets of a pair have the outer depth */
};

struct token_walk {
    const char *at, *end;
    unsigned depth;
    unsigned comments; /* how many were open within each other so far, at most */
};

static inline struct token_walk token_walk_of(struct span text)
{
    return (struct token_walk){text.p, text.p + text.n, 0, 0};
}

/* Comments and white space are passed over. false: at the end. */
bool token_next(struct token_walk *w, struct token *out);
bool token_is_word(const struct token *t, const char *lower_case); /* in any case */
bool token_is_mark(const struct token *t, char c);

int64_t token_int(const struct token *t); /* of a number of up to 18 digits, else 0 */

/* How deep the tree of the text can become at most, from its brackets, operators and words. For
 * comments within comments PostgreSQL takes time that grows with the square: few are possible. */
enum { TOKEN_MAX_BRACKETS = 250, TOKEN_MAX_COMMENTS = 16 };
unsigned token_nesting(struct span text);

#endif
