// SPDX-License-Identifier: Apache-2.0
// Adding a view, or changing one: its SQL, and where the service refuses it.

import { post } from '../lib/api.js';
import { h, replace, setText } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { common, system as text } from '../texts.js';
import { codeEditor } from './code-editor.js';
import { examples } from './examples.js';
import { button, errorPlace } from './parts.js';

/** The name that a definition gives, or null. */
function nameIn(sql) {
  const bare = sql.replace(/--[^\n]*/g, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
  const found = /^\s*create\s+materialized\s+view\s+(?:if\s+not\s+exists\s+)?"?([a-z_][a-z0-9_]*)"?/i.exec(bare);
  return found ? found[1].toLowerCase() : null;
}

/** The refused line with a mark under the place, as a compiler shows it. */
function excerpt(sql, line, column) {
  const number = String(line);
  const shown = (sql.split('\n')[line - 1] || '').replace(/\t/g, ' ');
  return h('pre', { class: 'excerpt', tabindex: '0', role: 'region', 'aria-label': text.place }, h('code', null,
    `${number} | ${shown}\n${' '.repeat(number.length)} | ${' '.repeat(column - 1)}`, h('strong', { class: 'bad' }, '^')));
}

/** What the service says, without the place, which is shown: the reason, and what would do ('' if it knows nothing). */
function reasonOf(error) {
  const said = (error.detail || error.title).replace(/^(sql: )?line \d+, column \d+: /, '');
  const end = said.indexOf('; ');
  return end < 0 ? [said, ''] : [said.slice(0, end), said.slice(end + 2)];
}

function showRefusal(error, editor, place) {
  const { line, column } = error.body;
  const [reason, hint] = reasonOf(error);
  const shown = excerpt(editor.value(), line, column);
  replace(place, h('div', { class: 'notice bad refusal' },
    h('p', { class: 'refusal-place' }, text.refusedAt(line, column), ' ',
      button(text.goThere, () => editor.goTo(line, column), 'small')),
    shown,
    h('p', null, reason), hint ? h('p', { class: 'refusal-hint' }, hint) : null));
  editor.mark(line, column);
  editor.goTo(line, column);
  shown.scrollLeft = shown.querySelector('strong').offsetLeft - shown.clientWidth / 2;
  place.scrollIntoView({ block: 'nearest' });
}

function exampleList(editor, onChoose) {
  const choose = h('select', { 'aria-label': text.examples, on: { change: () => {
    const chosen = examples[choose.selectedIndex - 1];
    choose.selectedIndex = 0;
    if (!chosen) return;
    editor.setValue(chosen.sql);
    onChoose();
  } } }, h('option', { value: '' }, text.examples), examples.map((e) => h('option', { value: e.name }, text.exampleNames[e.name])));
  return choose;
}

/** What would happen: a new view, a change, or nothing that can be told yet. */
function consequence(sql, view, names) {
  const name = nameIn(sql);
  if (name === null) return '';
  if (view && name !== view.name) return text.willAddBeside(name, view.name);
  return names.includes(name) ? text.willChange(name) : text.willAdd(name);
}

/** `view`: the one to change, or null; `names` of those there are; `onAdded(message, job)`. */
export function openEditor({ view, names, onAdded }) {
  const editor = codeEditor(text.definition, view ? view.sql : examples[0].sql);
  const refusal = h('div', { role: 'alert' });
  const failure = errorPlace();
  const will = h('p', { class: 'soft small', role: 'status' });
  const go = button(view ? text.change : text.add, send, 'primary');

  function edited() {
    refusal.replaceChildren();
    failure.clear();
    editor.unmark();
    setText(will, consequence(editor.value(), view, names));
  }

  async function send() {
    if (go.disabled) return;
    go.disabled = true;
    edited();
    try {
      const answer = await post('/v1/admin/views', { sql: editor.value() });
      dialog.close();
      onAdded(answer.state === 'ready' ? text.alreadySo(answer.name) : text.isBuilt(answer.name, answer.job));
    } catch (e) {
      if (e.body && e.body.line) showRefusal(e, editor, refusal);
      else failure.say(e, e.status === 400 ? null : send);
    } finally {
      go.disabled = false;
    }
  }

  editor.onInput(edited);
  edited();
  const dialog = openDialog({
    title: view ? text.changeTitle(view.name) : text.addView, wide: true,
    content: h('div', { class: 'stack' },
      h('div', { class: 'editor-head' }, h('p', { class: 'soft' }, text.editorHint), exampleList(editor, edited)),
      editor.element, refusal, failure.element),
  });
  dialog.append(h('footer', { class: 'dialog-foot' }, h('div', { class: 'push' }, will), button(common.cancel, () => dialog.close()), go));
  editor.focus();
}
