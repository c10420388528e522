/* SPDX-License-Identifier: Apache-2.0 */
/* Help, made from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"

enum { NAME_COLUMN = 34 };

static void print_option(const struct option *o, void *context)
{
    (void)context;
    static const char *const values[] = {[OPTION_TEXT] = " VALUE",
                                         [OPTION_INT] = " N",
                                         [OPTION_BOOL] = "",
                                         [OPTION_CHOICE] = " WORD"};
    char flag[128];
    int n = snprintf(flag, sizeof(flag), "  --%s%s", o->name, values[o->type]);
    for (char *p = flag; strchr(o->name, '.') == NULL && *p != '\0'; p++)
        if (*p == '_')
            *p = '-'; /* --data-dir, but --ingest.open_sites */
    printf("%-*s %s", NAME_COLUMN, flag, o->about);
    if (n >= NAME_COLUMN + 1)
        printf(" ");
    if (o->type == OPTION_CHOICE)
        printf(" (%s)", o->choices);
    if (o->fallback != NULL && o->fallback[0] != '\0')
        printf(" [%s]", o->fallback);
    printf("\n");
}

static void print_table(const char *title, const struct option *table)
{
    const struct option *const tables[] = {table, NULL};
    if (table == NULL || table->name == NULL)
        return;
    printf("\n%s\n", title);
    config_each(tables, print_option, NULL);
}

static void print_command(const struct command *c)
{
    printf("footfall %s [OPTION...] %s\n\n%s.\n", c->name, c->arguments == NULL ? "" : c->arguments,
           c->about);
    if (c->more != NULL)
        printf("%s\n", c->more);
    print_table("Options of this command [default]:", c->options);
    if (strcmp(c->name, "help") == 0)
        return;
    if (strcmp(c->name, "serve") != 0)
        print_table("Finding the service (else one is started for the time of the command):",
                    options_of_clients);
    printf("\nOptions of the service [default]:\n");
    config_each(options_of_service, print_option, NULL);
    printf("\n  --config FILE reads options from a file: name = value, with [section] lines.\n"
           "  In the environment --ingest.open_sites is FOOTFALL_INGEST_OPEN_SITES.\n"
           "  Flags win over the environment, that over the file.\n");
}

static void print_all(void)
{
    printf("Footfall %s: self-hosted web analytics with a log at its heart.\n\n"
           "footfall COMMAND [OPTION...] [ARGUMENT...]\n\n",
           FOOTFALL_VERSION);
    for (const struct command *c = commands; c->name != NULL; c++)
        printf("  %-9s %s\n", c->name, c->about);
    printf("\nfootfall help COMMAND shows its options with their defaults; footfall --version the "
           "version.\nExit status: 0 done, 1 failed, 2 wrong usage.\n");
}

int help_main(struct command_run *r, struct err *e)
{
    if (r->n_arguments == 0) {
        print_all();
        return EXIT_DONE;
    }
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, r->arguments[0]) == 0) {
            print_command(c);
            return EXIT_DONE;
        }
    return err_set(e, ERR_INPUT, "there is no command %s; see footfall help", r->arguments[0]);
}
