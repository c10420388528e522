/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { MAX_COLUMNS = 32, MAX_CELL_BYTES = 400, MEMBER_BYTES = 64 };

static bool find_element(const struct json *j, const struct json_value *array, const char *place,
                         struct json_value *out)
{
    struct json_walk walk = json_enter(j, array);
    struct json_member m;
    for (unsigned long i = strtoul(place, NULL, 10); json_next(&walk, &m); i--)
        if (i == 0) {
            *out = m.value;
            return true;
        }
    return false;
}

/* "a.b": the member b of the member a; of an array "0" is the first element. */
static bool find_member(const struct json *j, const struct json_value *object, const char *member,
                        struct json_value *out)
{
    *out = *object;
    while (*member != '\0') {
        char name[MEMBER_BYTES];
        size_t n = strcspn(member, ".");
        struct json_value inner;
        if (n >= sizeof(name))
            return false;
        memcpy(name, member, n);
        name[n] = '\0';
        bool found = out->type == JSON_ARRAY    ? find_element(j, out, name, &inner)
                     : out->type == JSON_OBJECT ? json_get(j, out, name, &inner, NULL) == 1
                                                : false;
        if (!found)
            return false;
        *out = inner;
        member += n + (member[n] == '.');
    }
    return true;
}

/* Control characters would play with the terminal. */
static void put_text(struct buf *b, struct span text)
{
    text = utf8_cut(text, MAX_CELL_BYTES);
    for (size_t i = 0; i < text.n; i++)
        buf_put_byte(b, (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' '
                                                                             : (uint8_t)text.p[i]);
}

static void put_value(struct buf *b, const struct json *j, const struct json_value *v)
{
    if (v->type == JSON_STRING)
        put_text(b, v->text);
    else if (v->type == JSON_BOOL)
        buf_put_text(b, v->boolean ? "yes" : "no");
    else if (v->type == JSON_ARRAY) {
        const char *comma = "";
        struct json_walk walk = json_enter(j, v);
        for (struct json_member m; json_next(&walk, &m); comma = ",") {
            buf_put_text(b, comma);
            if (m.value.type != JSON_ARRAY)
                put_value(b, j, &m.value);
        }
    } else if (v->type != JSON_NULL && v->type != JSON_OBJECT)
        buf_put_span(b, json_number_text(j, v));
}

/* Characters, as far as a terminal's columns go by them. */
static int width_of(struct span text)
{
    int width = 0;
    for (size_t i = 0; i < text.n; i++)
        width += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return width;
}

struct grid {
    struct buf text; /* all cells */
    size_t *ends;    /* of each cell in text */
    size_t n, room;
    int widths[MAX_COLUMNS];
    int n_columns;
};

static struct span cell(const struct grid *g, size_t i)
{
    size_t from = i == 0 ? 0 : g->ends[i - 1];
    return (struct span){(const char *)g->text.p + from, g->ends[i] - from};
}

static void end_cell(struct grid *g)
{
    if (g->n == g->room) {
        g->room = g->room == 0 ? 256 : 2 * g->room;
        g->ends = mem_resize(g->ends, g->room * sizeof(*g->ends));
    }
    g->ends[g->n++] = g->text.n;
    int *width = &g->widths[(g->n - 1) % (size_t)g->n_columns], w = width_of(cell(g, g->n - 1));
    *width = w > *width ? w : *width;
}

static void print_grid(const struct grid *g, const struct column *columns)
{
    for (size_t i = 0; i < g->n; i++) {
        int column = (int)(i % (size_t)g->n_columns);
        struct span s = cell(g, i);
        int gap = g->widths[column] - width_of(s);
        bool last = column + 1 == g->n_columns;
        if (columns[column].to_right)
            printf("%*s", gap, "");
        printf("%.*s", SPAN_ARGS(s));
        if (!columns[column].to_right && !last)
            printf("%*s", gap, "");
        printf("%s", last ? "\n" : "  ");
    }
}

void columns_print(const struct column *columns, const struct json *j,
                   const struct json_value *rows)
{
    struct grid g = {0};
    for (; columns[g.n_columns].title != NULL && g.n_columns < MAX_COLUMNS;)
        g.n_columns++;
    buf_reserve(&g.text, 1); /* so that text.p is there */
    for (int i = 0; i < g.n_columns; i++) {
        buf_put_text(&g.text, columns[i].title);
        end_cell(&g);
    }
    struct json_walk walk = json_enter(j, rows);
    for (struct json_member m; json_next(&walk, &m);)
        for (int i = 0; i < g.n_columns; i++) {
            struct json_value v;
            if (find_member(j, &m.value, columns[i].member, &v))
                put_value(&g.text, j, &v);
            end_cell(&g);
        }
    print_grid(&g, columns);
    buf_clear(&g.text);
    free(g.ends);
}

void columns_print_one(const struct column *columns, const struct json *j,
                       const struct json_value *object)
{
    int width = 0;
    for (const struct column *c = columns; c->title != NULL; c++)
        width = (int)strlen(c->title) > width ? (int)strlen(c->title) : width;
    for (const struct column *c = columns; c->title != NULL; c++) {
        struct buf text = {0};
        struct json_value v;
        if (find_member(j, object, c->member, &v))
            put_value(&text, j, &v);
        if (text.n > 0)
            printf("%-*s  %.*s\n", width, c->title, (int)text.n, (char *)text.p);
        buf_clear(&text);
    }
}
