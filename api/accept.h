/* SPDX-License-Identifier: Apache-2.0 */
/* Which form of an answer a client accepts, and whether it has it already (RFC 9110). Pure. */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include "base/span.h"

/* The index of the offer with the greatest quality (the earlier one of equals); -1 if none is
 * accepted. offers: "application/json", NULL-ended. An absent header accepts all. */
int accept_choose(struct span header, const char *const *offers);

/* Whether an If-None-Match names the entity tag (with its quotes). */
bool accept_has_tag(struct span if_none_match, struct span tag);

/* Whether an Accept-Encoding takes gzip; an absent one takes none. */
bool accept_gzip(struct span accept_encoding);

#endif
