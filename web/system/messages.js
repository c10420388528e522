// SPDX-License-Identifier: Apache-2.0
// What the service last complained about.

import { h, replace } from '../lib/dom.js';
import { ago, time } from '../lib/format.js';
import { system as text } from '../texts.js';
import { pill, section } from './parts.js';

function line(message) {
  return h('li', { class: 'message' },
    pill(text.levels[message.level], message.level === 'error' ? 'bad' : 'warn'),
    h('span', { class: 'message-text' }, message.text),
    h('span', { class: 'soft small' }, `${message.area} · `, h('time', { datetime: message.at, title: time(message.at) }, ago(message.at))));
}

export function messagesSection() {
  const list = h('ul', { class: 'messages' });
  const none = h('p', { class: 'soft' }, text.noMessages);
  const element = section('messages', text.messages, h('p', { class: 'soft small' }, text.messagesNote), none, list);
  let shown = '';

  function show(status) {
    const moment = Math.floor(Date.now() / 10000); // so that the ages follow
    const key = JSON.stringify([moment, status.messages]);
    if (key === shown) return;
    shown = key;
    none.hidden = status.messages.length > 0;
    replace(list, status.messages.map(line));
  }

  return { element, show };
}
