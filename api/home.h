/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_HOME_H
#define API_HOME_H

#include "base/buf.h"

/* The page's Content-Security-Policy, worked out once. */
void home_put_policy(struct buf *out);

#endif
