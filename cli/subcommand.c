/* SPDX-License-Identifier: Apache-2.0 */
/* How commands are used, and those whose first argument says what to do. */
#include <string.h>

#include "cli/command.h"

int command_usage(const struct command *c, struct err *e)
{
    bool none = c->arguments == NULL;
    return err_set(e, ERR_INPUT, "use: footfall %s%s%s", c->name, none ? "" : " ",
                   none ? " (without arguments)" : c->arguments);
}

int subcommand_run(const struct subcommand *table, struct command_run *r, struct err *e)
{
    for (const struct subcommand *s = table; s->name != NULL; s++)
        if (strcmp(s->name, r->arguments[0]) == 0 && s->n_arguments == r->n_arguments - 1)
            return s->run(r, e);
    return command_usage(r->command, e);
}
