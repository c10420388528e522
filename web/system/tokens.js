// SPDX-License-Identifier: Apache-2.0
// Tokens: made and shown once, listed without their secrets, revoked.

import { del, get, post } from '../lib/api.js';
import { h, replace } from '../lib/dom.js';
import { ago, time } from '../lib/format.js';
import { system as text } from '../texts.js';
import { confirm } from './confirm.js';
import { copyField } from './copy.js';
import { button, donePlace, errorPlace, field, form, pill, section, submitButton, table } from './parts.js';

const SCOPES = ['ingest', 'read', 'admin'];

function row(token, revoke) {
  const end = button(text.revoke, () => revoke(token), 'danger small');
  end.setAttribute('aria-label', text.revokeNamed(token.id));
  return h('tr', null, h('th', { scope: 'row', class: 'number narrow' }, String(token.id)), h('td', null, pill(token.scope, token.scope === 'admin' ? 'warn' : 'plain')),
    h('td', null, token.site || h('span', { class: 'soft nowrap' }, text.anySite)),
    h('td', { class: 'soft nowrap' }, h('time', { datetime: token.created_at, title: time(token.created_at) }, ago(token.created_at))),
    h('td', { class: 'number' }, end));
}

/** The secret, while it is to be seen. */
function shown(made, hide) {
  return h('div', { class: 'notice secret' }, h('p', null, h('strong', null, text.tokenMade(made.id, made.scope))),
    h('p', { class: 'small' }, text.shownOnce), copyField(text.newToken, made.token), button(text.tokenKept, hide, 'small'));
}

export function tokensSection(sitesList) {
  const body = h('tbody', null);
  const error = errorPlace();
  const done = donePlace();
  const secret = h('div', { role: 'status' });
  const scope = h('select', { name: 'scope' }, SCOPES.map((s) => h('option', { value: s }, text.scopes[s])));
  const site = h('input', { name: 'site', list: sitesList, placeholder: text.anySite, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none' });
  const make = form(text.createToken, [h('div', { class: 'fields' }, field(text.scope, (id) => { scope.id = id; return scope; }),
    field(text.site, (id) => { site.id = id; return site; })), submitButton(text.createToken)], send);
  make.classList.add('job-form');
  const element = section('tokens', text.tokens, null, h('p', { class: 'soft small' }, text.tokensHint), make, secret, done.element, error.element,
    table(text.tokens, [{ label: text.id, kind: 'number narrow' }, text.scope, text.site, text.created, { label: h('span', { class: 'visually-hidden' }, text.revoke) }], body));

  async function load() {
    try {
      const { tokens } = await get('/v1/admin/tokens');
      replace(body, tokens.sort((a, b) => b.id - a.id).map((t) => row(t, revoke)));
    } catch (e) {
      error.say(e, load);
    }
  }

  async function send() {
    const wanted = { scope: scope.value };
    if (site.value.trim() !== '') wanted.site = site.value.trim().toLowerCase();
    const made = await post('/v1/admin/tokens', wanted);
    done.clear();
    replace(secret, shown(made, () => secret.replaceChildren()));
    make.reset();
    load();
  }

  function revoke(token) {
    confirm({ title: text.revokeTitle(token.id), explanation: text.revokeExplanation(token.scope, token.site || text.anySite), label: text.revoke,
      act: async () => {
        await del(`/v1/admin/tokens/${token.id}`);
        secret.replaceChildren();
        done.say(text.revoked(token.id));
        load();
      } });
  }

  load();
  return { element };
}
