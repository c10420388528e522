// SPDX-License-Identifier: Apache-2.0
// The system page: how the service does, and what an administrator can do with it.

import '../lib/base.css';
import './system.css';
import { get, goSignIn, signInUrl, onSignedOut, signOut as endSession } from '../lib/api.js';
import { $, h, replace, setText } from '../lib/dom.js';
import { clock } from '../lib/format.js';
import { common, system as text } from '../texts.js';
import { logSection } from './log.js';
import { messagesSection } from './messages.js';
import { button, errorPlace, messageOf } from './parts.js';
import { poll } from './poll.js';
import { replaySection } from './replay.js';
import { sitesSection } from './sites.js';
import { tokensSection } from './tokens.js';
import { verifySection } from './verify.js';
import { viewsSection } from './views.js';

const REFRESH_MS = 1000;
const SITES = 'known-sites';

async function signOut(failed) {
  try {
    await endSession();
    location.assign('/sign-in');
  } catch (e) {
    failed.say(e, () => signOut(failed));
  }
}

function head(state, failed) {
  const links = [['log', text.log], ['views', text.views], ['replays', text.replays], ['verifications', text.verifications],
    ['sites', text.sites], ['tokens', text.tokens], ['messages', text.messages]];
  return h('header', { class: 'top' },
    h('div', { class: 'wrap top-line' },
      h('h1', null, h('a', { href: '/' }, common.product), h('span', { class: 'soft' }, ' / '), common.system), state,
      h('nav', { 'aria-label': text.pagesNav, class: 'top-actions' }, h('a', { class: 'button quiet roomy', href: '/' }, common.dashboard),
        button(common.signOut, () => signOut(failed), 'quiet'))),
    h('nav', { class: 'wrap contents', 'aria-label': text.contents }, links.map(([id, label]) => h('a', { href: `#${id}` }, label))));
}

/** Whether the service is ready, in a word; why not, below. */
function readiness() {
  const state = h('p', { class: 'state small' });
  const reason = h('div', { role: 'alert' });
  let said = '';

  function say(kind, word, message) {
    state.className = `state small ${kind}`;
    setText(state, word);
    if (message === said) return;
    said = message;
    replace(reason, message ? h('p', { class: `notice ${kind}` }, message) : null);
  }

  return { state, reason, say };
}

/** Ready, or the problem that says why not. */
async function askReady() {
  try {
    await get('/readyz');
    return null;
  } catch (e) {
    return messageOf(e);
  }
}

function follow(sections, ready) {
  async function turn() {
    try {
      const [status, unready] = await Promise.all([get('/v1/admin/status'), askReady()]);
      for (const s of sections) s.show(status);
      if (unready) ready.say('warn', text.notReady, text.notReadyBecause(unready));
      else ready.say('good', text.ready, '');
    } catch (e) {
      if (e.status === 401) goSignIn();
      ready.say('bad', text.stale, text.notUpToDate(clock(Date.now()), messageOf(e)));
    }
  }
  return poll(turn, REFRESH_MS);
}

function open(app) {
  const ready = readiness();
  const failed = errorPlace();
  const look = () => following.now();
  const replay = replaySection(look);
  const verify = verifySection(SITES, look);
  const log = logSection();
  const messages = messagesSection();
  const views = viewsSection({ replay: replay.start, verify: verify.start }, () => { look(); replay.look(); });
  app.before(h('a', { class: 'skip', href: '#log' }, common.skip), head(ready.state, failed));
  app.className = 'wrap page';
  replace(app, failed.element, ready.reason, log.element, views.element,
    replay.element, verify.element,
    h('div', { class: 'pair' }, sitesSection(SITES).element, tokensSection(SITES).element), messages.element);
  const following = follow([log, views, replay, verify, messages], ready);
}

function refuse(app, who) {
  replace(app, h('div', { class: 'card padded stack' }, h('h1', null, text.adminOnly),
    h('p', null, who.site ? text.adminOfOne(who.scope, who.site) : text.signedInAs(who.scope)),
    h('p', { class: 'row' }, h('a', { class: 'button primary', href: signInUrl() }, text.signInAsAdmin),
      h('a', { class: 'button', href: '/' }, common.dashboard))));
}

async function start() {
  const app = $('app');
  const failed = errorPlace();
  app.className = 'wrap refused';
  try {
    const who = await get('/v1/session');
    if (!who.signed_in) goSignIn();
    else if (who.scope !== 'admin' || who.site) refuse(app, who);
    else open(app);
  } catch (e) {
    replace(app, failed.element);
    failed.say(e, start);
  }
}

onSignedOut(goSignIn);
start();
