// SPDX-License-Identifier: Apache-2.0
// A site without page views: how to send the first one.

import { h, setText } from '../lib/dom.js';
import { snippet } from '../lib/snippet.js';
import { common, dashboard as texts } from '../texts.js';

function block(label, text) {
  const pre = h('pre', { tabindex: '0', role: 'region', 'aria-label': label }, h('code', {}, text));
  const copy = h('button', { type: 'button', class: 'button small', 'aria-label': `${common.copy}: ${label}`, on: { click: async () => {
    getSelection().selectAllChildren(pre); // not every page may use the clipboard: one without TLS, or in a frame
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    setText(copy, common.copied);
    setTimeout(() => setText(copy, common.copy), 2000);
  } } }, common.copy);
  return h('div', { class: 'snippet' }, pre, navigator.clipboard && copy);
}

function curlOf(origin, site) {
  return `curl -X POST ${origin}/v1/events -H "Authorization: Bearer $TOKEN" \\\n  -H 'Content-Type: application/json' \\\n`
    + `  -d '{"pageUrl": "https://${site}/", "ipAddress": "203.0.113.9", "userAgent": "Mozilla/5.0 …"}'`;
}

/** The card that stands in place of the numbers; `site` may be null, `isKnown`: events of it are taken without a token. */
export function makeEmpty(site, isKnown) {
  const name = site || 'example.com';
  return h('section', { class: 'card empty', 'aria-labelledby': 'empty-title' },
    h('h2', { id: 'empty-title' }, texts.emptyTitle(name)),
    h('p', { class: 'soft' }, texts.emptyText),
    !isKnown && h('p', { class: 'notice warn small' }, texts.emptyUnknown, ' ', h('code', {}, `footfall site add ${name}`)),
    block(texts.snippet, snippet(name)),
    h('p', { class: 'soft' }, texts.emptyServer),
    block('curl', curlOf(location.origin, name)));
}
