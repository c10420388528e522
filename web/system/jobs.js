// SPDX-License-Identifier: Apache-2.0
// Jobs of one family, replays or verifications: those that run with their progress, those that have ended with their
// result.

import { del, get } from '../lib/api.js';
import { h, replace, setText } from '../lib/dom.js';
import { ago, count, duration, percent, time } from '../lib/format.js';
import { system as text } from '../texts.js';
import { button, donePlace, errorPlace, pill } from './parts.js';
import { poll } from './poll.js';

const RUNNING_MS = 400;
const IDLE_MS = 5000;
const SHOWN = 10; // ended ones, before "more"

const ACTIVE = ['waiting', 'running', 'cancelling'];
const PILLS = { done: 'good', failed: 'bad', cancelled: 'plain', waiting: 'plain', running: 'good', cancelling: 'warn' };

const isActive = (job) => ACTIVE.includes(job.state);

/** "all views", or their names. */
function viewsOf(job) {
  return job.views.length > 3 ? text.nViews(count(job.views.length)) : job.views.join(', ');
}

function progressWords(job) {
  if (job.state === 'waiting') return text.waiting;
  if (job.state === 'cancelling') return text.cancelling;
  if (job.events_total === 0) return text.starting;
  const share = job.events_total > 0 ? job.events_done / job.events_total : 0;
  const words = [percent(share, 0), text.eventsOf(count(job.events_done), count(job.events_total))];
  if (job.events_per_second > 0) words.push(text.eventsPerSecond(count(job.events_per_second)));
  if (job.seconds_left !== null) words.push(text.left(duration(Math.max(1, job.seconds_left))));
  return words.join(' · ');
}

/** A job that runs: a bar, words, and a button that ends it. */
function running(job, family, onCancel) {
  const bar = h('progress', { 'aria-label': text.progressOf(text.jobName(family.word, job.id)) });
  const words = h('p', { class: 'small tabular' });
  const cancel = button(text.cancelJob, () => onCancel(job), 'small');
  cancel.setAttribute('aria-label', text.cancelJobNamed(text.jobName(family.word, job.id)));
  const element = h('li', { class: 'job running' },
    h('div', { class: 'job-head' }, h('p', null, h('strong', null, text.jobName(family.word, job.id)), ' ',
      h('span', { class: 'soft' }, viewsOf(job))), cancel), bar, words);

  function update(now) {
    if (now.state === 'waiting' || now.events_total === 0) {
      bar.removeAttribute('value');
    } else {
      bar.max = now.events_total;
      bar.value = now.events_done;
    }
    setText(words, progressWords(now));
    cancel.disabled = now.state === 'cancelling';
  }

  update(job);
  return { element, update };
}

/** A job that has ended: a line, and below it what came out. */
function ended(job, family, open) {
  const took = job.started_at && job.finished_at ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000 : null;
  const verdict = family.verdict(job) || { label: text.jobStates[job.state], kind: PILLS[job.state] };
  const failure = job.result && job.result.error;
  return h('li', { class: 'job' }, h('details', { open, dataset: { id: job.id } },
    h('summary', null, pill(verdict.label, verdict.kind), ' ', h('strong', null, text.jobName(family.word, job.id)), ' ',
      h('span', { class: 'soft' }, viewsOf(job)), ' ',
      h('span', { class: 'soft small job-when', title: time(job.created_at) },
        [job.finished_at ? ago(job.finished_at) : null, took === null ? null : text.took(took)].filter(Boolean).join(' · '))),
    failure ? h('p', { class: 'notice bad' }, failure) : family.result(job)));
}

/**
 * `family`: `{path, list, word, none, verdict(job), result(job), onEnd(job)}`. Gives the element of all of them and
 * `started(job)`, to be called with a new one.
 */
export function jobsPanel(family) {
  const cards = new Map(); // of those that run, by id
  const error = errorPlace();
  const done = donePlace();
  const active = h('ul', { class: 'jobs' });
  const past = h('ul', { class: 'jobs' });
  const none = h('p', { class: 'soft' }, family.none);
  const more = button(text.more, () => { all = true; showPast(); }, 'quiet small');
  let jobs = new Map();
  let listed = 0; // when, by the page's clock
  let shown = '';
  let all = false;
  const opened = new Set();

  function showActive() {
    for (const [id, card] of cards) {
      if (jobs.has(id) && isActive(jobs.get(id))) continue;
      card.element.remove();
      cards.delete(id);
    }
    for (const job of [...jobs.values()].filter(isActive)) {
      if (!cards.has(job.id)) {
        cards.set(job.id, running(job, family, cancel));
        active.append(cards.get(job.id).element);
      }
      cards.get(job.id).update(job);
    }
  }

  function showPast() {
    const over = [...jobs.values()].filter((j) => !isActive(j)).sort((a, b) => b.id - a.id);
    const key = JSON.stringify([all, Math.floor(Date.now() / 60000), over.map((j) => [j.id, j.state])]);
    if (key === shown) return;
    shown = key;
    for (const el of past.querySelectorAll('details')) opened[el.open ? 'add' : 'delete'](Number(el.dataset.id));
    replace(past, over.slice(0, all ? over.length : SHOWN).map((j) => ended(j, family, opened.has(j.id))));
    more.hidden = all || over.length <= SHOWN;
  }

  function show() {
    showActive();
    showPast();
    none.hidden = jobs.size > 0;
  }

  function note(job) {
    const before = jobs.get(job.id);
    jobs.set(job.id, job);
    if (!before || !isActive(before) || isActive(job)) return;
    opened.add(job.id); // it ended before our eyes
    done.say(family.endWords(job));
    family.onEnd(job);
  }

  async function list() {
    const found = (await get(family.path))[family.list];
    const kept = new Set(found.map((j) => j.id));
    for (const id of jobs.keys()) if (!kept.has(id)) jobs.delete(id);
    found.forEach(note);
    listed = performance.now();
  }

  async function turn() {
    const now = [...jobs.values()].filter(isActive);
    try {
      if (listed === 0 || performance.now() - listed > IDLE_MS) await list();
      else for (const job of now) note(await get(`${family.path}/${job.id}`));
      error.clear();
      show();
    } catch (e) {
      error.say(e, () => { listed = 0; following.now(); });
    }
    return [...jobs.values()].some(isActive) ? RUNNING_MS : IDLE_MS;
  }

  async function cancel(job) {
    try {
      note(await del(`${family.path}/${job.id}`));
      show();
    } catch (e) {
      error.say(e, () => cancel(job));
    }
  }

  const following = poll(turn, IDLE_MS);
  return {
    element: h('div', { class: 'stack' }, active, done.element, error.element, none, past, more),
    started(job) {
      done.clear();
      note(job);
      show();
      following.now();
    },
    look() {
      listed = 0;
      following.now();
    },
  };
}
