// SPDX-License-Identifier: Apache-2.0
// The chart of one measure: uPlot draws it, this gives it slots, colours and words. Values can be read by pointer, by
// arrow keys, and as a table.

import uPlot from '../vendor/uplot/uPlot.esm.js';
import '../vendor/uplot/uPlot.min.css';
import { h, replace, setText } from '../lib/dom.js';
import { percent } from '../lib/format.js';
import { dashboard as texts } from '../texts.js';
import { changeOf, formatted } from './cards.js';
import { zoomed } from './period.js';
import { rangeText, slotText, ticks } from './ticks.js';

const HEIGHT = 260;
const TICK_WIDTH = 76;
const DRAG_LEAST_PX = 8;

const endOf = (starts, i, end) => (i + 1 < starts.length ? starts[i + 1] : end);

// The page's colours, read once: the canvas asks for them at every stroke.
const colours = new Map();

function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colours.get(name);
}

/* ---- what uPlot is given */

/** Seconds, the finished slots, the line to the running one, the period before. */
function dataOf(m) {
  const whole = m.running < 0 ? m.now : m.now.map((v, i) => (i < m.running ? v : null));
  const tail = m.now.map((v, i) => (m.running >= 0 && (i === m.running || i === m.running - 1) ? v : null));
  return [m.starts.map((s) => s / 1000), m.before || m.starts.map(() => null), whole, tail];
}

const AT_LEAST = { bounce_rate: 0.1, views_per_visit: 2, visit_duration: 10 };

function topOf(m) {
  const top = Math.max(0, ...m.now.filter((v) => v !== null), ...(m.before || []).filter((v) => v !== null));
  if (m.measure === 'bounce_rate') return Math.min(1.02, Math.max(0.1, top * 1.1));
  return Math.max(AT_LEAST[m.measure] || 4, top * 1.08);
}

function axes(model) {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const common = { stroke: () => colour('--soft'), font, ticks: { show: false } };
  let marks = []; // those of this model in this room
  let of = null;
  let room = 0;
  return [
    { ...common, gap: 8, size: 30, grid: { show: false },
      splits: (u) => {
        const m = model();
        const most = Math.max(2, Math.floor(u.width / TICK_WIDTH));
        if (of !== m || room !== most) marks = ticks(m.starts, m.step, m.zone, most);
        of = m;
        room = most;
        return marks.map((t) => t.at / 1000);
      },
      values: () => marks.map((t) => t.text) },
    { ...common, gap: 8, space: 48, grid: { stroke: () => colour('--line'), width: 1 },
      size: (u, values) => 18 + 7.2 * Math.max(3, ...(values || []).map((v) => String(v).length)),
      incrs: () => incrsOf(model().measure),
      values: (u, splits) => splits.map((v) => axisText(model().measure, v)) },
  ];
}

const TENS = [1, 2, 5].flatMap((n) => Array.from({ length: 10 }, (_, e) => n * 10 ** e)).sort((a, b) => a - b);

function incrsOf(measure) {
  if (measure === 'bounce_rate') return [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5];
  if (measure === 'visit_duration') return [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  return measure === 'views_per_visit' ? [0.5, ...TENS] : TENS;
}

function axisText(measure, v) {
  if (measure === 'bounce_rate') return percent(v, 0);
  return measure === 'views_per_visit' ? String(Math.round(v * 10) / 10) : formatted(measure, v);
}

function lines() {
  const accent = () => colour('--accent');
  const fill = () => colour('--chart-fill');
  const base = { width: 2, spanGaps: false };
  return [{},
    { ...base, stroke: () => colour('--compare'), width: 1.5, points: { show: false } },
    { ...base, stroke: accent, fill, points: { size: 6, show: true, filter: lonely } },
    { ...base, stroke: accent, fill, dash: [3, 4], points: { size: 7, show: true, fill: () => colour('--card'),
      filter: (u) => (lastOf(u) < 0 ? [] : [lastOf(u)]) } }];
}

/** Values that stand alone between gaps: no line shows them. */
function lonely(u, series) {
  const d = u.data[series];
  const there = (i) => d[i] !== null && d[i] !== undefined;
  return d.map((_, i) => i).filter((i) => there(i) && !there(i - 1) && !there(i + 1));
}

function lastOf(u) {
  for (let i = u.data[3].length - 1; i >= 0; i--) if (u.data[3][i] !== null) return i;
  return -1;
}

/* ---- reading values */

function tip(m, i) {
  const value = m.now[i];
  const before = m.before ? m.before[i] : null;
  const c = i === m.running ? null : changeOf(m.measure, value, before);
  const line = (tone, name, v, more) => h('p', { class: `tip-line ${tone}` }, h('span', { class: 'tip-name' }, name), h('b', {}, formatted(m.measure, v, true)), more);
  const old = m.beforeSlots && m.beforeSlots[i] ? slotText(...m.beforeSlots[i], m.step, m.zone) : null;
  return [
    line('now', slotText(m.starts[i], endOf(m.starts, i, m.end), m.step, m.zone), value,
      c ? h('span', { class: `tip-change ${c.tone}` }, c.text) : i === m.running ? h('span', { class: 'tip-change soft' }, texts.running) : null),
    old && line('before', old, before),
  ];
}

function place(el, u, left) {
  const width = el.offsetWidth;
  const start = u.over.offsetLeft + left;
  const x = left > u.over.offsetWidth / 2 ? start - width - 14 : start + 14;
  el.style.setProperty('transform', `translate(${Math.round(Math.max(0, x))}px, 8px)`);
}

/* ---- the table */

function table(m) {
  const name = texts.measures[m.measure].name;
  const rows = m.starts.map((at, i) => h('tr', {},
    h('th', { scope: 'row' }, slotText(at, endOf(m.starts, i, m.end), m.step, m.zone)),
    h('td', { class: 'number' }, formatted(m.measure, m.now[i], true)),
    m.before && h('td', { class: 'number soft' }, formatted(m.measure, m.before[i], true))));
  return h('table', { class: 'lined' },
    h('caption', { class: 'visually-hidden' }, `${name}, ${rangeText(m.range, m.zone)}`),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, texts.slot), h('th', { scope: 'col', class: 'number' }, name),
      m.before && h('th', { scope: 'col', class: 'number' }, texts.before))),
    h('tbody', {}, rows));
}

/* ---- the part of the page */

function makePlot(host, tipEl, model, onZoom) {
  let plot = null;
  const selected = (u) => {
    if (u.select.width < DRAG_LEAST_PX) return;
    const at = (px) => u.posToVal(px, 'x') * 1000;
    const m = model();
    const range = zoomed(m.starts, m.step, m.range, m.zone, at(u.select.left), at(u.select.left + u.select.width));
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    onZoom(range);
  };
  const moved = (u) => {
    const i = u.cursor.idx;
    tipEl.hidden = i === null || i === undefined || u.cursor.left < 0;
    if (tipEl.hidden) return;
    replace(tipEl, tip(model(), i));
    place(tipEl, u, u.valToPos(u.data[0][i], 'x'));
  };
  const options = () => ({
    width: host.clientWidth, height: HEIGHT, padding: [12, 22, 0, 0], legend: { show: false },
    scales: { x: { time: false, range: (u, min, max) => (min === max ? [min - 1, max + 1] : [min, max]) }, y: { range: () => [0, topOf(model())] } },
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 8 } },
    axes: axes(model), series: lines(), hooks: { setSelect: [selected], setCursor: [moved] },
  });
  return {
    draw() {
      if (plot === null) plot = new uPlot(options(), dataOf(model()), host);
      else plot.setData(dataOf(model()));
    },
    resize() {
      if (plot !== null && host.clientWidth > 0 && host.clientWidth !== plot.width) plot.setSize({ width: host.clientWidth, height: HEIGHT });
    },
    redraw: () => plot && plot.redraw(false, true),
    read(i) {
      plot.setCursor(i === null ? { left: -10, top: -10 } : { left: plot.valToPos(plot.data[0][i], 'x'), top: 20 });
    },
  };
}

function listenKeys(figure, said, model, plot) {
  let at = null;
  figure.addEventListener('keydown', (event) => {
    const m = model();
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!m || !by || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const last = m.running >= 0 ? m.running : m.starts.length - 1;
    at = Math.min(last, Math.max(0, at === null || at > last ? last : at + by));
    plot.read(at);
    setText(said, `${slotText(m.starts[at], endOf(m.starts, at, m.end), m.step, m.zone)}: ${formatted(m.measure, m.now[at], true)}`);
  });
  figure.addEventListener('blur', () => {
    if (at !== null) plot.read(null);
    at = null;
  });
}

/** The chart: `update(model)` (model.js); `onZoom(range)`, `onCsv()`. */
export function makeChart(onZoom, onCsv) {
  let current = null;
  let asTable = false;
  const model = () => current;
  const title = h('h2', { id: 'chart-title' }, '\u00a0');
  const legend = h('p', { class: 'chart-legend', hidden: true }, h('i', { class: 'key compare' }), texts.before);
  const toggle = h('button', { type: 'button', class: 'button quiet small', 'aria-pressed': 'false' }, texts.asTable);
  const csv = h('button', { type: 'button', class: 'button quiet small', on: { click: () => onCsv() } }, texts.csv);
  const tipEl = h('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
  const host = h('div', { class: 'plot' });
  const said = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  const figure = h('div', { class: 'figure', tabindex: '0', role: 'img' }, host, tipEl);
  const tableEl = h('div', { class: 'chart-table', hidden: true, tabindex: '0', role: 'region', 'aria-label': texts.asTable });
  const el = h('section', { class: 'chart', 'aria-labelledby': 'chart-title' },
    h('header', { class: 'chart-head' }, title, legend, h('span', { class: 'space' }), toggle, csv), figure, tableEl, said);
  const plot = makePlot(host, tipEl, model, onZoom);
  listenKeys(figure, said, model, plot);

  function show() {
    figure.hidden = asTable;
    tableEl.hidden = !asTable;
    toggle.setAttribute('aria-pressed', String(asTable));
    if (current === null) return;
    if (asTable) replace(tableEl, table(current));
    else plot.draw();
  }

  toggle.addEventListener('click', () => {
    asTable = !asTable;
    show();
    if (!asTable) plot.resize();
  });
  new ResizeObserver(() => plot.resize()).observe(host);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    colours.clear();
    plot.redraw();
  });

  return {
    el,
    update(m) {
      current = m;
      const name = texts.measures[m.measure].name;
      setText(title, `${name} ${texts.byStep[m.step]}`);
      legend.hidden = !m.before;
      csv.setAttribute('aria-label', texts.csvOf(name));
      figure.setAttribute('aria-label', texts.chartLabel(name, rangeText(m.range, m.zone), texts.steps[m.step]));
      show();
    },
  };
}
