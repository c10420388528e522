// SPDX-License-Identifier: Apache-2.0
// The tracker on customers' sites: the log has exactly the page views that were made.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { openWithoutDebugger, ordinaryUserAgent } from './support/browser.mjs';
import { temporaryFolder } from './support/folder.mjs';
import { makeRig } from './support/rig.mjs';
import { startProxy, startSite } from './support/sites.mjs';
import { waitUntil } from './support/wait.mjs';
import { snippet } from '../../web/lib/snippet.js';

const deadline = 30_000;
const withBackForwardCache = { ignoreDefaultArgs: ['--disable-back-forward-cache'] };

const rig = makeRig({
    options: () => ['--api.hosts', 'stats.example.test'],
    async setUp(rig) {
        rig.proxy = await startProxy(rig.service.url);
        rig.api = rig.proxy.at('stats.localhost');
        rig.sites = [];
    },
    async tearDown(rig) {
        await Promise.all([rig.proxy, ...rig.sites ?? []].map((server) => server?.stop()));
    },
});

// ---- the sites

const links = '<a id="one" href="/one">one</a> <a id="two" href="/two?id=7#part">two</a> <a id="part" href="#part">part</a>';

const pageWith = (script, body = links) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">
${script}
<body><h1>A page</h1>${body}</body></html>`;

/** A site of its own, known to the service; `more({host, script})` gives further pages. */
async function makeSite({ attributes = '', script, zone = 'localhost', more = () => ({}), headers = {}, known = true, held } = {}) {
    const host = `site-${rig.sites.length}.${zone}`;
    const tag = script ?? `<script defer src="${rig.api}/track.js" data-site="${host}" ${attributes}></script>`;
    const text = pageWith(tag);
    const server = await startSite({ pages: { '/': text, '/one': text, '/two': text, ...more({ host, tag }) }, headers, held });
    const site = Object.assign(server, { host, url: (path = '/') => server.at(host, path), wanted: [] });
    if (known)
        await rig.service.addSite(host);
    rig.sites.push(site);
    return site;
}

// ---- what the log has of a site

const logged = (site) => rig.service.events(site.host);
const named = (events, name) => events.find(({ eventType }) => eventType === name);

/** [what, path with query, referrer]; page views are just these two. */
const told = (event) => [...event.eventType === 'PageViewEvent' ? [] : [event.eventType],
    event.path + (event.query ? `?${event.query}` : ''), event.referrer ?? ''];

/** The log comes to have exactly these; whether more comes later, the last test looks at. Requests
 * of two pages may overtake each other: referrers tell the order. */
async function assertLogged(site, ...wanted) {
    site.wanted = wanted;
    let found = [];
    await waitUntil(deadline, () => `${wanted.length} events in the log: ${JSON.stringify(found)}`, async () => {
        found = (await logged(site)).map(told);
        return found.length >= wanted.length;
    });
    assertSame(found, wanted);
}

function assertSame(found, wanted) {
    const sorted = (list) => list.map((item) => item.join(' ')).sort();
    assert.deepEqual(sorted(found), sorted(wanted));
}

const push = (page, path) => page.evaluate((path) => history.pushState(null, '', path), path);

/** A mode for the requests of one test only. */
async function during(mode, body) {
    rig.proxy.mode = mode;
    try {
        await body();
    } finally {
        rig.proxy.mode = 'pass';
    }
}

const requestsOf = (site) => rig.proxy.events.filter(({ body }) => body.includes(`"site":"${site.host}"`));
const idsOf = (requests) => new Set(requests.flatMap(({ body }) => JSON.parse(body).map(({ eventId }) => eventId)));

// ---- pages

rig.test('each page of a site is counted, with the page before as its referrer', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url());
    await page.click('#one');
    await page.waitForURL('**/one');
    await page.click('#two');
    await page.waitForURL('**/two*');
    await assertLogged(site, ['/', ''], ['/one', site.url()], ['/two?id=7', site.url('/one')]);
    const events = await logged(site);
    assert.deepEqual(events.map(({ host, bot }) => [host, bot]), Array(3).fill([site.host, false]));
    assert.equal(new Set(events.map(({ visitor }) => visitor)).size, 1, 'one visitor');
});

rig.test('a page that is loaded again is counted again', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url());
    await page.click('#one');
    await page.waitForURL('**/one');
    await page.reload();
    await assertLogged(site, ['/', ''], ['/one', site.url()], ['/one', site.url()]);
});

rig.test('going back and forward is counted where pages are loaded anew', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url());
    await page.click('#one');
    await page.waitForURL('**/one');
    await page.goBack();
    await page.goForward();
    await assertLogged(site, ['/', ''], ['/one', site.url()], ['/', ''], ['/one', site.url()]);
});

rig.test('going back and forward is counted where pages come out of the back-forward cache',
    { browser: withBackForwardCache }, async ({ page }) => {
        const restored = "addEventListener('pageshow', (e) => e.persisted && footfall('restored'));";
        const site = await makeSite({
            more: ({ tag }) => Object.fromEntries(['/', '/one'].map((path) =>
                [path, pageWith(`${tag}<script defer src="/own.js"></script>`)]).concat([['/own.js', restored]])),
        });
        await page.goto(site.url());
        await assertLogged(site, ['/', '']);
        await page.goto(site.url('/one'));
        await assertLogged(site, ['/', ''], ['/one', '']);
        await page.evaluate(() => { history.back(); });
        await assertLogged(site, ['/', ''], ['/one', ''], ['/', ''], ['restored', '/', '']);
    });

rig.test('a jump within a page is not counted', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url());
    await page.click('#part');
    await page.goBack();
    await page.evaluate(() => footfall('end'));
    await assertLogged(site, ['/', ''], ['end', '/', '']);
});

// ---- single-page sites

rig.test('a single-page site is counted by its addresses', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url());
    await push(page, '/shop?id=1');
    await push(page, '/shop?id=1'); // the same
    await push(page, '/shop?id=1#reviews'); // a part of it
    await push(page, '/shop?id=2');
    await page.evaluate(() => history.go(-3));
    await page.waitForURL('**/shop?id=1');
    await page.evaluate(() => footfall('end'));
    await assertLogged(site, ['/', ''], ['/shop?id=1', site.url()], ['/shop?id=2', site.url('/shop?id=1')],
        ['/shop?id=1', site.url('/shop?id=2')], ['end', '/shop?id=1', site.url('/shop?id=2')]);
});

rig.test('an address that is replaced is not counted, nor a jump after it', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url('/?utm_source=news'));
    await page.evaluate(() => history.replaceState(null, '', '/'));
    await page.click('#part');
    await page.goBack();
    await push(page, '/next');
    await assertLogged(site, ['/?utm_source=news', ''], ['/next', site.url()]);
    assert.equal((await logged(site)).find(({ path }) => path === '/').utmSource, 'news');
});

rig.test('the site gets from pushState what it would without the tracker', async ({ page }) => {
    const site = await makeSite();
    await page.goto(site.url());
    const seen = await page.evaluate(() => {
        let error;
        history.pushState({ n: 1 }, '', '/a');
        try {
            history.pushState(null, '', 'https://elsewhere.test/');
        } catch (e) {
            error = e.name;
        }
        return { state: history.state, length: history.length, error };
    });
    assert.deepEqual(seen.state, { n: 1 });
    assert.equal(seen.error, 'SecurityError');
    await assertLogged(site, ['/', ''], ['/a', site.url()]);
});

// ---- prerendering

test('a page that is prerendered is counted when it is shown, and not before', async () => {
    const own = "footfall('ready'); fetch('/ran?' + document.prerendering);";
    const site = await makeSite({
        more: ({ tag }) => ({
            '/': { body: pageWith(`${tag}<script defer src="/go.js"></script>`), headers: { 'speculation-rules': '"/rules.json"' } },
            '/go.js': "fetch('/go').then(() => location.href = '/one');",
            '/one': pageWith(`${tag}<script defer src="/own.js"></script>`),
            '/own.js': own,
            '/ran': '',
            '/rules.json': {
                body: '{"prerender": [{"source": "list", "urls": ["/one"], "eagerness": "immediate"}]}',
                type: 'application/speculationrules+json',
            },
        }),
        held: ['/go'],
    });
    // A browser with a debugger attached prerenders nothing.
    const stop = openWithoutDebugger(ordinaryUserAgent(rig.browser), site.url());
    try {
        await waitUntil(deadline, 'the page to be prerendered', () => site.requests.includes('/ran?true'));
        await assertLogged(site, ['/', '']);
        site.release();
        await assertLogged(site, ['/', ''], ['/one', site.url()], ['ready', '/one', site.url()]);
        assert.equal(site.requests.filter((path) => path === '/one').length, 1, 'it was loaded once');
    } finally {
        await stop();
    }
});

// ---- bad connections

rig.test('what happens offline arrives when the visitor is online again', async ({ page, context, watched }) => {
    watched.expect(/ERR_INTERNET_DISCONNECTED/);
    const site = await makeSite();
    await page.goto(site.url());
    await assertLogged(site, ['/', '']);
    await context.setOffline(true);
    const failed = page.waitForEvent('requestfailed');
    await push(page, '/a');
    await page.evaluate(() => footfall('bought', { price: 3.5 }));
    await push(page, '/b');
    await failed;
    await context.setOffline(false);
    await assertLogged(site, ['/', ''], ['/a', site.url()], ['bought', '/a', site.url()], ['/b', site.url('/a')]);
});

rig.test('what an overloaded server refuses is sent again, as old as it is', async ({ page, watched }) => {
    watched.expect(/503/);
    const site = await makeSite();
    await during('busy', async () => {
        await page.goto(site.url());
        await waitUntil(deadline, 'the second try', () => requestsOf(site).length >= 2);
        await push(page, '/a');
    });
    await assertLogged(site, ['/', ''], ['/a', site.url()]);
    const requests = requestsOf(site), events = await logged(site), last = JSON.parse(requests.at(-1).body);
    assert.equal(idsOf(requests).size, 2, 'each event keeps its id');
    const ages = requests.map(({ body }) => JSON.parse(body)[0].age);
    assert.ok(ages[1] > ages[0] && ages[0] >= 0, `it grows older: ${ages}`);
    for (const { eventId, age } of last) {
        const event = events.find((event) => event.eventId === eventId);
        assert.equal(Date.parse(event.receivedAt) - Date.parse(event.timestamp), age);
    }
});

rig.test('what the server has taken before the connection broke is not counted twice', async ({ page, watched }) => {
    watched.expect(/ERR_EMPTY_RESPONSE|ERR_CONNECTION/);
    const site = await makeSite();
    await during('cut', async () => {
        await page.goto(site.url());
        await waitUntil(deadline, 'the service to have taken it', () => requestsOf(site)[0]?.status === 202);
    });
    await waitUntil(deadline, 'the repeat', () => requestsOf(site).some(({ mode, answer }) => mode === 'pass' && answer));
    const repeat = requestsOf(site).find(({ mode }) => mode === 'pass');
    assert.equal(JSON.parse(repeat.answer).duplicates, 1);
    await assertLogged(site, ['/', '']);
});

rig.test('what the server refuses for good is not sent again, and stops nothing', async ({ page, watched }) => {
    watched.expect(/403/);
    const site = await makeSite({ known: false });
    await page.goto(site.url());
    await waitUntil(deadline, 'the refusal', () => requestsOf(site)[0]?.status === 403);
    await rig.service.addSite(site.host);
    await push(page, '/a');
    await assertLogged(site, ['/a', site.url()]);
    assert.deepEqual(requestsOf(site).map(({ body }) => JSON.parse(body).length), [1, 1]);
});

rig.test('a queue is bounded, and no request exceeds what browsers let live on', async ({ page, context, watched }) => {
    watched.expect(/ERR_INTERNET_DISCONNECTED/);
    const site = await makeSite();
    await page.goto(site.url());
    await assertLogged(site, ['/', '']);
    await context.setOffline(true);
    await page.evaluate(() => {
        for (let i = 0; i < 150; i++)
            footfall('n', { i, text: '\u20ac'.repeat(500) });
    });
    await context.setOffline(false);
    await assertLogged(site, ['/', ''], ...Array(100).fill(['n', '/', '']));
    const numbers = (await logged(site)).flatMap(({ props }) => props?.i ?? []);
    assert.deepEqual(numbers.sort((a, b) => a - b), [...Array(100).keys()]);
    for (const { body } of requestsOf(site))
        assert.ok(Buffer.byteLength(body) <= 64 * 1024);
});

rig.test('a tab that is closed at once is counted', async ({ page, context }) => {
    const site = await makeSite();
    await page.goto(site.url(), { waitUntil: 'domcontentloaded' });
    await page.close();
    await assertLogged(site, ['/', '']);
    const other = await context.newPage();
    await other.goto(site.url('/one'), { waitUntil: 'commit' });
    await other.evaluate(() => document.readyState === 'loading' &&
        new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve)));
    await other.close({ runBeforeUnload: true });
    await assertLogged(site, ['/', ''], ['/one', '']);
});

rig.test('a page that is left takes what is not confirmed along, in a beacon', async ({ page, watched }) => {
    watched.expect(/503/);
    const site = await makeSite({ more: () => ({ '/plain': pageWith('') }) });
    await during('beacons', async () => {
        await page.goto(site.url());
        await waitUntil(deadline, 'the refusal', () => requestsOf(site)[0]?.status === 503);
        await page.evaluate(() => footfall('left'));
        await page.goto(site.url('/plain'));
        await assertLogged(site, ['/', ''], ['left', '/', '']);
    });
    const beacon = requestsOf(site).at(-1);
    assert.equal(beacon.headers['sec-fetch-mode'], 'no-cors');
    assert.match(beacon.headers['content-type'], /^text\/plain/);
});

// ---- events of one's own

rig.test('own events have their names and properties, also those from before the tracker was there', async ({ page }) => {
    const stub = 'window.footfall=window.footfall||function(){(footfall.q=footfall.q||[]).push(arguments)}';
    const site = await makeSite({
        more: ({ tag }) => ({ '/': pageWith(`<script>${stub};footfall('early', {a: 1});footfall('second')</script>${tag}`) }),
    });
    await page.goto(site.url());
    const props = { plan: 'pro', price: 12.5, trial: false, note: 'Zoë "quoted" \u2028 <b>' };
    await page.evaluate((props) => footfall('signup', props), props);
    await page.evaluate(() => { // nothing of this can be sent, and nothing of it is thrown
        const circle = {};
        circle.self = circle;
        footfall('circle', circle);
        footfall();
        footfall('');
        footfall('big', { n: 10n });
    });
    await page.evaluate(() => footfall('end'));
    await assertLogged(site, ['/', ''], ['early', '/', ''], ['second', '/', ''], ['signup', '/', ''], ['end', '/', '']);
    const events = await logged(site);
    assert.deepEqual(named(events, 'early').props, { a: 1 });
    assert.deepEqual(named(events, 'signup').props, props);
});

rig.test('a tracker that is included twice counts once', async ({ page }) => {
    const site = await makeSite({ more: ({ tag }) => ({ '/': pageWith(tag + tag) }) });
    await page.goto(site.url());
    await push(page, '/a');
    await page.evaluate(() => footfall('end'));
    await assertLogged(site, ['/', ''], ['/a', site.url()], ['end', '/a', site.url()]);
});

// ---- privacy

const wishes = {
    'Global Privacy Control': () => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true }),
    'Do Not Track': () => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' }),
};
for (const [wish, init] of Object.entries(wishes))
    rig.test(`${wish} is heeded where the site says so`, async ({ page }) => {
        const heeding = await makeSite({ attributes: 'data-dnt' }), other = await makeSite();
        await page.goto(heeding.url()); // no wish yet
        await page.addInitScript(init);
        await page.goto(heeding.url('/one'));
        await page.evaluate(() => footfall('hello'));
        await push(page, '/a');
        await page.goto(other.url());
        await assertLogged(other, ['/', '']);
        await assertLogged(heeding, ['/', '']);
    });

rig.test('nothing secret of an address is sent, nor anything kept in the browser', async ({ page, context }) => {
    const site = await makeSite({ attributes: 'data-query="id|page"' });
    const address = new URL(site.url('/one?id=7&token=secret&utm_source=news&page=2&paid=secret#secret'));
    address.username = address.password = 'secret';
    await page.goto(address.href);
    await page.evaluate(() => history.pushState(null, '', '?token=secret2'));
    await assertLogged(site, ['/one?id=7&utm_source=news&page=2', ''],
        ['/one', site.url('/one?id=7&utm_source=news&page=2')]);
    for (const { body, headers } of requestsOf(site)) {
        assert.doesNotMatch(body, /secret/);
        assert.equal(headers.cookie, undefined);
    }
    const kept = await page.evaluate(async () => [document.cookie, localStorage.length, sessionStorage.length,
        (await indexedDB.databases()).length, (await caches.keys()).length]);
    assert.deepEqual(kept, ['', 0, 0, 0, 0]);
    assert.deepEqual(await context.cookies(), []);
});

// ---- where it runs

const strict = () => ({
    'content-security-policy': `default-src 'none'; script-src ${rig.api}; connect-src ${rig.api}; img-src ${rig.api} data:`,
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-opener-policy': 'same-origin',
});

rig.test('a strict Content-Security-Policy needs three lines', async ({ page }) => {
    const site = await makeSite({ headers: strict() });
    await page.goto(site.url());
    await push(page, '/a');
    await assertLogged(site, ['/', ''], ['/a', site.url()]);
});

rig.test('without JavaScript a picture counts', { context: { javaScriptEnabled: false } }, async ({ page }) => {
    const site = await makeSite({
        headers: strict(),
        more: ({ host, tag }) => ({
            '/': pageWith(tag, `<noscript><img src="${rig.api}/v1/pixel.gif?u=${encodeURIComponent(`https://${host}/`)}" alt=""></noscript>`),
            '/shown': pageWith('', snippet(host, rig.api)),
        }),
    });
    await page.goto(site.url());
    await page.goto(site.url('/shown?a=1'));
    await assertLogged(site, ['/', ''], ['/shown?a=1', '']);
});

rig.test('a page that came by plain HTTP is counted, with random ids', async ({ page }) => {
    const site = await makeSite({ zone: 'test' });
    await page.goto(site.url());
    assert.deepEqual(await page.evaluate(() => [isSecureContext, typeof crypto.randomUUID]), [false, 'undefined']);
    await push(page, '/a');
    await assertLogged(site, ['/', ''], ['/a', site.url()]);
    for (const id of idsOf(requestsOf(site)))
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

rig.test('the site is the address\'s where the script names none, and the script may come from anywhere', async ({ page }) => {
    const script = await (await fetch(`${rig.service.url}/track.js`)).text();
    const site = await makeSite({
        script: `<script defer src="/own/copy.js" data-api="${rig.api}/"></script>`,
        more: () => ({ '/own/copy.js': script }),
    });
    await page.goto(site.url());
    await assertLogged(site, ['/', '']);
});

rig.test('the tracker does nothing in a page that is a file', async ({ page }) => {
    const folder = temporaryFolder(), n = rig.proxy.events.length;
    writeFileSync(join(folder, 'track.js'), await (await fetch(`${rig.service.url}/track.js`)).text());
    writeFileSync(join(folder, 'page.html'), pageWith(`<script src="track.js" data-api="${rig.api}" data-site="a.localhost"></script>`));
    await page.goto(`file://${folder}/page.html`);
    assert.equal(await page.evaluate(() => typeof window.footfall), 'undefined');
    assert.equal(rig.proxy.events.length, n);
});

rig.test('who is signed in counts like anyone, also on a site of the same domain', async ({ page, watched }) => {
    watched.expect(/Cross-Origin-Opener-Policy/); // means nothing to plain HTTP
    const service = new URL(rig.service.url), host = 'stats.example.test';
    const stats = `http://${host}:${service.port}`;
    const site = await makeSite({ zone: 'example.test', script: `<script defer src="${stats}/track.js"></script>` });
    await page.goto(`${stats}/sign-in`);
    const signedIn = await page.evaluate(async (token) => (await fetch('/v1/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
    })).status, rig.service.token);
    assert.equal(signedIn, 200);
    const sent = page.waitForResponse((response) => response.url().endsWith('/v1/events'));
    await page.goto(site.url());
    assert.equal((await sent).status(), 202);
    await page.evaluate(([api, address]) => navigator.sendBeacon(`${api}/v1/events`, // which cookies go with
        JSON.stringify([{ eventType: 'beacon', pageUrl: address }])), [stats, site.url('/b')]);
    await assertLogged(site, ['/', ''], ['beacon', '/b', '']);
    assert.deepEqual((await logged(site)).map(({ browser }) => browser), ['Chrome', 'Chrome']);
});

rig.test('a headless browser is counted as a bot: it is in the log, but in no view',
    { context: { userAgent: undefined } }, async ({ page }) => {
        const site = await makeSite();
        await page.goto(site.url());
        assert.match(await page.evaluate(() => navigator.userAgent), /HeadlessChrome/);
        await assertLogged(site, ['/', '']);
        assert.equal((await logged(site))[0].bot, true);
        await rig.service.caughtUp();
        assert.deepEqual((await rig.service.rows('pageviews', { site: site.host, step: 'all' })).totals, { pageviews: 0 });
    });

test('the views have what the log has, and nothing came later', async () => {
    await rig.service.caughtUp();
    for (const site of rig.sites) {
        const events = await logged(site);
        assertSame(events.map(told), site.wanted);
        const views = events.filter(({ eventType, bot }) => eventType === 'PageViewEvent' && !bot).length;
        const { totals } = await rig.service.rows('pageviews', { site: site.host, step: 'all' });
        assert.equal(Number(totals.pageviews), views, site.host);
    }
});

test('the tracker has less than 1,200 bytes, compressed', async () => {
    const answer = await fetch(`${rig.service.url}/track.js`, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.headers.get('content-encoding'), 'gzip');
    assert.ok(Number(answer.headers.get('content-length')) < 1200);
});
