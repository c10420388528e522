/* SPDX-License-Identifier: Apache-2.0 */
/* footfall status: where the log and the views stand, and whether the numbers add up. */
#include "cli/ask.h"
#include "cli/command.h"

static const struct column about[] = {
    {"version", "version", false},
    {"started at", "started_at", false},
    {"log: head", "log.head", false},
    {"log: events in batches", "log.events_in_batches", false},
    {"log: dense", "log.dense", false},
    {"log: bytes", "log.bytes", false},
    {"database: bytes", "log.database_bytes", false},
    {"received since then", "conservation.received", false},
    {"  accepted", "conservation.accepted", false},
    {"  duplicate", "conservation.duplicate", false},
    {"  rejected", "conservation.rejected", false},
    {"  balanced", "conservation.balanced", false},
    {"self-check: at", "self_check.at", false},
    {"  view", "self_check.view", false},
    {"  site", "self_check.site", false},
    {"  page from", "self_check.from", false},
    {"  agrees", "self_check.agrees", false},
    {0},
};

static const struct column views[] = {
    {"VIEW", "name", false},
    {"STATE", "state", false},
    {"GENERATION", "generation", true},
    {"OFFSET", "offset", true},
    {"LAG", "lag.events", true},
    {"SECONDS", "lag.seconds", true},
    {"WATERMARK", "watermark", false},
    {"DIGEST", "digest", false},
    {0},
};

int status_main(struct command_run *r, struct err *e)
{
    const struct ask a = {
        .path = "/v1/admin/status", .about = about, .rows = "views", .columns = views};
    return ask_and_print(r, &a, e);
}
