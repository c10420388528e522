/* SPDX-License-Identifier: Apache-2.0 */
/* footfall serve: the service in the foreground. This thread has the signals and the clockwork;
 * what is running is in server.c. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/process.h"
#include "base/servers.h"
#include "cli/command.h"
#include "cli/server.h"

enum { TICK_MS = 100 };

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL); /* the threads started later inherit it */
    signal(SIGPIPE, SIG_IGN);
}

/* Root prepares the folder and becomes the service's user for good. */
static int drop_root(const struct config *c, struct err *e)
{
    if (geteuid() != 0)
        return 0;
    const char *user = config_text(c, "user");
    return servers_prepare(config_text(c, "data_dir"), user, e) != 0 ||
                   process_become_user(user, e) != 0
               ? -1
               : 0;
}

/* Files beside the connections of clients: servers, logs, the geo database, threads' own. */
enum { OTHER_FILES = 512 };

/* The usual limit is below http.max_connections. */
static void allow_connections(const struct config *c)
{
    struct err e = {0};
    int64_t most = config_int(c, "http.max_connections");
    if (process_allow_files((uint64_t)most + OTHER_FILES, &e) != 0)
        diag(DIAG_WARNING, "serve",
             "%s: raise the limit (ulimit -n, LimitNOFILE) or lower http.max_connections (%lld)",
             e.text, (long long)most);
    err_clear(&e);
}

/* A configuration that is wrong now changes nothing. */
static void reload(struct server *s, const struct command_run *r)
{
    struct err e = {0};
    struct config *fresh = command_read_config(r, &e);
    if (fresh == NULL)
        diag(DIAG_ERROR, "serve", "everything stays as it was: %s", e.text);
    else
        server_reload(s, fresh);
    config_free(fresh);
}

static void run_until_told_to_stop(struct server *s, const struct command_run *r,
                                   const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    for (;;) {
        int signal_number = sigtimedwait(signals, NULL, &tick);
        if (signal_number == SIGINT || signal_number == SIGTERM)
            return;
        if (signal_number == SIGHUP)
            reload(s, r);
        server_tick(s);
    }
}

/* The code stands in the link's fragment, which browsers keep to themselves. */
static void announce(struct server *s)
{
    char code[API_CODE_BYTES];
    printf("footfall ready %s\n", server_url(s));
    if (server_sign_in_code(s, code))
        printf("footfall sign-in %s/sign-in#code=%s\n", server_url(s), code);
    fflush(stdout);
}

int serve_main(struct command_run *r, struct err *e)
{
    sigset_t signals;
    struct server *s;
    block_signals(&signals);
    allow_connections(r->config);
    if (drop_root(r->config, e) != 0)
        return -1;
    if (server_start(&s, r->config, e) != 0)
        return server_is_told_to_stop() ? EXIT_DONE : -1;
    announce(s);
    diag(DIAG_INFO, "serve", "the admin token is in %s", server_token_file(s));
    run_until_told_to_stop(s, r, &signals);
    diag(DIAG_INFO, "serve", "stopping");
    server_stop(s);
    return EXIT_DONE;
}
