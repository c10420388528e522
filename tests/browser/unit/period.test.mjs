// SPDX-License-Identifier: Apache-2.0
// Periods in the zones of the world.

import assert from 'node:assert/strict';
import test from 'node:test';
import { before, dayOf, instantOf, isRange, isZone, moved, named, resolve, slotOf, slots, startOf, stepFor, zoomed } from '../../../web/dashboard/period.js';

const at = (text) => Date.parse(text);
const iso = (ms) => new Date(ms).toISOString();
const HOUR = 3600000;
const NOW = at('2026-11-26T13:07:21Z');
const BERLIN = 'Europe/Berlin';

const check = (range, from, to) => assert.deepEqual([iso(range.from), iso(range.to)], [iso(at(from)), iso(at(to))]);

test('each period is what its name says, in the zone', () => {
  check(resolve({ period: 'today' }, BERLIN, NOW), '2026-11-25T23:00Z', '2026-11-26T23:00Z');
  check(resolve({ period: 'yesterday' }, BERLIN, NOW), '2026-11-24T23:00Z', '2026-11-25T23:00Z');
  check(resolve({ period: '24h' }, BERLIN, NOW), '2026-11-25T14:00Z', '2026-11-26T14:00Z');
  check(resolve({ period: '7d' }, BERLIN, NOW), '2026-11-19T23:00Z', '2026-11-26T23:00Z');
  check(resolve({ period: '30d' }, BERLIN, NOW), '2026-10-27T23:00Z', '2026-11-26T23:00Z');
  check(resolve({ period: 'month' }, BERLIN, NOW), '2026-10-31T23:00Z', '2026-11-30T23:00Z');
  check(resolve({ period: 'year' }, BERLIN, NOW), '2025-12-31T23:00Z', '2026-12-31T23:00Z');
  check(resolve({ period: 'all' }, BERLIN, NOW, at('2024-02-29T12:00Z')), '2024-02-28T23:00Z', '2026-11-26T23:00Z');
  check(resolve({ period: 'custom', from: '2026-10-01', to: '2026-10-31' }, BERLIN, NOW), '2026-09-30T22:00Z', '2026-10-31T23:00Z');
  check(resolve({ period: 'custom', from: '2026-10-01T08:30', to: '2026-10-01T09:15' }, BERLIN, NOW), '2026-10-01T06:30Z', '2026-10-01T07:15Z');
});

test('days near midnight belong to the zone', () => {
  assert.equal(dayOf(at('2026-11-26T11:30Z'), 'Pacific/Kiritimati'), '2026-11-27');
  assert.equal(dayOf(at('2026-11-26T11:30Z'), 'Pacific/Pago_Pago'), '2026-11-26');
  check(resolve({ period: '24h' }, 'Asia/Kathmandu', NOW), '2026-11-25T13:15Z', '2026-11-26T13:15Z');
});

test('a day of 23 hours and one of 25 have so many slots', () => {
  const day = (from) => resolve({ period: 'custom', from, to: from }, BERLIN, NOW);
  assert.equal(slots(day('2026-03-29'), 'hour', BERLIN).length, 23);
  assert.equal(slots(day('2026-10-25'), 'hour', BERLIN).length, 25);
  assert.equal(slots(resolve({ period: 'month' }, BERLIN, at('2026-03-10T00:00Z')), 'day', BERLIN).length, 31);
});

test('a day that begins at one o’clock begins there', () => {
  // Chile's clocks go from 24:00 to 01:00.
  assert.equal(iso(startOf('2026-09-06', 'America/Santiago')), '2026-09-06T04:00:00.000Z');
  assert.equal(iso(instantOf(at('2026-03-29T02:30Z'), BERLIN)), '2026-03-29T01:30:00.000Z');
});

test('a moved period is the one before: months stay months', () => {
  check(moved(resolve({ period: 'month' }, BERLIN, NOW), BERLIN, -1), '2026-09-30T22:00Z', '2026-10-31T23:00Z');
  check(moved(resolve({ period: 'year' }, BERLIN, NOW), BERLIN, -1), '2024-12-31T23:00Z', '2025-12-31T23:00Z');
  check(moved(resolve({ period: '7d' }, BERLIN, NOW), BERLIN, -1), '2026-11-12T23:00Z', '2026-11-19T23:00Z');
  check(moved(resolve({ period: '24h' }, BERLIN, NOW), BERLIN, -1), '2026-11-24T14:00Z', '2026-11-25T14:00Z');
  const march = resolve({ period: 'custom', from: '2026-03-01', to: '2026-03-31' }, BERLIN, NOW);
  check(moved(march, BERLIN, -1), '2026-01-31T23:00Z', '2026-02-28T23:00Z');
});

test('there and back again is where it began, by name', () => {
  for (const period of ['today', '7d', '30d', 'month', 'year', '24h']) {
    const range = resolve({ period }, BERLIN, NOW);
    const back = moved(moved(range, BERLIN, -1), BERLIN, 1);
    assert.equal(named(back, BERLIN, NOW).period, period);
  }
  assert.deepEqual(named(moved(resolve({ period: 'month' }, BERLIN, NOW), BERLIN, -1), BERLIN, NOW),
    { period: 'custom', from: '2026-10-01', to: '2026-10-31' });
});

test('a running period is compared with as much of the one before', () => {
  const today = before(resolve({ period: 'today' }, BERLIN, NOW), BERLIN, NOW);
  check(today, '2026-11-24T23:00Z', '2026-11-25T23:00Z');
  assert.equal(iso(today.fair), '2026-11-25T13:00:00.000Z');
  const done = before(resolve({ period: 'yesterday' }, BERLIN, NOW), BERLIN, NOW);
  assert.equal(done.fair, done.to);
});

test('a chart has a readable number of slots, of what is kept', () => {
  for (const [hours, finest, step] of [[1, 'minute', 'minute'], [6, 'minute', 'minute'], [1, '15m', '15m'], [7, 'minute', 'hour'], [24, '15m', 'hour'],
    [14 * 24, '15m', 'hour'], [15 * 24, '15m', 'day'], [365 * 24, '15m', 'day'], [800 * 24, '15m', 'week']]) {
    const range = { from: NOW - hours * HOUR, to: NOW, days: null };
    assert.equal(stepFor(range, finest), step, `${hours} h`);
    assert.ok(slots(range, step, BERLIN).length <= 402);
  }
});

test('weeks begin on Monday, hours where the zone’s do', () => {
  const range = resolve({ period: 'custom', from: '2026-11-04', to: '2026-11-20' }, BERLIN, NOW);
  assert.deepEqual(slots(range, 'week', BERLIN).map((s) => dayOf(s, BERLIN)), ['2026-11-02', '2026-11-09', '2026-11-16']);
  const odd = resolve({ period: 'custom', from: '2026-11-04T08:20', to: '2026-11-04T10:00' }, 'Asia/Kathmandu', NOW);
  assert.equal(iso(slots(odd, 'hour', 'Asia/Kathmandu')[0]), '2026-11-04T02:15:00.000Z');
});

test('a slot is found by any instant in it', () => {
  const starts = [0, 10, 20];
  assert.deepEqual([-1, 0, 9, 10, 25].map((i) => slotOf(starts, i)), [-1, 0, 0, 1, 2]);
});

test('zooming takes whole slots', () => {
  const range = resolve({ period: '30d' }, BERLIN, NOW);
  const starts = slots(range, 'day', BERLIN);
  assert.deepEqual(named(zoomed(starts, 'day', range, BERLIN, starts[3] + HOUR, starts[5] + HOUR), BERLIN, NOW),
    { period: 'custom', from: '2026-10-31', to: '2026-11-02' });
  const today = resolve({ period: 'today' }, BERLIN, NOW);
  const hours = slots(today, 'hour', BERLIN);
  assert.deepEqual(named(zoomed(hours, 'hour', today, BERLIN, hours[2] + 1, hours[4] + 1), BERLIN, NOW),
    { period: 'custom', from: '2026-11-26T02:00', to: '2026-11-26T05:00' });
});

test('ranges and zones are only what exists', () => {
  assert.ok(isRange('2026-01-01', '2026-01-01') && isRange('2026-01-01T00:00', '2026-01-01'));
  assert.ok(!isRange('2026-01-02', '2026-01-01') && !isRange('2026-01-01T01:00', '2026-01-01T01:00') && !isRange(null, null) && !isRange('1066-01-01', '2026-01-01'));
  assert.ok(isZone('UTC') && isZone('America/Argentina/Buenos_Aires') && !isZone('Nowhere/City') && !isZone('') && !isZone(7) && !isZone('../etc'));
});

test('slots under a day begin with each midnight, as the service makes them', () => {
  const zone = 'Australia/Lord_Howe'; // on 4 October its clocks go forward by half an hour
  const range = resolve({ period: 'custom', from: '2026-10-03', to: '2026-10-05' }, zone, NOW);
  const starts = slots(range, 'hour', zone);
  assert.equal(starts.length, 24 + 24 + 24);
  for (const day of ['2026-10-03', '2026-10-04', '2026-10-05']) assert.ok(starts.includes(startOf(day, zone)), day);
  const [, , ...late] = slots({ from: startOf('2026-10-04', zone) + 90 * 60000, to: range.to, days: null }, 'hour', zone);
  assert.ok(late.every((at) => starts.includes(at)));
});

test('a date that a zone left out has no slot', () => {
  const range = resolve({ period: 'custom', from: '2011-12-28', to: '2012-01-02' }, 'Pacific/Apia', NOW);
  assert.deepEqual(slots(range, 'day', 'Pacific/Apia').map((at) => dayOf(at, 'Pacific/Apia')), ['2011-12-28', '2011-12-29', '2011-12-31', '2012-01-01', '2012-01-02']);
  assert.equal(slots(range, 'hour', 'Pacific/Apia').length, 5 * 24);
});

test('a day on which the clock was changed is compared up to the same time by the clock', () => {
  const now = at('2026-10-25T12:00Z'); // 13:00, fourteen hours after midnight
  const { fair } = before(resolve({ period: 'today' }, BERLIN, now), BERLIN, now);
  assert.equal(iso(fair), '2026-10-24T11:00:00.000Z');
});

test('the first minutes of a period are compared with nothing', () => {
  const midnight = startOf('2026-11-26', BERLIN);
  const fair = (minutes) => {
    const b = before(resolve({ period: 'today' }, BERLIN, midnight + minutes * 60000), BERLIN, midnight + minutes * 60000);
    return (b.fair - b.from) / 60000;
  };
  assert.deepEqual([0, 7, 8, 22, 23].map(fair), [0, 0, 15, 15, 30]);
});
