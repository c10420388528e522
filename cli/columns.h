/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns on standard output, from the objects (or arrays) of a JSON array. */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include "base/json.h"

struct column {
    const char *title;  /* "LAG"; NULL ends the table */
    const char *member; /* "lag.events": the member of the member, "0": the first element of an
                         * array; arrays of texts are joined */
    bool to_right;      /* numbers */
};

/* Prints the titles and a line per object of rows. */
void columns_print(const struct column *columns, const struct json *j,
                   const struct json_value *rows);

/* Lines "title  value" of one object; members it lacks are left out. */
void columns_print_one(const struct column *columns, const struct json *j,
                       const struct json_value *object);

#endif
