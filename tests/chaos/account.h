/* SPDX-License-Identifier: Apache-2.0 */
/* The senders' ledgers against the log: nothing acknowledged is lost, nothing is there twice,
 * nothing is there that was refused. */
#ifndef CHAOS_ACCOUNT_H
#define CHAOS_ACCOUNT_H

#include "tests/chaos/sender.h"
#include "tests/support/service.h"

/* The service runs and the senders have ended. Fails the test, naming the first requests that are
 * wrong. */
void account_check(struct crew *c, struct service *s);

#endif
