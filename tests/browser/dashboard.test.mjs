// SPDX-License-Identifier: Apache-2.0
// The dashboard: what it shows is what was sent, counted here from the visits that the tests made up.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { assertAccessible } from './support/axe.mjs';
import { signIn } from './support/browser.mjs';
import { beginOf, dateAt, later } from './support/calendar.mjs';
import { addressOf, cards, cardsOf, changeOf, changes, chartRows, count, open, panel, panelRows, pills, rowsOf, settled, soon }
    from './support/dashboard.mjs';
import { outFile } from './support/folder.mjs';
import { makeRig } from './support/rig.mjs';
import { startRelay, startSite } from './support/sites.mjs';
import { countBy, countViews, countVisits, eventsOf, makeVisits, view } from './support/traffic.mjs';
import { waitUntil } from './support/wait.mjs';

const deadline = 30_000, hour = 3_600_000;
const berlin = 'Europe/Berlin', kathmandu = 'Asia/Kathmandu';
const shop = 'shop.example', open_ = 'public.example', hostile = 'hostile.example', clocks = 'clocks.example', empty = 'empty.example';

// ---- what there is to see

const now = Date.now();
const visits = makeVisits({ days: 40, visitors: 30, now });
const names = {
    image: '/<img src=x onerror=window.hacked=1>',
    right: '/\u202eلوحة/gnp.exe',
    long: `/${'long/'.repeat(800)}`.slice(0, 4000),
};

/** A page view each hour around the night in which Berlin's clocks went back. */
const nights = Array.from({ length: 80 }, (_, i) => Date.parse('2025-10-24T20:30Z') + i * hour);

const rig = makeRig({
    async options(rig) {
        rig.friend = await startSite({ pages: { '/': '' } });
        return ['--api.embed_origins', rig.friend.at('friend.localhost')];
    },
    async setUp(rig) {
        const { service } = rig;
        for (const site of [shop, hostile, clocks, empty])
            await service.addSite(site);
        await service.addSite(open_, { public: true });
        await service.send(eventsOf(shop, visits));
        await service.send(eventsOf(open_, visits.slice(-50)));
        await service.send(nights.map((at, i) => ({
            site: clocks, timestamp: new Date(at).toISOString(), pageUrl: '/', sessionId: `s${i}`,
        })));
        await service.send(Object.values(names).map((path) => ({
            site: hostile, pageUrl: path, referrer: 'https://"><script>window.hacked=1</script>/', browser: '<b>bold</b>',
            sessionId: path.slice(0, 20), timestamp: new Date(now - 60_000).toISOString(),
        })));
        await service.caughtUp();
        rig.relay = await startRelay(service.url);
        rig.origin = rig.relay.at('localhost');
    },
    async tearDown(rig) {
        await Promise.all([rig.relay?.stop(), rig.friend?.stop()]);
    },
});

/** A test in which an administrator is signed in. */
const signedIn = (name, ...rest) => {
    const body = rest.pop();
    rig.test(name, ...rest, async (given) => {
        await signIn(given.context, rig.origin, rig.service.token);
        await body(given);
    });
};

/** [from, to) of days there, both included. */
const rangeOf = (first, last, zone) => [beginOf(first, zone), beginOf(later(last, 1), zone)];

const today = (zone) => dateAt(Date.now(), zone);
const weekOf = (zone) => rangeOf(later(today(zone), -6), today(zone), zone);

const wantedCards = (range, ofViews, ofVisits = ofViews) =>
    cardsOf(countViews(visits, ...range, ofViews), countVisits(visits, ...range, ofVisits));

/** The table's rows of a list, most first, as [name, ...numbers]; those of equal numbers in any order. */
function assertRows(found, counts, numbers) {
    const all = [...counts].map(([name, counted]) => [name, ...numbers.map((n) => count(counted[n]))]);
    const wanted = (name) => all.find((row) => row[0] === name);
    for (const row of found)
        assert.deepEqual(row, wanted(row[0]));
    const firsts = (rows) => rows.map((row) => Number(row[1].replace(/\D/g, '')));
    assert.deepEqual(firsts(found), firsts(all).sort((a, b) => b - a).slice(0, found.length));
    assert.equal(found.length, Math.min(9, all.length));
}

// ---- signing in

rig.test('a token signs in, and the page that was asked for comes', async ({ page, watched }) => {
    watched.expect(/401/);
    await page.goto(addressOf(rig.origin, { site: shop, period: 'today' }));
    await page.waitForURL('**/sign-in?next=*');
    await page.screenshot({ path: outFile('sign-in.png') });
    await assertAccessible(page, 'the page for signing in');
    await page.getByLabel('Token').fill('no-such-token');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Token').fill(await rig.service.makeToken('read'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/?site=${shop}&period=today`);
    await settled(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/sign-in');
    await page.goto(addressOf(rig.origin, { site: shop }));
    await page.waitForURL('**/sign-in?next=*');
});

rig.test('the link that the start prints signs in once', async ({ page, context, watched }) => {
    watched.expect(/401/);
    const link = rig.service.signInUrl;
    assert.ok(link, 'the start prints a link');
    await page.goto(link);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    assert.equal(await page.evaluate(() => location.hash), '', 'the code does not stay in the address');
    await context.clearCookies();
    const again = await context.newPage();
    await again.goto(link);
    await again.getByRole('alert').waitFor();
});

// ---- numbers

signedIn('cards, chart and panels say what was sent', async ({ page }) => {
    const range = weekOf(berlin);
    await open(page, rig.origin, { site: shop, period: '7d' });
    await soon('the cards', () => cards(page), wantedCards(range));

    const ofService = await rig.service.rows('visitors', { site: shop, from: range[0] / 1000, to: range[1] / 1000, step: 'all', by: '' });
    assert.equal(count(ofService.totals.visitors), (await cards(page)).visitors, 'and so does the API');

    const slots = Array.from({ length: (range[1] - range[0]) / hour }, (_, i) => range[0] + i * hour);
    const rows = await chartRows(page);
    assert.deepEqual(rows.map((row) => row[1]), slots.map((at) =>
        at > Date.now() ? '–' : count(countViews(visits, at, at + hour).visitors)), 'the chart, hour by hour');

    const both = ['visitors', 'pageviews'];
    assertRows(await panelRows(page, 'Pages'), countBy(visits, ...range, view.path), both);
    assertRows(await panelRows(page, 'Technology'), countBy(visits, ...range, view.browser), both);
    const referrers = countBy(visits, ...range, view.referrer_host);
    referrers.delete('own');
    assertRows(await panelRows(page, 'Sources'), new Map([...referrers].map(([host, n]) => [host ?? 'Direct or unknown', n])), both);
    const countries = { DE: 'Germany', FR: 'France', US: 'United States', GB: 'United Kingdom', NP: 'Nepal' };
    assertRows(await panelRows(page, 'Places'),
        new Map([...countBy(visits, ...range, view.country)].map(([code, n]) => [countries[code], n])), ['pageviews']);
    await page.screenshot({ path: outFile('dashboard-table.png'), fullPage: true });
});

signedIn('tabs show what else was counted', async ({ page }) => {
    const range = weekOf(berlin), both = ['visitors', 'pageviews'];
    await open(page, rig.origin, { site: shop, period: '7d' });
    const pick = async (tab) => {
        await page.getByRole('tab', { name: tab }).click();
        await settled(page);
    };
    await pick('Systems');
    assertRows(await panelRows(page, 'Technology'), countBy(visits, ...range, view.os), both);
    await pick('Devices');
    assertRows(await panelRows(page, 'Technology'), countBy(visits, ...range, view.device), both);
    await pick('Campaigns');
    const spring = countBy(visits, ...range, view.utm_campaign);
    spring.delete(null);
    assertRows(await panelRows(page, 'Sources'), new Map([['newsletter / email / spring', spring.get('spring')]]), both);
    await pick('Entry pages');
    const entries = new Map();
    for (const path of new Set(visits.map(({ views }) => views[0].path))) {
        const { visits: n, bounces } = countVisits(visits, ...range, (visit) => visit.views[0].path === path);
        if (n > 0)
            entries.set(path, [count(n), `${Math.round(bounces / n * 100)}%`]);
    }
    const found = await panelRows(page, 'Pages');
    assert.equal(found.length, 9);
    for (const [path, ...numbers] of found)
        assert.deepEqual(numbers, entries.get(path), path);
    await page.reload();
    await settled(page);
    assert.deepEqual(await panelRows(page, 'Pages'), found, 'the tab is part of the address');
});

signedIn('a measure that is picked is the chart\'s', async ({ page }) => {
    const first = later(today(berlin), -3), range = rangeOf(first, first, berlin);
    await open(page, rig.origin, { site: shop, period: 'custom', from: first, to: first });
    await page.locator('.metric[data-measure=visits]').click();
    await settled(page);
    const rows = await chartRows(page);
    const slots = Array.from({ length: (range[1] - range[0]) / hour }, (_, i) => range[0] + i * hour);
    assert.deepEqual(rows.map((row) => row[1]), slots.map((at) => count(countVisits(visits, at, at + hour).visits)));
    assert.equal(new URL(page.url()).searchParams.get('measure'), 'visits');
});

signedIn('the comparison is with the days before', async ({ page }) => {
    const last = later(today(berlin), -2), first = later(last, -2);
    const range = rangeOf(first, last, berlin), before = rangeOf(later(first, -3), later(last, -3), berlin);
    await open(page, rig.origin, { site: shop, period: 'custom', from: first, to: last });
    const views = [countViews(visits, ...range), countViews(visits, ...before)];
    const wanted = { visitors: changeOf(views[0].visitors, views[1].visitors), pageviews: changeOf(views[0].pageviews, views[1].pageviews) };
    const look = async () => {
        const { visitors, pageviews } = await changes(page);
        return { visitors, pageviews };
    };
    await soon('the changes', look, wanted);
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await soon('no changes', look, { visitors: '', pageviews: '' });
    assert.equal(new URL(page.url()).searchParams.get('compare'), '0');
});

// ---- periods and zones

signedIn('days are those of the zone, also when its clocks change', async ({ page }) => {
    const day = '2025-10-26';
    for (const [zone, n] of [[berlin, 25], [kathmandu, 24], ['America/New_York', 24]]) {
        const range = rangeOf(day, day, zone);
        assert.equal((range[1] - range[0]) / hour, n);
        await open(page, rig.origin, { site: clocks, period: 'custom', from: day, to: day, tz: zone, measure: 'pageviews' });
        await soon(`the cards of ${zone}`, async () => (await cards(page)).pageviews,
            count(nights.filter((at) => at >= range[0] && at < range[1]).length));
        const rows = await chartRows(page);
        assert.deepEqual(rows.map((row) => row[1]), Array(n).fill('1'), `each hour of ${zone}`);
    }
});

signedIn('the zone is picked by its name', async ({ page }) => {
    await open(page, rig.origin, { site: shop, period: 'yesterday' });
    await page.getByRole('button', { name: 'Time zone' }).click();
    await page.getByRole('dialog').getByRole('searchbox').fill('mandu'); // browsers spell it differently
    await page.keyboard.press('Enter');
    await settled(page);
    assert.equal(new URL(page.url()).searchParams.get('tz'), await page.evaluate(() => Intl.supportedValuesOf('timeZone').find((z) => /Kat(h)?mandu/.test(z))));
    const yesterday = later(today(kathmandu), -1);
    await soon('yesterday in Kathmandu', () => cards(page), wantedCards(rangeOf(yesterday, yesterday, kathmandu)));
});

signedIn('a period is chosen by its days', async ({ page }) => {
    const first = later(today(berlin), -9), last = later(today(berlin), -5);
    await open(page, rig.origin, { site: shop });
    await page.getByRole('button', { name: 'Custom' }).click();
    await page.getByLabel('From').fill(first);
    await page.getByLabel('To, that day included').fill(last);
    await page.screenshot({ path: outFile('dialog.png') });
    await assertAccessible(page, 'the dialog');
    await page.getByRole('button', { name: 'Show' }).click();
    await settled(page);
    await soon('the cards', () => cards(page), wantedCards(rangeOf(first, last, berlin)));
    const { searchParams } = new URL(page.url());
    assert.deepEqual(['period', 'from', 'to'].map((name) => searchParams.get(name)), ['custom', first, last]);
});

signedIn('keys choose the period, search, help and clear', async ({ page }) => {
    await open(page, rig.origin, { site: shop });
    const period = () => new URL(page.url()).searchParams.get('period');
    const press = async (...keys) => {
        for (const key of keys)
            await page.keyboard.press(key);
        await settled(page);
    };
    for (const [keys, wanted] of [[['t'], 'today'], [['y'], 'yesterday'], [['3', '0'], '30d'], [['m'], 'month'], [['7'], null], [['a'], 'all']]) {
        await press(...keys);
        assert.equal(period(), wanted);
    }
    await press('t');
    await press('ArrowLeft');
    const yesterday = later(today(berlin), -1);
    await soon('yesterday', () => cards(page), wantedCards(rangeOf(yesterday, yesterday, berlin)));
    assert.equal(period(), 'yesterday');
    await press('ArrowRight');
    assert.equal(period(), 'today');
    await press('?');
    await page.getByRole('dialog').waitFor();
    await press('Escape');
    assert.equal(await page.getByRole('dialog').count(), 0);
    await press('y', '/');
    await page.keyboard.type('docs');
    const range = rangeOf(yesterday, yesterday, berlin);
    const wanted = new Map([...countBy(visits, ...range, view.path)].filter(([path]) => path.includes('docs')));
    await soon('what was searched', async () => (await rowsOf(page, '.dialog-rows')).map((row) => row.join(' ')).sort(),
        [...wanted].map(([path, n]) => `${path} ${n.visitors} ${n.pageviews}`).sort());
    await press('Escape');
});

// ---- filters

signedIn('filters combine, are part of the address, and go by the back button', async ({ page }) => {
    const range = weekOf(berlin);
    await open(page, rig.origin, { site: shop });
    const pick = async (name, row) => {
        await page.locator(panel(name)).getByRole('button', { name: row, exact: true }).click();
        await settled(page);
    };
    const shows = async (said, ofViews, ofVisits = ofViews) => {
        await soon(`the pills ${said}`, () => pills(page), said);
        await soon(`the cards of ${said}`, () => cards(page), wantedCards(range, ofViews, ofVisits));
    };
    const inGermany = (visit) => visit.visitor.region.startsWith('DE');
    const byFirefox = (visit) => visit.visitor.agent.browser === 'Firefox';
    await pick('Places', 'Germany');
    await shows(['Country is Germany'], inGermany);
    await pick('Technology', 'Firefox');
    await shows(['Country is Germany', 'Browser is Firefox'], (visit) => inGermany(visit) && byFirefox(visit));
    assertRows(await panelRows(page, 'Pages'),
        countBy(visits, ...range, view.path, (visit) => inGermany(visit) && byFirefox(visit)), ['visitors', 'pageviews']);
    const { searchParams } = new URL(page.url());
    assert.deepEqual([searchParams.get('filter[country]'), searchParams.get('filter[browser]')], ['DE', 'Firefox']);

    await page.locator('.filter').nth(0).locator('.filter-is').click();
    await settled(page);
    await shows(['Country is not Germany', 'Browser is Firefox'], (visit) => !inGermany(visit) && byFirefox(visit));
    await page.goBack();
    await shows(['Country is Germany', 'Browser is Firefox'], (visit) => inGermany(visit) && byFirefox(visit));
    await page.goBack();
    await shows(['Country is Germany'], inGermany);
    await page.reload();
    await shows(['Country is Germany'], inGermany);
    await page.keyboard.press('Escape');
    await shows([], () => true);
});

signedIn('a page that is picked tells its views, and that visits are not known by it', async ({ page }) => {
    const range = weekOf(berlin);
    await open(page, rig.origin, { site: shop });
    await page.locator(panel('Pages')).getByRole('button', { name: '/pricing', exact: true }).click();
    await settled(page);
    const wanted = countViews(visits, ...range, (visit, v) => v.path === '/pricing');
    await soon('the cards', async () => {
        const { visitors, pageviews, visits } = await cards(page);
        return { visitors, pageviews, visits };
    }, { visitors: count(wanted.visitors), pageviews: count(wanted.pageviews), visits: '–' });
});

// ---- other forms

signedIn('the CSV has the rows of the whole list', async ({ page }) => {
    const range = weekOf(berlin);
    await open(page, rig.origin, { site: shop });
    const saved = page.waitForEvent('download');
    await page.locator(panel('Pages')).getByRole('button', { name: 'Pages as CSV' }).click();
    const file = await saved;
    const [head, ...rows] = readFileSync(await file.path(), 'utf8').trim().split(/\r?\n/).map((line) => line.split(','));
    const wanted = [...countBy(visits, ...range, view.path)].map(([path, n]) => ({ path, pageviews: String(n.pageviews), visitors: String(n.visitors) }));
    const sorted = (list) => list.sort((a, b) => a.path < b.path ? -1 : 1);
    const found = rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])))
        .map(({ path, pageviews, visitors }) => ({ path, pageviews, visitors }));
    assert.deepEqual(sorted(found), sorted(wanted));
    assert.match(file.suggestedFilename(), /^footfall-shop\.example-pages-.*\.csv$/);
});

/** What sticks out to the side. */
const tooWide = (page) => page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    return scrollWidth <= clientWidth ? [] : [...document.querySelectorAll('body *')].filter((el) =>
        el.getBoundingClientRect().right > clientWidth + 0.5).map((el) => `${el.tagName}.${el.className}`).slice(0, 8);
});

for (const [name, options] of Object.entries({
    'dashboard-light': { colorScheme: 'light' },
    'dashboard-dark': { colorScheme: 'dark' },
    phone: { viewport: { width: 360, height: 740 }, colorScheme: 'light', hasTouch: true },
}))
    signedIn(`the page is for everyone: ${name}`, { context: options }, async ({ page }) => {
        await open(page, rig.origin, { site: shop });
        await page.screenshot({ path: outFile(`${name}.png`), fullPage: true });
        await assertAccessible(page, name);
        assert.deepEqual(await tooWide(page), []);
        await open(page, rig.origin, { site: shop, 'filter[country]': 'DE', measure: 'bounce_rate' });
        await assertAccessible(page, `${name} with a filter`);
    });

signedIn('dark and light differ', async ({ page }) => {
    await open(page, rig.origin, { site: shop });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0));
    await page.emulateMedia({ colorScheme: 'light' });
    assert.ok(await ground() > 600);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.ok(await ground() < 200);
});

signedIn('hostile names stay text', { context: { viewport: { width: 360, height: 740 } } }, async ({ page }) => {
    await open(page, rig.origin, { site: hostile, period: '24h' });
    const texts = (await panelRows(page, 'Pages')).map((row) => row[0]).sort();
    assert.deepEqual(texts, Object.values(names).sort());
    assert.deepEqual((await panelRows(page, 'Technology')).map((row) => row[0]), ['<b>bold</b>']);
    assert.deepEqual(await tooWide(page), []);
    for (const path of Object.values(names)) {
        await page.locator(`${panel('Pages')} tbody button`).filter({ hasText: path }).click();
        await soon('the pill', () => pills(page), [`Page is ${path}`]);
        await soon('the card', async () => (await cards(page)).pageviews, '1');
        assert.deepEqual(await tooWide(page), []);
        await page.goBack();
        await settled(page);
    }
    assert.equal(await page.evaluate(() => window.hacked), undefined);
});

signedIn('a site without page views says how to send the first, which then appears', async ({ page }) => {
    await page.goto(addressOf(rig.origin, { site: empty }));
    await page.getByRole('heading', { name: `Waiting for the first page view of ${empty}` }).waitFor();
    await page.screenshot({ path: outFile('empty.png'), fullPage: true });
    await assertAccessible(page, 'the empty page');
    const snippet = await page.getByLabel('Snippet', { exact: true }).textContent();
    assert.ok(snippet.includes(`<script defer src="${rig.origin}/track.js" data-site="${empty}"></script>`));
    await rig.service.send([{ site: empty, pageUrl: '/first', sessionId: 'a' }]);
    await page.locator(panel('Pages')).waitFor();
    await soon('the first page view', async () => (await cards(page)).pageviews, '1');
});

// ---- who may see it

rig.test('a public site is read without signing in, another is not', async ({ page, watched }) => {
    watched.expect(/401/);
    const range = weekOf(berlin), its = visits.slice(-50);
    await open(page, rig.origin, { site: open_ });
    await soon('the cards', () => cards(page), cardsOf(countViews(its, ...range), countVisits(its, ...range)));
    await page.locator(panel('Places')).getByRole('button').filter({ hasText: 'Germany' }).click();
    await soon('the filtered cards', async () => (await cards(page)).pageviews,
        count(countViews(its, ...range, (visit) => visit.visitor.region.startsWith('DE')).pageviews));
    await page.goto(addressOf(rig.origin, { site: shop }));
    await page.waitForURL('**/sign-in?next=*');
});

rig.test('it is shown in frames of origins that are allowed, and of no others', async ({ page, watched }) => {
    watched.expect(/frame-ancestors|ERR_BLOCKED_BY_RESPONSE/);
    const frame = `<!doctype html><title>x</title><link rel="icon" href="data:,"><iframe src="${addressOf(rig.origin, { site: open_, embed: 'cards' })}" width="900" height="400"></iframe>`;
    const pages = { '/': frame };
    const stranger = await startSite({ pages });
    rig.friend.pages['/'] = pages['/'];
    try {
        await page.goto(rig.friend.at('friend.localhost', '/'));
        await page.frameLocator('iframe').locator('.metric').first().waitFor();
        const refusal = page.waitForEvent('console', (message) => /frame-ancestors/.test(message.text()));
        await page.goto(stranger.at('stranger.localhost', '/'));
        await refusal;
        assert.equal(await page.frameLocator('iframe').locator('.metric').count(), 0);
    } finally {
        await stranger.stop();
    }
});

// ---- live

signedIn('what arrives shows up without loading the page again', async ({ page }) => {
    const site = 'live.example';
    await rig.service.addSite(site);
    await rig.service.send([{ site, pageUrl: '/a', sessionId: '1' }]);
    await rig.service.caughtUp();
    await open(page, rig.origin, { site, period: '24h' });
    await soon('one visitor', () => page.locator('#now').textContent(), '1 visitor now');
    await page.evaluate(() => { window.sameDocument = true; });
    await rig.service.send([2, 3, 3].map((i) => ({ site, pageUrl: '/b', sessionId: String(i) })));
    await soon('three visitors', () => page.locator('#now').textContent(), '3 visitors now');
    await soon('the cards', async () => {
        const { visitors, pageviews } = await cards(page);
        return { visitors, pageviews };
    }, { visitors: '3', pageviews: '4' });
    await soon('the rows', () => panelRows(page, 'Pages'), [['/b', '2', '3'], ['/a', '1', '1']]);
    assert.equal(await page.evaluate(() => window.sameDocument), true);
});

const streams = () => rig.relay.open.get('/v1/live') ?? 0;

signedIn('two tabs share a stream, a hidden one has none', async ({ page, context }) => {
    await waitUntil(deadline, 'no stream of another test', () => streams() === 0);
    await open(page, rig.origin, { site: shop });
    await waitUntil(deadline, 'a stream', () => streams() === 1);
    const other = await context.newPage();
    await open(other, rig.origin, { site: shop });
    await other.locator('.dot[data-state=live]').waitFor();
    assert.equal(streams(), 1);
    const hide = (tab, hidden) => tab.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await hide(page, true);
    await hide(other, true);
    await waitUntil(deadline, 'no stream', () => streams() === 0);
    await hide(page, false);
    await waitUntil(deadline, 'a stream again', () => streams() === 1);
});

signedIn('when the service is away the page says so, and goes on when it is back', async ({ page, watched }) => {
    watched.expect(/ERR_|Failed to load/);
    const yesterday = later(today(berlin), -1), range = rangeOf(yesterday, yesterday, berlin);
    await open(page, rig.origin, { site: shop });
    rig.relay.break();
    try {
        await page.getByRole('button', { name: 'Yesterday' }).click();
        await page.getByRole('button', { name: 'Try again' }).first().waitFor();
        await page.locator('.dot[data-state=off]').waitFor();
        assert.deepEqual(Object.values(await cards(page)), Array(6).fill('–'), 'no numbers of another period');
        await page.screenshot({ path: outFile('error.png'), fullPage: true });
        await assertAccessible(page, 'the page without a service');
    } finally {
        rig.relay.down = false;
    }
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await soon('the cards', () => cards(page), wantedCards(range));
    await page.locator('.dot[data-state=live]').waitFor();
});
