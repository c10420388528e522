// SPDX-License-Identifier: Apache-2.0
// The dashboard's ways: what happens to focus, history, addresses and files while its reader goes on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { signIn } from './support/browser.mjs';
import { addressOf, cards, changes, open, panel, pills, settled, soon } from './support/dashboard.mjs';
import { makeRig } from './support/rig.mjs';

const minute = 60_000, hour = 60 * minute, day = 24 * hour;
const site = 'ways.example', zone = 'Asia/Kathmandu';
const began = Math.floor(Date.now() / day) * day - 5 * day; // five days ago, midnight UTC
const countries = ['DE', 'DE', 'FR', 'IN'];

/** A page view each ten minutes for two days; one visitor each hour. */
const events = Array.from({ length: 2 * 24 * 6 }, (_, i) => ({
    site, pageUrl: `/p${i % 3}${i % 6 === 0 ? '?utm_source=letter' : ''}`, sessionId: `v${Math.floor(i / 6)}`,
    region: countries[Math.floor(i / 6) % 4], timestamp: new Date(began + i * 10 * minute).toISOString(),
}));

const rig = makeRig({
    async setUp({ service }) {
        await service.addSite(site);
        await service.send(events);
        await service.caughtUp();
    },
});

/** A test in which an administrator is signed in; its pages open at a day of events. */
const signedIn = (name, body) => rig.test(name, async (given) => {
    const { url, token } = rig.service;
    await signIn(given.context, url, token);
    const dayText = new Date(began + day).toISOString().slice(0, 10);
    await body({ ...given, day: dayText, openDay: (more) => open(given.page, url, { site, period: 'custom', from: dayText, to: dayText, tz: 'UTC', ...more }) });
});

/** What has the focus: its class. */
const focused = (page) => page.evaluate(() => document.activeElement.className);

signedIn('the focus stays with the pills', async ({ page, openDay }) => {
    await openDay({ 'filter[country]': 'DE', 'filter[path]': '/p1' });
    await page.locator('.filter-is').first().press('Enter');
    await settled(page);
    assert.deepEqual(await pills(page), ['Country is not Germany', 'Page is /p1']);
    assert.equal(await focused(page), 'filter-is');
    await page.locator('.filter-gone').nth(1).press('Enter');
    await settled(page);
    assert.equal(await focused(page), 'filter-gone');
    await page.keyboard.press('Enter');
    await settled(page);
    assert.deepEqual(await pills(page), []);
    assert.match(await focused(page), /\bcontent\b/);
});

signedIn('going back closes a dialog, with the state it belonged to', async ({ page, openDay }) => {
    await openDay();
    await page.locator(panel('Places')).getByRole('button', { name: 'Germany', exact: true }).click();
    await settled(page);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.goBack();
    await soon('no dialog', () => page.getByRole('dialog').count(), 0);
    await soon('no pill', () => pills(page), []);
});

signedIn('times that no view keeps are counted to the minute', async ({ page, day: at }) => {
    const from = began + day + 8 * hour + 5 * minute;
    await open(page, rig.service.url, { site, period: 'custom', from: `${at}T08:05`, to: `${at}T08:25`, tz: 'UTC', compare: '0' });
    const inside = events.filter((e) => Date.parse(e.timestamp) >= from && Date.parse(e.timestamp) < from + 20 * minute).length;
    assert.equal(inside, 2);
    await soon('the page views', async () => (await cards(page)).pageviews, String(inside));
    assert.match(await page.locator('#chart-title').textContent(), /by minute$/);
});

signedIn('what began in the period before is not compared with it', async ({ page, openDay }) => {
    const none = { visitors: '', visits: '', pageviews: '', views_per_visit: '', bounce_rate: '', visit_duration: '' };
    const first = new Date(began).toISOString().slice(0, 10), last = new Date(began + day).toISOString().slice(0, 10);
    await openDay();
    await soon('a change', async () => (await changes(page)).pageviews, '0.0%');
    await open(page, rig.service.url, { site, period: 'custom', from: first, to: last, tz: 'UTC' });
    await soon('no change', () => changes(page), none);
    await open(page, rig.service.url, { site, period: '7d', tz: 'UTC' });
    await soon('no change', () => changes(page), none);
});

signedIn('a chosen period is the same in every browser: its address names the zone', async ({ page, day: at }) => {
    await open(page, rig.service.url, { site });
    await page.getByRole('button', { name: 'Custom' }).click();
    await page.getByLabel('From').fill(at);
    await page.getByLabel('To, that day included').fill(at);
    await page.getByRole('button', { name: 'Show' }).click();
    await settled(page);
    assert.equal(new URL(page.url()).searchParams.get('tz'), 'Europe/Berlin');
});

signedIn('a file is named after the days of the zone, and has the rows of the list', async ({ page, openDay, day: at }) => {
    await openDay({ tz: zone, referrers: 'campaigns' });
    const saved = page.waitForEvent('download');
    await page.locator(panel('Sources')).getByRole('button', { name: 'Campaigns as CSV' }).click();
    const file = await saved;
    assert.equal(file.suggestedFilename(), `footfall-ways.example-campaigns-${at}-${at}.csv`);
    assert.deepEqual(readFileSync(await file.path(), 'utf8').trim().split(/\r?\n/).slice(1), ['letter,,,24,24']);
});

signedIn('a site that is not known is called so', async ({ page }) => {
    await page.goto(addressOf(rig.service.url, { site: 'stranger.example' }));
    await page.getByText('This site is not known yet').waitFor();
});

signedIn('a busy service is asked again when it says so', async ({ page, openDay, watched }) => {
    watched.expect(/503/);
    let refused = 0;
    await page.route('**/v1/views/visitors/rows*', (route) => (refused++ < 2
        ? route.fulfill({ status: 503, headers: { 'retry-after': '1' }, contentType: 'application/problem+json', body: '{"title": "busy"}' })
        : route.continue()));
    await openDay();
    await soon('the page views', async () => (await cards(page)).pageviews, '144');
    assert.equal(await page.locator('.failure').count(), 0);
});

signedIn('the foot names the latest event where an answer knows it', async ({ page, openDay }) => {
    const foot = () => page.locator('.as-of').textContent();
    await openDay();
    assert.match(await foot(), /^All [\d,]+ events of the log are counted; the latest of this site is of .+\.$/);
    await openDay({ 'filter[country]': 'DE' });
    assert.match(await foot(), /^All [\d,]+ events of the log are counted\.$/);
    await openDay({ 'filter[entry_page]': '/p1' });
    assert.equal(await foot(), '');
});

signedIn('who comes back to a page that was hidden finds it up to date', async ({ page, openDay }) => {
    await openDay();
    await page.clock.install({ time: Date.now() });
    const hide = (hidden) => page.evaluate((is) => {
        Object.defineProperty(document, 'hidden', { value: is, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await hide(true);
    await page.clock.fastForward(minute);
    const asked = page.waitForRequest('**/v1/views/visitors/rows*');
    await hide(false);
    await asked;
});

signedIn('who signs out in one tab leaves no numbers in another', async ({ page, context, watched, openDay }) => {
    watched.expect(/401/);
    await openDay();
    const other = await context.newPage();
    await other.goto(`${rig.service.url}/?site=${site}`);
    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.waitForURL(/\/sign-in/);
    await page.waitForURL(/\/sign-in\?next=/);
});
