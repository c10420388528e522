/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the running service, for server.c and server_http.c. */
#ifndef CLI_SERVER_INTERNAL_H
#define CLI_SERVER_INTERNAL_H

#include "api/api.h"
#include "base/http.h"
#include "base/mem.h"
#include "base/servers.h"
#include "cli/server.h"
#include "ingest/ingest.h"
#include "log/log.h"
#include "log/maintain.h"
#include "log/notify.h"
#include "log/sources.h"
#include "views/job_runner.h"
#include "views/live.h"
#include "views/view_set.h"

enum { SERVER_MAX_ROUTES = 64 };

struct server {
    const struct config *config; /* borrowed */
    unsigned roles;
    char *data_dir, *token_file;

    struct servers *embedded;
    char *postgres, *redis; /* URIs */
    struct tokens *tokens;
    struct sites *sites;
    struct salts *salts;
    struct view_set *views; /* which there are */
    struct maintainer *maintainer;
    struct live_options live_options;
    struct live *live;
    struct job_runner *jobs;
    struct notifier *notifier;
    struct log_writer *writer;
    struct sources *sources;
    struct ingest *ingest;
    struct api *api;

    char url[256];
    struct http_route routes[SERVER_MAX_ROUTES], metrics_routes[SERVER_MAX_ROUTES];
    size_t n_routes;
    struct http_server *http, *metrics_http;

    int64_t next_second_us;
    char told[sizeof(((struct err *)0)->text)]; /* the failure last told */
};

/* server_token.c: makes the admin token of the token file known; makes both on the first start. */
int server_admin_token(struct server *s, struct err *e) MUST_CHECK;

/* server_http.c: the HTTP side: routes of the roles, loops, sockets. */
int server_start_http(struct server *s, struct err *e) MUST_CHECK;
void server_stop_http(struct server *s);
void server_free_modules(struct server *s);

#endif
