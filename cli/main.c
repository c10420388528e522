/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: a table of commands, and what they have in common. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"

const struct command commands[] = {
    {.name = "serve",
     .about = "runs the service in the foreground",
     .run = serve_main,
     .more = "Without --postgres and --redis it runs servers of its own in the data folder.\n"
             "Prints \"footfall ready http://HOST:PORT\" when it can take events, and a link\n"
             "that signs in one browser, once, within a day. Ctrl-C stops it."},
    {.name = "migrate",
     .about = "brings the database's schema to this version",
     .options = migrate_command_options,
     .run = migrate_main},
    {.name = "import",
     .arguments = "FILE...|-",
     .about = "reads web server logs (plain, .gz) or events into the log",
     .options = import_command_options,
     .min_arguments = 1,
     .max_arguments = 1000,
     .run = import_main,
     .more =
         "Importing a file again adds nothing; one that has grown adds only its new lines,\n"
         "renamed or gzipped or not. The last line printed says what became of the lines read."},
    {.name = "replay",
     .arguments = "[VIEW...]",
     .about = "rebuilds views (default: all) from the log",
     .options = replay_command_options,
     .max_arguments = 64,
     .run = replay_main,
     .more = "All of them are built by one pass over the log, beside what is being read. The pass\n"
             "gives way while the live views fall behind; --rate leaves them more room still."},
    {.name = "verify",
     .arguments = "[VIEW...]",
     .about = "compares views (default: all) with the same SQL over the log",
     .options = verify_command_options,
     .max_arguments = 64,
     .run = verify_main,
     .more =
         "While everything goes on, at one offset of the log. With --site, --from and --to only "
         "the\n"
         "part of the log that this needs is read, and only pages (an hour of minutes, a day of\n"
         "quarter hours, a month of days) that lie wholly inside are compared.\n"
         "Exit status 1 if any differs."},
    {.name = "query",
     .arguments = "SELECT",
     .about = "answers a SELECT over events or sessions from the log",
     .options = query_command_options,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = query_main,
     .more =
         "For example: footfall query --site example.com \\\n"
         "  'SELECT path, count(*) AS views FROM events GROUP BY path ORDER BY 2 DESC LIMIT 10'"},
    {.name = "view",
     .arguments = "list | show NAME | add FILE | drop NAME",
     .about = "the definitions of views",
     .options = view_command_options,
     .min_arguments = 1,
     .max_arguments = 2,
     .run = view_main,
     .more = "add builds the view from the log and waits until it can be read; of a view that is "
             "there\nthe old definition is read until the new one has caught up. show prints the "
             "SQL and the\ndefinitions it had before."},
    {.name = "log",
     .arguments = "head | cat",
     .about = "the events, in log order",
     .options = log_command_options,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = log_main,
     .more = "head prints the next seq; cat prints events, a line of JSON each."},
    {.name = "site",
     .arguments = "add NAME | list | public NAME | private NAME | alias NAME ID",
     .about = "the sites that are known",
     .min_arguments = 1,
     .max_arguments = 3,
     .run = site_main,
     .more = "Anyone may read the views of a public site, without a token."},
    {.name = "token",
     .arguments = "create | list | revoke ID",
     .about = "the tokens that senders and readers show",
     .options = token_command_options,
     .min_arguments = 1,
     .max_arguments = 2,
     .run = token_main,
     .more = "create prints the token, once; it is stored hashed."},
    {.name = "status",
     .about = "heads, offsets, lags, digests, sums and sizes",
     .run = status_main},
    {.name = "demo",
     .about = "sends believable traffic of three sites through the service",
     .options = demo_command_options,
     .run = demo_main},
    {.name = "help",
     .arguments = "[COMMAND]",
     .about = "shows a command's options with their defaults",
     .max_arguments = 1,
     .run = help_main},
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
        return command_usage(r->command, e);
    return 0;
}

static char **copy_words(char *const *words)
{
    int n = 0;
    while (words[n] != NULL)
        n++;
    char **copy = mem_alloc((size_t)(n + 1) * sizeof(*copy));
    memcpy(copy, words, (size_t)n * sizeof(*copy));
    return copy;
}

/* Takes the options out of argv; argv[0] is the command's name. */
static struct config *read_config(const struct command *c, int *argc, char **argv, struct err *e)
{
    const struct option *tables[OPTIONS_MAX_TABLES];
    options_collect(c->options, tables);
    struct config *config = config_new(tables);
    if (config_read_environment(config, environ, e) == 0 &&
        config_read_flags(config, argc, argv, e) == 0)
        return config;
    config_free(config);
    return NULL;
}

struct config *command_read_config(const struct command_run *r, struct err *e)
{
    char **argv = copy_words(r->words);
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    struct config *config = read_config(r->command, &argc, argv, e);
    free(argv);
    return config;
}

static int run_command(const struct command *c, int argc, char **argv, struct err *e)
{
    char **words = copy_words(argv);
    struct command_run r = {.command = c, .words = words};
    int status = -1;
    r.config = read_config(c, &argc, argv, e);
    if (r.config != NULL && take_arguments(&r, argc, argv, e) == 0)
        status = c->run(&r, e);
    config_free(r.config);
    free(words);
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
        return finish(err_set(&e, ERR_INPUT, "there is no command %s; see footfall help", name),
                      &e);
    if (asks_for_help(argc - 1, argv + 1)) {
        struct command_run help = {.command = c, .arguments = argv + 1, .n_arguments = 1};
        argv[2] = NULL;
        return finish(help_main(&help, &e), &e);
    }
    return finish(run_command(c, argc - 1, argv + 1, &e), &e);
}
