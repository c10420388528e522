/* SPDX-License-Identifier: Apache-2.0 */
/* What a visitor's user agent says: browser and system families as uap-core's regexes name them, a
 * device class, and whether it is a bot.
 *
 * Rules are shared by all threads; each expression is compiled when it is first tried. A cache
 * belongs to one thread and remembers the user agents it saw last. */
#ifndef INGEST_USER_AGENT_H
#define INGEST_USER_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

enum { USER_AGENT_MAX_BYTES = 4096, FAMILY_MAX_BYTES = 64 };

/* device is "bot" when uap-core's device is "Spider", and for headless Chromium; else "tablet"
 * (iPad, Kindle, Android without "Mobile", "Tablet"), "mobile" (phones, "Mobile"), "tv", "desktop"
 * (Windows, macOS, Linux, BSD and ChromeOS), else "other". */
struct user_agent {
    struct span browser, os; /* "Other" when no rule knows it */
    struct span device;
    bool bot;
};

struct user_agent_rules;

/* regexes.yaml of uap-core (Debian: /usr/share/uap-core/regexes.yaml). */
int user_agent_rules_load(struct user_agent_rules **out, const char *path,
                          struct err *e) MUST_CHECK;
void user_agent_rules_free(struct user_agent_rules *r);

struct user_agent_cache;

enum { USER_AGENT_CACHE_SETS = 1024, USER_AGENT_CACHE_WAYS = 4 };

/* rules NULL: nothing is known, every lookup gives absent families, "other", no bot. */
struct user_agent_cache *user_agent_cache_new(struct user_agent_rules *rules);
void user_agent_cache_free(struct user_agent_cache *c);

/* text: 1 to USER_AGENT_MAX_BYTES bytes (cut beyond), any bytes. The result is valid until the next
 * call. */
const struct user_agent *user_agent_find(struct user_agent_cache *c, struct span text);

#endif
