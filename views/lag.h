/* SPDX-License-Identifier: Apache-2.0 */
/* How long something has been behind the log, at least: since the head of the log passed what it
 * has. While events come all the time it is never quite at the head, so heads are kept with the
 * time they were seen; those that it has reached go, the first of the others tells. Zeroed: not
 * behind. */
#ifndef VIEWS_LAG_H
#define VIEWS_LAG_H

#include <stdint.h>
#include <string.h>

enum { LAG_MARKS = 32, LAG_SPACING_US = 20000 };

struct lag {
    struct lag_mark {
        uint64_t head;
        int64_t at_us;
    } marks[LAG_MARKS]; /* oldest first */
    unsigned n;
    int64_t spacing_us; /* between marks, at least */
};

/* Every second one goes. */
static inline void lag_thin(struct lag *l)
{
    l->spacing_us *= 2;
    for (unsigned i = 0; i < LAG_MARKS / 2; i++)
        l->marks[i] = l->marks[2 * i];
    l->n = LAG_MARKS / 2;
}

/* What is known now. */
static inline void lag_note(struct lag *l, uint64_t offset, uint64_t head, int64_t now_us)
{
    unsigned reached = 0;
    while (reached < l->n && l->marks[reached].head <= offset)
        reached++;
    l->n -= reached;
    memmove(l->marks, l->marks + reached, l->n * sizeof(l->marks[0]));
    if (l->n == 0)
        l->spacing_us = LAG_SPACING_US;
    if (offset >= head || (l->n > 0 && (head <= l->marks[l->n - 1].head ||
                                        now_us - l->marks[l->n - 1].at_us < l->spacing_us)))
        return;
    if (l->n == LAG_MARKS)
        lag_thin(l);
    l->marks[l->n++] = (struct lag_mark){head, now_us};
}

static inline int64_t lag_us(const struct lag *l, int64_t now_us)
{
    return l->n == 0 ? 0 : now_us - l->marks[0].at_us;
}

#endif
