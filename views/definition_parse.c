/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's own parser, as a library: text -> JSON -> tree. It recurses with the nesting of the
 * text, and so does what reads its tree: the text is measured first. */
#include <pg_query.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "views/definition_internal.h"
#include "views/definition_token.h"

enum {
    MAX_NESTING = 4000,            /* libpg_query takes about 250 bytes of stack for each */
    MAX_JSON_DEPTH = 1000,         /* four for an operator */
    MAX_JSON_BYTES = 64 * 1048576, /* some hundred bytes for one of the text, at worst */
};

static int check_text(struct span text, int32_t *at, struct err *e)
{
    *at = TREE_NOWHERE;
    if (text.n > DEFINITION_MAX_BYTES)
        return err_set(e, ERR_INPUT, "the text has %zu bytes; at most %d are possible", text.n,
                       DEFINITION_MAX_BYTES);
    const char *nul = text.n == 0 ? NULL : memchr(text.p, '\0', text.n);
    if (nul != NULL) {
        *at = (int32_t)(nul - text.p);
        return err_set(e, ERR_INPUT, "the text holds a NUL byte; take it out");
    }
    if (!utf8_valid(text))
        return err_set(e, ERR_INPUT, "the text is not UTF-8; save the file as UTF-8");
    if (token_nesting(text) > MAX_NESTING)
        return err_set(e, ERR_INPUT,
                       "the text is nested too deeply, or an expression is too long;"
                       " write x IN (…) for many conditions x = …");
    return 0;
}

static int take_statement(const struct json *json, const struct json_value *root,
                          struct arena *memory, struct tree **out, int32_t *at, struct err *e)
{
    struct tree_source source = {json, memory, 0};
    struct tree *all;
    if (tree_make(&source, root, &all, e) != 0)
        return -1;
    if (tree_count(all, "stmts") == 1) {
        *out = tree_get(tree_at(all, "stmts", 0), "stmt");
        if (*out != NULL)
            return 0;
    }
    if (tree_count(all, "stmts") == 0)
        return err_set(e, ERR_INPUT, "the text has no statement");
    *at = (int32_t)tree_int(tree_at(all, "stmts", 1), "stmt_location");
    return err_set(e, ERR_INPUT, "the text has several statements; give one");
}

/* The JSON leaves out ints that are not above 0: these are read from the text. */
static void mend_ints(struct tree *t, struct span text, struct arena *memory)
{
    struct tree *value = tree_is(t, "A_Const") ? tree_get(t, "ival") : NULL;
    if (value != NULL && value->n == 0 && t->location >= 0 && (size_t)t->location < text.n) {
        struct token_walk w =
            token_walk_of((struct span){text.p + t->location, text.n - (size_t)t->location});
        struct token token;
        bool negative = token_next(&w, &token) && token_is_mark(&token, '-');
        if (negative)
            (void)token_next(&w, &token);
        tree_add_int(value, memory, "ival", token_int(&token) * (negative ? -1 : 1));
    }
    for (uint32_t i = 0; i < t->n; i++)
        mend_ints(t->items[i], text, memory);
}

static int read_json(const char *text, struct arena *memory, struct tree **out, int32_t *at,
                     struct err *e)
{
    struct json *json = json_new(MAX_JSON_BYTES, MAX_JSON_DEPTH);
    struct json_value root;
    struct err unreadable = {0};
    int result = json_parse(json, span_of(text), &root, &unreadable);
    if (result != 0) /* the parser writes good JSON: what is wrong is its depth */
        err_set(e, ERR_INPUT, "the text is nested too deeply");
    else
        result = take_statement(json, &root, memory, out, at, e);
    json_free(json);
    return result;
}

int definition_parse(struct span text, struct arena *memory, struct tree **statement, int32_t *at,
                     struct err *e)
{
    if (check_text(text, at, e) != 0)
        return -1;
    char *copy = mem_copy_span(text);
    PgQueryParseResult parsed = pg_query_parse(copy);
    int result = -1;
    if (parsed.error != NULL) {
        if (parsed.error->cursorpos > 0)
            *at = (int32_t)definition_byte_of(text, (size_t)parsed.error->cursorpos);
        err_set(e, ERR_INPUT, "%s", parsed.error->message);
    } else {
        result = read_json(parsed.parse_tree, memory, statement, at, e);
        if (result == 0)
            mend_ints(*statement, text, memory);
    }
    pg_query_free_parse_result(parsed);
    free(copy);
    return result;
}
