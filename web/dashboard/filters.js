// SPDX-License-Identifier: Apache-2.0
// The filters as pills: each can be turned to its opposite and taken away.

import { h, replace } from '../lib/dom.js';
import { dashboard as texts } from '../texts.js';
import { label } from './names.js';
import { sameFilter, withoutFilter } from './state.js';

function pill(filter, filters, onChange) {
  const value = label(filter.dim, filter.value);
  const said = `${texts.dims[filter.dim]} ${filter.not ? texts.isNot : texts.is} ${value}`;
  const flipped = () => onChange(filters.map((f) => (sameFilter(f, filter) ? { ...f, not: !f.not } : f)));
  return h('li', { class: 'filter' },
    h('span', { class: 'filter-dim' }, texts.dims[filter.dim]),
    h('button', { type: 'button', class: 'filter-is', title: texts.flip, 'aria-label': `${said}: ${texts.flip}`, on: { click: flipped } },
      filter.not ? texts.isNot : texts.is),
    h('span', { class: 'filter-value cut', title: value }, value),
    h('button', { type: 'button', class: 'filter-gone', 'aria-label': texts.removeFilter(said),
      on: { click: () => onChange(withoutFilter(filters, filter)) } }, '✕'));
}

/** The row of pills: `update(filters)`; `leave()`: the last has gone, and the focus was there. */
export function makeFilters(onChange, leave) {
  const list = h('ul', { class: 'filter-list' });
  const clear = h('button', { type: 'button', class: 'button quiet', on: { click: () => onChange([]) } }, texts.clearFilters);
  const el = h('section', { class: 'filters', 'aria-label': texts.filters, hidden: true }, list, clear);

  /** The pills are made anew: the focus goes to the same button of the pill that is there now, or of the last one. */
  function focusAgain(was, n) {
    const now = list.children[Math.min(was.index, n - 1)];
    if (n === 0) leave();
    else if (now) now.querySelector(`.${was.kind}`).focus();
  }

  return {
    el,
    update(filters) {
      const focused = document.activeElement;
      const was = { within: el.contains(focused), index: [...list.children].findIndex((li) => li.contains(focused)), kind: focused && focused.className };
      replace(list, filters.map((f) => pill(f, filters, onChange)));
      if (was.within && (was.index >= 0 || filters.length === 0)) focusAgain(was, filters.length);
      el.hidden = filters.length === 0;
    },
  };
}
