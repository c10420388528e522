/* SPDX-License-Identifier: Apache-2.0 */
/* The service a command works through: the one at --url, else the running one of the data folder
 * (DIR/service.json), else one that is started for the time of the command with the same options,
 * on a free local port. So every command has one way to do its work: HTTP. */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "base/config.h"
#include "base/http_client.h"
#include "base/json.h"

struct service;

int service_open(struct service **out, const struct config *c, struct err *e) MUST_CHECK;
/* Stops the service if it was started for this command. */
void service_close(struct service *s);

/* A call, whatever its status. 503 and 429 are waited for and repeated for a minute, and so is a
 * connection that fails if the call may be repeated: then only what lasts is an error. */
enum service_repeat { CALL_ONCE, CALL_MAY_REPEAT };
int service_call(struct service *s, const struct http_call *call, enum service_repeat repeat,
                 struct http_reply *reply, struct err *e) MUST_CHECK;

/* An answer that must be 2xx with a JSON body (or none: then root is JSON_NULL). Refusals are
 * ERR_DATA with the service's own words: ERR_INPUT is kept for the command line. */
struct service_json {
    struct http_reply reply;
    struct json *parser;
    struct json_value root;
};
int service_ask(struct service *s, const struct http_call *call, struct service_json *out,
                struct err *e) MUST_CHECK;
void service_json_clear(struct service_json *j);

#endif
