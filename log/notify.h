/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes the readers in other processes: a NOTIFY after commits, coalesced, on a connection of its
 * own (inside the append it would serialize commits). */
#ifndef LOG_NOTIFY_H
#define LOG_NOTIFY_H

#include <stdint.h>

#include "base/err.h"

struct notifier;
struct notifier *
notifier_new(const char *postgres_uri); /* connects when there is something to say */
void notifier_free(struct notifier *n);
void notifier_mark(struct notifier *n,
                   uint32_t partition); /* any thread: this partition has grown */
/* Sends one NOTIFY for each marked partition. The main thread, some ten times a second. */
int notifier_flush(struct notifier *n, struct err *e) MUST_CHECK;

#endif
