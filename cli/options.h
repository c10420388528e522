/* SPDX-License-Identifier: Apache-2.0 */
/* The option tables that commands share. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/config.h"

/* The service's, of all its modules: NULL-ended. What a command that starts a service hands on. */
extern const struct option *const options_of_service[];

/* For finding a running service (--url, --token), and --json. */
extern const struct option options_of_clients[];

enum { OPTIONS_MAX_TABLES = 32 };

/* All tables a command reads: the service's, the clients', its own (may be NULL); NULL-ended. */
void options_collect(const struct option *own, const struct option *out[OPTIONS_MAX_TABLES]);

#endif
