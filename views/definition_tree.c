/* SPDX-License-Identifier: Apache-2.0 */
#include "views/definition_tree.h"

static struct tree *new_tree(struct arena *memory, enum tree_kind kind)
{
    struct tree *t = arena_alloc(memory, sizeof(*t));
    *t = (struct tree){.kind = kind, .location = TREE_NOWHERE, .type = {"", 0}};
    return t;
}

static void make_room(struct arena *memory, struct tree *t, uint32_t n)
{
    t->items = arena_alloc(memory, n * sizeof(*t->items) + 1);
    t->keys = arena_alloc(memory, n * sizeof(*t->keys) + 1);
}

static int take_members(struct tree_source *s, const struct json_value *value, struct tree *t,
                        struct err *e)
{
    struct json_walk w = json_enter(s->json, value);
    struct json_member m;
    make_room(s->memory, t, json_count(s->json, value));
    while (json_next(&w, &m)) {
        if (span_is(m.key, "location")) {
            t->location = (int32_t)m.value.integer;
            continue;
        }
        t->keys[t->n] = span_absent(m.key) ? m.key : arena_copy(s->memory, m.key);
        if (tree_make(s, &m.value, &t->items[t->n], e) != 0)
            return -1;
        t->n++;
    }
    return 0;
}

/* {"ColumnRef": {...}} is a node of that type; other objects are structures without one. */
static bool is_wrapper(const struct tree_source *s, const struct json_value *object,
                       struct json_member *inner)
{
    if (json_count(s->json, object) != 1)
        return false;
    struct json_walk w = json_enter(s->json, object);
    return json_next(&w, inner) && inner->value.type == JSON_OBJECT && inner->key.n > 0 &&
           inner->key.p[0] >= 'A' && inner->key.p[0] <= 'Z';
}

static int make_node(struct tree_source *s, const struct json_value *value, struct tree **out,
                     struct err *e)
{
    struct json_member inner = {.value = *value};
    *out = new_tree(s->memory, TREE_NODE);
    if (is_wrapper(s, value, &inner))
        (*out)->type = arena_copy(s->memory, inner.key);
    else
        inner.value = *value;
    return take_members(s, &inner.value, *out, e);
}

int tree_make(struct tree_source *s, const struct json_value *value, struct tree **out,
              struct err *e)
{
    if (++s->n_nodes > TREE_MAX_NODES)
        return err_set(e, ERR_INPUT, "the statement is too large");
    switch (value->type) {
    case JSON_OBJECT:
        return make_node(s, value, out, e);
    case JSON_ARRAY:
        *out = new_tree(s->memory, TREE_LIST);
        return take_members(s, value, *out, e);
    case JSON_STRING:
        *out = new_tree(s->memory, TREE_TEXT);
        (*out)->text = arena_copy(s->memory, value->text);
        return 0;
    case JSON_BOOL:
        *out = new_tree(s->memory, TREE_BOOL);
        (*out)->integer = value->boolean;
        return 0;
    case JSON_INT:
        *out = new_tree(s->memory, TREE_INT);
        (*out)->integer = value->integer;
        return 0;
    default:
        return err_set(e, ERR_DATA, "the parser gave a value of an unknown kind");
    }
}

void tree_add_int(struct tree *t, struct arena *memory, const char *field, int64_t value)
{
    make_room(memory, t, 1);
    t->items[0] = new_tree(memory, TREE_INT);
    t->items[0]->integer = value;
    t->keys[0] = span_of(field);
    t->n = 1;
}

bool tree_is(const struct tree *t, const char *type)
{
    return t != NULL && t->kind == TREE_NODE && span_is(t->type, type);
}

struct tree *tree_get(const struct tree *t, const char *field)
{
    if (t == NULL || t->kind != TREE_NODE)
        return NULL;
    for (uint32_t i = 0; i < t->n; i++)
        if (span_is(t->keys[i], field))
            return t->items[i];
    return NULL;
}

struct span tree_text(const struct tree *t, const char *field)
{
    const struct tree *f = tree_get(t, field);
    return f == NULL || f->kind != TREE_TEXT ? SPAN_ABSENT : f->text;
}

int64_t tree_int(const struct tree *t, const char *field)
{
    const struct tree *f = tree_get(t, field);
    return f == NULL ? 0 : f->integer;
}

bool tree_flag(const struct tree *t, const char *field)
{
    return tree_int(t, field) != 0;
}

uint32_t tree_count(const struct tree *t, const char *field)
{
    const struct tree *f = tree_get(t, field);
    return f == NULL || f->kind != TREE_LIST ? 0 : f->n;
}

struct tree *tree_at(const struct tree *t, const char *field, uint32_t i)
{
    const struct tree *f = tree_get(t, field);
    return f == NULL || f->kind != TREE_LIST || i >= f->n ? NULL : f->items[i];
}

struct span tree_name(const struct tree *t, const char *field, uint32_t i)
{
    return tree_text(tree_at(t, field, i), "sval");
}

struct span tree_last_name(const struct tree *t, const char *field)
{
    uint32_t n = tree_count(t, field);
    return n == 0 ? SPAN_ABSENT : tree_name(t, field, n - 1);
}

int32_t tree_location(const struct tree *t)
{
    if (t == NULL || t->location != TREE_NOWHERE)
        return t == NULL ? TREE_NOWHERE : t->location;
    for (uint32_t i = 0; i < t->n; i++) {
        int32_t below = tree_location(t->items[i]);
        if (below != TREE_NOWHERE)
            return below;
    }
    return TREE_NOWHERE;
}

bool tree_equal(const struct tree *a, const struct tree *b)
{
    if (a->kind != b->kind || a->n != b->n || a->integer != b->integer ||
        !span_equal(a->type, b->type) || !span_equal(a->text, b->text))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!span_equal(a->keys[i], b->keys[i]) || !tree_equal(a->items[i], b->items[i]))
            return false;
    return true;
}
