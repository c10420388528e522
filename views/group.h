/* SPDX-License-Identifier: Apache-2.0 */
/* The value of a dimension, wherever groups are made, kept, asked for or shown. */
#ifndef VIEWS_GROUP_H
#define VIEWS_GROUP_H

#include "base/buf.h"
#include "views/relation.h"

struct group_value {
    enum value_type type; /* VALUE_TEXT, VALUE_INT or VALUE_BOOL */
    bool null;
    int64_t integer;  /* of an int; of a bool: 0 or 1 */
    struct span text; /* of a text; absent for NULL */
};

struct group_value group_of_element(enum value_type type, struct span bytes); /* of a column */
/* From a text as people write it: anything for a text, decimal digits, true or false; false when it
 * is none of that type. */
bool group_parse(enum value_type type, struct span text, struct group_value *out);
/* The same as PostgreSQL writes it (t, f); absent: NULL. */
bool group_parse_sql(enum value_type type, struct span text, struct group_value *out);

/* MessagePack: str, int, bool or nil. Reading takes only the type's own form. */
void group_pack(struct buf *out, const struct group_value *v);
bool group_read(struct span *in, enum value_type type, struct group_value *out);

/* Two values of one type: texts by their bytes, false before true, NULL last. */
int group_compare(const struct group_value *a, const struct group_value *b);

/* As people write it; absent for NULL. room: for what is not a text. */
enum { GROUP_TEXT_BYTES = 24 };
struct span group_text(const struct group_value *v, char room[GROUP_TEXT_BYTES]);

#endif
