// SPDX-License-Identifier: Apache-2.0
// A text that is there to be copied.

import { h } from '../lib/dom.js';
import { common } from '../texts.js';

async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand('copy'); // without TLS there is no clipboard
  }
}

/** A field with `value` that cannot be changed, and its button; several lines become a small text area. */
export function copyField(label, value) {
  const lines = value.split('\n').length;
  const field = lines > 1 || value.length > 80
    ? h('textarea', { readonly: true, rows: String(2 * lines + 1), 'aria-label': label, spellcheck: 'false' }, value)
    : h('input', { readonly: true, 'aria-label': label, class: 'mono', value, spellcheck: 'false' });
  const button = h('button', { type: 'button', class: 'button', 'aria-label': `${common.copy}: ${label}` }, common.copy);
  const said = h('span', { class: 'visually-hidden', role: 'status' });
  button.addEventListener('click', async () => {
    if (!await copy(field)) return;
    button.textContent = common.copied;
    said.textContent = common.copied;
    setTimeout(() => {
      button.textContent = common.copy;
      said.textContent = '';
    }, 2000);
  });
  field.addEventListener('focus', () => field.select());
  return h('div', { class: 'copy-field' }, field, button, said);
}
