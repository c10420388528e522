// SPDX-License-Identifier: Apache-2.0
// The log: its head and growth, how long appends take, what it weighs, and whether the sums add up.

import { h, setText } from '../lib/dom.js';
import { ago, bytes, compact, count, decimal, duration, time } from '../lib/format.js';
import { system as text } from '../texts.js';
import { section } from './parts.js';
import { sparkline } from './sparkline.js';

const KEPT = 90; // values of the rate
const LATELY = 10; // polls that the mean of appends is taken over

/** 0.4 ms, 12 ms, 1.3 s */
function short(seconds) {
  if (seconds >= 1) return text.seconds(decimal(seconds, 1));
  const ms = seconds * 1000;
  return text.milliseconds(decimal(ms, ms < 10 ? 1 : 0));
}

function tile(label, extra) {
  const value = h('dd', { class: 'tile-value' });
  const note = h('dd', { class: 'tile-note soft small' });
  return { element: h('div', { class: 'tile' }, h('dt', { class: 'label' }, label), value, note, extra), value, note };
}

/** Whether something that must hold does: a mark, a word and the numbers. */
function proof() {
  const mark = h('span', { class: 'proof-mark', 'aria-hidden': 'true' });
  const words = h('span', null);
  const numbers = h('span', { class: 'soft' });
  const element = h('li', { class: 'proof' }, mark, h('span', null, words, ' ', numbers));
  const show = (holds, said, sums) => {
    element.className = `proof ${holds === null ? '' : holds ? 'good' : 'bad'}`.trim();
    setText(mark, holds === null ? '·' : holds ? '✓' : '✕');
    setText(words, said);
    setText(numbers, sums);
  };
  return { element, show };
}

/** What changed between polls: events a second, and the mean time of an append lately. */
function growth() {
  const seen = [];
  const rates = [];
  return (status) => {
    const append = status.append || { commits: 0, seconds: 0 };
    const now = { at: performance.now() / 1000, head: status.log.head, commits: append.commits, seconds: append.seconds };
    const last = seen[seen.length - 1];
    if (last && (now.head < last.head || now.commits < last.commits)) seen.length = rates.length = 0; // another process answers
    else if (last) rates.push((now.head - last.head) / Math.max(0.001, now.at - last.at));
    seen.push(now);
    if (seen.length > LATELY) seen.shift();
    if (rates.length > KEPT) rates.shift();
    const commits = now.commits - seen[0].commits;
    const rate = rates.length === 0 ? null : (now.head - seen[Math.max(0, seen.length - 4)].head) / (now.at - seen[Math.max(0, seen.length - 4)].at);
    return { rates, rate, mean: commits > 0 ? (now.seconds - seen[0].seconds) / commits : null };
  };
}

function showAppends(append, mean, place) {
  if (!append) {
    setText(place.value, '–');
    setText(place.note, text.noAppends);
    return;
  }
  setText(place.value, short(mean === null ? append.p50_seconds : mean));
  setText(place.note, text.appendNote(mean === null, short(append.p99_seconds), compact(append.commits)));
}

function showSelfCheck(check, place) {
  if (!check) {
    place.show(null, text.noSelfCheck, '');
    return;
  }
  place.show(check.agrees, check.agrees ? text.selfCheckAgrees : text.selfCheckDiffers(count(check.n_differences)),
    text.selfCheckOf(check.view, check.site, time(check.from, 'UTC'), ago(check.at)));
}

function showProofs(status, proofs) {
  const { log, conservation: sums } = status;
  proofs.dense.show(log.dense, log.dense ? text.dense : text.notDense, text.denseSums(count(log.events_in_batches), count(log.head)));
  proofs.balanced.show(sums.balanced, sums.balanced ? text.balanced : text.notBalanced,
    text.balancedSums(count(sums.received), count(sums.accepted), count(sums.duplicate), count(sums.rejected)));
  showSelfCheck(status.self_check, proofs.self);
}

export function logSection() {
  const spark = sparkline(KEPT);
  const tiles = { head: tile(text.head), rate: tile(text.rate, h('dd', null, spark.element)), append: tile(text.append), size: tile(text.size) };
  const proofs = { dense: proof(), balanced: proof(), self: proof() };
  const grow = growth();
  const since = h('p', { class: 'soft small' });
  const element = section('log', text.log, since,
    h('dl', { class: 'tiles' }, tiles.head.element, tiles.rate.element, tiles.append.element, tiles.size.element),
    h('ul', { class: 'proofs', 'aria-label': text.proofs }, proofs.dense.element, proofs.balanced.element, proofs.self.element));

  function show(status) {
    const { rates, rate, mean } = grow(status);
    setText(since, text.since(status.version, duration((Date.now() - Date.parse(status.started_at)) / 1000)));
    setText(tiles.head.value, count(status.log.head));
    setText(tiles.head.note, text.headNote);
    setText(tiles.rate.value, rate === null ? '–' : text.perSecond(rate < 10 && rate > 0 ? decimal(rate, 1) : count(rate)));
    setText(tiles.rate.note, rate === null ? text.measuring : text.rateNote(count(Math.max(...rates))));
    spark.draw(rates, text.sparkLabel(rate === null ? '–' : decimal(rate, 1)));
    showAppends(status.append, mean, tiles.append);
    setText(tiles.size.value, bytes(status.log.bytes));
    setText(tiles.size.note, text.sizeNote(bytes(status.log.database_bytes), status.log.head > 0 ? bytes(status.log.bytes / status.log.head) : null));
    showProofs(status, proofs);
  }

  return { element, show };
}
