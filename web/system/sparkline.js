// SPDX-License-Identifier: Apache-2.0
// A small line of the last values, the newest at the right.

import { svg } from '../lib/dom.js';

const WIDTH = 240;
const HEIGHT = 48;

/** `draw(values, label)`; there is room for `room` values. */
export function sparkline(room) {
  const line = svg('path', { class: 'spark-line', 'vector-effect': 'non-scaling-stroke' });
  const area = svg('path', { class: 'spark-area' });
  const element = svg('svg', { class: 'spark', role: 'img', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none' }, area, line);

  function draw(values, label) {
    element.setAttribute('aria-label', label);
    const most = Math.max(1, ...values);
    const step = WIDTH / (room - 1);
    const first = WIDTH - (values.length - 1) * step;
    const points = values.map((v, i) => `${(first + i * step).toFixed(1)} ${(HEIGHT - 1.5 - (HEIGHT - 4) * v / most).toFixed(1)}`);
    const path = values.length > 1 ? `M${points.join('L')}` : '';
    line.setAttribute('d', path);
    area.setAttribute('d', path && `${path}L${WIDTH} ${HEIGHT}L${first.toFixed(1)} ${HEIGHT}Z`);
  }

  return { element, draw };
}
