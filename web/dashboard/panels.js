// SPDX-License-Identifier: Apache-2.0
// A panel: tabs, and of the open one the first rows. Each asks by itself; a newer question makes an older one's answer
// stale, which is then dropped.

import { h, replace } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { dashboard as texts } from '../texts.js';
import { aborted, ask } from './ask.js';
import { download, fileName } from './csv.js';
import { list as listQuestion, listFor, objects } from './data.js';
import { failure, remark } from './notice.js';
import { openPanelDialog } from './panel-dialog.js';
import { makeRows, telling } from './rows.js';
import { TABS } from './state.js';

const ROWS = 9;

/* ---- tabs */

function turnTabs(buttons, event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  event.stopPropagation();
  const next = buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length];
  next.focus();
  next.click();
}

function makeTabs(panel, bodyId, onTab) {
  const buttons = TABS[panel].map((tab) => h('button', { type: 'button', role: 'tab', class: 'tab', id: `tab-${tab}`, 'aria-controls': bodyId,
    dataset: { tab }, on: { click: () => onTab(panel, tab) } }, texts.tabs[tab]));
  const el = h('div', { role: 'tablist', class: 'tabs', 'aria-label': texts.panels[panel],
    on: { keydown: (event) => turnTabs(buttons, event) } }, buttons);
  return {
    el,
    pick(tab) {
      for (const b of buttons) {
        b.setAttribute('aria-selected', String(b.dataset.tab === tab));
        b.tabIndex = b.dataset.tab === tab ? 0 : -1;
      }
    },
  };
}

/* ---- states of the body */

function skeleton() {
  return h('div', { class: 'rows-waiting', 'aria-hidden': 'true' },
    Array.from({ length: ROWS }, (_, i) => h('div', { class: 'skeleton', style: { '--w': `${90 - 8 * i}%` } }, '\u00a0')));
}

/** The panel: `load(context, {quiet})`. The context: {state, where}. `on`: {tab(panel, tab), filter(filters)}. */
export function makePanel(panel, on) {
  const bodyId = `panel-${panel}`;
  const tabs = makeTabs(panel, bodyId, on.tab);
  const rows = makeRows('', on.filter);
  const body = h('div', { class: 'panel-body', id: bodyId, role: 'tabpanel' }, skeleton());
  const total = h('span', { class: 'soft small' });
  const button = (text, click) => h('button', { type: 'button', class: 'button quiet small', on: { click } }, text);
  const csv = button(texts.csv, () => save());
  const more = button(texts.more, () => openMore());
  const el = h('section', { class: 'card panel', 'aria-label': texts.panels[panel] },
    h('header', { class: 'panel-head' }, tabs.el), body, h('footer', { class: 'panel-foot' }, total, h('span', { class: 'space' }), csv, more));

  let context = null;
  let running = null;

  const tabNow = () => context.state.tabs[panel];
  const nameNow = () => texts.tabs[tabNow()];

  function question(page) {
    return listQuestion(tabNow(), context.where, context.state.filters, page);
  }

  function showRows(answer) {
    const list = listFor(tabNow(), context.state.filters);
    const found = telling(list, objects(answer));
    const kept = found.slice(0, ROWS);
    const n = answer.total_rows - (list.dims.length > 1 ? objects(answer).length - found.length : 0);
    rows.update(nameNow(), list, kept, kept.length > 0 ? kept[0][list.measures[0]] : 0);
    if (kept.length === 0) replace(body, remark(texts.noRows));
    else if (rows.el.parentNode !== body || body.children.length > 1) replace(body, rows.el);
    const said = [n > ROWS && texts.shown(count(kept.length), count(n)), tabNow() === 'referrers' && texts.ownLinks];
    total.textContent = said.filter(Boolean).join(', ');
  }

  function showAnswer(answer) {
    const none = Boolean(answer.why);
    csv.disabled = more.disabled = none;
    if (none) {
      replace(body, remark(texts.why[answer.why]));
      total.textContent = '';
    } else {
      showRows(answer);
    }
  }

  async function load(next, { quiet = false } = {}) {
    if (quiet && running) return;
    context = next;
    if (running) running.abort();
    const mine = running = new AbortController();
    tabs.pick(tabNow());
    body.setAttribute('aria-labelledby', `tab-${tabNow()}`);
    csv.setAttribute('aria-label', texts.csvOf(nameNow()));
    more.setAttribute('aria-label', texts.moreOf(nameNow()));
    if (!quiet) body.setAttribute('aria-busy', 'true');
    try {
      const answer = await ask(question({ limit: ROWS + 1 }), { signal: mine.signal });
      if (mine === running) showAnswer(answer);
    } catch (e) {
      if (mine === running && !aborted(e)) fail(e, quiet);
    } finally {
      if (mine === running) {
        running = null;
        body.removeAttribute('aria-busy');
      }
    }
  }

  function fail(e, quiet) {
    if (quiet || e.status === 401) on.failed(e);
    if (quiet) return;
    total.textContent = '';
    replace(body, failure(e, () => load(context)));
  }

  async function save() {
    csv.disabled = true;
    try {
      await download(question({ telling: true }), fileName(tabNow(), context.where));
    } catch (e) {
      replace(body, failure(e, () => load(context)));
    } finally {
      csv.disabled = false;
    }
  }

  function openMore() {
    openPanelDialog({ tab: tabNow(), where: context.where, filters: context.state.filters, onFilter: on.filter, onFailed: on.failed });
  }

  return { el, load, openMore: () => context && !more.disabled && openMore() };
}
