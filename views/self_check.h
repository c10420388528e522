/* SPDX-License-Identifier: Apache-2.0 */
/* The background self-check: now and then a page of the finest tier (an hour of minutes, a day of
 * quarter hours) of a random view and a random site, from its last week, is verified. Clock and
 * chance are arguments. */
#ifndef VIEWS_SELF_CHECK_H
#define VIEWS_SELF_CHECK_H

#include "views/live.h"

enum self_check_outcome {
    SELF_CHECK_NONE, /* nothing to check: no site has an event yet, or the view is far behind */
    SELF_CHECK_AGREES,
    SELF_CHECK_DIFFERS
};

struct self_check_report {
    enum self_check_outcome outcome;
    char view[VIEW_NAME_BYTES];
    char site[256];
    int64_t from_us, to_us; /* what was compared, half-open */
    int64_t at_us;          /* when; 0: never */
    uint64_t offset;        /* of the log, it was compared at */
    uint64_t n_differences;
};

struct self_check {
    struct live *live;
    int64_t now_us;
    uint64_t chance;                           /* a random number */
    int (*tick)(void *context, struct err *e); /* -1 ends it. May be NULL */
    void *context;
};

/* One check. Says a disagreement as a warning, counts it in the metrics. */
int self_check_run(const struct self_check *c, struct self_check_report *out,
                   struct err *e) MUST_CHECK;

/* How long to wait after a check that took so long, so that checks take that share (in per cent) of
 * one processor; at least a minute. */
int64_t self_check_pause_us(int64_t took_us, unsigned per_cent);

#endif
