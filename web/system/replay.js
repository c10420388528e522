// SPDX-License-Identifier: Apache-2.0
// Replays: views built again from the log, beside what is read.

import { post } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { system as text } from '../texts.js';
import { jobsPanel } from './jobs.js';
import { digest, field, form, pill, section, submitButton, table } from './parts.js';
import { viewChoice } from './view-choice.js';

const resultViews = (job) => (job.result && job.result.views) || [];

function verdict(job) {
  const views = resultViews(job);
  const compared = views.filter((v) => v.compared);
  if (job.state !== 'done' || views.length === 0) return null;
  if (compared.length === 0) return { label: text.built, kind: 'good' };
  return compared.every((v) => v.same) ? { label: text.same, kind: 'good' } : { label: text.changed, kind: 'warn' };
}

function comparison(view) {
  if (!view.compared) return pill(text.built, 'good');
  return pill(view.same ? text.same : text.changed, view.same ? 'good' : 'warn');
}

function row(view) {
  return h('tr', null, h('th', { scope: 'row' }, view.view), h('td', null, comparison(view)),
    h('td', null, view.compared ? digest(view.digest_before) : '–'), h('td', null, view.compared ? digest(view.digest_after) : '–'),
    h('td', { class: 'number' }, view.compared ? count(view.events) : '–'), h('td', { class: 'number' }, count(view.generation)),
    h('td', { class: 'number' }, text.seconds(view.seconds.toFixed(1))));
}

function result(job) {
  const views = resultViews(job);
  if (views.length === 0) return h('p', { class: 'soft' }, text.nothingBuilt);
  return table(text.resultOf(text.jobName(text.replayWord, job.id)), [text.name, text.outcome, text.digestBefore, text.digestAfter,
    { label: text.events, kind: 'number' }, { label: text.generation, kind: 'number' }, { label: text.time, kind: 'number' }],
  h('tbody', null, views.map(row)));
}

function endWords(job) {
  const v = verdict(job);
  return text.jobEnded(text.jobName(text.replayWord, job.id), v ? v.label : text.jobStates[job.state]);
}

/** `onEnd`: a replay has ended. Gives `show(status)`, `start(name)` and `look()`. */
export function replaySection(onEnd) {
  const panel = jobsPanel({ path: '/v1/admin/replays', list: 'replays', word: text.replayWord, none: text.noReplays, verdict, result, endWords, onEnd });
  const choice = viewChoice();
  const rate = h('input', { name: 'rate', type: 'number', min: '0', step: '1', inputmode: 'numeric', placeholder: text.asConfigured });
  const start = form(text.startReplay, [
    h('div', { class: 'fields' }, field(text.whatViews, choice.control), field(text.rateLimit, (id) => { rate.id = id; return rate; })),
    submitButton(text.startReplay)], send);
  start.classList.add('job-form');
  const element = section('replays', text.replays, null, h('p', { class: 'soft small' }, text.replayHint), start, panel.element);

  async function send() {
    const body = choice.body();
    if (rate.value !== '') body.rate = Number(rate.value);
    panel.started(await post('/v1/admin/replays', body));
  }

  function startFor(name) {
    choice.choose(name);
    element.scrollIntoView({ block: 'start' });
    start.requestSubmit();
  }

  return { element, show: (status) => choice.show(status.views), start: startFor, look: panel.look };
}
