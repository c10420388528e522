/* SPDX-License-Identifier: Apache-2.0 */
/* One time zone's history and rule, from a TZif file (RFC 8536): 64-bit transitions, then the POSIX
 * TZ string of the footer for all time after them. */
#ifndef BASE_TZIF_H
#define BASE_TZIF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* When a rule of the footer changes the clock, each year. */
struct tzif_change {
    enum { CHANGE_MONTH_WEEK, CHANGE_DAY_NO_LEAP, CHANGE_DAY } kind;
    int month, week, weekday; /* CHANGE_MONTH_WEEK: week 5 is the last */
    int day;                  /* CHANGE_DAY_NO_LEAP from 1 (never 29 February), CHANGE_DAY from 0 */
    int32_t at_s;             /* local time of day; may be negative or beyond 24 h */
};

struct tzif_rule {
    bool present;
    bool has_dst;
    int32_t std_offset_s, dst_offset_s; /* east of UTC */
    struct tzif_change start, end;      /* of daylight saving */
};

struct tzif {
    uint32_t n;        /* transitions */
    int64_t *at_s;     /* ascending, seconds since 1970 UTC */
    int32_t *offset_s; /* n + 1: before the first, after each; east of UTC */
    struct tzif_rule rule;
};

/* A time in which the offset does not change: [from_s, to_s). */
struct tzif_segment {
    int64_t from_s, to_s;
    int32_t offset_s;
};

int tzif_parse(struct tzif *out, struct span file, struct err *e) MUST_CHECK;
/* The footer alone: "CET-1CEST,M3.5.0,M10.5.0/3". */
int tzif_parse_rule(struct tzif_rule *out, struct span text, struct err *e) MUST_CHECK;
void tzif_clear(struct tzif *z);

struct tzif_segment tzif_segment_at(const struct tzif *z, int64_t t_s);

#endif
