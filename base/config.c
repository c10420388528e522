/* SPDX-License-Identifier: Apache-2.0 */
/* Options and their values: one slot per option of the tables, with where its value came from. */
#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/span.h"

enum { MAX_FILE_BYTES = 1 << 20, MAX_NAME_BYTES = 128 };

enum origin { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG }; /* a later one wins */

struct slot {
    const struct option *option;
    char *value; /* NULL: the default's */
    enum origin origin;
};

struct config {
    struct slot *slots;
    size_t n;
};

/* ------------------------------------------------------------------ the tables */

static void count_option(const struct option *o, void *context)
{
    (void)o;
    ++*(size_t *)context;
}

static void add_slot(const struct option *o, void *context)
{
    struct config *c = context;
    assert(config_option(c, o->name) == NULL); /* two modules with one name */
    c->slots[c->n++] = (struct slot){.option = o};
}

void config_each(const struct option *const *tables,
                 void (*each)(const struct option *o, void *context), void *context)
{
    for (; *tables != NULL; tables++)
        for (const struct option *o = *tables; o->name != NULL; o++)
            each(o, context);
}

struct config *config_new(const struct option *const *tables)
{
    struct config *c = mem_alloc(sizeof(*c));
    size_t n = 0;
    config_each(tables, count_option, &n);
    c->slots = mem_alloc(n * sizeof(*c->slots));
    config_each(tables, add_slot, c);
    return c;
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        free(c->slots[i].value);
    free(c->slots);
    free(c);
}

static struct slot *find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->slots[i].option->name, name) == 0)
            return &c->slots[i];
    return NULL;
}

const struct option *config_option(const struct config *c, const char *name)
{
    const struct slot *slot = find(c, name);
    return slot == NULL ? NULL : slot->option;
}

/* Edits that turn a into b (Levenshtein), texts cut at MAX_NAME_BYTES. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NAME_BYTES + 1], n = strnlen(b, MAX_NAME_BYTES);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0' && i < MAX_NAME_BYTES; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i] != b[j - 1]);
            size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = change < least ? change : least;
        }
    }
    return row[n];
}

const char *config_nearest(const struct config *c, const char *name)
{
    const char *nearest = NULL;
    size_t least = strlen(name) / 3 + 1;
    for (size_t i = 0; i < c->n; i++) {
        size_t d = distance(name, c->slots[i].option->name);
        if (d <= least) {
            least = d - (d != 0);
            nearest = c->slots[i].option->name;
        }
    }
    return nearest;
}

/* ------------------------------------------------------------------ values */

static int parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (size_t i = 0; i < 8; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 4;
            return 0;
        }
    return -1;
}

static int parse_int(const char *text, int64_t *out)
{
    char *end;
    bool digits =
        isdigit((unsigned char)text[0]) || (text[0] == '-' && isdigit((unsigned char)text[1]));
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return digits && *end == '\0' && errno == 0 ? 0 : -1;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = choices; *p != '\0'; p += *p == '|') {
        size_t length = strcspn(p, "|");
        if (length == n && memcmp(p, text, n) == 0)
            return true;
        p += length;
    }
    return false;
}

static int check(const struct option *o, const char *text, const char *where, struct err *e)
{
    int64_t number;
    bool yes;
    switch (o->type) {
    case OPTION_TEXT:
        return 0;
    case OPTION_BOOL:
        return parse_bool(text, &yes) == 0
                   ? 0
                   : err_set(e, ERR_INPUT, "%s: %s is yes or no, not '%s'", where, o->name, text);
    case OPTION_CHOICE:
        return is_choice(o->choices, text) ? 0
                                           : err_set(e, ERR_INPUT, "%s: %s is one of %s, not '%s'",
                                                     where, o->name, o->choices, text);
    case OPTION_INT:
        if (parse_int(text, &number) != 0)
            return err_set(e, ERR_INPUT, "%s: %s is a whole number, not '%s'", where, o->name,
                           text);
        if (number < o->min || number > o->max)
            return err_set(e, ERR_INPUT, "%s: %s is from %lld to %lld, not %s", where, o->name,
                           (long long)o->min, (long long)o->max, text);
        return 0;
    }
    return err_set(e, ERR_DATA, "%s: %s has no type", where, o->name);
}

static int set(struct slot *slot, enum origin origin, const char *text, const char *where,
               struct err *e)
{
    if (check(slot->option, text, where, e) != 0)
        return -1;
    if (origin < slot->origin)
        return 0;
    free(slot->value);
    slot->value = mem_copy_text(text);
    slot->origin = origin;
    return 0;
}

static int unknown(const struct config *c, const char *where, const char *name, struct err *e)
{
    const char *nearest = config_nearest(c, name);
    return nearest == NULL
               ? err_set(e, ERR_INPUT, "%s: there is no option %s; see footfall help", where, name)
               : err_set(e, ERR_INPUT, "%s: there is no option %s; did you mean %s?", where, name,
                         nearest);
}

/* ------------------------------------------------------------------ the file */

struct reader {
    struct config *config;
    const char *path;
    int line;
    char section[MAX_NAME_BYTES];
};

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        text[--n] = '\0';
    return text;
}

static char *unquote(char *text)
{
    size_t n = strlen(text);
    if (n < 2 || text[0] != '"' || text[n - 1] != '"')
        return text;
    text[n - 1] = '\0';
    return text + 1;
}

static int read_section(struct reader *r, char *line, struct err *e)
{
    size_t n = strlen(line);
    if (line[n - 1] != ']' || n < 3 || n - 1 > sizeof(r->section))
        return err_set(e, ERR_INPUT, "%s:%d: '%s' is not a [section]", r->path, r->line, line);
    line[n - 1] = '\0';
    snprintf(r->section, sizeof(r->section), "%s", trim(line + 1));
    return 0;
}

static int read_value(struct reader *r, char *line, struct err *e)
{
    char where[256], name[2 * MAX_NAME_BYTES];
    char *equals = strchr(line, '=');
    snprintf(where, sizeof(where), "%s:%d", r->path, r->line);
    if (equals == NULL)
        return err_set(e, ERR_INPUT, "%s: '%s' is not name = value", where, line);
    *equals = '\0';
    snprintf(name, sizeof(name), "%s%s%s", r->section, r->section[0] == '\0' ? "" : ".",
             trim(line));
    struct slot *slot = find(r->config, name);
    if (slot == NULL)
        return unknown(r->config, where, name, e);
    return set(slot, FROM_FILE, unquote(trim(equals + 1)), where, e);
}

static int read_line(struct reader *r, char *line, struct err *e)
{
    line = trim(line);
    r->line++;
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return 0;
    return line[0] == '[' ? read_section(r, line, e) : read_value(r, line, e);
}

/* The whole file as text; NULL with *e set. */
static char *load(const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        err_set(e, ERR_INPUT, "configuration file %s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = mem_alloc(MAX_FILE_BYTES + 1);
    size_t n = fread(text, 1, MAX_FILE_BYTES + 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    if (failed || n > MAX_FILE_BYTES || memchr(text, '\0', n) != NULL) {
        err_set(e, ERR_INPUT, "configuration file %s: not a text file of at most 1 MiB", path);
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

int config_read_file(struct config *c, const char *path, struct err *e)
{
    char *text = load(path, e);
    if (text == NULL)
        return -1;
    struct reader r = {.config = c, .path = path};
    int failed = 0;
    for (char *line = text; line != NULL && failed == 0;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        failed = read_line(&r, line, e);
        line = end;
    }
    free(text);
    return failed;
}

/* ------------------------------------------------------------------ the environment */

static const char PREFIX[] = "FOOTFALL_";
static const char TESTS_PREFIX[] = "FOOTFALL_TEST_";

/* "ingest.open_sites" as "FOOTFALL_INGEST_OPEN_SITES". */
static bool is_environment_name(const char *name, struct span text)
{
    const size_t skip = sizeof(PREFIX) - 1;
    size_t n = strlen(name);
    if (text.n != skip + n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i] == '.' ? '_' : (char)toupper((unsigned char)name[i]);
        if (text.p[skip + i] != c)
            return false;
    }
    return true;
}

static int read_variable(struct config *c, const char *variable, struct err *e)
{
    size_t n = strcspn(variable, "=");
    char name[MAX_NAME_BYTES];
    snprintf(name, sizeof(name), "%.*s", (int)n, variable);
    if (variable[n] != '=')
        return 0;
    for (size_t i = 0; i < c->n; i++)
        if (is_environment_name(c->slots[i].option->name, (struct span){variable, n}))
            return set(&c->slots[i], FROM_ENVIRONMENT, variable + n + 1, name, e);
    char like[MAX_NAME_BYTES];
    snprintf(like, sizeof(like), "%s", name + sizeof(PREFIX) - 1);
    for (char *p = like; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return unknown(c, name, like, e);
}

int config_read_environment(struct config *c, char **environment, struct err *e)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, PREFIX, sizeof(PREFIX) - 1) == 0 &&
            strncmp(*environment, TESTS_PREFIX, sizeof(TESTS_PREFIX) - 1) != 0 &&
            read_variable(c, *environment, e) != 0)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------ the command line */

/* "--data-dir=x" as name "data_dir" and what follows "=", or NULL; false if it is no flag. */
static bool split_flag(const char *argument, char name[MAX_NAME_BYTES], const char **value)
{
    if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0')
        return false;
    size_t n = strcspn(argument + 2, "=");
    snprintf(name, MAX_NAME_BYTES, "%.*s", (int)n, argument + 2);
    for (char *p = name; *p != '\0'; p++)
        if (*p == '-')
            *p = '_';
    *value = argument[2 + n] == '=' ? argument + 3 + n : NULL;
    return true;
}

/* One argument. *taken: how many of argv it and its value were; 0: not ours. */
static int read_flag(struct config *c, char **argv, int *taken, struct err *e)
{
    char name[MAX_NAME_BYTES], where[MAX_NAME_BYTES + 2];
    const char *value;
    *taken = 0;
    if (!split_flag(argv[0], name, &value))
        return 0;
    struct slot *slot = find(c, name);
    bool is_config = slot == NULL && strcmp(name, "config") == 0;
    snprintf(where, sizeof(where), "--%s", name);
    if (slot == NULL && !is_config)
        return strchr(name, '.') == NULL ? 0 : unknown(c, where, name, e);
    *taken = 1;
    if (value == NULL && slot != NULL && slot->option->type == OPTION_BOOL)
        value = "yes";
    if (value == NULL && argv[1] != NULL) {
        value = argv[1];
        *taken = 2;
    }
    if (value == NULL)
        return err_set(e, ERR_INPUT, "%s needs a value", argv[0]);
    return is_config ? config_read_file(c, value, e) : set(slot, FROM_FLAG, value, where, e);
}

int config_read_flags(struct config *c, int *argc, char **argv, struct err *e)
{
    int left = 1, i = 1;
    while (i < *argc && strcmp(argv[i], "--") != 0) {
        int taken;
        if (read_flag(c, argv + i, &taken, e) != 0)
            return -1;
        if (taken == 0)
            argv[left++] = argv[i++];
        i += taken;
    }
    while (i < *argc)
        argv[left++] = argv[i++];
    argv[left] = NULL;
    *argc = left;
    return 0;
}

/* ------------------------------------------------------------------ asking */

const char *config_text(const struct config *c, const char *name)
{
    const struct slot *slot = find(c, name);
    assert(slot != NULL);
    return slot->value != NULL ? slot->value : slot->option->fallback;
}

int64_t config_int(const struct config *c, const char *name)
{
    const char *text = config_text(c, name);
    int64_t value = 0;
    assert(config_option(c, name)->type == OPTION_INT);
    int failed = text == NULL ? 0 : parse_int(text, &value);
    assert(failed == 0); /* a default that is no number */
    return value;
}

bool config_bool(const struct config *c, const char *name)
{
    const char *text = config_text(c, name);
    bool value = false;
    assert(config_option(c, name)->type == OPTION_BOOL);
    int failed = text == NULL ? 0 : parse_bool(text, &value);
    assert(failed == 0);
    return value;
}

void config_compare(const struct config *a, const struct config *b,
                    void (*differs)(const struct option *o, void *context), void *context)
{
    assert(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct option *o = a->slots[i].option;
        const char *one = config_text(a, o->name), *other = config_text(b, o->name);
        if (one == NULL || other == NULL ? one != other : strcmp(one, other) != 0)
            differs(o, context);
    }
}
