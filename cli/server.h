/* SPDX-License-Identifier: Apache-2.0 */
/* The running service: its parts, started in order and stopped in the reverse order. */
#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include "api/api.h"
#include "base/config.h"
#include "base/err.h"

enum server_role { ROLE_INGEST = 1, ROLE_VIEWS = 2, ROLE_API = 4 };

struct server;

/* "ingest,views,api" to a set of roles. */
int server_parse_roles(const char *text, unsigned *roles, struct err *e) MUST_CHECK;

/* Whether SIGTERM or SIGINT waits to be taken (they are blocked): what takes long gives up then. */
bool server_is_told_to_stop(void);

/* Starts everything; on failure what had been started is stopped. Call it from the main thread: the
 * embedded servers die with the thread that started them. */
int server_start(struct server **out, const struct config *c, struct err *e) MUST_CHECK;
const char *server_url(const struct server *s);        /* "http://127.0.0.1:8080" */
const char *server_token_file(const struct server *s); /* of the admin token */

/* The code of a link that signs in one browser as the admin of the token file; false: there is none
 * to be had (the process has not the role api, or the file's token was revoked). */
bool server_sign_in_code(struct server *s, char code[API_CODE_BYTES]);

/* What has to be done now and then; call it some ten times a second. Failures are told to the
 * operator and tried again. */
void server_tick(struct server *s);

/* Takes over what can be taken over while running, of the configuration as it is now; says of what
 * else differs from that of server_start that it needs a restart. */
void server_reload(struct server *s, const struct config *fresh);

/* Answers what waits, appends and flushes what was taken, stops the embedded servers. */
void server_stop(struct server *s);

#endif
