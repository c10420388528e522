// SPDX-License-Identifier: Apache-2.0
// Visits to a site, always the same for the same day, and what has to be counted of them: worked out here from the
// visits alone, by nothing that the service or the page says.

const minute = 60_000, day = 86_400_000;

const agents = [
    { browser: 'Firefox', os: 'Linux', device: 'desktop', text: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' },
    {
        browser: 'Chrome', os: 'Windows', device: 'desktop',
        text: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    },
    {
        browser: 'Mobile Safari', os: 'iOS', device: 'mobile',
        text: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    },
];
const regions = ['DE-BE', 'DE-BY', 'FR-IDF', 'US-CA', 'GB-ENG', 'NP'];
const paths = ['/', '/pricing', '/docs', '/docs/install', '/blog/hello-world', '/about', '/contact', '/shop/teapot', '/shop/cup',
    '/careers', '/imprint', '/search'];
const sources = [null, null, 'https://search.example/', 'https://news.example/item?id=1', 'https://social.example/@a'];

/** Numbers from 0 on below n, in an order that looks like chance and is always the same. */
export function dice(seed) {
    let state = seed >>> 0;
    return (n) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor(state / 2 ** 32 * n);
    };
}

function makeVisit(roll, visitor, start) {
    const views = [];
    for (let at = start, n = 1 + roll(6) * roll(2); n > 0; n--, at += (20 + roll(240)) * 1000)
        views.push({ at, path: paths[Math.min(roll(paths.length), roll(paths.length))] });
    const campaign = roll(6) === 0 ? { utm_source: 'newsletter', utm_medium: 'email', utm_campaign: 'spring' } : null;
    return { visitor, start, views, referrer: campaign ? null : sources[roll(sources.length)], campaign };
}

/** Visits of the last `days` UTC days, up to `now`; nobody's last over midnight. */
export function makeVisits({ days, visitors, now, seed = 1 }) {
    const roll = dice(seed), visits = [], today = Math.floor(now / day);
    for (let d = days - 1; d >= 0; d--)
        for (let i = 0, n = visitors - roll(visitors / 3); i < n; i++) {
            const visitor = {
                address: `198.${18 + d % 2}.${Math.floor(d / 2)}.${i}`,
                agent: agents[roll(agents.length)],
                region: regions[roll(regions.length)],
            };
            const start = (today - d) * day + roll(18 * 60) * minute;
            visits.push(makeVisit(roll, visitor, start));
            if (roll(4) === 0)
                visits.push(makeVisit(roll, visitor, start + 3 * 60 * minute));
        }
    return visits.filter(({ views }) => views.at(-1).at < now - minute);
}

/** The views as the service takes them from a sender with a token, in the order of their times. */
export function eventsOf(site, visits) {
    const events = visits.flatMap(({ visitor, views, referrer, campaign }) => views.map(({ at, path }, i) => ({
        timestamp: new Date(at).toISOString(),
        pageUrl: `https://${site}${path}${i === 0 && campaign ? `?${new URLSearchParams(campaign)}` : ''}`,
        referrer: i === 0 ? referrer ?? undefined : `https://${site}${views[i - 1].path}`,
        ipAddress: visitor.address,
        userAgent: visitor.agent.text,
        region: visitor.region,
        site,
    })));
    return events.sort((a, b) => a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0);
}

// ---- what has to be counted

const always = () => true;
const hostOf = (address) => address && new URL(address).host;

/** Of views: what the visits know, and the view's own. */
export const view = {
    path: (visit, v) => v.path,
    referrer_host: (visit, v) => v === visit.views[0] ? hostOf(visit.referrer) : 'own',
    utm_campaign: (visit, v) => v === visit.views[0] ? visit.campaign?.utm_campaign ?? null : null,
    country: (visit) => visit.visitor.region.slice(0, 2),
    region: (visit) => visit.visitor.region,
    browser: (visit) => visit.visitor.agent.browser,
    os: (visit) => visit.visitor.agent.os,
    device: (visit) => visit.visitor.agent.device,
};

/** The views in [from, to) that `wanted(visit, view)` wants: {pageviews, visitors}. */
export function countViews(visits, from, to, wanted = always) {
    const found = visits.flatMap((visit) => visit.views.filter((v) => v.at >= from && v.at < to && wanted(visit, v)).map(() => visit));
    return { pageviews: found.length, visitors: new Set(found.map(({ visitor }) => visitor)).size };
}

/** The visits that begin in [from, to): {visits, bounces, duration, pageviews}. */
export function countVisits(visits, from, to, wanted = always) {
    const found = visits.filter((visit) => visit.start >= from && visit.start < to && wanted(visit));
    const sum = (of) => found.reduce((n, visit) => n + of(visit), 0);
    return {
        visits: found.length,
        bounces: sum(({ views }) => views.length === 1 ? 1 : 0),
        duration: sum(({ start, views }) => Math.floor((views.at(-1).at - start) / 1000)),
        pageviews: sum(({ views }) => views.length),
    };
}

/** value -> {pageviews, visitors}, for each value that the dimension has in [from, to). */
export function countBy(visits, from, to, dimension, wanted = always) {
    const values = new Set(visits.flatMap((visit) => visit.views.filter((v) => v.at >= from && v.at < to && wanted(visit, v))
        .map((v) => dimension(visit, v))));
    return new Map([...values].map((value) => [value, countViews(visits, from, to,
        (visit, v) => dimension(visit, v) === value && wanted(visit, v))]));
}
