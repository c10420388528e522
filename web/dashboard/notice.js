// SPDX-License-Identifier: Apache-2.0
// What is said in place of numbers: what went wrong and a way to try again, or why there is nothing.

import { h } from '../lib/dom.js';
import { common, dashboard as texts } from '../texts.js';

export const causeOf = (e) => e.detail || e.title || e.message || String(e);

/** An error, with what caused it and a button. */
export function failure(e, onRetry) {
  return h('div', { class: 'notice bad failure', role: 'alert' },
    h('p', {}, texts.failed), h('p', { class: 'small' }, causeOf(e)),
    h('button', { type: 'button', class: 'button', on: { click: onRetry } }, common.retry));
}

export const remark = (text) => h('p', { class: 'remark soft' }, text);
