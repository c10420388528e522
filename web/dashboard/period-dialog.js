// SPDX-License-Identifier: Apache-2.0
// Choosing a period by its first and last day.

import { h, setText } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { common, dashboard as texts } from '../texts.js';
import { addDays, dayOf, isRange, resolve } from './period.js';

function dayField(name, label, value, latest) {
  const input = h('input', { type: 'date', id: `period-${name}`, value, min: '1990-01-01', max: latest, required: true });
  return { input, el: h('div', { class: 'field' }, h('label', { for: `period-${name}` }, label), input) };
}

export function openPeriodDialog(state, now, onPick) {
  const range = resolve(state, state.tz, now);
  const today = dayOf(now, state.tz);
  const from = dayField('from', texts.from, dayOf(range.from, state.tz), today);
  const last = dayOf(Math.min(range.to - 1, now), state.tz);
  const to = dayField('to', texts.to, last, addDays(today, 366));
  const error = h('p', { class: 'bad small', role: 'alert' });

  function apply(dialog) {
    if (!isRange(from.input.value, to.input.value)) {
      setText(error, texts.badRange);
      return;
    }
    dialog.close();
    onPick({ period: 'custom', from: from.input.value, to: to.input.value });
  }

  const dialog = openDialog({ title: texts.customTitle, content: [h('div', { class: 'period-fields' }, from.el, to.el), error],
    actions: [{ label: common.cancel }, { label: texts.apply, kind: 'primary', stay: true, onClick: apply }] });
  dialog.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.target.tagName === 'INPUT') apply(dialog);
  });
  from.input.focus();
}
