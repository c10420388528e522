/* SPDX-License-Identifier: Apache-2.0 */
/* footfall site: the sites that are known, and the foreign ids that stand for them. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/ask.h"

static const struct column columns[] = {
    {"SITE", "name", false},
    {"PUBLIC", "public", false},
    {"ALIASES", "aliases", false},
    {0},
};

static int list(struct command_run *r, struct err *e)
{
    const struct ask a = {.path = "/v1/admin/sites", .rows = "sites", .columns = columns};
    return ask_and_print(r, &a, e);
}

/* POST {"name": NAME, ...}: adds the site, or changes what is said of it. */
static int change(struct command_run *r, const char *member, const char *value, struct err *e)
{
    struct buf body = {0};
    buf_put_text(&body, "{\"name\":");
    buf_put_json(&body, span_of(r->arguments[1]));
    if (member != NULL)
        buf_printf(&body, ",\"%s\":%s", member, value);
    buf_put_byte(&body, '}');
    const struct ask a = {.method = "POST", .path = "/v1/admin/sites", .body = buf_span(&body)};
    int status = ask_and_print(r, &a, e);
    buf_clear(&body);
    return status;
}

static int add(struct command_run *r, struct err *e)
{
    return change(r, NULL, NULL, e);
}

static int make_public(struct command_run *r, struct err *e)
{
    return change(r, "public", "true", e);
}

static int make_private(struct command_run *r, struct err *e)
{
    return change(r, "public", "false", e);
}

static int add_alias(struct command_run *r, struct err *e)
{
    struct buf id = {0};
    buf_put_json(&id, span_of(r->arguments[2]));
    buf_put_byte(&id, '\0');
    int status = change(r, "alias", (const char *)id.p, e);
    buf_clear(&id);
    return status;
}

int site_main(struct command_run *r, struct err *e)
{
    static const struct subcommand table[] = {
        {"list", 0, list},          {"add", 1, add},
        {"public", 1, make_public}, {"private", 1, make_private},
        {"alias", 2, add_alias},    {0}};
    return subcommand_run(table, r, e);
}
