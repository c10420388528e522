/* SPDX-License-Identifier: Apache-2.0 */
/* Known sites and their aliases (foreign ids: UUIDs, numbers): in PostgreSQL, held in memory. */
#ifndef LOG_SITES_H
#define LOG_SITES_H

#include "log/sql.h"

enum { SITE_BYTES = 254 }; /* a name of 253 bytes and a NUL */

/* ---- in memory; any thread, no I/O ---- */

struct site_info {
    bool is_public; /* its views may be read by anyone */
    bool learned;   /* by a token's use; false: added by an admin */
};

struct sites;
struct sites *sites_new(uint32_t max_sites); /* no more are learned than that */
void sites_free(struct sites *s);
bool sites_find(struct sites *s, struct span name, struct site_info *out); /* out may be NULL */
/* The site an alias stands for. */
bool sites_resolve(struct sites *s, struct span alias, char name[SITE_BYTES]);
/* Makes a site known from now on, in PostgreSQL with the next refresh. ERR_BUSY at the cap. */
int sites_learn(struct sites *s, struct span name, struct err *e) MUST_CHECK;
uint32_t sites_count(struct sites *s);

/* Stores the learned ones, then reads both tables; call at start and about once a second. On
 * failure the old ones stay and the learned ones are stored next time. Any thread. */
int sites_refresh(struct sites *s, struct sql *sql, struct err *e) MUST_CHECK;

/* ---- in PostgreSQL ---- */

/* Letters, digits, '-', '.', '_' and a port; lower case; 1 to 253 bytes. */
bool site_name_valid(struct span name);

/* By an administrator: it may be sent to without a token. Known already: fine. */
int sites_add(struct sql *sql, struct span name, struct err *e) MUST_CHECK;
/* The same, but a site that is known in whatever way stays as it is. */
int sites_add_unknown(struct sql *sql, struct span name, struct err *e) MUST_CHECK;
/* ERR_INPUT when the site is not known. */
int sites_set_public(struct sql *sql, struct span name, bool is_public, struct err *e) MUST_CHECK;
int sites_add_alias(struct sql *sql, struct span name, struct span alias, struct err *e) MUST_CHECK;

struct site_row {
    struct span name, aliases; /* aliases: comma-separated */
    struct site_info info;
};
int sites_list(struct sql *sql, void (*each)(void *context, const struct site_row *row),
               void *context, struct err *e) MUST_CHECK;

#endif
