// SPDX-License-Identifier: Apache-2.0
// The chart's slots, and those of the period before beside them.

import assert from 'node:assert/strict';
import test from 'node:test';
import { chartModel } from '../../../web/dashboard/model.js';
import { before, localText, resolve, slots } from '../../../web/dashboard/period.js';

const HOUR = 3600000;
const iso = (ms) => new Date(ms).toISOString();

/** The model of days in which each hour counts its own number since the beginning of the period before. */
function model(first, last, zone, step = 'hour', now = Date.parse('2030-01-01T00:00Z')) {
  const range = resolve({ period: 'custom', from: first, to: last }, zone, now);
  const priorRange = before(range, zone, now);
  const answer = (of) => ({ columns: ['time', 'pageviews'],
    rows: slots(of, step, zone).map((at) => [iso(at), Math.round((at - priorRange.from) / HOUR)]) });
  return chartModel({ measure: 'pageviews', range, step, zone, answer: answer(range), prior: answer(priorRange), priorRange, since: 0, now });
}

const clockOf = (at, zone) => localText(at, zone).slice(11);

for (const [zone, first, last, day] of [['Europe/Berlin', '2026-03-26', '2026-04-01', 'shorter'], ['Europe/Berlin', '2026-10-22', '2026-10-28', 'longer'],
  ['Australia/Lord_Howe', '2026-10-01', '2026-10-07', 'half an hour shorter'], ['America/St_Johns', '2026-03-06', '2026-03-10', 'shorter'],
  ['Africa/Casablanca', '2026-02-14', '2026-02-20', 'longer'], ['Asia/Kathmandu', '2026-10-01', '2026-10-07', 'as ever']]) {
  test(`hours stand beside the same hours of the days before, where a day is ${day}: ${zone}`, () => {
    const m = model(first, last, zone);
    assert.ok(m.now.every((v) => v !== null));
    m.starts.forEach((at, i) => {
      if (m.beforeSlots[i] === null) return;
      const apart = (Date.parse(`${localText(at, zone)}Z`) - Date.parse(`${localText(m.beforeSlots[i][0], zone)}Z`)) / (24 * HOUR);
      assert.ok(Math.abs(apart - Math.round(m.starts.length / 24)) < 0.03, `${iso(at)} beside ${iso(m.beforeSlots[i][0])}`);
    });
    const alone = m.beforeSlots.filter((s) => s === null).length;
    assert.ok(alone <= 1, `${alone} stand alone`);
    assert.equal(clockOf(m.starts[m.starts.length - 1], zone), clockOf(m.beforeSlots[m.starts.length - 1][0], zone));
    assert.equal(m.before[0], 0);
  });
}

test('days stand beside days, however many there are', () => {
  const m = model('2026-03-01', '2026-03-31', 'Europe/Berlin', 'day');
  assert.equal(m.starts.length, 31);
  assert.deepEqual(m.before.slice(27).map((v) => v === null), [false, true, true, true]);
});

test('no row of an answer is lost on a day of 24½ hours', () => {
  const zone = 'Australia/Lord_Howe';
  const m = model('2026-04-05', '2026-04-06', zone);
  assert.equal(m.starts.length, 25 + 24);
  assert.deepEqual(m.starts.slice(25).map((at) => localText(at, zone).slice(14)), Array(24).fill('00'));
});
