// SPDX-License-Identifier: Apache-2.0
// One view: where it stands, its SQL, the definitions it had, and what can be done with it.

import { del, get } from '../lib/api.js';
import { h, replace } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { count, time } from '../lib/format.js';
import { common, system as text } from '../texts.js';
import { confirm } from './confirm.js';
import { button, digest, errorPlace, pill } from './parts.js';
import { lagOf, statePill } from './views.js';

function fact(label, value) {
  return h('div', null, h('dt', { class: 'label' }, label), h('dd', null, value));
}

function facts(view) {
  return h('dl', { class: 'facts' },
    fact(text.state, statePill(view)), fact(text.lag, lagOf(view)),
    fact(text.kind, text.kinds[view.relation] || '–'), fact(text.step, view.step || '–'),
    fact(text.generation, view.generation === null ? '–' : count(view.generation)),
    fact(text.offset, text.of(count(view.offset), count(view.head))),
    fact(text.watermark, view.watermark ? time(view.watermark) : '–'),
    fact(text.digest, view.digest ? h('code', { class: 'whole' }, view.digest) : '–'));
}

function sql(value, label) {
  return h('pre', { tabindex: '0', role: 'region', 'aria-label': label }, h('code', null, value.trim()));
}

function span(version) {
  if (version.state === 'pending') return text.pendingVersion;
  const began = version.switched_at || version.added_at;
  return version.ended_at ? text.between(time(began), time(version.ended_at)) : text.sinceTime(time(began));
}

function version(v) {
  return h('li', null, h('details', null,
    h('summary', null, text.version(v.version), ' ', pill(text.versionStates[v.state], v.state === 'current' ? 'good' : 'plain'), ' ',
      h('span', { class: 'soft small' }, span(v))),
    v.last_digest ? h('p', { class: 'small' }, text.endedAt(count(v.last_offset)), ' ', digest(v.last_digest)) : null,
    sql(v.sql, text.sqlOf(v.version))));
}

function drop(view, dialog, acts) {
  confirm({
    title: text.dropTitle(view.name), explanation: text.dropExplanation, label: text.drop, name: view.name,
    act: async () => {
      await del(`/v1/admin/views/${encodeURIComponent(view.name)}`);
      dialog.close();
      acts.changed(text.dropped(view.name));
    },
  });
}

function actions(view, dialog, acts) {
  const then = (act) => () => {
    dialog.close();
    act(view);
  };
  return h('footer', { class: 'dialog-foot' },
    button(text.drop, () => drop(view, dialog, acts), 'danger push'),
    button(text.change, then(acts.edit)), button(text.verify, then((v) => acts.verify(v.name))),
    button(text.replay, then((v) => acts.replay(v.name)), 'primary'));
}

function content(view) {
  return [view.error ? h('p', { class: 'notice bad' }, view.error) : null, facts(view),
    h('h3', null, text.sql), sql(view.sql, text.sql),
    h('details', null, h('summary', null, text.canonical), sql(view.canonical, text.canonical)),
    h('h3', null, text.history), h('ol', { class: 'history', reversed: true }, view.history.map(version))];
}

/** `acts`: replay(name), verify(name), edit(view), changed(message). */
export function openView(name, acts) {
  const place = h('div', { class: 'stack', 'aria-busy': 'true' }, h('p', { class: 'soft' }, common.loading));
  const dialog = openDialog({ title: name, content: place, wide: true });

  async function load() {
    const error = errorPlace();
    try {
      const view = await get(`/v1/admin/views/${encodeURIComponent(name)}`);
      replace(place, content(view));
      dialog.append(actions(view, dialog, acts));
    } catch (e) {
      replace(place, error.element);
      error.say(e, load);
    }
    place.removeAttribute('aria-busy');
  }
  load();
}
