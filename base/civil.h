/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of the proleptic Gregorian calendar as days since 1970-01-01 and back (era arithmetic: 400
 * years are 146097 days; Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdint.h>

struct civil {
    int year, month, day; /* month and day from 1 */
};

static inline int64_t civil_days(struct civil c)
{
    int64_t y = c.year - (c.month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static inline struct civil civil_of_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* from March */
    struct civil c = {.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
                      .month = (int)(month < 10 ? month + 3 : month - 9)};
    c.year = (int)(year_of_era + era * 400 + (c.month <= 2));
    return c;
}

/* 0 Sunday … 6 Saturday. */
static inline int civil_weekday(int64_t days)
{
    return (int)(days >= -4 ? (days + 4) % 7 : (days + 5) % 7 + 6);
}

#endif
