/* SPDX-License-Identifier: Apache-2.0 */
/* Time is an argument everywhere; this is where it comes from at the edges.
 * Times are int64 microseconds since 1970-01-01 UTC ("_us"). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)

int64_t clock_now_us(void);       /* wall clock */
int64_t clock_monotonic_us(void); /* for durations and deadlines */

/* Largest multiple of step at or below t, also for negative t. */
static inline int64_t clock_floor(int64_t t, int64_t step)
{
    int64_t r = t % step;
    return t - (r < 0 ? r + step : r);
}

enum { CLOCK_TEXT_BYTES = 40 };
/* RFC 3339 in UTC: "2026-11-23T04:00:00Z", with microseconds when digits is 6. Returns the length.
 */
int clock_format(char out[CLOCK_TEXT_BYTES], int64_t t_us, int digits);
/* RFC 3339 with any offset, up to nanoseconds (cut to microseconds); -1 if it is none. */
int clock_parse(const char *text, unsigned long n, int64_t *t_us);

#endif
