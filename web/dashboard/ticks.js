// SPDX-License-Identifier: Apache-2.0
// Where a chart's time axis has its marks, and what slots are called: by the zone's clock, so that days and hours
// stand where people expect them, also when the clock changes.

import { clock, dateAs, dateRange, day as dayText } from '../lib/format.js';
import { localText } from './period.js';

const minutes = (n) => (t) => (Number(t.slice(11, 13)) * 60 + Number(t.slice(14, 16))) % n === 0;
const midnight = (t) => t.slice(11) === '00:00';
const daysOf = (n) => (t) => midnight(t) && (Number(t.slice(8, 10)) - 1) % n === 0 && Number(t.slice(8, 10)) < 30;
const months = (n) => (t) => midnight(t) && t.slice(8, 10) === '01' && (Number(t.slice(5, 7)) - 1) % n === 0;
const weekOfMonth = (n) => (t) => Number(t.slice(8, 10)) <= 7 && (Number(t.slice(5, 7)) - 1) % n === 0;

const CLOCK = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720].map((n) => ({ test: minutes(n) }));
const DAYS = [{ test: midnight }, ...[2, 3, 5, 10, 15].map((n) => ({ test: daysOf(n) }))];
const MONTHS = [1, 2, 3, 6, 12].map((n) => ({ test: months(n), month: true }));
const WEEKS = [1, 2, 3, 6, 12].map((n) => ({ test: weekOfMonth(n), month: true }));
const LEVELS = { minute: CLOCK, '15m': CLOCK, hour: [...CLOCK, ...DAYS], day: [...DAYS, ...MONTHS], week: [{ test: () => true }, ...WEEKS] };

const SHORT_DAY = { day: 'numeric', month: 'short' };

function tickText(at, local, level, zone) {
  if (level.month) return dateAs(at, zone, local.slice(5, 7) === '01' ? { year: 'numeric' } : { month: 'short' });
  return midnight(local) ? dateAs(at, zone, SHORT_DAY) : clock(at, zone);
}

/** Of the slots' starts those that get a mark, at most so many: [{at, text}]. */
export function ticks(starts, step, zone, most) {
  const locals = starts.map((at) => localText(at, zone));
  const levels = LEVELS[step];
  const fits = (level) => locals.filter(level.test).length <= most;
  const level = levels.find(fits) || levels[levels.length - 1];
  return starts.map((at, i) => ({ at, local: locals[i] })).filter(({ local }) => level.test(local))
    .map(({ at, local }) => ({ at, text: tickText(at, local, level, zone) }));
}

/** What the slot from `at` to `end` is called, in full. */
export function slotText(at, end, step, zone) {
  if (step === 'day') return dayText(at, zone);
  if (step === 'week') return dateRange(at, end - 1, zone, { day: 'numeric', month: 'short', year: 'numeric' });
  const options = { weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' };
  return step === 'minute' ? dateAs(at, zone, options) : dateRange(at, end, zone, options);
}

/** What a range is called: days, or days with times. */
export function rangeText({ from, to, days }, zone) {
  const options = { day: 'numeric', month: 'short', year: 'numeric' };
  if (days) return dateRange(from, to - 1, zone, options);
  return dateRange(from, to, zone, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
}
