/* SPDX-License-Identifier: Apache-2.0 */
/* What most commands are: one question to the service, its answer printed as columns, or with
 * --json as it came. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/buf.h"
#include "cli/columns.h"
#include "cli/command.h"

struct ask {
    const char *method; /* NULL: GET */
    const char *path;
    struct span body;             /* absent: none */
    const char *content_type;     /* NULL: JSON */
    const struct column *about;   /* of the answer itself, a line each; NULL: none */
    const char *rows;             /* member with the array to print; NULL: none */
    const struct column *columns; /* of rows */
    const char *text;             /* member to print alone on its line; NULL: none */
};

/* Exit status, or -1. Opens the service and closes it again. */
int ask_and_print(struct command_run *r, const struct ask *a, struct err *e);

/* prefix and the percent-encoded word; free it. */
char *ask_path(const char *prefix, const char *word);

#endif
