// SPDX-License-Identifier: Apache-2.0
// A modal dialog over the page: the browser's own <dialog>, which keeps the focus inside and gives it back.

import { h } from './dom.js';
import { common } from '../texts.js';

let made = 0;

function button(action, dialog) {
  const name = action.kind ? `button ${action.kind}` : 'button';
  return h('button', { type: 'button', class: name, on: { click: () => {
    if (action.onClick) action.onClick(dialog);
    if (!action.stay) dialog.close();
  } } }, action.label);
}

/**
 * Opens a dialog and gives its element; `close()` ends it. `content`: a node or a list of them. `actions`: of
 * `{label, kind: 'primary' | 'danger' | undefined, onClick(dialog), stay}`; `stay` leaves it open.
 */
export function openDialog({ title, content, actions = [], wide = false, onClose }) {
  const id = `dialog-${++made}`;
  const dialog = h('dialog', { class: wide ? 'dialog wide' : 'dialog', 'aria-labelledby': id });
  const close = h('button', { type: 'button', class: 'button quiet icon', 'aria-label': common.close,
    on: { click: () => dialog.close() } }, '✕');
  dialog.append(
    h('header', { class: 'dialog-head' }, h('h2', { id }, title), close),
    h('div', { class: 'dialog-body' }, content));
  if (actions.length > 0) {
    dialog.append(h('footer', { class: 'dialog-foot' }, actions.map((a) => button(a, dialog))));
  }
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  // A search field would take Escape to empty itself.
  dialog.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (onClose) onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
