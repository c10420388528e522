/* SPDX-License-Identifier: Apache-2.0 */
/* footfall migrate: the one command that works on the database itself, for the service needs the
 * schema before it can run. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/servers.h"
#include "cli/command.h"
#include "cli/service_file.h"
#include "log/migrate.h"

const struct option migrate_command_options[] = {
    {.name = "restored",
     .type = OPTION_BOOL,
     .fallback = "no",
     .about = "the database was restored from a backup: it gets a new log id"},
    {0},
};

static int run(const struct command_run *r, const char *uri, struct err *e)
{
    bool restored = config_bool(r->config, "restored");
    if (migrate_run(uri, restored ? MIGRATE_RESTORED : MIGRATE_PLAIN, e) != 0)
        return -1;
    printf("schema is at version %d\n", migrate_version());
    return EXIT_DONE;
}

/* The data folder's own PostgreSQL: a running service's, else started for this. */
static int run_embedded(const struct command_run *r, struct err *e)
{
    struct servers *servers;
    struct service_file f;
    const char *data_dir = config_text(r->config, "data_dir");
    int status = -1, found = service_file_read(data_dir, &f, e);
    if (found < 0)
        return -1;
    if (found > 0 && f.postgres != NULL && (kill((pid_t)f.pid, 0) == 0 || errno == EPERM)) {
        status = run(r, f.postgres, e);
    } else {
        struct servers_options o = {
            .data_dir = data_dir, .user = config_text(r->config, "user"), .postgres = true};
        if (servers_start(&servers, &o, e) == 0) {
            status = run(r, servers_postgres_uri(servers), e);
            servers_stop(servers);
        }
    }
    service_file_clear(&f);
    return status;
}

int migrate_main(struct command_run *r, struct err *e)
{
    const char *uri = config_text(r->config, "postgres");
    return uri != NULL ? run(r, uri, e) : run_embedded(r, e);
}
