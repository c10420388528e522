/* SPDX-License-Identifier: Apache-2.0 */
/* Options: one table each module adds to. An option ingest.open_sites is [ingest] open_sites in the
 * file, FOOTFALL_INGEST_OPEN_SITES in the environment, --ingest.open_sites on the command line;
 * flags win over environment over file, in whatever order they are read. Unknown names are errors
 * with a hint. --help, the README check and the docs walk the same table.
 *
 * The file: "[section]" lines, "name = value" lines (a value may stand in double quotes), lines
 * that start with # or ; are comments. In flags "-" may stand for "_" (--data-dir). Environment
 * names starting with FOOTFALL_TEST_ belong to the tests and are left alone.
 *
 * One thread at a time; reading values from several threads is fine once all is read. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum option_type { OPTION_TEXT, OPTION_INT, OPTION_BOOL, OPTION_CHOICE };

struct option {
    const char *name; /* "ingest.open_sites", or "listen" (no section) */
    enum option_type type;
    const char *fallback; /* the default as text; NULL: none */
    int64_t min, max;     /* OPTION_INT */
    const char *choices;  /* OPTION_CHOICE: "none|truncated|full" */
    const char *about;    /* one line for --help */
    bool reloads;         /* SIGHUP re-reads it; else "needs a restart" */
};

struct config;

/* tables: NULL-ended list of tables, each ended by name == NULL. */
struct config *config_new(const struct option *const *tables);
void config_free(struct config *c);

int config_read_file(struct config *c, const char *path, struct err *e) MUST_CHECK;
int config_read_environment(struct config *c, char **environment, struct err *e) MUST_CHECK;
/* Takes --name=value and --name value (a bool: --name or --name=no) out of argv[1 ...], and
 * --config FILE. What is left stays in order: commands have flags of their own, so an unknown name
 * is an error here only if it has a section. "--" ends the flags. */
int config_read_flags(struct config *c, int *argc, char **argv, struct err *e) MUST_CHECK;

/* NULL when it has neither a value nor a default. Asking for an unknown name is a bug (assert). */
const char *config_text(const struct config *c, const char *name);
int64_t config_int(const struct config *c, const char *name);
bool config_bool(const struct config *c, const char *name);

/* Calls back for every option whose value is another in b than in a; both of the same tables. */
void config_compare(const struct config *a, const struct config *b,
                    void (*differs)(const struct option *o, void *context), void *context);

/* The option named most like this one, for "did you mean"; NULL if none is close. */
const char *config_nearest(const struct config *c, const char *name);
/* The option of that name, or NULL. */
const struct option *config_option(const struct config *c, const char *name);

/* Calls back for every option, in table order (for help and README). */
void config_each(const struct option *const *tables,
                 void (*each)(const struct option *o, void *context), void *context);

#endif
