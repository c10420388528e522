/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the service while it works: a table of harms. */
#ifndef CHAOS_HARM_H
#define CHAOS_HARM_H

#include "tests/chaos/sender.h"
#include "tests/support/service.h"

struct battle {
    struct service service;
    struct crew crew;
    uint64_t random;
};

struct harm {
    const char *name;
    void (*inflict)(struct battle *b);
};

extern const struct harm harms[];
extern const unsigned n_harms;

#endif
