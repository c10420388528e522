// SPDX-License-Identifier: Apache-2.0
// From answers to the slots of a chart: pure. A slot without page views counts 0, but it is a gap where nothing can be
// said: before the site's first page view, in the future, and for averages where there was no visit.

import { NUMBERS, objects } from './data.js';
import { slotOf, slots } from './period.js';

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

/** What the chart shows. `before` may be null; the slots of both are put side by side. */
export function chartModel({ measure, range, step, zone, answer, prior, priorRange, since, now }) {
  const starts = slots(range, step, zone);
  const running = now < range.to ? slotOf(starts, now) : -1;
  const model = { measure, range, step, zone, starts, end: range.to, running,
    now: values(answer, measure, starts, range.to, since, now), before: null, beforeStarts: null };
  if (prior) {
    model.beforeStarts = slots(priorRange, step, zone);
    const old = values(prior, measure, model.beforeStarts, priorRange.to, since, now);
    if (old.some((v) => v !== null)) model.before = starts.map((_, i) => (i < old.length ? old[i] : null));
  }
  return model;
}
