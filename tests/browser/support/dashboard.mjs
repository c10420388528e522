// SPDX-License-Identifier: Apache-2.0
// The dashboard as its reader sees it.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

import { waitUntil } from './wait.mjs';

const deadline = 30_000;

/** The address with these parameters. */
export const addressOf = (origin, parameters) => `${origin}/?${new URLSearchParams(parameters)}`;

export async function open(page, origin, parameters) {
    await page.goto(addressOf(origin, parameters));
    await settled(page);
}

/** Until nothing is being loaded. */
export const settled = (page) => waitUntil(deadline, 'the page to have loaded', () => page.evaluate(() =>
    document.querySelector('#app')?.childElementCount > 0 && !document.querySelector('[aria-busy=true], .skeleton')));

/** What `look` sees becomes what is wanted. */
export async function soon(what, look, wanted) {
    let seen;
    try {
        await waitUntil(deadline, what, async () => {
            seen = await look();
            return isDeepStrictEqual(seen, wanted);
        });
    } catch (e) {
        if (seen === undefined)
            throw e;
        assert.deepEqual(seen, wanted, what);
    }
}

/** Measure -> what its card says. */
export const cards = (page) => page.$$eval('.metric', (list) => Object.fromEntries(list.map((card) =>
    [card.dataset.measure, card.querySelector('.card-value').textContent])));

/** Measure -> how it has changed. */
export const changes = (page) => page.$$eval('.metric', (list) => Object.fromEntries(list.map((card) =>
    [card.dataset.measure, card.querySelector('.card-change').textContent.trim()])));

/** The rows of a table: lists of what the cells say. */
export const rowsOf = (page, table) => page.$$eval(`${table} tbody tr`, (rows) =>
    rows.map((row) => [...row.cells].map((cell) => (cell.querySelector('.cut') ?? cell).textContent)));

export const panel = (name) => `section.panel[aria-label="${name}"]`;

export const panelRows = (page, name) => rowsOf(page, `${panel(name)} table.rows`);

/** Turns the chart into its table, whose rows it gives. */
export async function chartRows(page) {
    const toggle = page.locator('.chart-head button[aria-pressed]');
    if (await toggle.getAttribute('aria-pressed') === 'false')
        await toggle.click();
    return rowsOf(page, '.chart-table table');
}

/** What the pills say: "Page is /pricing". */
export const pills = (page) => page.$$eval('.filter', (list) => list.map((pill) =>
    ['.filter-dim', '.filter-is', '.filter-value'].map((part) => pill.querySelector(part).textContent).join(' ')));

// ---- as people in Britain write it

const number = (options) => new Intl.NumberFormat('en-GB', options);
const percent = (x, options) => number({ style: 'percent', ...options }).format(x);

export const count = (n) => number({ maximumFractionDigits: 0 }).format(n);

function duration(seconds) {
    const s = Math.round(seconds), two = (n) => String(n).padStart(2, '0');
    return s < 60 ? `${s}s` : s < 3600 ? `${Math.floor(s / 60)}m ${two(s % 60)}s` : `${Math.floor(s / 3600)}h ${two(Math.floor(s % 3600 / 60))}m`;
}

/** What the cards have to say of these counts. */
export function cardsOf(views, visits) {
    const some = visits.visits > 0;
    return {
        visitors: count(views.visitors),
        visits: count(visits.visits),
        pageviews: count(views.pageviews),
        views_per_visit: some ? (visits.pageviews / visits.visits).toFixed(2) : '–',
        bounce_rate: some ? percent(visits.bounces / visits.visits, { minimumFractionDigits: 1, maximumFractionDigits: 1 }) : '–',
        visit_duration: some ? duration(visits.duration / visits.visits) : '–',
    };
}

export function changeOf(now, before) {
    const x = now / before - 1;
    return percent(x, { maximumFractionDigits: Math.abs(x) < 0.0995 ? 1 : 0, signDisplay: 'exceptZero' });
}
