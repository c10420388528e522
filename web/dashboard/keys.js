// SPDX-License-Identifier: Apache-2.0
// Keys for the whole page. None is taken while someone types, chooses, or holds a modifier, nor behind a dialog.

import { h } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { dashboard as texts } from '../texts.js';
import { MEASURES } from './state.js';

const PAIR_MS = 1200;
const PERIOD_KEYS = { t: 'today', y: 'yesterday', 7: '7d', 30: '30d', 24: '24h', m: 'month', a: 'all' };

const typing = (el) => el instanceof Element && (el.closest('input, select, textarea, [contenteditable]') !== null);

/** `on`: {period(name), shift(±1), compare(), search(), clear(), help()}. */
export function listenKeys(on) {
  let first = '';
  let since = 0;

  function period(key, now) {
    const pair = now - since < PAIR_MS ? first + key : key;
    first = '';
    if (key === '3' || key === '2') {
      first = key;
      since = now;
    }
    return PERIOD_KEYS[pair] || PERIOD_KEYS[key] || null;
  }

  const others = { ArrowLeft: () => on.shift(-1), ArrowRight: () => on.shift(1), c: on.compare, '/': on.search, Escape: on.clear, '?': on.help };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    const named = period(event.key, event.timeStamp);
    if (named) on.period(named);
    else if (Object.hasOwn(others, event.key)) others[event.key]();
    else return;
    event.preventDefault();
  });
}

export function openHelp() {
  const key = ([names, about]) => h('div', { class: 'help-row' }, h('dt', {}, names.map((n) => h('kbd', {}, n))), h('dd', {}, about));
  const number = (m) => h('div', {}, h('dt', {}, texts.measures[m].name), h('dd', { class: 'soft' }, texts.measures[m].about));
  openDialog({ title: texts.helpTitle, wide: true, content: h('div', { class: 'help' },
    h('section', {}, h('h3', {}, texts.helpKeys), h('dl', { class: 'help-keys' }, texts.keys.map(key))),
    h('section', {}, h('h3', {}, texts.helpNumbers), h('dl', { class: 'help-numbers' }, MEASURES.map(number)))) });
}
