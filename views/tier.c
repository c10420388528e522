/* SPDX-License-Identifier: Apache-2.0 */
/* Time tiers: which page and slot a time falls in, and back. Floors also before 1970. */
#include "base/civil.h"
#include "base/clock.h"
#include "views/plan.h"

const struct tier TIER_MINUTES = {"1m", US_PER_MINUTE, TIER_FIXED, US_PER_HOUR, 60};
const struct tier TIER_QUARTERS = {"15m", 15 * US_PER_MINUTE, TIER_FIXED, US_PER_DAY, 96};
const struct tier TIER_DAYS = {"1d", US_PER_DAY, TIER_MONTH, 0, 31};

static int64_t month_start_us(struct civil month)
{
    month.day = 1;
    return civil_days(month) * US_PER_DAY;
}

static struct civil civil_of_us(int64_t time_us)
{
    return civil_of_days(clock_floor(time_us, US_PER_DAY) / US_PER_DAY);
}

static int64_t page_start_of(const struct tier *t, int64_t time_us)
{
    return t->unit == TIER_MONTH ? month_start_us(civil_of_us(time_us))
                                 : clock_floor(time_us, t->page_us);
}

struct tier_slot tier_slot_of(const struct tier *t, int64_t time_us)
{
    int64_t start = page_start_of(t, time_us);
    return (struct tier_slot){start, (unsigned)((time_us - start) / t->slot_us)};
}

int64_t tier_slot_time(const struct tier *t, struct tier_slot at)
{
    return at.page_start_us + at.slot * t->slot_us;
}

int64_t tier_page_end(const struct tier *t, int64_t page_start_us)
{
    if (t->unit != TIER_MONTH)
        return page_start_us + t->page_us;
    struct civil next = civil_of_us(page_start_us);
    next.year += next.month == 12;
    next.month = next.month % 12 + 1;
    return month_start_us(next);
}

void tier_spot_move(struct tier_spot *s, const struct tier *t, int64_t time_us)
{
    struct tier_slot at = tier_slot_of(t, time_us);
    int64_t from_us = tier_slot_time(t, at);
    *s = (struct tier_spot){t, at, from_us, from_us + t->slot_us};
}
