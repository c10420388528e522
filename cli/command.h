/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the one binary. Each has a file of its own and a row in main.c's table; its
 * options are a table too, which --help walks. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/config.h"
#include "base/err.h"

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command_run {
    const struct command *command;
    struct config *config;  /* the service's options, those for finding it, the command's own */
    char *const *arguments; /* what is left of the command line; NULL-ended */
    int n_arguments;
    char *const *words; /* the command line as it was, its first word the command; NULL-ended */
};

/* Reads the same command line, its file and the environment once more. NULL with *e set when they
 * make no configuration now; else config_free it. */
struct config *command_read_config(const struct command_run *r, struct err *e);

struct command {
    const char *name;
    const char *arguments;        /* "[VIEW...]"; NULL: none */
    const char *about;            /* one line */
    const struct option *options; /* its own, ended by name == NULL; NULL: none */
    int min_arguments, max_arguments;
    /* Exit status; or -1 with the error, which main prints: ERR_INPUT is wrong usage (status 2),
     * any other kind a failure (1). */
    int (*run)(struct command_run *r, struct err *e);
    const char *more; /* for help, after the options; or NULL */
};

extern const struct command commands[]; /* ended by name == NULL */

int command_usage(const struct command *c, struct err *e); /* ERR_INPUT; returns -1 */

int serve_main(struct command_run *r, struct err *e);
int migrate_main(struct command_run *r, struct err *e);
int import_main(struct command_run *r, struct err *e);
int replay_main(struct command_run *r, struct err *e);
int verify_main(struct command_run *r, struct err *e);
int query_main(struct command_run *r, struct err *e);
int view_main(struct command_run *r, struct err *e);
int log_main(struct command_run *r, struct err *e);
int site_main(struct command_run *r, struct err *e);
int token_main(struct command_run *r, struct err *e);
int status_main(struct command_run *r, struct err *e);
int demo_main(struct command_run *r, struct err *e);
int help_main(struct command_run *r, struct err *e);

extern const struct option migrate_command_options[];
extern const struct option import_command_options[];
extern const struct option replay_command_options[];
extern const struct option verify_command_options[];
extern const struct option view_command_options[];
extern const struct option log_command_options[];
extern const struct option query_command_options[];
extern const struct option token_command_options[];
extern const struct option demo_command_options[];

/* A command whose first argument is a word of its own: "list", "add NAME". */
struct subcommand {
    const char *name;                                 /* NULL ends the table */
    int n_arguments;                                  /* after the name */
    int (*run)(struct command_run *r, struct err *e); /* arguments[0] is the name */
};

int subcommand_run(const struct subcommand *table, struct command_run *r, struct err *e);

#endif
