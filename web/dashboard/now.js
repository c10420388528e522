// SPDX-License-Identifier: Apache-2.0
// Who is there now: the live dot, visitors of the last five minutes, and the page views of the last thirty as bars.

import { h, setText, svg } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { dashboard as texts } from '../texts.js';

const MINUTES = 30;

export function makeNow() {
  const bars = Array.from({ length: MINUTES }, (_, i) => svg('rect', { x: i * 4, y: 23, width: 3, height: 1, rx: 0.5 }));
  const chart = svg('svg', { viewBox: `0 0 ${MINUTES * 4 - 1} 24`, class: 'now-bars', 'aria-hidden': 'true' }, bars);
  const dot = h('span', { class: 'dot', dataset: { state: 'wait' } });
  const number = h('span', { class: 'now-count', id: 'now' }, '\u00a0');
  const state = h('span', { class: 'visually-hidden' });
  const el = h('div', { class: 'now', title: texts.nowTitle }, dot, number, chart, state);
  return {
    el,
    clear() {
      setText(number, '\u00a0');
      for (const bar of bars) bar.setAttribute('height', '1');
    },
    state(name) {
      dot.dataset.state = name;
      dot.title = texts.live[name];
      setText(state, texts.live[name]);
    },
    totals({ visitors, minutes }) {
      setText(number, texts.now(visitors, count(visitors)));
      const last = minutes.slice(-MINUTES);
      const top = Math.max(1, ...last.map((m) => m[1]));
      bars.forEach((bar, i) => {
        const views = i < last.length ? last[i][1] : 0;
        const height = views === 0 ? 1 : Math.max(2, (24 * views) / top);
        bar.setAttribute('height', height.toFixed(1));
        bar.setAttribute('y', (24 - height).toFixed(1));
      });
    },
  };
}
