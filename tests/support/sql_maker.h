/* SPDX-License-Identifier: Apache-2.0 */
/* Random SQL: typed expressions over the relation events, and whole views. PostgreSQL takes all of
 * it; some of it can fail when it runs, which is what the front end has to find out. */
#ifndef SUPPORT_SQL_MAKER_H
#define SUPPORT_SQL_MAKER_H

#include "base/buf.h"

enum made_type { MADE_BOOL, MADE_INT, MADE_NUMBER, MADE_TEXT, N_MADE_TYPES };

/* An expression in brackets. depth: 0 for a column or a constant. */
void sql_make(struct buf *out, uint64_t *seed, enum made_type type, unsigned depth);
/* A definition of the view of this number. */
void sql_make_view(struct buf *out, uint64_t *seed, unsigned number);
/* Texts with everything that is special to some function; for events and constants alike. */
const char *sql_maker_text(uint64_t *seed);
/* A flat object of hostile properties; valid until the next call. */
const char *sql_maker_props(uint64_t *seed);

#endif
