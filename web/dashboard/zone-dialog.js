// SPDX-License-Identifier: Apache-2.0
// Choosing a time zone: all that the browser knows, searched by any part of the name.

import { h, replace } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { dashboard as texts } from '../texts.js';
import { remark } from './notice.js';

const plain = (text) => text.toLowerCase().replace(/[_/]/g, ' ');

function offset(zone) {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(new Date());
  return parts.find((p) => p.type === 'timeZoneName').value.replace('GMT', 'UTC');
}

function names(own) {
  const all = Intl.supportedValuesOf ? Intl.supportedValuesOf('timeZone') : [];
  return [...new Set([own, 'UTC', ...all])];
}

export function openZoneDialog(current, own, onPick) {
  const zones = names(own).map((name) => ({ name, found: plain(name) }));
  const list = h('ul', { class: 'zones' });
  const search = h('input', { type: 'search', placeholder: texts.zoneSearch, 'aria-label': texts.zoneSearch, autocomplete: 'off', spellcheck: 'false' });
  let dialog = null;

  const item = ({ name }) => h('li', {}, h('button', { type: 'button', class: 'zone', 'aria-current': name === current ? 'true' : null, on: { click: () => {
    dialog.close();
    onPick(name);
  } } }, h('span', {}, name.replace(/_/g, ' ')), h('span', { class: 'soft small' }, offset(name))));

  function show() {
    const words = plain(search.value.trim());
    const wanted = zones.filter((z) => z.found.includes(words)).slice(0, 60);
    replace(list, wanted.length > 0 ? wanted.map(item) : h('li', {}, remark(texts.zoneNone)));
  }

  search.addEventListener('input', show);
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') list.querySelector('button')?.click();
  });
  show();
  dialog = openDialog({ title: texts.zoneTitle, content: [h('div', { class: 'dialog-bar' }, search), list] });
  search.focus();
}
