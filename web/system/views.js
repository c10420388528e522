// SPDX-License-Identifier: Apache-2.0
// The views: where each stands, and what can be done with it.

import { h, replace, setText } from '../lib/dom.js';
import { count, decimal, duration } from '../lib/format.js';
import { system as text } from '../texts.js';
import { button, digest, donePlace, pill, section, table } from './parts.js';
import { openView } from './view-details.js';
import { openEditor } from './view-editor.js';

/** How far a view is behind, in words. */
export function lagOf(view) {
  if (view.state === 'unknown') return '–';
  if (view.lag.events === 0) return text.upToDate;
  const s = view.lag.seconds;
  return text.behind(count(view.lag.events), s < 60 ? text.seconds(decimal(s, 1)) : duration(s));
}

export function statePill(view) {
  if (view.state === 'failed' || view.state === 'unknown') return pill(text.states[view.state], 'bad');
  if (view.changing) return pill(text.states.changing, 'warn');
  return pill(text.states[view.state], view.state === 'ready' ? 'good' : 'warn');
}

/** A name that breaks after its underscores where room is scarce. */
const breakable = (name) => name.split('_').map((part, i) => (i === 0 ? part : ['_', h('wbr'), part]));

function row(view, open) {
  const cells = {
    kind: h('td', { class: 'roomy' }), state: h('td', null), generation: h('td', { class: 'number roomy' }),
    offset: h('td', { class: 'number roomy' }), lag: h('td', { class: 'number' }), digest: h('td', { class: 'roomy after-number' }),
  };
  const name = h('button', { type: 'button', class: 'link', on: { click: () => open(view.name) } }, breakable(view.name));
  const element = h('tr', null, h('th', { scope: 'row' }, name), cells.kind, cells.state, cells.lag, cells.generation, cells.offset, cells.digest);
  let mark = '';

  function update(now) {
    const state = `${now.state} ${now.changing} ${now.error}`;
    setText(cells.kind, text.kinds[now.relation] || '–');
    setText(cells.generation, now.generation === null ? '–' : count(now.generation));
    setText(cells.offset, now.state === 'unknown' ? '–' : count(now.offset));
    setText(cells.lag, lagOf(now));
    cells.lag.className = now.lag.events === 0 || now.lag.seconds < 1 ? 'number soft' : now.lag.seconds > 10 ? 'number warn' : 'number';
    if (state !== mark) replace(cells.state, statePill(now), now.state === 'failed' ? h('p', { class: 'bad small' }, now.error) : null);
    mark = state;
    if (cells.digest.dataset.of !== String(now.digest)) {
      cells.digest.dataset.of = String(now.digest);
      replace(cells.digest, digest(now.digest));
    }
  }

  return { element, update };
}

/** `jobs`: starts replays and verifications; `onChange`: something was added, changed or dropped. */
export function viewsSection(jobs, onChange) {
  const body = h('tbody', null);
  const done = donePlace();
  const none = h('p', { class: 'soft' }, text.noViews);
  const rows = new Map();
  let views = [];

  const acts = { ...jobs, edit, changed };
  const open = (name) => openView(name, acts);

  function changed(message) {
    done.say(message);
    onChange();
  }

  function edit(view) {
    openEditor({ view, names: views.map((v) => v.name), onAdded: changed });
  }

  const element = section('views', text.views, button(text.addView, () => edit(null), 'primary'), done.element, none,
    table(text.views, [text.name, { label: text.kind, kind: 'roomy' }, text.state, { label: text.lag, kind: 'number' },
      { label: text.generation, kind: 'number roomy' }, { label: text.offset, kind: 'number roomy' },
      { label: text.digest, kind: 'roomy after-number' }], body));

  function show(status) {
    views = status.views;
    none.hidden = views.length > 0;
    const gone = new Set(rows.keys());
    for (const view of views) {
      if (!rows.has(view.name)) {
        rows.set(view.name, row(view, open));
        body.append(rows.get(view.name).element);
      }
      rows.get(view.name).update(view);
      gone.delete(view.name);
    }
    for (const name of gone) {
      rows.get(name).element.remove();
      rows.delete(name);
    }
  }

  return { element, show };
}
