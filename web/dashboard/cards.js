// SPDX-License-Identifier: Apache-2.0
// The six totals; a press puts one on the chart.

import { h, setText } from '../lib/dom.js';
import { change, compact, count, decimal, duration, percent } from '../lib/format.js';
import { dashboard as texts } from '../texts.js';
import { NUMBERS } from './data.js';
import { MEASURES } from './state.js';

const FORMS = {
  visitors: compact, visits: compact, pageviews: compact, views_per_visit: (n) => decimal(n, 2), bounce_rate: percent, visit_duration: duration,
};
const EXACT = { ...FORMS, visitors: count, visits: count, pageviews: count };
const LESS_IS_BETTER = ['bounce_rate'];

/** A measure's value for people; `exact`: every digit. */
export const formatted = (measure, value, exact = false) => (exact ? EXACT : FORMS)[measure](value);

/** How it changed, with whether that is good: {text, tone}. */
export function changeOf(measure, now, before) {
  const c = change(now, before);
  if (c === null) return null;
  const good = c.direction * (LESS_IS_BETTER.includes(measure) ? -1 : 1);
  return { text: c.text, tone: good > 0 ? 'good' : good < 0 ? 'bad' : 'soft' };
}

function card(measure, onPick) {
  const { name, about } = texts.measures[measure];
  const value = h('span', { class: 'card-value skeleton' }, '0,000');
  const note = h('span', { class: 'card-change' }, '\u00a0');
  const el = h('button', { type: 'button', class: 'metric', title: about, 'aria-pressed': 'false', dataset: { measure },
    on: { click: () => onPick(measure) } },
  h('span', { class: 'card-name' }, name), ' ', value, ' ', note);
  return { el, value, note };
}

function show({ value, note, el }, measure, totals, before, why, against) {
  const now = why ? null : NUMBERS[measure].value(totals);
  value.classList.remove('skeleton');
  setText(value, formatted(measure, now));
  value.title = why ? '' : formatted(measure, now, true);
  const c = why || !before ? null : changeOf(measure, now, NUMBERS[measure].value(before));
  setText(note, why ? texts.whyShort[why] : c ? c.text : '\u00a0');
  note.className = `card-change ${c ? c.tone : 'soft'}`;
  note.title = c ? against : '';
  el.title = why ? texts.why[why] : texts.measures[measure].about;
}

/** The cards: `pick(measure)` marks one, `update({events, visits}, against)` with `{totals, before, why}` each. */
export function makeCards(onPick) {
  const cards = new Map(MEASURES.map((m) => [m, card(m, onPick)]));
  const el = h('section', { class: 'metrics', 'aria-label': texts.cards }, [...cards.values()].map((c) => c.el));
  return {
    el,
    pick(measure) {
      for (const [m, c] of cards) c.el.setAttribute('aria-pressed', String(m === measure));
    },
    update(parts, against) {
      for (const [m, c] of cards) {
        const { totals, before, why } = parts[NUMBERS[m].of];
        show(c, m, totals || {}, before, why, against);
      }
    },
  };
}
