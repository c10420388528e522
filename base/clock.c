/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "base/civil.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int clock_format(char out[CLOCK_TEXT_BYTES], int64_t t_us, int digits)
{
    int64_t second_us = clock_floor(t_us, US_PER_SECOND);
    time_t seconds = (time_t)(second_us / US_PER_SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    int n = (int)strftime(out, CLOCK_TEXT_BYTES - 9, "%Y-%m-%dT%H:%M:%S", &tm);
    if (digits == 6)
        n += snprintf(out + n, CLOCK_TEXT_BYTES - (size_t)n, ".%06d", (int)(t_us - second_us));
    n += snprintf(out + n, CLOCK_TEXT_BYTES - (size_t)n, "Z");
    return n;
}

struct cursor {
    const char *p, *end;
};

static bool take_digits(struct cursor *c, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, c->p++) {
        if (c->p >= c->end || *c->p < '0' || *c->p > '9')
            return false;
        *value = *value * 10 + (*c->p - '0');
    }
    return true;
}

static bool take(struct cursor *c, const char *any_of)
{
    for (const char *a = any_of; *a != '\0' && c->p < c->end; a++)
        if (*c->p == *a) {
            c->p++;
            return true;
        }
    return false;
}

static bool date_exists(int year, int month, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (month == 2 && leap);
}

static bool take_date(struct cursor *c, int64_t *days)
{
    int year, month, day;
    if (!take_digits(c, 4, &year) || !take(c, "-") || !take_digits(c, 2, &month) || !take(c, "-") ||
        !take_digits(c, 2, &day) || !date_exists(year, month, day))
        return false;
    *days = civil_days((struct civil){year, month, day});
    return true;
}

static bool take_fraction(struct cursor *c, int64_t *us)
{
    *us = 0;
    if (!take(c, "."))
        return true;
    int digits = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (digits++ < 6)
            *us = *us * 10 + (*c->p - '0');
    for (int i = digits; i < 6; i++)
        *us *= 10;
    return digits >= 1 && digits <= 9;
}

static bool take_clock(struct cursor *c, int64_t *us)
{
    int hour, minute, second;
    int64_t fraction;
    if (!take_digits(c, 2, &hour) || !take(c, ":") || !take_digits(c, 2, &minute) ||
        !take(c, ":") || !take_digits(c, 2, &second) || !take_fraction(c, &fraction))
        return false;
    *us = hour * US_PER_HOUR + minute * US_PER_MINUTE + second * US_PER_SECOND + fraction;
    return hour < 24 && minute < 60 && second <= 60; /* 60: a leap second counts as the next one */
}

static bool take_offset(struct cursor *c, int64_t *us)
{
    *us = 0;
    if (take(c, "Zz"))
        return true;
    int sign = take(c, "-") ? -1 : 1, hour, minute;
    if (sign == 1 && !take(c, "+"))
        return false;
    if (!take_digits(c, 2, &hour) || !take(c, ":") || !take_digits(c, 2, &minute))
        return false;
    *us = sign * (hour * US_PER_HOUR + minute * US_PER_MINUTE);
    return hour < 24 && minute < 60;
}

int clock_parse(const char *text, unsigned long n, int64_t *t_us)
{
    struct cursor c = {text, text + n};
    int64_t days, of_day_us, offset_us;
    if (!take_date(&c, &days) || !take(&c, "Tt ") || !take_clock(&c, &of_day_us) ||
        !take_offset(&c, &offset_us) || c.p != c.end)
        return -1;
    *t_us = days * US_PER_DAY + of_day_us - offset_us;
    return 0;
}
