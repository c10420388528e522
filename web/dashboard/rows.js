// SPDX-License-Identifier: Apache-2.0
// A table of names with bars and counts, brought up to date in place: a row stays the same element while it is in the
// list, so that focus, hover and scrolling stay where they are.

import { h, replace, setText } from '../lib/dom.js';
import { count, percent } from '../lib/format.js';
import { dashboard as texts } from '../texts.js';
import { filtersOf, nameOf, rowLabel } from './names.js';

const keyOf = (dims, row) => JSON.stringify(dims.map((d) => row[d]));

function cellText(measure, row) {
  if (measure === 'bounces') return row.visits > 0 ? percent(row.bounces / row.visits, 0) : percent(null);
  return count(row[measure]);
}

function makeRow(dims, measures, row, onFilter) {
  const text = rowLabel(dims, row);
  const { text: name, code } = dims.length === 1 ? nameOf(dims[0], row[dims[0]]) : { text, code: null };
  const missing = dims.every((d) => row[d] === null || row[d] === undefined);
  const pick = h('button', { type: 'button', class: 'row-name', title: texts.filterBy(text), on: { click: () => onFilter(filtersOf(dims, row)) } },
    code && h('span', { class: 'code', 'aria-hidden': dims[0] === 'country' ? 'true' : null }, code), h('span', { class: missing ? 'cut soft' : 'cut' }, name));
  const head = h('th', { scope: 'row', class: 'bar' }, pick);
  const cells = measures.map((_, i) => h('td', { class: i === 0 ? 'number' : 'number soft' }));
  return { el: h('tr', {}, head, cells), head, cells };
}

function headOf({ dims, measures }) {
  const what = texts.dims[dims[dims.length - 1]];
  return h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, what),
    measures.map((m) => h('th', { scope: 'col', class: 'number' }, texts.columns[m]))));
}

/** Puts the rows in order, moving no more than it must; an element that has the focus keeps it. */
function arrange(body, wanted) {
  const focused = document.activeElement;
  wanted.forEach((el, i) => {
    if (body.children[i] !== el) body.insertBefore(el, body.children[i] || null);
  });
  while (body.children.length > wanted.length) body.lastElementChild.remove();
  if (focused && body.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** The table: `update(list, rows, top)` with a list of data.js; `top`: the count of a full bar. */
export function makeRows(caption, onFilter) {
  const head = h('thead', {});
  const body = h('tbody', {});
  const title = h('caption', { class: 'visually-hidden' }, caption);
  const el = h('table', { class: 'rows' }, title, head, body);
  let shape = '';
  let made = new Map();
  return {
    el,
    update(name, list, rows, top) {
      const now = JSON.stringify([list.dims, list.measures]);
      if (now !== shape) {
        replace(head, ...headOf(list).children);
        made = new Map();
        shape = now;
      }
      setText(title, name);
      const next = new Map();
      for (const row of rows) {
        const key = keyOf(list.dims, row);
        const made1 = made.get(key) || makeRow(list.dims, list.measures, row, onFilter);
        made1.head.style.setProperty('--bar', String(top > 0 ? row[list.measures[0]] / top : 0));
        list.measures.forEach((m, i) => setText(made1.cells[i], cellText(m, row)));
        next.set(key, made1);
      }
      made = next;
      arrange(body, [...next.values()].map((r) => r.el));
    },
  };
}

/** The rows of an answer without those that say nothing: a campaign of no name at all. */
export function telling(list, rows) {
  return list.dims.length === 1 ? rows : rows.filter((row) => list.dims.some((d) => row[d] !== null));
}
