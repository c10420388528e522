/* SPDX-License-Identifier: Apache-2.0 */
/* README's table of options is made from the tables that `footfall help` walks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/options.h"

struct table {
    struct buf text;
    const char *prefix; /* "import --": an option of one command; "": the service's */
};

static void put_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_put_byte(out, '\\');
        buf_put_byte(out, (uint8_t)*text);
    }
}

static void put_option(const struct option *o, void *context)
{
    struct table *t = context;
    char name[128];
    snprintf(name, sizeof(name), "%s", o->name);
    for (char *p = name; t->prefix[0] != '\0' && *p != '\0'; p++)
        *p = *p == '_' ? '-' : *p; /* a flag, as help writes it */
    buf_printf(&t->text, "| `%s%s` | ", t->prefix, name);
    if (o->fallback != NULL && o->fallback[0] != '\0')
        buf_printf(&t->text, "`%s`", o->fallback);
    buf_put_text(&t->text, " | ");
    put_cell(&t->text, o->about);
    if (o->type == OPTION_CHOICE) {
        buf_put_text(&t->text, " (");
        put_cell(&t->text, o->choices);
        buf_put_byte(&t->text, ')');
    }
    buf_put_text(&t->text, o->reloads ? "; SIGHUP reads it again |\n" : " |\n");
}

static void put_command(struct table *t, const char *prefix, const struct option *own)
{
    const struct option *const tables[] = {own, NULL};
    t->prefix = prefix;
    config_each(tables, put_option, t);
}

static void the_readme_has_every_option_with_its_default_and_meaning(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf readme = {0};
    struct table t = {.prefix = ""};
    assert_int_equal(file_read(&readme, "README.md", 1 << 20, &e), 0);
    buf_put_byte(&readme, '\0');
    buf_put_text(&t.text, "<!-- options: checked against the binary by tests -->\n\n"
                          "| option | default | meaning |\n|---|---|---|\n");
    config_each(options_of_service, put_option, &t);
    put_command(&t, "--", options_of_clients);
    put_command(&t, "import --", import_command_options);
    put_command(&t, "replay --", replay_command_options);
    put_command(&t, "verify --", verify_command_options);
    put_command(&t, "query --", query_command_options);
    put_command(&t, "log cat --", log_command_options);
    put_command(&t, "token create --", token_command_options);
    put_command(&t, "migrate --", migrate_command_options);
    put_command(&t, "demo --", demo_command_options);
    buf_put_text(&t.text, "\n"); /* and no line more */
    buf_put_byte(&t.text, '\0');
    if (strstr((char *)readme.p, (char *)t.text.p) == NULL) {
        fprintf(stderr, "%s", (char *)t.text.p);
        fail_msg("README.md does not have the table above under Configure");
    }
    buf_clear(&readme);
    buf_clear(&t.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_has_every_option_with_its_default_and_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
