/* SPDX-License-Identifier: Apache-2.0 */
/* Conservation, counted: received = accepted + duplicate + rejected (by reason). Every event is
 * counted once, when its request is answered. */
#ifndef INGEST_CONSERVATION_H
#define INGEST_CONSERVATION_H

#include "ingest/intake.h"

void conservation_register(void); /* once, before metrics are printed */

/* tally: of the request; of its valid events, accepted and duplicates are given, the rest is
 * counted as rejected for the reason `why`. Any thread. */
void conservation_count(const struct intake_tally *tally, uint32_t accepted, uint32_t duplicates,
                        enum reject_class why);

struct conservation {
    int64_t received, accepted, duplicates, rejected;
};
struct conservation conservation_sums(void);

#endif
