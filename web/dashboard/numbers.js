// SPDX-License-Identifier: Apache-2.0
// Cards and chart ask together: the chart's slots carry the totals of its relation, so that this takes two requests,
// and up to three more to compare.

import { ask } from './ask.js';
import { NUMBERS, finestStep, series } from './data.js';
import { chartModel } from './model.js';
import { DAY, before, stepFor } from './period.js';
import { rangeText } from './ticks.js';

/** The questions of this moment, by name; those of the period before only if they are wanted. */
export function questions({ state, where }) {
  const of = NUMBERS[state.measure].of;
  const other = of === 'events' ? 'visits' : 'events';
  const whole = before(where.range, where.tz, where.now);
  const prior = state.compare && state.period !== 'all' && whole.from >= 0 ? whole : null; // no log has events from before 1970
  const step = stepFor(where.range, finestStep(of, where, state.filters, prior ? prior.from : where.range.from));
  const asked = { main: series(of, where, state.filters, step), other: series(other, where, state.filters, 'all') };
  if (prior) {
    const fair = { ...where, range: { from: prior.from, to: prior.fair } };
    asked.before = series(of, { ...where, range: prior }, state.filters, step);
    if (prior.fair > prior.from) asked.otherBefore = series(other, fair, state.filters, 'all');
    if (prior.fair > prior.from && prior.fair < prior.to) asked.mainBefore = series(of, fair, state.filters, 'all');
  }
  return { of, other, step, prior, asked };
}

/**
 * Asks them all at once: `{parts(since), against, model(since), csv}` for the cards and the chart, or `why` the chart
 * tells nothing. `since`: the day of the site's first page view, which may be known later; what began in the period
 * before is not compared with it.
 */
export async function loadNumbers(context, signal) {
  const { of, other, step, prior, asked } = questions(context);
  const names = Object.keys(asked);
  const answers = await Promise.all(names.map((n) => ask(asked[n], { signal })));
  const got = Object.fromEntries(names.map((n, i) => [n, answers[i]]));
  const part = (now, old) => ({ why: now.why, totals: now.totals, before: old && old.totals });
  const parts = (since) => {
    const began = prior !== null && since - prior.from >= DAY;
    const mainBefore = prior && prior.fair === prior.to ? got.before : got.mainBefore;
    return { [of]: part(got.main, began ? null : mainBefore), [other]: part(got.other, began ? null : got.otherBefore) };
  };
  const { state, where } = context;
  const model = (since) => chartModel({ measure: state.measure, range: where.range, step, zone: where.tz, answer: got.main,
    prior: got.before, priorRange: prior, since, now: where.now });
  const latest = asked.main.rows ? got.main.as_of.watermark : null; // a query tells the latest event of its range alone
  const fair = prior && (prior.fair < prior.to ? { from: prior.from, to: prior.fair, days: null } : prior);
  return { parts, why: got.main.why, model, csv: asked.main, asOf: got.main.as_of, latest, against: fair && rangeText(fair, where.tz) };
}
