/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as rows of the relation `sessions`: columns in the bytes of the log, for the expressions
 * of a plan. */
#ifndef VIEWS_SESSION_ROWS_H
#define VIEWS_SESSION_ROWS_H

#include "views/sessions.h"

/* Zeroed, with columns set: no rows. */
struct session_rows {
    uint32_t columns; /* that are made: bit 1 << enum session_column; the others are NULL */
    uint32_t count;
    struct buf elements[N_SESSION_COLUMNS];
    struct column_slice slices[N_SESSION_COLUMNS];
};

void session_rows_add(struct session_rows *r, struct span site, uint64_t visitor,
                      const struct session *s);
struct row_slice session_rows_slice(struct session_rows *r); /* borrowed until the rows change */
void session_rows_reset(struct session_rows *r);             /* keeps the memory */
void session_rows_clear(struct session_rows *r);

/* A collector's sessions that start in [range_us[0], range_us[1]), as rows of a plan over sessions:
 * for a question that is asked once. The collector has taken in, in order, all events of the site
 * from SESSION_GAP_US before the range on; what is before neither starts nor delays any of them. */
void session_rows_give(const struct sessions *from, const struct plan *p, const int64_t range_us[2],
                       struct aggregate *to);

#endif
