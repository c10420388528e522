// SPDX-License-Identifier: Apache-2.0
// Verifications: views compared with the same SQL run by PostgreSQL over the log.

import { post } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { count, time } from '../lib/format.js';
import { system as text } from '../texts.js';
import { jobsPanel } from './jobs.js';
import { digest, field, form, pill, section, submitButton, table } from './parts.js';
import { viewChoice } from './view-choice.js';

const DAY_MS = 86400000;
const resultViews = (job) => (job.result && job.result.views) || [];

function verdict(job) {
  if (job.state !== 'done' || !job.result || job.result.agrees === undefined) return null;
  return job.result.agrees ? { label: text.agrees, kind: 'good' } : { label: text.differs, kind: 'bad' };
}

function scope(result) {
  const parts = [result.site || text.allSites];
  if (result.from || result.to) parts.push(`${result.from ? time(result.from, 'UTC') : '…'} – ${result.to ? time(result.to, 'UTC') : '…'} UTC`);
  return h('p', { class: 'soft small' }, text.compared(parts.join(' · ')));
}

function row(view) {
  return h('tr', null, h('th', { scope: 'row' }, view.view),
    h('td', null, pill(view.agrees ? text.agrees : text.nDiffer(count(view.n_differences)), view.agrees ? 'good' : 'bad')),
    h('td', { class: 'number' }, count(view.groups)), h('td', { class: 'number' }, count(view.pages)),
    h('td', { class: 'number' }, count(view.offset)), h('td', { class: 'after-number' }, digest(view.digest)),
    h('td', { class: 'number' }, text.seconds(view.seconds.toFixed(1))));
}

function difference(d) {
  return h('tr', null, h('td', null, d.site || '–'), h('td', { class: 'nowrap' }, time(d.time, 'UTC')), h('td', null, d.tier),
    h('td', null, d.group || '–'), h('td', null, d.measure), h('td', { class: 'number good' }, d.expected), h('td', { class: 'number bad' }, d.stored));
}

function differences(view) {
  if (view.differences.length === 0) return null;
  return [h('h3', null, text.differencesOf(view.view)),
    view.n_differences > view.differences.length ? h('p', { class: 'soft small' }, text.firstOf(count(view.differences.length), count(view.n_differences))) : null,
    table(text.differencesOf(view.view), [text.site, text.timeUtc, text.tier, text.group, text.measure,
      { label: text.expected, kind: 'number' }, { label: text.stored, kind: 'number' }], h('tbody', null, view.differences.map(difference)))];
}

function result(job) {
  const views = resultViews(job);
  if (views.length === 0) return h('p', { class: 'soft' }, text.nothingCompared);
  return [scope(job.result), table(text.resultOf(text.jobName(text.verifyWord, job.id)), [text.name, text.outcome,
    { label: text.groups, kind: 'number' }, { label: text.pages, kind: 'number' }, { label: text.offset, kind: 'number' }, { label: text.digest, kind: 'after-number' },
    { label: text.time, kind: 'number' }], h('tbody', null, views.map(row))), views.map(differences),
  job.result.agrees ? null : h('p', { class: 'soft small' }, text.mendByReplay)];
}

function endWords(job) {
  const v = verdict(job);
  return text.jobEnded(text.jobName(text.verifyWord, job.id), v ? v.label : text.jobStates[job.state]);
}

/** A day of a date field, in UTC; `days` later. */
function dayOf(input, days) {
  return new Date(Date.parse(`${input.value}T00:00:00Z`) + days * DAY_MS).toISOString();
}

function control(input) {
  return (id) => {
    input.id = id;
    return input;
  };
}

/** Gives `show(status)` and `start(name)`. `sitesList`: the id of a list of sites' names. */
export function verifySection(sitesList, onEnd) {
  const panel = jobsPanel({ path: '/v1/admin/verifications', list: 'verifications', word: text.verifyWord, none: text.noVerifications, verdict, result, endWords, onEnd });
  const choice = viewChoice();
  const site = h('input', { name: 'site', list: sitesList, placeholder: text.allSites, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none' });
  const from = h('input', { name: 'from', type: 'date' });
  const to = h('input', { name: 'to', type: 'date' });
  const start = form(text.startVerify, [
    h('div', { class: 'fields' }, field(text.whatViews, choice.control), field(text.site, control(site)),
      field(text.firstDay, control(from)), field(text.lastDay, control(to))),
    submitButton(text.startVerify)], send);
  start.classList.add('job-form');
  const element = section('verifications', text.verifications, null, h('p', { class: 'soft small' }, text.verifyHint), start, panel.element);

  async function send() {
    const body = choice.body();
    if (site.value.trim() !== '') body.site = site.value.trim().toLowerCase();
    if (from.value !== '') body.from = dayOf(from, 0);
    if (to.value !== '') body.to = dayOf(to, 1);
    panel.started(await post('/v1/admin/verifications', body));
  }

  function startFor(name) {
    start.reset();
    choice.choose(name);
    element.scrollIntoView({ block: 'start' });
    start.requestSubmit();
  }

  return { element, show: (status) => choice.show(status.views), start: startFor };
}
