/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: out of memory aborts, so nothing here returns NULL. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/span.h"

void *mem_alloc(size_t size);           /* zeroed */
void *mem_resize(void *p, size_t size); /* realloc */
char *mem_copy_text(const char *text);  /* strdup; NULL stays NULL */
char *mem_copy_span(struct span s);     /* NUL-terminated copy */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns to the system what lies free between what is in use: after work that took much. */
void mem_give_back(void);

/* An arena: many small allocations with one lifetime (a batch, a turn). */
struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* of all blocks, for bounds */
};

void *arena_alloc(struct arena *a, size_t size); /* aligned to 16, not zeroed */
struct span arena_copy(struct arena *a, struct span s);
void arena_reset(struct arena *a); /* keeps one block for reuse */
void arena_clear(struct arena *a); /* frees everything */

#endif
