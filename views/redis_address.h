/* SPDX-License-Identifier: Apache-2.0 */
/* Where a Redis is: the text of the option `redis`, taken apart once for every client.
 *
 *   /run/redis.sock      unix:/run/redis.sock      unix:///run/redis.sock[?db=N]
 *   redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]     (%XX in user and password) */
#ifndef VIEWS_REDIS_ADDRESS_H
#define VIEWS_REDIS_ADDRESS_H

#include "base/err.h"

struct redis_address {
    char socket_path[108]; /* empty: by host and port */
    char host[256];
    int port;
    int db;
    char user[128], password[256]; /* empty: none */
};

int redis_address_parse(const char *uri, struct redis_address *out, struct err *e) MUST_CHECK;

#endif
