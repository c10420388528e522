/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BLOCK_BYTES = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(16) unsigned char bytes[];
};

static void *or_abort(void *p)
{
    if (p == NULL) {
        fputs("footfall: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *mem_alloc(size_t size)
{
    return or_abort(calloc(1, size == 0 ? 1 : size));
}

void *mem_resize(void *p, size_t size)
{
    return or_abort(realloc(p, size == 0 ? 1 : size));
}

void mem_give_back(void)
{
    malloc_trim(0);
}

char *mem_copy_text(const char *text)
{
    return text == NULL ? NULL : mem_copy_span(span_of(text));
}

char *mem_copy_span(struct span s)
{
    char *copy = mem_resize(NULL, s.n + 1);
    if (s.n != 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

char *mem_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(n < 0 ? NULL : text);
}

static struct arena_block *arena_grow(struct arena *a, size_t size)
{
    size_t room = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
    struct arena_block *b = mem_resize(NULL, sizeof(*b) + room);
    *b = (struct arena_block){.next = a->blocks, .size = room};
    a->blocks = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct arena_block *b = a->blocks;
    if (b == NULL || b->size - b->used < size)
        b = arena_grow(a, size);
    void *p = b->bytes + b->used;
    b->used += size;
    a->used_bytes += size;
    return p;
}

struct span arena_copy(struct arena *a, struct span s)
{
    if (span_absent(s))
        return s;
    char *p = arena_alloc(a, s.n == 0 ? 1 : s.n);
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    return (struct span){p, s.n};
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->blocks;
    while (keep != NULL && keep->next != NULL) {
        struct arena_block *next = keep->next;
        free(keep);
        keep = next;
    }
    if (keep != NULL)
        keep->used = 0;
    a->blocks = keep;
    a->used_bytes = 0;
}

void arena_clear(struct arena *a)
{
    arena_reset(a);
    free(a->blocks);
    a->blocks = NULL;
}
