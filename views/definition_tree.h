/* SPDX-License-Identifier: Apache-2.0 */
/* The parse tree of a statement, as PostgreSQL's parser makes it: nodes with a type ("A_Expr"),
 * named fields and a place in the text. What a field holds is a node, too: a text, a number, a list
 * or a structure. Immutable once made; it lives in an arena. */
#ifndef VIEWS_DEFINITION_TREE_H
#define VIEWS_DEFINITION_TREE_H

#include <stdint.h>

#include "base/json.h"
#include "base/mem.h"

enum tree_kind { TREE_TEXT, TREE_INT, TREE_BOOL, TREE_LIST, TREE_NODE };

enum { TREE_NOWHERE = -1, TREE_MAX_NODES = 40000 };

struct tree {
    enum tree_kind kind;
    struct span type; /* of a node: "ColumnRef"; empty for a structure that has no name */
    int32_t location; /* byte offset in the text; TREE_NOWHERE */
    int64_t integer;  /* of an int or a bool */
    struct span text;
    uint32_t n; /* elements of a list, fields of a node */
    struct tree **items;
    struct span *keys;       /* of a node */
    const struct tree *twin; /* where it came from in another tree (definition_place.h), or NULL */
    bool taken;              /* is a twin already */
};

/* Copies a JSON value of the parser. ERR_INPUT: it has too many nodes. */
struct tree_source {
    const struct json *json;
    struct arena *memory;
    uint32_t n_nodes;
};
int tree_make(struct tree_source *s, const struct json_value *value, struct tree **out,
              struct err *e) MUST_CHECK;

/* Gives a node without fields one. */
void tree_add_int(struct tree *t, struct arena *memory, const char *field, int64_t value);

bool tree_is(const struct tree *t, const char *type); /* NULL is none */
/* The field of a node, or NULL when it is not there (the parser leaves out what is 0 or false). */
struct tree *tree_get(const struct tree *t, const char *field);
struct span tree_text(const struct tree *t, const char *field); /* absent */
int64_t tree_int(const struct tree *t, const char *field);      /* 0 */
bool tree_flag(const struct tree *t, const char *field);        /* false */
uint32_t tree_count(const struct tree *t, const char *field);   /* elements of a list; 0 */
struct tree *tree_at(const struct tree *t, const char *field, uint32_t i);
/* Element i of a list of String nodes, the last one with i = tree_count - 1. */
struct span tree_name(const struct tree *t, const char *field, uint32_t i);
struct span tree_last_name(const struct tree *t, const char *field);
/* Its own place, else the first below it. */
int32_t tree_location(const struct tree *t);

/* Whether both say the same, wherever they stand. */
bool tree_equal(const struct tree *a, const struct tree *b);

#endif
