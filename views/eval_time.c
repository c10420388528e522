/* SPDX-License-Identifier: Apache-2.0 */
/* EXTRACT of a time in UTC: the proleptic Gregorian calendar, ISO 8601's weeks; there is no year 0,
 * before year 1 comes -1. */
#include "base/civil.h"
#include "views/eval_internal.h"

static const int64_t MINUTE_US = 60 * INT64_C(1000000), DAY_US = 86400 * INT64_C(1000000);

static int64_t days_to_year(int year)
{
    return civil_days((struct civil){year, 1, 1});
}

/* The Monday of week 1: the week that has January 4. */
static int64_t first_monday(int year)
{
    int64_t fourth = days_to_year(year) + 3;
    return fourth - (civil_weekday(fourth) + 6) % 7;
}

/* The year that the day's ISO week belongs to. */
static int iso_year(int64_t days)
{
    int year = civil_of_days(days).year;
    if (days < first_monday(year))
        return year - 1;
    return days >= first_monday(year + 1) ? year + 1 : year;
}

static int shown_year(int year)
{
    return year > 0 ? year : year - 1;
}

static int64_t of_day(int64_t days, enum expr_field field)
{
    struct civil date = civil_of_days(days);
    switch (field) {
    case FIELD_DOW:
        return civil_weekday(days);
    case FIELD_ISODOW:
        return (civil_weekday(days) + 6) % 7 + 1;
    case FIELD_DAY:
        return date.day;
    case FIELD_DOY:
        return days - days_to_year(date.year) + 1;
    case FIELD_WEEK:
        return (days - first_monday(iso_year(days))) / 7 + 1;
    case FIELD_MONTH:
        return date.month;
    case FIELD_QUARTER:
        return (date.month + 2) / 3;
    case FIELD_ISOYEAR:
        return shown_year(iso_year(days));
    default:
        return shown_year(date.year);
    }
}

static struct number extract(const struct arg *args, const void *context)
{
    const enum expr_field *field = context;
    int128 time_us = args[0].number;
    int64_t days = (int64_t)(time_us / DAY_US) - (time_us % DAY_US < 0);
    int64_t minutes = (int64_t)((time_us - (int128)days * DAY_US) / MINUTE_US);
    if (*field == FIELD_MINUTE)
        return (struct number){.value = minutes % 60};
    if (*field == FIELD_HOUR)
        return (struct number){.value = minutes / 60};
    return (struct number){.value = of_day(days, *field)};
}

struct numbers time_extract(const struct run *r, const struct expr *x)
{
    struct row_function f = {.number = extract, .context = &x->field};
    return map_numbers(r, x, &f);
}
