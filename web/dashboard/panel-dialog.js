// SPDX-License-Identifier: Apache-2.0
// All rows of a tab: searched, a hundred at a time. What can be found by its name for people (countries) is all
// fetched at once and searched here, everything else by the service.

import { h, replace, setText } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { openDialog } from '../lib/dialog.js';
import { dashboard as texts } from '../texts.js';
import { aborted, ask } from './ask.js';
import { download, fileName } from './csv.js';
import { list as listQuestion, listFor, objects } from './data.js';
import { rowLabel } from './names.js';
import { failure, remark } from './notice.js';
import { makeRows, telling } from './rows.js';

const PAGE = 100;
const ALL = 5000;
const SEARCH_WAIT_MS = 250;
const NAMED = ['countries', 'regions'];

const bare = (text) => text.toLocaleLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');

export function openPanelDialog({ tab, where, filters, onFilter, onFailed }) {
  const list = listFor(tab, filters);
  const name = texts.tabs[tab];
  const here = NAMED.includes(tab);
  const limit = here ? ALL : PAGE;
  const found = { rows: [], total: 0, offset: 0, top: 0 };
  let running = null;
  let timer = 0;
  let dialog = null;

  const rows = makeRows(name, (added) => {
    dialog.close();
    onFilter(added);
  });
  const search = h('input', { type: 'search', class: 'dialog-search', placeholder: texts.search, 'aria-label': texts.searchOf(name),
    autocomplete: 'off', spellcheck: 'false', autofocus: true });
  const place = h('div', { class: 'dialog-rows' });
  const said = h('span', { class: 'soft small', role: 'status' });
  const more = h('button', { type: 'button', class: 'button', hidden: true, on: { click: () => load(found.offset) } }, texts.showMore);
  const csv = h('button', { type: 'button', class: 'button', 'aria-label': texts.csvOf(name), on: { click: () => save() } }, texts.csv);

  const words = () => search.value.trim();
  const question = (page) => listQuestion(tab, where, filters, { ...page, search: here ? '' : words() });

  function show() {
    const wanted = here ? found.rows.filter((r) => bare(rowLabel(list.dims, r)).includes(bare(words()))) : found.rows;
    rows.update(name, list, wanted, found.top);
    if (wanted.length === 0) replace(place, remark(words() ? texts.noMatch : texts.noRows));
    else if (rows.el.parentNode !== place) replace(place, rows.el);
    const all = here ? found.rows.length : found.total;
    setText(said, texts.shown(count(wanted.length), count(all)));
    more.hidden = here || found.offset >= found.total;
  }

  function take(answer, offset) {
    const got = objects(answer);
    found.rows = offset === 0 ? telling(list, got) : [...found.rows, ...telling(list, got)];
    found.total = answer.total_rows;
    found.offset = offset + got.length;
    if (words() === '' || here) found.top = found.rows.length > 0 ? found.rows[0][list.measures[0]] : 0;
    show();
  }

  async function load(offset) {
    if (running) running.abort();
    const mine = running = new AbortController();
    place.setAttribute('aria-busy', 'true');
    try {
      const answer = await ask(question({ limit, offset }), { signal: mine.signal });
      if (mine === running) take(answer, offset);
    } catch (e) {
      if (mine === running && !aborted(e)) fail(e, offset);
    } finally {
      if (mine === running) place.removeAttribute('aria-busy');
    }
  }

  function fail(e, offset) {
    if (e.status === 401) onFailed(e);
    replace(place, failure(e, () => load(offset)));
  }

  async function save() {
    try {
      await download(question({ telling: true }), fileName(tab, where));
    } catch (e) {
      fail(e, 0);
    }
  }

  search.addEventListener('input', () => {
    clearTimeout(timer);
    if (here) show();
    else timer = setTimeout(() => load(0), SEARCH_WAIT_MS);
  });
  dialog = openDialog({ title: name, wide: true, content: [h('div', { class: 'dialog-bar' }, search, csv), place, h('div', { class: 'dialog-end' }, said, more)],
    onClose: () => {
      clearTimeout(timer);
      if (running) running.abort();
    } });
  dialog.classList.add('panel-dialog');
  search.focus();
  load(0);
}
