// SPDX-License-Identifier: Apache-2.0
// Sites: known ones, who may read them, other names for them, and what their pages carry to be counted.

import { get, post } from '../lib/api.js';
import { h, replace } from '../lib/dom.js';
import { openDialog } from '../lib/dialog.js';
import { count } from '../lib/format.js';
import { snippet } from '../lib/snippet.js';
import { system as text } from '../texts.js';
import { copyField } from './copy.js';
import { button, donePlace, errorPlace, field, form, pill, section, submitButton, suggestions, table } from './parts.js';

const SHOWN = 50;

function showSnippet(site) {
  openDialog({ title: text.snippetTitle(site), wide: true, content: h('div', { class: 'stack' },
    h('p', null, text.snippetHint), copyField(text.snippet, snippet(site)),
    h('p', { class: 'soft small' }, text.snippetAfter, ' ', h('a', { href: `/?site=${encodeURIComponent(site)}` }, text.openDashboard))) });
}

/** Foreign ids that stand for the site, and a form for one more. */
function showAliases(site, save) {
  const list = h('ul', { class: 'plain' }, site.aliases.map((a) => h('li', null, h('code', null, a))));
  const alias = h('input', { name: 'alias', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', required: true });
  const add = form(text.addAlias, [field(text.alias, (id) => { alias.id = id; return alias; }, text.aliasHint), submitButton(text.addAlias)], async () => {
    await save({ name: site.name, alias: alias.value.trim() });
    list.append(h('li', null, h('code', null, alias.value.trim())));
    add.reset();
  });
  add.classList.add('stack');
  openDialog({ title: text.aliasesOf(site.name), content: h('div', { class: 'stack' }, list, add) });
}

/** Who may read it: a switch. */
function publicSwitch(site, change) {
  const input = h('input', { type: 'checkbox', role: 'switch', class: 'switch', checked: site.public, 'aria-label': text.publicNamed(site.name) });
  input.addEventListener('change', async () => {
    input.disabled = true;
    if (!await change(site, input.checked)) input.checked = site.public;
    input.disabled = false;
  });
  return h('label', { class: 'switched' }, input, h('span', { 'aria-hidden': 'true' }, site.public ? text.public : text.private));
}

function row(site, acts) {
  const label = site.aliases.length > 0 ? text.nAliases(count(site.aliases.length)) : text.addAlias;
  const aliases = button(label, () => showAliases(site, acts.save), 'quiet small');
  aliases.setAttribute('aria-label', text.forSite(label, site.name));
  const lines = button(text.snippet, () => showSnippet(site.name), 'small');
  lines.setAttribute('aria-label', text.snippetTitle(site.name));
  return h('tr', null, h('th', { scope: 'row' }, h('a', { href: `/?site=${encodeURIComponent(site.name)}` }, site.name),
    site.learned ? [' ', pill(text.learned)] : null), h('td', null, publicSwitch(site, acts.setPublic)),
  h('td', { class: 'roomy' }, aliases), h('td', { class: 'number' }, lines));
}

export function sitesSection(sitesList) {
  const body = h('tbody', null);
  const error = errorPlace();
  const done = donePlace();
  const none = h('p', { class: 'soft', hidden: true }, text.noSites);
  const names = suggestions(sitesList, []);
  const search = h('input', { type: 'search', 'aria-label': text.searchSites, placeholder: text.searchSites, on: { input: () => show() } });
  const name = h('input', { name: 'name', placeholder: 'example.com', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', required: true });
  const add = form(text.addSite, [h('div', { class: 'fields' }, field(text.siteName, (id) => { name.id = id; return name; })), submitButton(text.addSite)], send);
  const rest = h('p', { class: 'soft small' });
  let sites = [];
  add.classList.add('job-form');
  const element = section('sites', text.sites, null, h('p', { class: 'soft small' }, text.sitesHint), add, done.element, error.element, none, search,
    table(text.sites, [text.site, text.readers, { label: text.aliases, kind: 'roomy' }, { label: h('span', { class: 'visually-hidden' }, text.snippet) }], body), rest, names);

  const acts = { save, setPublic };

  function show() {
    const found = sites.filter((s) => s.name.includes(search.value.trim().toLowerCase()));
    search.hidden = sites.length <= 10;
    none.hidden = sites.length > 0;
    replace(body, found.slice(0, SHOWN).map((s) => row(s, acts)));
    rest.textContent = found.length > SHOWN ? text.moreSites(count(found.length - SHOWN)) : '';
    names.replaceChildren(...suggestions('', sites.map((s) => s.name)).childNodes);
  }

  async function load() {
    try {
      sites = (await get('/v1/admin/sites')).sites;
      show();
    } catch (e) {
      error.say(e, load);
    }
  }

  async function save(change) {
    await post('/v1/admin/sites', change);
    await load();
  }

  async function send() {
    const added = name.value.trim().toLowerCase();
    await save({ name: added });
    add.reset();
    done.say(text.siteAdded(added));
    showSnippet(added);
  }

  async function setPublic(site, is) {
    error.clear();
    try {
      await save({ name: site.name, public: is });
      done.say(is ? text.madePublic(site.name) : text.madePrivate(site.name));
      return true;
    } catch (e) {
      error.say(e);
      return false;
    }
  }

  load();
  return { element };
}
