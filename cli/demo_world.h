/* SPDX-License-Identifier: Apache-2.0 */
/* The small world the demo's traffic lives in: its sites, pages, visitors, referrers. Tables. */
#ifndef CLI_DEMO_WORLD_H
#define CLI_DEMO_WORLD_H

#include <stddef.h>
#include <stdint.h>

enum { DEMO_SITES = 3, DEMO_PAGES = 12 };

struct demo_site {
    const char *name;
    unsigned share;                /* of the visits, of 100 */
    int hours_east;                /* whose day and night its visitors live by */
    const char *pages[DEMO_PAGES]; /* the most read first */
};

struct demo_place {
    const char *region; /* ISO 3166-2, or -1 */
    unsigned share;     /* of 1000 */
};

struct demo_campaign {
    const char *query;
    unsigned every_days, first_day, n_days; /* when it runs, in days since 1970 */
};

extern const struct demo_site demo_sites[DEMO_SITES];
extern const struct demo_place demo_places[];
extern const size_t demo_n_places;
extern const char *const demo_browsers[], *const demo_bots[], *const demo_referrers[];
extern const size_t demo_n_browsers, demo_n_bots, demo_n_referrers;
extern const struct demo_campaign demo_campaigns[];
extern const size_t demo_n_campaigns;

/* Traffic of an hour, in thousandths of the average one: by the hour of the day (local) and the day
 * of the week (0 Sunday). */
unsigned demo_hour_weight(int hour, int weekday);

#endif
