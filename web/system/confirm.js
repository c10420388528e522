// SPDX-License-Identifier: Apache-2.0
// Asking before something is destroyed.

import { h } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { common, system as text } from '../texts.js';
import { button, errorPlace, field } from './parts.js';

/**
 * Says what will happen; `act` does it, and the dialog stays with the error when it fails. With `name` that has to be
 * typed first.
 */
export function confirm({ title, explanation, label, name, act }) {
  const error = errorPlace();
  const go = button(label, run, 'danger');
  const typed = name && h('input', { autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none' });
  const ask = h('form', { class: 'stack' }, h('p', null, explanation),
    typed && field(text.typeName(name), (id) => { typed.id = id; return typed; }), error.element);
  const dialog = openDialog({ title, content: ask });
  dialog.append(h('footer', { class: 'dialog-foot' }, button(common.cancel, () => dialog.close()), go));

  async function run() {
    if (go.disabled) return;
    go.disabled = true;
    error.clear();
    try {
      await act();
      dialog.close();
    } catch (e) {
      error.say(e);
      go.disabled = false;
    }
  }

  if (typed) {
    go.disabled = true;
    typed.addEventListener('input', () => { go.disabled = typed.value !== name; });
    typed.focus();
  }
  ask.addEventListener('submit', (event) => {
    event.preventDefault();
    run();
  });
}
