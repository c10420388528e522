/* SPDX-License-Identifier: Apache-2.0 */
/* The real service with its embedded servers, and what can happen to it. */
#ifndef SUPPORT_SERVICE_H
#define SUPPORT_SERVICE_H

#include "tests/support/support.h"
#include "tests/support/traffic.h"

struct service {
    struct support_footfall footfall;
    char *postgres, *redis; /* URIs of the embedded servers */
};

void service_start(struct service *s);
void service_find_servers(struct service *s); /* the URIs, of one that was started otherwise */
void service_stop(struct service *s);         /* SIGTERM; fails the test unless it exits with 0 */
void service_kill9(struct service *s);
void service_restart(struct service *s); /* with the same data */

/* Kill the server outright; the service starts it again by itself. */
void service_kill_postgres(struct service *s);
void service_kill_redis(struct service *s);

/* Keeps a copy of Redis' files; kills Redis and lets it come back with that copy. */
void service_save_redis(struct service *s);
void service_restore_redis(struct service *s);

/* GET with the admin token and one header (or NULL). Clear the answer. */
struct support_answer service_get(struct service *s, const char *path, const char *header);

/* Posts n events of the traffic in requests of up to 500, each again and again until it is
 * acknowledged. */
void service_post_all(struct service *s, struct traffic *t, unsigned n);

/* Until every view's offset is the head. */
void service_wait_caught_up(struct service *s, int deadline_ms);

/* The law, by the commands: every view equals its SQL; a replay gives what the live views showed.
 */
void service_verify_agrees(struct service *s);
void service_replay_changes_nothing(struct service *s);

#endif
