/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: a table of commands, and what they have in common. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"

const struct command commands[] = {
    {"serve", "", "runs the service in the foreground", NULL, 0, 0, serve_main,
     "Without --postgres and --redis it runs servers of its own in the data folder.\n"
     "Prints \"footfall ready http://HOST:PORT\" when it can take events. Ctrl-C stops it."},
    {"migrate", "", "brings the database's schema to this version", migrate_command_options, 0, 0,
     migrate_main, NULL},
    {"import", "FILE...|-", "reads web server logs (plain, .gz) or events into the log",
     import_command_options, 1, 1000, import_main,
     "Importing a file again adds nothing; one that has grown adds only its new lines, renamed or\n"
     "gzipped or not. The last line printed says what became of the lines read."},
    {"replay", "[VIEW...]", "rebuilds views (default: all) from the log", NULL, 0, 100, replay_main,
     NULL},
    {"verify", "[VIEW...]", "compares views (default: all) with the same SQL over the log", NULL, 0,
     100, verify_main, "Exit status 1 if any differs."},
    {"view", "list | show NAME | add FILE | drop NAME", "the definitions of views", NULL, 1, 2,
     view_main, NULL},
    {"log", "head | cat", "the events, in log order", log_command_options, 1, 1, log_main,
     "head prints the next seq; cat prints events, a line of JSON each."},
    {"site", "add NAME | list | public NAME | alias NAME ID", "the sites that are known",
     NULL, 1, 3, site_main, NULL},
    {"token", "create | list | revoke ID", "the tokens that senders and readers show",
     token_command_options, 1, 2, token_main, "create prints the token, once; it is stored hashed."},
    {"status", "", "heads, offsets, lags, digests, sums and sizes", NULL, 0, 0, status_main, NULL},
    {"demo", "", "sends believable traffic of three sites through the service",
     demo_command_options, 0, 0, demo_main, NULL},
    {"help", "[COMMAND]", "shows a command's options with their defaults", NULL, 0, 1, help_main,
     NULL},
    {0},
};

static const struct command *find(const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* What is left after the options: arguments, of which "-" is one and "--x" is none. */
static int take_arguments(struct command_run *r, int argc, char **argv, struct err *e)
{
    bool ended = false;
    int n = 0;
    for (int i = 1; i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
            continue;
        }
        if (!ended && argv[i][0] == '-' && argv[i][1] != '\0')
            return err_set(e, ERR_INPUT, "there is no option %s; see footfall help %s", argv[i],
                           r->command->name);
        argv[n++] = argv[i];
    }
    argv[n] = NULL;
    r->arguments = argv;
    r->n_arguments = n;
    if (n < r->command->min_arguments || n > r->command->max_arguments)
        return err_set(e, ERR_INPUT, "use: footfall %s %s", r->command->name, r->command->arguments);
    return 0;
}

/* argv[0] is the command's name. */
static int run_command(const struct command *c, int argc, char **argv, struct err *e)
{
    const struct option *tables[OPTIONS_MAX_TABLES];
    options_collect(c->options, tables);
    struct command_run r = {.command = c, .config = config_new(tables)};
    int status = -1;
    if (config_read_environment(r.config, environ, e) == 0 &&
        config_read_flags(r.config, &argc, argv, e) == 0 && take_arguments(&r, argc, argv, e) == 0)
        status = c->run(&r, e);
    config_free(r.config);
    return status;
}

static int finish(int status, const struct err *e)
{
    if (status < 0) {
        fflush(stdout);
        fprintf(stderr, "footfall: %s\n", e->text);
        return e->kind == ERR_INPUT ? EXIT_USAGE : EXIT_FAILED;
    }
    if (fflush(stdout) != 0 && errno != EPIPE) {
        fprintf(stderr, "footfall: cannot write to standard output: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("footfall %s\n", FOOTFALL_VERSION);
        return finish(EXIT_DONE, &e);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const struct command *c = find(name);
    if (c == NULL && name[0] == '\0')
        return finish(err_set(&e, ERR_INPUT, "give a command; see footfall help"), &e);
    if (c == NULL)
        return finish(err_set(&e, ERR_INPUT, "there is no command %s; see footfall help", name), &e);
    if (asks_for_help(argc - 1, argv + 1)) {
        struct command_run help = {.command = c, .arguments = argv + 1, .n_arguments = 1};
        argv[2] = NULL;
        return finish(help_main(&help, &e), &e);
    }
    return finish(run_command(c, argc - 1, argv + 1, &e), &e);
}
