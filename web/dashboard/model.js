// SPDX-License-Identifier: Apache-2.0
// From answers to the slots of a chart: pure. A slot without page views counts 0, but it is a gap where nothing can be
// said: before the site's first page view, in the future, and for averages where there was no visit.

import { NUMBERS, objects } from './data.js';
import { beside, slotOf, slots } from './period.js';

const AVERAGES = ['views_per_visit', 'bounce_rate', 'visit_duration'];

/** One value for each slot, in order. `since`, `now`: what lies before and after is a gap. */
export function values(answer, measure, starts, end, since, now) {
  const found = new Array(starts.length).fill(null);
  for (const row of objects(answer)) {
    const i = slotOf(starts, row.time);
    if (i >= 0 && row.time < end) found[i] = NUMBERS[measure].value(row);
  }
  const empty = AVERAGES.includes(measure) ? null : 0;
  return found.map((value, i) => {
    const until = i + 1 < starts.length ? starts[i + 1] : end;
    return starts[i] > now || until <= since ? null : value === null || value === undefined ? empty : value;
  });
}

/**
 * For each slot the one of the period before that stands beside it, or -1: the same hour by the clock, also when that
 * was changed in one of them; days and weeks as they come. None stands beside two.
 */
function besides({ range, step, zone, starts, priorRange, old }) {
  const byClock = range.days !== null && !['day', 'week'].includes(step);
  let last = -1;
  return starts.map((at, i) => {
    const j = byClock ? slotOf(old, beside(at, range, priorRange, zone)) : i;
    if (j <= last || j >= old.length) return -1;
    last = j;
    return j;
  });
}

/** What the chart shows. `before` may be null; `beforeSlots`: [start, end] of each of its slots, or null. */
export function chartModel({ measure, range, step, zone, answer, prior, priorRange, since, now }) {
  const starts = slots(range, step, zone);
  const running = now < range.to ? slotOf(starts, now) : -1;
  const model = { measure, range, step, zone, starts, end: range.to, running,
    now: values(answer, measure, starts, range.to, since, now), before: null, beforeSlots: null };
  if (prior) {
    const old = slots(priorRange, step, zone);
    const found = values(prior, measure, old, priorRange.to, since, now);
    const indices = besides({ range, step, zone, starts, priorRange, old });
    model.beforeSlots = indices.map((j) => (j < 0 ? null : [old[j], j + 1 < old.length ? old[j + 1] : priorRange.to]));
    if (found.some((v) => v !== null)) model.before = indices.map((j) => (j < 0 ? null : found[j]));
  }
  return model;
}
