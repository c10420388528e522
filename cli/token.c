/* SPDX-License-Identifier: Apache-2.0 */
/* footfall token: what senders and readers show the service. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/ask.h"
#include "cli/command.h"

const struct option token_command_options[] = {
    {.name = "scope",
     .type = OPTION_CHOICE,
     .choices = "ingest|read|admin",
     .about = "what a new token may do"},
    {.name = "site",
     .type = OPTION_TEXT,
     .about = "the only site a new token is for (default: any)"},
    {0},
};

static const struct column columns[] = {
    {"ID", "id", true},
    {"SCOPE", "scope", false},
    {"SITE", "site", false},
    {"CREATED", "created_at", false},
    {0},
};

static int list(struct command_run *r, struct err *e)
{
    const struct ask a = {.path = "/v1/admin/tokens", .rows = "tokens", .columns = columns};
    return ask_and_print(r, &a, e);
}

static int create(struct command_run *r, struct err *e)
{
    const char *scope = config_text(r->config, "scope"), *site = config_text(r->config, "site");
    if (scope == NULL)
        return err_set(e, ERR_INPUT, "give --scope ingest, read or admin");
    struct buf body = {0};
    buf_printf(&body, "{\"scope\":\"%s\"", scope);
    if (site != NULL) {
        buf_put_text(&body, ",\"site\":");
        buf_put_json(&body, span_of(site));
    }
    buf_put_byte(&body, '}');
    const struct ask a = {
        .method = "POST", .path = "/v1/admin/tokens", .body = buf_span(&body), .text = "token"};
    int status = ask_and_print(r, &a, e);
    buf_clear(&body);
    return status;
}

static int revoke(struct command_run *r, struct err *e)
{
    char *path = ask_path("/v1/admin/tokens/", r->arguments[1]);
    const struct ask a = {.method = "DELETE", .path = path};
    int status = ask_and_print(r, &a, e);
    free(path);
    return status;
}

int token_main(struct command_run *r, struct err *e)
{
    static const struct subcommand table[] = {
        {"create", 0, create}, {"list", 0, list}, {"revoke", 1, revoke}, {0}};
    return subcommand_run(table, r, e);
}
