// SPDX-License-Identifier: Apache-2.0
// A site without page views: how to send the first one.

import { h, setText } from '../lib/dom.js';
import { common, dashboard as texts } from '../texts.js';

function block(label, text) {
  const copy = h('button', { type: 'button', class: 'button small', on: { click: async () => {
    await navigator.clipboard.writeText(text);
    setText(copy, common.copied);
    setTimeout(() => setText(copy, common.copy), 2000);
  } } }, common.copy);
  // A service without TLS gives no clipboard: the text can still be selected.
  return h('div', { class: 'snippet' }, h('pre', { tabindex: '0', 'aria-label': label }, h('code', {}, text)), navigator.clipboard && copy);
}

export function snippetOf(origin, site) {
  const page = encodeURIComponent(`https://${site}/`);
  return `<script defer src="${origin}/track.js" data-site="${site}"></script>\n`
    + `<noscript><img src="${origin}/v1/pixel.gif?u=${page}" alt=""></noscript>`;
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
    block(texts.snippet, snippetOf(location.origin, name)),
    h('p', { class: 'soft' }, texts.emptyServer),
    block('curl', curlOf(location.origin, name)));
}
