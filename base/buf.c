/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

uint8_t *buf_grow(struct buf *b, size_t n)
{
    if (b->failed || n > SIZE_MAX / 4 || (b->max != 0 && (n > b->max || b->n > b->max - n))) {
        b->failed = true;
        return NULL;
    }
    if (b->p == NULL || b->cap - b->n < n) {
        size_t cap = b->cap < 128 ? 128 : b->cap;
        while (cap - b->n < n)
            cap *= 2;
        if (b->max != 0 && cap > b->max)
            cap = b->max; /* so that the room alone decides in buf_reserve */
        b->p = mem_resize(b->p, cap);
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : (char *)buf_reserve(b, (size_t)n + 1);
    if (to != NULL) {
        vsnprintf(to, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

static void put_json_control(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        buf_put_text(b, "\\\"");
        break;
    case '\\':
        buf_put_text(b, "\\\\");
        break;
    case '\n':
        buf_put_text(b, "\\n");
        break;
    case '\t':
        buf_put_text(b, "\\t");
        break;
    case '\r':
        buf_put_text(b, "\\r");
        break;
    default:
        buf_printf(b, "\\u%04x", c);
    }
}

void buf_put_json(struct buf *b, struct span text)
{
    if (span_absent(text)) {
        buf_put_text(b, "null");
        return;
    }
    buf_put_byte(b, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_put(b, text.p + start, i - start);
        put_json_control(b, c);
        start = i + 1;
    }
    buf_put(b, text.p + start, text.n - start);
    buf_put_byte(b, '"');
}

void buf_clear(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}
