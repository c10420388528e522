// SPDX-License-Identifier: Apache-2.0
// Signing in: a token that is typed once, or the one-time code of a link (#code=…), becomes the browser's session.

import './sign-in.css';
import { get, post, signOut as endSession } from '../lib/api.js';
import { h, $, replace } from '../lib/dom.js';
import { time } from '../lib/format.js';
import { common, signIn as texts } from '../texts.js';
import { nextPath } from './next.js';

const next = nextPath(new URLSearchParams(location.search).get('next'), location.origin);

/** The code of the link that was opened, which is then no longer in the address, nor in the history. */
function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  return code;
}

function why(error, kind) {
  if (error.status === 0) return common.unreachable;
  if (error.slug === 'csrf' || error.status === 421) return texts.wrongAddress(location.host);
  if (error.status === 401) return kind === 'code' ? texts.linkUsed : texts.tokenUnknown;
  if (error.status === 403) return texts.tokenSends;
  return error.retryAfter ? texts.later(error.message, error.retryAfter) : error.message;
}

// ---- what the card shows

function show(...content) {
  replace($('app'), content);
}

function showWorking() {
  show(h('p', { role: 'status', class: 'soft' }, texts.working));
}

function help() {
  return h('details', {},
    h('summary', {}, texts.noToken),
    h('p', {}, texts.makeToken),
    h('pre', { tabindex: '0' }, h('code', {}, texts.makeTokenCommand)),
    h('p', {}, texts.adminToken));
}

function showForm(message) {
  const error = h('p', { id: 'error', class: 'notice bad', role: 'alert', hidden: !message }, message || '');
  const token = h('input', { id: 'token', type: 'password', name: 'token', required: true, autocomplete: 'off', autocapitalize: 'none',
    spellcheck: 'false', 'aria-describedby': 'error' });
  const button = h('button', { class: 'button primary' }, common.signIn);
  const form = h('form', { on: { submit: (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    exchange({ token: token.value.trim() }, (text) => {
      button.disabled = false;
      error.hidden = false;
      error.textContent = text;
      token.setAttribute('aria-invalid', 'true');
      token.select();
    });
  } } }, h('div', { class: 'field' }, h('label', { for: 'token' }, texts.token), token), error, button);
  show(h('h1', {}, common.signIn), h('p', { class: 'soft' }, texts.about), form, help());
  token.focus();
}

function showSession(session) {
  const out = h('button', { type: 'button', class: 'button', on: { click: () => signOut(out) } }, common.signOut);
  show(h('h1', {}, texts.signedIn),
    h('p', { class: 'soft' }, texts.signedInAs(session.scope, session.site), ' ', session.expires && texts.until(time(session.expires))),
    h('div', { class: 'actions' }, h('a', { class: 'button primary', href: next }, texts.goOn), out));
}

// ---- what is done

async function exchange(secret, failed) {
  try {
    await post('/v1/session', secret);
    location.replace(next);
  } catch (error) {
    failed(why(error, secret.code === undefined ? 'token' : 'code'));
  }
}

async function signOut(button) {
  button.disabled = true;
  try {
    await endSession();
    showForm();
  } catch (error) {
    button.disabled = false;
    button.before(h('p', { class: 'notice bad', role: 'alert' }, why(error)));
  }
}

async function start() {
  const code = takeCode();
  showWorking();
  let message;
  if (code) await exchange({ code }, (text) => { message = text; });
  if (code && !message) return;
  const session = await get('/v1/session').catch(() => null);
  if (session && session.signed_in) showSession(session);
  else showForm(message);
}

// A link that is opened where this page is shown already changes the fragment alone.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#code=')) start();
});
start();
