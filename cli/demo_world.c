/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct demo_site demo_sites[DEMO_SITES] = {
    {"shop.example",
     50,
     1,
     {"/", "/products", "/products/espresso-machine", "/products/grinder", "/cart", "/sale",
      "/products/beans", "/checkout", "/about", "/products/cups", "/shipping", "/contact"}},
    {"news.example",
     35,
     -5,
     {"/", "/world", "/technology", "/2026/elections", "/science", "/sports", "/weather",
      "/culture", "/opinion", "/technology/chips", "/newsletter", "/archive"}},
    {"docs.example",
     15,
     0,
     {"/", "/install", "/quickstart", "/reference", "/reference/api", "/guides/import",
      "/guides/backup", "/faq", "/changelog", "/guides/upgrade", "/reference/cli", "/license"}},
};

const struct demo_place demo_places[] = {
    {"US-CA", 120}, {"US-NY", 80}, {"US-TX", 70}, {"DE-BE", 60}, {"DE-BY", 60}, {"GB", 90},
    {"FR", 70},     {"IN", 80},    {"BR", 60},    {"JP", 50},    {"CA-ON", 40}, {"NL", 30},
    {"PL", 30},     {"ES", 30},    {"AU", 25},    {"MX", 25},    {"SE", 20},    {"NG", 20},
    {"ZA", 15},     {"NZ", 5},     {"IS", 3},     {"ZZ", 17},
};
const size_t demo_n_places = COUNT(demo_places);

const char *const demo_browsers[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) "
    "Version/17.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.6 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.6 Mobile/15E148 Safari/604.1",
};
const size_t demo_n_browsers = COUNT(demo_browsers);

const char *const demo_bots[] = {
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
};
const size_t demo_n_bots = COUNT(demo_bots);

const char *const demo_referrers[] = {
    "https://www.google.com/",          "https://www.bing.com/",
    "https://duckduckgo.com/",          "https://news.ycombinator.com/",
    "https://www.reddit.com/r/coffee/", "https://t.co/abc123",
    "https://www.linkedin.com/",        "https://en.wikipedia.org/wiki/Coffee",
};
const size_t demo_n_referrers = COUNT(demo_referrers);

const struct demo_campaign demo_campaigns[] = {
    {"utm_source=newsletter&utm_medium=email&utm_campaign=weekly", 7, 5, 2},
    {"utm_source=google&utm_medium=cpc&utm_campaign=brand", 1, 0, 1},
    {"utm_source=instagram&utm_medium=social&utm_campaign=summer%20sale", 10, 4, 3},
};
const size_t demo_n_campaigns = COUNT(demo_campaigns);

unsigned demo_hour_weight(int hour, int weekday)
{
    static const unsigned short by_hour[24] = {/* average 1000 */
                                               480,  320,  220,  160,  160,  250,  450,  800,
                                               1150, 1350, 1430, 1460, 1400, 1420, 1480, 1460,
                                               1400, 1320, 1270, 1300, 1340, 1220, 1300, 860};
    static const unsigned short by_day[7] = {860, 1080, 1100, 1090, 1060, 1020, 790};
    return (unsigned)by_hour[hour] * by_day[weekday] / 1000;
}
