// SPDX-License-Identifier: Apache-2.0
// What cards and chart ask for, and what is compared with what.

import assert from 'node:assert/strict';
import test from 'node:test';
import { loadNumbers, questions } from '../../../web/dashboard/numbers.js';
import { DAY, resolve } from '../../../web/dashboard/period.js';
import { defaults } from '../../../web/dashboard/state.js';

const UTC = 'UTC';
const noon = Date.parse('2026-11-26T12:00Z');

function contextOf(period, now = noon, more = {}) {
  const state = { ...defaults(UTC), site: 'a.example', period, ...more };
  return { state, where: { site: state.site, tz: UTC, range: resolve(state, UTC, now), now } };
}

const asks = (context) => Object.keys(questions(context).asked).sort();

test('as much is asked as the comparison takes', () => {
  assert.deepEqual(asks(contextOf('yesterday')), ['before', 'main', 'other', 'otherBefore']);
  assert.deepEqual(asks(contextOf('today')), ['before', 'main', 'mainBefore', 'other', 'otherBefore']);
  assert.deepEqual(asks(contextOf('today', noon, { compare: false })), ['main', 'other']);
  assert.deepEqual(asks(contextOf('all')), ['main', 'other']);
  assert.deepEqual(asks(contextOf('custom', noon, { from: '1990-01-01', to: '2099-12-31' })), ['main', 'other'], 'nothing is before 1970');
});

test('a period that has just begun is compared with nothing', () => {
  assert.deepEqual(asks(contextOf('today', Date.parse('2026-11-26T00:05Z'))), ['before', 'main', 'other']);
});

test('what began in the period before is not compared with it', async (t) => {
  t.mock.method(globalThis, 'fetch', async () => new Response(JSON.stringify({ columns: ['time'], rows: [], totals: { pageviews: 7, visits: 3 }, as_of: {} })));
  for (const period of ['yesterday', 'today']) {
    const context = contextOf(period);
    const { parts } = await loadNumbers(context);
    const compared = (since) => Object.values(parts(since)).map((p) => Boolean(p.before));
    const { from } = resolve({ period: period === 'today' ? 'yesterday' : 'custom', from: '2026-11-24', to: '2026-11-24' }, UTC, noon);
    assert.deepEqual(compared(-Infinity), [true, true], 'not known yet');
    assert.deepEqual(compared(from), [true, true], 'from its first day on');
    assert.deepEqual(compared(from + DAY), [false, false]);
  }
});
